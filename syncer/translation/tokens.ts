import type { Pod, Secret } from 'kubernetes-types/core/v1';
import type { ObjectContext } from './context';
import { hostLabels } from './labels';
import { anchorReference, identityAnnotations, TOKENS_KIND } from './metadata';
import { tokenSecretName } from './names';

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

/** Key of a token in the host Secret: volume names are unique in a pod, and so is the index of a source in its volume. */
export function tokenKey(volume: string, source: number): string {
  return `${volume}.${source}`;
}

/** The tokens that a pod mounts, in the order of its volumes. */
export function podTokens(pod: Pod): readonly TokenRequestSpec[] {
  const result: TokenRequestSpec[] = [];
  for (const volume of pod.spec?.volumes ?? []) {
    for (const [index, { serviceAccountToken }] of (volume.projected?.sources ?? []).entries()) {
      if (serviceAccountToken == null) continue;
      result.push({
        volume: volume.name,
        audience: serviceAccountToken.audience || undefined,
        expirationSeconds: serviceAccountToken.expirationSeconds ?? DEFAULT_EXPIRATION_SECONDS,
        path: serviceAccountToken.path,
        key: tokenKey(volume.name, index),
      });
    }
  }
  return result;
}

/**
 * The host Secret with a pod's tokens. Its annotations name the virtual pod, with {@link TOKENS_KIND} as kind.
 *
 * @param tokens the token for each {@link TokenRequestSpec.key}
 */
export function translateTokens(pod: Pod, tokens: ReadonlyMap<string, string>, context: ObjectContext): Secret {
  const namespace = pod.metadata?.namespace ?? '';
  const name = pod.metadata?.name ?? '';
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: {
      name: tokenSecretName(context.identity, namespace, name),
      namespace: context.identity.hostNamespace,
      labels: hostLabels(context.identity, namespace, undefined),
      annotations: identityAnnotations(TOKENS_KIND, namespace, name, pod.metadata?.uid),
      ownerReferences: [anchorReference(context.anchor)],
    },
    type: 'Opaque',
    data: Object.fromEntries([...tokens].map(([key, token]) => [key, Buffer.from(token, 'utf8').toString('base64')])),
  };
}
