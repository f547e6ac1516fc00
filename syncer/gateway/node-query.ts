import { cadvisorMetricsText, resourceMetricsText, statsSummary } from '../translation';
import type { TenantObjects } from './facts';
import { NoUsage } from './host-usage';
import type { HostUsage } from './host-usage';
import type { PlainAnswer } from './kubelet-call';
import { failureStatus } from './status';

/** What a virtual node tells of itself, by the paths of a kubelet: names for metrics, in their order below. */
export type NodeQuery = 'pods' | 'statsSummary' | 'metricsResource' | 'metricsCadvisor';

const PATHS: ReadonlyMap<string, NodeQuery> = new Map([
  ['/pods', 'pods'],
  ['/stats/summary', 'statsSummary'],
  ['/metrics/resource', 'metricsResource'],
  ['/metrics/cadvisor', 'metricsCadvisor'],
]);

/** As Prometheus reads it: https://prometheus.io/docs/instrumenting/exposition_formats */
const PROMETHEUS = 'text/plain; version=0.0.4; charset=utf-8';

/** Reads a request line as a question about the node; undefined where it is none. */
export function parseNodeQuery(method: string, target: string): NodeQuery | undefined {
  if (method !== 'GET') return undefined;
  const path = target.replace(/\?.*$/s, '');
  // As the kubelet, which serves /pods and /pods/ alike.
  return PATHS.get(path.length > 1 ? path.replace(/\/$/, '') : path);
}

/**
 * Answers a question about a virtual node. Whatever is told is the tenant's own: its pods on the node, as the virtual cluster has them,
 * and what they use.
 *
 * @param node undefined where there is no such node any more
 */
export async function answerNodeQuery(
  query: NodeQuery,
  node: string | undefined,
  { tenant, usage }: { readonly tenant: TenantObjects; readonly usage: HostUsage | undefined },
): Promise<PlainAnswer> {
  if (node === undefined) return { status: 404, text: 'there is no such node' };
  if (!tenant.known) return unavailable('the syncer has not yet seen what runs; try again');
  const placed = tenant.placedPods(node);
  if (query === 'pods') {
    const items = placed.map(({ pod }) => pod);
    return json({ kind: 'PodList', apiVersion: 'v1', metadata: {}, items });
  }
  if (usage === undefined) {
    return { status: 501, text: 'metrics are switched off for this virtual cluster (sync.fromHost.metrics)' };
  }
  try {
    const measured = await usage.measured(placed);
    if (query === 'statsSummary') return json(statsSummary(node, measured));
    const text = query === 'metricsResource' ? resourceMetricsText(measured) : cadvisorMetricsText(measured);
    return { status: 200, text, type: PROMETHEUS };
  } catch (error) {
    if (error instanceof NoUsage) return unavailable(error.message);
    throw error;
  }
}

function unavailable(message: string): PlainAnswer {
  return { ...json(failureStatus(503, 'ServiceUnavailable', message)), status: 503 };
}

function json(body: object): PlainAnswer {
  return { status: 200, text: JSON.stringify(body), type: 'application/json' };
}
