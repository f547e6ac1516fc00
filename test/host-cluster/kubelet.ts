import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import type { KeyPair } from './certificates';
import { CONTAINERD_SOCKET } from './container-runtime';
import type { ClusterPlan, NodePlan } from './plan';

/** Most pods of one node; its pod range has room for twice as many, so that addresses rest between two uses. */
export const MAXIMUM_PODS = 250;

/** The configuration of a node's kubelet. */
export function kubeletConfiguration(plan: ClusterPlan, node: NodePlan, files: KubeletFiles): object {
  return {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    address: node.address,
    authentication: {
      anonymous: { enabled: false },
      webhook: { enabled: true },
      x509: { clientCAFile: files.clientCA },
    },
    authorization: { mode: 'Webhook' },
    tlsCertFile: files.certificate,
    tlsPrivateKeyFile: files.key,
    clusterDNS: [plan.dnsAddress],
    clusterDomain: plan.clusterDomain,
    resolvConf: files.resolvConf,
    containerRuntimeEndpoint: `unix://${CONTAINERD_SOCKET}`,
    cgroupDriver: 'cgroupfs',
    cgroupRoot: `/${plan.cgroup}/${node.name}`,
    enforceNodeAllocatable: [],
    failCgroupV1: false,
    failSwapOn: false,
    oomScoreAdj: 0,
    maxPods: MAXIMUM_PODS,
    podsPerCore: 0,
    serializeImagePulls: false,
    registryPullQPS: 0,
    eventRecordQPS: 0,
    kubeAPIQPS: 200,
    kubeAPIBurst: 400,
    syncFrequency: '10s',
    // The machine's disk and memory are shared with everything else on it: evict only when they are nearly gone.
    evictionHard: {
      'memory.available': '50Mi',
      'nodefs.available': '1%',
      'nodefs.inodesFree': '1%',
      'imagefs.available': '1%',
    },
    // Images are imported by hand: one that was collected could not be pulled again.
    imageGCHighThresholdPercent: 100,
    imageGCLowThresholdPercent: 99,
    shutdownGracePeriod: '0s',
  };
}

/** Files that a kubelet is told about. */
export interface KubeletFiles {
  readonly clientCA: string;
  readonly certificate: string;
  readonly key: string;
  readonly resolvConf: string;
}

/**
 * Writes the files of a node's kubelet.
 *
 * @param serving its certificate as a server
 * @returns its command line
 */
export function prepareKubelet(options: {
  plan: ClusterPlan;
  node: NodePlan;
  binary: string;
  kubeconfig: string;
  clientCA: string;
  serving: KeyPair;
}): string[] {
  const { plan, node, binary, kubeconfig, serving } = options;
  const directory = join(node.directory, 'kubelet');
  mkdirSync(directory, { recursive: true });
  const file = (name: string, content: string, mode = 0o644): string => {
    const path = join(directory, name);
    writeFileSync(path, content, { mode });
    return path;
  };
  const configuration = kubeletConfiguration(plan, node, {
    clientCA: file('client-ca.crt', options.clientCA),
    certificate: file('server.crt', serving.certificate),
    key: file('server.key', serving.key, 0o600),
    // There is no resolver outside the cluster, but CoreDNS of a virtual cluster does not start without one to forward to.
    resolvConf: file('resolv.conf', `nameserver ${plan.dnsAddress}\n`),
  });
  return [
    binary,
    `--config=${file('configuration.yaml', stringify(configuration))}`,
    `--kubeconfig=${kubeconfig}`,
    `--hostname-override=${node.name}`,
    `--node-ip=${node.address}`,
  ];
}
