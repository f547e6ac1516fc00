import type { NetworkPeer } from './network-peer';
import type { ContainerDefaults, Quota } from './quota';

/** The network of tenants' pods. */
export interface NetworkIsolationProps {
  /**
   * Whether NetworkPolicies in the host namespace deny tenants' pods all that is not allowed. They bind where the host's network enforces
   * NetworkPolicies.
   *
   * @default true; with Isolation.trusted() false
   */
  readonly enabled?: boolean;
  /**
   * Who may send to tenants' pods, beside the tenant's own pods and control plane. With Isolation.baseline() these are added to the
   * host's pods that no virtual cluster has (its ingress controllers, its monitoring) and to public addresses (load balancers that keep
   * their clients' addresses); nodes of the host that forward for their node ports are in private ranges, and have to be named here.
   *
   * @default - none
   */
  readonly allowIngressFrom?: readonly NetworkPeer[];
  /**
   * Whom tenants' pods may send to, beside the tenant's own pods, its API server, DNS servers and public addresses.
   *
   * @default - none
   */
  readonly allowEgressTo?: readonly NetworkPeer[];
  /**
   * Whether tenants' pods may send to public addresses: all but private, shared, link-local, multicast and reserved ranges, and `hostRanges`.
   *
   * @default true
   */
  readonly internet?: boolean;
  /**
   * Further ranges (CIDRs) that are no public addresses: nodes, pods and API server of the host where they are in none of the private
   * ranges, such as nodes with public addresses and IPv6 pods.
   *
   * @default - none
   */
  readonly hostRanges?: readonly string[];
  /**
   * Whom tenants' pods may ask at port 53, as the virtual cluster's DNS server has to forward what it does not know to those of its node.
   *
   * @default - every address: which servers a node asks, nobody knows here
   */
  readonly dnsServers?: readonly NetworkPeer[];
}

/** What differs from a level. */
export interface IsolationProps {
  /**
   * The network.
   *
   * @default - see the level
   */
  readonly network?: NetworkIsolationProps;
  /**
   * Keys of taints of the host's nodes that tenants' pods may tolerate, or with a `*` at the end all keys that begin so, beside those that
   * Kubernetes sets by itself, such as `node.kubernetes.io/unreachable`.
   *
   * @default - none; every taint with Isolation.trusted()
   */
  readonly toleratedTaints?: readonly string[];
  /**
   * Whether each container on the host asks its registry for its image, with the pod's own credentials: else it can use an image that
   * another tenant's pod brought to the node. Needs registries that can always be reached.
   *
   * @default true with Isolation.restricted(), else false
   */
  readonly alwaysPullImages?: boolean;
  /**
   * How much of the host the tenant may have.
   *
   * @default Quota.standard() with Isolation.restricted(), else Quota.none()
   */
  readonly quota?: Quota;
  /**
   * What containers have that say nothing of it.
   *
   * @default ContainerDefaults.of() with Isolation.restricted(), else ContainerDefaults.none()
   */
  readonly containerDefaults?: ContainerDefaults;
}

/** Name of a level. */
export type IsolationLevel = 'trusted' | 'baseline' | 'restricted';

/**
 * How far a tenant is kept apart from the host and from other tenants. A level sets defaults; each of them can be set by itself, here or
 * by the property of the cluster that it is the default of. docs/security.md lists what each stops. Tenants share the kernel of their
 * nodes on every level.
 */
export class Isolation {
  /**
   * Tenants who may do what the platform may: no Pod Security, no network policies. Names are translated and tenants' fields held
   * against their own objects all the same.
   */
  static trusted(props: IsolationProps = {}): Isolation {
    return new Isolation('trusted', props);
  }

  /** Tenants who are not trusted: Pod Security `baseline`, and a network of their own. */
  static baseline(props: IsolationProps = {}): Isolation {
    return new Isolation('baseline', props);
  }

  /**
   * As {@link baseline}, hardened: Pod Security `restricted`, Ingresses with allowed hosts only, images pulled by each pod itself, a
   * quota, and of the host only those may send to tenants' pods who are named.
   */
  static restricted(props: IsolationProps = {}): Isolation {
    return new Isolation('restricted', props);
  }

  private constructor(
    /** Name of the level. */
    readonly level: IsolationLevel,
    /** What differs from the level. */
    readonly props: IsolationProps,
  ) {}
}
