import type { NetworkPolicy, NetworkPolicyPeer, NetworkPolicySpec } from 'kubernetes-types/networking/v1';
import {
  controlPlaneLabels,
  controlPlaneNames,
  controlPlaneSelector,
  type NetworkPeerSetting,
} from '../../syncer/configuration';
import { LABELS } from '../../syncer/translation';
import type { VirtualClusterSpec } from '../spec';
import { PORTS } from './ports';

/*
 * Policies add up, so one that let all of a tenant's pods talk to each other would undo the tenant's own that deny it. So a first one
 * denies all pods everything; two more say what those may receive and send that no policy of the tenant selects, which the syncer marks
 * by labels; for the others the tenant's policies decide, whose twins the syncer holds to the same bounds. A label that comes late or
 * stays too long closes pods, or leaves them at what the platform allows: it never opens one.
 */

/** The platform's own policies in the host namespace, by an id that stays the same for good; none where the network is not isolated. */
export function networkPolicies(spec: VirtualClusterSpec): readonly (readonly [id: string, policy: NetworkPolicy])[] {
  const { network } = spec.configuration.policy;
  if (!network.isolated) return [];
  const { deny, ingress, egress, controlPlane } = controlPlaneNames(spec.name).networkPolicies;
  return [
    ['network-deny', policy(spec, deny, { podSelector: tenants(spec), policyTypes: ['Ingress', 'Egress'] })],
    [
      'network-ingress',
      policy(spec, ingress, {
        podSelector: unselected(spec, LABELS.ingressPolicy),
        policyTypes: ['Ingress'],
        ingress: [{ from: [{ podSelector: tenants(spec) }, ...peers(network.allowedIngress)] }],
      }),
    ],
    [
      'network-egress',
      policy(spec, egress, {
        podSelector: unselected(spec, LABELS.egressPolicy),
        policyTypes: ['Egress'],
        egress: [{ to: [{ podSelector: tenants(spec) }, ...peers(network.allowedEgress)] }, dns(network.dnsServers)],
      }),
    ],
    ['network-control-plane', policy(spec, controlPlane, controlPlaneSpec(spec))],
  ];
}

/** DNS servers at the port that everybody has them at. */
function dns(servers: readonly NetworkPeerSetting[]): NonNullable<NetworkPolicySpec['egress']>[number] {
  return {
    ...(servers.length > 0 && { to: peers(servers) }),
    ports: [
      { port: 53, protocol: 'UDP' },
      { port: 53, protocol: 'TCP' },
    ],
  };
}

/**
 * Whoever can reach the API server may ask it: it knows its clients by their certificates and tokens, and they are on nodes, behind load
 * balancers and proxies of the host that no selector means. Other tenants' pods may not send to it. What it sends itself goes through
 * the syncer's gate; what the syncer sends goes to the host's API server, whose address only the host knows.
 */
function controlPlaneSpec(spec: VirtualClusterSpec): NetworkPolicySpec {
  const own = { podSelector: { matchLabels: controlPlaneSelector(spec.name) } };
  const noTenants = {
    namespaceSelector: {},
    podSelector: { matchExpressions: [{ key: LABELS.virtualCluster, operator: 'DoesNotExist' }] },
  };
  return {
    podSelector: own.podSelector,
    policyTypes: ['Ingress'],
    ingress: [
      { ports: [{ port: PORTS.apiServer, protocol: 'TCP' }] },
      // Its other replicas.
      { from: [own] },
      // The host's monitoring.
      {
        from: [noTenants],
        ports: [PORTS.syncer, PORTS.etcdMetrics, PORTS.controllerManager].map((port) => ({ port, protocol: 'TCP' })),
      },
    ],
  };
}

function policy(spec: VirtualClusterSpec, name: string, rules: NetworkPolicySpec): NetworkPolicy {
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name, namespace: spec.namespace, labels: controlPlaneLabels(spec.name) },
    spec: rules,
  };
}

const tenants = ({ name }: VirtualClusterSpec): { matchLabels: Record<string, string> } => ({
  matchLabels: { [LABELS.virtualCluster]: name },
});

/** Tenants' pods without a label. */
const unselected = (spec: VirtualClusterSpec, label: string): NonNullable<NetworkPolicySpec['podSelector']> => ({
  ...tenants(spec),
  matchExpressions: [{ key: label, operator: 'DoesNotExist' }],
});

const peers = (settings: readonly NetworkPeerSetting[]): NetworkPolicyPeer[] =>
  structuredClone(settings) as NetworkPolicyPeer[];
