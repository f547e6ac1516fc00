import type { Pod } from 'kubernetes-types/core/v1';
import type { LabelSelector } from 'kubernetes-types/meta/v1';
import type {
  IPBlock,
  NetworkPolicy,
  NetworkPolicyEgressRule,
  NetworkPolicyIngressRule,
  NetworkPolicyPeer,
  NetworkPolicyPort,
  NetworkPolicySpec,
} from 'kubernetes-types/networking/v1';
import {
  cidrCovers,
  cidrIntersection,
  formatCidr,
  parseNetwork,
  type Cidr,
  type NetworkPeerSetting,
} from '../configuration';
import type { ObjectContext, Translation } from './context';
import { RefusalCollector } from './copy-environment';
import {
  Copier,
  list,
  object,
  plain,
  plainList,
  translated,
  translatedList,
  translatedMap,
  type CopyEnvironment,
  type Field,
} from './fields';
import type { HostRight } from './host-right';
import { matchesLabels } from './label-selector';
import { hostSelector, hostSelectorAnywhere, namespaceRequirements } from './labels';
import { hostMetadata } from './metadata';

/** What the syncer does with network policies on the host. */
export const NETWORK_POLICY_RIGHTS: readonly HostRight[] = [
  {
    apiGroup: 'networking.k8s.io',
    resources: ['networkpolicies'],
    verbs: ['get', 'list', 'watch', 'create', 'patch', 'delete'],
  },
];

/** What a NetworkPolicy's translation needs. */
export interface NetworkPolicyContext extends ObjectContext {
  /**
   * Addresses outside of the virtual cluster that its policies can let pods send to; its own pods always are among what they
   * can. Policies add up: without this, a tenant's `egress: [{}]` would undo a deny of the platform.
   *
   * @default - all addresses
   */
  readonly allowedEgress?: readonly Cidr[] | undefined;
  /**
   * Addresses outside of the virtual cluster from which its policies can let pods receive; as `allowedEgress`.
   *
   * @default - all addresses
   */
  readonly allowedIngress?: readonly Cidr[] | undefined;
  /**
   * What the platform's own policies in the host namespace let tenants' pods receive and send, where there are some: no policy of a
   * tenant goes beyond. `allowedEgress` and `allowedIngress` replace the ranges in it.
   *
   * @default - no bounds but those two
   */
  readonly platform?: PlatformNetwork | undefined;
}

/** Peers of tenants' pods beside each other, in the host's names. */
export interface PlatformNetwork {
  readonly allowedIngress: readonly NetworkPeerSetting[];
  readonly allowedEgress: readonly NetworkPeerSetting[];
  /** Who may be asked at port 53. Empty: everyone. */
  readonly dnsServers: readonly NetworkPeerSetting[];
}

/**
 * In which directions NetworkPolicies select a pod of their namespace, as an API server reads them: without `policyTypes` a policy is one
 * of ingress, and of egress where it has such rules.
 */
export function policyDirections(
  pod: Pick<Pod, 'metadata'>,
  policies: readonly Pick<NetworkPolicy, 'spec'>[],
): Record<'ingress' | 'egress', boolean> {
  const result = { ingress: false, egress: false };
  for (const { spec } of policies) {
    if (!matchesLabels(spec?.podSelector ?? {}, pod.metadata?.labels)) continue;
    for (const type of typesOf(spec ?? { podSelector: {} })) {
      if (type === 'Ingress') result.ingress = true;
      if (type === 'Egress') result.egress = true;
    }
  }
  return result;
}

function typesOf({ policyTypes = [], egress = [] }: NetworkPolicySpec): readonly string[] {
  return policyTypes.length > 0 ? policyTypes : ['Ingress', ...(egress.length > 0 ? ['Egress'] : [])];
}

const SELECTOR: Field<CopyEnvironment> = object({
  matchExpressions: list(object({ key: translated, operator: plain, values: plainList })),
  matchLabels: translatedMap,
});
const PEERS: Field<CopyEnvironment> = list(
  object({
    ipBlock: object({ cidr: translated, except: translatedList }),
    namespaceSelector: SELECTOR,
    podSelector: SELECTOR,
  }),
);
const PORTS: Field<CopyEnvironment> = list(object({ endPort: plain, port: plain, protocol: plain }));

/** Every field of NetworkPolicySpec; selectors and address ranges are set below. */
export const NETWORK_POLICY_SPEC: Field<CopyEnvironment> = object({
  egress: list(object({ ports: PORTS, to: PEERS })),
  ingress: list(object({ from: PEERS, ports: PORTS })),
  podSelector: SELECTOR,
  policyTypes: plainList,
});

/**
 * The host twin of a NetworkPolicy. On the host, pods of all virtual namespaces stand in one: each selector of pods, of
 * namespaces or of both becomes one selector of pods, which matches none but those of the virtual cluster. A rule whose peers
 * are all out of the allowed ranges is left out, as one without peers would let everything through.
 */
export function translateNetworkPolicy(
  policy: NetworkPolicy,
  context: NetworkPolicyContext,
): Translation<NetworkPolicy> {
  const environment = new RefusalCollector();
  const spec = new Copier(environment).copy(NETWORK_POLICY_SPEC, policy.spec ?? {}, ['spec']) as NetworkPolicySpec;
  const malformed = environment.refusal();
  if (malformed) return malformed;
  // Beyond here all has the shapes of the table.
  const translation = new HostSpec(policy.metadata?.namespace ?? '', context, environment).of(spec);
  const refusal = environment.refusal();
  if (refusal) return refusal;
  const metadata = hostMetadata('NetworkPolicy', policy.metadata, context);
  return {
    ok: true,
    object: { apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy', metadata, spec: translation },
    references: [],
  };
}

/** Makes the host's form of one policy. */
class HostSpec {
  readonly #namespace: string;
  readonly #context: NetworkPolicyContext;
  readonly #environment: CopyEnvironment;

  readonly #allowedIngress: Allowed | undefined;
  readonly #allowedEgress: Allowed | undefined;

  constructor(namespace: string, context: NetworkPolicyContext, environment: CopyEnvironment) {
    this.#namespace = namespace;
    this.#context = context;
    this.#environment = environment;
    this.#allowedIngress = allowedPeers(context.platform?.allowedIngress, context.allowedIngress);
    this.#allowedEgress = allowedPeers(context.platform?.allowedEgress, context.allowedEgress);
  }

  of(policy: NetworkPolicySpec): NetworkPolicySpec {
    const { podSelector, ingress = [], egress = [] } = policy;
    const { identity } = this.#context;
    return {
      podSelector: hostSelector(identity, this.#namespace, podSelector ?? {}),
      // As an API server fills it in. The host's could not: it does not see the rules that are left out.
      policyTypes: [...typesOf(policy)],
      ingress: ingress.flatMap(({ from, ...rest }, index): NetworkPolicyIngressRule[] => {
        const peers = this.#peers(from, this.#allowedIngress, `spec.ingress[${index}].from`);
        if (peers === EVERYONE) return [rest];
        return peers.length > 0 ? [{ ...rest, from: peers }] : [];
      }),
      egress: egress.flatMap(({ to, ...rest }, index): NetworkPolicyEgressRule[] => {
        const peers = this.#peers(to, this.#allowedEgress, `spec.egress[${index}].to`);
        if (peers === EVERYONE) return [rest];
        const rules = peers.length > 0 ? [{ ...rest, to: peers }] : [];
        return to === undefined || to.length === 0 ? [...rules, ...this.#dns(rest.ports)] : rules;
      }),
    };
  }

  /** What of a rule for everyone is about the name servers that the platform lets pods ask. */
  #dns(ports: readonly NetworkPolicyPort[] | undefined): NetworkPolicyEgressRule[] {
    const { platform } = this.#context;
    const asked = platform ? dnsPortsOf(ports) : [];
    if (!platform || asked.length === 0) return [];
    return [{ ...(platform.dnsServers.length > 0 && { to: platform.dnsServers.map(copyOf) }), ports: asked }];
  }

  /** The peers of a rule on the host; none when no allowed address is among them. */
  #peers(
    peers: readonly NetworkPolicyPeer[] | undefined,
    allowed: Allowed | undefined,
    path: string,
  ): NetworkPolicyPeer[] | typeof EVERYONE {
    if (peers === undefined || peers.length === 0) {
      if (allowed === undefined) return EVERYONE;
      const ownPods = { podSelector: hostSelectorAnywhere(this.#context.identity, {}) };
      return [
        ownPods,
        ...allowed.pods.map(copyOf),
        ...allowed.blocks.map((block) => ({ ipBlock: formatBlock(block) })),
      ];
    }
    // Ranges that are wider than several allowed ones become the same ones.
    const found = new Map<string, NetworkPolicyPeer>();
    peers.forEach((peer, index) => {
      for (const host of this.#hostPeers(peer, allowed, `${path}[${index}]`)) found.set(JSON.stringify(host), host);
    });
    return [...found.values()];
  }

  #hostPeers(
    { ipBlock, podSelector, namespaceSelector }: NetworkPolicyPeer,
    allowed: Allowed | undefined,
    path: string,
  ): NetworkPolicyPeer[] {
    const selects = podSelector !== undefined || namespaceSelector !== undefined;
    if (selects === (ipBlock !== undefined)) {
      // API servers let in neither; what a later one might mean by it must not become everything.
      this.#environment.refuse(
        path,
        'names no peer, or two kinds of them; give either ipBlock, or podSelector, namespaceSelector or both',
      );
      return [];
    }
    if (ipBlock) return this.#ranges(ipBlock, allowed, `${path}.ipBlock`).map((range) => ({ ipBlock: range }));
    const { identity } = this.#context;
    if (!namespaceSelector) return [{ podSelector: hostSelector(identity, this.#namespace, podSelector ?? {}) }];
    return [{ podSelector: narrowed(hostSelectorAnywhere(identity, podSelector ?? {}), namespaceSelector) }];
  }

  /** What of a range is allowed: it, the parts of it, or nothing. */
  #ranges({ cidr, except = [] }: IPBlock, allowed: Allowed | undefined, path: string): IPBlock[] {
    const range = this.#network(cidr, `${path}.cidr`);
    const excepted = except.flatMap((text, index) => this.#network(text, `${path}.except[${index}]`) ?? []);
    if (!range) return [];
    const wanted = { range, except: excepted };
    const parts = allowed ? allowed.blocks.flatMap((block) => common(wanted, block) ?? []) : [common(wanted, wanted)];
    return parts.flatMap((part) => (part ? [formatBlock(part)] : []));
  }

  #network(text: string, path: string): Cidr | undefined {
    const range = parseNetwork(text);
    if (typeof range === 'string') {
      this.#environment.refuse(path, `${JSON.stringify(text)} ${range}`);
      return undefined;
    }
    if (range.prefix >= MAPPED.prefix && cidrCovers(MAPPED, range)) {
      // Engines read these as IPv4 ranges; the allowed ranges would not have been held against that.
      this.#environment.refuse(
        path,
        `${JSON.stringify(text)} is an IPv4 range in IPv6 spelling; write it as an IPv4 range`,
      );
      return undefined;
    }
    return range;
  }
}

/** What a rule without peers is about. */
const EVERYONE = 'everyone';

/** A range without some ranges in it. */
interface Block {
  readonly range: Cidr;
  readonly except: readonly Cidr[];
}

/** Whom the platform lets tenants' pods talk to beside each other. */
interface Allowed {
  readonly blocks: readonly Block[];
  /** Pods of the host, which only a rule for everyone is about: a tenant's selectors mean its own. */
  readonly pods: readonly NetworkPeerSetting[];
}

/** Undefined where there are no bounds. */
function allowedPeers(
  peers: readonly NetworkPeerSetting[] | undefined,
  ranges: readonly Cidr[] | undefined,
): Allowed | undefined {
  if (peers === undefined && ranges === undefined) return undefined;
  return {
    blocks:
      ranges?.map((range) => ({ range, except: [] })) ??
      (peers ?? []).flatMap(({ ipBlock }) => (ipBlock ? [blockOf(ipBlock)] : [])),
    pods: (peers ?? []).filter(({ ipBlock }) => ipBlock === undefined),
  };
}

/** @throws Error for what is no range, which the configuration does not let in */
function blockOf({ cidr, except = [] }: NonNullable<NetworkPeerSetting['ipBlock']>): Block {
  const read = (text: string): Cidr => {
    const range = parseNetwork(text);
    if (typeof range === 'string') throw new Error(`${JSON.stringify(text)} ${range}`);
    return range;
  };
  return { range: read(cidr), except: except.map(read) };
}

/** What two blocks share, which is a block, as of two ranges one is in the other or they share nothing. */
function common(one: Block, other: Block): Block | undefined {
  const range = cidrIntersection(one.range, other.range);
  if (!range) return undefined;
  const except = [...one.except, ...other.except];
  if (except.some((each) => cidrCovers(each, range))) return undefined;
  const inside = except.filter((each) => cidrCovers(range, each));
  return { range, except: [...new Map(inside.map((each) => [formatCidr(each), each])).values()] };
}

function formatBlock({ range, except }: Block): IPBlock {
  return { cidr: formatCidr(range), ...(except.length > 0 && { except: except.map(formatCidr) }) };
}

/** A peer that nobody else holds. */
const copyOf = (peer: NetworkPeerSetting): NetworkPolicyPeer => structuredClone(peer) as NetworkPolicyPeer;

const DNS_PORT = 53;

/** What of the ports of a rule is port 53; no ports are all. */
function dnsPortsOf(ports: readonly NetworkPolicyPort[] | undefined): NetworkPolicyPort[] {
  const protocols = ['UDP', 'TCP'].filter(
    (protocol) =>
      ports === undefined ||
      ports.length === 0 ||
      ports.some(
        ({ port, endPort, protocol: of = 'TCP' }) =>
          of === protocol &&
          (port === undefined || (typeof port === 'number' && port <= DNS_PORT && DNS_PORT <= (endPort ?? port))),
      ),
  );
  return protocols.map((protocol) => ({ port: DNS_PORT, protocol }));
}

/** IPv4 addresses in the spelling of IPv6. */
const MAPPED: Cidr = { address: '::ffff:0:0', prefix: 96, family: 'IPv6' };

/** A selector of pods, of those in some namespaces only. */
function narrowed(selector: LabelSelector, namespaces: LabelSelector): LabelSelector {
  const expressions = [...(selector.matchExpressions ?? []), ...namespaceRequirements(namespaces)];
  return { ...selector, ...(expressions.length > 0 && { matchExpressions: expressions }) };
}
