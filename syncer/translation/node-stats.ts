import type { MeasuredPod, PodMetrics } from './resource-metrics';
import { bytesOf, totalUsage } from './resource-metrics';

/**
 * What the kubelet of a virtual node says of resources, made from the metrics of the tenant's pods on it. CPU time, which kubelets
 * count since a container's start, is not to be had from those: of CPU there are rates alone.
 */

/** CPU and memory of something, in the shape of the kubelet's `/stats/summary` (k8s.io/kubelet/pkg/apis/stats/v1alpha1). */
interface Usage {
  readonly cpu: { readonly time: string; readonly usageNanoCores: number };
  readonly memory: { readonly time: string; readonly workingSetBytes: number };
}

/** The answer to `/stats/summary`. */
export interface StatsSummary {
  readonly node: { readonly nodeName: string } & Partial<Usage>;
  readonly pods: readonly ({
    readonly podRef: { readonly name: string; readonly namespace: string; readonly uid: string };
    readonly startTime: string;
    readonly containers: readonly ({ readonly name: string; readonly startTime: string } & Usage)[];
  } & Usage)[];
}

/** `/stats/summary` of a virtual node. @param measured the tenant's pods on it that have metrics */
export function statsSummary(nodeName: string, measured: readonly MeasuredPod[]): StatsSummary {
  const metrics = measured.map((one) => one.metrics);
  const oldest = metrics.map(({ timestamp }) => timestamp).sort()[0];
  return {
    node: { nodeName, ...(oldest === undefined ? {} : usageOf(oldest, metrics)) },
    pods: measured.map(({ pod, metrics: one }) => {
      const { name = '', namespace = '', uid = '' } = pod.metadata ?? {};
      const startTime = pod.status?.startTime ?? one.timestamp;
      const started = new Map(
        pod.status?.containerStatuses?.map((status) => [status.name, status.state?.running?.startedAt]),
      );
      return {
        podRef: { name, namespace, uid },
        startTime,
        containers: one.containers.map((container) => ({
          name: container.name,
          startTime: started.get(container.name) ?? startTime,
          ...usageOf(one.timestamp, [{ ...one, containers: [container] }]),
        })),
        ...usageOf(one.timestamp, [one]),
      };
    }),
  };
}

function usageOf(time: string, pods: readonly PodMetrics[]): Usage {
  const { cpu, memory } = totalUsage(pods);
  return {
    cpu: { time, usageNanoCores: Number(cpu) },
    memory: { time, workingSetBytes: Number(memory) },
  };
}

/** One metric in Prometheus' text format. Values of labels are names of Kubernetes, in which nothing needs to be escaped. */
function gauge(name: string, help: string, samples: readonly string[]): string[] {
  return samples.length === 0 ? [] : [`# HELP ${name} ${help}`, `# TYPE ${name} gauge`, ...samples];
}

const containerMemory = (measured: readonly MeasuredPod[]): string[] =>
  gauge(
    'container_memory_working_set_bytes',
    '[STABLE] Current working set of the container in bytes',
    measured.flatMap(({ pod, metrics }) =>
      metrics.containers.map(
        ({ name, usage }) =>
          `container_memory_working_set_bytes{container="${name}",namespace="${pod.metadata?.namespace}",pod="${pod.metadata?.name}"} ` +
          `${bytesOf(usage['memory'])} ${Date.parse(metrics.timestamp)}`,
      ),
    ),
  );

/** `/metrics/resource` of a virtual node. @param measured the tenant's pods on it that have metrics */
export function resourceMetricsText(measured: readonly MeasuredPod[]): string {
  const all = measured.map(({ metrics }) => metrics);
  const lines = [
    ...containerMemory(measured),
    ...gauge(
      'node_memory_working_set_bytes',
      "[STABLE] Current working set of the tenant's pods on the node in bytes",
      all.length === 0 ? [] : [`node_memory_working_set_bytes ${totalUsage(all).memory}`],
    ),
    ...gauge(
      'pod_memory_working_set_bytes',
      '[STABLE] Current working set of the pod in bytes',
      measured.map(
        ({ pod, metrics }) =>
          `pod_memory_working_set_bytes{namespace="${pod.metadata?.namespace}",pod="${pod.metadata?.name}"} ` +
          `${totalUsage([metrics]).memory} ${Date.parse(metrics.timestamp)}`,
      ),
    ),
    ...gauge('resource_scrape_error', '[STABLE] 1 if there was an error while getting container metrics, 0 otherwise', [
      'resource_scrape_error 0',
    ]),
  ];
  return `${lines.join('\n')}\n`;
}

/** `/metrics/cadvisor` of a virtual node: of cAdvisor's metrics the one that can be known. */
export function cadvisorMetricsText(measured: readonly MeasuredPod[]): string {
  return `${containerMemory(measured).join('\n')}\n`;
}
