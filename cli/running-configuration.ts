import type { ConfigMap } from 'kubernetes-types/core/v1';
import { CONFIGURATION_KEY, controlPlaneNames } from '../syncer/configuration';
import { resources } from '../syncer/kube-client';
import type { KubeClient } from '../syncer/kube-client';
import { Failure } from './failure';

/**
 * The syncer's document of a virtual cluster that runs.
 *
 * @throws Failure where its ConfigMap has none, ApiError where the ConfigMap is not there
 */
export async function runningConfiguration(
  client: KubeClient,
  { name, namespace }: { readonly name: string; readonly namespace: string },
  signal: AbortSignal,
): Promise<string> {
  const map = controlPlaneNames(name).configuration;
  const { data } = await client.get<ConfigMap>(resources.configMaps, { name: map, namespace, signal });
  const configuration = data?.[CONFIGURATION_KEY];
  if (configuration !== undefined) return configuration;
  throw new Failure(
    `ConfigMap ${namespace}/${map} has no key ${CONFIGURATION_KEY}: apply the manifests of ${name} again`,
  );
}
