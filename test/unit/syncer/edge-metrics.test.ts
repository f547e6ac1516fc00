import { Metrics, ObjectCache } from '../../../syncer/engine';
import { firstWatch } from '../../../syncer/first-watch';
import { gatewayMetrics } from '../../../syncer/gateway-metrics';

test('what the gateway counts is in the metrics', async () => {
  const metrics = new Metrics();
  const gateway = gatewayMetrics(metrics);
  gateway.tunnelOpened('kubelet');
  gateway.tunnelOpened('kubelet');
  gateway.tunnelClosed('kubelet');
  gateway.tunnelRefused('forbidden');
  gateway.kubeletRequest('exec', 101);
  const text = await metrics.text();
  expect(text).toContain('nestling_gateway_tunnels{target="kubelet"} 1\n');
  expect(text).toContain('nestling_gateway_tunnels_opened_total{target="kubelet"} 2\n');
  expect(text).toContain('nestling_gateway_tunnels_refused_total{reason="forbidden"} 1\n');
  expect(text).toContain('nestling_gateway_kubelet_requests_total{call="exec",code="101"} 1\n');
});

describe('the time to the first watch', () => {
  const NAME = 'nestling_start_to_first_watch_seconds';

  test('is shown once a cache has its list, and not before', async () => {
    const metrics = new Metrics();
    const caches = [new ObjectCache('host/pods'), new ObjectCache('host/services')];
    const first = firstWatch(metrics, caches, new AbortController().signal);
    expect(await metrics.text()).not.toContain(NAME);
    caches[1]!.replace(new Map(), '1');
    const seconds = await first;
    expect(seconds).toBeGreaterThan(0);
    expect(await metrics.text()).toContain(`${NAME} ${seconds}\n`);
  });

  test('is never shown when the syncer is told to stop before', async () => {
    const metrics = new Metrics();
    const stop = new AbortController();
    const first = firstWatch(metrics, [new ObjectCache('host/pods')], stop.signal);
    stop.abort();
    await expect(first).rejects.toThrow('abort');
    expect(await metrics.text()).not.toContain(NAME);
  });
});
