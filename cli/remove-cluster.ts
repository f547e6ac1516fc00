import { setTimeout as sleep } from 'node:timers/promises';
import type { Namespace } from 'kubernetes-types/core/v1';
import type { ClusterRoleBinding, RoleBinding } from 'kubernetes-types/rbac/v1';
import type { StatefulSet } from 'kubernetes-types/apps/v1';
import { CONTROL_PLANE_LABEL, controlPlaneNames, controlPlaneSelector } from '../syncer/configuration';
import { ApiError, labelSelectorOf, resources } from '../syncer/kube-client';
import type { AnyObject, KubeClient, ResourceType } from '../syncer/kube-client';
import { LABELS } from '../syncer/translation';
import { Failure } from './failure';
import { contentsOf } from './namespace-contents';
import type { Contents } from './namespace-contents';
import type { Progress } from './progress';

/** On a namespace that the command line made, `true`: it goes with the last thing in it. */
export const MADE_ANNOTATION = 'nestling.dev/made-by-cli';

/** Kinds that a virtual cluster may have in its host namespace. A StatefulSet comes first: its syncer would make things anew. */
const KINDS: readonly ResourceType[] = [
  resources.statefulSets,
  resources.cronJobs,
  resources.jobs,
  resources.configMaps,
  resources.services,
  resources.secrets,
  resources.serviceAccounts,
  resources.roleBindings,
  resources.roles,
  resources.networkPolicies,
  resources.podDisruptionBudgets,
  resources.ingresses,
  resources.leases,
  resources.resourceQuotas,
  resources.limitRanges,
  { group: 'gateway.networking.k8s.io', version: 'v1', resource: 'tlsroutes', kind: 'TLSRoute', namespaced: true },
  {
    group: 'gateway.networking.k8s.io',
    version: 'v1alpha3',
    resource: 'tlsroutes',
    kind: 'TLSRoute',
    namespaced: true,
  },
  {
    group: 'gateway.networking.k8s.io',
    version: 'v1alpha2',
    resource: 'tlsroutes',
    kind: 'TLSRoute',
    namespaced: true,
  },
];
/** Kinds that nothing of ours deletes, and that go with their owner, or are the tenant's. */
const GONE_BY_THEMSELVES = [resources.pods, resources.persistentVolumeClaims, resources.endpointSlices];
const POLL_MS = 300;

/** What to take away, and how. */
export interface Removal {
  readonly client: KubeClient;
  readonly name: string;
  readonly namespace: string;
  readonly progress: Progress;
  readonly signal: AbortSignal;
  /** Whether claims of the tenant and of the store stay, with their data; UIDs: those stay, and all others go. */
  readonly keepClaims: boolean | ReadonlySet<string>;
  /** `if empty`: where the command line made it, and nothing else is in it. */
  readonly deleteNamespace: 'never' | 'if empty';
  /** Whether there is anything in the namespace yet. @default true */
  readonly objects?: boolean;
  /** Whether to wait until all is gone. @default true */
  readonly wait?: boolean;
  /** Seconds that all of it may take. */
  readonly timeoutSeconds: number;
}

/** A removal under way. */
interface RemovalUnderWay extends Removal {
  /** When it is given up, in ms since the epoch. */
  readonly deadline: number;
}

/** What was taken away. */
export interface Removed {
  /** `Kind/name` of what was deleted by name. */
  readonly deleted: readonly string[];
  /** Claims that stay: as it was asked for, or because they were made to outlive the cluster. */
  readonly keptClaims: readonly string[];
  readonly namespaceDeleted: boolean;
  /** Why a namespace that the command line made stays; undefined where it does not, or is somebody else's. */
  readonly namespaceKept: string | undefined;
}

/**
 * Takes a virtual cluster from its host: all that its manifests and its syncer made there, by their labels. Safe to repeat.
 *
 * @throws Failure when something is left after the time, ApiError when the host refuses
 */
export async function removeCluster(given: Removal): Promise<Removed> {
  const removal = { ...given, deadline: Date.now() + given.timeoutSeconds * 1000 };
  const { client, name, namespace, progress, signal, wait = true, objects = true } = removal;
  const deleted: string[] = [];
  let keptClaims: string[] = [];
  const own = `${CONTROL_PLANE_LABEL}=${name}`;
  if (objects) {
    const { keepClaims } = removal;
    if (keepClaims === true || (keepClaims !== false && keepClaims.size > 0)) keptClaims = await freeClaims(removal);
    let anchor: AnyObject | undefined;
    const take = async (type: ResourceType, { metadata }: AnyObject): Promise<void> => {
      if (await gone(client, type, { namespace, name: metadata?.name ?? '', uid: metadata?.uid }, signal)) {
        deleted.push(`${type.kind}/${metadata?.name}`);
      }
    };
    progress.waiting(`deleting virtual cluster ${namespace}/${name}`);
    for (const type of KINDS) {
      for (const object of await listed(client, type, { namespace, labelSelector: own, signal })) {
        if (type === resources.configMaps && object.metadata?.name === controlPlaneNames(name).anchor) anchor = object;
        else await take(type, object);
      }
    }
    deleted.push(...(await removeElsewhere(removal)));
    // The last, as a deletion that was interrupted is found by it. What the tenant has goes with it.
    if (anchor !== undefined) await take(resources.configMaps, anchor);
  }
  let namespaceDeleted = false;
  let namespaceKept: string | undefined;
  if (objects && (wait || removal.deleteNamespace !== 'never')) {
    keptClaims = await untilGone(removal, keptClaims);
  }
  if (removal.deleteNamespace !== 'never') {
    const made = await madeNamespace(removal);
    if (made !== undefined) namespaceKept = await whyKept(removal);
    if (made !== undefined && namespaceKept === undefined) {
      const { uid } = made.metadata ?? {};
      namespaceDeleted = await gone(client, resources.namespaces, { name: namespace, uid }, signal);
      if (wait) await untilNamespaceGone(removal);
    }
  }
  progress.clear();
  return { deleted, keptClaims, namespaceDeleted, namespaceKept };
}

/** What a kind has; nothing where the host does not serve it, or the user may not look: what is left shows later. */
async function listed(
  client: KubeClient,
  type: ResourceType,
  options: { namespace?: string; labelSelector?: string; signal: AbortSignal },
): Promise<AnyObject[]> {
  const found: AnyObject[] = [];
  try {
    for await (const { items } of client.listAll(type, { ...options, metadataOnly: true })) found.push(...items);
  } catch (error) {
    // Kinds that everybody may have must be looked at; others may be out of reach.
    const optional = type.group !== '' && type !== resources.statefulSets;
    if (ApiError.is(error, 'NotFound') || (optional && ApiError.is(error, 'Forbidden'))) return [];
    throw error;
  }
  return found;
}

/** Deletes one object. @returns false where it was gone, or another one stands in its place */
async function gone(
  client: KubeClient,
  type: ResourceType,
  object: { readonly name: string; readonly namespace?: string; readonly uid?: string | undefined },
  signal: AbortSignal,
): Promise<boolean> {
  try {
    await client.delete(type, { ...object, propagationPolicy: 'Background', signal });
    return true;
  } catch (error) {
    if (ApiError.is(error, 'NotFound', 'Conflict')) return false;
    throw error;
  }
}

/** What it has outside of its namespace: roles, and what the syncer made there for the tenant. */
async function removeElsewhere({ client, name, namespace, signal }: Removal): Promise<string[]> {
  const labelSelector = `${CONTROL_PLANE_LABEL}=${name}`;
  const deleted: string[] = [];
  const isIts = (binding: ClusterRoleBinding | RoleBinding): boolean =>
    binding.subjects?.some(
      (subject) => subject.namespace === namespace && subject.name === controlPlaneNames(name).serviceAccount,
    ) ?? false;
  const take = async (type: ResourceType, object: AnyObject | undefined): Promise<void> => {
    const { metadata } = object ?? {};
    if (metadata?.name === undefined) return;
    const place = metadata.namespace === undefined ? {} : { namespace: metadata.namespace };
    if (await gone(client, type, { name: metadata.name, uid: metadata.uid, ...place }, signal)) {
      deleted.push(`${type.kind}/${metadata.name}`);
    }
  };
  // A label has the cluster's name, which others in other namespaces may have: bindings say whose they are.
  const pairs = [
    [resources.clusterRoleBindings, resources.clusterRoles],
    [resources.roleBindings, resources.roles],
  ] as const;
  for (const [bindingType, roleType] of pairs) {
    for (const binding of await whole<ClusterRoleBinding>(client, bindingType, { labelSelector, signal })) {
      if (!isIts(binding) || binding.metadata?.namespace === namespace) continue;
      const place = binding.metadata?.namespace === undefined ? {} : { namespace: binding.metadata.namespace };
      const [role] = (await whole<AnyObject>(client, roleType, { labelSelector, signal, ...place })).filter(
        ({ metadata }) => metadata?.name === binding.roleRef.name,
      );
      // The binding is by what the role is found.
      await take(roleType, role);
      await take(bindingType, { ...binding });
    }
  }
  const twins = `${LABELS.virtualCluster}=${name},${LABELS.hostNamespace}=${namespace}`;
  for (const object of await whole<AnyObject>(client, resources.priorityClasses, { labelSelector: twins, signal })) {
    await take(resources.priorityClasses, object);
  }
  return deleted;
}

/** All objects of a selector; none where the user may not look at all of them: then they made none either. */
async function whole<T extends AnyObject | ClusterRoleBinding>(
  client: KubeClient,
  type: ResourceType,
  options: { labelSelector: string; namespace?: string; signal: AbortSignal },
): Promise<T[]> {
  const found: T[] = [];
  try {
    for await (const { items } of client.listAll(type, options)) found.push(...(items as unknown as T[]));
  } catch (error) {
    if (ApiError.is(error, 'Forbidden', 'NotFound')) return [];
    throw error;
  }
  return found;
}

/** The claims of a virtual cluster's tenant and store; undefined where the user may not look. */
export async function claimsOf(
  client: KubeClient,
  name: string,
  namespace: string,
  signal: AbortSignal,
): Promise<AnyObject[] | undefined> {
  const found: AnyObject[] = [];
  try {
    for (const labelSelector of [`${LABELS.virtualCluster}=${name}`, labelSelectorOf(controlPlaneSelector(name))]) {
      const options = { namespace, labelSelector, metadataOnly: true, signal };
      for await (const { items } of client.listAll(resources.persistentVolumeClaims, options)) found.push(...items);
    }
  } catch (error) {
    if (ApiError.is(error, 'Forbidden')) return undefined;
    throw error;
  }
  return found;
}

/**
 * Takes from the claims of tenant and store those owners that would take them along. The control plane goes first: its syncer would put
 * them back.
 */
async function freeClaims(removal: RemovalUnderWay): Promise<string[]> {
  const { client, name, namespace, progress, signal, keepClaims } = removal;
  progress.waiting('stopping the control plane, so that claims can be kept');
  const names = controlPlaneNames(name);
  try {
    await client.patch<StatefulSet>(
      resources.statefulSets,
      { namespace, name: names.statefulSet, type: 'merge', signal },
      { spec: { replicas: 0, persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Retain', whenScaled: 'Retain' } } },
    );
  } catch (error) {
    if (!ApiError.is(error, 'NotFound')) throw error;
  }
  const pods = labelSelectorOf(controlPlaneSelector(name));
  for (;;) {
    const [left] = await listed(client, resources.pods, { namespace, labelSelector: pods, signal });
    if (left === undefined) break;
    if (Date.now() > removal.deadline) {
      throw new Failure(
        `the control plane of virtual cluster ${namespace}/${name} has not stopped after ${removal.timeoutSeconds} s, so its claims cannot be kept yet: look at what holds Pod ${left.metadata?.name}, and run the command again`,
      );
    }
    await sleep(POLL_MS, undefined, { signal }).catch(() => undefined);
    signal.throwIfAborted();
  }
  const kept: string[] = [];
  for (const { metadata } of (await claimsOf(client, name, namespace, signal)) ?? []) {
    if (typeof keepClaims !== 'boolean' && !keepClaims.has(metadata?.uid ?? '')) continue;
    const claim = metadata?.name ?? '';
    await client.patch(
      resources.persistentVolumeClaims,
      { namespace, name: claim, type: 'merge', signal },
      { metadata: { ownerReferences: null } },
    );
    kept.push(claim);
  }
  return kept;
}

/** @returns the claims that stay: those that were freed, and those that nothing takes along */
async function untilGone(removal: RemovalUnderWay, freed: readonly string[]): Promise<string[]> {
  const { client, name, namespace, progress, signal, timeoutSeconds, deadline, keepClaims } = removal;
  for (;;) {
    const left: string[] = [];
    const kept = new Set(freed);
    for (const type of [...KINDS, ...GONE_BY_THEMSELVES]) {
      for (const label of [CONTROL_PLANE_LABEL, LABELS.virtualCluster]) {
        for (const { metadata } of await listed(client, type, {
          namespace,
          labelSelector: `${label}=${name}`,
          signal,
        })) {
          if (type === resources.persistentVolumeClaims && metadata?.deletionTimestamp === undefined) {
            const claim = metadata?.name ?? '';
            if (kept.has(claim)) continue;
            if (typeof keepClaims !== 'boolean') {
              await gone(client, type, { namespace, name: claim, uid: metadata?.uid }, signal);
            } else if ((metadata?.ownerReferences ?? []).length === 0) {
              // Made to be kept, by the cluster's settings or an earlier deletion.
              kept.add(claim);
              continue;
            }
          }
          left.push(`${type.kind} ${metadata?.name}`);
          // Made after the others were deleted: by a request that was on its way, or by a syncer that ran still.
          if (label === CONTROL_PLANE_LABEL && KINDS.includes(type) && metadata?.deletionTimestamp === undefined) {
            await gone(client, type, { namespace, name: metadata?.name ?? '', uid: metadata?.uid }, signal);
          }
        }
      }
      // The first ones that are left are enough to go on waiting.
      if (left.length > 0) break;
    }
    if (left.length === 0) return [...kept];
    progress.waiting(`waiting for ${left[0]} to be gone${left.length > 1 ? ` and ${left.length - 1} more` : ''}`);
    if (Date.now() > deadline) {
      throw new Failure(
        `of virtual cluster ${namespace}/${name} there is left after ${timeoutSeconds} s: ${left.slice(0, 10).join(', ')}: look at what holds it, and run nestling delete ${name} -n ${namespace} again`,
      );
    }
    await sleep(POLL_MS, undefined, { signal }).catch(() => undefined);
    signal.throwIfAborted();
  }
}

async function untilNamespaceGone(removal: RemovalUnderWay): Promise<void> {
  const { client, namespace, progress, signal, timeoutSeconds, deadline } = removal;
  progress.waiting(`waiting for namespace ${namespace} to be gone`);
  for (;;) {
    try {
      await client.get(resources.namespaces, { name: namespace, metadataOnly: true, signal });
    } catch (error) {
      if (ApiError.is(error, 'NotFound')) return;
      throw error;
    }
    if (Date.now() > deadline) {
      throw new Failure(
        `namespace ${namespace} is not gone after ${timeoutSeconds} s: see its conditions with kubectl get namespace ${namespace} -o yaml`,
      );
    }
    await sleep(POLL_MS, undefined, { signal }).catch(() => undefined);
    signal.throwIfAborted();
  }
}

/** The namespace, where the command line made it; undefined: it is somebody else's, gone, or out of reach. */
async function madeNamespace({ client, namespace, signal }: Removal): Promise<Namespace | undefined> {
  try {
    const found = await client.get<Namespace>(resources.namespaces, { name: namespace, signal });
    return found.metadata?.annotations?.[MADE_ANNOTATION] === 'true' ? found : undefined;
  } catch (error) {
    if (ApiError.is(error, 'NotFound', 'Forbidden')) return undefined;
    throw error;
  }
}

/** How long to wait for what goes by itself once what it was made for is gone, such as Endpoints of a Service. */
const PASSING_MS = 15_000;

/** Looks at all that the host lets a namespace hold. @returns what holds it; undefined: it is empty */
async function whyKept({
  client,
  namespace,
  signal,
  progress,
  deadline,
}: RemovalUnderWay): Promise<string | undefined> {
  const until = Math.min(deadline, Date.now() + PASSING_MS);
  for (;;) {
    let contents: Contents;
    try {
      contents = await contentsOf(client, namespace, signal);
    } catch (error) {
      signal.throwIfAborted();
      // A kind that cannot be looked at may have anything.
      return `it cannot be seen whether it is empty (${(error as Error).message})`;
    }
    const { lasting, passing } = contents;
    const all = [...lasting, ...passing];
    if (all.length === 0) return undefined;
    if (lasting.length > 0 || Date.now() > until) {
      return `it holds ${all.slice(0, 5).join(', ')}${all.length > 5 ? ' and more' : ''}`;
    }
    progress.waiting(`waiting for ${all[0]} to be gone`);
    await sleep(POLL_MS, undefined, { signal }).catch(() => undefined);
    signal.throwIfAborted();
  }
}
