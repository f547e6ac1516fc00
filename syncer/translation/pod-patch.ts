import type { Pod } from 'kubernetes-types/core/v1';
import type { Translation, TranslationContext } from './context';

/** Strategic merge patch for the host pod, or undefined when nothing differs. */
export function hostPodPatch(_virtualPod: Pod, _hostPod: Pod, _context: TranslationContext): object | undefined {
  throw new Error('not yet');
}
/** Strategic merge patch for `pods/resize` on the host, or undefined when nothing differs. */
export function hostPodResize(_virtualPod: Pod, _hostPod: Pod): object | undefined {
  throw new Error('not yet');
}
/** Strategic merge patch for `pods/ephemeralcontainers` on the host, or undefined when nothing is missing there. */
export function hostEphemeralContainers(
  _virtualPod: Pod,
  _hostPod: Pod,
  _context: TranslationContext,
): Translation<object> | undefined {
  throw new Error('not yet');
}
