import type { LabelSelector } from 'kubernetes-types/meta/v1';
import type {
  IPBlock,
  NetworkPolicy,
  NetworkPolicyEgressRule,
  NetworkPolicyIngressRule,
  NetworkPolicyPeer,
  NetworkPolicySpec,
} from 'kubernetes-types/networking/v1';
import { cidrCovers, cidrIntersection, formatCidr, parseNetwork, type Cidr } from '../configuration';
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

  constructor(namespace: string, context: NetworkPolicyContext, environment: CopyEnvironment) {
    this.#namespace = namespace;
    this.#context = context;
    this.#environment = environment;
  }

  of({ podSelector, policyTypes = [], ingress = [], egress = [] }: NetworkPolicySpec): NetworkPolicySpec {
    const { identity, allowedIngress, allowedEgress } = this.#context;
    return {
      podSelector: hostSelector(identity, this.#namespace, podSelector ?? {}),
      // As an API server fills it in. The host's could not: it does not see the rules that are left out.
      policyTypes: policyTypes.length > 0 ? policyTypes : ['Ingress', ...(egress.length > 0 ? ['Egress'] : [])],
      ingress: ingress.flatMap(({ from, ...rest }, index): NetworkPolicyIngressRule[] => {
        const peers = this.#peers(from, allowedIngress, `spec.ingress[${index}].from`);
        if (peers === EVERYONE) return [rest];
        return peers.length > 0 ? [{ ...rest, from: peers }] : [];
      }),
      egress: egress.flatMap(({ to, ...rest }, index): NetworkPolicyEgressRule[] => {
        const peers = this.#peers(to, allowedEgress, `spec.egress[${index}].to`);
        if (peers === EVERYONE) return [rest];
        return peers.length > 0 ? [{ ...rest, to: peers }] : [];
      }),
    };
  }

  /** The peers of a rule on the host; none when no allowed address is among them. */
  #peers(
    peers: readonly NetworkPolicyPeer[] | undefined,
    allowed: readonly Cidr[] | undefined,
    path: string,
  ): NetworkPolicyPeer[] | typeof EVERYONE {
    if (peers === undefined || peers.length === 0) {
      if (allowed === undefined) return EVERYONE;
      const ownPods = { podSelector: hostSelectorAnywhere(this.#context.identity, {}) };
      return [ownPods, ...allowed.map((range) => ({ ipBlock: { cidr: formatCidr(range) } }))];
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
    allowed: readonly Cidr[] | undefined,
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
  #ranges({ cidr, except = [] }: IPBlock, allowed: readonly Cidr[] | undefined, path: string): IPBlock[] {
    const range = this.#network(cidr, `${path}.cidr`);
    const excepted = except.flatMap((text, index) => this.#network(text, `${path}.except[${index}]`) ?? []);
    if (!range) return [];
    const parts = allowed?.flatMap((each) => cidrIntersection(range, each) ?? []) ?? [range];
    return parts
      .filter((part) => !excepted.some((each) => cidrCovers(each, part)))
      .map((part) => {
        const inside = excepted.filter((each) => cidrCovers(part, each)).map(formatCidr);
        return { cidr: formatCidr(part), ...(inside.length > 0 && { except: inside }) };
      });
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

/** IPv4 addresses in the spelling of IPv6. */
const MAPPED: Cidr = { address: '::ffff:0:0', prefix: 96, family: 'IPv6' };

/** A selector of pods, of those in some namespaces only. */
function narrowed(selector: LabelSelector, namespaces: LabelSelector): LabelSelector {
  const expressions = [...(selector.matchExpressions ?? []), ...namespaceRequirements(namespaces)];
  return { ...selector, ...(expressions.length > 0 && { matchExpressions: expressions }) };
}
