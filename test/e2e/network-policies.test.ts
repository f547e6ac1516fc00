import type { Pod, Service } from 'kubernetes-types/core/v1';
import type { NetworkPolicySpec } from 'kubernetes-types/networking/v1';
import { Isolation, NetworkPeer } from '../../constructs';
import { resources } from '../../syncer/kube-client';
import { resolveHost } from '../host-cluster';
import { eventually } from '../virtual-cluster';
import type { Target } from './traffic';
import { expectTraffic, PORTS, provideAgnhost, trafficPod } from './traffic';
import { useVirtualCluster } from './virtual-cluster';

// On the host all these pods are in one namespace, whatever namespace the tenant sees them in.
// A range in a policy of a tenant is at most what the platform allows of it: here that of pods, too, whose addresses are private.
const cluster = useVirtualCluster('policies', {
  isolation: Isolation.baseline({ network: { allowIngressFrom: [NetworkPeer.cidr('0.0.0.0/0')] } }),
});
const addresses = new Map<string, string>();
let service: string;

beforeAll(async () => {
  await provideAgnhost(await resolveHost({}));
  const { virtual } = cluster.current;
  for (const name of ['shop', 'bank']) {
    await virtual.create(resources.namespaces, {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name, labels: { branch: name } },
    });
    await eventually(`the service account of ${name}`, () =>
      virtual.get(resources.serviceAccounts, { namespace: name, name: 'default' }),
    );
  }
  const made = await virtual.create<Service>(resources.services, {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'server', namespace: 'shop' },
    spec: { selector: { app: 'server' }, ports: [{ port: 80, targetPort: 'http' }] },
  });
  service = made.spec?.clusterIP ?? '';
  const pods = [
    trafficPod('shop', 'server'),
    trafficPod('shop', 'friend', { role: 'client' }),
    trafficPod('shop', 'stranger'),
    trafficPod('bank', 'till', { role: 'client' }),
  ];
  await Promise.all(pods.map((pod) => virtual.create<Pod>(resources.pods, pod)));
  for (const { metadata } of pods) {
    const { namespace = '', name = '' } = metadata ?? {};
    const address = await eventually(`pod ${namespace}/${name} is ready`, async () => {
      const { status } = await virtual.get<Pod>(resources.pods, { namespace, name });
      return (
        status?.conditions?.some(({ type, status: value }) => type === 'Ready' && value === 'True') && status.podIP
      );
    });
    addresses.set(`${namespace}/${name}`, address);
  }
});

afterEach(async () => {
  for (const namespace of ['shop', 'bank']) {
    for (const { metadata } of (await cluster.current.virtual.list(resources.networkPolicies, { namespace })).items) {
      await remove(metadata?.name ?? '', namespace);
    }
  }
});

const apply = (name: string, spec: NetworkPolicySpec, namespace = 'shop') =>
  cluster.current.virtual.create(resources.networkPolicies, {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name, namespace },
    spec,
  } as never);
const change = (name: string, spec: object) =>
  cluster.current.virtual.patch(resources.networkPolicies, { namespace: 'shop', name, type: 'merge' }, { spec });
const remove = (name: string, namespace = 'shop') =>
  cluster.current.virtual.delete(resources.networkPolicies, { namespace, name });

const to = (pod: string, port: number = PORTS.http, protocol: 'tcp' | 'udp' = 'tcp'): Target => ({
  host: addresses.get(pod) ?? '',
  port,
  protocol,
});
const server = () => to('shop/server');
const byService = () => ({ host: service, port: 80 });

/** Waits until packets from each of the pods are let through or dropped, as it stands beside them. */
async function traffic(target: Target, expected: Record<string, 'open' | 'dropped'>): Promise<void> {
  await Promise.all(
    Object.entries(expected).map(([from, what]) => {
      const [namespace = '', pod = ''] = from.split('/');
      return expectTraffic(cluster.current.kubeconfigPath, { namespace, pod }, target, what);
    }),
  );
}
const all = (what: 'open' | 'dropped') => ({ 'shop/friend': what, 'shop/stranger': what, 'bank/till': what });
const forServer = { matchLabels: { app: 'server' } };

test('a policy denies, allows by the labels of pods, follows its changes and ends with its deletion', async () => {
  await traffic(server(), all('open'));
  await traffic(byService(), all('open'));
  await apply('server', { podSelector: forServer, policyTypes: ['Ingress'] });
  await traffic(server(), all('dropped'));
  await traffic(byService(), all('dropped'));
  await traffic(to('shop/stranger'), { 'shop/friend': 'open', 'shop/server': 'open', 'bank/till': 'open' });
  await change('server', { ingress: [{ from: [{ podSelector: { matchLabels: { role: 'client' } } }] }] });
  await traffic(server(), { 'shop/friend': 'open', 'shop/stranger': 'dropped', 'bank/till': 'dropped' });
  await traffic(byService(), { 'shop/friend': 'open', 'shop/stranger': 'dropped', 'bank/till': 'dropped' });
  await remove('server');
  await traffic(server(), all('open'));
});

test('an empty selector selects the pods of its own namespace alone, as source and as target', async () => {
  await apply('own', { podSelector: {}, ingress: [{ from: [{ podSelector: {} }] }] });
  await traffic(server(), { 'shop/friend': 'open', 'shop/stranger': 'open', 'bank/till': 'dropped' });
  await traffic(to('bank/till'), { 'shop/friend': 'open', 'shop/stranger': 'open' });
});

test('peers are let through by the labels of their namespaces, which may change, and of both together', async () => {
  const branch = (name: string) => ({ matchLabels: { branch: name } });
  await apply('branch', { podSelector: forServer, ingress: [{ from: [{ namespaceSelector: branch('bank') }] }] });
  await traffic(server(), { 'shop/friend': 'dropped', 'shop/stranger': 'dropped', 'bank/till': 'open' });
  const label = (value: string) =>
    cluster.current.virtual.patch(
      resources.namespaces,
      { name: 'bank', type: 'merge' },
      { metadata: { labels: { branch: value } } },
    );
  await label('closed');
  await traffic(server(), { 'bank/till': 'dropped' });
  await label('bank');
  await traffic(server(), { 'bank/till': 'open' });
  const client = { matchLabels: { role: 'client' } };
  await change('branch', { ingress: [{ from: [{ namespaceSelector: {}, podSelector: client }] }] });
  await traffic(server(), { 'shop/friend': 'open', 'shop/stranger': 'dropped', 'bank/till': 'open' });
  const shop = { matchLabels: { 'kubernetes.io/metadata.name': 'shop' } };
  await change('branch', { ingress: [{ from: [{ namespaceSelector: shop, podSelector: client }] }] });
  await traffic(server(), { 'shop/friend': 'open', 'shop/stranger': 'dropped', 'bank/till': 'dropped' });
});

test('ranges of addresses are let through, but for the excepted ones', async () => {
  const friend = `${addresses.get('shop/friend')}/32`;
  await apply('range', { podSelector: forServer, ingress: [{ from: [{ ipBlock: { cidr: friend } }] }] });
  await traffic(server(), { 'shop/friend': 'open', 'shop/stranger': 'dropped', 'bank/till': 'dropped' });
  await change('range', { ingress: [{ from: [{ ipBlock: { cidr: '0.0.0.0/0', except: [friend] } }] }] });
  await traffic(server(), { 'shop/friend': 'dropped', 'shop/stranger': 'open', 'bank/till': 'open' });
});

test('ports are let through by name and number, in each direction', async () => {
  await apply('ports', { podSelector: forServer, ingress: [{ ports: [{ port: 'http' }] }] });
  await traffic(to('shop/server', PORTS.metrics), all('dropped'));
  await traffic(to('shop/server', PORTS.udp, 'udp'), all('dropped'));
  await traffic(server(), all('open'));
  await traffic(byService(), all('open'));
  await change('ports', { ingress: [{ ports: [{ port: PORTS.metrics }, { port: 'udp', protocol: 'UDP' }] }] });
  await traffic(server(), all('dropped'));
  await traffic(to('shop/server', PORTS.metrics), all('open'));
  await traffic(to('shop/server', PORTS.udp, 'udp'), all('open'));
});

test('egress: denied to all but the DNS of the virtual cluster, to a named port of a pod, and allowed to everyone', async () => {
  const named = (host: string): Target => ({ host, port: 80 });
  const clients = { podSelector: { matchLabels: { role: 'client' } }, policyTypes: ['Egress'] };
  const name = named('server.shop.svc.cluster.local');
  await traffic(name, { 'shop/friend': 'open' });
  await apply('clients', clients);
  await traffic(server(), { 'shop/friend': 'dropped', 'shop/stranger': 'open', 'bank/till': 'open' });
  const dns = {
    to: [
      {
        namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'kube-system' } },
        podSelector: { matchLabels: { 'k8s-app': 'kube-dns' } },
      },
    ],
    ports: [
      { port: 53, protocol: 'UDP' },
      { port: 53, protocol: 'TCP' },
    ],
  };
  await change('clients', { egress: [dns] });
  // The name resolves: what is dropped is the packet to the server.
  await traffic(name, { 'shop/friend': 'dropped' });
  await change('clients', { egress: [dns, { to: [{ podSelector: forServer }], ports: [{ port: 'http' }] }] });
  await traffic(name, { 'shop/friend': 'open' });
  await traffic(to('shop/server', PORTS.metrics), { 'shop/friend': 'dropped' });
  await traffic(to('shop/stranger'), { 'shop/friend': 'dropped' });
  await change('clients', { egress: [{}] });
  await traffic(to('shop/server', PORTS.metrics), { 'shop/friend': 'open' });
  await traffic(to('bank/till'), { 'shop/friend': 'open' });
});
