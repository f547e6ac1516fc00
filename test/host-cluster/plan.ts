import { join } from 'node:path';
import { HostClusterError } from './failure';
import { addressAt, blockAt, formatBlock, parseBlock } from './ipv4';

/** Below this directory every host cluster has one of its own, named after it. */
export const STATE_ROOT = '/var/lib/nestling-test';
/** The name of the host cluster that is meant when nothing else is said. */
export const DEFAULT_NAME = 'host';
/** Most nodes of one host cluster. */
export const MAXIMUM_NODES = 8;
/** Most host clusters at once in one network. */
export const MAXIMUM_CLUSTERS = 16;
/** The range that all host clusters share: a /16 of nodes, one of pods and one of services. */
export const DEFAULT_NETWORK = '10.88.0.0/14';
/** The port of the host cluster's API server. */
export const API_SERVER_PORT = 6443;

/** One node: a network namespace and a mount namespace with a kubelet and a containerd. */
export interface NodePlan {
  readonly name: string;
  /** Its address in the cluster's node network. */
  readonly address: string;
  /** The addresses of its pods. */
  readonly podCIDR: string;
  /** Where its files are. */
  readonly directory: string;
}

/** Every name, path and address of one host cluster: fixed before anything is made, so that all of it can be removed. */
export interface ClusterPlan {
  readonly name: string;
  /** Which of the network's blocks the cluster has. */
  readonly slot: number;
  readonly directory: string;
  readonly kubeconfigPath: string;
  /** The cluster's cgroup in every hierarchy, relative to the mount. */
  readonly cgroup: string;
  /** The network interface outside the cluster's namespaces. */
  readonly outerInterface: string;
  readonly outerAddress: string;
  readonly nodeCIDR: string;
  readonly podCIDR: string;
  readonly serviceCIDR: string;
  /** ClusterIP of `default/kubernetes`. */
  readonly apiServiceAddress: string;
  /** ClusterIP of `kube-system/kube-dns`. */
  readonly dnsAddress: string;
  readonly clusterDomain: string;
  readonly server: string;
  /** The first one runs the control plane too. */
  readonly nodes: readonly [NodePlan, ...NodePlan[]];
}

/**
 * Checks a cluster's name.
 *
 * @param field where it comes from, for the message
 * @throws HostClusterError unless it is a DNS label of at most 40 characters
 */
export function checkName(name: string, field = 'name'): void {
  if (!/^[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?$/.test(name)) {
    throw new HostClusterError(
      `${field} ${JSON.stringify(name)} is not a name for a host cluster`,
      'use 1 to 40 lower-case letters, digits and hyphens, with no hyphen at either end',
    );
  }
}

/**
 * The name of the host cluster that is meant when none is given: $NESTLING_HOST_NAME, so that several can be worked on
 * side by side, else `host`.
 *
 * @throws HostClusterError when the variable holds no name
 */
export function defaultName(environment: NodeJS.ProcessEnv = process.env): string {
  const name = environment['NESTLING_HOST_NAME'] || DEFAULT_NAME;
  checkName(name, 'NESTLING_HOST_NAME');
  return name;
}

/**
 * Checks a number of nodes.
 *
 * @throws HostClusterError unless it is a whole number from 1 to MAXIMUM_NODES
 */
export function checkNodes(nodes: number): void {
  if (!Number.isInteger(nodes) || nodes < 1 || nodes > MAXIMUM_NODES) {
    throw new HostClusterError(`nodes ${nodes} is out of range`, `use a whole number from 1 to ${MAXIMUM_NODES}`);
  }
}

/** The cgroup of a cluster of this name. */
export const cgroupOf = (name: string): string => `nestling-${name}`;

/** The machine's network interface to the cluster in a slot. */
export const outerInterfaceOf = (slot: number): string => `nestling${slot}`;

/** The directory of a cluster of this name. */
export const directoryOf = (name: string): string => join(STATE_ROOT, name);

/**
 * Computes everything about a host cluster from its name, size and slot.
 *
 * @throws HostClusterError naming the argument that is wrong
 */
export function planCluster(options: { name: string; nodes: number; slot: number; network?: string }): ClusterPlan {
  const { name, nodes, slot, network = DEFAULT_NETWORK } = options;
  checkName(name);
  checkNodes(nodes);
  if (!Number.isInteger(slot) || slot < 0 || slot >= MAXIMUM_CLUSTERS) {
    throw new HostClusterError(
      `slot ${slot} is out of range`,
      `stop a host cluster: at most ${MAXIMUM_CLUSTERS} run at once`,
    );
  }
  const whole = parseBlock(network);
  if (!whole || whole.length > 14) {
    throw new HostClusterError(
      `network ${JSON.stringify(network)} is not an IPv4 range of at least a /14 with no host bits set`,
      `use one such as ${DEFAULT_NETWORK}`,
    );
  }
  const range = (index: number): { base: number; length: number } => blockAt(whole, 16, index);
  const nodeBlock = blockAt(range(0), 24, slot);
  const podBlock = blockAt(range(1), 20, slot);
  const serviceBlock = blockAt(range(2), 20, slot);
  const directory = directoryOf(name);
  const node = (index: number): NodePlan => ({
    name: `node-${index + 1}`,
    address: addressAt(nodeBlock, index + 1),
    podCIDR: formatBlock(blockAt(podBlock, 23, index)),
    directory: join(directory, `node-${index + 1}`),
  });
  const first = node(0);
  return {
    name,
    slot,
    directory,
    kubeconfigPath: join(directory, 'kubeconfig'),
    cgroup: cgroupOf(name),
    outerInterface: outerInterfaceOf(slot),
    outerAddress: addressAt(nodeBlock, 254),
    nodeCIDR: formatBlock(nodeBlock),
    podCIDR: formatBlock(podBlock),
    serviceCIDR: formatBlock(serviceBlock),
    apiServiceAddress: addressAt(serviceBlock, 1),
    dnsAddress: addressAt(serviceBlock, 10),
    clusterDomain: 'cluster.local',
    server: `https://${first.address}:${API_SERVER_PORT}`,
    nodes: [first, ...Array.from({ length: nodes - 1 }, (_, index) => node(index + 1))],
  };
}
