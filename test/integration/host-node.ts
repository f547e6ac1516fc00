import type { Pod } from 'kubernetes-types/core/v1';
import { ApiError, resources } from '../../syncer/kube-client';
import type { KubeClient } from '../../syncer/kube-client';

/**
 * Plays the host's scheduler and kubelet where no node runs: binds each new pod to one node, reports it as running, and
 * ends it when it is deleted. What the syncer sees is what a real node writes, in the same number of writes.
 */
export class HostNode {
  readonly #client: KubeClient;
  readonly #namespace: string;
  readonly #stop = new AbortController();
  /** Names of host pods that are left as they are, as if there were no room for them or their kubelet did not answer. */
  readonly ignored = new Set<string>();
  #running: Promise<void> | undefined;
  #address = 1;

  constructor(
    client: KubeClient,
    namespace: string,
    readonly name = 'node-1',
  ) {
    this.#client = client;
    this.#namespace = namespace;
  }

  start(): void {
    this.#running = this.#follow();
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #follow(): Promise<void> {
    const { signal } = this.#stop;
    const namespace = this.#namespace;
    try {
      const list = await this.#client.list<Pod>(resources.pods, { namespace, signal });
      for (const pod of list.items) await this.#handle(pod);
      const resourceVersion = list.metadata.resourceVersion ?? '';
      for await (const { type, object } of this.#client.watch<Pod>(resources.pods, {
        namespace,
        resourceVersion,
        signal,
      })) {
        if (type === 'ADDED' || type === 'MODIFIED') await this.#handle(object);
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  async #handle(pod: Pod): Promise<void> {
    const { name = '', namespace = '', uid = '' } = pod.metadata ?? {};
    if (this.ignored.has(name)) return;
    try {
      if (!pod.spec?.nodeName) {
        if (pod.metadata?.deletionTimestamp) return;
        await this.#client.create(
          resources.pods,
          { apiVersion: 'v1', kind: 'Binding', metadata: { name }, target: { kind: 'Node', name: this.name } } as never,
          { name, namespace, subresource: 'binding' },
        );
      } else if (pod.metadata?.deletionTimestamp) {
        await this.#client.delete(resources.pods, { name, namespace, uid, gracePeriodSeconds: 0 });
      } else if (pod.status?.phase === 'Pending') {
        await this.#client.patch(
          resources.pods,
          { name, namespace, subresource: 'status', type: 'strategic' },
          { status: this.#runningStatus(pod) },
        );
      }
    } catch (error) {
      if (!ApiError.is(error, 'NotFound', 'Conflict')) throw error;
    }
  }

  #runningStatus(pod: Pod): object {
    const now = new Date().toISOString().replace(/\.\d+Z$/, 'Z');
    const address = `10.244.0.${(this.#address++ % 250) + 2}`;
    const condition = (type: string) => ({ type, status: 'True', lastTransitionTime: now });
    return {
      phase: 'Running',
      startTime: now,
      hostIP: '192.0.2.10',
      hostIPs: [{ ip: '192.0.2.10' }],
      podIP: address,
      podIPs: [{ ip: address }],
      conditions: ['Initialized', 'Ready', 'ContainersReady', 'PodReadyToStartContainers'].map(condition),
      containerStatuses: pod.spec?.containers.map(({ name, image }) => ({
        name,
        image,
        imageID: `sha256:${name}`,
        containerID: `containerd://${name}`,
        ready: true,
        started: true,
        restartCount: 0,
        state: { running: { startedAt: now } },
      })),
    };
  }
}
