import type { ConfigMap } from 'kubernetes-types/core/v1';
import { controlPlaneLabels, controlPlaneNames, MANIFESTS_KEY } from '../../syncer/configuration';
import { manifestsText, type VirtualClusterSpec } from '../spec';

/** Id of the ConfigMap with what is to be applied in the virtual cluster. */
export const MANIFESTS_ID = 'manifests';

/** What is to be applied in the virtual cluster. The syncer watches it: a change needs no new pod. */
export function manifestsMap(
  { name, namespace }: Pick<VirtualClusterSpec, 'name' | 'namespace'>,
  manifests: readonly object[],
): ConfigMap {
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: controlPlaneNames(name).manifests, namespace, labels: controlPlaneLabels(name) },
    data: { [MANIFESTS_KEY]: manifestsText(manifests) },
  };
}
