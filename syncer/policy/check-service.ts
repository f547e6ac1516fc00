import { isIP } from 'node:net';
import type { Service } from 'kubernetes-types/core/v1';
import { violation, type PolicyLevel, type Violation } from './violation';

/**
 * Holds a **translated** Service to the policy: an ExternalName must not lead to what only the host's own clients can
 * reach, as an ingress controller there would follow it. In the virtual cluster the name resolves all the same.
 *
 * @param options.hostClusterDomain DNS domain of the host cluster, such as `cluster.local`
 */
export function checkService(
  service: Service,
  level: PolicyLevel,
  { hostClusterDomain }: { readonly hostClusterDomain: string },
): Violation[] {
  const name = service.spec?.externalName;
  if (level === 'privileged' || service.spec?.type !== 'ExternalName' || !name) return [];
  const target = name.toLowerCase().replace(/\.$/, '');
  const domain = hostClusterDomain.toLowerCase().replace(/\.$/, '');
  const inside =
    isIP(target) !== 0 ||
    !target.includes('.') ||
    ['localhost', 'svc', domain].some((suffix) => target === suffix || target.endsWith(`.${suffix}`));
  if (!inside) return [];
  const remedy = 'use a public DNS name, or a Service with a selector';
  return [violation('externalName', 'baseline', 'spec.externalName', name, remedy)];
}
