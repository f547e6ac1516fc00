import { setTimeout as sleep } from 'node:timers/promises';
import type { Node, Pod } from 'kubernetes-types/core/v1';
import type { NodeMode } from '../../syncer/configuration';
import { HostFacts } from '../../syncer/kinds';
import { resources } from '../../syncer/kube-client';
import { nodeAddress } from '../../syncer/translation';
import { eventually } from '../virtual-cluster/eventually';
import { grantHostRights } from './host-rights';
import { HOST_NAMESPACE, NAME } from './in-process-syncer';
import { found, TwoClusters } from './two-clusters';

let clusters: TwoClusters;

// It taints every new Node until a controller that runs on neither side finds it ready.
const flags = ['--disable-admission-plugins=TaintNodesByCondition'];

beforeAll(async () => {
  clusters = await TwoClusters.start({ host: { flags }, virtual: { flags } });
});

afterAll(async () => {
  await clusters?.stop();
});

const virtualNode = (name = clusters.node.name): Promise<Node | undefined> =>
  found(clusters.virtual.get<Node>(resources.nodes, { name }));

const nodeGone = (name?: string): Promise<boolean> =>
  eventually('the virtual node is gone', async () => (await virtualNode(name)) === undefined, 30);

const remove = (name: string): Promise<unknown> =>
  clusters.virtual.delete(resources.pods, { namespace: 'default', name });

const DAEMON_SET = { apiVersion: 'apps/v1', kind: 'DaemonSet', name: 'agents', uid: 'agents-uid', controller: true };

test('a node goes after its last pod; pods of DaemonSets do not keep it and go with it, once', async () => {
  await clusters.createPod('plain');
  await clusters.running('plain');
  await clusters.createPod('agent', {}, { ownerReferences: [DAEMON_SET] });
  await clusters.running('agent');
  const node = await virtualNode();
  expect(node).toBeDefined();
  await remove('plain');
  await nodeGone();
  await clusters.gone(resources.pods, 'agent');
  await sleep(1_000);
  expect(await virtualNode()).toBeUndefined();
});

test('a DaemonSet pod that ends slowly does not bring its node back, even when it was forced out of the virtual cluster', async () => {
  await clusters.createPod('plain');
  await clusters.running('plain');
  await clusters.createPod('slow', {}, { ownerReferences: [DAEMON_SET] });
  await clusters.running('slow');
  clusters.node.ignored.add(clusters.hostNameOf('slow'));
  await remove('plain');
  await nodeGone();
  // What pod garbage collection does to pods on a node that is no more.
  await clusters.virtual.delete(resources.pods, { namespace: 'default', name: 'slow', gracePeriodSeconds: 0 });
  await sleep(1_500);
  expect(await clusters.twin(resources.pods, 'slow')).toBeDefined();
  expect(await virtualNode()).toBeUndefined();
  clusters.node.ignored.clear();
  await clusters.host.delete(resources.pods, {
    namespace: 'team-a',
    name: clusters.hostNameOf('slow'),
    gracePeriodSeconds: 0,
  });
  await clusters.gone(resources.pods, 'slow');
});

test('a pod that waits for room on the node that it names is not taken away with the others', async () => {
  await clusters.createPod('plain');
  await clusters.running('plain');
  clusters.node.ignored.add(clusters.hostNameOf('pinned'));
  const pinned = await clusters.createPod('pinned', { nodeName: clusters.node.name });
  await eventually('the pinned pod is on the host', () => clusters.twin(resources.pods, 'pinned'));
  await remove('plain');
  await clusters.gone(resources.pods, 'plain');
  await sleep(7_000);
  const after = await clusters.virtualOne<Pod>(resources.pods, 'pinned');
  expect(after?.metadata?.uid).toBe(pinned.metadata?.uid);
  expect(after?.metadata).not.toHaveProperty('deletionTimestamp');
  expect(await virtualNode()).toBeDefined();
  clusters.node.ignored.clear();
  await clusters.virtual.delete(resources.pods, { namespace: 'default', name: 'pinned', gracePeriodSeconds: 0 });
  await nodeGone();
});

test('a pod that comes while its node is being removed finds a node, however late the watch tells', async () => {
  await clusters.createPod('last');
  await clusters.running('last');
  const cache = clusters.syncer.caches.virtual.nodes;
  const removeFromCache = cache.remove.bind(cache);
  cache.remove = (node) => setTimeout(() => removeFromCache(node), 3_000);
  await remove('last');
  await nodeGone();
  await clusters.createPod('next');
  await eventually('the next pod is bound', async () => {
    const pod = await clusters.virtualOne<Pod>(resources.pods, 'next');
    return pod?.spec?.nodeName === clusters.node.name;
  });
  expect(await virtualNode()).toBeDefined();
  cache.remove = removeFromCache;
});

test('a node that a tenant deletes comes back while pods are on it', async () => {
  await clusters.running('next');
  const before = await virtualNode();
  await clusters.virtual.delete(resources.nodes, { name: clusters.node.name });
  await eventually('the node is back', async () => {
    const node = await virtualNode();
    return node !== undefined && node.metadata?.uid !== before?.metadata?.uid;
  });
  await remove('next');
  await nodeGone();
});

test("a tenant's own Node of that name is used and left alone", async () => {
  await clusters.virtual.create(resources.nodes, {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: clusters.node.name, labels: { made: 'by-tenant' } },
  });
  await clusters.createPod('guest');
  await clusters.running('guest');
  await remove('guest');
  await clusters.gone(resources.pods, 'guest');
  await sleep(6_500);
  expect((await virtualNode())?.metadata?.labels).toEqual({ made: 'by-tenant' });
  await clusters.virtual.delete(resources.nodes, { name: clusters.node.name });
});

test('pods on a Node of the tenant with a kubelet of the tenant’s are no affair of the host', async () => {
  const labels = { 'nestling.dev/tenant-kubelet': 'true' };
  const make = (name: string) => clusters.virtual.create(resources.nodes, { metadata: { name, labels } });
  await make('simulated');
  await clusters.createPod('simulation', { nodeName: 'simulated' });
  // It names a node that the host does not have, nor anybody yet.
  clusters.node.ignored.add(clusters.hostNameOf('early'));
  await clusters.createPod('early', { nodeName: 'simulated-later' });
  await eventually('pod early waits on the host for its node', () => clusters.twin(resources.pods, 'early'));
  await make('simulated-later');
  await eventually('it is taken from there', async () => !(await clusters.twin(resources.pods, 'early')));

  const status = { phase: 'Running', startTime: '2026-01-01T00:00:00Z' };
  for (const name of ['simulation', 'early']) {
    await clusters.virtual.patch(
      resources.pods,
      { namespace: 'default', name, subresource: 'status', type: 'merge' },
      { status },
    );
    await remove(name);
  }
  // Another pod's way shows that the syncer has seen all that was before it.
  await clusters.createPod('witness');
  await clusters.running('witness');
  for (const name of ['simulation', 'early']) {
    const pod = await clusters.virtual.get<Pod>(resources.pods, { namespace: 'default', name });
    expect({ name, status: pod.status }).toMatchObject({ name, status });
    expect(pod.metadata?.deletionTimestamp).toBeDefined();
    expect(await clusters.twin(resources.pods, name)).toBeUndefined();
    await clusters.virtual.delete(resources.pods, { namespace: 'default', name, gracePeriodSeconds: 0 });
  }
  await remove('witness');
  await nodeGone();
  for (const name of ['simulated', 'simulated-later']) await clusters.virtual.delete(resources.nodes, { name });
});

// -- with rights on the host's nodes ----------------------------------------------------------------------------------

const HEARTBEAT = '2026-01-01T00:05:00Z';
const ready = (changes: object = {}): object => ({
  type: 'Ready',
  status: 'True',
  reason: 'KubeletReady',
  lastHeartbeatTime: HEARTBEAT,
  lastTransitionTime: '2026-01-01T00:00:00Z',
  ...changes,
});

/** Makes a node of the host, with what kubelets and clouds say of one. */
async function makeHostNode(name: string, pool: string): Promise<void> {
  await clusters.host.create(resources.nodes, {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, labels: { 'kubernetes.io/hostname': `host-of-${name}`, pool }, annotations: { secret: 'note' } },
    spec: { providerID: 'cloud:///secret', taints: [{ key: 'soft', effect: 'PreferNoSchedule' }] },
    status: {
      addresses: [{ type: 'InternalIP', address: '192.0.2.10' }],
      capacity: { cpu: '8', memory: '32Gi', pods: '110' },
      allocatable: { cpu: '7', memory: '30Gi', pods: '110' },
      conditions: [ready()],
      images: [{ names: ['example.org/secret:1'], sizeBytes: 1 }],
    },
  });
}

const removeHostNode = (name: string): Promise<unknown> => clusters.host.delete(resources.nodes, { name });

const labelHostNode = (name: string, labels: Readonly<Record<string, string | null>>): Promise<unknown> =>
  clusters.host.patch(resources.nodes, { name, type: 'merge' }, { metadata: { labels } });

/** Waits until a virtual node is as it should be, and returns it. */
const nodeLike = (name: string, expected: object): Promise<Node> =>
  eventually(
    `the virtual node ${name} is as expected`,
    async () => {
      const node = await virtualNode(name);
      expect(node).toMatchObject(expected);
      return node as Node;
    },
    30,
  );

/** Starts the syncer anew, with the rights of the role and no more. */
async function restart(nodes: { mode: NodeMode; selector?: Record<string, string>; enforce?: boolean }): Promise<void> {
  await clusters.stopSyncer();
  await clusters.startSyncer({ sync: { fromHost: { nodes } } }, 'syncer');
}

/** Takes the twin of a pod away, as the host's garbage collection does when its node is gone. */
const collectTwin = (name: string): Promise<unknown> =>
  clusters.host.delete(resources.pods, {
    namespace: 'team-a',
    name: clusters.hostNameOf(name),
    gracePeriodSeconds: 0,
  });

test('real nodes: a node has the facts of the host’s while a pod is on it, and follows their changes', async () => {
  await grantHostRights(clusters.host, 'syncer', { fromHost: { nodes: { mode: 'real' } } });
  await makeHostNode('node-1', 'a');
  await makeHostNode('node-2', 'b');
  await restart({ mode: 'real' });
  expect((await clusters.virtual.list(resources.nodes)).items).toEqual([]);
  await clusters.createPod('plain');
  await clusters.running('plain');
  const node = await virtualNode();
  expect(node).toMatchObject({
    metadata: { labels: { 'kubernetes.io/hostname': 'host-of-node-1', pool: 'a' } },
    spec: { taints: [{ key: 'soft', effect: 'PreferNoSchedule' }] },
    status: {
      addresses: [
        { type: 'InternalIP', address: nodeAddress('node-1') },
        { type: 'Hostname', address: 'node-1' },
      ],
      capacity: { cpu: '8' },
      allocatable: { cpu: '7' },
      conditions: [ready()],
    },
  });
  expect(JSON.stringify(node)).not.toMatch(/secret|192\.0\.2/);
  await labelHostNode('node-1', { pool: 'c', fresh: 'yes' });
  await clusters.host.patch(
    resources.nodes,
    { name: 'node-1', type: 'merge', subresource: 'status' },
    { status: { capacity: { cpu: '16' }, conditions: [ready({ status: 'False' })] } },
  );
  await nodeLike('node-1', {
    metadata: { uid: node?.metadata?.uid, labels: { pool: 'c', fresh: 'yes' } },
    status: { capacity: { cpu: '16' }, conditions: [{ type: 'Ready', status: 'False' }] },
  });
  expect(await virtualNode('node-2')).toBeUndefined();
});

test('real nodes: a kubelet’s sign of life is no reason to write, and comes with the next change', async () => {
  const { requests } = clusters.syncer.virtual;
  const writes = (): number =>
    ['nodes', 'nodes/status'].reduce((sum, resource) => sum + requests.count({ verb: 'patch', resource }), 0);
  const before = writes();
  const sign = { status: { conditions: [ready({ status: 'False', lastHeartbeatTime: '2026-01-01T00:10:00Z' })] } };
  const seen = await clusters.host.patch(
    resources.nodes,
    { name: 'node-1', type: 'merge', subresource: 'status' },
    sign,
  );
  const cache = clusters.syncer.caches.find('host', '', 'Node');
  await eventually(
    'the syncer has seen the sign of life',
    () => Promise.resolve(cache?.get('node-1')?.metadata?.resourceVersion === seen.metadata?.resourceVersion),
    30,
  );
  await labelHostNode('node-1', { fresh: null });
  await eventually('the label is gone', async () => !(await virtualNode())?.metadata?.labels?.['fresh'], 30);
  expect(writes()).toBe(before + 1);
  expect((await virtualNode())?.status?.conditions).toMatchObject([{ lastHeartbeatTime: HEARTBEAT }]);
  const status = { status: { capacity: { cpu: '32' } } };
  await clusters.host.patch(resources.nodes, { name: 'node-1', type: 'merge', subresource: 'status' }, status);
  await nodeLike('node-1', { status: { capacity: { cpu: '32' } } });
  expect(writes()).toBe(before + 2);
});

test('real nodes: labels that a tenant adds stay, what the host says of a node is put right', async () => {
  await clusters.virtual.patch(
    resources.nodes,
    { name: 'node-1', type: 'merge' },
    { metadata: { labels: { pool: 'mine', own: 'yes' } }, spec: { unschedulable: true, taints: null } },
  );
  const node = await nodeLike('node-1', {
    metadata: { labels: { pool: 'c', own: 'yes' } },
    spec: { taints: [{ key: 'soft', effect: 'PreferNoSchedule' }] },
  });
  expect(node.spec).not.toHaveProperty('unschedulable');
});

test('real nodes: a node that leaves the host goes at once, and the tenant’s pods on it go', async () => {
  await clusters.createPod('agent', {}, { ownerReferences: [DAEMON_SET] });
  await clusters.running('agent');
  clusters.node.ignored.add(clusters.hostNameOf('agent')).add(clusters.hostNameOf('plain'));
  await removeHostNode('node-1');
  await nodeGone();
  await eventually(
    'the pod of the DaemonSet is ending',
    async () => (await clusters.virtualOne<Pod>(resources.pods, 'agent'))?.metadata?.deletionTimestamp,
    30,
  );
  // The twins are there, and their node does not come back for them.
  expect(await clusters.twin(resources.pods, 'plain')).toBeDefined();
  expect(await virtualNode()).toBeUndefined();
  await Promise.all(['agent', 'plain'].map(collectTwin));
  await Promise.all(['agent', 'plain'].map((name) => clusters.gone(resources.pods, name)));
  clusters.node.heedAll();
});

test('real nodes: a pod waits for the facts of a node that the host names before it has it', async () => {
  await clusters.createPod('early');
  await eventually('the host runs the pod', async () => {
    const twin = await clusters.twin<Pod>(resources.pods, 'early');
    return twin?.status?.phase === 'Running';
  });
  expect((await clusters.virtualOne<Pod>(resources.pods, 'early'))?.spec).not.toHaveProperty('nodeName');
  await makeHostNode('node-1', 'a');
  await clusters.running('early');
  expect(await virtualNode()).toMatchObject({ metadata: { labels: { pool: 'a' } } });
});

test('all nodes: the host’s nodes come, change and go with or without pods; a tenant’s own is left alone', async () => {
  const own = { apiVersion: 'v1', kind: 'Node', metadata: { name: 'node-3', labels: { made: 'by-tenant' } } };
  await clusters.virtual.create(resources.nodes, own);
  await restart({ mode: 'all' });
  const second = await nodeLike('node-2', { metadata: { labels: { pool: 'b' } }, status: { capacity: { cpu: '8' } } });
  await makeHostNode('node-3', 'b');
  await makeHostNode('node-4', 'b');
  await nodeLike('node-4', { metadata: { labels: { pool: 'b' } } });
  await labelHostNode('node-2', { pool: 'z' });
  await nodeLike('node-2', { metadata: { uid: second.metadata?.uid, labels: { pool: 'z' } } });
  await clusters.virtual.delete(resources.nodes, { name: 'node-2' });
  const again = await nodeLike('node-2', { metadata: { labels: { pool: 'z' } } });
  expect(again.metadata?.uid).not.toBe(second.metadata?.uid);
  await Promise.all(['node-3', 'node-4'].map(removeHostNode));
  await nodeGone('node-4');
  expect((await virtualNode('node-3'))?.metadata?.labels).toEqual({ made: 'by-tenant' });
  // What asks for a host name means the host's, as the virtual node has that label.
  await clusters.createPod('named', { nodeSelector: { 'kubernetes.io/hostname': 'host-of-node-1' } });
  await clusters.running('named');
  const twin = await clusters.twin<Pod>(resources.pods, 'named');
  expect(twin?.spec?.nodeSelector).toEqual({ 'kubernetes.io/hostname': 'host-of-node-1' });
});

test('a change of a host node comes up by the open watch: nobody asks again, and one write brings it', async () => {
  const { host, virtual, caches } = clusters.syncer;
  const reads = (): readonly number[] =>
    (['get', 'list', 'watch'] as const).map((verb) => host.requests.count({ verb, resource: 'nodes' }));
  const writes = (): number => virtual.requests.count({ verb: 'patch', resource: 'nodes' });
  const [readsBefore, writesBefore] = [reads(), writes()];
  // What the cache hears is the watch's event itself; the node that is shown has to follow from it alone.
  const heard: (string | undefined)[] = [];
  const stop = caches.find('host', '', 'Node')?.subscribe(({ object }) => {
    if (object.metadata?.name === 'node-2') heard.push(object.metadata.labels?.['pool']);
  });
  await labelHostNode('node-2', { pool: 'watched' });
  await nodeLike('node-2', { metadata: { labels: { pool: 'watched' } } });
  stop?.();
  expect(heard).toEqual(['watched']);
  expect(reads()).toEqual(readsBefore);
  expect(writes()).toBe(writesBefore + 1);
});

test('the gate knows a node that is shown though no pod is on it, and none that is the tenant’s own', () => {
  const facts = new HostFacts({ name: NAME, hostNamespace: HOST_NAMESPACE }, clusters.syncer.caches);
  expect(facts.nodeByAddress(nodeAddress('node-2'))).toBe('node-2');
  expect(facts.placedPods('node-2')).toEqual([]);
  expect(facts.nodeByAddress(nodeAddress('node-3'))).toBeUndefined();
  expect(facts.nodeByAddress('192.0.2.10')).toBeUndefined();
});

test('fake nodes after all nodes: those without pods go, and of the others nothing of the host’s is left', async () => {
  await restart({ mode: 'fake' });
  await nodeGone('node-2');
  const node = await nodeLike('node-1', { status: { capacity: { cpu: '16' }, nodeInfo: { osImage: 'virtual' } } });
  expect(node.metadata?.labels).toEqual({
    'kubernetes.io/hostname': 'node-1',
    'kubernetes.io/os': 'linux',
    'kubernetes.io/arch': expect.any(String) as string,
  });
  expect(node.spec).not.toHaveProperty('taints');
  // A host name is the name of a fake node.
  await clusters.createPod('pinned', { nodeSelector: { 'kubernetes.io/hostname': 'node-1' } });
  await clusters.running('pinned');
  const twin = await clusters.twin<Pod>(resources.pods, 'pinned');
  expect(twin?.spec).not.toHaveProperty('nodeSelector');
  expect(twin?.spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution).toEqual({
    nodeSelectorTerms: [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: ['node-1'] }] }],
  });
  await Promise.all(['early', 'named', 'pinned'].map(remove));
  await Promise.all(['early', 'named', 'pinned'].map((name) => clusters.gone(resources.pods, name)));
});

test('selected nodes: those with the labels are shown, others while pods are on them, with nothing of the host’s', async () => {
  await restart({ mode: 'selector', selector: { pool: 'a' } });
  await nodeLike('node-1', { metadata: { labels: { pool: 'a' } } });
  expect(await virtualNode('node-2')).toBeUndefined();
  await labelHostNode('node-2', { pool: 'a' });
  await nodeLike('node-2', { metadata: { labels: { pool: 'a' } } });
  await labelHostNode('node-2', { pool: 'b' });
  await nodeGone('node-2');
  await clusters.createPod('anywhere', { nodeSelector: { pool: 'b' } });
  await clusters.running('anywhere');
  expect((await clusters.twin<Pod>(resources.pods, 'anywhere'))?.spec?.nodeSelector).toEqual({ pool: 'b' });
  await labelHostNode('node-1', { pool: 'b' });
  const node = await nodeLike('node-1', { status: { nodeInfo: { osImage: 'virtual' } } });
  expect(node.metadata?.labels).not.toHaveProperty('pool');
  await remove('anywhere');
  await nodeGone('node-1');
});

test('enforced nodes: every pod asks for them, and one that cannot have them is refused', async () => {
  await labelHostNode('node-1', { pool: 'a' });
  await restart({ mode: 'selector', selector: { pool: 'a' }, enforce: true });
  await clusters.createPod('obedient', { nodeSelector: { pool: 'a', disk: 'ssd' } });
  await clusters.createPod('careless');
  await Promise.all(['obedient', 'careless'].map((name) => clusters.running(name)));
  const selectorOf = async (name: string) => (await clusters.twin<Pod>(resources.pods, name))?.spec?.nodeSelector;
  expect(await selectorOf('obedient')).toEqual({ pool: 'a', disk: 'ssd' });
  expect(await selectorOf('careless')).toEqual({ pool: 'a' });
  await clusters.createPod('wilful', { nodeSelector: { pool: 'b' } });
  await clusters.createPod('astray', { nodeName: 'node-2' });
  expect((await clusters.event('wilful', 'PolicyViolation')).message).toBe(
    'spec.nodeSelector["pool"] is "b", which the baseline policy forbids; pods run on nodes with pool=a only: remove it',
  );
  expect((await clusters.event('astray', 'PolicyViolation')).message).toContain('spec.nodeName is "node-2"');
  expect(await clusters.twin(resources.pods, 'wilful')).toBeUndefined();
  expect(await clusters.twin(resources.pods, 'astray')).toBeUndefined();
  // The played node runs no pod of another one.
  clusters.node.ignored.add(clusters.hostNameOf('astray'));
  await labelHostNode('node-2', { pool: 'a' });
  const twin = await eventually(
    'the pod that names the node may run, now that it is one of them',
    () => clusters.twin<Pod>(resources.pods, 'astray'),
    30,
  );
  expect(twin.spec?.nodeSelector).toEqual({ pool: 'a' });
  expect(await clusters.twin(resources.pods, 'wilful')).toBeUndefined();
});
