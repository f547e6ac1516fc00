import { isDeepStrictEqual } from 'node:util';
import type { AnyObject } from '../../syncer/kube-client';

/**
 * What the kubernetes provider replaces an object for, by kind: its provider/pkg/provider/diff.go, for the kinds that are made here. Of a
 * Pod it lists nearly every field. ConfigMaps are replaced for their data, unless the provider is told that they can change.
 */
const FORCE_NEW: ReadonlyMap<string, readonly string[]> = new Map([
  ['v1 ConfigMap', ['data', 'binaryData']],
  ['v1 Secret', ['type', 'data', 'stringData']],
  ['v1 Service', ['spec.clusterIP']],
  ['v1 ResourceQuota', ['spec.scopes']],
  ['v1 Pod', ['spec']],
  ['v1 PersistentVolumeClaim', ['spec.accessModes', 'spec.selector', 'spec.storageClassName', 'spec.volumeName']],
  ['apps/v1 Deployment', ['spec.selector']],
  [
    'apps/v1 StatefulSet',
    [
      'spec.podManagementPolicy',
      'spec.revisionHistoryLimit',
      'spec.selector',
      'spec.serviceName',
      'spec.volumeClaimTemplates',
    ],
  ],
  ['batch/v1 Job', ['spec.completions', 'spec.parallelism', 'spec.selector', 'spec.template']],
  ['rbac.authorization.k8s.io/v1 RoleBinding', ['roleRef']],
  ['rbac.authorization.k8s.io/v1 ClusterRoleBinding', ['roleRef']],
]);
const ALWAYS = ['apiVersion', 'kind', 'metadata.name', 'metadata.namespace'];

/** Fields for whose change the object is replaced. */
export function replacedFor(old: AnyObject, now: AnyObject): string[] {
  const fields = [...ALWAYS, ...(FORCE_NEW.get(`${now.apiVersion} ${now.kind}`) ?? [])];
  return fields.filter((field) => !isDeepStrictEqual(at(old, field), at(now, field)));
}

/** Fields of the first level that differ. */
export function changedFields(old: AnyObject, now: AnyObject): string[] {
  const keys = new Set([...Object.keys(old), ...Object.keys(now)]);
  return [...keys].filter((key) => !key.startsWith('__') && !isDeepStrictEqual(old[key], now[key]));
}

function at(object: AnyObject, field: string): unknown {
  return field.split('.').reduce<unknown>((part, key) => (part as AnyObject | undefined)?.[key], object);
}
