import { setTimeout as sleep } from 'node:timers/promises';
import { ApiError, resources, type AnyObject, type KubeClient, type ResourceType } from '../../syncer/kube-client';

const SKIP = 'pulumi.com/skipAwait';
/** How long an object may take, as for the provider. */
const TIMEOUT_MS = 10 * 60_000;

interface Progress {
  readonly observedGeneration?: number;
  readonly replicas?: number;
  readonly readyReplicas?: number;
  readonly updatedReplicas?: number;
  readonly availableReplicas?: number;
  readonly currentRevision?: string;
  readonly updateRevision?: string;
  readonly conditions?: readonly { readonly type: string; readonly status: string }[];
}

/**
 * Waits as the kubernetes provider does until an object does its work: pods of workloads are ready, Services lead somewhere.
 *
 * @returns the object as it is then
 * @throws Error with its last state where it does not
 */
export async function untilReady(client: KubeClient, type: ResourceType, applied: AnyObject): Promise<AnyObject> {
  const { name = '', namespace, annotations } = applied.metadata ?? {};
  if (annotations?.[SKIP] === 'true') return applied;
  const deadline = Date.now() + TIMEOUT_MS;
  for (let object = applied; ; object = await client.get(type, { name, namespace })) {
    if (await isReady(client, object)) return object;
    if (Date.now() > deadline) {
      throw new Error(`${type.kind} ${name} is not ready: ${JSON.stringify(object['status'] ?? {}).slice(0, 500)}`);
    }
    await sleep(250);
  }
}

async function isReady(client: KubeClient, object: AnyObject): Promise<boolean> {
  const status = (object['status'] ?? {}) as Progress;
  const wanted = ((object['spec'] ?? {}) as { replicas?: number }).replicas ?? 1;
  const seen = (status.observedGeneration ?? 0) >= (object.metadata?.generation ?? 0);
  const is = (type: string): boolean =>
    status.conditions?.some((one) => one.type === type && one.status === 'True') ?? false;
  switch (object.kind ?? '') {
    case 'StatefulSet':
      return (
        seen &&
        (status.readyReplicas ?? 0) === wanted &&
        (status.updatedReplicas ?? status.replicas ?? 0) === wanted &&
        (wanted === 0 || status.currentRevision === status.updateRevision)
      );
    case 'Deployment':
      return (
        seen &&
        (status.replicas ?? 0) === wanted &&
        (status.updatedReplicas ?? 0) === wanted &&
        (status.availableReplicas ?? 0) === wanted
      );
    case 'Pod':
      return is('Ready');
    case 'Job':
      return is('Complete');
    case 'Service':
      return leadsSomewhere(client, object);
    default:
      return true;
  }
}

async function leadsSomewhere(client: KubeClient, service: AnyObject): Promise<boolean> {
  const { type, clusterIP, selector } = service['spec'] as { type?: string; clusterIP?: string; selector?: object };
  if (type === 'ExternalName' || clusterIP === 'None' || Object.keys(selector ?? {}).length === 0) return true;
  const { items } = await client.list<AnyObject>(resources.endpointSlices, {
    namespace: service.metadata?.namespace,
    labelSelector: `kubernetes.io/service-name=${service.metadata?.name}`,
  });
  return items.some((slice) => {
    const endpoints = (slice['endpoints'] ?? []) as { conditions?: { ready?: boolean } }[];
    return endpoints.some(({ conditions }) => conditions?.ready !== false);
  });
}

/** Waits until an object is gone, or another one has its name. */
export async function untilGone(
  client: KubeClient,
  type: ResourceType,
  name: string,
  namespace?: string,
  uid?: string,
): Promise<void> {
  const deadline = Date.now() + TIMEOUT_MS;
  for (;;) {
    try {
      const found = await client.get(type, { name, namespace, metadataOnly: true });
      if (uid !== undefined && found.metadata?.uid !== uid) return;
    } catch (error) {
      if (ApiError.is(error, 'NotFound')) return;
      throw error;
    }
    if (Date.now() > deadline)
      throw new Error(`${type.kind} ${name} was not gone after ${TIMEOUT_MS / 60_000} minutes`);
    await sleep(250);
  }
}
