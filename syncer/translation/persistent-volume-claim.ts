import type { PersistentVolumeClaim, PersistentVolumeClaimSpec } from 'kubernetes-types/core/v1';
import type { Anchor, ObjectContext, Reference, Translation } from './context';
import { RefusalCollector } from './copy-environment';
import {
  Copier,
  isObject,
  object,
  plain,
  plainList,
  plainMap,
  refused,
  translated,
  type ReferredKind,
  type Field,
  type JsonObject,
} from './fields';
import type { HostRight } from './host-right';
import { jsonEqual, objectChanges } from './json';
import { ANNOTATIONS, HOST_CLAIM_FINALIZER } from './keys';
import { anchorReference, hostMetadata } from './metadata';
import { metadataPatch } from './metadata-patch';
import { hostName, type ClusterIdentity } from './names';
import { claimVolumeName } from './persistent-volume';
import { compareQuantities } from './quantity';
import { tenantTexts } from './tenant-text';

/** What the syncer does with claims on the host. */
export const PERSISTENT_VOLUME_CLAIM_RIGHTS: readonly HostRight[] = [
  { apiGroup: '', resources: ['persistentvolumeclaims'], verbs: ['get', 'list', 'watch', 'create', 'patch', 'delete'] },
];

/** Where the class of a claim stands that was written before `spec.storageClassName` was there; it still wins over that. */
const CLASS_ANNOTATION = 'volume.beta.kubernetes.io/storage-class';
/** What the host's controllers, and those of every cluster, write on a claim that has its volume. */
const BOUND_ANNOTATIONS = { 'pv.kubernetes.io/bind-completed': 'yes', 'pv.kubernetes.io/bound-by-controller': 'yes' };

/** By it a scheduler says for which node a volume is to be made, of a class that waits for a pod. */
const SELECTED_NODE = 'volume.kubernetes.io/selected-node';

/** The classes of the host that tenants may name, where the platform shows them. */
export interface OfferedClasses {
  /** Whether tenants see the class. */
  has(name: string): boolean;
  /** The one of them that is the host's default. */
  readonly defaultClass: string | undefined;
  /** Whether only some of the host's classes are shown. */
  readonly restricted: boolean;
}

/** The classes of the attributes of volumes that claims may name, where not any of the host's. */
export interface OfferedAttributes {
  /** Whether tenants see the class. */
  has(name: string): boolean;
  /** The one that the claim has on the host; it stays so when it is not shown any more. */
  readonly current: string | undefined;
}

/** What a claim's translation needs. */
export interface ClaimContext extends ObjectContext {
  /** Whether the host's claim outlives the tenant's, and the virtual cluster. */
  readonly retain: boolean;
  /** The classes that a new claim may have. @default any of the host's */
  readonly offered?: OfferedClasses | undefined;
  /** The attributes that a claim may have, a new one or one that is there. @default any of the host's */
  readonly offeredAttributes?: OfferedAttributes | undefined;
  /**
   * Whether a scheduler of the virtual cluster may choose a node for the claim's volume.
   *
   * @default the host's scheduler chooses, and what a claim says of it stays behind
   */
  readonly maySelect?: ((nodeName: string) => boolean) | undefined;
}

/** What the rules of the table ask for. */
class ClaimEnvironment extends RefusalCollector {
  readonly references: Reference[] = [];
  /** Name of the volume that the virtual cluster shows for the claim. */
  readonly volumeName: string;
  readonly #namespace: string;
  readonly #identity: ClusterIdentity;

  constructor(claim: PersistentVolumeClaim, identity: ClusterIdentity) {
    super();
    this.volumeName = claimVolumeName(claim);
    this.#namespace = claim.metadata?.namespace ?? '';
    this.#identity = identity;
  }

  override reference(_kind: ReferredKind, name: string, optional: boolean): string {
    this.references.push({ kind: 'PersistentVolumeClaim', namespace: this.#namespace, name, optional });
    return hostName(this.#identity, this.#namespace, name);
  }
}

const UNKNOWN_SOURCE =
  'names data that the host cannot find: only a PersistentVolumeClaim of the same namespace can be cloned; name one, or leave the field out and restore the data from a pod';

/** What a volume is filled with: the claim of the same namespace, as its twin. */
function source(more: { readonly [name: string]: Field<ClaimEnvironment> }): Field<ClaimEnvironment> {
  return object({ apiGroup: plain, kind: plain, name: translated, ...more }, (copy, original, environment, path) => {
    if (original['kind'] !== 'PersistentVolumeClaim' || original['apiGroup']) {
      environment.refuse(path(), UNKNOWN_SOURCE);
    } else if (typeof copy['name'] === 'string' && copy['name'] !== '') {
      copy['name'] = environment.reference('PersistentVolumeClaim', copy['name'], false);
    }
  });
}

/** Every field of PersistentVolumeClaimSpec. The class is set below, and the one of attributes held to those that are offered. */
export const PERSISTENT_VOLUME_CLAIM_SPEC: Field<ClaimEnvironment> = object(
  {
    accessModes: plainList,
    dataSource: source({}),
    dataSourceRef: source({
      namespace: refused('names data of another namespace, which the host keeps apart; clone within the namespace'),
    }),
    resources: object({ limits: plainMap, requests: plainMap }),
    // It chooses among the host's volumes by labels that the tenant cannot know, and could guess at those of others.
    selector: refused(
      'chooses among volumes of the host, whose labels are not the tenant’s; leave it out and name a storage class',
    ),
    storageClassName: translated,
    volumeAttributesClassName: plain,
    volumeMode: plain,
    volumeName: translated,
  },
  (copy, original, environment, path) => {
    delete copy['volumeName'];
    const name = original['volumeName'];
    if (typeof name === 'string' && name !== '' && name !== environment.volumeName) {
      environment.refuse(
        `${path()}.volumeName`,
        `names PersistentVolume "${name}", which is of the virtual cluster alone, while the host provides the storage; leave it out and name a storage class`,
      );
    }
  },
);

/** The host twin of a claim. Annotations of the tenant stay behind: controllers of the host act on some of them. */
export function translatePersistentVolumeClaim(
  claim: PersistentVolumeClaim,
  context: ClaimContext,
): Translation<PersistentVolumeClaim> {
  const environment = new ClaimEnvironment(claim, context.identity);
  const spec = new Copier(environment).copy(PERSISTENT_VOLUME_CLAIM_SPEC, claim.spec ?? {}, [
    'spec',
  ]) as PersistentVolumeClaimSpec;
  const chosen = chooseClass(claimClass(claim), context.offered);
  if (typeof chosen === 'object') environment.note(chosen.problem);
  const attributes = attributesProblem(spec.volumeAttributesClassName, context.offeredAttributes);
  if (attributes !== undefined) environment.note(attributes);
  const refusal = environment.refusal();
  if (refusal) return refusal;
  delete spec.storageClassName;
  if (typeof chosen === 'string') spec.storageClassName = chosen;
  const metadata = hostMetadata('PersistentVolumeClaim', claim.metadata, context);
  const selected = claim.metadata?.annotations?.[SELECTED_NODE];
  if (selected !== undefined && context.maySelect?.(selected)) metadata.annotations[SELECTED_NODE] = selected;
  if (context.retain) {
    delete metadata.ownerReferences;
    metadata.annotations[ANNOTATIONS.keptFor] = context.anchor.uid;
  } else if (claim.metadata?.finalizers?.includes(HOST_CLAIM_FINALIZER)) {
    metadata.annotations[ANNOTATIONS.guardedFor] = context.anchor.uid;
  }
  return {
    ok: true,
    object: { apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata, spec },
    references: environment.references,
  };
}

/** The class that a claim names; undefined where the default is to be taken, empty where none is. */
function claimClass({ metadata, spec }: PersistentVolumeClaim): string | undefined {
  return metadata?.annotations?.[CLASS_ANNOTATION] ?? spec?.storageClassName;
}

/** The class on the host, undefined for the host's own default; or why there is none. */
function chooseClass(
  name: string | undefined,
  offered: OfferedClasses | undefined,
): string | undefined | { readonly problem: string } {
  if (offered === undefined) return name;
  if (name === undefined) {
    if (offered.defaultClass !== undefined) return offered.defaultClass;
    if (!offered.restricted) return undefined;
    return { problem: 'spec.storageClassName is not set, and no storage class is the default; name one' };
  }
  if (name === '') {
    if (!offered.restricted) return name;
    return { problem: 'spec.storageClassName is empty, and volumes without a class are not offered; name a class' };
  }
  if (offered.has(name)) return name;
  return { problem: `spec.storageClassName: there is no storage class "${name}"; name one that is there` };
}

/** Why a claim cannot have the attributes that it names; none, by an absent or empty name, it can always have. */
function attributesProblem(name: string | undefined, offered: OfferedAttributes | undefined): string | undefined {
  if (!offered || !name || name === offered.current || offered.has(name)) return undefined;
  return `spec.volumeAttributesClassName: there is no volume attributes class "${name}"; name one that is there, or leave the field out`;
}

/** Names of the claims of its own namespace that a claim is to be a clone of. */
export function claimSources({ spec }: PersistentVolumeClaim): readonly string[] {
  const names = [spec?.dataSource, spec?.dataSourceRef]
    .filter((one) => one?.kind === 'PersistentVolumeClaim' && !one.apiGroup)
    .map((one) => one?.name ?? '');
  return [...new Set(names)].filter((name) => name !== '');
}

/** Whether a claim is that of a pod's ephemeral volume, which ends with its pod. */
export function isEphemeralClaim({ metadata }: PersistentVolumeClaim): boolean {
  return metadata?.ownerReferences?.some(({ kind, controller }) => kind === 'Pod' && controller === true) ?? false;
}

/** Whether a claim once had its volume from the syncer. */
export function wasBound(claim: PersistentVolumeClaim): boolean {
  return claim.spec?.volumeName !== undefined && claim.spec.volumeName === claimVolumeName(claim);
}

/** UID of the anchor of the virtual cluster for whose tenant a host claim is kept; undefined when it goes with the tenant's. */
export function keptFor(host: PersistentVolumeClaim): string | undefined {
  return host.metadata?.annotations?.[ANNOTATIONS.keptFor];
}

/** UID of the anchor of the virtual cluster whose tenant has to delete its claim before a host claim goes; undefined for all others. */
export function guardedFor(host: PersistentVolumeClaim): string | undefined {
  return host.metadata?.annotations?.[ANNOTATIONS.guardedFor];
}

/**
 * Why a kept host claim cannot be the twin of another virtual claim of the same name: what a claim asks for is fixed for its
 * life. Undefined when it can.
 *
 * @param wanted what `translatePersistentVolumeClaim` returned for the new claim
 */
export function adoptionObstacle(wanted: PersistentVolumeClaim, kept: PersistentVolumeClaim): string | undefined {
  const [now, before] = [wanted.spec ?? {}, kept.spec ?? {}];
  if (now.dataSource || now.dataSourceRef) return 'spec.dataSource asks for a new volume';
  if ((now.volumeMode ?? 'Filesystem') !== (before.volumeMode ?? 'Filesystem')) return 'spec.volumeMode differs';
  if (!jsonEqual([...(now.accessModes ?? [])].sort(), [...(before.accessModes ?? [])].sort())) {
    return 'spec.accessModes differ';
  }
  if (now.storageClassName !== undefined && now.storageClassName !== before.storageClassName) {
    return 'spec.storageClassName differs';
  }
  return undefined;
}

/**
 * JSON merge patch for the host claim, or undefined when it is as it should be: labels, who owns it, and what the API lets a
 * bound claim change. A request goes to the host only above the capacity that is there, so that neither a volume that the
 * host rounded up nor one that its operator enlarged is asked to shrink.
 *
 * @param wanted what `translatePersistentVolumeClaim` returned
 */
export function hostPersistentVolumeClaimPatch(
  wanted: PersistentVolumeClaim,
  host: PersistentVolumeClaim,
  anchor: Anchor,
): object | undefined {
  const spec: JsonObject = {};
  if (host.status?.phase === 'Bound') {
    const request = wanted.spec?.resources?.requests?.['storage'];
    const differs = compareQuantities(request, host.spec?.resources?.requests?.['storage']);
    const grows = compareQuantities(request, host.status.capacity?.['storage']);
    if (differs !== 0 && (grows ?? 0) > 0) spec['resources'] = { requests: { storage: request } };
    const attributes = wanted.spec?.volumeAttributesClassName;
    if (attributes !== undefined && attributes !== host.spec?.volumeAttributesClassName) {
      spec['volumeAttributesClassName'] = attributes;
    }
  }
  const metadata: JsonObject = metadataPatch(wanted.metadata, host.metadata) ?? {};
  const owners = host.metadata?.ownerReferences ?? [];
  const others = owners.filter(({ uid }) => uid !== anchor.uid);
  const owned = others.length < owners.length;
  if (wanted.metadata?.ownerReferences === undefined) {
    if (owned) metadata['ownerReferences'] = others;
  } else if (!owned) {
    metadata['ownerReferences'] = [...others, anchorReference(anchor)];
  }
  const patch = {
    ...(Object.keys(metadata).length > 0 && { metadata }),
    ...(Object.keys(spec).length > 0 && { spec }),
  };
  return Object.keys(patch).length > 0 ? patch : undefined;
}

/** Fields of a claim's status that every supported minor has; the host decides them. */
const STATUS = [
  'phase',
  'accessModes',
  'capacity',
  'allocatedResources',
  'allocatedResourceStatuses',
  'currentVolumeAttributesClassName',
  'modifyVolumeStatus',
] as const;

/**
 * What must be written into the virtual claim: the volume that the virtual cluster shows, the class that was the host's default
 * (`object`), and the host's status (`status`); both are parts of JSON merge patches, absent when there is nothing to write.
 *
 * @param hasVolume whether the virtual cluster shows the claim's volume, without which it cannot be bound
 */
export function virtualPersistentVolumeClaimPatch(
  host: PersistentVolumeClaim,
  virtual: PersistentVolumeClaim,
  { identity, hasVolume }: { readonly identity: ClusterIdentity; readonly hasVolume: boolean },
): { readonly object?: object; readonly status?: object } {
  const metadata: JsonObject = {};
  const spec: JsonObject = {};
  const bound = host.status?.phase === 'Bound' && hasVolume;
  if (bound) {
    const missing = Object.entries(BOUND_ANNOTATIONS).filter(
      ([key, value]) => virtual.metadata?.annotations?.[key] !== value,
    );
    if (missing.length > 0) metadata['annotations'] = Object.fromEntries(missing);
    if (!virtual.spec?.volumeName) spec['volumeName'] = claimVolumeName(virtual);
  }
  const hostClass = host.spec?.storageClassName;
  if (hostClass !== undefined && claimClass(virtual) === undefined) spec['storageClassName'] = hostClass;
  const object = {
    ...(Object.keys(metadata).length > 0 && { metadata }),
    ...(Object.keys(spec).length > 0 && { spec }),
  };
  // A claim is bound when its volume is there to be seen, and not before.
  const shown = host.status?.phase !== 'Bound' || hasVolume || virtual.status?.phase === 'Bound';
  const status = shown ? statusChanges(host, virtual, identity) : {};
  return {
    ...(Object.keys(object).length > 0 && { object }),
    ...(Object.keys(status).length > 0 && { status }),
  };
}

function statusChanges(host: PersistentVolumeClaim, virtual: PersistentVolumeClaim, id: ClusterIdentity): JsonObject {
  const wanted = (host.status ?? {}) as JsonObject;
  const present = (virtual.status ?? {}) as JsonObject;
  const changes: JsonObject = {};
  for (const field of STATUS) {
    if (jsonEqual(wanted[field], present[field])) continue;
    const value = wanted[field];
    changes[field] = isObject(value) ? objectChanges(value, present[field]) : (value ?? null);
  }
  const { name = '', namespace = '', uid = '' } = virtual.metadata ?? {};
  // The name of the host's volume has the host's UID in it, that of the virtual one the virtual UID.
  const inTenantNames = tenantTexts(id, [{ namespace, name, uids: { host: host.metadata?.uid ?? '', virtual: uid } }]);
  const conditions = (host.status?.conditions ?? [])
    .filter(isTheHosts)
    .map((one) => (one.message === undefined ? one : { ...one, message: inTenantNames(one.message) }));
  const shown = virtual.status?.conditions ?? [];
  if (!jsonEqual(conditions, shown.filter(isTheHosts))) {
    const all = [...conditions, ...shown.filter((one) => !isTheHosts(one))];
    changes['conditions'] = all.length > 0 ? all : null;
  }
  return changes;
}

/** Whether the host decides a condition. Each cluster's own controller says since when no pod of that cluster uses a claim (KEP-5541). */
function isTheHosts({ type }: { readonly type: string }): boolean {
  return type !== 'Unused';
}
