import type { PriorityClass } from 'kubernetes-types/scheduling/v1';
import type { ObjectContext, Translation } from './context';
import { RefusalCollector } from './copy-environment';
import { Copier, dropped, object, plain, type CopyEnvironment, type Field } from './fields';
import type { HostRight } from './host-right';
import { hostClusterMetadata } from './metadata';
import { clusterScopedHostName, type ClusterIdentity } from './names';

/** What the syncer does with priority classes on the host, which RBAC cannot limit to those of one virtual cluster. */
export const PRIORITY_CLASS_RIGHTS: readonly HostRight[] = [
  {
    apiGroup: 'scheduling.k8s.io',
    resources: ['priorityclasses'],
    verbs: ['get', 'list', 'watch', 'create', 'patch', 'delete'],
  },
];

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

/** Whether a class is one of those that every cluster has for itself. */
export function isSystemPriorityClass(name: string): boolean {
  return name.startsWith(SYSTEM_PREFIX);
}

/** Every field of PriorityClass. */
export const PRIORITY_CLASS: Field<CopyEnvironment> = object({
  apiVersion: dropped('is set below'),
  description: plain,
  globalDefault: dropped("pods of the whole host would get the tenant's class"),
  kind: dropped('is set below'),
  metadata: dropped('is set below'),
  preemptionPolicy: plain,
  value: plain,
});

/**
 * The host twin of a tenant's PriorityClass: of a value that is not higher than the platform allows, and for nobody by default.
 *
 * @param context.maximumValue see `sync.toHost.priorityClasses.maximumValue`
 */
export function translatePriorityClass(
  priorityClass: PriorityClass,
  context: Pick<ObjectContext, 'identity'> & { readonly maximumValue: number },
): Translation<PriorityClass> {
  const environment = new RefusalCollector();
  const copy = new Copier(environment).copy(PRIORITY_CLASS, priorityClass, []) as PriorityClass;
  const refusal = environment.refusal();
  if (refusal) return refusal;
  return {
    ok: true,
    object: {
      ...copy,
      apiVersion: 'scheduling.k8s.io/v1',
      kind: 'PriorityClass',
      metadata: hostClusterMetadata('PriorityClass', priorityClass.metadata, context),
      value: Math.min(priorityClass.value, context.maximumValue),
      globalDefault: false,
    },
    references: [],
  };
}

/** Whether a class has to be made anew: neither its value nor whether its pods preempt others can be changed. */
export function priorityClassNeedsRecreation(wanted: PriorityClass, actual: PriorityClass): boolean {
  const policy = (one: PriorityClass): string => one.preemptionPolicy ?? 'PreemptLowerPriority';
  return wanted.value !== actual.value || policy(wanted) !== policy(actual);
}
