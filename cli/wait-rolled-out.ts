import type { StatefulSet } from 'kubernetes-types/apps/v1';
import type { Pod } from 'kubernetes-types/core/v1';
import { controlPlaneNames, controlPlaneSelector } from '../syncer/configuration';
import { ApiError, ConnectionError, labelSelectorOf, resources } from '../syncer/kube-client';
import { Failure } from './failure';
import type { WaitOptions } from './wait-ready';
import { waitingFor } from './waiting';

/**
 * Whether every pod of a StatefulSet is of its newest template and ready. Its controller sets `currentRevision` last of all.
 */
export function isRolledOut({ metadata, spec, status }: StatefulSet): boolean {
  const replicas = spec?.replicas ?? 1;
  return (
    (status?.observedGeneration ?? 0) >= (metadata?.generation ?? 0) &&
    status?.currentRevision === status?.updateRevision &&
    (status?.readyReplicas ?? 0) === replicas &&
    (status?.replicas ?? 0) === replicas
  );
}

/**
 * Whether the newest template of a StatefulSet replaces one that was there before it, and has not been ready in all pods yet: what the
 * template says is then not what has run. Its controller makes `currentRevision` the newest when all pods have been ready; of the first
 * template it is so from the beginning.
 */
export function isBeingRenewed({ metadata, status }: StatefulSet): boolean {
  const generation = metadata?.generation ?? 0;
  if (generation > 1 && (status?.observedGeneration ?? 0) < generation) return true;
  return status?.currentRevision !== status?.updateRevision;
}

/**
 * Waits until all pods of a control plane are of its newest manifests, and ready.
 *
 * @throws Failure when time is up, with what it waited for last
 */
export async function waitRolledOut(options: WaitOptions): Promise<void> {
  const { client, name, namespace, progress, signal, timeoutSeconds } = options;
  const stop = AbortSignal.any([signal, AbortSignal.timeout(timeoutSeconds * 1000)]);
  const set = controlPlaneNames(name).statefulSet;
  try {
    for await (const state of states(options, set, stop)) {
      if (isRolledOut(state)) return;
      const replicas = state.spec?.replicas ?? 1;
      const renewed = state.status?.updatedReplicas ?? 0;
      progress.waiting(
        `waiting for the new control plane: ${renewed} of ${replicas} pods are renewed, ${state.status?.readyReplicas ?? 0} ready`,
      );
    }
    throw stop.reason as Error;
  } catch (error) {
    signal.throwIfAborted();
    if (!stop.aborted) throw error;
    const labelSelector = labelSelectorOf(controlPlaneSelector(name));
    const { items } = await client.list<Pod>(resources.pods, { namespace, labelSelector, signal });
    const what = waitingFor(items, controlPlaneNames(name).pod);
    throw new Failure(
      `virtual cluster ${name} was not renewed within ${timeoutSeconds} s: it waits for ${what}; its settings are applied, and nestling upgrade ${name} -n ${namespace} goes on`,
      { cause: error },
    );
  } finally {
    progress.clear();
  }
}

/** The StatefulSet, at first and after each change. Ends when the signal aborts. */
async function* states(
  { client, namespace }: WaitOptions,
  name: string,
  signal: AbortSignal,
): AsyncGenerator<StatefulSet, void, undefined> {
  const selected = { namespace, fieldSelector: `metadata.name=${name}`, signal };
  while (!signal.aborted) {
    const { items, metadata } = await client.list<StatefulSet>(resources.statefulSets, selected);
    yield* items;
    try {
      const from = { ...selected, resourceVersion: metadata.resourceVersion ?? '' };
      for await (const { type, object } of client.watch<StatefulSet>(resources.statefulSets, from)) {
        if (type === 'DELETED')
          throw new Failure(`StatefulSet ${namespace}/${name} was deleted meanwhile: create the virtual cluster again`);
        if (type !== 'BOOKMARK') yield object;
      }
    } catch (error) {
      // A watch that was cut, or came too late: look again.
      const again = error instanceof ConnectionError ? error.transient : ApiError.is(error, 'Expired', 'Gone');
      if (!again) throw error;
    }
  }
}
