import type { PodSpec } from 'kubernetes-types/core/v1';

const MAX_HOSTNAME = 63;

/**
 * The host name that a pod sees, set on the host pod because the host pod's own name is another; undefined where the
 * node's name is what a pod sees.
 *
 * A dot in a pod's name becomes a dash, as `hostname` takes a DNS label only. What `hostname -f` answers is in hosts-file.ts:
 * the host's own `subdomain` would show the host namespace, so it is left out.
 */
export function podHostname(spec: PodSpec | undefined, podName: string): string | undefined {
  if (spec?.hostNetwork === true) return undefined;
  if (spec?.hostname) return spec.hostname;
  return podName.slice(0, MAX_HOSTNAME).replaceAll('.', '-').replace(/-+$/, '') || undefined;
}
