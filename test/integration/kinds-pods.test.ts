import { setTimeout as sleep } from 'node:timers/promises';
import type { Pod, Secret, Service } from 'kubernetes-types/core/v1';
import { ApiError, resources } from '../../syncer/kube-client';
import type { KubeClient } from '../../syncer/kube-client';
import { ANNOTATIONS, hostName, syncerRights, tokenSecretName } from '../../syncer/translation';
import { eventually } from '../virtual-cluster/eventually';
import { configurationOf, HOST_NAMESPACE, NAME } from './in-process-syncer';
import { found, TwoClusters } from './two-clusters';

let clusters: TwoClusters;

beforeAll(async () => {
  clusters = await TwoClusters.start();
});

afterAll(async () => {
  await clusters?.stop();
});

/** Puts another `create` in the way of the syncer's requests to the host, for one test. */
function intercept(create: (next: KubeClient['create']) => KubeClient['create']): void {
  const { host } = clusters.syncer;
  const original = host.create.bind(host);
  host.create = create(original);
  restore = () => {
    host.create = original;
  };
}

let restore = (): void => undefined;

afterEach(() => {
  restore();
  clusters.node.ignored.clear();
});

const IDENTITY = { name: NAME, hostNamespace: HOST_NAMESPACE };

const tokenSecret = (pod: string): Promise<Secret | undefined> =>
  found(
    clusters.host.get<Secret>(resources.secrets, {
      namespace: HOST_NAMESPACE,
      name: tokenSecretName(IDENTITY, 'default', pod),
    }),
  );

/** Waits for the host's twin of this very virtual pod. */
const twinOf = (virtual: Pod): Promise<Pod> =>
  eventually(`the host's pod of ${virtual.metadata?.name} (${virtual.metadata?.uid})`, async () => {
    const pod = await clusters.twin<Pod>(resources.pods, virtual.metadata?.name ?? '');
    return pod?.metadata?.annotations?.[ANNOTATIONS.uid] === virtual.metadata?.uid ? pod : undefined;
  });

const bindOnHost = async (hostPod: Pod): Promise<void> => {
  const { name = '', namespace = '' } = hostPod.metadata ?? {};
  await clusters.host.create(
    resources.pods,
    {
      apiVersion: 'v1',
      kind: 'Binding',
      metadata: { name },
      target: { kind: 'Node', name: clusters.node.name },
    } as never,
    { name, namespace, subresource: 'binding' },
  );
};

const removeOnHost = (name: string): Promise<unknown> =>
  clusters.host.delete(resources.pods, {
    namespace: HOST_NAMESPACE,
    name: clusters.hostNameOf(name),
    gracePeriodSeconds: 0,
  });

test('a foreign pod that has the name on the host is never touched; the virtual one is told, and runs once the name is free', async () => {
  const foreign = await clusters.host.create<Pod>(resources.pods, {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: clusters.hostNameOf('taken'), namespace: HOST_NAMESPACE, labels: { app: 'theirs' } },
    spec: { containers: [{ name: 'main', image: 'example.org/theirs:1' }] },
  });
  await clusters.createPod('taken');
  await clusters.event('taken', 'HostNameTaken');
  const after = await clusters.twin<Pod>(resources.pods, 'taken');
  expect(after?.metadata).toMatchObject({ uid: foreign.metadata?.uid, labels: { app: 'theirs' } });
  expect(after?.metadata).not.toHaveProperty('deletionTimestamp');
  await removeOnHost('taken');
  await clusters.running('taken');
});

test('a recreated pod waits for the end of its former twin, and never meets the former tokens', async () => {
  const first = await clusters.createPod('web-0');
  await clusters.running('web-0');
  const twin = await twinOf(first);
  const former = await eventually('the first token Secret', () => tokenSecret('web-0'));
  // The host's kubelet takes its time to end the pod.
  const at = { namespace: HOST_NAMESPACE, name: twin.metadata?.name ?? '' };
  await clusters.host.patch(
    resources.pods,
    { ...at, type: 'merge' },
    { metadata: { finalizers: ['example.org/slow'] } },
  );
  const atCreation: (string | undefined)[] = [];
  intercept((create) => async (type, object, options) => {
    if (type.resource === 'pods') atCreation.push((await tokenSecret('web-0'))?.metadata?.uid);
    return create(type, object, options);
  });

  await clusters.virtual.delete(resources.pods, { namespace: 'default', name: 'web-0', gracePeriodSeconds: 0 });
  const second = await clusters.createPod('web-0');
  await eventually('the former twin is told to end', async () => {
    const pod = await clusters.host.get<Pod>(resources.pods, at);
    return pod.metadata?.deletionTimestamp !== undefined && pod.metadata.uid === twin.metadata?.uid;
  });
  const waiting = await clusters.virtualOne<Pod>(resources.pods, 'web-0');
  expect(waiting?.metadata?.uid).toBe(second.metadata?.uid);
  expect(waiting?.spec?.nodeName).toBeUndefined();
  expect(waiting?.status?.podIP).toBeUndefined();
  expect(waiting?.metadata).not.toHaveProperty('deletionTimestamp');

  await clusters.host.patch(resources.pods, { ...at, type: 'merge' }, { metadata: { finalizers: null } });
  await clusters.running('web-0');
  const successor = await twinOf(second);
  expect(atCreation).toEqual([undefined]);
  const tokens = await eventually('the second token Secret', () => tokenSecret('web-0'));
  expect(tokens.metadata?.uid).not.toBe(former.metadata?.uid);
  expect(tokens.metadata?.annotations?.[ANNOTATIONS.uid]).toBe(second.metadata?.uid);
  expect(tokens.metadata?.ownerReferences).toMatchObject([{ kind: 'Pod', uid: successor.metadata?.uid }]);
  expect(tokens.data).not.toEqual(former.data);
});

test('a pod whose host pod went before it was on a node gets another one', async () => {
  clusters.node.ignored.add(clusters.hostNameOf('early'));
  const virtual = await clusters.createPod('early');
  const first = await twinOf(virtual);
  // Ignored until it is gone: else the node could still take it.
  await removeOnHost('early');
  clusters.node.heedAll();
  await clusters.running('early');
  const second = await twinOf(virtual);
  expect(second.metadata?.uid).not.toBe(first.metadata?.uid);
});

test('a pod that was on a node never starts twice, even if nothing was heard of it there', async () => {
  clusters.node.ignored.add(clusters.hostNameOf('lost'));
  const virtual = await clusters.createPod('lost');
  await bindOnHost(await twinOf(virtual));
  await eventually('the pod is bound in the virtual cluster', async () => {
    const pod = await clusters.virtualOne<Pod>(resources.pods, 'lost');
    return pod?.spec?.nodeName === clusters.node.name;
  });
  await clusters.stopSyncer();
  await removeOnHost('lost');
  clusters.node.ignored.clear();
  await clusters.startSyncer();
  await clusters.event('lost', 'LostOnHost');
  await clusters.gone(resources.pods, 'lost');
});

test('a pod that the host deletes goes in the virtual cluster too, in its own time', async () => {
  const virtual = await clusters.createPod('drained');
  await clusters.running('drained');
  clusters.node.ignored.add(clusters.hostNameOf('drained'));
  await clusters.host.delete(resources.pods, { namespace: HOST_NAMESPACE, name: clusters.hostNameOf('drained') });
  await eventually('the virtual pod is Terminating', async () => {
    const pod = await clusters.virtualOne<Pod>(resources.pods, 'drained');
    return pod?.metadata?.uid === virtual.metadata?.uid && pod?.metadata?.deletionTimestamp !== undefined;
  });
  clusters.node.ignored.clear();
  await removeOnHost('drained');
  await clusters.gone(resources.pods, 'drained');
});

test("a pod that the host's kubelet evicts is Failed in the virtual cluster and does not start again", async () => {
  const virtual = await clusters.createPod('evicted');
  await clusters.running('evicted');
  await clusters.host.patch(
    resources.pods,
    { namespace: HOST_NAMESPACE, name: clusters.hostNameOf('evicted'), subresource: 'status', type: 'strategic' },
    { status: { phase: 'Failed', reason: 'Evicted', message: 'The node was low on resource: memory.' } },
  );
  await eventually('the virtual pod is Failed', async () => {
    const pod = await clusters.virtualOne<Pod>(resources.pods, 'evicted');
    return pod?.status?.phase === 'Failed' && pod.status.reason === 'Evicted';
  });
  await removeOnHost('evicted');
  await sleep(1_000);
  expect(await clusters.twin(resources.pods, 'evicted')).toBeUndefined();
  const after = await clusters.virtualOne<Pod>(resources.pods, 'evicted');
  expect(after?.metadata?.uid).toBe(virtual.metadata?.uid);
});

test('a pod that the tenant bound elsewhere than the host is removed, with the reason', async () => {
  clusters.node.ignored.add(clusters.hostNameOf('elsewhere'));
  const virtual = await clusters.createPod('elsewhere');
  const twin = await twinOf(virtual);
  await clusters.virtual.create(
    resources.pods,
    {
      apiVersion: 'v1',
      kind: 'Binding',
      metadata: { name: 'elsewhere' },
      target: { kind: 'Node', name: 'not-there' },
    } as never,
    { name: 'elsewhere', namespace: 'default', subresource: 'binding' },
  );
  clusters.node.ignored.clear();
  await bindOnHost(twin);
  await clusters.event('elsewhere', 'NodeMismatch');
  await clusters.gone(resources.pods, 'elsewhere');
});

test('a tenant that forces the end of a pod cannot take the host pod away from its kubelet', async () => {
  const virtual = await clusters.createPod('forced', {}, { finalizers: ['example.org/kept'] });
  await clusters.running('forced');
  clusters.node.ignored.add(clusters.hostNameOf('forced'));
  await clusters.virtual.delete(resources.pods, { namespace: 'default', name: 'forced', gracePeriodSeconds: 0 });
  await eventually('the host pod is told to end', async () => {
    const pod = await clusters.twin<Pod>(resources.pods, 'forced');
    if (pod === undefined) throw new Error('the host pod is gone, though its kubelet did not say so');
    return (
      pod.metadata?.deletionTimestamp !== undefined &&
      pod.metadata.annotations?.[ANNOTATIONS.uid] === virtual.metadata?.uid
    );
  });
  clusters.node.ignored.clear();
  await removeOnHost('forced');
  await clusters.virtual.patch(
    resources.pods,
    { namespace: 'default', name: 'forced', type: 'merge' },
    { metadata: { finalizers: null } },
  );
  await clusters.gone(resources.pods, 'forced');
});

test('a pod that the policy refuses never reaches the host, whatever becomes of it', async () => {
  const before = clusters.syncer.host.requests
    .entries()
    .find((one) => one.verb === 'create' && one.resource === 'pods');
  const sent = before?.sent ?? 0;
  await clusters.createPod('privileged', {
    containers: [{ name: 'main', image: 'example.org/main:1', securityContext: { privileged: true } }],
  });
  await clusters.event('privileged', 'PolicyViolation');
  const at = { namespace: 'default', name: 'privileged' };
  await clusters.virtual.patch(resources.pods, { ...at, type: 'merge' }, { metadata: { labels: { a: 'b' } } });
  await clusters.virtual.patch(
    resources.pods,
    { ...at, subresource: 'status', type: 'merge' },
    { status: { phase: 'Running' } },
  );
  await sleep(500);
  const after = clusters.syncer.host.requests.entries().find((one) => one.verb === 'create' && one.resource === 'pods');
  expect(after?.sent ?? 0).toBe(sent);
  expect(await clusters.twin(resources.pods, 'privileged')).toBeUndefined();
  await clusters.virtual.delete(resources.pods, { ...at, gracePeriodSeconds: 0 });
});

test('a host that gives another reason each time is not asked again at once, and the pod runs when it gives in', async () => {
  let attempts = 0;
  const started = performance.now();
  intercept((create) => (type, object, options) => {
    if (type.resource !== 'pods') return create(type, object, options);
    attempts += 1;
    return Promise.reject(
      new ApiError({ status: 403, reason: 'Forbidden', message: `denied by a webhook: request ${attempts}` }),
    );
  });
  await clusters.createPod('refused');
  await clusters.event('refused', 'RefusedByHost');
  await sleep(3_000);
  // Each pause is at least twice as long as the shortest of the one before, which is a quarter of a second.
  expect(attempts).toBeLessThanOrEqual(1 + Math.log2(1 + (performance.now() - started) / 250));
  restore();
  await clusters.running('refused');
});

test('a quota of the host holds a pod back until there is room', async () => {
  const at = { namespace: HOST_NAMESPACE, name: 'quota' };
  await clusters.host.create(resources.resourceQuotas, {
    apiVersion: 'v1',
    kind: 'ResourceQuota',
    metadata: at,
    spec: { hard: { pods: '1' } },
  });
  // There is no quota controller here.
  const used = (count: string) =>
    clusters.host.patch(
      resources.resourceQuotas,
      { ...at, subresource: 'status', type: 'merge' },
      { status: { hard: { pods: '1' }, used: { pods: count } } },
    );
  await used('1');
  await clusters.hostRefusesPods();
  await clusters.createPod('queued');
  const event = await clusters.event('queued', 'RefusedByHost');
  expect(event.message).toContain('exceeded quota');
  expect(event.message).not.toContain(HOST_NAMESPACE);
  const pod = await clusters.virtualOne<Pod>(resources.pods, 'queued');
  const scheduled = pod?.status?.conditions?.find(({ type }) => type === 'PodScheduled');
  expect(scheduled).toMatchObject({ status: 'False', reason: 'RefusedByHost' });
  await used('0');
  await clusters.running('queued');
  await clusters.host.delete(resources.resourceQuotas, at);
});

test('a pod that needs a name server waits for its address and says so; others do not', async () => {
  const at = { namespace: 'kube-system', name: 'kube-dns' };
  const { spec } = await clusters.virtual.get<Service>(resources.services, at);
  const twin = { namespace: HOST_NAMESPACE, name: hostName(IDENTITY, at.namespace, at.name) };
  await clusters.virtual.delete(resources.services, at);
  await eventually(
    'kube-dns is gone from the host',
    async () => (await found(clusters.host.get(resources.services, twin))) === undefined,
  );
  await clusters.createPod('resolving');
  await clusters.createPod('alone', { dnsPolicy: 'Default' });
  await clusters.running('alone');
  await clusters.waiting(
    'resolving',
    'DNSNotReady',
    'spec.dnsPolicy asks for the DNS of the cluster, which has no address yet; the pod starts as soon as Service kube-system/kube-dns has one',
  );
  const { selector, ports } = spec ?? {};
  await clusters.virtual.create<Service>(resources.services, {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: at,
    spec: { selector, ports },
  } as Service);
  await clusters.running('resolving');
});

test('two writers of one status do not drive each other: the host wins, at a bounded rate', async () => {
  await clusters.createPod('fought-over');
  await clusters.running('fought-over');
  const writes = () =>
    clusters.syncer.virtual.requests
      .entries()
      .filter(({ verb, resource }) => verb === 'patch' && resource === 'pods/status')
      .reduce((sum, { sent }) => sum + sent, 0);
  const before = writes();
  const at = { namespace: 'default', name: 'fought-over', subresource: 'status', type: 'merge' } as const;
  let theirs = 0;
  for (; theirs < 150; theirs += 1) {
    await clusters.virtual.patch(resources.pods, at, { status: { message: `written by another ${theirs}` } });
    await sleep(5);
  }
  const spent = writes() - before;
  // A burst, then one a second: far from one for each of theirs, however slow the machine is.
  expect(spent).toBeLessThan(theirs / 2);
  await clusters.event('fought-over', 'WriteLoop');
  await eventually("the host's status is back", async () => {
    const pod = await clusters.virtualOne<Pod>(resources.pods, 'fought-over');
    return pod?.status?.message === undefined;
  });
});

test('a pod whose host pod is removed each time before it has a node gets another one at a bounded rate', async () => {
  const name = clusters.hostNameOf('unwanted');
  const { requests } = clusters.syncer.host;
  const made = () => requests.count({ verb: 'create', resource: 'pods' });
  const before = { made: made(), at: performance.now() };
  clusters.node.ignored.add(name);
  await clusters.createPod('unwanted');
  await eventually('event WriteLoop about pod unwanted', async () => {
    for (let round = 0; round < 20; round += 1) {
      await found(clusters.host.delete(resources.pods, { namespace: HOST_NAMESPACE, name, gracePeriodSeconds: 0 }));
      await sleep(10);
    }
    return (await clusters.events('unwanted')).some(({ reason }) => reason === 'WriteLoop');
  });
  // A burst, then one a second: true however slow the machine is.
  expect(made() - before.made).toBeLessThanOrEqual(20 + (performance.now() - before.at) / 1000);
  clusters.node.heedAll();
  await clusters.running('unwanted');
  await clusters.virtual.delete(resources.pods, { namespace: 'default', name: 'unwanted', gracePeriodSeconds: 0 });
  await clusters.gone(resources.pods, 'unwanted');
});

test("a right that the host's administrator took away is not told in the host's words, and missed no longer than it is away", async () => {
  const metadata = { name: 'limited', namespace: HOST_NAMESPACE };
  await clusters.host.create(resources.roles, {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'Role',
    metadata,
    // All that it needs, but for making pods.
    rules: syncerRights(configurationOf({})).flatMap(({ apiGroup, resources: granted, verbs }) =>
      granted.map((resource) => ({
        apiGroups: [apiGroup],
        resources: [resource],
        verbs: resource === 'pods' ? verbs.filter((verb) => verb !== 'create') : [...verbs],
      })),
    ),
  });
  await clusters.host.create(resources.roleBindings, {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'RoleBinding',
    metadata,
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'limited' },
    subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'limited' }],
  } as never);
  // Whatever kinds are synced, all may be watched.
  await clusters.host.create(resources.clusterRoles, {
    metadata: { name: 'watch-all' },
    rules: [{ apiGroups: ['*'], resources: ['*'], verbs: ['get', 'list', 'watch'] }],
  });
  await clusters.host.create(resources.clusterRoleBindings, {
    metadata: { name: 'watch-all' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'watch-all' },
    subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'limited' }],
  });
  await clusters.stopSyncer();
  await clusters.startSyncer({}, 'limited');
  await clusters.createPod('unentitled');
  const event = await clusters.event('unentitled', 'RefusedByHost');
  expect(event.message).not.toMatch(/team-a|limited|system:/);
  await clusters.host.patch(resources.roles, { ...metadata, type: 'json' }, [
    { op: 'add', path: '/rules/-', value: { apiGroups: [''], resources: ['pods'], verbs: ['create'] } },
  ]);
  await clusters.running('unentitled');
});
