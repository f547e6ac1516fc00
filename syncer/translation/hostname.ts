import type { PodSpec } from 'kubernetes-types/core/v1';

const MAX_HOSTNAME = 63;

/**
 * The host name that a pod sees, set on the host pod because the host pod's own name is another; undefined where the
 * node's name is what a pod sees.
 *
 * Still missing: `hostname -f` of a pod with a subdomain (a StatefulSet's) must answer `web-0.SVC.NAMESPACE.svc.DOMAIN`.
 * The host's own `subdomain` would show the host namespace instead, so it is left out. A dot in a pod's name becomes a
 * dash, as `hostname` takes a DNS label only.
 */
export function podHostname(spec: PodSpec | undefined, podName: string): string | undefined {
  if (spec?.hostNetwork === true) return undefined;
  if (spec?.hostname) return spec.hostname;
  return podName.slice(0, MAX_HOSTNAME).replaceAll('.', '-').replace(/-+$/, '') || undefined;
}
