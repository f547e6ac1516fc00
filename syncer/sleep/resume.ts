import type { StatefulSet } from 'kubernetes-types/apps/v1';
import { controlPlaneNames } from '../configuration';
import { resources } from '../kube-client';
import type { KubeClient } from '../kube-client';
import type { ClusterIdentity } from '../translation';
import { REPLICAS_ANNOTATION } from './annotations';
import type { SleepOptions } from './pause';

/**
 * Wakes a virtual cluster: its control plane gets its replicas back, and its syncer brings the tenant's pods to the host again.
 * One that is awake is left alone.
 *
 * @throws ApiError `NotFound` when there is no such virtual cluster
 */
export async function resume(host: KubeClient, identity: ClusterIdentity, options: SleepOptions = {}): Promise<void> {
  const { hostNamespace: namespace } = identity;
  const { log = () => undefined, signal } = options;
  const { statefulSet: name } = controlPlaneNames(identity.name);
  const set = await host.get<StatefulSet>(resources.statefulSets, { namespace, name, signal });
  if ((set.spec?.replicas ?? 1) > 0) return log('the control plane is awake');
  const replicas = replicasBefore(set);
  log(`scaling the control plane from 0 to ${replicas}`);
  await host.patch(
    resources.statefulSets,
    { namespace, name, type: 'merge', signal },
    { metadata: { annotations: { [REPLICAS_ANNOTATION]: null } }, spec: { replicas } },
  );
}

/** One that somebody scaled to none by hand has one. */
function replicasBefore({ metadata }: StatefulSet): number {
  const replicas = Number(metadata?.annotations?.[REPLICAS_ANNOTATION] ?? 1);
  return Number.isInteger(replicas) && replicas > 0 ? replicas : 1;
}
