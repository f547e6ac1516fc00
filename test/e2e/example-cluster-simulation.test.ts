import type { Deployment } from 'kubernetes-types/apps/v1';
import type { Node, Pod } from 'kubernetes-types/core/v1';
import { applyManifests } from '../../syncer/bootstrap';
import { resources } from '../../syncer/kube-client';
import { synthesizedObjects } from '../../tasks/synth/run-app';
import { eventually } from '../virtual-cluster';
import { useExample } from './example';
import { provideImage } from './provide-image';
import { Tenant } from './tenant';

const NODES = 50;
const REPLICAS = 150;

const cluster = useExample('cluster-simulation', {
  cluster: 'sim',
  namespace: 'simulation',
  before: async (host) => {
    await provideImage(host, 'kube-scheduler');
    await provideImage(host, 'kwok');
  },
});
const tenant = new Tenant(cluster, 'load');

beforeAll(async () => {
  const inside = await synthesizedObjects({
    command: `NODES=${NODES} node --import tsx examples/cluster-simulation/inside.ts`,
  });
  await applyManifests(cluster.current.virtual, inside, {});
  await tenant.prepare();
});

const hostPods = async (): Promise<string[]> => {
  const { host, namespace } = tenant.cluster;
  const { items } = await host.list<Pod>(resources.pods, { namespace, metadataOnly: true });
  return items.map(({ metadata }) => metadata?.name ?? '');
};

test('simulated nodes are ready, and pods run on them without a pod on the host', async () => {
  await eventually(
    `${NODES} simulated nodes are ready`,
    async () => {
      const { items } = await tenant.cluster.virtual.list<Node>(resources.nodes, { labelSelector: 'type=simulated' });
      const ready = items.filter(({ status }) =>
        status?.conditions?.some(({ type, status: value }) => type === 'Ready' && value === 'True'),
      );
      if (ready.length === NODES) return true;
      throw new Error(`${ready.length} of ${items.length} are`);
    },
    120,
  );
  const before = await hostPods();
  const labels = { app: 'load' };
  await tenant.create<Deployment>(resources.deployments, 'load', {
    spec: {
      replicas: REPLICAS,
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: {
          nodeSelector: { type: 'simulated' },
          tolerations: [{ key: 'simulated', operator: 'Exists' }],
          topologySpreadConstraints: [
            {
              maxSkew: 1,
              topologyKey: 'topology.kubernetes.io/zone',
              whenUnsatisfiable: 'DoNotSchedule',
              labelSelector: { matchLabels: labels },
            },
          ],
          containers: [{ name: 'main', image: 'example.org/nowhere:1' }],
        },
      },
    },
  });
  await eventually(
    `${REPLICAS} simulated pods are ready`,
    async () => {
      const { status } = await tenant.get<Deployment>(resources.deployments, 'load');
      if (status?.readyReplicas === REPLICAS) return true;
      throw new Error(JSON.stringify(status));
    },
    180,
  );
  expect((await hostPods()).filter((name) => !before.includes(name))).toEqual([]);

  await tenant.cluster.virtual.delete(resources.deployments, {
    namespace: tenant.namespace,
    name: 'load',
    propagationPolicy: 'Foreground',
  });
  await eventually(
    'the simulated pods are gone',
    async () => {
      const { items } = await tenant.cluster.virtual.list<Pod>(resources.pods, { namespace: tenant.namespace });
      if (items.length === 0) return true;
      throw new Error(`${items.length} are left`);
    },
    120,
  );
});

test('a pod that asks for no simulated node runs on the host', async () => {
  await tenant.createPod('real');
  const { spec } = await tenant.ready('real', 120);
  expect(spec?.nodeName).not.toContain('simulated');
});
