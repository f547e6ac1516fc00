import type { Secret } from 'kubernetes-types/core/v1';
import type { ObjectContext, Translation } from './context';
import type { HostRight } from './host-right';
import { ANNOTATIONS } from './keys';
import { hostMetadata } from './metadata';

/** What the syncer does with secrets on the host. */
export const SECRET_RIGHTS: readonly HostRight[] = [
  { apiGroup: '', resources: ['secrets'], verbs: ['get', 'list', 'watch', 'create', 'patch', 'delete'] },
];

/** Types that controllers of the host act on: their contents are the virtual cluster's, and mean nothing there. */
const ACTED_ON: ReadonlySet<string> = new Set(['kubernetes.io/service-account-token', 'bootstrap.kubernetes.io/token']);

/** The host twin of a Secret. Its data are shared with the virtual object: change neither. */
export function translateSecret(secret: Secret, context: ObjectContext): Translation<Secret> {
  const { data, immutable, type } = secret;
  const metadata = hostMetadata('Secret', secret.metadata, context);
  metadata.annotations[ANNOTATIONS.resourceVersion] = secret.metadata?.resourceVersion ?? '';
  return {
    ok: true,
    object: {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata,
      type: !type || ACTED_ON.has(type) ? 'Opaque' : type,
      ...(data && { data }),
      ...(immutable != null && { immutable }),
    },
    references: [],
  };
}
