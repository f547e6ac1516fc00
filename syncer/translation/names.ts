import { hash } from 'node:crypto';
import { NAME_SEPARATOR } from '../configuration';

/** Which virtual cluster: its name, and the host namespace that its objects are synced into. */
export interface ClusterIdentity {
  readonly name: string;
  readonly hostNamespace: string;
}

/** Longest host name, so that it also fits where a name becomes a label value or a DNS label. */
export const MAX_HOST_NAME_LENGTH = 63;
/** Characters of a long name that stay readable: the rest is a dash and the hash. */
const READABLE = 52;
/** Hex digits of SHA-256 in a hashed name. */
const DIGITS = 10;
/** What the syncer keeps beside a host pod, which is no twin of anything: the last part of its name. */
const COMPANIONS = { token: '-token', trust: '-trust', certificate: '-cert' } as const;

/** Shape of a hashed name (or of a pod's companion's): no plain name may have it, else the two could meet. */
const HASHED_SHAPE = new RegExp(`-[0-9a-f]{${DIGITS}}(${Object.values(COMPANIONS).join('|')})?$`);

const LABEL = '[a-z0-9]([-a-z0-9]*[a-z0-9])?';
const SUBDOMAIN = new RegExp(`^${LABEL}(\\.${LABEL})*$`);
const NAMESPACE = new RegExp(`^${LABEL}$`);

/** Whether an object can have a name: a DNS subdomain of RFC 1123, as API servers take it for nearly all kinds. */
export function isObjectName(name: string): boolean {
  return name.length <= 253 && SUBDOMAIN.test(name);
}

/** Whether a namespace can have a name: a DNS label of RFC 1123. */
export function isNamespaceName(name: string): boolean {
  return name.length <= 63 && NAMESPACE.test(name);
}

/** The first digits of a text's SHA-256, in hex. */
export function digits(text: string, count: number = DIGITS): string {
  return hash('sha256', text, 'hex').slice(0, count);
}

/** Whether a part could be mistaken for more than itself, or a piece of its neighbour, when parts are joined by `-x-`. */
function isAmbiguous(part: string): boolean {
  // Where one part ends in `-x`, no other way to read the name is left, as none may begin with `x-`.
  return part === '' || part.includes(NAME_SEPARATOR) || part.startsWith('x-');
}

/** The first `length` characters; a dot may not stand before a dash in a DNS name, so it goes. */
function cut(text: string, length: number, suffix: string): string {
  return `${text.slice(0, length)}-${suffix}`.replaceAll('.-', '-');
}

/**
 * Joins parts by `-x-` into a name that no other parts give.
 *
 * Plain where that is unambiguous: parts without `-x-` inside and without `x-` in front can only be read back one way. Long unambiguous names hash what is joined, which is what users of virtual clusters know; a `/`, which
 * no name contains, keeps the parts of all others apart before they are hashed.
 */
function join(prefix: string, parts: readonly string[]): string {
  const joined = prefix + parts.join(NAME_SEPARATOR);
  const ambiguous = parts.some(isAmbiguous);
  if (!ambiguous && joined.length > MAX_HOST_NAME_LENGTH) return cut(joined, READABLE, digits(joined));
  if (ambiguous || HASHED_SHAPE.test(joined)) return cut(joined, READABLE, digits(`${prefix}/${parts.join('/')}`));
  return joined;
}

/**
 * Name on the host of a namespaced object: `NAME-x-NAMESPACE-x-CLUSTER` of at most 63 characters, else its first 52,
 * a dash and a hash. Two different objects never share one, nor do two clusters in one host namespace.
 */
export function hostName(id: ClusterIdentity, virtualNamespace: string, name: string): string {
  return join('', [name, virtualNamespace, id.name]);
}

/** Which object has a host name, where the name itself tells: plain ones do, those that end in a hash do not. */
export function virtualNames(id: ClusterIdentity, name: string): { namespace: string; name: string } | undefined {
  const [own = '', namespace = '', cluster, ...more] = name.split(NAME_SEPARATOR);
  if (more.length > 0 || cluster !== id.name || hostName(id, namespace, own) !== name) return undefined;
  return { namespace, name: own };
}

/** Whether a host name ends in a hash, so that only the object that has it tells whose it is. */
export function isHashedName(name: string): boolean {
  return HASHED_SHAPE.test(name);
}

/** Name on the host of a cluster-scoped object: `vcluster-NAME-x-HOSTNAMESPACE-x-CLUSTER`, shortened like {@link hostName}. */
export function clusterScopedHostName(id: ClusterIdentity, name: string): string {
  return join('vcluster-', [name, id.hostNamespace, id.name]);
}

/** Name of the host Secret with the tokens of a pod. No Secret of the tenant gets it, whatever its name: only these end in a hash and `-token`. */
export function tokenSecretName(id: ClusterIdentity, virtualNamespace: string, podName: string): string {
  return companionName('token', id, virtualNamespace, podName);
}

/** Name of the host ConfigMap with the trust anchors that a pod mounts; like that of {@link tokenSecretName} no tenant's object gets it. */
export function trustAnchorsName(id: ClusterIdentity, virtualNamespace: string, podName: string): string {
  return companionName('trust', id, virtualNamespace, podName);
}

/** Name of the host Secret with the keys and certificates of a pod; like that of {@link tokenSecretName} no tenant's object gets it. */
export function certificateSecretName(id: ClusterIdentity, virtualNamespace: string, podName: string): string {
  return companionName('certificate', id, virtualNamespace, podName);
}

function companionName(what: keyof typeof COMPANIONS, id: ClusterIdentity, namespace: string, podName: string): string {
  const parts = [podName, namespace, id.name];
  const suffix = COMPANIONS[what];
  return cut(parts.join(NAME_SEPARATOR), READABLE - suffix.length, digits(`${what}/${parts.join('/')}`)) + suffix;
}
