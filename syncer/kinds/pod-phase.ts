import type { Pod } from 'kubernetes-types/core/v1';

/** Whether a pod has run to its end: it stays as it is, and its address may belong to another by now. */
export function isTerminal(pod: Pod): boolean {
  return pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';
}
