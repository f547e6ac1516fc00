import type { Pod } from 'kubernetes-types/core/v1';
import type { ObjectMeta, OwnerReference } from 'kubernetes-types/meta/v1';
import type { Anchor, ObjectContext } from './context';
import { ANNOTATIONS, LABELS } from './keys';
import { hostClusterLabels, hostLabels } from './labels';
import {
  certificateSecretName,
  clusterScopedHostName,
  hostName,
  tokenSecretName,
  trustAnchorsName,
  type ClusterIdentity,
} from './names';

/** What a host object says about its virtual twin. */
export interface VirtualIdentity {
  /** Empty for what has no namespace. */
  readonly namespace: string;
  readonly name: string;
  /** Undefined while the object is only a reservation. */
  readonly uid: string | undefined;
  /** Kind of the virtual twin; a {@link CompanionKind} for what is kept beside a host pod (then name and uid are the pod's). */
  readonly kind: string;
}

/**
 * Kinds that objects beside a host pod name as their twin's: the Secret with its tokens, the ConfigMap with its trust anchors, the
 * Secret with its keys and certificates. In the virtual cluster there are no such objects.
 */
export type CompanionKind = typeof TOKENS_KIND | typeof TRUST_KIND | typeof CERTIFICATES_KIND;
export const TOKENS_KIND = 'ServiceAccountToken';
export const TRUST_KIND = 'ClusterTrustBundleProjection';
export const CERTIFICATES_KIND = 'PodCertificateProjection';

interface Companion {
  readonly kind: 'Secret' | 'ConfigMap';
  readonly name: (id: ClusterIdentity, virtualNamespace: string, podName: string) => string;
}

const COMPANIONS: ReadonlyMap<string, Companion> = new Map<CompanionKind, Companion>([
  [TOKENS_KIND, { kind: 'Secret', name: tokenSecretName }],
  [TRUST_KIND, { kind: 'ConfigMap', name: trustAnchorsName }],
  [CERTIFICATES_KIND, { kind: 'Secret', name: certificateSecretName }],
]);

/** Name on the host of what is kept beside a pod. */
export function companionName(
  kind: CompanionKind,
  id: ClusterIdentity,
  virtualNamespace: string,
  podName: string,
): string {
  return (COMPANIONS.get(kind)?.name ?? hostName)(id, virtualNamespace, podName);
}

/** Metadata of what is kept beside a pod. The caller makes the host pod its owner in place of the anchor, once there is one. */
export function companionMetadata(
  kind: CompanionKind,
  { metadata: { namespace = '', name = '', uid } = {} }: Pod,
  { identity, anchor }: Pick<ObjectContext, 'identity' | 'anchor'>,
): ObjectMeta {
  return {
    name: companionName(kind, identity, namespace, name),
    namespace: identity.hostNamespace,
    labels: hostLabels(identity, namespace, undefined),
    annotations: identityAnnotations(kind, namespace, name, uid),
    ownerReferences: [anchorReference(anchor)],
  };
}

/** The one owner of every object of the syncer: nothing but deleting the virtual cluster collects them. */
export function anchorReference(anchor: Anchor): OwnerReference {
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    name: anchor.name,
    uid: anchor.uid,
    blockOwnerDeletion: false,
    controller: false,
  };
}

/** Annotations that tie a host object to its twin. */
function identityAnnotations(
  kind: string,
  namespace: string,
  name: string,
  uid: string | undefined,
): Record<string, string> {
  return {
    [ANNOTATIONS.kind]: kind,
    ...(namespace === '' ? {} : { [ANNOTATIONS.namespace]: namespace }),
    [ANNOTATIONS.name]: name,
    ...(uid === undefined ? {} : { [ANNOTATIONS.uid]: uid }),
  };
}

/** Metadata of the host twin of a namespaced object: nothing of the tenant's but its labels, under translated keys. */
export function hostMetadata(
  kind: string,
  virtual: ObjectMeta | undefined,
  context: ObjectContext,
): ObjectMeta & { labels: Record<string, string>; annotations: Record<string, string> } {
  const namespace = virtual?.namespace ?? '';
  const name = virtual?.name ?? '';
  return {
    name: hostName(context.identity, namespace, name),
    namespace: context.identity.hostNamespace,
    labels: hostLabels(context.identity, namespace, virtual?.labels),
    annotations: identityAnnotations(kind, namespace, name, virtual?.uid),
    ownerReferences: [anchorReference(context.anchor)],
  };
}

/** Metadata of the host twin of an object without namespace. Nothing owns it, as the anchor has a namespace. */
export function hostClusterMetadata(
  kind: string,
  virtual: ObjectMeta | undefined,
  { identity }: Pick<ObjectContext, 'identity'>,
): ObjectMeta & { labels: Record<string, string>; annotations: Record<string, string> } {
  const name = virtual?.name ?? '';
  return {
    name: clusterScopedHostName(identity, name),
    labels: hostClusterLabels(identity, virtual?.labels),
    annotations: identityAnnotations(kind, '', name, virtual?.uid),
  };
}

/**
 * What a host object is the twin of, or undefined when it is not this cluster's: labels, annotations, namespace, name
 * and kind must all agree. Objects that host controllers copy labels and annotations to have another name.
 *
 * The caller compares `uid` with the virtual object's before it adopts, changes or deletes anything.
 */
export function ownedBy(
  hostObject: { kind?: string; metadata?: ObjectMeta },
  id: ClusterIdentity,
): VirtualIdentity | undefined {
  const { name, namespace, labels, annotations } = hostObject.metadata ?? {};
  if (labels?.[LABELS.virtualCluster] !== id.name) return undefined;
  if (namespace === undefined || namespace === '') return clusterScopedTwin(hostObject, id);
  if (namespace !== id.hostNamespace) return undefined;
  const kind = annotations?.[ANNOTATIONS.kind];
  const virtualNamespace = annotations?.[ANNOTATIONS.namespace];
  const virtualName = annotations?.[ANNOTATIONS.name];
  if (!kind || !virtualNamespace || !virtualName || labels[LABELS.namespace] !== virtualNamespace) return undefined;
  const companion = COMPANIONS.get(kind);
  const own = hostObject.kind;
  if (own !== undefined && own !== 'PartialObjectMetadata' && own !== (companion?.kind ?? kind)) return undefined;
  const expected = (companion?.name ?? hostName)(id, virtualNamespace, virtualName);
  if (name !== expected) return undefined;
  return { namespace: virtualNamespace, name: virtualName, uid: annotations?.[ANNOTATIONS.uid], kind };
}

/** As {@link ownedBy}, of an object without namespace. */
function clusterScopedTwin(
  { kind: own, metadata: { name, labels, annotations } = {} }: { kind?: string; metadata?: ObjectMeta },
  id: ClusterIdentity,
): VirtualIdentity | undefined {
  if (labels?.[LABELS.hostNamespace] !== id.hostNamespace) return undefined;
  const kind = annotations?.[ANNOTATIONS.kind];
  const virtualName = annotations?.[ANNOTATIONS.name];
  if (!kind || !virtualName || annotations?.[ANNOTATIONS.namespace] !== undefined) return undefined;
  if (own !== undefined && own !== 'PartialObjectMetadata' && own !== kind) return undefined;
  if (name !== clusterScopedHostName(id, virtualName)) return undefined;
  return { namespace: '', name: virtualName, uid: annotations?.[ANNOTATIONS.uid], kind };
}
