import type { ResourceType } from '../kube-client';
import { ApiError, type KubeClient } from '../kube-client';
import { LABELS, RESOURCE_METRICS, translatePodMetrics } from '../translation';
import type { ClusterIdentity, MeasuredPod, PodMetrics } from '../translation';
import type { PlacedPod } from './facts';

/** How long an answer of the host serves further questions, in milliseconds: the host itself measures every 15 s or so. */
const REUSE_MS = 2_000;
/** Time for the host to answer, in milliseconds. */
const ANSWER_MS = 10_000;

const POD_METRICS: ResourceType = { ...RESOURCE_METRICS, resource: 'pods', kind: 'PodMetrics', namespaced: true };

/** The host gives no metrics; the message is for the tenant, the cause for the operator's log. */
export class NoUsage extends Error {
  override readonly name = 'NoUsage';
}

/** What HostUsage needs. */
export interface HostUsageOptions {
  readonly identity: ClusterIdentity;
  readonly host: Pick<KubeClient, 'listAll'>;
  /** @default the clock */
  readonly now?: () => number;
}

/**
 * What the tenant's pods use, from the metrics API of the host (a metrics server). However many ask, the host gets one request
 * every two seconds at most, and none when nobody asks.
 */
export class HostUsage {
  readonly #options: HostUsageOptions;
  #last: { readonly askedAt: number; readonly answer: Promise<ReadonlyMap<string, PodMetrics>> } | undefined;

  constructor(options: HostUsageOptions) {
    this.#options = options;
  }

  /**
   * Those of the pods that have been measured, with what they use.
   *
   * @throws NoUsage when the host has no metrics
   */
  async measured(pods: readonly PlacedPod[]): Promise<readonly MeasuredPod[]> {
    const byHostName = await this.#pods();
    return pods.flatMap(({ pod, hostName }) => {
      const found = byHostName.get(hostName);
      return found === undefined ? [] : [{ pod, metrics: translatePodMetrics(found, pod) }];
    });
  }

  #pods(): Promise<ReadonlyMap<string, PodMetrics>> {
    const { now = Date.now } = this.#options;
    if (this.#last === undefined || now() - this.#last.askedAt >= REUSE_MS) {
      this.#last = { askedAt: now(), answer: this.#ask() };
    }
    return this.#last.answer;
  }

  async #ask(): Promise<ReadonlyMap<string, PodMetrics>> {
    const { host, identity } = this.#options;
    const query = {
      namespace: identity.hostNamespace,
      labelSelector: `${LABELS.virtualCluster}=${identity.name}`,
      signal: AbortSignal.timeout(ANSWER_MS),
    };
    const found = new Map<string, PodMetrics>();
    try {
      for await (const { items } of host.listAll<PodMetrics>(POD_METRICS, query)) {
        for (const item of items) found.set(item.metadata?.name ?? '', item);
      }
    } catch (error) {
      throw new NoUsage(reasonOf(error), { cause: error });
    }
    return found;
  }
}

function reasonOf(error: unknown): string {
  if (ApiError.is(error, 'NotFound')) {
    return 'the host cluster has no metrics server: its operator can install one, which serves metrics.k8s.io';
  }
  if (ApiError.is(error, 'Forbidden', 'Unauthorized')) {
    return 'the host cluster does not let the syncer read metrics; its operator finds the reason in the syncer’s log';
  }
  return 'the host cluster’s metrics server does not answer; try again';
}
