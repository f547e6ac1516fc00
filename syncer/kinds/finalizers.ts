import { ApiError } from '../kube-client';
import type { KubeClient, KubeObject, ResourceType } from '../kube-client';
import { exactly } from './exactly';
import { isOtherObject } from './refusals';

/** Whether an object was deleted, and nothing but one finalizer holds it. */
export function isHeldBy({ metadata }: KubeObject, finalizer: string): boolean {
  const { deletionTimestamp, finalizers = [] } = metadata ?? {};
  return deletionTimestamp !== undefined && finalizers.every((one) => one === finalizer);
}

/** Gives an object of a built-in kind a finalizer; those of others stay. @returns the object then; undefined when it is gone or another one */
export function addFinalizer<T extends KubeObject>(
  client: KubeClient,
  type: ResourceType,
  object: T,
  finalizer: string,
): Promise<T | undefined> {
  return patch(client, type, object, { finalizers: [finalizer] });
}

/** Takes a finalizer of an object of a built-in kind away, which may let it go; those of others stay. */
export async function removeFinalizer(
  client: KubeClient,
  type: ResourceType,
  object: KubeObject,
  finalizer: string,
): Promise<void> {
  await patch(client, type, object, { '$deleteFromPrimitiveList/finalizers': [finalizer] });
}

async function patch<T extends KubeObject>(
  client: KubeClient,
  type: ResourceType,
  object: T,
  metadata: object,
): Promise<T | undefined> {
  const { name = '', namespace } = object.metadata ?? {};
  try {
    // Strategic: a merge patch would have to say the whole list, which others change meanwhile.
    const options = { name, ...(namespace === undefined ? {} : { namespace }), type: 'strategic' } as const;
    return await client.patch<T>(type, options, exactly(object, { metadata }));
  } catch (error) {
    if (ApiError.is(error, 'NotFound') || isOtherObject(error)) return undefined; // the watch tells soon
    throw error;
  }
}
