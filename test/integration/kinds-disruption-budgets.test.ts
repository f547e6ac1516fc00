import type { ReplicaSet } from 'kubernetes-types/apps/v1';
import type { Pod } from 'kubernetes-types/core/v1';
import type { PodDisruptionBudget, PodDisruptionBudgetSpec } from 'kubernetes-types/policy/v1';
import { ApiError, KubeClient, resources } from '../../syncer/kube-client';
import { eventually } from '../virtual-cluster/eventually';
import { HOST_NAMESPACE } from './in-process-syncer';
import { TwoClusters } from './two-clusters';

let clusters: TwoClusters;
/** For evictions: the other one tries again when it is told to wait, which a refusal looks like. */
let impatient: KubeClient;

beforeAll(async () => {
  clusters = await TwoClusters.start({
    hostControllers: ['disruption-controller'],
    virtualControllers: ['disruption-controller', 'replicaset-controller', 'garbage-collector-controller'],
  });
  impatient = new KubeClient(clusters.servers.host.connection, { userAgent: 'test', timeoutSeconds: 1 });
});

afterAll(async () => {
  await impatient?.close();
  await clusters?.stop();
});

const type = resources.podDisruptionBudgets;

function createBudget(name: string, spec: PodDisruptionBudgetSpec): Promise<PodDisruptionBudget> {
  return clusters.virtual.create<PodDisruptionBudget>(type, {
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata: { name, namespace: 'default' },
    spec: { selector: { matchLabels: { app: name } }, ...spec },
  });
}

/** A ReplicaSet of running pods with label `app: NAME`. */
async function replicaSet(name: string, replicas: number): Promise<readonly Pod[]> {
  await clusters.virtual.create<ReplicaSet>(resources.replicaSets, {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: { name, namespace: 'default' },
    spec: {
      replicas,
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name } },
        spec: { containers: [{ name: 'main', image: 'example.org/main:1' }] },
      },
    },
  });
  return runningPods(name, replicas);
}

const runningPods = (name: string, count: number): Promise<readonly Pod[]> =>
  eventually(
    `${count} pods of ${name} run`,
    async () => {
      const { items } = await clusters.virtual.list<Pod>(resources.pods, {
        namespace: 'default',
        labelSelector: `app=${name}`,
      });
      const running = items.filter(
        ({ metadata, status }) => status?.phase === 'Running' && !metadata?.deletionTimestamp,
      );
      if (running.length !== count) throw new Error(JSON.stringify(items.map(({ status }) => status?.phase)));
      return running;
    },
    60,
  );

const twin = (name: string, expected: object): Promise<PodDisruptionBudget> =>
  eventually(
    `the host's budget ${name} is ${JSON.stringify(expected)}`,
    async () => {
      const host = await clusters.twin<PodDisruptionBudget>(type, name);
      expect(host).toMatchObject(expected);
      return host;
    },
    30,
  );

/** Asks the host to evict the twin of a virtual pod. */
async function evict(virtual: Pod | undefined): Promise<'evicted' | 'refused'> {
  const name = clusters.hostNameOf(virtual?.metadata?.name ?? '');
  try {
    await impatient.create(
      resources.pods,
      { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name, namespace: HOST_NAMESPACE } } as never,
      { name, namespace: HOST_NAMESPACE, subresource: 'eviction' },
    );
    return 'evicted';
  } catch (error) {
    if (error instanceof ApiError && error.status === 429) return 'refused';
    throw error;
  }
}

test('the host evicts as many pods as maxUnavailable lets it, of pods that have no controller there', async () => {
  const pods = await replicaSet('shared', 3);
  await createBudget('shared', { maxUnavailable: 1 });
  await twin('shared', {
    spec: { minAvailable: 2 },
    status: { currentHealthy: 3, desiredHealthy: 2, disruptionsAllowed: 1 },
  });
  clusters.node.ignored.add(clusters.hostNameOf(pods[0]?.metadata?.name ?? '')); // it takes its time to end
  expect(await evict(pods[0])).toBe('evicted');
  expect(await evict(pods[1])).toBe('refused');
  clusters.node.ignored.clear();
});

test('the count follows the number of pods that the controller wants, and the virtual status is the virtual controller’s', async () => {
  await replicaSet('half', 2);
  await createBudget('half', { minAvailable: '50%' });
  await twin('half', { spec: { minAvailable: 1 }, status: { disruptionsAllowed: 1 } });
  const at = { namespace: 'default', name: 'half' };
  await clusters.virtual.patch(resources.replicaSets, { ...at, type: 'merge' }, { spec: { replicas: 5 } });
  await runningPods('half', 5);
  await twin('half', { spec: { minAvailable: 3 }, status: { currentHealthy: 5, disruptionsAllowed: 2 } });
  const virtual = await eventually('the virtual budget has counted five pods', async () => {
    const budget = await clusters.virtualOne<PodDisruptionBudget>(type, 'half');
    return budget?.status?.currentHealthy === 5 ? budget : undefined;
  });
  expect(virtual.spec).toEqual({ selector: { matchLabels: { app: 'half' } }, minAvailable: '50%' });
  expect(virtual.status).toMatchObject({ expectedPods: 5, desiredHealthy: 3, disruptionsAllowed: 2 });
  const writers = new Set(virtual.metadata?.managedFields?.map(({ manager }) => manager));
  expect([...writers].sort()).toEqual(['kube-controller-manager', 'test']);
});

test('a share of pods without a controller allows no eviction on either side', async () => {
  const pod = await clusters.createPod('alone', {}, { labels: { app: 'alone' } });
  await clusters.running('alone');
  await createBudget('alone', { maxUnavailable: 1 });
  await twin('alone', { spec: { maxUnavailable: 0 }, status: { currentHealthy: 1, disruptionsAllowed: 0 } });
  expect(await evict(pod)).toBe('refused');
  const budget = await clusters.virtualOne<PodDisruptionBudget>(type, 'alone');
  expect(budget?.status?.disruptionsAllowed).toBe(0);
});

test('changes follow, a selector’s too, and a budget that is deleted is gone from the host', async () => {
  const pod = await clusters.createPod('kept', {}, { labels: { app: 'kept', 'example.org/tier': 'front' } });
  await clusters.running('kept');
  await createBudget('kept', { minAvailable: 1, unhealthyPodEvictionPolicy: 'AlwaysAllow' });
  await twin('kept', {
    spec: { minAvailable: 1, unhealthyPodEvictionPolicy: 'AlwaysAllow' },
    status: { currentHealthy: 1 },
  });
  expect(await evict(pod)).toBe('refused');
  const at = { namespace: 'default', name: 'kept', type: 'merge' } as const;
  const changed = {
    selector: { matchLabels: null, matchExpressions: [{ key: 'example.org/tier', operator: 'Exists' }] },
    minAvailable: null,
    maxUnavailable: '100%',
    unhealthyPodEvictionPolicy: null,
  };
  await clusters.virtual.patch(type, at, { spec: changed });
  const host = await twin('kept', { spec: { maxUnavailable: 0 }, status: { currentHealthy: 1 } });
  expect(host.spec).not.toHaveProperty('unhealthyPodEvictionPolicy');
  expect(host.spec?.selector?.matchLabels).toEqual({
    'nestling.dev/virtual-cluster': 'vc',
    'nestling.dev/namespace': 'default',
  });
  await clusters.virtual.patch(type, at, { spec: { minAvailable: 0, maxUnavailable: null } });
  await twin('kept', { spec: { minAvailable: 0 }, status: { disruptionsAllowed: 1 } });
  await clusters.virtual.delete(type, { namespace: 'default', name: 'kept' });
  await clusters.gone(type, 'kept');
  expect(await evict(pod)).toBe('evicted');
});

test('an empty selector is all pods of the namespace, and of no other', async () => {
  const metadata = { name: 'everything', namespace: 'kube-system' };
  await clusters.virtual.create<PodDisruptionBudget>(type, {
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata,
    spec: { selector: {}, minAvailable: 1 },
  });
  const host = await eventually('the host’s controller has looked at the budget', async () => {
    const { items } = await clusters.host.list<PodDisruptionBudget>(type, {
      namespace: HOST_NAMESPACE,
      labelSelector: 'nestling.dev/namespace=kube-system',
    });
    return items.find(({ status }) => status?.observedGeneration);
  });
  expect(host.status).toMatchObject({ expectedPods: 0, currentHealthy: 0 });
  await clusters.virtual.delete(type, metadata);
});

test('nothing is written when nothing changes, and a restart writes nothing', async () => {
  await createBudget('idle', { minAvailable: 1, selector: {} });
  const before = await twin('idle', { status: { observedGeneration: 1 } });
  await clusters.stopSyncer();
  const syncer = await clusters.startSyncer();
  await createBudget('after', { minAvailable: 0 });
  await twin('after', { spec: { minAvailable: 0 } });
  const after = await clusters.twin<PodDisruptionBudget>(type, 'idle');
  expect(after?.metadata?.generation).toBe(before.metadata?.generation);
  expect(syncer.host.requests.count({ verb: 'patch', resource: 'poddisruptionbudgets' })).toBe(0);
  for (const name of ['idle', 'after']) await clusters.virtual.delete(type, { namespace: 'default', name });
});
