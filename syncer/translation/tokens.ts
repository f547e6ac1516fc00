import type { Pod, Secret } from 'kubernetes-types/core/v1';
import type { ObjectContext } from './context';
import { companionMetadata, TOKENS_KIND } from './metadata';
import { projectedKey, projectedSources } from './projected-sources';

/** One token that a pod mounts: what to ask the virtual cluster for, and where it goes. */
export interface TokenRequestSpec {
  /** Volume of the pod. */
  readonly volume: string;
  /** Undefined: the API server's own audience. */
  readonly audience: string | undefined;
  /** Seconds asked for. @default 3600, as the API server writes it */
  readonly expirationSeconds: number;
  /** File below the volume's mount path. */
  readonly path: string;
  /** Key in the host Secret, unique for each source. */
  readonly key: string;
}

const DEFAULT_EXPIRATION_SECONDS = 3600;

/** The tokens that a pod mounts, in the order of its volumes. */
export function podTokens(pod: Pod): readonly TokenRequestSpec[] {
  const result: TokenRequestSpec[] = [];
  for (const { volume, index, source } of projectedSources(pod)) {
    const { serviceAccountToken } = source;
    if (serviceAccountToken == null) continue;
    result.push({
      volume: volume.name,
      audience: serviceAccountToken.audience || undefined,
      expirationSeconds: serviceAccountToken.expirationSeconds ?? DEFAULT_EXPIRATION_SECONDS,
      path: serviceAccountToken.path,
      key: projectedKey(volume.name, index),
    });
  }
  return result;
}

/**
 * The host Secret with a pod's tokens. Its annotations name the virtual pod, with {@link TOKENS_KIND} as kind.
 *
 * @param tokens the token for each {@link TokenRequestSpec.key}
 */
export function translateTokens(pod: Pod, tokens: ReadonlyMap<string, string>, context: ObjectContext): Secret {
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: companionMetadata(TOKENS_KIND, pod, context),
    type: 'Opaque',
    data: Object.fromEntries([...tokens].map(([key, token]) => [key, Buffer.from(token, 'utf8').toString('base64')])),
  };
}
