import type { ApiError } from '../kube-client';
import { type ClusterIdentity, tenantText } from '../translation';
import type { Refusal } from './review';

/** The virtual Service that a refusal is about. */
export interface ServiceKey {
  readonly namespace: string;
  readonly name: string;
}

/**
 * What the tenant is told when the host does not take a Service: the host's verdict in the tenant's own names.
 * What is wrong between the syncer and the host (no right, no answer) is not the tenant's to mend, and is said so
 * without naming the host's accounts.
 */
export function refusalByHost(error: ApiError, identity: ClusterIdentity, service: ServiceKey): Refusal {
  const inTenantNames = (text: string): string => tenantText(text, identity, [service]);
  if (isOurOwn(error)) {
    return {
      code: 500,
      reason: 'InternalError',
      message:
        `services "${service.name}": the virtual cluster may not do this on its host; ` +
        'its platform team has to look at the rights of its control plane',
      details: details(service),
    };
  }
  if (error.status >= 500 || error.status === 429) {
    return unavailable(service, `the host cluster answered: ${inTenantNames(serverMessage(error))}`);
  }
  const causes = error.details?.causes?.map((cause) =>
    cause.message === undefined ? cause : { ...cause, message: inTenantNames(cause.message) },
  );
  return {
    code: error.status,
    reason: error.reason,
    message: inTenantNames(serverMessage(error)),
    details: { ...details(service), ...(causes ? { causes } : {}) },
  };
}

/** What the tenant is told while the host (or the virtual API server itself) cannot be asked. */
export function unavailable(service: ServiceKey, why: string): Refusal {
  return {
    code: 503,
    reason: 'ServiceUnavailable',
    message: `services "${service.name}": its address cannot be reserved now, try again: ${why}`,
    details: details(service),
  };
}

/** What the tenant is told when another object has the name that the Service would get on the host. */
export function taken(service: ServiceKey): Refusal {
  return {
    code: 409,
    reason: 'Conflict',
    message:
      `services "${service.name}": its name on the host cluster is taken by an object that is not of this virtual cluster; ` +
      'use another name, or ask the platform team to remove that object',
    details: details(service),
  };
}

/** What the tenant is told while the former Service of the name still goes away on the host. */
export function stillLeaving(service: ServiceKey): Refusal {
  return {
    code: 409,
    reason: 'Conflict',
    message:
      `services "${service.name}": the former Service of this name is still being removed on the host cluster ` +
      '(a load balancer takes its time); try again',
    details: details(service),
  };
}

/** What the tenant is told when the translation does not take the Service. */
export function untranslatable(service: ServiceKey, message: string): Refusal {
  return {
    code: 403,
    reason: 'Forbidden',
    message: `services "${service.name}" is forbidden: ${message}`,
    details: details(service),
  };
}

function details(service: ServiceKey): { name: string; kind: string } {
  return { name: service.name, kind: 'services' };
}

/** What the server said, without the client's note of the request: its path is of no use to a tenant. */
function serverMessage(error: ApiError): string {
  return error.message.replace(/^[a-z]+ \/apis?\/\S*: /, '');
}

/** The host's authorizer speaks of the syncer's account; everything else that is forbidden is about the object. */
function isOurOwn(error: ApiError): boolean {
  return error.status === 401 || (error.status === 403 && / is forbidden: User "/.test(error.message));
}
