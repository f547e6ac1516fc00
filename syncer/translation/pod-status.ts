import type { Pod, PodStatus } from 'kubernetes-types/core/v1';

export function virtualPodStatus(_hostPod: Pod, _virtualPod: Pod): PodStatus {
  throw new Error('not yet');
}
/** Strategic merge patch (`application/strategic-merge-patch+json`) for the virtual pod's status subresource, or undefined when a user would see no change. */
export function virtualPodStatusPatch(_hostPod: Pod, _virtualPod: Pod): object | undefined {
  throw new Error('not yet');
}
