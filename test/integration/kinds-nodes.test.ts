import { setTimeout as sleep } from 'node:timers/promises';
import type { Node, Pod } from 'kubernetes-types/core/v1';
import { resources } from '../../syncer/kube-client';
import { eventually } from '../virtual-cluster/eventually';
import { found, TwoClusters } from './two-clusters';

let clusters: TwoClusters;

beforeAll(async () => {
  clusters = await TwoClusters.start();
});

afterAll(async () => {
  await clusters?.stop();
});

const virtualNode = (): Promise<Node | undefined> =>
  found(clusters.virtual.get<Node>(resources.nodes, { name: clusters.node.name }));

const nodeGone = (): Promise<boolean> =>
  eventually('the virtual node is gone', async () => (await virtualNode()) === undefined);

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
});
