import type { Pod } from 'kubernetes-types/core/v1';
import type { Reference, Translation, TranslationContext } from './context';

export function translatePod(_pod: Pod, _context: TranslationContext): Translation<Pod> {
  throw new Error('not yet');
}
/** Whether the pod may not be scheduled yet (`schedulingGates`): no host pod is made for it. */
export function isGated(pod: Pod): boolean {
  return (pod.spec?.schedulingGates?.length ?? 0) > 0;
}
export function podReferences(_pod: Pod): readonly Reference[] {
  throw new Error('not yet');
}
