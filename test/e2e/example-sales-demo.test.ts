import type { ConfigMap } from 'kubernetes-types/core/v1';
import type { Deployment } from 'kubernetes-types/apps/v1';
import { applyManifests } from '../../syncer/bootstrap';
import { resources } from '../../syncer/kube-client';
import { eventually } from '../virtual-cluster';
import { synthesizeExample, useExample } from './example';
import { Tenant } from './tenant';

const cluster = useExample('sales-demo', {
  cluster: 'demo',
  namespace: 'demo-acme',
  settings: { PROSPECT: 'Acme' },
});
const tenant = new Tenant(cluster, 'shop');

test('the product is in the cluster by itself, under the prospect’s name', async () => {
  await eventually(
    'deployment shop is ready',
    async () => {
      const { status } = await tenant.get<Deployment>(resources.deployments, 'shop');
      if (status?.readyReplicas === 1) return true;
      throw new Error(JSON.stringify(status));
    },
    120,
  );
  const { stdout } = await tenant.kubectl('exec', 'deploy/shop', '--', 'cat', '/usr/share/nginx/html/index.html');
  expect(stdout.trim()).toBe('<h1>Welcome, Acme</h1>');
});

test('a changed chart is applied again without a restart of the control plane', async () => {
  const { host, namespace, name } = cluster.current;
  const pod = () => host.get(resources.pods, { namespace, name: `${name}-0` });
  const before = await pod();
  const changed = JSON.parse(
    JSON.stringify(await synthesizeExample('sales-demo', { PROSPECT: 'Acme' })).replaceAll('Welcome', 'Good morning'),
  ) as Awaited<ReturnType<typeof synthesizeExample>>;
  await applyManifests(host, changed, {});
  await eventually(
    'the page is the new one',
    async () => {
      const { data } = await tenant.get<ConfigMap>(resources.configMaps, 'shop');
      if (data?.['index.html']?.includes('Good morning, Acme')) return true;
      throw new Error(JSON.stringify(data));
    },
    120,
  );
  expect((await pod()).metadata?.uid).toBe(before.metadata?.uid);
});
