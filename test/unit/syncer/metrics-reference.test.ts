import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Metrics, ObjectCache } from '../../../syncer/engine';
import { firstWatch } from '../../../syncer/first-watch';
import { gatewayMetrics } from '../../../syncer/gateway-metrics';
import { StoreKeeper } from '../../../syncer/store';

test('docs/metrics.md lists all metrics there are, and no others, with their types', async () => {
  const metrics = new Metrics();
  gatewayMetrics(metrics);
  new StoreKeeper({ etcd: {} as never, logger: {} as never, metrics });
  const cache = new ObjectCache('host/pods');
  cache.replace(new Map(), '1');
  await firstWatch(metrics, [cache], new AbortController().signal);
  const scraped = [...(await metrics.text()).matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(
    ([, name, type]) => `${name} ${type}`,
  );
  const reference = readFileSync(join(__dirname, '..', '..', '..', 'docs', 'metrics.md'), 'utf8');
  const documented = [...reference.matchAll(/^\| `([a-z_]+)` +\| (counter|gauge|histogram) /gm)];
  expect(documented.map(([, name, type]) => `${name} ${type}`).sort()).toEqual(scraped.sort());
});
