import type { PodSpec } from 'kubernetes-types/core/v1';

const MAX_HOSTNAME = 63;

/**
 * The host name that a kubelet gives a pod, set on the host pod because the host pod's own name is another; undefined where
 * the node's name is what a pod sees. What `hostname -f` answers is in hosts-file.ts: the host's own `subdomain` would show
 * the host namespace, so it is left out.
 */
export function podHostname(spec: PodSpec | undefined, podName: string): string | undefined {
  if (spec?.hostNetwork === true) return undefined;
  if (spec?.hostname) return spec.hostname;
  return podName.slice(0, MAX_HOSTNAME).replace(/[-.]+$/, '') || undefined;
}

/**
 * Sets a pod's host name on the host pod. `hostname` takes a DNS label only, while the name of a pod may have dots: then it is
 * `hostnameOverride`, which all hosts have since 1.35 and which goes with no `setHostnameAsFQDN`.
 */
export function setHostname(hostSpec: PodSpec, hostname: string): void {
  if (!hostname.includes('.')) {
    hostSpec.hostname = hostname;
    return;
  }
  delete hostSpec.setHostnameAsFQDN;
  const overridden = hostSpec as { hostnameOverride?: string };
  overridden.hostnameOverride ??= hostname;
}
