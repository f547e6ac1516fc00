import {
  certificateSecretName,
  clusterScopedHostName,
  hostName,
  tokenSecretName,
  trustAnchorsName,
  type ClusterIdentity,
} from './names';

/** A virtual object whose host name may occur in a text of the host. */
export interface KnownName {
  /** Empty for what has none. */
  readonly namespace: string;
  readonly name: string;
  /** UIDs of the host object and of its twin. */
  readonly uids?: { readonly host: string; readonly virtual: string };
}

/** What the host has beside a pod, as the tenant is told of it. */
const COMPANIONS = [
  ['token', tokenSecretName],
  ['trust-anchors', trustAnchorsName],
  ['certificate', certificateSecretName],
] as const;

/** Neither before nor after a whole name. */
const NAME_CHARACTER = '[a-z0-9-]';

/**
 * A text of the host (event, condition, refusal) in the tenant's words: host names of the given virtual objects, of their
 * companions (tokens, trust anchors, certificates), and the host namespace beside them or named as one, replaced by the virtual ones.
 */
export function tenantText(text: string, id: ClusterIdentity, known: Iterable<KnownName>): string {
  let result = text;
  let namespace: string | undefined;
  for (const one of known) {
    if (one.namespace === '') {
      result = replaceName(result, id, clusterScopedHostName(id, one.name), one);
      continue;
    }
    namespace ??= one.namespace;
    result = replaceName(result, id, hostName(id, one.namespace, one.name), one);
    // A pod's token Secret does not exist in the virtual cluster; what is missing then is the pod's token.
    for (const [companion, hostNameOf] of COMPANIONS) {
      result = replaceName(result, id, hostNameOf(id, one.namespace, one.name), {
        ...one,
        name: `${one.name}-${companion}`,
      });
    }
    if (one.uids !== undefined && one.uids.host !== '') result = result.replaceAll(one.uids.host, one.uids.virtual);
  }
  if (namespace === undefined || !result.includes(id.hostNamespace)) return result;
  const spelled = new RegExp(`(namespace[:=]? ?"?|")${escape(id.hostNamespace)}(?!${NAME_CHARACTER})`, 'g');
  const virtual = namespace;
  return result.replace(spelled, (_match, before: string) => before + virtual);
}

function replaceName(
  text: string,
  { hostNamespace }: ClusterIdentity,
  host: string,
  { namespace, name }: KnownName,
): string {
  if (!text.includes(host)) return text;
  const at = escape(hostNamespace);
  const pattern = new RegExp(
    `(?<!${NAME_CHARACTER})(${at}/)?${escape(host)}(?:([_.])${at})?(?!${NAME_CHARACTER})`,
    'g',
  );
  return text.replace(
    pattern,
    (_match, before: string | undefined, joint: string | undefined) =>
      (before === undefined ? '' : `${namespace}/`) + name + (joint === undefined ? '' : joint + namespace),
  );
}

function escape(text: string): string {
  return text.replace(/[^A-Za-z0-9_]/g, (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`);
}
