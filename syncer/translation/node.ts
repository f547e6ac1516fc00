import { createHash } from 'node:crypto';
import type { Node } from 'kubernetes-types/core/v1';
import { bitsToAddress } from '../configuration';

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
      addresses: [
        { type: 'InternalIP', address: nodeAddress(hostNodeName) },
        { type: 'Hostname', address: hostNodeName },
      ],
      allocatable: room,
      capacity: { ...room },
      conditions: [
        condition('MemoryPressure', 'False', 'KubeletHasSufficientMemory', 'kubelet has sufficient memory available'),
        condition('DiskPressure', 'False', 'KubeletHasNoDiskPressure', 'kubelet has no disk pressure'),
        condition('PIDPressure', 'False', 'KubeletHasSufficientPID', 'kubelet has sufficient PID available'),
        condition('Ready', 'True', 'KubeletReady', 'kubelet is posting ready status'),
      ],
      daemonEndpoints: { kubeletEndpoint: { Port: KUBELET_PORT } },
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
