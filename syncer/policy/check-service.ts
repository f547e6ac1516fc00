import type { Service } from 'kubernetes-types/core/v1';
import type { PolicyLevel, Violation } from './check-pod';

/** `hostClusterDomain`: DNS domain of the host cluster; an ExternalName inside of it is refused. */
export function checkService(
  _service: Service,
  _level: PolicyLevel,
  _options: { readonly hostClusterDomain: string },
): Violation[] {
  throw new Error('not yet');
}
