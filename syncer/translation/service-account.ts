import type { ServiceAccount } from 'kubernetes-types/core/v1';
import { keyMatches } from '../configuration';
import type { ObjectContext, Translation } from './context';
import type { HostRight } from './host-right';
import { isOurKey } from './keys';
import { hostMetadata } from './metadata';

/** What the syncer does with service accounts on the host. */
export const SERVICE_ACCOUNT_RIGHTS: readonly HostRight[] = [
  { apiGroup: '', resources: ['serviceaccounts'], verbs: ['get', 'list', 'watch', 'create', 'patch', 'delete'] },
];

/**
 * The host twin of a ServiceAccount: a name for what a cloud gives to accounts, and nothing else. It has no rights, no secrets, and no
 * pod gets its token unless something of the host mounts one; what the virtual account may do is the virtual cluster's.
 *
 * @param context.annotations keys that the twin has, or with a `*` at the end all that begin so
 */
export function translateServiceAccount(
  { metadata: virtual }: ServiceAccount,
  context: ObjectContext & { readonly annotations: readonly string[] },
): Translation<ServiceAccount> {
  const metadata = hostMetadata('ServiceAccount', virtual, context);
  const passed = Object.entries(virtual?.annotations ?? {}).filter(
    ([key]) => !isOurKey(key) && context.annotations.some((pattern) => keyMatches(pattern, key)),
  );
  metadata.annotations = { ...Object.fromEntries(passed), ...metadata.annotations };
  return {
    ok: true,
    object: { apiVersion: 'v1', kind: 'ServiceAccount', metadata, automountServiceAccountToken: false },
    references: [],
  };
}

/** Name of the account that a pod runs as in the virtual cluster. */
export function serviceAccountOf(pod: { readonly spec?: { readonly serviceAccountName?: string } }): string {
  return pod.spec?.serviceAccountName || 'default';
}
