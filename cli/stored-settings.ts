import type { ConfigMap } from 'kubernetes-types/core/v1';
import {
  controlPlaneNames,
  KUBERNETES_VERSIONS,
  kubernetesVersionProblem,
  MANIFESTS_KEY,
} from '../syncer/configuration';
import { ApiError, resources } from '../syncer/kube-client';
import type { KubeClient } from '../syncer/kube-client';
import { SETTINGS_ANNOTATION } from './cluster-objects';
import { Failure } from './failure';
import type { PlainSettings } from './settings-file';

/**
 * The settings that a virtual cluster was made or changed with last, with the manifests that are on the host.
 *
 * @returns undefined for one that the command line has not made
 * @throws Failure for an annotation that is no JSON
 */
export async function storedSettings(
  client: KubeClient,
  { name, namespace }: { readonly name: string; readonly namespace: string },
  signal: AbortSignal,
): Promise<PlainSettings | undefined> {
  const names = controlPlaneNames(name);
  const map = async (of: string): Promise<ConfigMap | undefined> => {
    try {
      return await client.get<ConfigMap>(resources.configMaps, { name: of, namespace, signal });
    } catch (error) {
      if (ApiError.is(error, 'NotFound')) return undefined;
      throw error;
    }
  };
  const [anchor, manifests] = await Promise.all([map(names.anchor), map(names.manifests)]);
  const text = anchor?.metadata?.annotations?.[SETTINGS_ANNOTATION];
  if (text === undefined) return undefined;
  try {
    const given = manifests?.data?.[MANIFESTS_KEY];
    return {
      ...(JSON.parse(text) as PlainSettings),
      ...(given !== undefined && { manifests: JSON.parse(given) as unknown }),
    };
  } catch (error) {
    throw new Failure(
      `annotation ${SETTINGS_ANNOTATION} of ConfigMap ${namespace}/${names.anchor} cannot be read (${(error as Error).message}): give the settings with --file`,
      { cause: error },
    );
  }
}

/**
 * Settings that this release can make manifests of: those of an earlier one may have a version that it does not run any more. In its place
 * is the one of the same minor, else the oldest; whether that may follow is another question.
 */
export function runnable(settings: PlainSettings): PlainSettings {
  const { version } = settings;
  if (typeof version !== 'string' || kubernetesVersionProblem(version) === undefined) return settings;
  const minor = version.split('.').slice(0, 2).join('.');
  const other = KUBERNETES_VERSIONS.find((one) => one.startsWith(`${minor}.`)) ?? KUBERNETES_VERSIONS[0];
  return { ...settings, version: other };
}

/** What is said where nothing else says what a cluster should be. */
export function unknownSettings(name: string): Failure {
  return new Failure(
    `what virtual cluster ${name} was made with is not known, as nestling create did not make it: give its settings with --file`,
  );
}
