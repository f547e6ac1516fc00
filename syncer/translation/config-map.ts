import type { ConfigMap } from 'kubernetes-types/core/v1';
import type { ObjectContext, Translation } from './context';
import type { HostRight } from './host-right';
import { ANNOTATIONS } from './keys';
import { hostMetadata } from './metadata';

/** What the syncer does with config maps on the host. */
export const CONFIG_MAP_RIGHTS: readonly HostRight[] = [
  { apiGroup: '', resources: ['configmaps'], verbs: ['get', 'list', 'watch', 'create', 'patch', 'delete'] },
];

/** The host twin of a ConfigMap. Its data are shared with the virtual object: change neither. */
export function translateConfigMap(configMap: ConfigMap, context: ObjectContext): Translation<ConfigMap> {
  const { data, binaryData, immutable } = configMap;
  const metadata = hostMetadata('ConfigMap', configMap.metadata, context);
  metadata.annotations[ANNOTATIONS.resourceVersion] = configMap.metadata?.resourceVersion ?? '';
  return {
    ok: true,
    object: {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata,
      ...(data && { data }),
      ...(binaryData && { binaryData }),
      ...(immutable != null && { immutable }),
    },
    references: [],
  };
}
