import type { Pod } from 'kubernetes-types/core/v1';
import { resources } from '../../syncer/kube-client';
import type { KubeClient } from '../../syncer/kube-client';
import { SIMULATED_POD } from './bench-host';
import { PodWatch } from './pod-watch';

/** Requests that are under way at once in a burst. */
const IN_FLIGHT = 32;

/** One of the two ways to the same nodes: the host's own API server, or that of a virtual cluster. */
export class Side {
  private constructor(
    readonly client: KubeClient,
    readonly namespace: string,
    readonly pods: PodWatch,
  ) {}

  static async open(client: KubeClient, namespace: string): Promise<Side> {
    return new Side(client, namespace, await PodWatch.start(client, namespace));
  }

  close(): Promise<void> {
    return this.pods.stop();
  }

  create(name: string): Promise<unknown> {
    return this.client.create<Pod>(resources.pods, {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name, namespace: this.namespace },
      spec: SIMULATED_POD,
    });
  }

  delete(name: string): Promise<void> {
    return this.client.delete(resources.pods, { namespace: this.namespace, name });
  }

  /** So many pods, created as fast as the API server takes them. */
  async createMany(count: number): Promise<void> {
    await inFlight(count, (index) => this.create(`burst-${index}`));
    await this.pods.untilCount('running', count);
  }

  async deleteMany(count: number): Promise<void> {
    await inFlight(count, (index) => this.delete(`burst-${index}`));
    await this.pods.untilCount('gone', count);
    this.pods.forget();
  }
}

/** Does something for each number below `count`, a few at a time. */
export async function inFlight(
  count: number,
  work: (index: number) => Promise<unknown>,
  atOnce = IN_FLIGHT,
): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, count) }, worker));
}
