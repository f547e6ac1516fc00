import { digits } from './names';

/** Labels that every object of the syncer on the host carries. */
export const LABELS = {
  virtualCluster: 'nestling.dev/virtual-cluster',
  namespace: 'nestling.dev/namespace',
  /** On cluster-scoped objects instead: the host namespace of the virtual cluster, as two may have one name. */
  hostNamespace: 'nestling.dev/host-namespace',
  /**
   * On pods that a NetworkPolicy of the tenant selects, by direction, with value `tenant`: the platform's own policy leaves what those
   * may receive or send to the tenant's.
   */
  ingressPolicy: 'nestling.dev/ingress-policy',
  egressPolicy: 'nestling.dev/egress-policy',
  /** On objects of the virtual cluster that show one of the host. */
  view: 'nestling.dev/from-host',
  /** On Nodes that a tenant makes, `true`: pods on them are run by a kubelet of the tenant's, and are not synced. */
  tenantKubelet: 'nestling.dev/tenant-kubelet',
} as const;

/** Annotations that tell what a host object is the twin of. */
export const ANNOTATIONS = {
  name: 'nestling.dev/name',
  namespace: 'nestling.dev/namespace',
  uid: 'nestling.dev/uid',
  kind: 'nestling.dev/kind',
  /** On config maps and secrets: the virtual object's resourceVersion that was copied. */
  resourceVersion: 'nestling.dev/resource-version',
  /** On a Service that admission made before its virtual twin exists: RFC 3339 time of that; there is no UID yet. */
  reservation: 'nestling.dev/reservation',
  /** Digest of what the syncer last wrote, to tell what was taken away since from what the API server filled in. */
  applied: 'nestling.dev/applied',
  /** Which labels and annotations a field patch has set: they go when it does. */
  patched: 'nestling.dev/patched',
  /** On config maps and secrets: digest of the field patches that they went through. */
  patches: 'nestling.dev/patches',
  /** Keys of labels and annotations without our prefixes that the syncer wrote, to take away those that are wanted no more. */
  appliedKeys: 'nestling.dev/applied-keys',
  /** On a Service of the host that the platform publishes for one of the tenant's: its own name, which a copy of it does not have. */
  publishedAs: 'nestling.dev/published-as',
  /** On a claim that outlives the tenant's: UID of the anchor of the virtual cluster for which it is kept. */
  keptFor: 'nestling.dev/kept-for',
  /**
   * On a claim that goes with the tenant's, which has HOST_CLAIM_FINALIZER: UID of the anchor of the virtual cluster. One that
   * is not on its way out while the tenant's is gone was not deleted by the tenant.
   */
  guardedFor: 'nestling.dev/guarded-for',
  /** On pods whose downward API asks for them: all labels, all annotations, the service account of the virtual pod. */
  labels: 'nestling.dev/labels',
  annotations: 'nestling.dev/annotations',
  serviceAccount: 'nestling.dev/service-account',
  /** On objects of the virtual cluster that were made from the platform's initial manifests, `true`. */
  initialManifest: 'nestling.dev/initial-manifest',
  /** On pods with an init container that the virtual pod does not have: its name (hosts-file.ts). */
  hostsContainer: 'nestling.dev/hosts-container',
  /**
   * On pods that a scheduler of the virtual cluster has bound: the node that their affinity was made for. What admission of the host adds to
   * the affinity does not change for which.
   */
  pinnedTo: 'nestling.dev/pinned-to',
} as const;

/**
 * On claims of the virtual cluster whose volume goes with them: they are there, marked as deleted, until the end of the host's claim
 * is decided. So a claim that is simply not there is one that the store of the virtual cluster has forgotten.
 */
export const HOST_CLAIM_FINALIZER = 'nestling.dev/host-claim';

/** Prefixes under which tenants' keys stand on the host: never a key that a host controller or policy looks for. */
export const KEY_PREFIXES = {
  label: 'label.nestling.dev/',
  namespaceLabel: 'namespace-label.nestling.dev/',
  annotation: 'annotation.nestling.dev/',
} as const;

/** Whether a key is one of ours, or below a prefix of ours. */
export function isOurKey(key: string): boolean {
  return /^(?:[^/]*\.)?nestling\.dev\//.test(key);
}

/** Longest part of a key after its prefix. */
export const MAX_NAME_PART = 63;
/** What a hashed key ends in, and a key that is kept as it is therefore must not. */
const HASHED_SHAPE = /-x-[0-9a-f]{10}$/;
const HASHED_LENGTH = 13;
const NAME_PART = /^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$/;

/**
 * A tenant's key below one of our prefixes: as it is where it has no prefix of its own, else the last part of it and a
 * hash of all. Two different keys never become one.
 */
function hostKey(prefix: string, key: string): string {
  if (key.length <= MAX_NAME_PART && NAME_PART.test(key) && !HASHED_SHAPE.test(key)) return prefix + key;
  const name = key.slice(key.lastIndexOf('/') + 1).slice(0, MAX_NAME_PART - HASHED_LENGTH);
  return `${prefix}${name !== '' && NAME_PART.test(`${name}x`) ? name : 'key'}-x-${digits(key)}`;
}

/** A tenant's label key on the host. */
export function hostLabelKey(key: string): string {
  return hostKey(KEY_PREFIXES.label, key);
}

/** Key of the copy of a virtual Namespace's label on the host pods of that namespace. */
export function hostNamespaceLabelKey(key: string): string {
  return hostKey(KEY_PREFIXES.namespaceLabel, key);
}

/** A tenant's annotation key on the host. */
export function hostAnnotationKey(key: string): string {
  return hostKey(KEY_PREFIXES.annotation, key);
}
