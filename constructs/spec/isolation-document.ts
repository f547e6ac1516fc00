import {
  CONTROL_PLANE_LABEL,
  controlPlaneSelector,
  rangeProblem,
  type ConfigurationProblem,
  type NetworkPeerSetting,
  type SyncerConfigurationInput,
} from '../../syncer/configuration';
import { LABELS } from '../../syncer/translation';
import type { Isolation, IsolationLevel, NetworkIsolationProps } from './isolation';
import type { NetworkPeer } from './network-peer';
import { PodSecurityLevel } from './pod-security-level';

type PolicyDocument = NonNullable<SyncerConfigurationInput['policy']>;

/** Pod Security Standard of each level. */
const POD_SECURITY: Readonly<Record<IsolationLevel, PodSecurityLevel>> = {
  trusted: PodSecurityLevel.PRIVILEGED,
  baseline: PodSecurityLevel.BASELINE,
  restricted: PodSecurityLevel.RESTRICTED,
};

/** Addresses that are nobody's on the internet: RFC 6890 and its registries, without those for documentation, which lead nowhere. */
const NOT_PUBLIC = {
  IPv4: [
    '0.0.0.0/8',
    '10.0.0.0/8',
    '100.64.0.0/10',
    '127.0.0.0/8',
    // Where clouds tell a machine its secrets.
    '169.254.0.0/16',
    '172.16.0.0/12',
    '192.168.0.0/16',
    '198.18.0.0/15',
    '224.0.0.0/3',
  ],
  IPv6: [
    '::/96',
    // Translation to private IPv4 addresses (RFC 8215).
    '64:ff9b:1::/48',
    // Of the network itself; fd00:ec2::254 is where a cloud tells a machine its secrets.
    'fc00::/7',
    'fe80::/10',
    'ff00::/8',
  ],
} as const;

/** Ranges that are none, by the property that they were given in. */
export function isolationProblems({ props: { network = {} } }: Isolation): ConfigurationProblem[] {
  const ranges: { field: string; value: string }[] = [];
  for (const [index, value] of (network.hostRanges ?? []).entries()) {
    ranges.push({ field: `isolation.network.hostRanges[${index}]`, value });
  }
  for (const setting of ['allowIngressFrom', 'allowEgressTo', 'dnsServers'] as const) {
    for (const [index, { peer }] of (network[setting] ?? []).entries()) {
      for (const value of peer.ipBlock ? [peer.ipBlock.cidr, ...(peer.ipBlock.except ?? [])] : []) {
        ranges.push({ field: `isolation.network.${setting}[${index}]`, value });
      }
    }
  }
  return ranges.flatMap(({ field, value }) => {
    const message = rangeProblem(value);
    return message === undefined ? [] : [{ field, value, message }];
  });
}

/** What a level, and what differs from it, make of the policy of the syncer's document. */
export function isolationDocument(isolation: Isolation, clusterName: string): PolicyDocument {
  const { level, props } = isolation;
  const network = networkDocument(level, props.network ?? {}, clusterName);
  return {
    podSecurity: POD_SECURITY[level],
    alwaysPullImages: props.alwaysPullImages ?? level === 'restricted',
    toleratedTaints: [...(props.toleratedTaints ?? [])],
    ...(network && { network }),
  };
}

function networkDocument(
  level: IsolationLevel,
  props: NetworkIsolationProps,
  clusterName: string,
): PolicyDocument['network'] | undefined {
  const peers = (given: readonly NetworkPeer[] = []): NetworkPeerSetting[] => given.map(({ peer }) => peer);
  if (!(props.enabled ?? level !== 'trusted')) {
    // What is set all the same has no effect, which the document's own rules tell.
    return {
      isolated: false,
      allowedIngress: peers(props.allowIngressFrom),
      allowedEgress: peers(props.allowEgressTo),
      dnsServers: peers(props.dnsServers),
    };
  }
  const controlPlane: NetworkPeerSetting = { podSelector: { matchLabels: controlPlaneSelector(clusterName) } };
  const { hostRanges = [] } = props;
  return {
    isolated: true,
    allowedIngress: [
      controlPlane,
      ...(level === 'restricted' ? [] : [NO_TENANTS, ...publicAddresses(hostRanges)]),
      ...peers(props.allowIngressFrom),
    ],
    allowedEgress: [
      controlPlane,
      ...(props.internet === false ? [] : publicAddresses(hostRanges)),
      ...peers(props.allowEgressTo),
    ],
    dnsServers: peers(props.dnsServers),
  };
}

/** Pods of the host that belong to no virtual cluster. */
const NO_TENANTS: NetworkPeerSetting = {
  namespaceSelector: {},
  podSelector: {
    matchExpressions: [LABELS.virtualCluster, CONTROL_PLANE_LABEL].map((key) => ({ key, operator: 'DoesNotExist' })),
  },
};

/** @param hostRanges ranges that are not, of either family; what is none is told where the document is checked */
function publicAddresses(hostRanges: readonly string[]): NetworkPeerSetting[] {
  const isIPv6 = (range: string): boolean => range.includes(':');
  return [
    { ipBlock: { cidr: '0.0.0.0/0', except: [...NOT_PUBLIC.IPv4, ...hostRanges.filter((range) => !isIPv6(range))] } },
    { ipBlock: { cidr: '::/0', except: [...NOT_PUBLIC.IPv6, ...hostRanges.filter(isIPv6)] } },
  ];
}
