import type { StorageClass } from 'kubernetes-types/storage/v1';
import type { VolumeAttributesClass } from 'kubernetes-types/storage/v1alpha1';
import { viewOf } from './view';

const DEFAULT_CLASS = 'storageclass.kubernetes.io/is-default-class';
/**
 * Parameters that name or hold credentials: `csi.storage.k8s.io/provisioner-secret-name` and its kin, `adminSecretName`, `restuserkey`.
 * https://kubernetes-csi.github.io/docs/secrets-and-credentials-storage-class.html
 */
const CREDENTIAL = /secret|passw|token|credential|key/i;

/** What tenants see of a class of the host: all but the parameters that lead to credentials. */
export function storageClassView<T extends StorageClass | VolumeAttributesClass>(host: T): T {
  const view = viewOf(host);
  if (view.parameters === undefined) return view;
  return {
    ...view,
    parameters: Object.fromEntries(Object.entries(view.parameters).filter(([key]) => !CREDENTIAL.test(key))),
  };
}

/** The default among classes, chosen as Kubernetes does: the newest, and of several the first by name. */
export function defaultClass(classes: Iterable<StorageClass>): string | undefined {
  let best: { readonly name: string; readonly created: string } | undefined;
  for (const { metadata } of classes) {
    if (metadata?.annotations?.[DEFAULT_CLASS] !== 'true') continue;
    const { name = '', creationTimestamp: created = '' } = metadata;
    if (!best || created > best.created || (created === best.created && name < best.name)) best = { name, created };
  }
  return best?.name;
}
