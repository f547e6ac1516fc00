import type { Node, Pod } from 'kubernetes-types/core/v1';
import {
  cadvisorMetricsText,
  nodeAddress,
  nodeMetrics,
  RESOURCE_METRICS_ADDRESS,
  resourceMetricsText,
  statsSummary,
  translatePodMetrics,
} from '../../../syncer/translation';
import type { PodMetrics } from '../../../syncer/translation';

const pod = (name: string, more: object = {}): Pod => ({
  metadata: { name, namespace: 'shop', uid: `uid-${name}`, labels: { app: name } },
  spec: { containers: [{ name: 'app' }, { name: 'side' }] },
  status: { startTime: '2026-01-01T00:00:00Z' },
  ...more,
});
const measured = (name: string, timestamp: string, containers: PodMetrics['containers']): PodMetrics => ({
  metadata: { name: `${name}-x-shop-x-vc1`, namespace: 'team-a', labels: { 'nestling.dev/virtual-cluster': 'vc1' } },
  timestamp,
  window: '15.2s',
  containers,
});
const web = measured('web', '2026-01-01T10:00:10Z', [
  { name: 'app', usage: { cpu: '1500000n', memory: '2Mi', 'ephemeral-storage': '1' } },
  { name: 'side', usage: { cpu: '3m', memory: '1024' } },
  { name: 'ours', usage: { cpu: '1', memory: '1Gi' } },
]);

test('a pod’s metrics come under its own name and labels, for the containers that it has', () => {
  const found = translatePodMetrics(web, pod('web'));
  expect(found).toEqual({
    metadata: { name: 'web', namespace: 'shop', creationTimestamp: '2026-01-01T10:00:10Z', labels: { app: 'web' } },
    timestamp: '2026-01-01T10:00:10Z',
    window: '15.2s',
    containers: [
      { name: 'app', usage: { cpu: '1500000n', memory: '2Mi' } },
      { name: 'side', usage: { cpu: '3m', memory: '1024' } },
    ],
  });
  expect(JSON.stringify(found)).not.toMatch(/team-a|vc1/);
});

test('a node uses what its pods do, as of the oldest of them', () => {
  const node: Node = { metadata: { name: 'worker-1', labels: { zone: 'a' } } };
  const other = measured('db', '2026-01-01T10:00:05Z', [{ name: 'app', usage: { cpu: '0.1', memory: '3Ki' } }]);
  expect(nodeMetrics(node, [translatePodMetrics(web, pod('web')), translatePodMetrics(other, pod('db'))])).toEqual({
    metadata: { name: 'worker-1', creationTimestamp: '2026-01-01T10:00:05Z', labels: { zone: 'a' } },
    timestamp: '2026-01-01T10:00:05Z',
    window: '15.2s',
    // 1.5m + 3m + 100m; 2Mi + 1Ki + 3Ki.
    usage: { cpu: '104500000n', memory: '2052Ki' },
  });
  expect(nodeMetrics(node, [])).toBeUndefined();
});

test('what is no quantity counts as nothing', () => {
  const odd = measured('odd', '2026-01-01T10:00:05Z', [{ name: 'app', usage: { cpu: 'much', memory: '1Ki' } }]);
  expect(nodeMetrics({ metadata: { name: 'n' } }, [odd])?.usage).toEqual({ cpu: '0n', memory: '1Ki' });
});

test('a virtual node’s summary has the pods with their own names and UIDs', () => {
  const running = pod('web', {
    status: {
      startTime: '2026-01-01T00:00:00Z',
      containerStatuses: [{ name: 'app', state: { running: { startedAt: '2026-01-01T09:00:00Z' } } }],
    },
  });
  const summary = statsSummary('worker-1', [{ pod: running, metrics: translatePodMetrics(web, running) }]);
  expect(summary.node).toEqual({
    nodeName: 'worker-1',
    cpu: { time: '2026-01-01T10:00:10Z', usageNanoCores: 4_500_000 },
    memory: { time: '2026-01-01T10:00:10Z', workingSetBytes: 2 * 1024 * 1024 + 1024 },
  });
  expect(summary.pods).toHaveLength(1);
  expect(summary.pods[0]).toMatchObject({
    podRef: { name: 'web', namespace: 'shop', uid: 'uid-web' },
    startTime: '2026-01-01T00:00:00Z',
    cpu: { usageNanoCores: 4_500_000 },
    containers: [
      { name: 'app', startTime: '2026-01-01T09:00:00Z', cpu: { usageNanoCores: 1_500_000 } },
      { name: 'side', startTime: '2026-01-01T00:00:00Z', memory: { workingSetBytes: 1024 } },
    ],
  });
  expect(statsSummary('worker-1', [])).toEqual({ node: { nodeName: 'worker-1' }, pods: [] });
});

test('a virtual node’s metrics are in Prometheus’ text format', () => {
  const one = { pod: pod('web'), metrics: translatePodMetrics(web, pod('web')) };
  const at = Date.parse('2026-01-01T10:00:10Z');
  expect(resourceMetricsText([one]).split('\n')).toEqual([
    '# HELP container_memory_working_set_bytes [STABLE] Current working set of the container in bytes',
    '# TYPE container_memory_working_set_bytes gauge',
    `container_memory_working_set_bytes{container="app",namespace="shop",pod="web"} 2097152 ${at}`,
    `container_memory_working_set_bytes{container="side",namespace="shop",pod="web"} 1024 ${at}`,
    "# HELP node_memory_working_set_bytes [STABLE] Current working set of the tenant's pods on the node in bytes",
    '# TYPE node_memory_working_set_bytes gauge',
    'node_memory_working_set_bytes 2098176',
    '# HELP pod_memory_working_set_bytes [STABLE] Current working set of the pod in bytes',
    '# TYPE pod_memory_working_set_bytes gauge',
    `pod_memory_working_set_bytes{namespace="shop",pod="web"} 2098176 ${at}`,
    '# HELP resource_scrape_error [STABLE] 1 if there was an error while getting container metrics, 0 otherwise',
    '# TYPE resource_scrape_error gauge',
    'resource_scrape_error 0',
    '',
  ]);
  expect(cadvisorMetricsText([one])).toContain('container_memory_working_set_bytes{container="side"');
  expect(resourceMetricsText([])).toContain('resource_scrape_error 0');
});

test('no node’s name gives the address of the metrics API: it is outside of the range of nodes', () => {
  expect(RESOURCE_METRICS_ADDRESS).not.toMatch(/^fd6e:6573:746c:696e:/);
  expect(nodeAddress('any')).toMatch(/^fd6e:6573:746c:696e:/);
});
