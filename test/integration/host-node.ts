import type { Pod } from 'kubernetes-types/core/v1';
import { Controller, createLogger, ObjectCache, Reflector } from '../../syncer/engine';
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
  #running: Promise<unknown> | undefined;
  #lookAgain: () => void = () => undefined;
  /** Last byte of the address by the pod's UID: what the watch tells may be older than a write, and then comes again. */
  readonly #addresses = new Map<string, number>();

  constructor(
    client: KubeClient,
    namespace: string,
    readonly name = 'node-1',
  ) {
    this.#client = client;
    this.#namespace = namespace;
  }

  start(): void {
    const { signal } = this.#stop;
    const logger = createLogger({ level: 'error', name: 'node' });
    const cache = new ObjectCache<Pod>('the node');
    const reflector = new Reflector<Pod>({
      client: this.#client,
      type: resources.pods,
      namespace: this.#namespace,
      cache,
      logger,
    });
    const controller = new Controller({
      name: 'node',
      cache,
      reconcile: async (key) => {
        const pod = cache.get(key);
        if (pod) await this.#handle(pod);
      },
      logger,
    });
    this.#lookAgain = () => {
      for (const key of cache.keys()) controller.enqueue(key);
    };
    this.#running = Promise.all([reflector.run(signal), controller.run(signal)]);
  }

  /** Ignores no pod any more, and sees to those that it had ignored. */
  heedAll(): void {
    this.ignored.clear();
    this.#lookAgain();
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #handle(pod: Pod): Promise<void> {
    const { name = '', namespace = '', uid = '' } = pod.metadata ?? {};
    if (this.ignored.has(name)) return;
    try {
      if (!pod.spec?.nodeName) {
        if (pod.metadata?.deletionTimestamp) return;
        await this.#client.create(
          resources.pods,
          // This very pod: what the watch told of may be gone, and its successor there.
          {
            apiVersion: 'v1',
            kind: 'Binding',
            metadata: { name, uid },
            target: { kind: 'Node', name: this.name },
          } as never,
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
      if (!ApiError.is(error, 'NotFound')) throw error;
    }
  }

  #addressOf(uid: string): string {
    const number = this.#addresses.get(uid) ?? this.#addresses.size;
    this.#addresses.set(uid, number);
    return `10.244.${Math.floor(number / 250) % 250}.${(number % 250) + 2}`;
  }

  #runningStatus(pod: Pod): object {
    const now = new Date().toISOString().replace(/\.\d+Z$/, 'Z');
    const address = this.#addressOf(pod.metadata?.uid ?? '');
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
