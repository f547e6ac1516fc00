import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import type { ClusterPlan, NodePlan } from './plan';

/** The configuration of a node's kube-proxy. */
export function kubeProxyConfiguration(plan: ClusterPlan, node: NodePlan, kubeconfig: string): object {
  return {
    apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
    kind: 'KubeProxyConfiguration',
    mode: 'iptables',
    bindAddress: node.address,
    hostnameOverride: node.name,
    clientConnection: { kubeconfig, qps: 100, burst: 200 },
    clusterCIDR: plan.podCIDR,
    oomScoreAdj: 0,
    healthzBindAddress: `${node.address}:10256`,
    // These settings belong to the whole machine and are not writable everywhere: leave them alone.
    conntrack: { maxPerCore: 0, min: 0, tcpEstablishedTimeout: '0s', tcpCloseWaitTimeout: '0s' },
    iptables: { minSyncPeriod: '100ms', syncPeriod: '30s' },
  };
}

/**
 * Writes the files of a node's kube-proxy.
 *
 * @returns its command line
 */
export function prepareKubeProxy(options: {
  plan: ClusterPlan;
  node: NodePlan;
  binary: string;
  kubeconfig: string;
}): string[] {
  const { plan, node, binary, kubeconfig } = options;
  const directory = join(node.directory, 'kube-proxy');
  mkdirSync(directory, { recursive: true });
  const file = join(directory, 'configuration.yaml');
  writeFileSync(file, stringify(kubeProxyConfiguration(plan, node, kubeconfig)));
  return [binary, `--config=${file}`];
}
