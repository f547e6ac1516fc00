import { ApiError, apiVersionOf, resources } from '../syncer/kube-client';
import type { AnyObject, KubeClient, ResourceType } from '../syncer/kube-client';
import { CONTROL_PLANE_LABEL } from '../syncer/configuration';
import { Failure } from './failure';

/** Owner of the fields that the command line applies. */
export const FIELD_MANAGER = 'nestling-cli';

/** Order of application: who waits for it comes later. */
const WAVES: ReadonlyMap<string, number> = new Map([
  ['Namespace', 0],
  // Addresses are given out while the rest is applied.
  ['Service', 1],
  ['CronJob', 3],
  // The last: where it is, all is.
  ['StatefulSet', 4],
]);
const OTHER_KINDS = 2;

/** An object, and where the API server has its kind. */
export interface TypedObject {
  readonly object: AnyObject;
  readonly type: ResourceType;
}

/** What an object is called in messages. */
export function objectName({ kind, metadata }: AnyObject): string {
  return `${kind} ${metadata?.namespace === undefined ? '' : `${metadata.namespace}/`}${metadata?.name}`;
}

/**
 * Finds where the API server has the kinds of objects.
 *
 * @throws Failure for a kind that it does not have
 */
export async function typed(
  client: KubeClient,
  objects: readonly AnyObject[],
  signal?: AbortSignal,
): Promise<TypedObject[]> {
  const known = new Map<string, ResourceType>(
    Object.values(resources).map((type) => [`${apiVersionOf(type)} ${type.kind}`, type]),
  );
  const result: TypedObject[] = [];
  for (const object of objects) {
    const { apiVersion = '', kind = '' } = object;
    const key = `${apiVersion} ${kind}`;
    const type = known.get(key) ?? (await discover(client, apiVersion, kind, signal));
    if (type === undefined) {
      throw new Failure(
        `${objectName(object)}: the host cluster does not serve ${kind} of ${apiVersion}: install what does, or leave that feature out`,
      );
    }
    known.set(key, type);
    result.push({ object, type });
  }
  return result;
}

async function discover(
  client: KubeClient,
  apiVersion: string,
  kind: string,
  signal: AbortSignal | undefined,
): Promise<ResourceType | undefined> {
  const [group = '', version = ''] = apiVersion.includes('/') ? apiVersion.split('/') : ['', apiVersion];
  try {
    const text = await client.getText(group === '' ? `/api/${version}` : `/apis/${group}/${version}`, { signal });
    const { resources: served } = JSON.parse(text) as {
      resources: readonly { name: string; kind: string; namespaced: boolean }[];
    };
    const found = served.find((one) => one.kind === kind && !one.name.includes('/'));
    return found && { group, version, resource: found.name, kind, namespaced: found.namespaced };
  } catch (error) {
    if (ApiError.is(error, 'NotFound')) return undefined;
    throw error;
  }
}

/**
 * Checks that no object of somebody else stands where one of a virtual cluster's is to stand.
 *
 * @returns how many of them are there already as the cluster's own
 * @throws Failure naming the object
 */
export async function refuseForeign(
  client: KubeClient,
  objects: readonly TypedObject[],
  cluster: string,
  signal?: AbortSignal,
): Promise<number> {
  const there = await Promise.all(
    objects.map(async ({ object, type }) => {
      // What several clusters share says so by not having it.
      if (object.metadata?.labels?.[CONTROL_PLANE_LABEL] !== cluster) return false;
      const { name = '', namespace } = object.metadata;
      let found: AnyObject;
      try {
        found = await client.get(type, {
          name,
          namespace: type.namespaced ? namespace : undefined,
          metadataOnly: true,
          signal,
        });
      } catch (error) {
        if (ApiError.is(error, 'NotFound')) return false;
        throw error;
      }
      if (found.metadata?.labels?.[CONTROL_PLANE_LABEL] === cluster) return true;
      throw new Failure(
        `${objectName(object)} is there already and is not of virtual cluster ${cluster}: delete it, or choose another name or --namespace`,
      );
    }),
  );
  return there.filter(Boolean).length;
}

/**
 * Brings objects to a cluster by server-side apply, in an order that lets who waits for something come after it. What is there and
 * equal is not changed.
 *
 * @throws ApiError when the API server refuses one
 */
export async function apply(client: KubeClient, objects: readonly TypedObject[], signal?: AbortSignal): Promise<void> {
  const wave = ({ object }: TypedObject): number => WAVES.get(object.kind ?? '') ?? OTHER_KINDS;
  for (const number of [...new Set(objects.map(wave))].sort()) {
    await Promise.all(
      objects
        .filter((one) => wave(one) === number)
        .map(({ object, type }) =>
          client.patch(
            type,
            {
              name: object.metadata?.name ?? '',
              namespace: type.namespaced ? object.metadata?.namespace : undefined,
              type: 'apply',
              fieldManager: FIELD_MANAGER,
              force: true,
              signal,
            },
            object,
          ),
        ),
    );
  }
}
