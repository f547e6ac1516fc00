import { Size } from 'cdk8s';
import type { ResourceQuota } from 'kubernetes-types/core/v1';
import type { NetworkPolicy, NetworkPolicyPeer } from 'kubernetes-types/networking/v1';
import {
  ContainerDefaults,
  Cpu,
  Exposure,
  Isolation,
  NetworkPeer,
  PodSecurityLevel,
  Quota,
  Store,
  type QuotaProps,
  type VirtualClusterProps,
} from '../../../constructs';
import { parseConfiguration } from '../../../syncer/configuration/document';
import { selects } from '../../host-cluster/network-policy/endpoints';
import { find, podOf, propsError, statefulSetOf, synthesize } from './synthesized';

const policyOf = (props: VirtualClusterProps) => {
  const { data } = find(synthesize(props), 'ConfigMap', 'my-vc1-configuration') as unknown as {
    data: Record<string, string>;
  };
  return parseConfiguration(data['configuration.yaml'] ?? '').policy;
};
const networkPolicy = (name: string, props: VirtualClusterProps = {}) =>
  find(synthesize(props), 'NetworkPolicy', `my-vc1-${name}`) as unknown as Required<NetworkPolicy>;

const TENANT = { 'nestling.dev/virtual-cluster': 'my-vc1', 'nestling.dev/namespace': 'shop' };

describe('a level of isolation', () => {
  test('sets what its clusters have where they say nothing', () => {
    expect(policyOf({})).toMatchObject({ podSecurity: 'baseline', alwaysPullImages: false });
    expect(policyOf({})).toEqual(policyOf({ isolation: Isolation.baseline() }));
    expect(policyOf({ isolation: Isolation.restricted() })).toMatchObject({
      podSecurity: 'restricted',
      alwaysPullImages: true,
      network: { isolated: true },
    });
    expect(policyOf({ isolation: Isolation.trusted() })).toMatchObject({
      podSecurity: 'privileged',
      alwaysPullImages: false,
      network: { isolated: false, allowedEgress: [] },
    });
  });

  test('gives way to what is set by itself', () => {
    expect(
      policyOf({
        isolation: Isolation.restricted({ alwaysPullImages: false }),
        podSecurity: PodSecurityLevel.BASELINE,
      }),
    ).toMatchObject({ podSecurity: 'baseline', alwaysPullImages: false });
    expect(policyOf({ isolation: Isolation.baseline({ toleratedTaints: ['example.org/gpu'] }) })).toMatchObject({
      toleratedTaints: ['example.org/gpu'],
    });
    const isolation = Isolation.trusted({ network: { enabled: true } });
    expect(policyOf({ isolation })).toMatchObject({ podSecurity: 'privileged', network: { isolated: true } });
  });

  test('is refused with what has no effect, and with ranges that are none, by the names of the properties', () => {
    const allowEgressTo = [NetworkPeer.cidr('10.1.0.0/16')];
    expect(propsError({ isolation: Isolation.baseline({ network: { enabled: false, allowEgressTo } }) })).toMatch(
      /isolation\.network\.allowEgressTo: .*: has no effect/,
    );
    const network = { hostRanges: ['nodes'], allowIngressFrom: [NetworkPeer.cidr('10.1.0.1/16')] };
    const error = propsError({ isolation: Isolation.baseline({ network }) });
    expect(error).toContain('isolation.network.hostRanges[0]: "nodes": is not an address range');
    expect(error).toContain('isolation.network.allowIngressFrom[0]: "10.1.0.1/16": has bits set after its first 16');
  });
});

describe('the quota of a tenant', () => {
  const quota = (props: VirtualClusterProps = {}) =>
    (find(synthesize(props), 'ResourceQuota', 'my-vc1-quota') as unknown as Required<ResourceQuota>).spec.hard;
  const kinds = (props: VirtualClusterProps) => synthesize(props).map(({ kind }) => kind);

  test('is there at level restricted, with what containers have that say nothing, and else where it is asked for', () => {
    expect(kinds({})).not.toContain('ResourceQuota');
    expect(kinds({})).not.toContain('LimitRange');
    const restricted = synthesize({ isolation: Isolation.restricted() });
    expect(find(restricted, 'LimitRange', 'my-vc1-container-defaults')).toMatchObject({
      spec: { limits: [{ type: 'Container', defaultRequest: { cpu: '100m', memory: '128Mi' } }] },
    });
    // The host lets nothing in until it has counted what is there.
    expect(restricted.at(-1)?.kind).toBe('ResourceQuota');
    const none = Isolation.restricted({ quota: Quota.none(), containerDefaults: ContainerDefaults.none() });
    expect(kinds({ isolation: none })).not.toContain('ResourceQuota');
    expect(kinds({ isolation: none })).not.toContain('LimitRange');
  });

  test('is for the tenant: what the control plane itself takes is added', () => {
    const of = (props: QuotaProps, more: VirtualClusterProps = {}) =>
      quota({ ...more, isolation: Isolation.baseline({ quota: Quota.of(props) }) });
    const { containers } = podOf(synthesize());
    const own = containers.reduce(
      (sum, { resources }) => sum + Number.parseInt(resources?.requests?.['cpu'] ?? '', 10),
      0,
    );
    expect(of({ cpuRequests: Cpu.units(2) })).toEqual({ 'requests.cpu': `${2000 + own}m` });
    expect(of({ memoryRequests: Size.gibibytes(1) })).toEqual({
      'requests.memory': `${(1024 + 96 + 320 + 128 + 128) * 1024}Ki`,
    });
    expect(of({ storage: Size.gibibytes(1) })).toEqual({ 'requests.storage': `${6 * 1024 * 1024}Ki` });
    expect(of({ storage: Size.gibibytes(1) }, { store: Store.ephemeral() })).toEqual({
      'requests.storage': `${1024 * 1024}Ki`,
    });
    expect(of({ pods: 10, services: 5, nodePorts: 0, networkPolicies: 0 })).toEqual({
      pods: '13',
      services: '7',
      'services.nodeports': '0',
      'count/networkpolicies.networking.k8s.io': '4',
    });
    expect(of({ nodePorts: 0 }, { exposure: Exposure.nodePort() })).toEqual({ 'services.nodeports': '1' });
  });

  test('is refused with numbers and amounts that are none', () => {
    const error = propsError({
      isolation: Isolation.baseline({
        quota: Quota.of({ pods: -1, services: 1.5, cpuRequests: Cpu.millis(0) }),
        containerDefaults: ContainerDefaults.of({ memoryLimit: Size.mebibytes(1) }),
      }),
    });
    for (const field of ['quota.pods: -1', 'quota.services: 1.5', 'quota.cpuRequests: "0m"']) {
      expect(error).toContain(`isolation.${field}: is no `);
    }
    expect(error).toContain('isolation.containerDefaults.memoryLimit: "1Mi": is less than the request of 128Mi');
  });
});

describe('the network policies of the platform', () => {
  test('are none where tenants are trusted', () => {
    expect(synthesize({ isolation: Isolation.trusted() }).filter(({ kind }) => kind === 'NetworkPolicy')).toEqual([]);
  });

  test('deny all pods of the tenant everything', () => {
    const { spec } = networkPolicy('deny');
    expect(spec).toEqual({
      podSelector: { matchLabels: { 'nestling.dev/virtual-cluster': 'my-vc1' } },
      policyTypes: ['Ingress', 'Egress'],
    });
  });

  test.each([
    ['ingress', 'nestling.dev/ingress-policy'],
    ['egress', 'nestling.dev/egress-policy'],
  ])('leave what pods do for %s to a policy of the tenant that selects them', (name, label) => {
    const { podSelector } = networkPolicy(name).spec ?? {};
    expect(selects(podSelector ?? {}, TENANT)).toBe(true);
    expect(selects(podSelector ?? {}, { ...TENANT, [label]: 'tenant' })).toBe(false);
    expect(selects(podSelector ?? {}, { ...TENANT, 'nestling.dev/virtual-cluster': 'my-vc2' })).toBe(false);
  });

  /** Who is meant by the peers, of pods of the host in a namespace. */
  const means = (peers: readonly NetworkPolicyPeer[], namespace: string, labels: Record<string, string>): boolean =>
    peers.some(
      ({ ipBlock, namespaceSelector, podSelector }) =>
        ipBlock === undefined &&
        (namespaceSelector
          ? selects(namespaceSelector, { 'kubernetes.io/metadata.name': namespace })
          : namespace === 'team-a') &&
        selects(podSelector ?? {}, labels),
    );
  const controlPlane = statefulSetOf(synthesize()).spec.template.metadata?.labels ?? {};

  test('let in the tenant, its control plane and pods of the host, and no other tenant', () => {
    const from = networkPolicy('ingress').spec?.ingress?.[0]?.from ?? [];
    expect(means(from, 'team-a', TENANT)).toBe(true);
    expect(means(from, 'team-a', controlPlane)).toBe(true);
    expect(means(from, 'ingress-nginx', { app: 'controller' })).toBe(true);
    for (const namespace of ['team-a', 'team-b']) {
      expect(means(from, namespace, { ...TENANT, 'nestling.dev/virtual-cluster': 'my-vc2' })).toBe(false);
      expect(means(from, namespace, { ...controlPlane, 'nestling.dev/control-plane': 'my-vc2' })).toBe(false);
    }
  });

  test('let in at level restricted those of the host only that are named', () => {
    const allowIngressFrom = [NetworkPeer.namespace('ingress-nginx')];
    const { spec } = networkPolicy('ingress', { isolation: Isolation.restricted({ network: { allowIngressFrom } }) });
    const from = spec?.ingress?.[0]?.from ?? [];
    expect(means(from, 'ingress-nginx', { app: 'controller' })).toBe(true);
    expect(means(from, 'monitoring', { app: 'prometheus' })).toBe(false);
    expect(from.filter(({ ipBlock }) => ipBlock)).toEqual([]);
    expect(means(from, 'team-a', TENANT)).toBe(true);
  });

  test('let out to the tenant, its control plane, public addresses and name servers, and to no pod of the host', () => {
    const [own, dns] = networkPolicy('egress').spec?.egress ?? [];
    const to = own?.to ?? [];
    expect(means(to, 'team-a', TENANT)).toBe(true);
    expect(means(to, 'team-a', controlPlane)).toBe(true);
    expect(means(to, 'kube-system', { 'k8s-app': 'kube-dns' })).toBe(false);
    expect(means(to, 'team-b', { ...TENANT, 'nestling.dev/virtual-cluster': 'my-vc2' })).toBe(false);
    expect(to.flatMap(({ ipBlock }) => (ipBlock ? [ipBlock.cidr] : []))).toEqual(['0.0.0.0/0', '::/0']);
    const [v4, v6] = to.flatMap(({ ipBlock }) => (ipBlock ? [ipBlock.except ?? []] : []));
    for (const range of ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '100.64.0.0/10', '169.254.0.0/16']) {
      expect(v4).toContain(range);
    }
    expect(v6).toEqual(expect.arrayContaining(['fc00::/7', 'fe80::/10']));
    expect(dns).toEqual({
      ports: [
        { port: 53, protocol: 'UDP' },
        { port: 53, protocol: 'TCP' },
      ],
    });
  });

  test('let out to what is named besides, not to the internet where that is closed, and ask the named servers only', () => {
    const isolation = Isolation.baseline({
      network: {
        internet: false,
        allowEgressTo: [NetworkPeer.cidr('10.9.0.0/16', ['10.9.9.0/24']), NetworkPeer.pods({ labels: { app: 'db' } })],
        dnsServers: [NetworkPeer.cidr('10.0.0.2/32')],
      },
    });
    const [own, dns] = networkPolicy('egress', { isolation }).spec?.egress ?? [];
    expect(own?.to?.filter(({ ipBlock }) => ipBlock)).toEqual([
      { ipBlock: { cidr: '10.9.0.0/16', except: ['10.9.9.0/24'] } },
    ]);
    expect(means(own?.to ?? [], 'shared', { app: 'db' })).toBe(true);
    expect(dns?.to).toEqual([{ ipBlock: { cidr: '10.0.0.2/32' } }]);
  });

  test('keep ranges of the host out of what is public', () => {
    const isolation = Isolation.baseline({ network: { hostRanges: ['203.0.113.0/24', '2001:db8::/32'] } });
    const blocks = networkPolicy('egress', { isolation }).spec?.egress?.[0]?.to ?? [];
    const excepted = blocks.flatMap(({ ipBlock }) => ipBlock?.except ?? []);
    expect(excepted).toEqual(expect.arrayContaining(['203.0.113.0/24', '2001:db8::/32']));
  });

  test('leave the API server to whoever reaches it, and the other ports of the control plane to the host and its replicas', () => {
    const { podSelector, ingress = [], policyTypes } = networkPolicy('control-plane').spec ?? {};
    expect(selects(podSelector ?? {}, controlPlane)).toBe(true);
    expect(policyTypes).toEqual(['Ingress']);
    expect(ingress[0]).toEqual({ ports: [{ port: 6443, protocol: 'TCP' }] });
    expect(ingress.slice(1).every(({ from = [] }) => from.length > 0 && !means(from, 'team-a', TENANT))).toBe(true);
    expect(means(ingress[1]?.from ?? [], 'team-a', controlPlane)).toBe(true);
  });
});
