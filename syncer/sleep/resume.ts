import type { Scale } from 'kubernetes-types/autoscaling/v1';
import type { ConfigMap } from 'kubernetes-types/core/v1';
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
  const names = controlPlaneNames(identity.name);
  const set = { namespace, name: names.statefulSet, subresource: 'scale', signal };
  const { spec } = await host.get<Scale>(resources.statefulSets, set);
  if ((spec?.replicas ?? 0) > 0) return log('the control plane is awake');
  const anchor = await host.get<ConfigMap>(resources.configMaps, { namespace, name: names.anchor, signal });
  const replicas = replicasBefore(anchor);
  log(`scaling the control plane from 0 to ${replicas}`);
  await host.patch(resources.statefulSets, { ...set, type: 'merge' }, { spec: { replicas } });
}

/** One that somebody scaled to none by hand has one. */
function replicasBefore({ metadata }: ConfigMap): number {
  const replicas = Number(metadata?.annotations?.[REPLICAS_ANNOTATION] ?? 1);
  return Number.isInteger(replicas) && replicas > 0 ? replicas : 1;
}
