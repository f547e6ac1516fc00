import { clusterScopedHostName, type ClusterIdentity } from './names';

/** Classes that every cluster has, for its own components: pods of them preempt all others. */
const SYSTEM_PREFIX = 'system-';

/**
 * Name on the host of the PriorityClass that a virtual pod names, or undefined where the host pod has to go without one.
 *
 * @param name the pod's `spec.priorityClassName`
 * @param origin where the class comes from: `host` for the view of one of the host's, `virtual` for one of the tenant's own
 * that is synced to the host; undefined for a class that neither is
 */
export function hostPriorityClass(
  id: ClusterIdentity,
  name: string | undefined,
  origin: 'host' | 'virtual' | undefined,
): string | undefined {
  if (!name || name.startsWith(SYSTEM_PREFIX) || origin === undefined) return undefined;
  return origin === 'host' ? name : clusterScopedHostName(id, name);
}

/** Whether a host pod may have a class: no context, however it was made, gives a tenant one of the system's. */
export function isAllowedPriorityClass(name: string | undefined): name is string {
  return Boolean(name) && !name?.startsWith(SYSTEM_PREFIX);
}
