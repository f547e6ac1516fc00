import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { App, Chart } from 'cdk8s';
import type { Pod, Secret } from 'kubernetes-types/core/v1';
import { VirtualCluster } from '../../constructs';
import type { VirtualClusterProps } from '../../constructs';
import { applyManifests } from '../../syncer/bootstrap';
import { controlPlaneNames } from '../../syncer/configuration';
import { ApiError, KubeClient, resources } from '../../syncer/kube-client';
import type { AnyObject } from '../../syncer/kube-client';
import { InterruptedError } from '../host-cluster';
import type { Host } from '../host-cluster';
import { reach } from './reach';
import type { Reach } from './reach';

/** How long a control plane may take to answer before it counts as failed, in ms. */
const START_TIMEOUT_MS = 180_000;

/** What to start, and where. */
export interface LaunchOptions {
  readonly host: Host;
  readonly name: string;
  /** Host namespace; made when it is not there. */
  readonly namespace: string;
  readonly props?: VirtualClusterProps;
  /** Objects to apply instead of synthesizing a `VirtualCluster` with `props`. */
  readonly objects?: readonly AnyObject[];
  /** Told what is being waited for. */
  readonly log?: (text: string) => void;
  /** Gives up and removes what was made when aborted. */
  readonly signal?: AbortSignal;
}

/** A virtual cluster that answers, as a test or the demo uses it. */
export interface RunningVirtualCluster {
  readonly name: string;
  readonly namespace: string;
  /** Administrator of the host. */
  readonly host: KubeClient;
  /** Administrator of the virtual cluster, through the kubeconfig of Secret vc-NAME. */
  readonly virtual: KubeClient;
  /** File with a kubeconfig that reaches the virtual cluster from here. */
  readonly kubeconfigPath: string;
  /** What a person runs to have that kubeconfig work after `disconnect`; undefined where it works anyway. */
  readonly reachCommand?: string;
  /** Milliseconds from the first object applied to the first answer of the virtual API server. */
  readonly answeredAfterMs: number;
  /** What was applied. */
  readonly objects: readonly AnyObject[];
  /** Closes the connections and leaves the cluster and its kubeconfig file where they are. */
  disconnect(): Promise<void>;
  /** Deletes what was applied and waits until the host namespace holds nothing of it; then closes the connections. */
  destroy(): Promise<void>;
}

/**
 * Synthesizes a virtual cluster, applies it to a host and waits until its API server answers. A failure leaves nothing.
 *
 * @throws InterruptedError when the signal aborted it
 */
export async function launch(options: LaunchOptions): Promise<RunningVirtualCluster> {
  const { name, namespace, log = () => undefined, signal } = options;
  const objects = options.objects ?? synthesize(name, namespace, options.props ?? {});
  const names = controlPlaneNames(name);
  const host = new KubeClient(options.host.connection, { userAgent: 'nestling-test' });
  const directory = mkdtempSync(join(tmpdir(), 'nestling-vc-'));
  const following = new AbortController();
  let progress: Promise<void> | undefined;
  let path: Reach | undefined;
  let virtual: KubeClient | undefined;
  let madeNamespace = false;
  const disconnect = async (): Promise<void> => {
    following.abort();
    await progress;
    await virtual?.close();
    await path?.close();
    await host.close();
  };
  const forget = async (): Promise<void> => {
    await disconnect();
    rmSync(directory, { recursive: true, force: true });
  };
  const destroy = async (): Promise<void> => {
    try {
      await remove(host, namespace, name, objects);
      if (madeNamespace) await host.delete(resources.namespaces, { name: namespace });
    } finally {
      await forget();
    }
  };
  const giveUp = async (): Promise<void> => {
    try {
      // A namespace of ours goes whole: what was still being applied cannot come after it.
      if (madeNamespace) {
        await removeNamespace(host, namespace);
        await removeObjects(host, namespace, objects);
      } else await remove(host, namespace, name, objects);
    } catch {
      // What failed is told; that it cannot be removed either, such as where the host went away, is no news.
    }
    await forget();
  };
  try {
    madeNamespace = await ensureNamespace(host, namespace, signal);
    const started = Date.now();
    await applyManifests(host, objects, { signal });
    progress = followPod(host, namespace, names.pod, log, following.signal);
    const secret = await within(
      START_TIMEOUT_MS,
      `Secret ${namespace}/${names.kubeconfig}`,
      () => host.get<Secret>(resources.secrets, { namespace, name: names.kubeconfig }),
      signal,
    );
    path = await reach(options.host, host, namespace, names);
    const text = (key: string): string => Buffer.from(secret.data?.[key] ?? '', 'base64').toString();
    const kubeconfigPath = join(directory, 'kubeconfig');
    writeFileSync(kubeconfigPath, text('config').replace(/server: .*/, `server: ${path.server}`), { mode: 0o600 });
    const client = new KubeClient(
      {
        server: path.server,
        certificateAuthority: text('certificate-authority'),
        clientCertificate: text('client-certificate'),
        clientKey: text('client-key'),
      },
      { userAgent: 'nestling-test' },
    );
    virtual = client;
    await within(30_000, `the API server of ${name}`, () => client.getText('/readyz'), signal);
    const answeredAfterMs = Date.now() - started;
    following.abort();
    return {
      name,
      namespace,
      host,
      virtual,
      kubeconfigPath,
      ...(path.command !== undefined && { reachCommand: path.command }),
      answeredAfterMs,
      objects,
      disconnect,
      destroy,
    };
  } catch (error) {
    const description = signal?.aborted ? undefined : await describePod(host, namespace, names.pod);
    if (description !== undefined) log(description);
    await giveUp();
    throw signal?.aborted ? new InterruptedError() : error;
  }
}

/** The host objects of a virtual cluster, as cdk8s writes them. */
export function synthesize(name: string, namespace: string, props: VirtualClusterProps): AnyObject[] {
  const chart = new Chart(new App(), 'test', { namespace });
  new VirtualCluster(chart, name, props);
  return chart.toJson() as AnyObject[];
}

/**
 * Makes a namespace, once an earlier one of that name is gone.
 *
 * @returns whether it was made here: one that was there is left there
 */
async function ensureNamespace(host: KubeClient, name: string, signal?: AbortSignal): Promise<boolean> {
  for (;;) {
    signal?.throwIfAborted();
    try {
      await host.create(resources.namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
      return true;
    } catch (error) {
      if (!ApiError.is(error, 'AlreadyExists')) throw error;
    }
    try {
      const found = await host.get(resources.namespaces, { name });
      if (found.metadata?.deletionTimestamp === undefined) return false;
    } catch (error) {
      if (!ApiError.is(error, 'NotFound')) throw error;
    }
    await sleep(250);
  }
}

/** Repeats a request until it succeeds. */
async function within<T>(
  milliseconds: number,
  what: string,
  request: () => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  const deadline = Date.now() + milliseconds;
  for (;;) {
    signal?.throwIfAborted();
    try {
      return await request();
    } catch (error) {
      if (Date.now() > deadline)
        throw new Error(`${what} was not there within ${milliseconds / 1000} s`, { cause: error });
    }
    await sleep(50);
  }
}

/** Says each change of the control plane's pod, until told to stop. */
async function followPod(
  host: KubeClient,
  namespace: string,
  name: string,
  log: (text: string) => void,
  signal: AbortSignal,
): Promise<void> {
  let last = '';
  while (!signal.aborted) {
    try {
      const text = summary(await host.get<Pod>(resources.pods, { namespace, name }));
      if (text !== last) log(`pod ${name}: ${text}`);
      last = text;
    } catch {
      // Not made yet.
    }
    await sleep(250, undefined, { signal }).catch(() => undefined);
  }
}

function summary(pod: Pod): string {
  const containers = [...(pod.status?.initContainerStatuses ?? []), ...(pod.status?.containerStatuses ?? [])];
  return (
    containers
      .map(({ name, ready, state }) => {
        const waiting = state?.waiting?.reason;
        if (state?.terminated) return `${name} ${state.terminated.exitCode === 0 ? 'done' : 'failed'}`;
        return `${name} ${ready ? 'ready' : state?.running ? 'running' : (waiting ?? 'waiting')}`;
      })
      .join(', ') ||
    (pod.status?.phase ?? 'unknown')
  );
}

/**
 * What a person would look at when a control plane does not start: states and the last lines of each container.
 *
 * @returns undefined when there is no such pod
 */
async function describePod(host: KubeClient, namespace: string, name: string): Promise<string | undefined> {
  try {
    const pod = await host.get<Pod>(resources.pods, { namespace, name });
    const parts = [`pod ${namespace}/${name}: ${summary(pod)}`];
    for (const { name: container } of [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])]) {
      const lines = await host
        .getText(`/api/v1/namespaces/${namespace}/pods/${name}/log`, { query: { container, tailLines: 15 } })
        .catch((error: unknown) => String(error));
      parts.push(`--- ${container}\n${lines}`);
    }
    return parts.join('\n');
  } catch (error) {
    return ApiError.is(error, 'NotFound') ? undefined : `pod ${namespace}/${name}: ${String(error)}`;
  }
}

/** Kinds that may be left in a host namespace by a virtual cluster. */
const LEFTOVER_KINDS = [
  resources.pods,
  resources.services,
  resources.configMaps,
  resources.secrets,
  resources.serviceAccounts,
  resources.statefulSets,
  resources.roles,
  resources.roleBindings,
  resources.persistentVolumeClaims,
  resources.networkPolicies,
  resources.jobs,
  resources.cronJobs,
];

/** What a namespace has that it would not have if it were empty: `Kind/name`. */
export async function contentsOf(host: KubeClient, namespace: string): Promise<string[]> {
  const found = await Promise.all(
    LEFTOVER_KINDS.map(async (type) => {
      const list = await host.list(type, { namespace, metadataOnly: true });
      return list.items.map((item) => `${type.kind}/${item.metadata?.name}`);
    }),
  );
  const always = new Set(['ConfigMap/kube-root-ca.crt', 'ServiceAccount/default']);
  return found.flat().filter((name) => !always.has(name));
}

/** How long a virtual cluster may take to be gone, in ms. */
const REMOVAL_TIMEOUT_MS = 90_000;

async function removeNamespace(host: KubeClient, name: string): Promise<void> {
  await host.delete(resources.namespaces, { name });
  const deadline = Date.now() + REMOVAL_TIMEOUT_MS;
  try {
    while (Date.now() < deadline) {
      await host.get(resources.namespaces, { name });
      await sleep(250);
    }
  } catch (error) {
    if (!ApiError.is(error, 'NotFound')) throw error;
  }
}

/** Asks for the deletion of what was applied, also of what is in other namespaces or in none. */
async function removeObjects(host: KubeClient, namespace: string, objects: readonly AnyObject[]): Promise<void> {
  const types = new Map(Object.values(resources).map((type) => [`${type.group}/${type.kind}`, type]));
  for (const object of objects) {
    const group = object.apiVersion?.includes('/') ? object.apiVersion.split('/')[0] : '';
    const type = types.get(`${group}/${object.kind}`);
    if (!type || object.kind === 'Namespace') continue;
    try {
      await host.delete(type, {
        name: object.metadata?.name ?? '',
        ...(type.namespaced ? { namespace: object.metadata?.namespace ?? namespace } : {}),
        propagationPolicy: 'Background',
      });
    } catch (error) {
      if (!ApiError.is(error, 'NotFound')) throw error;
    }
  }
}

async function remove(host: KubeClient, namespace: string, name: string, objects: readonly AnyObject[]): Promise<void> {
  await removeObjects(host, namespace, objects);
  const deadline = Date.now() + REMOVAL_TIMEOUT_MS;
  for (;;) {
    const left = await contentsOf(host, namespace);
    if (left.length === 0) break;
    if (Date.now() > deadline) {
      throw new Error(`deleting virtual cluster ${name} left in host namespace ${namespace}: ${left.join(', ')}`);
    }
    await sleep(250);
  }
}
