import type { Scale } from 'kubernetes-types/autoscaling/v1';
import type { ConfigMap, Pod } from 'kubernetes-types/core/v1';
import { controlPlaneNames, controlPlaneSelector } from '../configuration';
import { ApiError, labelSelectorOf, resources } from '../kube-client';
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

/** A cluster that somebody woke while it was being put to sleep. */
export class WokenError extends Error {
  override readonly name = 'WokenError';
}

/**
 * Puts a virtual cluster to sleep: its control plane is scaled to none, then the tenant's pods are taken from the host. The store,
 * claims, Services and everything else stay. Safe to repeat: an interrupted pause goes on.
 *
 * The order matters. A syncer that still ran would take the removal of its pods for their end, so it goes first; the time of the pause
 * is written down before the first pod goes, so that no syncer to come takes them for lost.
 *
 * @throws ApiError `NotFound` when there is no such virtual cluster
 * @throws WokenError when its control plane was scaled up again meanwhile; the tenant's pods that are left stay
 */
export async function pause(host: KubeClient, identity: ClusterIdentity, options: SleepOptions = {}): Promise<void> {
  const { name, hostNamespace: namespace } = identity;
  const { log = () => undefined, signal = new AbortController().signal } = options;
  const names = controlPlaneNames(name);
  const set = { namespace, name: names.statefulSet, subresource: 'scale', signal };
  const annotate = (annotations: Readonly<Record<string, string>>): Promise<unknown> =>
    host.patch(
      resources.configMaps,
      { namespace, name: names.anchor, type: 'merge', signal },
      { metadata: { annotations } },
    );
  const replicas = (await host.get<Scale>(resources.statefulSets, set)).spec?.replicas ?? 0;
  if (replicas > 0) {
    log(`scaling the control plane from ${replicas} to 0`);
    await annotate({ [REPLICAS_ANNOTATION]: String(replicas) });
    await host.patch(resources.statefulSets, { ...set, type: 'merge' }, { spec: { replicas: 0 } });
  }
  const stillAsleep = async (): Promise<void> => {
    const now = await host.get<Scale>(resources.statefulSets, set);
    if ((now.spec?.replicas ?? 0) === 0) return;
    throw new WokenError(
      `virtual cluster ${name} was woken while it was put to sleep: pause it again if it is to sleep`,
    );
  };
  await untilNone(host, { namespace, labelSelector: labelSelectorOf(controlPlaneSelector(name)), signal });
  await stillAsleep();
  const tenants = { namespace, labelSelector: labelSelectorOf({ [LABELS.virtualCluster]: name }), signal };
  const victims: Victim[] = [];
  let latest = Date.now();
  for await (const { items } of host.listAll<Pod>(resources.pods, tenants)) {
    for (const pod of items) {
      if (!ownedBy(pod, identity)) continue;
      victims.push({ name: pod.metadata?.name ?? '', uid: pod.metadata?.uid });
      // By their nodes' clocks and the host's, which may be ahead of this one.
      for (const time of [pod.metadata?.creationTimestamp, pod.status?.startTime]) {
        latest = Math.max(latest, Date.parse(time ?? '') || 0);
      }
    }
  }
  await annotate({ [PAUSED_AT_ANNOTATION]: new Date(latest).toISOString() });
  log(`removing ${victims.length} pods of the tenant from the host`);
  for (const victim of victims) await remove(host, namespace, victim, signal);
  await stillAsleep();
  await untilNone(host, tenants, (pod) => ownedBy(pod, identity) !== undefined);
}

/** When the virtual cluster with this anchor was put to sleep last, in ms since the epoch; undefined: never. */
export function pausedAt(anchor: ConfigMap): number | undefined {
  const time = Date.parse(anchor.metadata?.annotations?.[PAUSED_AT_ANNOTATION] ?? '');
  return Number.isNaN(time) ? undefined : time;
}

interface Victim {
  readonly name: string;
  readonly uid: string | undefined;
}

async function remove(host: KubeClient, namespace: string, { name, uid }: Victim, signal: AbortSignal): Promise<void> {
  try {
    await host.delete(resources.pods, { name, namespace, uid, signal });
  } catch (error) {
    if (!ApiError.is(error, 'NotFound') && !ApiError.is(error, 'Conflict')) throw error; // else gone, or another one
  }
}
