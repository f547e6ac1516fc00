import type { Container, EphemeralContainer, Pod } from 'kubernetes-types/core/v1';
import type { Reference } from './context';
import { claimNames } from './pod-claims';
import { ephemeralClaimName } from './volumes';

/**
 * The config maps, secrets and claims that a pod needs on the host, without translating it: what `translatePod` returns,
 * and what its ephemeral containers use. An object may be named more than once.
 */
export function podReferences(pod: Pod): readonly Reference[] {
  const namespace = pod.metadata?.namespace ?? '';
  const result: Reference[] = [];
  const add = (kind: Reference['kind'], name: string | null | undefined, optional = false): void => {
    if (name) result.push({ kind, namespace, name, optional });
  };
  const { spec } = pod;
  for (const secret of spec?.imagePullSecrets ?? []) add('Secret', secret.name, true);
  const containers: readonly (Container | EphemeralContainer)[] = [
    ...(spec?.initContainers ?? []),
    ...(spec?.containers ?? []),
    ...(spec?.ephemeralContainers ?? []),
  ];
  for (const { env, envFrom } of containers) {
    for (const { valueFrom } of env ?? []) {
      add('ConfigMap', valueFrom?.configMapKeyRef?.name, valueFrom?.configMapKeyRef?.optional);
      add('Secret', valueFrom?.secretKeyRef?.name, valueFrom?.secretKeyRef?.optional);
    }
    for (const { configMapRef, secretRef } of envFrom ?? []) {
      add('ConfigMap', configMapRef?.name, configMapRef?.optional);
      add('Secret', secretRef?.name, secretRef?.optional);
    }
  }
  for (const name of claimNames(pod)) add('ResourceClaim', name);
  for (const volume of spec?.volumes ?? []) {
    add('ConfigMap', volume.configMap?.name, volume.configMap?.optional);
    add('Secret', volume.secret?.secretName, volume.secret?.optional);
    for (const source of volume.projected?.sources ?? []) {
      add('ConfigMap', source.configMap?.name, source.configMap?.optional);
      add('Secret', source.secret?.name, source.secret?.optional);
    }
    add('PersistentVolumeClaim', volume.persistentVolumeClaim?.claimName);
    if (volume.ephemeral) add('PersistentVolumeClaim', ephemeralClaimName(pod.metadata?.name ?? '', volume.name));
    add('Secret', volume.csi?.nodePublishSecretRef?.name);
    add('Secret', volume.azureFile?.secretName);
    for (const source of [
      volume.cephfs,
      volume.cinder,
      volume.flexVolume,
      volume.iscsi,
      volume.rbd,
      volume.scaleIO,
      volume.storageos,
    ]) {
      add('Secret', source?.secretRef?.name);
    }
  }
  return result;
}
