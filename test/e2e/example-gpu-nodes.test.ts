import type { Node } from 'kubernetes-types/core/v1';
import { KubeClient, resources } from '../../syncer/kube-client';
import { eventually } from '../virtual-cluster';
import { useExample } from './example';
import { Tenant } from './tenant';

const POOL = 'example.org/pool';

let admin: KubeClient | undefined;
let gpuNode = '';

const label = (value: string | null) =>
  admin?.patch(resources.nodes, { name: gpuNode, type: 'merge' }, { metadata: { labels: { [POOL]: value } } });

const cluster = useExample('gpu-nodes', {
  cluster: 'experiments',
  namespace: 'research',
  before: async (host) => {
    admin = new KubeClient(host.connection, { userAgent: 'nestling-test' });
    const { items } = await admin.list<Node>(resources.nodes);
    gpuNode = items[0]?.metadata?.name ?? '';
    await label('gpu');
  },
});
const tenant = new Tenant(cluster, 'vision');

beforeAll(() => tenant.prepare());

afterAll(async () => {
  if (gpuNode) await label(null);
  await admin?.close();
});

test('researchers see the pool and run on it', async () => {
  const { items } = await tenant.cluster.virtual.list<Node>(resources.nodes);
  expect(items.map(({ metadata }) => metadata?.name)).toEqual([gpuNode]);
  expect(items[0]?.metadata?.labels).toMatchObject({ [POOL]: 'gpu' });
  await tenant.createPod('train');
  expect((await tenant.ready('train', 120)).spec?.nodeName).toBe(gpuNode);
});

test('a pod that can run elsewhere only is refused, and told so', async () => {
  await tenant.createPod('stray', { nodeSelector: { [POOL]: 'cpu' } });
  const refused = await eventually('pod stray is told why it does not run', async () => {
    const { status } = await tenant.pod('stray');
    return status?.conditions?.find(({ type, reason }) => type === 'PodScheduled' && reason === 'PolicyViolation');
  });
  expect(refused.message).toContain(POOL);
});
