import type { Pod } from 'kubernetes-types/core/v1';
import { setTimeout as sleep } from 'node:timers/promises';
import { resources } from '../../syncer/kube-client';
import { ANNOTATIONS } from '../../syncer/translation';
import { resolveHost } from '../host-cluster';
import { eventually } from '../virtual-cluster';
import { killContainer } from './kill-container';
import { useVirtualCluster } from './virtual-cluster';

const BUSYBOX = 'docker.io/library/busybox:1.35';
const NAMESPACE = 'rollout';
const PODS = 20;
const cluster = useVirtualCluster('restart');

const deployment = (name: string) => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name, namespace: NAMESPACE },
  spec: {
    replicas: PODS,
    selector: { matchLabels: { app: name } },
    template: {
      metadata: { labels: { app: name } },
      spec: {
        terminationGracePeriodSeconds: 0,
        containers: [{ name: 'main', image: BUSYBOX, command: ['sleep', '3600'] }],
      },
    },
  },
});

const virtualPods = async () =>
  (await cluster.current.virtual.list<Pod>(resources.pods, { namespace: NAMESPACE })).items;

const hostPods = async () =>
  (
    await cluster.current.host.list<Pod>(resources.pods, {
      namespace: cluster.current.namespace,
      labelSelector: `nestling.dev/virtual-cluster=${cluster.current.name},nestling.dev/namespace=${NAMESPACE}`,
    })
  ).items;

/** Every virtual pod runs and has exactly one twin; the host has no other. */
async function complete(): Promise<void> {
  await eventually(
    `${PODS} running pods with one twin each`,
    async () => {
      const [virtual, host] = await Promise.all([virtualPods(), hostPods()]);
      const running = virtual.filter((pod) => pod.status?.phase === 'Running');
      const twins = host.map((pod) => pod.metadata?.annotations?.[ANNOTATIONS.uid]).sort();
      const uids = virtual.map((pod) => pod.metadata?.uid).sort();
      if (running.length !== PODS || virtual.length !== PODS || twins.join() !== uids.join()) {
        throw new Error(`${virtual.length} virtual pods, ${running.length} running, ${host.length} host pods`);
      }
      return true;
    },
    150,
  );
}

/** Reads and writes all the time, and remembers what failed. */
function useTheAPI(): { stop: () => Promise<{ requests: number; failures: unknown[] }> } {
  const { virtual } = cluster.current;
  const failures: unknown[] = [];
  let requests = 0;
  let stopped = false;
  const loop = (async () => {
    while (!stopped) {
      const name = `probe-${requests}`;
      for (const request of [
        () =>
          virtual.create(resources.configMaps, {
            apiVersion: 'v1',
            kind: 'ConfigMap',
            metadata: { name, namespace: NAMESPACE },
          }),
        () => virtual.get(resources.configMaps, { namespace: NAMESPACE, name }),
        () => virtual.list(resources.configMaps, { namespace: NAMESPACE }),
        () => virtual.delete(resources.configMaps, { namespace: NAMESPACE, name }),
      ]) {
        requests += 1;
        await request().catch((error: unknown) => failures.push(error));
      }
      await sleep(20);
    }
  })();
  return {
    stop: async () => {
      stopped = true;
      await loop;
      return { requests, failures };
    },
  };
}

beforeAll(async () => {
  await cluster.current.virtual.create(resources.namespaces, {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: NAMESPACE },
  });
});

test('a syncer killed with -9 in the middle of a rollout of 20 pods loses nothing and duplicates nothing; meanwhile the API never fails', async () => {
  const { virtual } = cluster.current;
  const use = useTheAPI();
  await virtual.create(resources.deployments, deployment('first'));
  await eventually('the rollout has begun', async () => (await hostPods()).length >= 3);
  await killContainer(await resolveHost({}), cluster.current, 'syncer');
  await complete();
  const { requests, failures } = await use.stop();
  expect(failures).toEqual([]);
  expect(requests).toBeGreaterThan(50);
});

test('deleting the control plane’s pod in the middle of a rollout loses nothing and duplicates nothing', async () => {
  const { virtual, host, namespace, name } = cluster.current;
  const before = await virtualPods();
  await virtual.patch(
    resources.deployments,
    { namespace: NAMESPACE, name: 'first', type: 'strategic' },
    { spec: { template: { spec: { containers: [{ name: 'main', env: [{ name: 'ROUND', value: '2' }] }] } } } },
  );
  await eventually('the rollout has begun', async () =>
    (await hostPods()).some(
      (pod) => !before.some(({ metadata }) => metadata?.uid === pod.metadata?.annotations?.[ANNOTATIONS.uid]),
    ),
  );
  const old = await host.get<Pod>(resources.pods, { namespace, name: `${name}-0` });
  await host.delete(resources.pods, { namespace, name: `${name}-0` });
  await eventually(
    'a new control-plane pod that is ready',
    async () => {
      const pod = await host.get<Pod>(resources.pods, { namespace, name: `${name}-0` });
      return (
        pod.metadata?.uid !== old.metadata?.uid &&
        pod.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True')
      );
    },
    120,
  );
  await eventually(
    'the rollout is over',
    async () => {
      const { status } = (await virtual.get(resources.deployments, { namespace: NAMESPACE, name: 'first' })) as {
        status?: { updatedReplicas?: number; replicas?: number; availableReplicas?: number };
      };
      return status?.updatedReplicas === PODS && status.replicas === PODS && status.availableReplicas === PODS;
    },
    180,
  );
  await complete();
});
