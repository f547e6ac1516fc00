import type { Node, Pod } from 'kubernetes-types/core/v1';
import type { HostRight } from './host-right';
import { inNanos } from './quantity';

/** The API of resource metrics, which `kubectl top` and HorizontalPodAutoscalers ask: k8s.io/metrics/pkg/apis/metrics. */
export const RESOURCE_METRICS = { group: 'metrics.k8s.io', version: 'v1beta1' } as const;

/** What the host is asked: the metrics of the pods of the host namespace, all at once. */
export const RESOURCE_METRICS_RIGHTS: readonly HostRight[] = [
  { apiGroup: RESOURCE_METRICS.group, resources: ['pods'], verbs: ['list'] },
];

/**
 * The address at which the virtual API server finds the syncer's metrics API: only the gateway understands it. It is in the range
 * next to that of the virtual nodes' addresses, so that no node's name ever gives it. In canonical form (RFC 5952).
 */
export const RESOURCE_METRICS_ADDRESS = 'fd6e:6573:746c:696f::1';

/** The Service of the virtual cluster that stands for the syncer's metrics API. */
export const RESOURCE_METRICS_SERVICE = { namespace: 'kube-system', name: 'nestling-metrics' } as const;

/** What a container uses. */
export interface ContainerMetrics {
  readonly name: string;
  /** Quantities by resource: `cpu` in cores, as a rate over the window; `memory`, the working set, in bytes. */
  readonly usage: Readonly<Record<string, string>>;
}

/** What a pod uses, as metrics.k8s.io/v1beta1 has it. */
export interface PodMetrics {
  readonly metadata?: {
    readonly name?: string;
    readonly namespace?: string;
    readonly creationTimestamp?: string;
    readonly labels?: Readonly<Record<string, string>>;
  };
  /** End of the window, RFC 3339. */
  readonly timestamp: string;
  /** Over what time it was measured, as Go writes it: `15.2s`. */
  readonly window: string;
  readonly containers: readonly ContainerMetrics[];
}

/** What a node's pods use, as metrics.k8s.io/v1beta1 has it. */
export interface NodeMetrics extends Omit<PodMetrics, 'containers'> {
  readonly usage: Readonly<Record<string, string>>;
}

/** A pod, and what it uses. */
export interface MeasuredPod {
  readonly pod: Pod;
  readonly metrics: PodMetrics;
}

/**
 * The metrics of a virtual pod from those of its twin: its own name and labels, and of the containers those that it has.
 *
 * @param found of the twin
 * @param pod the virtual one
 */
export function translatePodMetrics(found: PodMetrics, pod: Pod): PodMetrics {
  const { name = '', namespace = '', labels } = pod.metadata ?? {};
  const { containers = [], initContainers = [], ephemeralContainers = [] } = pod.spec ?? {};
  const own = new Set([...containers, ...initContainers, ...ephemeralContainers].map((container) => container.name));
  return {
    metadata: {
      name,
      namespace,
      creationTimestamp: found.timestamp,
      ...(labels === undefined ? {} : { labels }),
    },
    timestamp: found.timestamp,
    window: found.window,
    containers: found.containers.filter((container) => own.has(container.name)).map(withKnownUsage),
  };
}

function withKnownUsage({ name, usage }: ContainerMetrics): ContainerMetrics {
  const { cpu, memory } = usage;
  return { name, usage: { ...(cpu === undefined ? {} : { cpu }), ...(memory === undefined ? {} : { memory }) } };
}

/**
 * The metrics of a virtual node: the sum of those of the tenant's pods on it, which is all that a tenant may know of it.
 *
 * @returns undefined when none of its pods has been measured
 */
export function nodeMetrics(node: Node, pods: readonly PodMetrics[]): NodeMetrics | undefined {
  // The oldest speaks for all: nothing in the sum is older than it says.
  const [oldest] = [...pods].sort((one, other) => (one.timestamp < other.timestamp ? -1 : 1));
  if (oldest === undefined) return undefined;
  const { timestamp, window } = oldest;
  const { name = '', labels } = node.metadata ?? {};
  const { cpu, memory } = totalUsage(pods);
  return {
    metadata: { name, creationTimestamp: timestamp, ...(labels === undefined ? {} : { labels }) },
    timestamp,
    window,
    usage: { cpu: `${cpu}n`, memory: `${memory / 1024n}Ki` },
  };
}

/** What pods use together: CPU in billionths of a core, memory in bytes. */
export function totalUsage(pods: readonly PodMetrics[]): { readonly cpu: bigint; readonly memory: bigint } {
  const containers = pods.flatMap((pod) => pod.containers);
  return {
    cpu: containers.reduce((sum, { usage }) => sum + (inNanos(usage['cpu']) ?? 0n), 0n),
    memory: containers.reduce((sum, { usage }) => sum + bytesOf(usage['memory']), 0n),
  };
}

/** A quantity of memory in bytes; 0 where it is none. */
export function bytesOf(quantity: string | undefined): bigint {
  return (inNanos(quantity) ?? 0n) / 1_000_000_000n;
}
