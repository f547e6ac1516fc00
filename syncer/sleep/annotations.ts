import type { ConfigMap } from 'kubernetes-types/core/v1';

/** On the anchor: RFC 3339 time of the last pause. What ran before it and is not on the host was not lost, but put to sleep. */
export const PAUSED_AT_ANNOTATION = 'nestling.dev/paused-at';

/** On the StatefulSet: the replicas that a resume gives back. */
export const REPLICAS_ANNOTATION = 'nestling.dev/replicas';

/** When the virtual cluster with this anchor was put to sleep last, in ms since the epoch; undefined: never. */
export function pausedAt(anchor: ConfigMap): number | undefined {
  const time = Date.parse(anchor.metadata?.annotations?.[PAUSED_AT_ANNOTATION] ?? '');
  return Number.isNaN(time) ? undefined : time;
}
