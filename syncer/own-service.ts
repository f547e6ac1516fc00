import type { Service } from 'kubernetes-types/core/v1';
import { ApiError, resources } from './kube-client';
import type { KubeClient } from './kube-client';

/** The API server's Service in its own cluster. */
const OWN = { namespace: 'default', name: 'kubernetes' };

/**
 * Gives `default/kubernetes` the address of the host Service in front of the API server. An API server whose Service webhook is an object
 * has made its own Service before there was any webhook, with the first address of the range, which is that of the host's own API
 * server. An address is fixed once it is set: the Service is made anew.
 *
 * @returns whether it was not right
 */
export async function correctOwnService(virtual: KubeClient, clusterIP: string, signal: AbortSignal): Promise<boolean> {
  let service: Service;
  try {
    service = await virtual.get<Service>(resources.services, { ...OWN, signal });
  } catch (error) {
    // The API server is about to make it, and asks the webhook.
    if (ApiError.is(error, 'NotFound')) return false;
    throw error;
  }
  if (service.spec?.clusterIP === clusterIP) return false;
  try {
    await virtual.delete(resources.services, { ...OWN, uid: service.metadata?.uid, signal });
    // The API server would make it again by itself, but only after some seconds.
    const metadata = { ...OWN, labels: service.metadata?.labels ?? {} };
    const spec = { ports: service.spec?.ports ?? [], clusterIP };
    await virtual.create<Service>(
      resources.services,
      { apiVersion: 'v1', kind: 'Service', metadata, spec },
      { signal },
    );
  } catch (error) {
    // Whoever was quicker had the webhook's answer.
    if (!ApiError.is(error, 'NotFound', 'Conflict', 'AlreadyExists')) throw error;
  }
  return true;
}
