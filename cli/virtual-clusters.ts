import type { StatefulSet } from 'kubernetes-types/apps/v1';
import { CONTROL_PLANE_LABEL, controlPlaneNames } from '../syncer/configuration';
import { ApiError, resources } from '../syncer/kube-client';
import { Failure } from './failure';
import type { HostCluster } from './host';

/** How a virtual cluster is. */
export type ClusterStatus = 'Running' | 'Starting' | 'Paused' | 'Deleting';

/** A virtual cluster, as its host shows it. */
export interface FoundCluster {
  readonly name: string;
  readonly namespace: string;
  readonly status: ClusterStatus;
  /** Version of Kubernetes, such as `1.37.2`; empty where its images do not say. */
  readonly version: string;
  /** RFC 3339. */
  readonly created: string;
  readonly statefulSet: StatefulSet;
}

/** There is no virtual cluster of a name. */
export class NotFound extends Failure {
  /** @param namespace where it was looked for; undefined: everywhere */
  constructor(name: string, namespace: string | undefined, others: readonly string[] = []) {
    const place = namespace === undefined ? '' : ` in namespace ${namespace}`;
    const known = others.length === 0 ? 'there is none' : `there are: ${others.slice(0, 20).join(', ')}`;
    super(`virtual cluster ${name} is not there${place} (${known}): check the name, --namespace and --context`);
  }
}

/** The context of a kubeconfig that leads to a virtual cluster. @param parent the context of its host */
export function contextName(name: string, namespace: string, parent: string): string {
  return `nestling_${name}_${namespace}_${parent}`;
}

/**
 * Virtual clusters of the host: of the namespace of the flag; without one of all namespaces where the user may look at them, else of the
 * namespace of the context.
 *
 * @throws ApiError where the user may look at none
 */
export async function findClusters(host: HostCluster, signal?: AbortSignal): Promise<FoundCluster[]> {
  const { givenNamespace } = host;
  if (givenNamespace !== undefined) return clustersIn(host, givenNamespace, signal);
  try {
    return await clustersIn(host, undefined, signal);
  } catch (error) {
    if (!ApiError.is(error, 'Forbidden')) throw error;
    return clustersIn(host, host.namespace, signal);
  }
}

/**
 * The virtual cluster of a name.
 *
 * @throws NotFound with the names that there are, Failure with the namespaces where several have that name
 */
export async function findCluster(host: HostCluster, name: string, signal?: AbortSignal): Promise<FoundCluster> {
  const all = await findClusters(host, signal);
  const named = all.filter((cluster) => cluster.name === name);
  // Of several, that of the namespace that kubectl would mean.
  const found = named.length > 1 ? named.find(({ namespace }) => namespace === host.namespace) : named[0];
  if (found !== undefined) return found;
  if (named.length > 1) {
    const namespaces = named.map(({ namespace }) => namespace).join(', ');
    throw new Failure(`virtual cluster ${name} is in several namespaces: choose one with --namespace: ${namespaces}`);
  }
  const others = all.map((cluster) => `${cluster.namespace}/${cluster.name}`);
  throw new NotFound(name, host.givenNamespace, others);
}

/**
 * The namespace where an interrupted deletion has left something of a virtual cluster: its anchor goes last.
 *
 * @returns undefined where there is none
 * @throws Failure with the namespaces where several have that name
 */
export async function findLeftOver(host: HostCluster, name: string, signal?: AbortSignal): Promise<string | undefined> {
  const { client, givenNamespace } = host;
  const anchorsIn = async (namespace: string | undefined): Promise<string[]> => {
    const found: string[] = [];
    const labelSelector = `${CONTROL_PLANE_LABEL}=${name}`;
    const options = { namespace, labelSelector, metadataOnly: true, signal };
    for await (const { items } of client.listAll(resources.configMaps, options)) {
      for (const { metadata } of items) {
        if (metadata?.name === controlPlaneNames(name).anchor) found.push(metadata.namespace ?? '');
      }
    }
    return found;
  };
  let namespaces: string[];
  try {
    namespaces = await anchorsIn(givenNamespace);
  } catch (error) {
    if (givenNamespace !== undefined || !ApiError.is(error, 'Forbidden')) throw error;
    namespaces = await anchorsIn(host.namespace);
  }
  if (namespaces.length <= 1 || namespaces.includes(host.namespace)) {
    return namespaces.length <= 1 ? namespaces[0] : host.namespace;
  }
  throw new Failure(
    `of virtual cluster ${name} there is something left in several namespaces: choose one with --namespace: ${namespaces.sort().join(', ')}`,
  );
}

async function clustersIn(
  { client }: HostCluster,
  namespace: string | undefined,
  signal: AbortSignal | undefined,
): Promise<FoundCluster[]> {
  const found: FoundCluster[] = [];
  const selector = `${CONTROL_PLANE_LABEL},app.kubernetes.io/component=control-plane`;
  for await (const { items } of client.listAll<StatefulSet>(resources.statefulSets, {
    namespace,
    labelSelector: selector,
    signal,
  })) {
    for (const set of items) {
      const name = set.metadata?.name ?? '';
      // Its own label says so: another set of a control plane would have another name.
      if (set.metadata?.labels?.[CONTROL_PLANE_LABEL] !== name) continue;
      found.push({
        name,
        namespace: set.metadata.namespace ?? '',
        status: statusOf(set),
        version: versionOf(set),
        created: set.metadata.creationTimestamp ?? '',
        statefulSet: set,
      });
    }
  }
  return found.sort((one, other) => compare(one.namespace, other.namespace) || compare(one.name, other.name));
}

function compare(one: string, other: string): number {
  return one < other ? -1 : Number(one > other);
}

function statusOf({ metadata, spec, status }: StatefulSet): ClusterStatus {
  if (metadata?.deletionTimestamp !== undefined) return 'Deleting';
  if ((spec?.replicas ?? 1) === 0) return 'Paused';
  return (status?.readyReplicas ?? 0) > 0 ? 'Running' : 'Starting';
}

/** By the tag of the API server's image, which also mirrors keep. */
function versionOf({ spec }: StatefulSet): string {
  const image = spec?.template.spec?.containers.find(({ name }) => name === 'kube-apiserver')?.image ?? '';
  return /:v(\d+\.\d+\.\d+)(?:@|$)/.exec(image)?.[1] ?? '';
}
