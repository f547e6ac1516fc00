import type { Service } from 'kubernetes-types/core/v1';
import type { ObjectContext, Translation } from './context';

/** What a Service's translation needs; `uid` overrides the object's own, `reservation` (RFC 3339) is set by admission, when there is no UID. */
export interface ServiceContext extends ObjectContext {
  readonly uid?: string | undefined;
  readonly reservation?: string | undefined;
}
export function translateService(_service: Service, _context: ServiceContext): Translation<Service> {
  throw new Error('not yet');
}
/** JSON merge patch for the host Service, or undefined when all fields that we own are equal. */
export function hostServicePatch(_desired: Service, _actual: Service): object | undefined {
  throw new Error('not yet');
}
/** What must be written back into the virtual Service: `spec` for the object itself, `status` for its status subresource; both JSON merge patches. */
export function virtualServicePatch(
  _host: Service,
  _virtual: Service,
): { readonly spec?: object; readonly status?: object } {
  throw new Error('not yet');
}
