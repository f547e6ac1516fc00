import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Pod, Service } from 'kubernetes-types/core/v1';
import type { NetworkPolicySpec } from 'kubernetes-types/networking/v1';
import { KubeClient, resources } from '../../syncer/kube-client';
import { HostCluster } from '../host-cluster';
import { eventually } from '../virtual-cluster';
import type { Target } from './traffic';
import { expectTraffic, PORTS, provideAgnhost, trafficPod } from './traffic';

const NAME = 'e2e-policies';
let cluster: HostCluster;
let host: KubeClient;
/** Address of each pod, by `namespace/name`. */
const addresses = new Map<string, string>();
let service: string;

/** The server is on node-1; `near` and `bystander` are on the same one, so that a bridge carries their packets. */
const pods = [
  trafficPod('shop', 'server', {}, 'node-1'),
  trafficPod('shop', 'bystander', {}, 'node-1'),
  trafficPod('shop', 'near', { role: 'client' }, 'node-1'),
  trafficPod('shop', 'far', { role: 'client' }, 'node-2'),
  trafficPod('bank', 'till', { role: 'client' }, 'node-2'),
];
const everyone = ['shop/near', 'shop/far', 'bank/till'];

beforeAll(async () => {
  cluster = await HostCluster.up({ name: NAME, nodes: 2 });
  await provideAgnhost(cluster);
  host = new KubeClient(cluster.connection, { userAgent: 'nestling-test' });
  for (const name of ['shop', 'bank']) {
    await host.create(resources.namespaces, {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name, labels: { branch: name } },
    });
    await eventually(`the service account of ${name}`, () =>
      host.get(resources.serviceAccounts, { namespace: name, name: 'default' }),
    );
  }
  await Promise.all(pods.map((pod) => host.create<Pod>(resources.pods, pod)));
  const made = await host.create<Service>(resources.services, {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'server', namespace: 'shop' },
    spec: { selector: { app: 'server' }, ports: [{ port: 80, targetPort: PORTS.http }] },
  });
  service = made.spec?.clusterIP ?? '';
  for (const { metadata } of pods) {
    const { namespace = '', name = '' } = metadata ?? {};
    addresses.set(`${namespace}/${name}`, await addressOf(namespace, name));
  }
});

afterAll(async () => {
  await host?.close();
  await HostCluster.down(NAME);
});

const addressOf = (namespace: string, name: string): Promise<string> =>
  eventually(`pod ${namespace}/${name} is ready`, async () => {
    const { status } = await host.get<Pod>(resources.pods, { namespace, name });
    return status?.conditions?.some(({ type, status: value }) => type === 'Ready' && value === 'True') && status.podIP;
  });

const apply = (name: string, spec: NetworkPolicySpec, namespace = 'shop') =>
  host.create(resources.networkPolicies, {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name, namespace },
    spec,
  } as never);

const to = (pod: string, port: number = PORTS.http, protocol: 'tcp' | 'udp' = 'tcp'): Target => ({
  host: addresses.get(pod) ?? '',
  port,
  protocol,
});

/** Waits until packets from each of the pods are let through or dropped, as it stands beside them. */
async function traffic(target: () => Target, expected: Record<string, 'open' | 'dropped'>): Promise<void> {
  await Promise.all(
    Object.entries(expected).map(([from, what]) => {
      const [namespace = '', pod = ''] = from.split('/');
      return expectTraffic(cluster.kubeconfigPath, { namespace, pod }, target(), what);
    }),
  );
}
const all = (what: 'open' | 'dropped') => Object.fromEntries(everyone.map((pod) => [pod, what]));
const server = () => to('shop/server');
const forServer = { matchLabels: { app: 'server' } };

describe('on the nodes of a cluster', () => {
  afterEach(async () => {
    for (const namespace of ['shop', 'bank']) {
      for (const { metadata } of (await host.list(resources.networkPolicies, { namespace })).items) {
        await host.delete(resources.networkPolicies, { namespace, name: metadata?.name ?? '' });
      }
    }
  });

  test('without a policy everything flows: between pods of one node, of two nodes, by ClusterIP and by UDP', async () => {
    await traffic(server, all('open'));
    await traffic(() => ({ host: service, port: 80 }), all('open'));
    await traffic(() => to('shop/server', PORTS.udp, 'udp'), all('open'));
  });

  test('a default deny drops what goes to the selected pod, on every way, and nothing else', async () => {
    await apply('deny', { podSelector: forServer, policyTypes: ['Ingress'] });
    await traffic(server, all('dropped'));
    await traffic(() => ({ host: service, port: 80 }), all('dropped'));
    await traffic(() => to('shop/server', PORTS.udp, 'udp'), all('dropped'));
    await traffic(() => to('shop/bystander'), all('open'));
    // The answers to what the selected pod itself asks are not kept from it, and it reaches itself.
    await traffic(() => to('shop/bystander'), { 'shop/server': 'open' });
    await traffic(server, { 'shop/server': 'open' });
  });

  test('a node reaches its own pods whatever the policies say, another node does not', async () => {
    await apply('deny', { podSelector: {}, policyTypes: ['Ingress', 'Egress'] });
    await traffic(server, { 'shop/near': 'dropped' });
    const fromNode = async (node: string): Promise<string> => {
      const { pid } = cluster.processes().find((each) => each.name === 'namespaces' && each.node === node) ?? {};
      const script = `fetch(process.argv[1], { signal: AbortSignal.timeout(2000) }).then(r => console.log(r.status), e => console.log(e.name))`;
      const url = `http://${addresses.get('shop/server')}:${PORTS.http}/`;
      const command = ['--target', String(pid), '--net', '--', process.execPath, '-e', script, url];
      return (await promisify(execFile)('nsenter', command)).stdout.trim();
    };
    expect(await fromNode('node-1')).toBe('200');
    expect(await fromNode('node-2')).toBe('TimeoutError');
    await addressOf('shop', 'server');
  });

  test('pods are let through by their labels, by those of their namespaces, and by both together', async () => {
    await apply('deny', { podSelector: forServer, policyTypes: ['Ingress'] });
    await traffic(server, all('dropped'));
    await apply('by-pod', {
      podSelector: forServer,
      ingress: [{ from: [{ podSelector: { matchLabels: { role: 'client' } } }] }],
    });
    await traffic(server, {
      'shop/near': 'open',
      'shop/far': 'open',
      'bank/till': 'dropped',
      'shop/bystander': 'dropped',
    });
    await host.delete(resources.networkPolicies, { namespace: 'shop', name: 'by-pod' });
    await traffic(server, all('dropped'));
    await apply('by-namespace', {
      podSelector: forServer,
      ingress: [{ from: [{ namespaceSelector: { matchLabels: { branch: 'bank' } } }] }],
    });
    await traffic(server, { 'shop/near': 'dropped', 'shop/far': 'dropped', 'bank/till': 'open' });
    await host.delete(resources.networkPolicies, { namespace: 'shop', name: 'by-namespace' });
    await apply('by-both', {
      podSelector: forServer,
      ingress: [
        {
          from: [
            {
              namespaceSelector: {},
              podSelector: { matchExpressions: [{ key: 'app', operator: 'In', values: ['far'] }] },
            },
          ],
        },
      ],
    });
    await traffic(server, { 'shop/near': 'dropped', 'shop/far': 'open', 'bank/till': 'dropped' });
  });

  test('ranges let their addresses through, but for the excepted ones', async () => {
    await apply('range', {
      podSelector: forServer,
      ingress: [
        { from: [{ ipBlock: { cidr: cluster.plan.podCIDR, except: [`${addresses.get('shop/near')}/32`] } }] },
        { from: [{ ipBlock: { cidr: `${addresses.get('bank/till')}/32` } }] },
      ],
    });
    await traffic(server, { 'shop/near': 'dropped', 'shop/far': 'open', 'bank/till': 'open' });
  });

  test('ports are let through by number, range, name and protocol', async () => {
    await apply('by-number', { podSelector: forServer, ingress: [{ ports: [{ port: PORTS.metrics }] }] });
    await traffic(server, all('dropped'));
    await traffic(() => to('shop/server', PORTS.metrics), all('open'));
    await apply('by-name', { podSelector: forServer, ingress: [{ ports: [{ port: 'http' }] }] });
    await traffic(server, all('open'));
    await traffic(() => ({ host: service, port: 80 }), all('open'));
    await traffic(() => to('shop/server', PORTS.udp, 'udp'), all('dropped'));
    await apply('by-range', {
      podSelector: forServer,
      ingress: [{ ports: [{ protocol: 'UDP', port: 5300, endPort: 5400 }] }],
    });
    await traffic(() => to('shop/server', PORTS.udp, 'udp'), all('open'));
  });

  test('egress: a pod that may send nothing reaches neither pods nor names nor its node', async () => {
    const api = { host: cluster.plan.nodes[0].address, port: 6443 };
    const dns = { host: cluster.plan.dnsAddress, port: 53 };
    for (const target of [api, dns]) await traffic(() => target, { 'shop/near': 'open', 'shop/far': 'open' });
    await apply('deny', { podSelector: { matchLabels: { role: 'client' } }, policyTypes: ['Egress'] });
    for (const target of [
      server(),
      { host: service, port: 80 },
      api,
      { host: cluster.plan.apiServiceAddress, port: 443 },
      dns,
    ]) {
      await traffic(() => target, { 'shop/near': 'dropped', 'shop/far': 'dropped' });
    }
    await traffic(server, { 'shop/bystander': 'open', 'bank/till': 'open' });
    await traffic(() => to('shop/near'), { 'shop/bystander': 'open' });
  });

  test('egress to a named port is let through to the pods that name it, by ClusterIP too', async () => {
    await apply('http-of-server', {
      podSelector: { matchLabels: { role: 'client' } },
      policyTypes: ['Egress'],
      egress: [{ to: [{ podSelector: forServer }], ports: [{ port: 'http' }] }],
    });
    const clients = (what: 'open' | 'dropped') => ({ 'shop/near': what, 'shop/far': what });
    await traffic(() => to('shop/bystander'), clients('dropped'));
    await traffic(() => to('shop/server', PORTS.metrics), clients('dropped'));
    await traffic(server, clients('open'));
    await traffic(() => ({ host: service, port: 80 }), clients('open'));
  });

  test('a pod that comes later and a label that changes count at once; without its policy all flows again', async () => {
    await apply('friends', {
      podSelector: {},
      policyTypes: ['Ingress'],
      ingress: [{ from: [{ podSelector: { matchLabels: { friend: 'yes' } } }] }],
    });
    await traffic(server, all('dropped'));
    await host.patch(
      resources.pods,
      { type: 'merge', namespace: 'shop', name: 'near' },
      { metadata: { labels: { friend: 'yes' } } },
    );
    await traffic(server, { 'shop/near': 'open', 'shop/far': 'dropped' });
    await host.create<Pod>(resources.pods, trafficPod('shop', 'late', { friend: 'yes' }, 'node-2'));
    addresses.set('shop/late', await addressOf('shop', 'late'));
    await traffic(server, { 'shop/late': 'open' });
    await traffic(() => to('shop/late'), { 'shop/near': 'open', 'shop/far': 'dropped' });
    await host.delete(resources.networkPolicies, { namespace: 'shop', name: 'friends' });
    await traffic(server, { ...all('open'), 'shop/late': 'open' });
    await traffic(() => to('shop/late'), all('open'));
  });

  test('each node has an enforcer, which is a process of the cluster like others', () => {
    const enforcers = cluster.processes().filter(({ name }) => name === 'network-policy-enforcer');
    expect(enforcers.map(({ node, alive }) => [node, alive])).toEqual([
      ['node-1', true],
      ['node-2', true],
    ]);
  });
});

test('nothing is left after down', async () => {
  await cluster.down();
  expect(await HostCluster.leftovers(NAME)).toEqual([]);
});
