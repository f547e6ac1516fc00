import type { PersistentVolume, PersistentVolumeClaim } from 'kubernetes-types/core/v1';
import type { ObjectMeta } from 'kubernetes-types/meta/v1';
import type { HostRight } from './host-right';
import { LABELS } from './keys';

/** What the syncer does with volumes on the host where tenants see facts of them. */
export const PERSISTENT_VOLUME_RIGHTS: readonly HostRight[] = [
  { apiGroup: '', resources: ['persistentvolumes'], verbs: ['get', 'list', 'watch'] },
];

/** Driver that the volumes of a virtual cluster name: there is none of that name anywhere. */
const DRIVER = 'host.nestling.dev';
const PROVISIONED_BY = 'pv.kubernetes.io/provisioned-by';

/** Name of the volume that a virtual cluster shows for one of its claims, made as Kubernetes makes it: from the claim's UID. */
export function claimVolumeName({ metadata }: { readonly metadata?: ObjectMeta }): string {
  return `pvc-${metadata?.uid ?? ''}`;
}

/** What decides how a volume is shown. */
export interface VolumeContext {
  /** Whether the data outlives the tenant's claim. */
  readonly retain: boolean;
  /** The host's volume, where tenants see facts of it. @default none are shown */
  readonly hostVolume?: PersistentVolume | undefined;
}

/**
 * The volume that the virtual cluster shows for a claim whose twin is bound. Its source leads nowhere: handles, secrets and
 * servers of the host's volume never get here. What a claim tells anyway (capacity, modes, class) comes from the twin.
 */
export function volumeOfClaim(
  virtual: PersistentVolumeClaim,
  host: PersistentVolumeClaim,
  { retain, hostVolume }: VolumeContext,
): PersistentVolume {
  const name = claimVolumeName(virtual);
  const facts = hostVolume?.spec;
  const policy = retain ? 'Retain' : (facts?.persistentVolumeReclaimPolicy ?? 'Delete');
  const storage = facts?.capacity?.['storage'] ?? host.status?.capacity?.['storage'];
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: {
      name,
      labels: { [LABELS.view]: 'true' },
      annotations: {
        'pv.kubernetes.io/bound-by-controller': 'yes',
        [PROVISIONED_BY]: provisioner(hostVolume) ?? DRIVER,
      },
    },
    spec: {
      accessModes: host.status?.accessModes ?? host.spec?.accessModes ?? [],
      capacity: { storage: storage ?? host.spec?.resources?.requests?.['storage'] ?? '0' },
      claimRef: {
        apiVersion: 'v1',
        kind: 'PersistentVolumeClaim',
        namespace: virtual.metadata?.namespace ?? '',
        name: virtual.metadata?.name ?? '',
        uid: virtual.metadata?.uid ?? '',
      },
      csi: { driver: DRIVER, volumeHandle: name },
      // The volumes of the API with a Recycle policy are of types that a CSI source cannot have.
      persistentVolumeReclaimPolicy: policy === 'Recycle' ? 'Delete' : policy,
      storageClassName: host.spec?.storageClassName ?? '',
      volumeMode: host.spec?.volumeMode ?? 'Filesystem',
      ...(facts?.nodeAffinity && { nodeAffinity: facts.nodeAffinity }),
    },
  };
}

/** Who made a volume, as its annotation says, or its driver. */
function provisioner(volume: PersistentVolume | undefined): string | undefined {
  return volume?.metadata?.annotations?.[PROVISIONED_BY] ?? volume?.spec?.csi?.driver;
}

/** Whether a host volume is the one behind a host claim: both must name each other. */
export function isVolumeOf(volume: PersistentVolume, host: PersistentVolumeClaim): boolean {
  const { name, namespace, uid } = host.metadata ?? {};
  const { claimRef } = volume.spec ?? {};
  return (
    uid !== undefined &&
    claimRef?.uid === uid &&
    claimRef.name === name &&
    claimRef.namespace === namespace &&
    host.spec?.volumeName === volume.metadata?.name
  );
}

/** Whether a volume is the syncer's for this claim, and says so itself. */
export function isBoundTo(volume: PersistentVolume, claim: PersistentVolumeClaim): boolean {
  return (
    volume.metadata?.labels?.[LABELS.view] === 'true' &&
    volume.spec?.claimRef?.uid === claim.metadata?.uid &&
    volume.status?.phase === 'Bound'
  );
}
