import type { Service, ServiceSpec } from 'kubernetes-types/core/v1';
import { ApiError, resources } from '../../syncer/kube-client';
import type { KubeClient } from '../../syncer/kube-client';
import { ANNOTATIONS } from '../../syncer/translation';
import { eventually } from '../virtual-cluster/eventually';
import { TwoClusters } from './two-clusters';

/*
 * A Service of the virtual cluster does what one of a plain cluster does: every step is made with a plain Service of the
 * host, too, with which the virtual one is compared, and the virtual one with its twin.
 */

let clusters: TwoClusters;

beforeAll(async () => {
  clusters = await TwoClusters.start({ admission: true, serviceRanges: ['10.96.0.0/16', 'fd00:96::/108'] });
});

afterAll(async () => {
  await clusters?.stop();
});

const type = resources.services;

/** What was allocated, which differs between two Services, by what it is. */
function comparable(spec: ServiceSpec | undefined): object {
  const { clusterIP, clusterIPs, healthCheckNodePort, ports, ...rest } = shared(spec);
  const kindOf = (address: string): string => (address === 'None' ? 'None' : address.includes(':') ? 'IPv6' : 'IPv4');
  return {
    ...rest,
    ...(clusterIP && { clusterIP: kindOf(clusterIP) }),
    ...(clusterIPs && { clusterIPs: clusterIPs.map(kindOf) }),
    ...(healthCheckNodePort && { healthCheckNodePort: 'some' }),
    ...(ports && { ports: ports.map((port) => (port.nodePort ? { ...port, nodePort: 'some' } : port)) }),
  };
}

/** What both sides of a pair must have alike. */
function shared(spec: ServiceSpec | undefined): ServiceSpec {
  const alike = { ...spec };
  delete alike.selector;
  return alike;
}

/** A name of what a test is about. */
const nameOf = (what: string): string =>
  what
    .toLowerCase()
    .replace(/[^a-z]+/g, '-')
    .slice(0, 40)
    .replace(/-$/, '');

interface Outcome {
  readonly service?: Service;
  /** Path of the first field that was refused. */
  readonly refused?: string;
}

async function attempt(call: Promise<Service>): Promise<Outcome> {
  try {
    return { service: await call };
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 422) throw error;
    return { refused: error.details?.causes?.[0]?.field ?? error.message };
  }
}

const create = (client: KubeClient, name: string, spec: ServiceSpec): Promise<Outcome> =>
  attempt(
    client.create<Service>(type, { apiVersion: 'v1', kind: 'Service', metadata: { name, namespace: 'default' }, spec }),
  );

const patch = (client: KubeClient, name: string, spec: object): Promise<Outcome> =>
  attempt(client.patch<Service>(type, { namespace: 'default', name, type: 'merge' }, { spec }));

/** Waits until the host twin of a virtual Service is it, and nothing is left to be settled. */
const settled = (name: string): Promise<Service> =>
  eventually(
    `the host's Service ${name} is as in the virtual cluster`,
    async () => {
      const [virtual, host] = await Promise.all([
        clusters.virtualOne<Service>(type, name),
        clusters.twin<Service>(type, name),
      ]);
      expect(host?.metadata?.annotations?.[ANNOTATIONS.uid]).toBe(virtual?.metadata?.uid);
      expect(host?.metadata?.annotations?.[ANNOTATIONS.reservation]).toBeUndefined();
      expect(shared(host?.spec)).toEqual(shared(virtual?.spec));
      return host;
    },
    30,
  );

/** Makes the Service and the changes on both sides, and compares after each. */
async function follows(name: string, spec: ServiceSpec, steps: readonly object[]): Promise<Service> {
  const { virtual, host: plain } = clusters;
  const compare = (ours: Outcome, theirs: Outcome, step: unknown): void => {
    const what = (outcome: Outcome) => outcome.refused ?? comparable(outcome.service?.spec);
    expect({ step, result: what(ours) }).toEqual({ step, result: what(theirs) });
  };
  const created = await create(virtual, name, spec);
  expect(created.refused).toBeUndefined();
  compare(created, await create(plain, name, spec), spec);
  let twin = await settled(name);
  for (const step of steps) {
    compare(await patch(virtual, name, step), await patch(plain, name, step), step);
    twin = await settled(name);
    const read = (client: KubeClient) => attempt(client.get<Service>(type, { namespace: 'default', name }));
    const [ours, theirs] = await Promise.all([read(virtual), read(plain)]);
    compare(ours, theirs, { settledAfter: step });
  }
  await Promise.all([virtual, plain].map((client) => client.delete(type, { namespace: 'default', name })));
  await clusters.gone(type, name);
  return twin;
}

const ports = [{ name: 'http', port: 80, protocol: 'TCP', targetPort: 8080 }];
const selector = { app: 'web' };

const TYPES: Readonly<Record<string, ServiceSpec>> = {
  ClusterIP: { type: 'ClusterIP', selector, ports },
  NodePort: { type: 'NodePort', selector, ports },
  LoadBalancer: { type: 'LoadBalancer', selector, ports },
  ExternalName: { type: 'ExternalName', externalName: 'example.org' },
  headless: { type: 'ClusterIP', clusterIP: 'None', selector, ports },
  'without selector': { type: 'ClusterIP', ports },
};
/** The change that makes it of that type, as a person would write it. */
const TO: Readonly<Record<string, object>> = {
  ...TYPES,
  ClusterIP: { type: 'ClusterIP', externalName: null, selector, ports },
  NodePort: { type: 'NodePort', externalName: null, selector, ports },
  LoadBalancer: { type: 'LoadBalancer', externalName: null, selector, ports },
  headless: { ...TYPES['headless'], externalName: null, clusterIPs: ['None'] },
  'without selector': { type: 'ClusterIP', externalName: null, selector: null, ports },
};
const pairs = Object.keys(TYPES).flatMap((from) => Object.keys(TYPES).map((to): [string, string] => [from, to]));

test.each(pairs.filter(([from, to]) => from !== to))('from %s to %s and back', async (from, to) => {
  await follows(nameOf(`${from} ${to}`), TYPES[from] ?? {}, [TO[to] ?? {}, TO[from] ?? {}]);
});

test.each<[string, ServiceSpec, object[]]>([
  [
    'session affinity',
    { selector, ports, sessionAffinity: 'ClientIP' },
    [
      { sessionAffinityConfig: { clientIP: { timeoutSeconds: 60 } } },
      { sessionAffinity: 'None', sessionAffinityConfig: null },
      { sessionAffinity: 'ClientIP' },
    ],
  ],
  [
    'traffic from outside',
    { type: 'LoadBalancer', selector, ports },
    [
      { externalTrafficPolicy: 'Local' },
      { externalTrafficPolicy: 'Cluster' },
      { externalTrafficPolicy: 'Local' },
      { type: 'NodePort' },
      { type: 'ClusterIP' },
    ],
  ],
  [
    'traffic from inside',
    { selector, ports, internalTrafficPolicy: 'Local' },
    [
      { internalTrafficPolicy: 'Cluster' },
      { trafficDistribution: 'PreferSameZone' },
      { trafficDistribution: null, internalTrafficPolicy: 'Local' },
    ],
  ],
  [
    'a load balancer without node ports',
    { type: 'LoadBalancer', selector, ports, allocateLoadBalancerNodePorts: false },
    [
      { allocateLoadBalancerNodePorts: true },
      { allocateLoadBalancerNodePorts: false },
      { ports: [{ ...ports[0], nodePort: null }] },
      { type: 'ClusterIP' },
    ],
  ],
  [
    'the class of a load balancer, which is fixed',
    { type: 'LoadBalancer', selector, ports, loadBalancerClass: 'example.org/one' },
    [
      { loadBalancerClass: 'example.org/two' },
      { loadBalancerClass: null },
      { type: 'ClusterIP', loadBalancerClass: null },
      { type: 'LoadBalancer', loadBalancerClass: 'example.org/two' },
    ],
  ],
  [
    'whom a load balancer serves',
    { type: 'LoadBalancer', selector, ports, loadBalancerSourceRanges: ['192.0.2.0/24'] },
    [{ loadBalancerSourceRanges: ['198.51.100.0/24', '192.0.2.0/24'] }, { loadBalancerSourceRanges: null }],
  ],
  [
    'pods that are not ready',
    { selector, ports, publishNotReadyAddresses: true },
    [{ publishNotReadyAddresses: false }, { publishNotReadyAddresses: true }],
  ],
  [
    'ports, by name, number and protocol',
    { type: 'NodePort', selector, ports },
    [
      { ports: [...ports, { name: 'dns', port: 53, protocol: 'UDP' }, { name: 'dns-tcp', port: 53, protocol: 'TCP' }] },
      { ports: [{ name: 'dns', port: 53, protocol: 'UDP' }, ...ports] },
      { ports: [{ name: 'web', port: 80, protocol: 'TCP', targetPort: 'http', appProtocol: 'kubernetes.io/h2c' }] },
      { ports: [{ name: 'web', port: 8080, protocol: 'TCP' }] },
      { ports: [{ port: 8080 }] },
    ],
  ],
  [
    'an alias for another name',
    { type: 'ExternalName', externalName: 'example.org' },
    [{ externalName: 'example.com' }, { ports: [{ port: 443 }] }],
  ],
  ['an address, which is fixed', { selector, ports }, [{ clusterIP: '10.96.77.77', clusterIPs: ['10.96.77.77'] }]],
])('changes of %s', async (what, spec, steps) => {
  await follows(nameOf(what), spec, steps);
});

describe('with two families of addresses', () => {
  const families = { ipFamilies: ['IPv4', 'IPv6'] };

  test.each<[string, ServiceSpec, object[]]>([
    [
      'gets the second by preference, and gives it back',
      { selector, ports },
      [{ ipFamilyPolicy: 'PreferDualStack' }, { ipFamilyPolicy: 'SingleStack' }],
    ],
    [
      'gets the second by demand, and gives it back',
      { selector, ports, ipFamilies: ['IPv6'] },
      [{ ipFamilyPolicy: 'RequireDualStack' }, { ipFamilyPolicy: 'SingleStack', ipFamilies: ['IPv6'] }],
    ],
    [
      'has both from the start, and node ports',
      { type: 'NodePort', selector, ports, ipFamilyPolicy: 'RequireDualStack', ipFamilies: ['IPv6', 'IPv4'] },
      [{ type: 'LoadBalancer' }, { type: 'ClusterIP' }, { ipFamilyPolicy: 'PreferDualStack' }],
    ],
    [
      'has none and both families',
      { clusterIP: 'None', selector, ports, ipFamilyPolicy: 'PreferDualStack' },
      [{ ipFamilyPolicy: 'SingleStack' }, { ipFamilyPolicy: 'RequireDualStack' }],
    ],
    [
      'cannot change its first family',
      { selector, ports, ipFamilyPolicy: 'PreferDualStack', ...families },
      [{ ipFamilies: ['IPv6', 'IPv4'] }],
    ],
    [
      'becomes an alias and comes back',
      { selector, ports, ipFamilyPolicy: 'RequireDualStack' },
      [TO['ExternalName'] ?? {}, { ...TO['ClusterIP'], ipFamilyPolicy: 'PreferDualStack' }],
    ],
  ])('a Service %s', async (what, spec, steps) => {
    await follows(nameOf(what), spec, steps);
  });
});

describe('the status of a load balancer', () => {
  const status = { loadBalancer: { ingress: [{ ip: '203.0.113.9', ipMode: 'VIP' }, { hostname: 'lb.example.org' }] } };

  test('comes back, is the host’s whatever a tenant writes, and goes with the type', async () => {
    const name = 'balanced';
    await create(clusters.virtual, name, TYPES['LoadBalancer'] ?? {});
    const { metadata: { name: hostName = '', namespace = '' } = {} } = await settled(name);
    const at = { namespace, name: hostName, subresource: 'status', type: 'merge' } as const;
    await clusters.host.patch(type, at, { status });
    const shows = (expected: object) =>
      eventually(`the load balancer of ${name} is ${JSON.stringify(expected)}`, async () => {
        const service = await clusters.virtualOne<Service>(type, name);
        expect(service?.status?.loadBalancer).toEqual(expected);
        return true;
      });
    await shows(status.loadBalancer);
    const forged = { status: { loadBalancer: { ingress: [{ ip: '192.0.2.66' }] } } };
    await clusters.virtual.patch(type, { namespace: 'default', name, subresource: 'status', type: 'merge' }, forged);
    await shows(status.loadBalancer);
    expect((await clusters.twin<Service>(type, name))?.status).toMatchObject(status);
    await patch(clusters.virtual, name, { type: 'ClusterIP' });
    await settled(name);
    await shows({});
  });
});

test('labels and annotations of ours that a tenant sets on a Service never arrive as ours', async () => {
  const created = await clusters.virtual.create<Service>(type, {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: {
      name: 'pretender',
      namespace: 'default',
      labels: { 'nestling.dev/virtual-cluster': 'other', 'service.kubernetes.io/service-proxy-name': 'theirs' },
      annotations: {
        'nestling.dev/uid': 'forged',
        'nestling.dev/reservation': '2030-01-01T00:00:00Z',
        'service.beta.kubernetes.io/aws-load-balancer-type': 'external',
      },
    },
    spec: { ports },
  });
  const { metadata } = await settled('pretender');
  expect(metadata?.labels).toMatchObject({
    'nestling.dev/virtual-cluster': 'vc',
    'nestling.dev/namespace': 'default',
  });
  expect(metadata?.labels).not.toHaveProperty(['service.kubernetes.io/service-proxy-name']);
  expect(metadata?.annotations).toEqual({
    'nestling.dev/kind': 'Service',
    'nestling.dev/name': 'pretender',
    'nestling.dev/namespace': 'default',
    'nestling.dev/uid': created.metadata?.uid,
  });
});
