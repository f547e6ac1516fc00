import type { Namespace, Pod } from 'kubernetes-types/core/v1';
import type { NetworkPolicy, NetworkPolicySpec } from 'kubernetes-types/networking/v1';
import { endpointsOf, selects } from '../../host-cluster/network-policy/endpoints';
import { rulesetOf } from '../../host-cluster/network-policy/ruleset';

const namespaces: Namespace[] = [
  { metadata: { name: 'shop', labels: { team: 'a' } } },
  { metadata: { name: 'bank', labels: { team: 'b' } } },
];

/** A running pod: `shop/web` at an address of node `n1`, with ports `name:number[/protocol]`. */
const pod = (
  path: string,
  address: string | string[],
  more: { labels?: Record<string, string>; ports?: string[]; node?: string; pod?: object; status?: object } = {},
): Pod => {
  const [namespace, name] = path.split('/') as [string, string];
  const addresses = [address].flat();
  return {
    metadata: { namespace, name, labels: { app: name, ...more.labels } },
    spec: {
      nodeName: more.node ?? 'n1',
      containers: [
        {
          name: 'main',
          ports: (more.ports ?? []).map((text) => {
            const [, port = '', number, protocol] = /^(\w+):(\d+)(?:\/(\w+))?$/.exec(text) ?? [];
            return { name: port, containerPort: Number(number), ...(protocol !== undefined && { protocol }) };
          }),
        },
      ],
      ...more.pod,
    },
    status: { phase: 'Running', podIP: addresses[0] ?? '', podIPs: addresses.map((ip) => ({ ip })), ...more.status },
  };
};
const policy = (namespace: string, spec: Partial<NetworkPolicySpec>, name = 'policy'): NetworkPolicy => ({
  metadata: { namespace, name },
  spec: { podSelector: {}, ...spec },
});

const web = pod('shop/web', '10.0.0.1', { ports: ['http:8080', 'dns:5353/UDP'] });
const other = pod('shop/other', '10.0.0.2', { ports: ['http:9090'] });
const bank = pod('bank/till', '10.0.0.3');
const pods = [web, other, bank];

/** The lines of a chain of the ruleset for node n1; undefined where it has no such chain. */
function chain(name: string, policies: NetworkPolicy[], all: Pod[] = pods): string[] | undefined {
  const text = rulesetOf('n1', { policies, pods: all, namespaces });
  const body = new RegExp(`  chain ${name} \\{\n((?:    .*\n)*)  \\}`).exec(text)?.[1];
  return body
    ?.split('\n')
    .map((line) => line.trim())
    .filter(Boolean);
}
/** What may reach (or be reached by) pod shop/web under one policy that selects it alone. */
const allowed = (spec: Partial<NetworkPolicySpec>, direction: 'ingress' | 'egress' = 'ingress', all: Pod[] = pods) => {
  const lines = chain(
    `${direction}-0`,
    [policy('shop', { podSelector: { matchLabels: { app: 'web' } }, ...spec })],
    all,
  );
  expect(lines?.at(-1)).toBe('counter drop');
  return lines?.slice(0, -1);
};

describe('which pods are isolated', () => {
  test('none without a policy', () => {
    expect(chain('ingress', [])).toEqual([]);
    expect(chain('egress', [])).toEqual([]);
  });

  test('those that a policy of their namespace selects, for ingress unless it says otherwise', () => {
    const policies = [policy('shop', { podSelector: { matchLabels: { app: 'web' } } })];
    expect(chain('ingress', policies)).toEqual(['ip daddr vmap { 10.0.0.1 : jump ingress-0 }']);
    expect(chain('egress', policies)).toEqual([]);
    expect(chain('ingress-0', policies)).toEqual(['counter drop']);
  });

  test('an empty selector selects the whole namespace, and no other', () => {
    expect(chain('ingress', [policy('shop', {})])).toEqual([
      'ip daddr vmap { 10.0.0.2 : jump ingress-0, 10.0.0.1 : jump ingress-0 }',
    ]);
  });

  test.each([
    [{ policyTypes: ['Egress'] }, [0, 1]],
    [{ policyTypes: ['Ingress', 'Egress'] }, [1, 1]],
    [{ egress: [{}] }, [1, 1]],
    [{ egress: [] }, [1, 0]],
    [{ policyTypes: ['Ingress'], egress: [{}] }, [1, 0]],
  ])('%j isolates ingress and egress %j', (spec, [ingress, egress]) => {
    expect(chain('ingress', [policy('shop', spec)])).toHaveLength(ingress as number);
    expect(chain('egress', [policy('shop', spec)])).toHaveLength(egress as number);
  });

  test('only the pods of the node itself', () => {
    const elsewhere = pod('shop/web', '10.0.0.9', { node: 'n2' });
    expect(chain('ingress', [policy('shop', {})], [elsewhere])).toEqual([]);
  });

  test('pods on the host network, ended ones and those without address are neither isolated nor peers', () => {
    const all = [
      web,
      pod('shop/node', '192.168.0.1', { pod: { hostNetwork: true } }),
      pod('shop/done', '10.0.0.7', { status: { phase: 'Succeeded' } }),
      pod('shop/failed', '10.0.0.8', { status: { phase: 'Failed' } }),
      pod('shop/pending', [], { status: { phase: 'Pending', podIP: undefined } }),
    ];
    const policies = [policy('shop', { ingress: [{ from: [{ podSelector: {} }] }] })];
    expect(chain('ingress', policies, all)).toEqual(['ip daddr vmap { 10.0.0.1 : jump ingress-0 }']);
    expect(chain('ingress-0', policies, all)).toEqual(['ip saddr { 10.0.0.1 } return', 'counter drop']);
  });

  test('an address that a pod still shows while it goes is that of the pod which has it now', () => {
    const gone = pod('shop/gone', '10.0.0.1');
    const stale = { ...gone, metadata: { ...gone.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } };
    for (const all of [
      [web, stale],
      [stale, web],
    ]) {
      expect(endpointsOf(all, namespaces).map(({ name }) => name)).toEqual(['web']);
    }
  });

  test('policies add up', () => {
    const from = (app: string) => ({ ingress: [{ from: [{ podSelector: { matchLabels: { app } } }] }] });
    expect(chain('ingress-0', [policy('shop', from('web'), 'one'), policy('shop', from('other'), 'two')])).toEqual([
      'ip saddr { 10.0.0.1 } return',
      'ip saddr { 10.0.0.2 } return',
      'counter drop',
    ]);
  });
});

describe('what is let through', () => {
  test('nothing without rules, everything by an empty rule', () => {
    expect(allowed({ ingress: [] })).toEqual([]);
    expect(allowed({ ingress: [{}] })).toEqual(['return']);
    expect(allowed({ ingress: [{ from: [], ports: [] }] })).toEqual(['return']);
    expect(allowed({ egress: [{ to: [] }] }, 'egress')).toEqual(['return']);
  });

  test('a pod selector means pods of the namespace of the policy', () => {
    expect(allowed({ ingress: [{ from: [{ podSelector: {} }] }] })).toEqual(['ip saddr { 10.0.0.2, 10.0.0.1 } return']);
    expect(allowed({ egress: [{ to: [{ podSelector: { matchLabels: { app: 'other' } } }] }] }, 'egress')).toEqual([
      'ip daddr { 10.0.0.2 } return',
    ]);
  });

  test('a namespace selector means all pods of the namespaces, both together those that match both', () => {
    const namespaceSelector = { matchLabels: { team: 'b' } };
    expect(allowed({ ingress: [{ from: [{ namespaceSelector }] }] })).toEqual(['ip saddr { 10.0.0.3 } return']);
    expect(allowed({ ingress: [{ from: [{ namespaceSelector: {} }] }] })).toEqual([
      'ip saddr { 10.0.0.3, 10.0.0.2, 10.0.0.1 } return',
    ]);
    const both = (app: string) => [{ namespaceSelector, podSelector: { matchLabels: { app } } }];
    expect(allowed({ ingress: [{ from: both('till') }] })).toEqual(['ip saddr { 10.0.0.3 } return']);
    expect(allowed({ ingress: [{ from: both('web') }] })).toEqual([]);
  });

  test('two peers are alternatives, a peer that nothing matches is none', () => {
    const nobody = { podSelector: { matchLabels: { app: 'nobody' } } };
    expect(allowed({ ingress: [{ from: [nobody] }] })).toEqual([]);
    expect(allowed({ ingress: [{ from: [nobody, { ipBlock: { cidr: '10.9.0.0/16' } }] }] })).toEqual([
      'ip saddr 10.9.0.0/16 return',
    ]);
  });

  test('a namespace that is not known yet is selected by nothing', () => {
    const text = rulesetOf('n1', {
      policies: [policy('shop', { ingress: [{ from: [{ namespaceSelector: {} }] }] })],
      pods,
      namespaces: [],
    });
    expect(text).not.toContain('ip saddr {');
  });

  test('ranges with exceptions', () => {
    const block = (cidr: string, except?: string[]) =>
      allowed({ ingress: [{ from: [{ ipBlock: { cidr, ...(except && { except }) } }] }] });
    expect(block('10.0.0.0/8', ['10.1.0.0/16', '10.2.0.0/16'])).toEqual([
      'ip saddr 10.0.0.0/8 ip saddr != 10.1.0.0/16 ip saddr != 10.2.0.0/16 return',
    ]);
    expect(block('0.0.0.0/0')).toEqual(['meta nfproto ipv4 return']);
    expect(block('::/0', ['fd00::/8'])).toEqual(['meta nfproto ipv6 ip6 saddr != fd00::/8 return']);
    expect(block('10.1.2.3/8')).toEqual(['ip saddr 10.0.0.0/8 return']);
    expect(block('10.0.0.0')).toEqual([]);
  });

  test('ports by number, range and protocol; no number means all of the protocol', () => {
    const ports = (...list: object[]) => allowed({ ingress: [{ ports: list }] });
    expect(ports({ port: 80 })).toEqual(['tcp dport 80 return']);
    expect(ports({ protocol: 'UDP', port: 53 }, { protocol: 'TCP', port: 53 })).toEqual([
      'tcp dport 53 return',
      'udp dport 53 return',
    ]);
    expect(ports({ port: 8000, endPort: 9000 })).toEqual(['tcp dport 8000-9000 return']);
    expect(ports({ protocol: 'SCTP', port: 7 })).toEqual(['sctp dport 7 return']);
    expect(ports({ protocol: 'UDP' })).toEqual(['meta l4proto udp return']);
  });

  test('peers and ports of a rule hold together', () => {
    const from = [{ ipBlock: { cidr: '10.9.0.0/16' } }, { podSelector: { matchLabels: { app: 'other' } } }];
    expect(allowed({ ingress: [{ from, ports: [{ port: 80 }, { port: 443 }] }] })).toEqual([
      'ip saddr 10.9.0.0/16 tcp dport 443 return',
      'ip saddr 10.9.0.0/16 tcp dport 80 return',
      'ip saddr { 10.0.0.2 } tcp dport 443 return',
      'ip saddr { 10.0.0.2 } tcp dport 80 return',
    ]);
  });

  test('a named port is that of the receiving pod: for ingress the isolated one', () => {
    expect(allowed({ ingress: [{ ports: [{ port: 'http' }] }] })).toEqual(['tcp dport { 8080 } return']);
    expect(allowed({ ingress: [{ ports: [{ port: 'dns', protocol: 'UDP' }] }] })).toEqual([
      'udp dport { 5353 } return',
    ]);
    expect(allowed({ ingress: [{ ports: [{ port: 'dns' }] }] })).toEqual([]);
    expect(allowed({ ingress: [{ ports: [{ port: 'unknown' }] }] })).toEqual([]);
  });

  test('for egress it is that of each peer, also among addresses and where there is no peer', () => {
    const to = (peer?: object) =>
      allowed({ egress: [{ ...(peer && { to: [peer] }), ports: [{ port: 'http' }] }] }, 'egress');
    expect(to({ podSelector: { matchLabels: { app: 'other' } } })).toEqual([
      'ip daddr . tcp dport { 10.0.0.2 . 9090 } return',
    ]);
    expect(to()).toEqual(['ip daddr . tcp dport { 10.0.0.2 . 9090, 10.0.0.1 . 8080 } return']);
    expect(to({ ipBlock: { cidr: '10.0.0.1/32' } })).toEqual([
      'ip daddr 10.0.0.1/32 ip daddr . tcp dport { 10.0.0.2 . 9090, 10.0.0.1 . 8080 } return',
    ]);
  });

  test('ports of sidecars count, those of init containers that end do not', () => {
    const sidecar = (restartPolicy?: string) =>
      pod('shop/web', '10.0.0.1', {
        pod: {
          containers: [],
          initContainers: [
            { name: 'i', ports: [{ name: 'http', containerPort: 1 }], ...(restartPolicy && { restartPolicy }) },
          ],
        },
      });
    const named = { ingress: [{ ports: [{ port: 'http' }] }] };
    expect(allowed(named, 'ingress', [sidecar('Always')])).toEqual(['tcp dport { 1 } return']);
    expect(allowed(named, 'ingress', [sidecar()])).toEqual([]);
  });

  test('both families of a dual-stack pod', () => {
    const dual = pod('shop/web', ['10.0.0.1', 'fd00::1'], { ports: ['http:8080'] });
    const policies = [
      policy('shop', { ingress: [{ from: [{ podSelector: {} }] }], egress: [{ ports: [{ port: 'http' }] }] }),
    ];
    expect(chain('ingress', policies, [dual])).toEqual([
      'ip daddr vmap { 10.0.0.1 : jump ingress-0 }',
      'ip6 daddr vmap { fd00::1 : jump ingress-0 }',
    ]);
    expect(chain('ingress-0', policies, [dual])).toEqual([
      'ip saddr { 10.0.0.1 } return',
      'ip6 saddr { fd00::1 } return',
      'counter drop',
    ]);
    expect(chain('egress-0', policies, [dual])).toEqual([
      'ip daddr . tcp dport { 10.0.0.1 . 8080 } return',
      'ip6 daddr . tcp dport { fd00::1 . 8080 } return',
      'counter drop',
    ]);
  });
});

describe('the ruleset', () => {
  const policies = [policy('shop', { policyTypes: ['Ingress', 'Egress'] })];

  test('replaces one table and touches no other', () => {
    const text = rulesetOf('n1', { policies, pods, namespaces });
    expect(text.match(/^\S.*table .*$/gm)).toEqual([
      'add table inet nestling-network-policy',
      'delete table inet nestling-network-policy',
    ]);
    expect(text.match(/^table .*$/gm)).toEqual(['table inet nestling-network-policy {']);
  });

  test('lets replies, neighbour discovery and what a pod sends itself through before all else', () => {
    expect(chain('forward', policies)).toEqual([
      'type filter hook forward priority filter; policy accept;',
      'ct state established,related accept',
      'icmpv6 type { nd-router-solicit, nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert } accept',
      'ip saddr . ip daddr { 10.0.0.1 . 10.0.0.1, 10.0.0.2 . 10.0.0.2 } accept',
      'jump egress',
      'jump ingress',
    ]);
  });

  test('stands in the way from a pod to its node, not in that from the node to its pods', () => {
    expect(chain('input', policies)?.slice(-1)).toEqual(['jump egress']);
    expect(chain('output', policies)).toBeUndefined();
  });

  test('is the same whatever the order of the objects', () => {
    const more = [...policies, policy('bank', { ingress: [{ from: [{ namespaceSelector: {} }] }] })];
    expect(
      rulesetOf('n1', { policies: more.toReversed(), pods: pods.toReversed(), namespaces: namespaces.toReversed() }),
    ).toBe(rulesetOf('n1', { policies: more, pods, namespaces }));
  });

  test('pods that may send and receive the same share a chain', () => {
    const text = rulesetOf('n1', { policies, pods, namespaces });
    expect(text.match(/chain \S+-\d+ /g)).toEqual(['chain egress-0 ', 'chain ingress-0 ']);
  });
});

test.each([
  [{}, { a: '1' }, true],
  [{ matchLabels: { a: '1' } }, { a: '1', b: '2' }, true],
  [{ matchLabels: { a: '1' } }, { a: '2' }, false],
  [{ matchLabels: { a: '1' } }, {}, false],
  [{ matchExpressions: [{ key: 'a', operator: 'In', values: ['1', '2'] }] }, { a: '2' }, true],
  [{ matchExpressions: [{ key: 'a', operator: 'In', values: ['1'] }] }, {}, false],
  [{ matchExpressions: [{ key: 'a', operator: 'NotIn', values: ['1'] }] }, {}, true],
  [{ matchExpressions: [{ key: 'a', operator: 'NotIn', values: ['1'] }] }, { a: '1' }, false],
  [{ matchExpressions: [{ key: 'a', operator: 'Exists' }] }, { a: '' }, true],
  [{ matchExpressions: [{ key: 'constructor', operator: 'Exists' }] }, {}, false],
  [{ matchExpressions: [{ key: 'a', operator: 'DoesNotExist' }] }, { a: '' }, false],
  [{ matchLabels: { a: '1' }, matchExpressions: [{ key: 'b', operator: 'DoesNotExist' }] }, { a: '1', b: '' }, false],
])('selector %j on labels %j: %s', (selector, labels, expected) => {
  expect(selects(selector, labels as Record<string, string>)).toBe(expected);
});
