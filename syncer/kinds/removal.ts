import { ApiError } from '../kube-client';
import type { KubeClient, KubeObject, ResourceType } from '../kube-client';

/**
 * Deletes exactly the object that was seen, by UID precondition: one that has taken its name since then stays.
 * Gone already is fine.
 */
export async function remove(
  client: KubeClient,
  type: ResourceType,
  seen: KubeObject,
  options: { gracePeriodSeconds?: number; resourceVersion?: string } = {},
): Promise<void> {
  const { name, namespace, uid } = seen.metadata ?? {};
  if (name === undefined || uid === undefined) return;
  try {
    await client.delete(type, { name, uid, ...(namespace === undefined ? {} : { namespace }), ...options });
  } catch (error) {
    if (!ApiError.is(error, 'NotFound') && !ApiError.is(error, 'Conflict')) throw error;
  }
}
