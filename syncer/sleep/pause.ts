import type { StatefulSet } from 'kubernetes-types/apps/v1';
import type { Pod } from 'kubernetes-types/core/v1';
import { controlPlaneNames, controlPlaneSelector } from '../configuration';
import { ApiError, resources } from '../kube-client';
import type { KubeClient } from '../kube-client';
import { LABELS, ownedBy } from '../translation';
import type { ClusterIdentity } from '../translation';
import { PAUSED_AT_ANNOTATION, REPLICAS_ANNOTATION } from './annotations';
import { untilNone } from './until-none';

/** How a pause or a resume tells what it does. */
export interface SleepOptions {
  /** Told each step. @default nobody */
  readonly log?: (text: string) => void;
  /** Ends the work early; what was done stays, and the same call again goes on. */
  readonly signal?: AbortSignal;
}

/**
 * Puts a virtual cluster to sleep: its control plane is scaled to none, then the tenant's pods are taken from the host. The store,
 * claims, Services and everything else stay. Safe to repeat: an interrupted pause goes on.
 *
 * The order matters. A syncer that still ran would take the removal of its pods for their end, so it goes first; the time of the pause
 * is written down before the first pod goes, so that no syncer to come takes them for lost.
 *
 * @throws ApiError `NotFound` when there is no such virtual cluster
 */
export async function pause(host: KubeClient, identity: ClusterIdentity, options: SleepOptions = {}): Promise<void> {
  const { name, hostNamespace: namespace } = identity;
  const { log = () => undefined, signal = new AbortController().signal } = options;
  const names = controlPlaneNames(name);
  const set = await host.get<StatefulSet>(resources.statefulSets, { namespace, name: names.statefulSet, signal });
  const replicas = set.spec?.replicas ?? 1;
  if (replicas > 0) {
    log(`scaling the control plane from ${replicas} to 0`);
    await host.patch(
      resources.statefulSets,
      { namespace, name: names.statefulSet, type: 'merge', signal },
      { metadata: { annotations: { [REPLICAS_ANNOTATION]: String(replicas) } }, spec: { replicas: 0 } },
    );
  }
  await untilNone(host, { namespace, labelSelector: selector(controlPlaneSelector(name)), signal });
  await host.patch(
    resources.configMaps,
    { namespace, name: names.anchor, type: 'merge', signal },
    { metadata: { annotations: { [PAUSED_AT_ANNOTATION]: new Date().toISOString() } } },
  );
  const tenants = { namespace, labelSelector: selector({ [LABELS.virtualCluster]: name }), signal };
  let removed = 0;
  for await (const { items } of host.listAll<Pod>(resources.pods, { ...tenants, metadataOnly: true })) {
    for (const pod of items) {
      if (!ownedBy(pod, identity)) continue;
      await deleted(host, pod, signal);
      removed += 1;
    }
  }
  log(`removing ${removed} pods of the tenant from the host`);
  await untilNone(host, tenants, (pod) => ownedBy(pod, identity) !== undefined);
}

async function deleted(host: KubeClient, { metadata = {} }: Pod, signal: AbortSignal): Promise<void> {
  const { name = '', namespace = '', uid } = metadata;
  try {
    await host.delete(resources.pods, { name, namespace, uid, signal });
  } catch (error) {
    if (!ApiError.is(error, 'NotFound') && !ApiError.is(error, 'Conflict')) throw error; // else gone, or another one
  }
}

function selector(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .join(',');
}
