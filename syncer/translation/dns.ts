import type { PodDNSConfig, PodDNSConfigOption, PodSpec } from 'kubernetes-types/core/v1';

/** `ndots` that kubelets set for pods which use the cluster's DNS. */
const CLUSTER_OPTIONS: readonly PodDNSConfigOption[] = [{ name: 'ndots', value: '5' }];

/** Whether the pod resolves names by the cluster's DNS, as a kubelet decides it. */
export function usesClusterDNS(spec: PodSpec | undefined): boolean {
  const policy = spec?.dnsPolicy || 'ClusterFirst';
  return policy === 'ClusterFirstWithHostNet' || (policy === 'ClusterFirst' && spec?.hostNetwork !== true);
}

/**
 * What the host's kubelet must be told so that a pod's resolv.conf is the one of an ordinary cluster: our DNS first, then
 * what the user added; of two options of one name the user's wins.
 */
export function clusterDNSConfig(
  user: PodDNSConfig | undefined,
  { namespace, clusterDomain, dnsIP }: { namespace: string; clusterDomain: string; dnsIP: string },
): PodDNSConfig {
  const options = new Map<string, PodDNSConfigOption>();
  for (const option of [...CLUSTER_OPTIONS, ...(user?.options ?? [])]) options.set(option.name ?? '', option);
  const searches = [`${namespace}.svc.${clusterDomain}`, `svc.${clusterDomain}`, clusterDomain];
  return {
    nameservers: [...new Set([dnsIP, ...(user?.nameservers ?? [])])],
    searches: [...new Set([...searches, ...(user?.searches ?? [])])],
    options: [...options.values()],
  };
}
