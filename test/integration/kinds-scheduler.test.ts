import type { Node, NodeSelectorTerm, PersistentVolumeClaim, Pod } from 'kubernetes-types/core/v1';
import { resources } from '../../syncer/kube-client';
import type { KubeObject } from '../../syncer/kube-client';
import { eventually } from '../virtual-cluster/eventually';
import { grantHostRights } from './host-rights';
import { HostStorage } from './host-storage';
import { HOST_NAMESPACE } from './in-process-syncer';
import { TwoClusters } from './two-clusters';

/*
 * Upstream's scheduler in the virtual cluster. The host's nodes are objects only; its scheduler and kubelet are played by `HostNode`, which
 * binds every pod that it does not ignore to node-1.
 */

const SECONDS = 60;
const CLAIMS = resources.persistentVolumeClaims;
const REQUIRED = 'requiredDuringSchedulingIgnoredDuringExecution';
const SELECTED = 'volume.kubernetes.io/selected-node';
const views = { storageClasses: { enabled: true }, persistentVolumes: { enabled: true } };

// It taints every new Node until a controller that runs on neither side finds it ready.
const flags = ['--disable-admission-plugins=TaintNodesByCondition'];

let clusters: TwoClusters;
let storage: HostStorage;

const makeHostNode = (name: string): Promise<unknown> => {
  const room = { cpu: '8', memory: '32Gi', pods: '110', 'ephemeral-storage': '100Gi' };
  return clusters.host.create(resources.nodes, {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, labels: { 'kubernetes.io/hostname': name, pool: 'a' } },
    status: { capacity: room, allocatable: room, conditions: [{ type: 'Ready', status: 'True' }] },
  } as KubeObject);
};

/** Starts the syncer anew, with the rights of the role and no more. */
async function restart(nodes: { mode: 'all' | 'selector'; selector?: Record<string, string> }): Promise<void> {
  await clusters.stopSyncer();
  const sync = { fromHost: { nodes, ...views } };
  await clusters.startSyncer({ scheduling: { scheduler: 'virtual' }, sync }, 'syncer');
}

const twin = (name: string): Promise<Pod | undefined> => clusters.twin<Pod>(resources.pods, name);
const pod = (name: string): Promise<Pod | undefined> => clusters.virtualOne<Pod>(resources.pods, name);

const boundTo = (name: string, node: string): Promise<unknown> =>
  eventually(`pod ${name} is bound to ${node}`, async () => (await pod(name))?.spec?.nodeName === node, SECONDS);

const twinOf = (name: string): Promise<Pod> => eventually(`pod ${name} is on the host`, () => twin(name), SECONDS);

const remove = (name: string): Promise<unknown> =>
  clusters.virtual.delete(resources.pods, { namespace: 'default', name, gracePeriodSeconds: 0 });

const labelVirtualNode = (name: string, labels: Record<string, string | null>): Promise<unknown> =>
  clusters.virtual.patch(resources.nodes, { name, type: 'merge' }, { metadata: { labels } });

const pinnedTo = (name: string): object => ({
  nodeAffinity: {
    [REQUIRED]: {
      nodeSelectorTerms: [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: [name] }] }],
    },
  },
});

const termsOf = ({ spec }: Pod): NodeSelectorTerm[] =>
  spec?.affinity?.nodeAffinity?.[REQUIRED]?.nodeSelectorTerms ?? [];

beforeAll(async () => {
  clusters = await TwoClusters.start({
    host: { flags },
    virtual: { flags, scheduler: true },
    virtualControllers: ['persistentvolumeclaim-protection-controller', 'persistentvolume-protection-controller'],
  });
  storage = new HostStorage(clusters.host, HOST_NAMESPACE);
  storage.start();
  await grantHostRights(clusters.host, 'syncer', { fromHost: { nodes: { mode: 'all' }, ...views } });
  await Promise.all(['node-1', 'node-2'].map(makeHostNode));
});

afterAll(async () => {
  await storage?.stop();
  await clusters?.stop();
});

test('what the host has not bound when a scheduler comes is made anew, on the node that it chooses', async () => {
  clusters.node.ignored.add(clusters.hostNameOf('early'));
  await clusters.createPod('early');
  const before = await twinOf('early');
  expect(before.spec).not.toHaveProperty('affinity');
  await restart({ mode: 'all' });
  const node = await eventually('pod early is bound', async () => (await pod('early'))?.spec?.nodeName, SECONDS);
  const after = await eventually(
    'the twin is another one',
    async () => {
      const now = await twin('early');
      return now && now.metadata?.uid !== before.metadata?.uid ? now : undefined;
    },
    SECONDS,
  );
  expect(after.spec?.affinity).toEqual(pinnedTo(node));
  expect((await pod('early'))?.metadata).not.toHaveProperty('deletionTimestamp');
  await remove('early');
});

test('the virtual scheduler chooses, by labels that only the virtual node has, and the host is asked for that node alone', async () => {
  await clusters.createPod('chosen', {
    nodeSelector: { 'of-the-tenant': 'yes' },
    topologySpreadConstraints: [{ maxSkew: 1, topologyKey: 'of-the-tenant', whenUnsatisfiable: 'DoNotSchedule' }],
  });
  await eventually(
    'the scheduler finds no node',
    async () => (await clusters.events('chosen')).find(({ reason }) => reason === 'FailedScheduling'),
    SECONDS,
  );
  expect(await twin('chosen')).toBeUndefined();
  await labelVirtualNode('node-1', { 'of-the-tenant': 'yes' });
  await clusters.running('chosen');
  const { spec } = await twinOf('chosen');
  expect(spec?.affinity).toEqual(pinnedTo('node-1'));
  expect(spec).not.toHaveProperty('nodeSelector');
  expect(spec).not.toHaveProperty('topologySpreadConstraints');
  await labelVirtualNode('node-1', { 'of-the-tenant': null });
});

test('what admission of the host adds to the affinity of a pod is no reason to make the pod anew', async () => {
  clusters.node.ignored.add(clusters.hostNameOf('extended'));
  await clusters.createPod('extended');
  const { metadata, spec, ...rest } = await twinOf('extended');
  await clusters.stopSyncer();
  const { name = '', namespace, labels, annotations, ownerReferences } = metadata ?? {};
  await clusters.host.delete(resources.pods, { name, namespace: HOST_NAMESPACE, gracePeriodSeconds: 0 });
  const [term] = termsOf({ spec } as Pod);
  const more = { matchExpressions: [{ key: 'pool', operator: 'In', values: ['a'] }] };
  // As a webhook of the host would have made it.
  const extended = await clusters.host.create<Pod>(resources.pods, {
    ...rest,
    metadata: { name, namespace, labels, annotations, ownerReferences },
    spec: { ...spec, affinity: { nodeAffinity: { [REQUIRED]: { nodeSelectorTerms: [{ ...term, ...more }, more] } } } },
  } as Pod);
  await restart({ mode: 'all' });
  // A change that the syncer passes on: what it had to do about the pod before is done then.
  const labelled = { metadata: { labels: { looked: 'at' } } };
  await clusters.virtual.patch(resources.pods, { namespace: 'default', name: 'extended', type: 'merge' }, labelled);
  const after = await eventually(
    'the label of pod extended is on the host',
    async () => {
      const now = await twin('extended');
      return now?.metadata?.labels?.['label.nestling.dev/looked'] === 'at' ? now : undefined;
    },
    SECONDS,
  );
  expect(after.metadata?.uid).toBe(extended.metadata?.uid);
  expect(termsOf(after)).toHaveLength(2);
  await remove('extended');
});

test('a node that the tenant names is asked of the host, not forced on it, and only one that the platform shows', async () => {
  const own = { apiVersion: 'v1', kind: 'Node', metadata: { name: 'node-9' } };
  await clusters.virtual.create(resources.nodes, own);
  await clusters.createPod('named', { nodeName: 'node-1' });
  await clusters.createPod('astray', { nodeName: 'node-9' });
  await clusters.running('named');
  expect((await twinOf('named')).spec?.affinity).toEqual(pinnedTo('node-1'));
  expect((await clusters.event('astray', 'PolicyViolation')).message).toContain('spec.nodeName is "node-9"');
  expect(await twin('astray')).toBeUndefined();
  await Promise.all(['named', 'astray'].map(remove));
  await clusters.virtual.delete(resources.nodes, { name: 'node-9' });
});

test('why the host cannot run a pod on its node is the tenant’s to see, and the pod keeps the node', async () => {
  clusters.node.ignored.add(clusters.hostNameOf('crowded'));
  await clusters.createPod('crowded', { nodeSelector: { 'kubernetes.io/hostname': 'node-2' } });
  await boundTo('crowded', 'node-2');
  await twinOf('crowded');
  // Being bound is all that is known, until the host says more.
  expect((await pod('crowded'))?.status?.conditions).toContainEqual(
    expect.objectContaining({ type: 'PodScheduled', status: 'True' }),
  );
  const message = '0/2 nodes are available: 1 Insufficient cpu.';
  const refused = { type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message };
  await clusters.host.patch(
    resources.pods,
    { namespace: HOST_NAMESPACE, name: clusters.hostNameOf('crowded'), subresource: 'status', type: 'strategic' },
    { status: { conditions: [refused] } },
  );
  await eventually(
    'the pod shows what the host says',
    async () => (await pod('crowded'))?.status?.conditions?.some((one) => one.message === message),
    SECONDS,
  );
  expect((await pod('crowded'))?.spec?.nodeName).toBe('node-2');
  await remove('crowded');
});

test('a pod that the host refuses stays, bound as it is, and starts when the host takes it', async () => {
  const quota = { namespace: HOST_NAMESPACE, name: 'full' };
  const hard = { pods: '0' };
  await clusters.host.create(resources.resourceQuotas, {
    apiVersion: 'v1',
    kind: 'ResourceQuota',
    metadata: quota,
    spec: { hard },
  } as KubeObject);
  // There is no quota controller here.
  await clusters.host.patch(
    resources.resourceQuotas,
    { ...quota, subresource: 'status', type: 'merge' },
    { status: { hard, used: { pods: '0' } } },
  );
  await clusters.hostRefusesPods();
  const created = await clusters.createPod('waiting');
  await clusters.event('waiting', 'RefusedByHost');
  expect(await pod('waiting')).toMatchObject({
    metadata: { uid: created.metadata?.uid },
    spec: { nodeName: expect.any(String) as string },
  });
  clusters.node.ignored.add(clusters.hostNameOf('waiting'));
  await clusters.host.delete(resources.resourceQuotas, quota);
  const first = await twinOf('waiting');
  // Nothing of it ran.
  await clusters.host.delete(resources.pods, {
    namespace: HOST_NAMESPACE,
    name: first.metadata?.name ?? '',
    gracePeriodSeconds: 0,
  });
  await eventually(
    'the pod gets another twin',
    async () => {
      const now = await twin('waiting');
      return now !== undefined && now.metadata?.uid !== first.metadata?.uid;
    },
    SECONDS,
  );
  expect((await pod('waiting'))?.metadata?.uid).toBe(created.metadata?.uid);
  await remove('waiting');
});

test('a pod that ran and lost its twin never starts again', async () => {
  await clusters.createPod('once', { nodeSelector: { 'kubernetes.io/hostname': 'node-1' } });
  await clusters.running('once');
  await clusters.host.delete(resources.pods, {
    namespace: HOST_NAMESPACE,
    name: clusters.hostNameOf('once'),
    gracePeriodSeconds: 0,
  });
  await clusters.gone(resources.pods, 'once');
});

test('a volume of a class that waits for a pod is made for the node that the virtual scheduler selects', async () => {
  await clusters.host.create(resources.storageClasses, {
    apiVersion: 'storage.k8s.io/v1',
    kind: 'StorageClass',
    metadata: { name: 'patient' },
    provisioner: 'disk.example.org',
    volumeBindingMode: 'WaitForFirstConsumer',
  } as KubeObject);
  await eventually(
    'the class is shown',
    () => clusters.virtual.get(resources.storageClasses, { name: 'patient' }),
    SECONDS,
  );
  const hostClaim = clusters.hostNameOf('data');
  storage.ignored.add(hostClaim);
  await clusters.virtual.create<PersistentVolumeClaim>(CLAIMS, {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name: 'data', namespace: 'default', annotations: { [SELECTED]: 'node-9' } },
    spec: {
      storageClassName: 'patient',
      accessModes: ['ReadWriteOnce'],
      resources: { requests: { storage: '1Gi' } },
    },
  });
  const claim = (): Promise<PersistentVolumeClaim | undefined> => clusters.twin<PersistentVolumeClaim>(CLAIMS, 'data');
  const early = await eventually('the claim is on the host', claim, SECONDS);
  // No node that is shown.
  expect(early.metadata?.annotations).not.toHaveProperty([SELECTED]);
  await clusters.virtual.patch(
    CLAIMS,
    { namespace: 'default', name: 'data', type: 'merge' },
    { metadata: { annotations: { [SELECTED]: null } } },
  );
  await clusters.createPod('reader', {
    nodeSelector: { 'kubernetes.io/hostname': 'node-1' },
    volumes: [{ name: 'data', persistentVolumeClaim: { claimName: 'data' } }],
  });
  const selected = await eventually(
    'the host’s claim names the node',
    async () => {
      const one = await claim();
      return one?.metadata?.annotations?.[SELECTED] === undefined ? undefined : one;
    },
    SECONDS,
  );
  expect(selected.metadata?.annotations?.[SELECTED]).toBe('node-1');
  // The scheduler binds the pod once the volume is there.
  expect((await pod('reader'))?.spec).not.toHaveProperty('nodeName');
  expect(await twin('reader')).toBeUndefined();
  storage.ignored.clear();
  await storage.handle(selected);
  await clusters.running('reader');
  expect((await pod('reader'))?.spec?.nodeName).toBe('node-1');
});

test('a node that is selected no more keeps its pods, and gets no others', async () => {
  await restart({ mode: 'selector', selector: { pool: 'a' } });
  const node = (): Promise<Node> => clusters.virtual.get<Node>(resources.nodes, { name: 'node-1' });
  expect((await node()).spec).not.toHaveProperty('unschedulable');
  await clusters.host.patch(
    resources.nodes,
    { name: 'node-1', type: 'merge' },
    { metadata: { labels: { pool: 'b' } } },
  );
  await eventually('the node takes no more pods', async () => (await node()).spec?.unschedulable === true, SECONDS);
  clusters.node.ignored.add(clusters.hostNameOf('next'));
  await clusters.createPod('next');
  await boundTo('next', 'node-2');
  expect((await pod('chosen'))?.status?.phase).toBe('Running');
});
