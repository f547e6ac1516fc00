import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Container, Pod } from 'kubernetes-types/core/v1';
import { resources } from '../../syncer/kube-client';
import type { KubeObject, ResourceType } from '../../syncer/kube-client';
import { hostName } from '../../syncer/translation';
import { resolveBinaries } from '../host-cluster';
import { eventually, exec } from '../virtual-cluster';
import type { RunningVirtualCluster } from '../virtual-cluster';

/** An image with a shell. */
export const BUSYBOX = 'docker.io/library/busybox:1.35';

/** A container that does nothing for an hour. */
export const idle = (name = 'main', more: Partial<Container> = {}): Container => ({
  name,
  image: BUSYBOX,
  command: ['sleep', '3600'],
  ...more,
});

/** A namespace of a virtual cluster, as one who tests it uses it: objects in it, their twins, and what runs. */
export class Tenant {
  readonly #cluster: { readonly current: RunningVirtualCluster };

  constructor(
    cluster: { readonly current: RunningVirtualCluster },
    readonly namespace: string,
  ) {
    this.#cluster = cluster;
  }

  get cluster(): RunningVirtualCluster {
    return this.#cluster.current;
  }

  /** Makes the namespace and waits until pods can be made in it. */
  async prepare(labels: Record<string, string> = {}): Promise<void> {
    const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: this.namespace, labels } };
    await this.cluster.virtual.create(resources.namespaces, namespace);
    await eventually('the default service account', () => this.get(resources.serviceAccounts, 'default'));
  }

  /** Creates an object of a kind in the namespace, or without one where the kind has none. */
  create<T extends object>(type: ResourceType, name: string, content: object = {}): Promise<T> {
    const { metadata, ...rest } = content as { metadata?: object };
    const apiVersion = type.group === '' ? type.version : `${type.group}/${type.version}`;
    const scope = type.namespaced ? { namespace: this.namespace } : {};
    const object = { apiVersion, kind: type.kind, metadata: { name, ...scope, ...metadata }, ...rest };
    return this.cluster.virtual.create(type, object as KubeObject) as Promise<T>;
  }

  /** Creates a pod of one idle container, or of those that `spec` has. */
  createPod(name: string, spec: object = {}, metadata: object = {}): Promise<Pod> {
    return this.create<Pod>(resources.pods, name, {
      metadata,
      spec: { terminationGracePeriodSeconds: 1, containers: [idle()], ...spec },
    });
  }

  get<T extends object>(type: ResourceType, name: string): Promise<T> {
    const scope = type.namespaced ? { namespace: this.namespace } : {};
    return this.cluster.virtual.get(type, { name, ...scope }) as Promise<T>;
  }

  pod(name: string): Promise<Pod> {
    return this.get<Pod>(resources.pods, name);
  }

  /** The twin of an object of the namespace. */
  onHost<T extends object>(type: ResourceType, name: string): Promise<T> {
    const { host, namespace, name: cluster } = this.cluster;
    const id = { name: cluster, hostNamespace: namespace };
    return host.get(type, { namespace, name: hostName(id, this.namespace, name) }) as Promise<T>;
  }

  /** Waits for a phase of a pod. */
  phase(name: string, wanted: string, seconds?: number): Promise<Pod> {
    return this.until(name, `is ${wanted}`, ({ status }) => status?.phase === wanted, seconds);
  }

  /** Waits until a pod is ready. */
  ready(name: string, seconds?: number): Promise<Pod> {
    const isReady = ({ status }: Pod): boolean =>
      status?.conditions?.some(({ type, status: value }) => type === 'Ready' && value === 'True') ?? false;
    return this.until(name, 'is ready', isReady, seconds);
  }

  /** Waits until something is so of a pod; what it looks like instead is in the error. */
  until(name: string, what: string, holds: (pod: Pod) => boolean, seconds?: number): Promise<Pod> {
    return eventually(
      `pod ${name} ${what}`,
      async () => {
        const found = await this.pod(name);
        if (holds(found)) return found;
        throw new Error(`its status is ${JSON.stringify(found.status)}`);
      },
      seconds,
    );
  }

  /** What a command in a pod's container writes, without the line's end. @throws when it fails */
  async run(pod: string | { pod: string; container: string }, ...command: string[]): Promise<string> {
    const target = typeof pod === 'string' ? { pod } : pod;
    const result = await exec(this.cluster.kubeconfigPath, { namespace: this.namespace, ...target }, command);
    if (result.exitCode !== 0) {
      throw new Error(`${command.join(' ')} in ${target.pod} ended with ${result.exitCode}: ${result.stderr}`);
    }
    return result.stdout.trim();
  }

  /** What a command in a pod's shell writes. */
  shell(pod: string | { pod: string; container: string }, script: string): Promise<string> {
    return this.run(pod, 'sh', '-c', script);
  }

  /** The environment of a command in a pod. */
  async environment(pod: string | { pod: string; container: string }): Promise<Map<string, string>> {
    const lines = (await this.run(pod, 'env')).split('\n');
    return new Map(lines.map((line): [string, string] => [line.replace(/=.*/s, ''), line.replace(/^[^=]*=/, '')]));
  }

  /** Runs kubectl of the server's version in the namespace. */
  async kubectl(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
    const { kubectl } = await resolveBinaries(['kubectl'], () => undefined);
    try {
      const common = ['--kubeconfig', this.cluster.kubeconfigPath, '-n', this.namespace];
      return { code: 0, ...(await promisify(execFile)(kubectl, [...common, ...args])) };
    } catch (error) {
      const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
      return { code, stdout, stderr };
    }
  }

  /** Deletes a pod and waits until it is gone. */
  async deletePod(name: string): Promise<void> {
    const uid = (await this.pod(name)).metadata?.uid;
    await this.cluster.virtual.delete(resources.pods, { namespace: this.namespace, name });
    await eventually(`pod ${name} is gone`, async () => {
      const { items } = await this.cluster.virtual.list<Pod>(resources.pods, { namespace: this.namespace });
      return items.every(({ metadata }) => metadata?.uid !== uid);
    });
  }
}
