import type { Event, Node, Pod } from 'kubernetes-types/core/v1';
import { NodeSyncPolicy } from '../../constructs';
import { ApiError, KubeClient, resources } from '../../syncer/kube-client';
import { nodeAddress } from '../../syncer/translation';
import { resolveHost } from '../host-cluster';
import { eventually, launch } from '../virtual-cluster';
import type { RunningVirtualCluster } from '../virtual-cluster';
import { idle, Tenant } from './tenant';

/*
 * What tenants see of the host's nodes, one virtual cluster for each way. None has a DNS server, whose pod would keep a node. They
 * start at the same time, as each test needs its own.
 */

const POOL = 'example.org/pool';
const WAYS = {
  fake: NodeSyncPolicy.fake(),
  real: NodeSyncPolicy.real(),
  enforced: NodeSyncPolicy.nodesMatching({ [POOL]: 'tenants' }, { enforce: true }),
} as const;
const running = new Map<string, RunningVirtualCluster>();
/** Host node that this file labels. */
let worker = '';

const tenantOf = (way: keyof typeof WAYS): Tenant =>
  new Tenant(
    {
      get current() {
        const cluster = running.get(way);
        if (!cluster) throw new Error(`virtual cluster ${way} did not start`);
        return cluster;
      },
    },
    'shop',
  );
const fake = tenantOf('fake');
const real = tenantOf('real');
const enforced = tenantOf('enforced');

/** A client of the host that lives as long as the file, whichever virtual cluster started. */
let host: KubeClient;

const hostNode = (): Promise<Node> => host.get<Node>(resources.nodes, { name: worker });
const labelWorker = (labels: Readonly<Record<string, string | null>>): Promise<unknown> =>
  host.patch(resources.nodes, { name: worker, type: 'merge' }, { metadata: { labels } });

async function nodesOf(tenant: Tenant): Promise<readonly Node[]> {
  return (await tenant.cluster.virtual.list<Node>(resources.nodes)).items;
}

/** Waits until a virtual node is as it should be. */
const nodeLike = (tenant: Tenant, what: string, expected: object): Promise<Node> =>
  eventually(
    `the virtual node ${what}`,
    async () => {
      const node = await tenant.get<Node>(resources.nodes, worker);
      expect(node).toMatchObject(expected);
      return node;
    },
    60,
  );

async function describeNode(tenant: Tenant): Promise<string> {
  const { code, stdout, stderr } = await tenant.kubectl('describe', 'node', worker);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return stdout;
}

beforeAll(async () => {
  const bed = await resolveHost({});
  host = new KubeClient(bed.connection, { userAgent: 'nestling-test' });
  const nodes = (await host.list<Node>(resources.nodes)).items;
  worker = nodes[0]?.metadata?.name ?? '';
  const starts = Object.entries(WAYS).map(async ([way, nodes]) => {
    const name = `nodes-${way}`;
    const props = { dns: { enabled: false }, sync: { fromHost: { nodes } } };
    running.set(way, await launch({ host: bed, name, namespace: `e2e-${name}`, props }));
  });
  const failed = (await Promise.allSettled(starts)).find(({ status }) => status === 'rejected');
  if (failed) throw (failed as PromiseRejectedResult).reason;
  await Promise.all([fake, real, enforced].map((tenant) => tenant.prepare()));
});

afterAll(async () => {
  const ends = await Promise.allSettled([...running.values()].map((cluster) => cluster.destroy()));
  if (worker !== '') await labelWorker({ [POOL]: null });
  await host?.close();
  for (const end of ends) if (end.status === 'rejected') throw end.reason;
});

test('fake nodes: a DaemonSet has a pod on the node in use, and none when the last other pod has gone', async () => {
  const { virtual } = fake.cluster;
  const agents = async (): Promise<readonly Pod[]> =>
    (await virtual.list<Pod>(resources.pods, { namespace: 'shop', labelSelector: 'app=agents' })).items;
  await fake.create(resources.daemonSets, 'agents', {
    spec: {
      selector: { matchLabels: { app: 'agents' } },
      template: {
        metadata: { labels: { app: 'agents' } },
        spec: { terminationGracePeriodSeconds: 1, containers: [idle()] },
      },
    },
  });
  expect(await nodesOf(fake)).toEqual([]);
  // A fake node has its name as host name, which leads to the host's node.
  await fake.createPod('web', { nodeSelector: { 'kubernetes.io/hostname': worker } });
  await fake.ready('web');
  const [agent, ...more] = await eventually(
    'the pod of the DaemonSet runs',
    async () => {
      const pods = await agents();
      return pods.length > 0 && pods.every(({ status }) => status?.phase === 'Running') ? pods : undefined;
    },
    60,
  );
  expect(more).toEqual([]);
  expect(agent?.spec?.nodeName).toBe(worker);
  const description = await describeNode(fake);
  expect(description).toMatch(/^Name: +\S/m);
  expect(description).toMatch(/^ +cpu: +16$/m);
  expect(description).toContain(agent?.metadata?.name);
  await fake.deletePod('web');
  await eventually(
    'the node and the pod of the DaemonSet are gone',
    async () => (await nodesOf(fake)).length === 0 && (await agents()).length === 0,
    60,
  );
});

test('real nodes: a node in use has the labels, capacity and versions of the host’s, and its own address', async () => {
  expect(await nodesOf(real)).toEqual([]);
  await real.createPod('web', { nodeName: worker });
  await real.ready('web');
  expect((await real.onHost<Pod>(resources.pods, 'web')).spec?.nodeName).toBe(worker);
  const [actual, shown] = await Promise.all([hostNode(), real.get<Node>(resources.nodes, worker)]);
  expect(shown.metadata?.labels).toMatchObject(
    Object.fromEntries(Object.entries(actual.metadata?.labels ?? {}).filter(([key]) => key !== POOL)),
  );
  expect(shown.status).toMatchObject({
    capacity: actual.status?.capacity,
    allocatable: actual.status?.allocatable,
    addresses: [
      { type: 'InternalIP', address: nodeAddress(worker) },
      { type: 'Hostname', address: worker },
    ],
    nodeInfo: { kubeletVersion: actual.status?.nodeInfo?.kubeletVersion, machineID: '' },
  });
  for (const { type, address } of actual.status?.addresses ?? []) {
    if (type !== 'Hostname') expect(JSON.stringify(shown)).not.toContain(address);
  }
  expect((await real.kubectl('logs', 'web')).code).toBe(0);
  const description = await describeNode(real);
  expect(description).toMatch(/^ +Ready +True .*KubeletReady/m);
  expect(description).toMatch(new RegExp(`^ +cpu: +${actual.status?.capacity?.['cpu']}$`, 'm'));
  expect(description).toContain(actual.status?.nodeInfo?.kubeletVersion);
});

test('enforced nodes: pods run on the selected nodes only, and one that cannot is refused with an event', async () => {
  const label = 'example.org/only';
  expect(await nodesOf(enforced)).toEqual([]);
  await enforced.createPod('early');
  await labelWorker({ [POOL]: 'tenants', [label]: 'yes' });
  await nodeLike(enforced, 'is shown with its labels', { metadata: { labels: { [POOL]: 'tenants', [label]: 'yes' } } });
  await labelWorker({ [label]: null });
  await eventually(
    'the label is gone from the virtual node',
    async () => (await enforced.get<Node>(resources.nodes, worker)).metadata?.labels?.[label] === undefined,
    60,
  );
  await enforced.ready('early', 60);
  const twin = await enforced.onHost<Pod>(resources.pods, 'early');
  expect(twin.spec).toMatchObject({ nodeName: worker, nodeSelector: { [POOL]: 'tenants' } });
  await enforced.createPod('wilful', { nodeSelector: { [POOL]: 'others' } });
  const event = await eventually(
    'an event about the pod that contradicts',
    async () => {
      const fieldSelector = 'involvedObject.name=wilful,reason=PolicyViolation';
      const { items } = await enforced.cluster.virtual.list<Event>(resources.events, {
        namespace: 'shop',
        fieldSelector,
      });
      return items[0];
    },
    60,
  );
  expect(event.message).toContain(`spec.nodeSelector["${POOL}"] is "others"`);
  await expect(enforced.onHost(resources.pods, 'wilful')).rejects.toThrow(ApiError);
  // A node that is selected no more stays while the pod is on it, and tells nothing of the host's.
  const { metadata } = await hostNode();
  await labelWorker({ [POOL]: null });
  await nodeLike(enforced, 'is a fake one', { status: { capacity: { cpu: '16' }, nodeInfo: { osImage: 'virtual' } } });
  expect((await enforced.pod('early')).status?.phase).toBe('Running');
  expect((await hostNode()).metadata?.uid).toBe(metadata?.uid);
});
