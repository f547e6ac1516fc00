import { createHash } from 'node:crypto';
import type { Node, NodeCondition, NodeSpec, NodeStatus, NodeSystemInfo, Taint } from 'kubernetes-types/core/v1';
import { bitsToAddress } from '../configuration';
import type { JsonObject } from './fields';
import { objectChanges } from './json';
import { ANNOTATIONS, isOurKey, LABELS } from './keys';
import { metadataPatch } from './metadata-patch';

/** Of the real node, what its virtual twin shows. */
export interface NodeFacts {
  /** Such as `amd64`. */
  readonly architecture: string;
  /** Such as `v1.37.2`. */
  readonly kubeletVersion: string;
}

/** `fd` and `nestlin`: a range of private IPv6 addresses (unique local) that no host routes, only the gateway understands. */
const PREFIX = 0xfd6e_6573_746c_696en;
const KUBELET_PORT = 10250;

/**
 * Address of a virtual node: deterministic, so that every replica gives the same, and unlike any other node's. In the
 * canonical form of RFC 5952, as API servers write it.
 */
export function nodeAddress(hostNodeName: string): string {
  const own = createHash('sha256').update(hostNodeName).digest().readBigUInt64BE();
  return bitsToAddress((PREFIX << 64n) | own, 'IPv6');
}

/** Whether a Node is one of the syncer's: its address is the one that {@link nodeAddress} gives its name. */
export function isVirtualNode(node: Node): boolean {
  const address = nodeAddress(node.metadata?.name ?? '');
  return node.status?.addresses?.some((one) => one.type === 'InternalIP' && one.address === address) ?? false;
}

/**
 * Whether a Node is one that a tenant made, and has said of that it has a kubelet there, such as KWOK: by a label, as a Node that a tenant
 * makes under the name of one of the host's is no sign of that.
 */
export function hasTenantsKubelet(node: Node): boolean {
  return node.metadata?.labels?.[LABELS.tenantKubelet] === 'true' && !isVirtualNode(node);
}

/**
 * A virtual node: ready, with coarse numbers that tell nothing of the real one or of what other tenants run on it. Its
 * kubelet is the gateway.
 */
export function virtualNode(hostNodeName: string, { architecture, kubeletVersion }: NodeFacts): Node {
  const room = { cpu: '16', memory: '32Gi', 'ephemeral-storage': '100Gi', pods: '110' };
  const condition = (type: string, status: 'True' | 'False', reason: string, message: string) => ({
    type,
    status,
    reason,
    message,
  });
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name: hostNodeName,
      labels: {
        'kubernetes.io/hostname': hostNodeName,
        'kubernetes.io/os': 'linux',
        'kubernetes.io/arch': architecture,
      },
    },
    spec: {},
    status: {
      ...reachedByGateway(hostNodeName),
      allocatable: room,
      capacity: { ...room },
      conditions: [
        condition('MemoryPressure', 'False', 'KubeletHasSufficientMemory', 'kubelet has sufficient memory available'),
        condition('DiskPressure', 'False', 'KubeletHasNoDiskPressure', 'kubelet has no disk pressure'),
        condition('PIDPressure', 'False', 'KubeletHasSufficientPID', 'kubelet has sufficient PID available'),
        condition('Ready', 'True', 'KubeletReady', 'kubelet is posting ready status'),
      ],
      nodeInfo: {
        architecture,
        bootID: '',
        containerRuntimeVersion: 'virtual://',
        kernelVersion: '',
        kubeProxyVersion: kubeletVersion,
        kubeletVersion,
        machineID: '',
        operatingSystem: 'linux',
        osImage: 'virtual',
        systemUUID: '',
      },
    },
  };
}

/** Where the virtual API server finds the node's kubelet: the gateway, whatever the host's addresses are. */
function reachedByGateway(hostNodeName: string): Pick<NodeStatus, 'addresses' | 'daemonEndpoints'> {
  return {
    addresses: [
      { type: 'InternalIP', address: nodeAddress(hostNodeName) },
      { type: 'Hostname', address: hostNodeName },
    ],
    daemonEndpoints: { kubeletEndpoint: { Port: KUBELET_PORT } },
  };
}

/** Conditions that are shown: those of the kubelet and of the network. What other agents report is the platform's own. */
const SHOWN_CONDITIONS: ReadonlySet<string> = new Set([
  'Ready',
  'MemoryPressure',
  'DiskPressure',
  'PIDPressure',
  'NetworkUnavailable',
]);

/**
 * What may be known of a host's node, by a list of what is shown: labels that are not ours, taints, whether it takes pods, capacity,
 * the kubelet's conditions and the versions that it reports. Not its addresses, provider id, pod ranges, annotations, images, volumes
 * and the identifiers of the machine. Also what caches of nodes hold, as whole nodes are large.
 */
export function hostNodeFacts(host: Node): Node {
  const { name = '', uid, resourceVersion, labels } = host.metadata ?? {};
  const { taints, unschedulable } = host.spec ?? {};
  const { capacity, allocatable, conditions, nodeInfo } = host.status ?? {};
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name,
      ...(uid !== undefined && { uid }),
      ...(resourceVersion !== undefined && { resourceVersion }),
      labels: Object.fromEntries(Object.entries(labels ?? {}).filter(([key]) => !isOurKey(key))),
    },
    spec: {
      ...(taints !== undefined && { taints: shownTaints(taints) }),
      ...(unschedulable === true && { unschedulable }),
    },
    status: {
      ...(capacity !== undefined && { capacity }),
      ...(allocatable !== undefined && { allocatable }),
      conditions: (conditions ?? []).filter(({ type }) => SHOWN_CONDITIONS.has(type)).map(shownCondition),
      ...(nodeInfo !== undefined && { nodeInfo: shownNodeInfo(nodeInfo) }),
    },
  };
}

/**
 * Who goes from a node is the host's to say, by its own pods and what they tolerate there: `NoExecute` is shown as `NoSchedule`, or the
 * virtual cluster would evict pods that the host lets stay.
 */
function shownTaints(taints: readonly Taint[]): Taint[] {
  const shown = new Map<string, Taint>();
  for (const { key, value, effect } of taints) {
    const taint = {
      key,
      ...(value !== undefined && { value }),
      effect: effect === 'NoExecute' ? 'NoSchedule' : effect,
    };
    // The API takes a key and effect once.
    const id = `${taint.effect}/${key}`;
    if (!shown.has(id)) shown.set(id, taint);
  }
  return [...shown.values()];
}

function shownCondition({ type, status, reason, message, ...times }: NodeCondition): NodeCondition {
  const { lastHeartbeatTime, lastTransitionTime } = times;
  return {
    type,
    status,
    ...(reason !== undefined && { reason }),
    ...(message !== undefined && { message }),
    ...(lastHeartbeatTime != null && { lastHeartbeatTime }),
    ...(lastTransitionTime != null && { lastTransitionTime }),
  };
}

function shownNodeInfo(info: NodeSystemInfo): NodeSystemInfo {
  const { architecture, containerRuntimeVersion, kernelVersion, kubeProxyVersion, kubeletVersion } = info;
  const { operatingSystem, osImage } = info;
  return {
    architecture,
    containerRuntimeVersion,
    kernelVersion,
    kubeProxyVersion,
    kubeletVersion,
    operatingSystem,
    osImage,
    // The same on all virtual nodes of one machine, in all virtual clusters.
    bootID: '',
    machineID: '',
    systemUUID: '',
  };
}

/**
 * A virtual node with the facts of the host's, in the form in which {@link virtualNodePatch} keeps it up. Its kubelet is the gateway.
 *
 * @param facts of {@link hostNodeFacts}, after what the platform changes of them; of the spec, taints and whether it takes pods count
 */
export function realNode({ metadata = {}, spec = {}, status = {} }: Node): Node {
  const { name = '', labels, annotations } = metadata;
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, ...(labels && { labels }), ...(annotations && { annotations }) },
    spec: schedulingOf(spec),
    status: { ...status, ...reachedByGateway(name) },
  };
}

/** Whether a virtual node was made with the facts of the host's: it has the annotations of `withAppliedDigest`, which fake ones lack. */
export function showsHostNode(node: Node): boolean {
  return node.metadata?.annotations?.[ANNOTATIONS.applied] !== undefined;
}

/**
 * Merge patch that makes a virtual node what it should be: labels, taints and whether it takes pods; undefined when it is. Labels that
 * the tenant added stay.
 */
export function virtualNodePatch(wanted: Node, actual: Node): JsonObject | undefined {
  const metadata = metadataPatch(wanted.metadata, actual.metadata);
  const spec = objectChanges({ ...schedulingOf(wanted.spec) }, schedulingOf(actual.spec));
  if (metadata === undefined && Object.keys(spec).length === 0) return undefined;
  return { ...(metadata && { metadata }), ...(Object.keys(spec).length > 0 && { spec }) };
}

/**
 * Merge patch of a virtual node's status, or undefined where nothing but the time of the kubelet's last sign differs: that comes with
 * each sign, and goes up with the next change of something else.
 */
export function virtualNodeStatusPatch(wanted: Node, actual: Node): JsonObject | undefined {
  const changes = objectChanges({ ...withoutHeartbeats(wanted.status) }, withoutHeartbeats(actual.status));
  if (Object.keys(changes).length === 0) return undefined;
  return Object.hasOwn(changes, 'conditions') ? { ...changes, conditions: wanted.status?.conditions } : changes;
}

/** The fields of a node's spec that are shown, and that the API lets anybody change. */
function schedulingOf({ taints, unschedulable }: NodeSpec = {}): Pick<NodeSpec, 'taints' | 'unschedulable'> {
  return { ...(taints !== undefined && { taints }), ...(unschedulable !== undefined && { unschedulable }) };
}

function withoutHeartbeats(status: NodeStatus = {}): NodeStatus {
  const conditions = status.conditions?.map((condition) =>
    Object.fromEntries(Object.entries(condition).filter(([key]) => key !== 'lastHeartbeatTime')),
  );
  return { ...status, ...(conditions && { conditions: conditions as unknown as NodeCondition[] }) };
}
