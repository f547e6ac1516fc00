import { ApiError } from '../kube-client';
import type { KubeObject, ResourceType } from '../kube-client';
import { tenantText, unkeptFields, unknownFieldsText } from '../translation';
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
 * Tells the tenant, in the tenant's own names and those of the `references`, that the host does not take an object, and returns
 * the error for the queue's back-off. Other errors (a lost connection, a conflict) are returned as they are: they are not the tenant's.
 */
export function refused(
  environment: KindEnvironment,
  error: unknown,
  type: ResourceType,
  object: KubeObject,
  references: readonly KnownName[] = [],
): unknown {
  if (isRefusal(error)) {
    warn(environment, type, object, 'RefusedByHost', refusalText(environment, error, object, references));
  }
  return error;
}

/** Whether the host understood a request and will not do it: quota, admission, validation, size. */
export const isRefusal = (error: unknown): error is ApiError =>
  error instanceof ApiError && [400, 403, 413, 422].includes(error.status) && !isOtherObject(error);

/** How RBAC denies, other than admission: it names the syncer's own account and the host's namespace. */
const MISSING_RIGHT = /^[^"]*(?:"[^"]*" )?is forbidden: User "[^"]*" cannot /;

/** What the tenant is told of a refusal: the host's words in the tenant's names, but nothing about the syncer's own rights. */
export function refusalText(
  environment: Pick<KindEnvironment, 'identity' | 'hostVersion'>,
  error: ApiError,
  object: KubeObject,
  references: readonly KnownName[] = [],
): string {
  const unknown = unknownFieldsText(error.serverMessage, environment.hostVersion.minor);
  if (unknown !== undefined) return unknown;
  return error.status === 403 && MISSING_RIGHT.test(error.serverMessage)
    ? 'the platform does not let this virtual cluster do that on the host; ask its operator, whose log has the missing right'
    : inTenantNames(environment, error.serverMessage, object, references);
}

/** How soon to look again whether a host name that another object has is free, in ms: nothing tells of objects that are not ours. */
export const NAME_TAKEN_RETRY_MS = 15_000;

/** Tells the tenant that an object of somebody else has the name on the host; it is never touched. */
export function warnNameTaken(
  environment: Pick<KindEnvironment, 'events'>,
  type: ResourceType,
  object: KubeObject,
): void {
  warn(environment, type, object, 'HostNameTaken', nameTakenText(type));
}

/** What a tenant is told where an object of somebody else has the name on the host. */
export function nameTakenText({ kind }: Pick<ResourceType, 'kind'>): string {
  return `the name on the host is taken by a ${kind} that is not of this virtual cluster; use another name`;
}

/** What a pod is told that waits for an object. @param refusal why the host has it not; undefined while nothing is against it */
export function notOnHost(object: string, refusal: string | undefined): string {
  return refusal === undefined ? `waiting for ${object} to be on the host` : `${object} is not on the host: ${refusal}`;
}

/** Tells the tenant which fields of a twin that was just made the host did not keep, if any: it does so without a word. */
export function warnUnkept(
  environment: Pick<KindEnvironment, 'events'>,
  type: ResourceType,
  virtual: KubeObject,
  { sent, kept }: { readonly sent: KubeObject; readonly kept: KubeObject },
): void {
  const specOf = (object: KubeObject): unknown => (object as { readonly spec?: unknown }).spec;
  const fields = unkeptFields(specOf(sent), specOf(kept), 'spec');
  if (fields.length === 0) return;
  const message = `the host made the ${type.kind} without ${fields.join(', ')}: that feature is switched off there, or a rule of the platform took it away`;
  warn(environment, type, virtual, 'NotKeptByHost', message);
}

/** Tells the tenant that somebody else keeps changing what the syncer writes. */
export function warnWriteLoop(
  environment: Pick<KindEnvironment, 'events'>,
  type: ResourceType,
  object: KubeObject,
): void {
  const message =
    'the object changes too often to follow each change, as if another program wrote the same fields; the syncer follows once a second';
  warn(environment, type, object, 'WriteLoop', message);
}

/** Whether a patch met another object of the same name: its UID, which the patch carries, cannot be changed. */
export const isOtherObject = (error: unknown): boolean =>
  ApiError.is(error, 'Invalid') && (error.details?.causes?.some(({ field }) => field === 'metadata.uid') ?? false);

/** Replaces the names that an object and what it refers to have on the host by those that their owner knows. */
function inTenantNames(
  { identity }: Pick<KindEnvironment, 'identity'>,
  message: string,
  { metadata: { name = '', namespace = '' } = {} }: KubeObject,
  references: readonly KnownName[] = [],
): string {
  return tenantText(message, identity, [{ namespace, name }, ...references]);
}
