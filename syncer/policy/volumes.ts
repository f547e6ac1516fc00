import type { Pod, Volume } from 'kubernetes-types/core/v1';
import { violation, type Violation } from './violation';

/** Volume types that reach nothing outside the tenant. The standard's `restricted` list, without inline CSI. */
const ALLOWED: ReadonlySet<string> = new Set([
  'configMap',
  'downwardAPI',
  'emptyDir',
  'ephemeral',
  'image',
  'persistentVolumeClaim',
  'projected',
  'secret',
]);

/**
 * Volumes of types that are not allowed: the standard's baseline refuses hostPath only, but in-tree drivers, gitRepo and
 * FlexVolumes run code on the node or reach storage of others (CVE-2024-10220), and so may an inline CSI driver that was
 * not made for tenants.
 *
 * @param csiDrivers names of CSI drivers whose inline volumes are allowed
 */
export function* checkVolumes(pod: Pod, csiDrivers: ReadonlySet<string>): Generator<Violation> {
  for (const [index, volume] of (pod.spec?.volumes ?? []).entries()) {
    const type = volumeType(volume);
    // Without a source API servers make it an emptyDir.
    if (type === undefined || ALLOWED.has(type)) continue;
    const field = `spec.volumes[${index}]`;
    if (type === 'csi') {
      const driver = volume.csi?.driver ?? '';
      if (csiDrivers.has(driver)) continue;
      const remedy = 'use a persistentVolumeClaim, or ask the operator of the host to allow this driver';
      yield violation('volumeTypes', 'baseline', `${field}.csi.driver`, driver, remedy);
    } else {
      const remedy = `use one of ${[...ALLOWED].join(', ')}`;
      yield violation('volumeTypes', 'baseline', `${field}.${type}`, volume[type as keyof Volume], remedy);
    }
  }
}

function volumeType(volume: Volume): string | undefined {
  return Object.keys(volume).find((key) => key !== 'name' && volume[key as keyof Volume] != null);
}
