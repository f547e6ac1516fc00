import { Size } from 'cdk8s';
import type { Deployment } from 'kubernetes-types/apps/v1';
import type { PodDisruptionBudget } from 'kubernetes-types/policy/v1';
import { NodeSyncPolicy, Store } from '../../constructs';
import { KubeClient, resources } from '../../syncer/kube-client';
import { eventually } from '../virtual-cluster';
import { activePod, replicasReady, useTheAPI } from './replicas';
import { useVirtualCluster } from './virtual-cluster';

const PODS = 10;
const cluster = useVirtualCluster('available', {
  replicas: 3,
  store: Store.persistent({ size: Size.gibibytes(1) }),
  dns: { enabled: false },
  sync: { fromHost: { nodes: NodeSyncPolicy.allNodes() } },
});
/** So many connections go to one of three replicas each that all of them are among those, but for one run in a hundred million. */
const CONNECTIONS = 48;

test('three replicas come up; when the active one is killed in the middle of a rollout, the API goes on and all pods come up', async () => {
  const { host, name, namespace, virtual } = cluster.current;
  await replicasReady(cluster.current, 3);
  const budget = await eventually('a disruption budget that lets one go', async () => {
    const found = await host.get<PodDisruptionBudget>(resources.podDisruptionBudgets, { namespace, name });
    return found.status?.disruptionsAllowed === 1 && found;
  });
  expect(budget.spec).toMatchObject({ maxUnavailable: 1 });

  const nodes = await eventually('the nodes of the host are shown', async () => {
    const { items } = await virtual.list(resources.nodes);
    return items.length > 0 && items.map(({ metadata }) => metadata?.name ?? '');
  });
  // No pod is on them yet, so that a syncer knows them by the host's nodes alone, whether it is the active one or waits.
  for (let connection = 0; connection < CONNECTIONS; connection += 1) {
    const client = new KubeClient(virtual.connection, { userAgent: 'test' });
    try {
      expect(await client.getText(`/api/v1/nodes/${nodes[0]}/proxy/pods`)).toContain('PodList');
    } finally {
      await client.close();
    }
  }

  const active = await activePod(cluster.current);
  const use = useTheAPI(cluster.current, 'default');
  const labels = { app: 'web' };
  await virtual.create<Deployment>(resources.deployments, {
    metadata: { name: 'web', namespace: 'default' },
    spec: {
      replicas: PODS,
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: {
          terminationGracePeriodSeconds: 0,
          containers: [{ name: 'main', image: 'docker.io/library/busybox:1.35', command: ['sleep', '3600'] }],
        },
      },
    },
  });
  const [pod = ''] = active.split('_');
  await host.delete(resources.pods, { namespace, name: pod, gracePeriodSeconds: 0 });
  await activePod(cluster.current, active);
  await eventually(
    `${PODS} pods are available`,
    async () => {
      const { status } = await virtual.get<Deployment>(resources.deployments, { namespace: 'default', name: 'web' });
      return status?.availableReplicas === PODS;
    },
    180,
  );
  const { answered, longestFailureMs } = await use.stop();
  expect(answered).toBeGreaterThan(50);
  expect(longestFailureMs).toBeLessThan(5_000);
  await replicasReady(cluster.current, 3);
});
