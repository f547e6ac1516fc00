import type { Pod } from 'kubernetes-types/core/v1';
import { ApiError, ConnectionError, resources } from '../kube-client';
import type { KubeClient } from '../kube-client';

/** Which pods. */
interface Selected {
  readonly namespace: string;
  readonly labelSelector: string;
  readonly signal: AbortSignal;
}

/** Resolves when no pod that is selected is left. @param counts which of the selected ones matter. @default all */
export async function untilNone(
  host: KubeClient,
  selected: Selected,
  counts: (pod: Pod) => boolean = () => true,
): Promise<void> {
  for (;;) {
    const left = new Set<string>();
    let resourceVersion = '';
    for await (const { items, metadata } of host.listAll<Pod>(resources.pods, { ...selected, metadataOnly: true })) {
      for (const pod of items) if (counts(pod)) left.add(pod.metadata?.uid ?? '');
      resourceVersion = metadata.resourceVersion ?? '';
    }
    if (left.size === 0) return;
    try {
      for await (const event of host.watch<Pod>(resources.pods, { ...selected, metadataOnly: true, resourceVersion })) {
        if (event.type !== 'DELETED') continue;
        left.delete(event.object.metadata?.uid ?? '');
        if (left.size === 0) return;
      }
    } catch (error) {
      // A watch that was cut, or came too late: look again.
      if (!(error instanceof ApiError) && !(error instanceof ConnectionError)) throw error;
      if (error instanceof ApiError && !ApiError.is(error, 'Expired') && !ApiError.is(error, 'Gone')) throw error;
    }
    selected.signal.throwIfAborted();
  }
}
