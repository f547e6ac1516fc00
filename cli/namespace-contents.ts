import type { AnyObject, KubeClient, ResourceType } from '../syncer/kube-client';

/** What every namespace has. */
const ALWAYS: ReadonlySet<string> = new Set(['ConfigMap/kube-root-ca.crt', 'ServiceAccount/default']);
/** Groups and resources that only tell of other objects: nothing is lost with them. */
const TELLS_OF_OTHERS: ReadonlySet<string> = new Set(['/events', 'events.k8s.io/events', 'metrics.k8s.io/pods']);
/** Written for Services, without an owner, and deleted some time after them. */
const ENDPOINTS = '/endpoints';
/** How many kinds are listed at once. */
const AT_ONCE = 16;

/** What a namespace holds, as `Kind/name`, without what every namespace has. */
export interface Contents {
  readonly lasting: readonly string[];
  /** What is being deleted, or goes with an owner once that is gone. */
  readonly passing: readonly string[];
}

/**
 * Looks at all objects of a namespace, of all kinds that its cluster serves.
 *
 * @throws ApiError when a kind cannot be looked at: the namespace may then hold anything
 */
export async function contentsOf(client: KubeClient, namespace: string, signal: AbortSignal): Promise<Contents> {
  const lasting: string[] = [];
  const passing: string[] = [];
  const types = await listableTypes(client, signal);
  for (let first = 0; first < types.length; first += AT_ONCE) {
    const some = types.slice(first, first + AT_ONCE);
    const lists = await Promise.all(some.map((type) => objectsOf(client, type, namespace, signal)));
    for (const [index, type] of some.entries()) {
      for (const { metadata } of lists[index] ?? []) {
        const object = `${type.kind}/${metadata?.name}`;
        if (type.group === '' && ALWAYS.has(object)) continue;
        const goes =
          metadata?.deletionTimestamp !== undefined ||
          (metadata?.ownerReferences ?? []).length > 0 ||
          keyOf(type) === ENDPOINTS;
        (goes ? passing : lasting).push(object);
      }
    }
  }
  return { lasting, passing };
}

async function objectsOf(
  client: KubeClient,
  type: ResourceType,
  namespace: string,
  signal: AbortSignal,
): Promise<AnyObject[]> {
  const found: AnyObject[] = [];
  const options = { namespace, metadataOnly: true, signal };
  for await (const { items } of client.listAll(type, options)) found.push(...items);
  return found;
}

const keyOf = ({ group, resource }: Pick<ResourceType, 'group' | 'resource'>): string => `${group}/${resource}`;

/** Kinds with a namespace that can be listed, each in one of its versions. */
async function listableTypes(client: KubeClient, signal: AbortSignal): Promise<ResourceType[]> {
  const read = async <T>(path: string): Promise<T> => JSON.parse(await client.getText(path, { signal })) as T;
  const { groups } = await read<{ groups: { name: string; versions: { version: string }[] }[] }>('/apis');
  const versions = [
    { group: '', version: 'v1', path: '/api/v1' },
    ...groups.flatMap(({ name, versions: served }) =>
      served.map(({ version }) => ({ group: name, version, path: `/apis/${name}/${version}` })),
    ),
  ];
  const types = new Map<string, ResourceType>();
  for (let first = 0; first < versions.length; first += AT_ONCE) {
    const some = versions.slice(first, first + AT_ONCE);
    const served = await Promise.all(
      some.map(({ path }) =>
        read<{ resources: { name: string; kind: string; namespaced: boolean; verbs: string[] }[] }>(path),
      ),
    );
    for (const [index, { group, version }] of some.entries()) {
      for (const { name: resource, kind, namespaced, verbs } of served[index]?.resources ?? []) {
        const key = keyOf({ group, resource });
        if (!namespaced || resource.includes('/') || !verbs.includes('list')) continue;
        if (types.has(key) || TELLS_OF_OTHERS.has(key)) continue;
        types.set(key, { group, version, resource, kind, namespaced });
      }
    }
  }
  return [...types.values()];
}
