import type { Service } from 'kubernetes-types/core/v1';
import { controlPlaneNames } from '../configuration';
import { ApiError, type KubeClient, resources } from '../kube-client';

/** How long host Service NAME may be late: objects of one manifest are applied in any order. */
const SERVICE_WAIT_SECONDS = 60;

/**
 * Host Service NAME, which must exist or come soon, with its ClusterIPs.
 *
 * @throws Error naming the Service when it does not come, or has no ClusterIP
 */
export async function apiServerService(place: {
  readonly client: KubeClient;
  readonly namespace: string;
  readonly clusterName: string;
  /** @default 60 */
  readonly waitSeconds?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}): Promise<Service> {
  const { client, namespace, clusterName, waitSeconds = SERVICE_WAIT_SECONDS, signal } = place;
  const name = controlPlaneNames(clusterName).apiServerService;
  let service: Service;
  try {
    service = await client.get<Service>(resources.services, { namespace, name, signal });
  } catch (error) {
    if (!ApiError.is(error, 'NotFound')) throw error;
    const timeout = AbortSignal.timeout(waitSeconds * 1000);
    service = await appearing(client, namespace, name, signal ? AbortSignal.any([signal, timeout]) : timeout).catch(
      (cause: unknown) => {
        signal?.throwIfAborted();
        if (!timeout.aborted) throw cause;
        throw new Error(
          `Service ${name} in namespace ${namespace} did not appear within ${waitSeconds} s; apply the virtual cluster's ` +
            `manifests in full`,
          { cause },
        );
      },
    );
  }
  const addresses = service.spec?.clusterIPs ?? [service.spec?.clusterIP ?? ''];
  if (addresses.some((address) => address === '' || address === 'None')) {
    throw new Error(
      `Service ${name} in namespace ${namespace} has no ClusterIP (type ${service.spec?.type ?? 'unknown'}, clusterIP ` +
        `"${service.spec?.clusterIP ?? ''}"); make it a ClusterIP, NodePort or LoadBalancer Service`,
    );
  }
  return service;
}

async function appearing(client: KubeClient, namespace: string, name: string, signal: AbortSignal): Promise<Service> {
  const fieldSelector = `metadata.name=${name}`;
  while (!signal.aborted) {
    const { metadata, items } = await client.list<Service>(resources.services, { namespace, fieldSelector, signal });
    const [there] = items;
    if (there !== undefined) return there;
    const { resourceVersion = '' } = metadata;
    const watch = client.watch<Service>(resources.services, { namespace, fieldSelector, resourceVersion, signal });
    for await (const { type, object } of watch) {
      if (type === 'ADDED' || type === 'MODIFIED') return object;
    }
  }
  throw signal.reason;
}
