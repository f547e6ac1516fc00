import fc from 'fast-check';
import type { NetworkPolicy, NetworkPolicyPeer, NetworkPolicySpec } from 'kubernetes-types/networking/v1';
import { cidrContains, parseCidr, parseNetwork, type Cidr } from '../../../syncer/configuration';
import {
  appliedPatch,
  hostLabelKey,
  policyDirections,
  translateNetworkPolicy,
  translatePod,
  withAppliedDigest,
  type NetworkPolicyContext,
} from '../../../syncer/translation';
import { selects } from '../../host-cluster/network-policy/endpoints';
import { anchor, contextWith, identity, podWith, refusal, unwrap } from './fixtures';

const policyWith = (spec: Partial<NetworkPolicySpec>): NetworkPolicy => ({
  apiVersion: 'networking.k8s.io/v1',
  kind: 'NetworkPolicy',
  metadata: { name: 'rules', namespace: 'shop', uid: 'uid' },
  spec: { podSelector: {}, ...spec },
});
const ranges = (...texts: string[]): Cidr[] => texts.map((text) => parseCidr(text) as Cidr);
const translate = (spec: Partial<NetworkPolicySpec>, allowed: Partial<NetworkPolicyContext> = {}) =>
  translateNetworkPolicy(policyWith(spec), { identity, anchor, ...allowed });
const host = (spec: Partial<NetworkPolicySpec>, allowed: Partial<NetworkPolicyContext> = {}): NetworkPolicySpec =>
  unwrap(translate(spec, allowed)).spec as NetworkPolicySpec;
/** What a list of peers becomes, as those of an egress rule. */
const peers = (to: NetworkPolicyPeer[], allowed: Partial<NetworkPolicyContext> = {}) =>
  host({ egress: [{ to }] }, allowed).egress?.[0]?.to;

const CLUSTER = { 'nestling.dev/virtual-cluster': 'my-vc' };
const SHOP = { ...CLUSTER, 'nestling.dev/namespace': 'shop' };

describe('a host NetworkPolicy', () => {
  test('selects only pods of its own namespace and cluster', () => {
    const expressions = [{ key: 'tier', operator: 'NotIn', values: ['a', 'b'] }];
    expect(host({ podSelector: { matchLabels: { app: 'db' }, matchExpressions: expressions } }).podSelector).toEqual({
      matchLabels: { ...SHOP, 'label.nestling.dev/app': 'db' },
      matchExpressions: [{ key: 'label.nestling.dev/tier', operator: 'NotIn', values: ['a', 'b'] }],
    });
    expect(host({ podSelector: {} }).podSelector).toEqual({ matchLabels: SHOP });
  });

  test('has the name, owner and marks of a twin', () => {
    const { metadata } = unwrap(translate({}));
    expect(metadata).toMatchObject({
      name: 'rules-x-shop-x-my-vc',
      namespace: 'team-a',
      annotations: { 'nestling.dev/kind': 'NetworkPolicy', 'nestling.dev/uid': 'uid' },
      ownerReferences: [{ name: 'my-vc-anchor' }],
    });
  });

  test('selects peers among the pods of the tenant alone, by their labels and by those of their namespaces', () => {
    const pods = { matchLabels: { role: 'client' } };
    expect(peers([{ podSelector: pods }])).toEqual([
      { podSelector: { matchLabels: { ...SHOP, 'label.nestling.dev/role': 'client' } } },
    ]);
    expect(peers([{ podSelector: {} }])).toEqual([{ podSelector: { matchLabels: SHOP } }]);
    expect(peers([{ namespaceSelector: {} }])).toEqual([{ podSelector: { matchLabels: CLUSTER } }]);
    const namespaceSelector = {
      matchLabels: { team: 'a' },
      matchExpressions: [{ key: 'env', operator: 'Exists' }],
    };
    const requirements = [
      { key: 'namespace-label.nestling.dev/team', operator: 'In', values: ['a'] },
      { key: 'namespace-label.nestling.dev/env', operator: 'Exists' },
    ];
    expect(peers([{ namespaceSelector }])).toEqual([
      { podSelector: { matchLabels: CLUSTER, matchExpressions: requirements } },
    ]);
    expect(
      peers([{ namespaceSelector, podSelector: { ...pods, matchExpressions: [{ key: 'x', operator: 'Exists' }] } }]),
    ).toEqual([
      {
        podSelector: {
          matchLabels: { ...CLUSTER, 'label.nestling.dev/role': 'client' },
          matchExpressions: [{ key: 'label.nestling.dev/x', operator: 'Exists' }, ...requirements],
        },
      },
    ]);
  });

  test('keeps ports, ranges and types', () => {
    const ports = [{ port: 80 }, { port: 'http', protocol: 'TCP' }, { port: 1000, endPort: 2000, protocol: 'UDP' }];
    const ipBlock = { cidr: '10.0.0.0/8', except: ['10.1.0.0/16'] };
    const spec = {
      policyTypes: ['Ingress', 'Egress'],
      ingress: [{ ports, from: [{ ipBlock }] }],
      egress: [{ ports }, {}],
    };
    expect(host(spec)).toMatchObject(spec);
  });

  test('says its types, as rules that are left out cannot', () => {
    expect(host({}).policyTypes).toEqual(['Ingress']);
    expect(host({ egress: [] }).policyTypes).toEqual(['Ingress']);
    expect(host({ egress: [{}] }).policyTypes).toEqual(['Ingress', 'Egress']);
    expect(host({ policyTypes: ['Egress'] }).policyTypes).toEqual(['Egress']);
    const none = host({ egress: [{ to: [{ ipBlock: { cidr: '10.0.0.0/8' } }] }] }, { allowedEgress: [] });
    expect(none).toMatchObject({ policyTypes: ['Ingress', 'Egress'], egress: [] });
  });

  test('writes ranges as every API server takes them', () => {
    expect(peers([{ ipBlock: { cidr: '010.1.2.3/8', except: ['10.9.9.9/16'] } }])).toEqual([
      { ipBlock: { cidr: '10.0.0.0/8', except: ['10.9.0.0/16'] } },
    ]);
  });

  test('matches the pods of the DNS of the cluster where a policy names them as upstream examples do', () => {
    const namespaceLabels = { 'kubernetes.io/metadata.name': 'kube-system' };
    const dns = translatePod(
      podWith({}, { namespace: 'kube-system', labels: { 'k8s-app': 'kube-dns' } }),
      contextWith({ namespaceLabels }),
    );
    const other = translatePod(
      podWith({}, { labels: { 'k8s-app': 'kube-dns' } }),
      contextWith({ namespaceLabels: { 'kubernetes.io/metadata.name': 'shop' } }),
    );
    const [peer] = peers(
      [
        {
          namespaceSelector: { matchLabels: namespaceLabels },
          podSelector: { matchLabels: { 'k8s-app': 'kube-dns' } },
        },
      ],
      { allowedEgress: [] },
    ) as NetworkPolicyPeer[];
    expect(selects(peer?.podSelector ?? {}, unwrap(dns).metadata?.labels ?? {})).toBe(true);
    expect(selects(peer?.podSelector ?? {}, unwrap(other).metadata?.labels ?? {})).toBe(false);
  });

  test('is refused with the path of a field that is not known or wrong', () => {
    const message = (spec: object): string => refusal(translate(spec as NetworkPolicySpec));
    expect(message({ egress: [{ toFQDNs: ['a'] }] })).toMatch(/^Unsupported: spec\.egress\[0\]\.toFQDNs is a field/);
    expect(message({ ingress: [{ from: [{ serviceSelector: {} }] }] })).toMatch(
      'spec.ingress[0].from[0].serviceSelector',
    );
    expect(message({ ingress: [{ from: [{}] }] })).toMatch('spec.ingress[0].from[0] names no peer');
    expect(message({ egress: [{ to: [{ podSelector: {}, ipBlock: { cidr: '10.0.0.0/8' } }] }] })).toMatch(
      'spec.egress[0].to[0] names no peer, or two kinds of them',
    );
    expect(message({ egress: [{ to: [{ ipBlock: { cidr: 'a' } }] }] })).toMatch(
      'spec.egress[0].to[0].ipBlock.cidr "a" is not an address range',
    );
    expect(message({ egress: [{ to: [{ ipBlock: { cidr: '::/0', except: ['::ffff:10.0.0.0/104'] } }] }] })).toMatch(
      'spec.egress[0].to[0].ipBlock.except[0] "::ffff:10.0.0.0/104" is an IPv4 range in IPv6 spelling',
    );
    expect(message({ podSelector: { matchLabels: 7 } })).toMatch('spec.podSelector.matchLabels is a number');
  });

  test('carries keys with the names of object members unchanged, as data', () => {
    const matchLabels = JSON.parse('{"__proto__": "a", "constructor": "b"}') as Record<string, string>;
    const selector = host({ podSelector: { matchLabels } }).podSelector;
    expect(Object.entries(selector.matchLabels ?? {})).toEqual([
      [expect.stringMatching(/^label\.nestling\.dev\/.*x-[0-9a-f]{10}$/), 'a'],
      ['label.nestling.dev/constructor', 'b'],
      ...Object.entries(SHOP),
    ]);
  });

  test('that was widened on the host is brought back', () => {
    const wanted = withAppliedDigest(unwrap(translate({ policyTypes: ['Ingress', 'Egress'] })));
    const stored = { ...wanted, spec: { ...wanted.spec, ingress: undefined, egress: undefined } as never };
    expect(appliedPatch(wanted, stored)).toBeUndefined();
    expect(appliedPatch(wanted, { ...wanted, spec: { ...wanted.spec, egress: [{}] } as never })).toEqual({
      spec: { egress: [] },
    });
  });
});

describe('allowed ranges', () => {
  const allowed = { allowedEgress: ranges('10.0.0.0/8', '192.168.0.0/16') };
  const own = { podSelector: { matchLabels: CLUSTER } };

  test('stand, with the pods of the tenant, for everyone', () => {
    const everyone = [own, { ipBlock: { cidr: '10.0.0.0/8' } }, { ipBlock: { cidr: '192.168.0.0/16' } }];
    expect(host({ egress: [{}] }, allowed).egress).toEqual([{ to: everyone }]);
    expect(host({ egress: [{ to: [], ports: [{ port: 53 }] }] }, allowed).egress).toEqual([
      { to: everyone, ports: [{ port: 53 }] },
    ]);
    expect(host({ ingress: [{}] }, { allowedIngress: [] }).ingress).toEqual([{ from: [own] }]);
  });

  test('count for their own direction alone', () => {
    expect(host({ ingress: [{}], egress: [{}] }, allowed).ingress).toEqual([{}]);
    expect(host({ ingress: [{}], egress: [{}] }, { allowedIngress: [] }).egress).toEqual([{}]);
  });

  test('leave selectors of pods alone', () => {
    expect(peers([{ podSelector: {} }, { namespaceSelector: {} }], { allowedEgress: [] })).toEqual([
      { podSelector: { matchLabels: SHOP } },
      own,
    ]);
  });

  test.each([
    ['a range inside', { cidr: '10.1.0.0/16' }, [{ cidr: '10.1.0.0/16' }]],
    ['a range around', { cidr: '0.0.0.0/0' }, [{ cidr: '10.0.0.0/8' }, { cidr: '192.168.0.0/16' }]],
    ['the same range', { cidr: '10.0.0.0/8' }, [{ cidr: '10.0.0.0/8' }]],
    [
      'exceptions where they are',
      { cidr: '0.0.0.0/0', except: ['10.1.0.0/16', '11.0.0.0/8'] },
      [{ cidr: '10.0.0.0/8', except: ['10.1.0.0/16'] }, { cidr: '192.168.0.0/16' }],
    ],
    ['nothing that is all excepted', { cidr: '0.0.0.0/0', except: ['8.0.0.0/5'] }, [{ cidr: '192.168.0.0/16' }]],
  ])('let through %s', (_what, ipBlock, expected) => {
    expect(peers([{ ipBlock }], allowed)).toEqual(expected.map((range) => ({ ipBlock: range })));
  });

  test.each([{ cidr: '172.16.0.0/12' }, { cidr: 'fd00::/8' }, { cidr: '10.0.0.0/7', except: ['10.0.0.0/8'] }])(
    'leave no rule of %j, as one without peers would let everything through',
    (ipBlock) => {
      expect(host({ egress: [{ to: [{ ipBlock }] }, { to: [{ podSelector: {} }] }] }, allowed).egress).toEqual([
        { to: [{ podSelector: { matchLabels: SHOP } }] },
      ]);
    },
  );

  test('that many wide ranges meet are there once', () => {
    const to = Array.from({ length: 500 }, () => ({ ipBlock: { cidr: '0.0.0.0/0' } }));
    expect(peers(to, allowed)).toHaveLength(2);
  });
});

/** Addresses that often share a prefix. */
const address = fc
  .tuple(fc.constantFrom(10, 192), fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 3 }))
  .map(([a, b, c]) => `${a}.${b}.0.${c}`);
const cidr = fc.tuple(address, fc.integer({ min: 0, max: 32 })).map(([text, prefix]) => `${text}/${prefix}`);
const block = fc.record({ cidr, except: fc.array(cidr, { maxLength: 3 }) });
const inBlock = (ip: string, { cidr: range, except = [] }: { cidr: string; except?: string[] }): boolean =>
  cidrContains(parseNetwork(range) as Cidr, ip) && !except.some((each) => cidrContains(parseNetwork(each) as Cidr, ip));

test('a host policy lets a range through just where both one of the tenant and an allowed one do', () => {
  fc.assert(
    fc.property(
      fc.array(block, { minLength: 1, maxLength: 4 }),
      fc.array(cidr, { maxLength: 4 }),
      address,
      (blocks, allowed, ip) => {
        const allowedEgress = allowed.map((text) => parseNetwork(text) as Cidr);
        const egress =
          host({ egress: [{ to: blocks.map((ipBlock) => ({ ipBlock })) }] }, { allowedEgress }).egress ?? [];
        const open = egress.some(
          ({ to }) => to === undefined || to.some(({ ipBlock }) => ipBlock && inBlock(ip, ipBlock)),
        );
        expect(open).toBe(
          blocks.some((each) => inBlock(ip, each)) && allowedEgress.some((each) => cidrContains(each, ip)),
        );
      },
    ),
    { numRuns: 2000 },
  );
});

describe('within bounds of the platform', () => {
  const ingressController = { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'ingress' } } };
  const controlPlane = { podSelector: { matchLabels: { 'nestling.dev/control-plane': 'my-vc' } } };
  const internet = { ipBlock: { cidr: '0.0.0.0/0', except: ['10.0.0.0/8', '169.254.0.0/16'] } };
  const platform = {
    allowedIngress: [controlPlane, ingressController, internet],
    allowedEgress: [controlPlane, internet],
    dnsServers: [],
  };
  const own = { podSelector: { matchLabels: CLUSTER } };
  const DNS = [
    { port: 53, protocol: 'UDP' },
    { port: 53, protocol: 'TCP' },
  ];

  test('a rule for everyone is about whom the platform lets the pods talk to, and about name servers', () => {
    expect(host({ egress: [{}], ingress: [{}] }, { platform })).toMatchObject({
      ingress: [{ from: [own, controlPlane, ingressController, internet] }],
      egress: [{ to: [own, controlPlane, internet] }, { ports: DNS }],
    });
  });

  test('a rule for everyone at some ports is about name servers where port 53 is among them', () => {
    const rules = (ports: object[]) => host({ egress: [{ ports }] }, { platform }).egress?.slice(1);
    expect(rules([{ port: 53, protocol: 'UDP' }])).toEqual([{ ports: [DNS[0]] }]);
    expect(rules([{ port: 1, endPort: 100 }])).toEqual([{ ports: [DNS[1]] }]);
    expect(rules([{ protocol: 'UDP' }])).toEqual([{ ports: [DNS[0]] }]);
    expect(rules([{ port: 443 }, { port: 'dns', protocol: 'UDP' }])).toEqual([]);
    const servers = [{ ipBlock: { cidr: '10.0.0.2/32' } }];
    expect(host({ egress: [{}] }, { platform: { ...platform, dnsServers: servers } }).egress?.[1]).toEqual({
      to: servers,
      ports: DNS,
    });
  });

  test('a range is what of it the platform allows, without what either of the two excepts', () => {
    const to = (cidr: string, except?: string[]) =>
      peers([{ ipBlock: { cidr, ...(except && { except }) } }], { platform });
    expect(to('0.0.0.0/0')).toEqual([internet]);
    expect(to('8.0.0.0/5', ['8.8.0.0/16'])).toEqual([
      { ipBlock: { cidr: '8.0.0.0/5', except: ['8.8.0.0/16', '10.0.0.0/8'] } },
    ]);
    expect(to('10.1.0.0/16')).toBeUndefined();
    expect(to('169.254.169.254/32')).toBeUndefined();
    expect(to('::/0')).toBeUndefined();
  });

  test('selectors mean the tenant’s own pods', () => {
    expect(peers([{ namespaceSelector: {} }], { platform })).toEqual([own]);
  });

  test('ranges of the syncer’s own settings replace those of the platform', () => {
    const allowedEgress = ranges('192.0.2.0/24');
    expect(host({ egress: [{}] }, { platform, allowedEgress }).egress?.[0]?.to).toEqual([
      own,
      controlPlane,
      { ipBlock: { cidr: '192.0.2.0/24' } },
    ]);
  });

  test('a nested cluster’s own policies let its pods as far as those of the cluster that it is in', () => {
    const isolated = { allowedIngress: [], allowedEgress: [internet], dnsServers: [] };
    const nested = { to: [{ podSelector: { matchLabels: { 'nestling.dev/virtual-cluster': 'inner' } } }, internet] };
    const { egress } = host({ egress: [nested, { ports: DNS }] }, { platform: isolated });
    expect(egress?.[0]?.to).toEqual([
      { podSelector: { matchLabels: { ...SHOP, [hostLabelKey('nestling.dev/virtual-cluster')]: 'inner' } } },
      internet,
    ]);
    expect(egress?.slice(1)).toEqual([{ ports: DNS, to: [own, internet] }, { ports: DNS }]);
  });

  test('the pods that policies select are known by direction', () => {
    const pod = podWith({}, { labels: { app: 'db' } });
    const of = (...specs: Partial<NetworkPolicySpec>[]) => policyDirections(pod, specs.map(policyWith));
    expect(of()).toEqual({ ingress: false, egress: false });
    expect(of({})).toEqual({ ingress: true, egress: false });
    expect(of({ egress: [{}] })).toEqual({ ingress: true, egress: true });
    expect(of({ policyTypes: ['Egress'] })).toEqual({ ingress: false, egress: true });
    expect(of({ podSelector: { matchLabels: { app: 'web' } } })).toEqual({ ingress: false, egress: false });
  });

  test('the host pod tells it', () => {
    const selectedFor = { ingress: true, egress: false };
    const labels = unwrap(translatePod(podWith(), contextWith({ selectedFor }))).metadata?.labels;
    expect(labels).toHaveProperty(['nestling.dev/ingress-policy'], 'tenant');
    expect(labels).not.toHaveProperty(['nestling.dev/egress-policy']);
    const forged = podWith({}, { labels: { 'nestling.dev/egress-policy': 'tenant' } });
    expect(unwrap(translatePod(forged, contextWith({}))).metadata?.labels).not.toHaveProperty([
      'nestling.dev/egress-policy',
    ]);
  });
});
