import type { IngressClass } from 'kubernetes-types/networking/v1';
import type { RuntimeClass } from 'kubernetes-types/node/v1';
import type { PriorityClass } from 'kubernetes-types/scheduling/v1';
import type { StorageClass } from 'kubernetes-types/storage/v1';
import type { VolumeAttributesClass } from 'kubernetes-types/storage/v1alpha1';
import { resources } from '../kube-client';
import type { KubeObject, ResourceType } from '../kube-client';
import { ingressClassView, storageClassView } from '../translation';
import type { Caches } from './caches';
import type { KindEnvironment } from './environment';
import { Views } from './views';

/** The host's classes that tenants see; undefined where they do not. */
export interface ClassViews {
  readonly storageClasses: Views<StorageClass> | undefined;
  readonly volumeAttributesClasses: Views<VolumeAttributesClass> | undefined;
  readonly ingressClasses: Views<IngressClass> | undefined;
  readonly runtimeClasses: Views<RuntimeClass> | undefined;
  readonly priorityClasses: Views<PriorityClass> | undefined;
}

/** Makes the views that the configuration asks for. */
export function classViews(environment: KindEnvironment, caches: Caches): ClassViews {
  const { fromHost } = environment.configuration.sync;
  const view = <T extends KubeObject>(
    { enabled, selector }: { readonly enabled: boolean; readonly selector: Readonly<Record<string, string>> },
    type: ResourceType,
    show?: (host: T) => T,
  ): Views<T> | undefined =>
    enabled ? new Views<T>(environment, caches, { type, selector, ...(show && { show }) }) : undefined;
  return {
    storageClasses: view<StorageClass>(fromHost.storageClasses, resources.storageClasses, storageClassView),
    volumeAttributesClasses: view<VolumeAttributesClass>(
      fromHost.volumeAttributesClasses,
      resources.volumeAttributesClasses,
      storageClassView,
    ),
    ingressClasses: view<IngressClass>(fromHost.ingressClasses, resources.ingressClasses, ingressClassView),
    runtimeClasses: view(fromHost.runtimeClasses, resources.runtimeClasses),
    priorityClasses: view(fromHost.priorityClasses, resources.priorityClasses),
  };
}
