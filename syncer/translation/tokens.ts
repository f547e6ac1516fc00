import type { Pod, Secret } from 'kubernetes-types/core/v1';
import type { ObjectContext } from './context';

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
export function podTokens(_pod: Pod): readonly TokenRequestSpec[] {
  throw new Error('not yet');
}
/** The host Secret with a pod's tokens: `tokens` maps {@link TokenRequestSpec.key} to the token. */
export function translateTokens(_pod: Pod, _tokens: ReadonlyMap<string, string>, _context: ObjectContext): Secret {
  throw new Error('not yet');
}
