import type { PodSpec } from 'kubernetes-types/core/v1';

/**
 * Has every image of the pod asked for at its registry, with the pod's own credentials, as upstream's admission plugin
 * `AlwaysPullImages` does: else a pod runs an image that it may not pull, once the pod of another tenant has brought it to the node.
 */
export function pullAlways(
  spec: Partial<Pick<PodSpec, 'containers' | 'initContainers' | 'ephemeralContainers' | 'volumes'>>,
): void {
  for (const list of ['containers', 'initContainers', 'ephemeralContainers'] as const) {
    for (const container of spec[list] ?? []) container.imagePullPolicy = 'Always';
  }
  // The type knows no volumes that are images.
  for (const volume of (spec.volumes ?? []) as { image?: { pullPolicy?: string } }[]) {
    if (volume.image) volume.image.pullPolicy = 'Always';
  }
}
