import { setTimeout as sleep } from 'node:timers/promises';
import type { Namespace, PersistentVolumeClaim } from 'kubernetes-types/core/v1';
import type { ClusterRoleBinding, RoleBinding } from 'kubernetes-types/rbac/v1';
import type { StatefulSet } from 'kubernetes-types/apps/v1';
import { CONTROL_PLANE_LABEL, controlPlaneNames, controlPlaneSelector } from '../syncer/configuration';
import { ApiError, resources } from '../syncer/kube-client';
import type { AnyObject, KubeClient, ResourceType } from '../syncer/kube-client';
import { LABELS } from '../syncer/translation';
import { Failure } from './failure';
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
  /** Claims of the tenant and of the store stay, with their data. */
  readonly keepClaims: boolean;
  /** `made`: this run made the namespace. `if empty`: the command line made it once, and nothing else is in it. */
  readonly deleteNamespace: 'never' | 'made' | 'if empty';
  /** Whether there is anything in the namespace yet. @default true */
  readonly objects?: boolean;
  /** Whether to wait until all is gone. @default true */
  readonly wait?: boolean;
  readonly timeoutSeconds: number;
}

/** What was taken away. */
export interface Removed {
  /** `Kind/name` of what was deleted by name. */
  readonly deleted: readonly string[];
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
export async function removeCluster(removal: Removal): Promise<Removed> {
  const { client, name, namespace, progress, signal, wait = true, objects = true } = removal;
  const deleted: string[] = [];
  let keptClaims: string[] = [];
  const own = `${CONTROL_PLANE_LABEL}=${name}`;
  if (objects) {
    if (removal.keepClaims) keptClaims = await freeClaims(removal);
    progress.waiting(`deleting virtual cluster ${namespace}/${name}`);
    for (const type of KINDS) {
      for (const { metadata } of await listed(client, type, { namespace, labelSelector: own, signal })) {
        if (await gone(client, type, { namespace, name: metadata?.name ?? '', uid: metadata?.uid }, signal)) {
          deleted.push(`${type.kind}/${metadata?.name}`);
        }
      }
    }
    deleted.push(...(await removeElsewhere(removal)));
  }
  let namespaceDeleted = false;
  let namespaceKept: string | undefined;
  if (objects && (wait || removal.deleteNamespace !== 'never')) await untilGone(removal, new Set(keptClaims));
  if (removal.deleteNamespace !== 'never') {
    namespaceKept = await whyKept(removal);
    if (namespaceKept === undefined) {
      namespaceDeleted = await gone(client, resources.namespaces, { name: namespace }, signal);
      if (wait) await untilNamespaceGone(removal);
    } else if (namespaceKept === '') namespaceKept = undefined;
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
      await take(bindingType, { ...binding });
      await take(roleType, role);
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

/**
 * Takes from the claims of tenant and store those owners that would take them along. The control plane goes first: its syncer would put
 * them back.
 */
async function freeClaims({ client, name, namespace, progress, signal }: Removal): Promise<string[]> {
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
  const pods = selectorText(controlPlaneSelector(name));
  while ((await listed(client, resources.pods, { namespace, labelSelector: pods, signal })).length > 0) {
    await sleep(POLL_MS, undefined, { signal }).catch(() => undefined);
    signal.throwIfAborted();
  }
  const kept: string[] = [];
  for (const labelSelector of [`${LABELS.virtualCluster}=${name}`, pods]) {
    const claims = await whole<AnyObject>(client, resources.persistentVolumeClaims, {
      namespace,
      labelSelector,
      signal,
    });
    for (const { metadata } of claims as PersistentVolumeClaim[]) {
      const claim = metadata?.name ?? '';
      await client.patch(
        resources.persistentVolumeClaims,
        { namespace, name: claim, type: 'merge', signal },
        { metadata: { ownerReferences: null } },
      );
      kept.push(claim);
    }
  }
  return kept;
}

function selectorText(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .join(',');
}

async function untilGone(removal: Removal, keptClaims: ReadonlySet<string>): Promise<void> {
  const { client, name, namespace, progress, signal, timeoutSeconds } = removal;
  const deadline = Date.now() + timeoutSeconds * 1000;
  for (;;) {
    const left: string[] = [];
    for (const type of [...KINDS, ...GONE_BY_THEMSELVES]) {
      for (const label of [CONTROL_PLANE_LABEL, LABELS.virtualCluster]) {
        for (const { metadata } of await listed(client, type, {
          namespace,
          labelSelector: `${label}=${name}`,
          signal,
        })) {
          if (type === resources.persistentVolumeClaims && keptClaims.has(metadata?.name ?? '')) continue;
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
    if (left.length === 0) return;
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

async function untilNamespaceGone({ client, namespace, progress, signal, timeoutSeconds }: Removal): Promise<void> {
  const deadline = Date.now() + timeoutSeconds * 1000;
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

/** What every namespace has. */
const ALWAYS: ReadonlySet<string> = new Set(['ConfigMap/kube-root-ca.crt', 'ServiceAccount/default']);

/** @returns undefined: it is to go; an empty text: it is somebody else's, or gone; else what holds it */
async function whyKept({ client, namespace, deleteNamespace, signal }: Removal): Promise<string | undefined> {
  if (deleteNamespace === 'made') return undefined;
  let found: Namespace;
  try {
    found = await client.get<Namespace>(resources.namespaces, { name: namespace, signal });
  } catch (error) {
    if (ApiError.is(error, 'NotFound', 'Forbidden')) return '';
    throw error;
  }
  if (found.metadata?.annotations?.[MADE_ANNOTATION] !== 'true') return '';
  const others: string[] = [];
  for (const type of [
    ...KINDS,
    resources.pods,
    resources.persistentVolumeClaims,
    resources.deployments,
    resources.daemonSets,
  ]) {
    for (const { metadata } of await listed(client, type, { namespace, signal })) {
      const other = `${type.kind}/${metadata?.name}`;
      if (!ALWAYS.has(other)) others.push(other);
    }
  }
  return others.length === 0
    ? undefined
    : `it holds ${others.slice(0, 5).join(', ')}${others.length > 5 ? ' and more' : ''}`;
}
