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
  return tenantTexts(id, known)(text);
}

/** As {@link tenantText}, for many texts about the same objects: their names on the host are made once. */
export function tenantTexts(id: ClusterIdentity, known: Iterable<KnownName>): (text: string) => string {
  const all = [...known];
  const objects = all.map((one) => ({
    uids: one.namespace === '' ? undefined : one.uids,
    names: hostNamesOf(id, one),
  }));
  const namespace = all.find((one) => one.namespace !== '')?.namespace;
  return (text) => {
    let result = text;
    for (const { names, uids } of objects) {
      for (const [host, virtual] of names) result = replaceName(result, id, host, virtual);
      if (uids !== undefined && uids.host !== '') result = result.replaceAll(uids.host, uids.virtual);
    }
    if (namespace === undefined || !result.includes(id.hostNamespace)) return result;
    const spelled = new RegExp(`(namespace[:=]? ?"?|")${escape(id.hostNamespace)}(?!${NAME_CHARACTER})`, 'g');
    return result.replace(spelled, (_match, before: string) => before + namespace);
  };
}

/** Names on the host of an object and its companions, each with what the tenant is told instead. */
function hostNamesOf(id: ClusterIdentity, one: KnownName): readonly (readonly [host: string, virtual: KnownName])[] {
  const { namespace, name } = one;
  if (namespace === '') return [[clusterScopedHostName(id, name), one]];
  return [
    [hostName(id, namespace, name), one],
    // A pod's token Secret does not exist in the virtual cluster; what is missing then is the pod's token.
    ...COMPANIONS.map(
      ([companion, hostNameOf]) =>
        [hostNameOf(id, namespace, name), { namespace, name: `${name}-${companion}` }] as const,
    ),
  ];
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
