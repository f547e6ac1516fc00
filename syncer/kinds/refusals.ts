import { ApiError } from '../kube-client';
import type { KubeObject, ResourceType } from '../kube-client';
import { tenantText } from '../translation';
import type { KnownName } from '../translation';
import type { KindEnvironment } from './environment';

/** Tells the tenant why an object does not take effect, as an event on that object. */
export function warn(
  { events }: Pick<KindEnvironment, 'events'>,
  type: ResourceType,
  object: KubeObject,
  reason: string,
  message: string,
): void {
  events.record({ object, type, severity: 'Warning', reason, message });
}

/**
 * Tells the tenant, in the tenant's own names, that the host does not take an object, and returns the error for the
 * queue's back-off. Other errors (a lost connection, a conflict) are returned as they are: they are not the tenant's.
 */
export function refused(environment: KindEnvironment, error: unknown, type: ResourceType, object: KubeObject): unknown {
  if (isRefusal(error))
    warn(environment, type, object, 'RefusedByHost', inTenantNames(environment, error.serverMessage, object));
  return error;
}

/** Whether the host understood a request and will not do it: quota, admission, validation. */
export const isRefusal = (error: unknown): error is ApiError =>
  error instanceof ApiError && [400, 403, 422].includes(error.status) && !isOtherObject(error);

/** Whether a patch met another object of the same name: its UID, which the patch carries, cannot be changed. */
export const isOtherObject = (error: unknown): boolean =>
  ApiError.is(error, 'Invalid') && (error.details?.causes?.some(({ field }) => field === 'metadata.uid') ?? false);

/** Replaces the names that an object and what it refers to have on the host by those that their owner knows. */
export function inTenantNames(
  { identity }: Pick<KindEnvironment, 'identity'>,
  message: string,
  { metadata: { name = '', namespace = '' } = {} }: KubeObject,
  references: readonly KnownName[] = [],
): string {
  return tenantText(message, identity, [{ namespace, name }, ...references]);
}
