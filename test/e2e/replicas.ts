import type { StatefulSet } from 'kubernetes-types/apps/v1';
import type { Lease } from 'kubernetes-types/coordination/v1';
import type { Pod } from 'kubernetes-types/core/v1';
import { setTimeout as sleep } from 'node:timers/promises';
import { KubeClient, resources } from '../../syncer/kube-client';
import { eventually } from '../virtual-cluster';
import type { RunningVirtualCluster } from '../virtual-cluster';

/** Seconds until a control plane of several replicas is there; a busy machine is slow. */
const START_SECONDS = 240;

/** Waits until the control plane has this many pods, all ready and as the StatefulSet has them now. */
export async function replicasReady({ host, name, namespace }: RunningVirtualCluster, replicas: number): Promise<void> {
  await eventually(
    `${replicas} ready replicas of ${name}`,
    async () => {
      const { metadata, status } = await host.get<StatefulSet>(resources.statefulSets, { namespace, name });
      const { updateRevision, observedGeneration } = status ?? {};
      const labelSelector = `nestling.dev/control-plane=${name},app.kubernetes.io/component=control-plane`;
      const pods = (await host.list<Pod>(resources.pods, { namespace, labelSelector })).items;
      const ready = pods.filter(
        ({ metadata: pod, status: now }) =>
          pod?.deletionTimestamp === undefined &&
          pod?.labels?.['controller-revision-hash'] === updateRevision &&
          now?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True'),
      );
      if (observedGeneration === metadata?.generation && ready.length === replicas && pods.length === replicas)
        return true;
      throw new Error(pods.map(describe).join('\n'));
    },
    START_SECONDS,
  );
}

function describe({ metadata, status }: Pod): string {
  const containers = [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])];
  const states = containers.map(
    ({ name, ready, restartCount, state }) =>
      `${name} ${ready ? 'ready' : Object.keys(state ?? {}).join()}${restartCount ? ` (${restartCount} restarts)` : ''}`,
  );
  return `${metadata?.name}${metadata?.deletionTimestamp ? ' (ends)' : ''}: ${states.join(', ')}`;
}

/** The pod whose syncer is the active one. */
export async function activePod({ host, name, namespace }: RunningVirtualCluster, other = ''): Promise<string> {
  return eventually(`an active syncer${other && ` that is not in ${other}`}`, async () => {
    const lease = await host.get<Lease>(resources.leases, { namespace, name: `${name}-syncer` });
    const holder = lease.spec?.holderIdentity ?? '';
    return holder !== other && holder !== '' && holder;
  });
}

/** What somebody who uses the API all the time notices of it. */
export interface Noticed {
  /** Requests that were answered. */
  readonly answered: number;
  /** Longest time in which none of the tries was answered, in milliseconds. */
  readonly longestFailureMs: number;
}

/** Reads and writes all the time, as clients do that try again; each try has a second. */
export function useTheAPI(
  cluster: RunningVirtualCluster,
  namespace: string,
): { readonly stop: () => Promise<Noticed> } {
  const client = new KubeClient(cluster.virtual.connection, { userAgent: 'test', timeoutSeconds: 1 });
  let stopped = false;
  let answered = 0;
  let longestFailureMs = 0;
  const loop = (async () => {
    while (!stopped) {
      const name = `probe-${answered}`;
      const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace } };
      for (const request of [
        () => client.create(resources.configMaps, object),
        () => client.get(resources.configMaps, { namespace, name }),
        () => client.delete(resources.configMaps, { namespace, name }),
      ]) {
        const begun = Date.now();
        for (;;) {
          try {
            await request();
            break;
          } catch (error) {
            // An earlier try may have been heard, and its answer lost.
            if (/AlreadyExists|NotFound/.test((error as { reason?: string }).reason ?? '')) break;
            longestFailureMs = Math.max(longestFailureMs, Date.now() - begun);
            if (stopped) return;
            await sleep(50);
          }
        }
        answered += 1;
      }
      await sleep(20);
    }
  })();
  return {
    stop: async () => {
      stopped = true;
      await loop;
      await client.close();
      return { answered, longestFailureMs };
    },
  };
}
