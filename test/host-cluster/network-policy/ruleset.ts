import { isIPv6 } from 'node:net';
import type { Namespace, Pod } from 'kubernetes-types/core/v1';
import type {
  NetworkPolicy,
  NetworkPolicyEgressRule,
  NetworkPolicyIngressRule,
  NetworkPolicyPeer,
  NetworkPolicyPort,
} from 'kubernetes-types/networking/v1';
import { parseNetwork } from '../../../syncer/configuration';
import type { Endpoint } from './endpoints';
import { endpointsOf, selects } from './endpoints';

/** The enforcer's table in a node's network namespace; it touches no other. */
export const TABLE = 'nestling-network-policy';

/** What a ruleset is made from. */
export interface PolicyObjects {
  readonly policies: Iterable<NetworkPolicy>;
  readonly pods: Iterable<Pod>;
  readonly namespaces: Iterable<Namespace>;
}

type Direction = 'ingress' | 'egress';

/** A rule of either direction: its peers have different names. */
interface Rule {
  readonly peers: readonly NetworkPolicyPeer[];
  readonly ports: readonly NetworkPolicyPort[];
}

/**
 * The nftables ruleset of a node that enforces NetworkPolicies (networking.k8s.io/v1) on the pods that run there, for `nft -f`:
 * it replaces the table as a whole, in one step.
 *
 * Each node looks after its own pods, both as sources and as targets. A packet of a connection that was let through passes,
 * and so do replies; a pod reaches itself. What the node itself sends to its pods (kubelet's probes) goes through no hook of
 * ours. What a pod sends to its node does. Documentation of the API would always allow that; engines in use (Calico, Cilium)
 * do not, and else a pod that may reach nothing would reach the API server and the kubelet of a cluster of one node.
 *
 * @param node the node's name
 * @returns the same text for the same objects, in whatever order they come
 */
export function rulesetOf(node: string, objects: PolicyObjects): string {
  const endpoints = endpointsOf(objects.pods, objects.namespaces);
  const policies = [...objects.policies];
  const local = endpoints.filter((endpoint) => endpoint.node === node);
  const egress = chainsOf('egress', local, policies, endpoints);
  const ingress = chainsOf('ingress', local, policies, endpoints);
  const isolated = [...new Set([...egress.isolated, ...ingress.isolated].flatMap(({ addresses }) => addresses))].sort();
  const common = [
    'ct state established,related accept',
    // Neighbour discovery: without it an IPv6 pod does not even find those that may be reached.
    'icmpv6 type { nd-router-solicit, nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert } accept',
    ...byFamily(isolated).map(
      ({ ip, addresses }) =>
        `${ip} saddr . ${ip} daddr { ${addresses.map((each) => `${each} . ${each}`).join(', ')} } accept`,
    ),
  ];
  return [
    // Deleting a table that is not there fails, adding one that is there does not.
    `add table inet ${TABLE}`,
    `delete table inet ${TABLE}`,
    `table inet ${TABLE} {`,
    ...egress.chains,
    ...ingress.chains,
    ...chain('forward', [
      'type filter hook forward priority filter; policy accept;',
      ...common,
      'jump egress',
      'jump ingress',
    ]),
    ...chain('input', ['type filter hook input priority filter; policy accept;', ...common, 'jump egress']),
    '}',
    '',
  ].join('\n');
}

const chain = (name: string, statements: readonly string[]): string[] => [
  `  chain ${name} {`,
  ...statements.map((statement) => `    ${statement}`),
  '  }',
];

/** The chains of one direction: one that finds a pod's, and one for all pods that may send or receive the same. */
function chainsOf(
  direction: Direction,
  local: readonly Endpoint[],
  policies: readonly NetworkPolicy[],
  endpoints: readonly Endpoint[],
): { chains: string[]; isolated: Endpoint[] } {
  const groups = new Map<string, Endpoint[]>();
  for (const endpoint of local) {
    const isolating = policies.filter((policy) => isolates(policy, direction, endpoint));
    if (isolating.length === 0) continue;
    const allowed = isolating.flatMap((policy) =>
      rulesOf(policy, direction).flatMap((rule) =>
        matchesOf(rule, direction, policy.metadata?.namespace ?? '', endpoint, endpoints),
      ),
    );
    const text = [
      ...unique(allowed)
        .sort()
        .map((match) => `${match} return`.trimStart()),
      'counter drop',
    ].join('\n');
    groups.set(text, [...(groups.get(text) ?? []), endpoint]);
  }
  const own = direction === 'egress' ? 'saddr' : 'daddr';
  const groupChains = [...groups.keys()].flatMap((text, index) => chain(`${direction}-${index}`, text.split('\n')));
  const jumps = [...groups.values()].flatMap((members, index) =>
    members.flatMap(({ addresses }) => addresses.map((address) => ({ address, to: `${direction}-${index}` }))),
  );
  const entrance = (['ip', 'ip6'] as const).flatMap((ip) => {
    const elements = jumps
      .filter(({ address }) => familyOf(address) === ip)
      .map(({ address, to }) => `${address} : jump ${to}`);
    return elements.length === 0 ? [] : [`${ip} ${own} vmap { ${elements.join(', ')} }`];
  });
  return { chains: [...groupChains, ...chain(direction, entrance)], isolated: [...groups.values()].flat() };
}

/** Whether a policy says what a pod may send or receive. */
function isolates({ metadata, spec }: NetworkPolicy, direction: Direction, endpoint: Endpoint): boolean {
  // As the API server fills it in: a policy without types is one of ingress, and of egress if it has such rules.
  const types = spec?.policyTypes ?? ['Ingress', ...((spec?.egress ?? []).length > 0 ? ['Egress'] : [])];
  return (
    types.includes(direction === 'ingress' ? 'Ingress' : 'Egress') &&
    metadata?.namespace === endpoint.namespace &&
    selects(spec?.podSelector ?? {}, endpoint.labels)
  );
}

function rulesOf({ spec }: NetworkPolicy, direction: Direction): Rule[] {
  return direction === 'ingress'
    ? (spec?.ingress ?? []).map(({ from = [], ports = [] }: NetworkPolicyIngressRule) => ({ peers: from, ports }))
    : (spec?.egress ?? []).map(({ to = [], ports = [] }: NetworkPolicyEgressRule) => ({ peers: to, ports }));
}

/** Where the packets of a rule go to or come from. */
interface Peer {
  /** Alternative matches on the address; the empty one is any address. */
  readonly matches: readonly string[];
  /** The pods among them that can give a port's name a number. */
  readonly pods: readonly Endpoint[];
  /** Whether `pods` are all that is matched. */
  readonly onlyPods: boolean;
}

/** Matches on packets that a rule lets through; any of them is enough, and every packet fulfils an empty one. */
function matchesOf(
  rule: Rule,
  direction: Direction,
  namespace: string,
  endpoint: Endpoint,
  endpoints: readonly Endpoint[],
): string[] {
  const peers =
    rule.peers.length === 0
      ? [{ matches: [''], pods: endpoints, onlyPods: false }]
      : rule.peers.map((peer) => peerOf(peer, direction, namespace, endpoints));
  return peers.flatMap((peer) => {
    if (rule.ports.length === 0) return peer.matches;
    return rule.ports.flatMap((port) => {
      if (typeof port.port !== 'string') return combine(peer.matches, [numberedPort(port)]);
      const { port: name, protocol = 'TCP' } = port;
      if (direction === 'ingress') return combine(peer.matches, ownNamedPorts(endpoint, name, protocol));
      return combine(peer.onlyPods ? [''] : peer.matches, namedPortsOf(peer.pods, name, protocol));
    });
  });
}

const combine = (ones: readonly string[], others: readonly string[]): string[] =>
  ones.flatMap((one) => others.map((other) => (one === '' ? other : `${one} ${other}`)));

function peerOf(
  { ipBlock, podSelector, namespaceSelector }: NetworkPolicyPeer,
  direction: Direction,
  namespace: string,
  endpoints: readonly Endpoint[],
): Peer {
  const side = direction === 'ingress' ? 'saddr' : 'daddr';
  if (ipBlock) {
    const range = rangeOf(ipBlock.cidr);
    // What cannot be read lets nothing through; the other policies count all the same.
    if (!range) return { matches: [], pods: [], onlyPods: true };
    const excepted = (ipBlock.except ?? []).flatMap((text) => rangeOf(text) ?? []).filter(({ ip }) => ip === range.ip);
    const without = excepted.map(({ ip, text }) => `${ip} ${side} != ${text}`);
    return { matches: [[inRange(range, side), ...without].join(' ')], pods: endpoints, onlyPods: false };
  }
  const pods = endpoints.filter(
    (endpoint) =>
      (namespaceSelector
        ? endpoint.namespaceLabels !== undefined && selects(namespaceSelector, endpoint.namespaceLabels)
        : endpoint.namespace === namespace) && selects(podSelector ?? {}, endpoint.labels),
  );
  const addresses = pods.flatMap((pod) => pod.addresses);
  return {
    matches: byFamily(addresses).map((family) => `${family.ip} ${side} { ${family.addresses.join(', ')} }`),
    pods,
    onlyPods: true,
  };
}

/** An address range as nft writes it. */
interface Range {
  readonly ip: 'ip' | 'ip6';
  readonly text: string;
  readonly prefix: number;
}

function rangeOf(text: string): Range | undefined {
  const range = parseNetwork(text);
  if (typeof range === 'string') return undefined;
  return { ip: range.family === 'IPv4' ? 'ip' : 'ip6', text: `${range.address}/${range.prefix}`, prefix: range.prefix };
}

/** nft takes no range of all addresses. */
function inRange({ ip, text, prefix }: Range, side: string): string {
  return prefix === 0 ? `meta nfproto ${ip === 'ip' ? 'ipv4' : 'ipv6'}` : `${ip} ${side} ${text}`;
}

function numberedPort({ port, endPort, protocol = 'TCP' }: NetworkPolicyPort): string {
  const name = protocolName(protocol);
  if (port === undefined) return `meta l4proto ${name}`;
  return `${name} dport ${endPort === undefined || endPort === port ? port : `${port}-${endPort}`}`;
}

/** The ports of the receiving pod that have a name. */
function ownNamedPorts(endpoint: Endpoint, name: string, protocol: string): string[] {
  const numbers = endpoint.ports
    .filter((port) => port.name === name && port.protocol === protocol)
    .map(({ port }) => port);
  return numbers.length === 0 ? [] : [`${protocolName(protocol)} dport { ${unique(numbers).join(', ')} }`];
}

/** The ports of pods that a packet may go to that have a name: not the same number in each of them. */
function namedPortsOf(pods: readonly Endpoint[], name: string, protocol: string): string[] {
  return (['ip', 'ip6'] as const).flatMap((ip) => {
    const elements = pods.flatMap(({ addresses, ports }) =>
      ports
        .filter((port) => port.name === name && port.protocol === protocol)
        .flatMap(({ port }) => addresses.filter((each) => familyOf(each) === ip).map((each) => `${each} . ${port}`)),
    );
    return elements.length === 0
      ? []
      : [`${ip} daddr . ${protocolName(protocol)} dport { ${unique(elements).join(', ')} }`];
  });
}

function protocolName(protocol: string): string {
  const names: Readonly<Record<string, string>> = { TCP: 'tcp', UDP: 'udp', SCTP: 'sctp' };
  const name = names[protocol];
  if (name === undefined) throw new Error(`protocol ${protocol} of a network policy is not known`);
  return name;
}

const familyOf = (address: string): 'ip' | 'ip6' => (isIPv6(address) ? 'ip6' : 'ip');

function byFamily(addresses: readonly string[]): { ip: 'ip' | 'ip6'; addresses: string[] }[] {
  return (['ip', 'ip6'] as const)
    .map((ip) => ({ ip, addresses: unique(addresses.filter((address) => familyOf(address) === ip)) }))
    .filter((family) => family.addresses.length > 0);
}

const unique = <T>(values: readonly T[]): T[] => [...new Set(values)];
