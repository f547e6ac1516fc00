import type { NetworkPeerSetting } from '../../syncer/configuration';

/** Which pods of the host. */
export interface PodsPeerProps {
  /**
   * Namespace that they are in.
   *
   * @default - every namespace
   */
  readonly namespace?: string;
  /**
   * Labels that they have.
   *
   * @default - all pods
   */
  readonly labels?: Readonly<Record<string, string>>;
}

/** Whom tenants' pods may talk to, or be talked to by, beside each other. */
export class NetworkPeer {
  /**
   * A range of addresses.
   *
   * @param range such as `203.0.113.0/24` or `2001:db8::/32`
   * @param except ranges in it that are not meant
   */
  static cidr(range: string, except: readonly string[] = []): NetworkPeer {
    return new NetworkPeer({ ipBlock: { cidr: range, ...(except.length > 0 && { except: [...except] }) } });
  }

  /** All pods of a namespace of the host, such as that of its ingress controllers. */
  static namespace(name: string): NetworkPeer {
    return NetworkPeer.pods({ namespace: name });
  }

  /** Pods of the host. */
  static pods({ namespace, labels }: PodsPeerProps): NetworkPeer {
    return new NetworkPeer({
      namespaceSelector: namespace === undefined ? {} : { matchLabels: { 'kubernetes.io/metadata.name': namespace } },
      ...(labels !== undefined && { podSelector: { matchLabels: { ...labels } } }),
    });
  }

  private constructor(
    /** As a NetworkPolicy of the host has it. */
    readonly peer: NetworkPeerSetting,
  ) {}
}
