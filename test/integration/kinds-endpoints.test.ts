import type { Endpoints, Pod, Service, ServiceSpec } from 'kubernetes-types/core/v1';
import type { Endpoint, EndpointSlice } from 'kubernetes-types/discovery/v1';
import { resources } from '../../syncer/kube-client';
import { eventually } from '../virtual-cluster/eventually';
import { HOST_NAMESPACE } from './in-process-syncer';
import { found, TwoClusters } from './two-clusters';

let clusters: TwoClusters;

beforeAll(async () => {
  const virtualControllers = [
    'endpoints-controller',
    'endpointslice-controller',
    'endpointslice-mirroring-controller',
    'garbage-collector-controller',
  ];
  clusters = await TwoClusters.start({ hostControllers: virtualControllers, virtualControllers });
  // The host's controller makes no slices of pods on a node that it does not know.
  await clusters.host.create(resources.nodes, {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: clusters.node.name },
  });
});

afterAll(async () => {
  await clusters?.stop();
});

const { services, endpointSlices } = resources;
const PORT = { name: 'http', port: 8080, protocol: 'TCP' };

function createService(name: string, spec: ServiceSpec = {}): Promise<Service> {
  return clusters.virtual.create<Service>(services, {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace: 'default' },
    spec: { ports: [{ name: 'http', port: 80, targetPort: 8080 }], ...spec },
  });
}

function createSlice(name: string, endpoints: readonly Endpoint[], service = name): Promise<EndpointSlice> {
  return clusters.virtual.create<EndpointSlice>(endpointSlices, {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name, namespace: 'default', labels: { 'kubernetes.io/service-name': service } },
    addressType: 'IPv4',
    endpoints: [...endpoints],
    ports: [PORT],
  });
}

/** A pod that runs, and its address. */
async function podWithAddress(name: string, labels: Record<string, string> = {}): Promise<{ pod: Pod; ip: string }> {
  await clusters.createPod(name, {}, { labels });
  const pod = await clusters.running(name);
  return { pod, ip: pod.status?.podIP ?? '' };
}

/** All slices of the host that its proxies take for those of a Service's twin. */
async function slicesOnHost(service: string): Promise<readonly EndpointSlice[]> {
  const { items } = await clusters.host.list<EndpointSlice>(endpointSlices, {
    namespace: HOST_NAMESPACE,
    labelSelector: `kubernetes.io/service-name=${clusters.hostNameOf(service)}`,
  });
  return items;
}

/** Waits until exactly these addresses lie behind a Service on the host. */
const addressesOnHost = (service: string, expected: readonly string[]): Promise<readonly EndpointSlice[]> =>
  eventually(
    `the host forwards Service ${service} to ${expected.join(', ') || 'nothing'}`,
    async () => {
      const slices = await slicesOnHost(service);
      const found = slices.flatMap(({ endpoints }) => (endpoints ?? []).flatMap(({ addresses }) => addresses));
      expect(found.sort()).toEqual([...expected].sort());
      return slices;
    },
    30,
  );

const change = (name: string, spec: object): Promise<Service> =>
  clusters.virtual.patch<Service>(services, { namespace: 'default', name, type: 'merge' }, { spec });

test('a hand-made slice of a Service without selector is on the host, with the pod as it is called there', async () => {
  const { pod, ip } = await podWithAddress('backend');
  await createService('manual');
  const nodeName = pod.spec?.nodeName ?? '';
  await createSlice('manual', [
    {
      addresses: [ip],
      conditions: { ready: true },
      nodeName,
      zone: 'a',
      targetRef: { kind: 'Pod', namespace: 'default', name: 'backend', uid: pod.metadata?.uid ?? '' },
    },
  ]);
  const [slice] = await addressesOnHost('manual', [ip]);
  const hostPod = await clusters.twin<Pod>(resources.pods, 'backend');
  expect(slice).toMatchObject({
    metadata: { name: clusters.hostNameOf('manual') },
    addressType: 'IPv4',
    endpoints: [
      {
        addresses: [ip],
        conditions: { ready: true },
        nodeName: hostPod?.spec?.nodeName,
        zone: 'a',
        targetRef: {
          kind: 'Pod',
          namespace: HOST_NAMESPACE,
          name: clusters.hostNameOf('backend'),
          uid: hostPod?.metadata?.uid,
        },
      },
    ],
    ports: [PORT],
  });
  const at = { namespace: 'default', name: 'manual', type: 'merge' } as const;
  await clusters.virtual.patch(endpointSlices, at, { ports: [{ ...PORT, port: 9090 }] });
  await eventually('the port is changed on the host', async () => {
    const [changed] = await slicesOnHost('manual');
    return changed?.ports?.[0]?.port === 9090;
  });
});

test('Endpoints reach the host as well, by the slices that the virtual cluster makes of them', async () => {
  const { ip } = await podWithAddress('legacy-backend');
  await createService('legacy');
  await clusters.virtual.create<Endpoints>(resources.endpoints, {
    apiVersion: 'v1',
    kind: 'Endpoints',
    metadata: { name: 'legacy', namespace: 'default' },
    subsets: [{ addresses: [{ ip }], ports: [PORT] }],
  });
  await addressesOnHost('legacy', [ip]);
  await clusters.virtual.delete(resources.endpoints, { namespace: 'default', name: 'legacy' });
  await addressesOnHost('legacy', []);
});

test('an address leaves the host with its pod, and the others stay', async () => {
  const [first, second] = [await podWithAddress('leaving'), await podWithAddress('staying')];
  await createService('pair');
  await createSlice('pair', [{ addresses: [first.ip] }, { addresses: [second.ip] }]);
  await addressesOnHost('pair', [first.ip, second.ip]);
  await clusters.virtual.delete(resources.pods, { namespace: 'default', name: 'leaving' });
  await addressesOnHost('pair', [second.ip]);
  expect((await clusters.event('pair', 'PolicyViolation')).message).toContain(`endpoints have ${first.ip}: `);
  await clusters.virtual.delete(resources.pods, { namespace: 'default', name: 'staying' });
  await eventually('there is no slice without an address that is allowed', async () => {
    return (await slicesOnHost('pair')).length === 0;
  });
});

test('a slice that is there before its Service and its pod goes to the host when both are', async () => {
  const { ip } = await podWithAddress('predecessor');
  await createSlice('early', [{ addresses: [ip] }]);
  await createService('early');
  await addressesOnHost('early', [ip]);
  await clusters.virtual.delete(services, { namespace: 'default', name: 'early' });
  await addressesOnHost('early', []);
});

test.each([
  ['another pod of the host', '10.244.9.9'],
  ['the host’s API server', '10.96.0.1'],
  ['a node', '192.0.2.10'],
])('the address of %s is refused, which the tenant is told', async (_, address) => {
  const name = `foreign-${address.replaceAll('.', '-')}`;
  await createService(name);
  await createSlice(name, [{ addresses: [address] }]);
  const { message } = await clusters.event(name, 'PolicyViolation');
  expect(message).toContain(`endpoints have ${address}: `);
  expect(message).toContain('sync.toHost.endpointSlices.allowedRanges');
  expect(await slicesOnHost(name)).toEqual([]);
});

test('an address for cloud metadata is refused by the virtual API server itself', async () => {
  await createService('metadata');
  await expect(createSlice('metadata', [{ addresses: ['169.254.169.254'] }])).rejects.toThrow(/link-local/);
});

test('an address that is changed to one that is refused is gone from the host', async () => {
  const { ip } = await podWithAddress('honest');
  await createService('turning');
  await createSlice('turning', [{ addresses: [ip] }]);
  await addressesOnHost('turning', [ip]);
  const at = { namespace: 'default', name: 'turning', type: 'merge' } as const;
  await clusters.virtual.patch(endpointSlices, at, { endpoints: [{ addresses: ['10.96.0.1'] }] });
  await addressesOnHost('turning', []);
  await clusters.event('turning', 'PolicyViolation');
});

test('slices of a Service with a selector stay in the virtual cluster: the host makes its own', async () => {
  const { ip } = await podWithAddress('selected', { app: 'selected' });
  await createService('selecting', { selector: { app: 'selected' } });
  await createSlice('beside', [{ addresses: ['10.96.0.1'] }], 'selecting');
  const slices = await addressesOnHost('selecting', [ip]);
  expect(slices[0]?.metadata?.labels?.['endpointslice.kubernetes.io/managed-by']).toBe(
    'endpointslice-controller.k8s.io',
  );
  expect(await clusters.events('beside')).toEqual([]);
});

test('a selector that comes or goes changes who makes the slices on the host, and leaves none of the other’s', async () => {
  const { ip: chosen } = await podWithAddress('chosen', { app: 'chosen' });
  const { ip: written } = await podWithAddress('written');
  await createService('turned');
  await createSlice('turned', [{ addresses: [written] }]);
  await addressesOnHost('turned', [written]);
  await change('turned', { selector: { app: 'chosen' } });
  await addressesOnHost('turned', [chosen]);
  const virtual = await change('turned', { selector: null });
  // What the virtual cluster's controllers wrote (a slice and Endpoints, which are mirrored now) stays there as in any cluster, and so goes to the host.
  await eventually('all slices on the host are ours, the one of its own controller being gone', async () => {
    for (const { metadata } of await addressesOnHost('turned', [chosen, chosen, written])) {
      expect(metadata?.labels).toMatchObject({ 'endpointslice.kubernetes.io/managed-by': 'nestling.dev' });
    }
    return true;
  });
  // Not one that the host's controllers would keep for ever.
  await clusters.virtual.delete(resources.pods, { namespace: 'default', name: 'chosen' });
  await addressesOnHost('turned', [written]);
  const host = await clusters.twin<Service>(services, 'turned');
  expect(host?.spec?.clusterIP).toBe(virtual.spec?.clusterIP);
});

test('a Service that is made anew without selector does not get what the former one selected', async () => {
  const { ip } = await podWithAddress('former', { app: 'former' });
  await createService('reborn', { selector: { app: 'former' } });
  await addressesOnHost('reborn', [ip]);
  await eventually('the host has Endpoints of the Service', () =>
    clusters.host.get(resources.endpoints, { namespace: HOST_NAMESPACE, name: clusters.hostNameOf('reborn') }),
  );
  await clusters.virtual.delete(services, { namespace: 'default', name: 'reborn' });
  // Where a controller sees both at once it leaves what it wrote for the former one, as in any cluster; here it is the host that is looked at.
  await eventually('the virtual cluster’s controllers took away what they wrote', async () => {
    const labelSelector = 'kubernetes.io/service-name=reborn';
    const slices = await clusters.virtual.list(endpointSlices, { namespace: 'default', labelSelector });
    const written = await found(clusters.virtual.get(resources.endpoints, { namespace: 'default', name: 'reborn' }));
    return slices.items.length === 0 && written === undefined;
  });
  await createService('reborn');
  await addressesOnHost('reborn', []);
});

test('default/kubernetes and its slice are never synced', async () => {
  await createSlice('forged', [{ addresses: [(await podWithAddress('liar')).ip] }], 'kubernetes');
  const { ip } = await podWithAddress('later');
  await createService('later');
  await createSlice('later', [{ addresses: [ip] }]);
  await addressesOnHost('later', [ip]);
  expect(await slicesOnHost('kubernetes')).toEqual([]);
});

test('labels and annotations of ours that a tenant sets never make a host object look like another’s', async () => {
  const { ip } = await podWithAddress('pretender');
  await createService('pretence');
  await clusters.virtual.create<EndpointSlice>(endpointSlices, {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      name: 'pretence',
      namespace: 'default',
      labels: {
        'kubernetes.io/service-name': 'pretence',
        'nestling.dev/virtual-cluster': 'other',
        'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io',
      },
      annotations: { 'nestling.dev/uid': 'forged', 'nestling.dev/kind': 'Secret' },
    },
    addressType: 'IPv4',
    endpoints: [{ addresses: [ip] }],
  });
  const [slice] = await addressesOnHost('pretence', [ip]);
  expect(slice?.metadata?.labels).toMatchObject({
    'nestling.dev/virtual-cluster': 'vc',
    'endpointslice.kubernetes.io/managed-by': 'nestling.dev',
  });
  expect(slice?.metadata?.annotations).toMatchObject({ 'nestling.dev/kind': 'EndpointSlice' });
  expect(slice?.metadata?.annotations?.['nestling.dev/uid']).not.toBe('forged');
});

test('a range that the platform allows is reached; a restart forgets and removes nothing else, and writes nothing', async () => {
  await createService('database');
  await createSlice('database', [{ addresses: ['203.0.113.5'] }]);
  await clusters.event('database', 'PolicyViolation');
  const [kept] = await slicesOnHost('manual');
  await clusters.stopSyncer();
  await clusters.startSyncer({ sync: { toHost: { endpointSlices: { allowedRanges: ['203.0.113.0/28'] } } } });
  await addressesOnHost('database', ['203.0.113.5']);
  expect((await slicesOnHost('manual'))[0]?.metadata?.resourceVersion).toBe(kept?.metadata?.resourceVersion);
  await clusters.stopSyncer();
  await clusters.startSyncer();
  await addressesOnHost('database', []);
});

test('where slices are not synced, each Service that would need them says so, and no other does', async () => {
  await clusters.stopSyncer();
  await clusters.startSyncer({ sync: { toHost: { endpointSlices: { enabled: false } } } });
  await createService('chooses', { selector: { app: 'a' } });
  // Its addresses are told by the virtual cluster's own DNS.
  await createService('headless', { clusterIP: 'None' });
  await createService('outside', { type: 'ExternalName', externalName: 'db.example.com', ports: [] });
  await createService('unserved');
  expect((await clusters.event('unserved', 'EndpointsNotSynced')).message).toContain(
    'sync.toHost.endpointSlices.enabled',
  );
  await change('chooses', { selector: null });
  await clusters.event('chooses', 'EndpointsNotSynced');
  for (const name of ['headless', 'outside', 'kubernetes']) {
    expect((await clusters.events(name)).filter(({ reason }) => reason === 'EndpointsNotSynced')).toEqual([]);
  }
});
