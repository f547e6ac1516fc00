import type { PersistentVolume, PersistentVolumeClaim, Pod } from 'kubernetes-types/core/v1';
import type { StorageClass } from 'kubernetes-types/storage/v1';
import type { VolumeAttributesClass } from 'kubernetes-types/storage/v1alpha1';
import { objectKey } from '../engine';
import type { ObjectCache, SyncedSource } from '../engine';
import { resources } from '../kube-client';
import {
  adoptionObstacle,
  ANNOTATIONS,
  claimSources,
  claimVolumeName,
  defaultClass,
  ephemeralClaimName,
  guardedFor,
  HOST_CLAIM_FINALIZER,
  hostPersistentVolumeClaimPatch,
  isBoundTo,
  isEphemeralClaim,
  isView,
  keptFor,
  translatePersistentVolumeClaim,
  virtualPersistentVolumeClaimPatch,
  wasBound,
} from '../translation';
import type { OfferedAttributes, OfferedClasses, Translation } from '../translation';
import type { Caches } from './caches';
import type { ClassViews } from './class-views';
import type { KindEnvironment } from './environment';
import type { HostNodes } from './host-nodes';
import { warn } from './refusals';
import { Twins } from './twins';
import type { Loss, Verdict } from './twins';
import type { Views } from './views';

const TYPE = resources.persistentVolumeClaims;
/** Index of virtual claims by the claims that they are to be clones of. */
const SOURCE = 'source';

/** Why a pod cannot start yet; without a message there is nothing to tell, as it is only a moment. */
export interface ClaimObstacle {
  readonly message: string | undefined;
}

/**
 * PersistentVolumeClaims: the host provides the storage, and this shows what it did. A claim of a pod is on the host before the
 * pod, and the host's scheduler chooses where both go. With `deletionPolicy: Retain` the host's claim outlives the tenant's
 * (docs/decisions: Kept claims).
 */
export class Claims {
  readonly #environment: KindEnvironment;
  readonly #virtual: ObjectCache<PersistentVolumeClaim>;
  readonly #classes: Views<StorageClass> | undefined;
  readonly #attributes: Views<VolumeAttributesClass> | undefined;
  readonly #nodes: HostNodes;
  readonly #twins: Twins<PersistentVolumeClaim>;
  readonly #retain: boolean;
  readonly #listeners = new Set<(virtualKey: string) => void>();
  /** By the UID of a claim without a twin: why it has none. */
  readonly #refusals = new Map<string, string>();
  /** Caches that must be complete before absence of a claim means anything. */
  readonly sources: readonly SyncedSource[];

  /** @param views the classes that tenants see; undefined where they see none and may name any */
  constructor(
    environment: KindEnvironment,
    caches: Caches,
    views: Pick<ClassViews, 'storageClasses' | 'volumeAttributesClasses'>,
    nodes: HostNodes,
  ) {
    const { storageClasses: classes, volumeAttributesClasses: attributes } = views;
    this.#environment = environment;
    this.#nodes = nodes;
    this.#classes = classes;
    this.#attributes = attributes;
    this.#retain = environment.configuration.sync.toHost.persistentVolumeClaims.deletionPolicy === 'Retain';
    const virtual = caches.of<PersistentVolumeClaim>('virtual', TYPE);
    const host = caches.of<PersistentVolumeClaim>('host', TYPE);
    const volumes = caches.of<PersistentVolume>('virtual', resources.persistentVolumes);
    this.#virtual = virtual;
    this.sources = [virtual, host];
    this.#twins = new Twins<PersistentVolumeClaim>(environment, caches, {
      type: TYPE,
      virtual,
      host,
      waitFor: [
        volumes,
        ...nodes.sources,
        ...(classes ? [classes.host] : []),
        ...(attributes ? [attributes.host] : []),
      ],
      isReady: (claim) => this.#sourcesAreReady(claim),
      translate: (claim) => this.#translate(claim),
      // The data in it are worth more than its agreement with a claim that was changed into a wrong one.
      whenRefused: 'keep',
      verdict: (twin, claim) => this.#verdict(twin, claim),
      hostPatch: (wanted, twin) => hostPersistentVolumeClaimPatch(wanted, twin, environment.anchor),
      virtualPatch: (twin, claim) => {
        const volume = volumes.get(claimVolumeName(claim));
        const hasVolume = volume !== undefined && isBoundTo(volume, claim);
        return virtualPersistentVolumeClaimPatch(twin, claim, { identity: environment.identity, hasVolume });
      },
      lost,
      // Ephemeral volumes end with their pods, whatever the store knows; kept ones do not end.
      guard: {
        finalizer: HOST_CLAIM_FINALIZER,
        wants: (claim) => !this.#retain && !isEphemeralClaim(claim),
        keepsTwin: (claim) => this.retains(claim),
      },
      onRefused: (claim, message) => this.#refused(claim, message),
      knownNames: (claim) => claimSources(claim).map((name) => ({ namespace: claim.metadata?.namespace ?? '', name })),
    });

    virtual.addIndex(SOURCE, (claim) => claimSources(claim).map((name) => `${claim.metadata?.namespace}/${name}`));
    virtual.subscribe(({ type, key, object }) => {
      if (type === 'deleted') this.#refusals.delete(object.metadata?.uid ?? '');
      if (type !== 'modified') this.#changed(key);
    });
    host.subscribe(({ object }) => {
      const key = caches.virtualKeyOf(object, TYPE.kind);
      if (key === undefined) return;
      const claim = virtual.get(key);
      if (claim && this.twinOf(claim)) this.#refusals.delete(claim.metadata?.uid ?? '');
      this.#changed(key);
    });
    volumes.subscribe(({ object }) => {
      const { namespace, name } = object.spec?.claimRef ?? {};
      if (isView(object) && namespace && name) this.#twins.enqueue(`${namespace}/${name}`);
    });
    classes?.host.subscribe(() => {
      for (const claim of virtual.values()) if (!this.twinOf(claim)) this.#twins.enqueue(objectKey(claim));
    });
    attributes?.host.subscribe(({ object }) => {
      const name = object.metadata?.name;
      for (const claim of virtual.values()) {
        if (claim.spec?.volumeAttributesClassName === name) this.#twins.enqueue(objectKey(claim));
      }
    });
  }

  run(signal: AbortSignal): Promise<void> {
    return this.#twins.run(signal);
  }

  /** The host's claim of a virtual one, as the caches show it. */
  twinOf(claim: PersistentVolumeClaim): PersistentVolumeClaim | undefined {
    return this.#twins.twinOf(claim);
  }

  /** Whether the host's claim outlives this one. */
  retains(claim: PersistentVolumeClaim): boolean {
    return this.#retain && !isEphemeralClaim(claim);
  }

  /** Calls back with each claim that came, went, got its twin or was refused one. */
  onChange(listener: (virtualKey: string) => void): void {
    this.#listeners.add(listener);
  }

  /** What stands between a pod and its claims, in the words of Kubernetes' scheduler; undefined when nothing does. */
  obstacle(pod: Pod): ClaimObstacle | undefined {
    for (const volume of pod.spec?.volumes ?? []) {
      const name = volume.ephemeral
        ? ephemeralClaimName(pod.metadata?.name ?? '', volume.name)
        : volume.persistentVolumeClaim?.claimName;
      if (!name) continue;
      const obstacle = this.#obstacleOf(name, pod, volume.ephemeral !== undefined);
      if (obstacle) return obstacle;
    }
    return undefined;
  }

  #obstacleOf(name: string, pod: Pod, ephemeral: boolean): ClaimObstacle | undefined {
    const { namespace = '', uid } = pod.metadata ?? {};
    const text = `persistentvolumeclaim "${name}"`;
    const claim = this.#virtual.get(`${namespace}/${name}`);
    if (!claim) {
      return {
        message: ephemeral ? `waiting for ephemeral volume controller to create the ${text}` : `${text} not found`,
      };
    }
    if (ephemeral && !isControlledBy(claim, uid)) {
      return { message: `${text} was not created for the pod; delete it, so that the pod gets one of its own` };
    }
    if (claim.metadata?.deletionTimestamp) return { message: `${text} is being deleted` };
    // With the twin of another claim of that name it would see another one's data.
    if (this.twinOf(claim)) return undefined;
    const refusal = this.#refusals.get(claim.metadata?.uid ?? '');
    return { message: refusal === undefined ? undefined : `${text} has no volume: ${refusal}` };
  }

  #translate(claim: PersistentVolumeClaim): Translation<PersistentVolumeClaim> {
    const { identity, anchor } = this.#environment;
    const twin = this.twinOf(claim);
    // Which classes are offered decides about new claims only.
    const offered = twin ? undefined : this.#offered();
    const offeredAttributes = this.#offeredAttributes(twin);
    return translatePersistentVolumeClaim(claim, {
      identity,
      anchor,
      retain: this.retains(claim),
      offered,
      offeredAttributes,
      ...(this.#nodes.areChosenInside && { maySelect: (name) => this.#nodes.has(name) }),
    });
  }

  #offeredAttributes(twin: PersistentVolumeClaim | undefined): OfferedAttributes | undefined {
    const views = this.#attributes;
    const { storageClasses } = this.#environment.configuration.sync.fromHost;
    // Who limits the classes of volumes has not opened all classes of attributes.
    if (!views && Object.keys(storageClasses.selector).length === 0) return undefined;
    return { has: (name) => views?.shows(name) ?? false, current: twin?.spec?.volumeAttributesClassName };
  }

  #offered(): OfferedClasses | undefined {
    const views = this.#classes;
    if (!views) return undefined;
    const { selector } = this.#environment.configuration.sync.fromHost.storageClasses;
    const shown = [...views.host.values()].filter(({ metadata }) => views.shows(metadata?.name ?? ''));
    return {
      has: (name) => views.shows(name),
      defaultClass: defaultClass(shown),
      restricted: Object.keys(selector).length > 0,
    };
  }

  /** Whether the claims that a claim is to be a clone of are there: a kept claim of somebody else may have the name on the host. */
  #sourcesAreReady(claim: PersistentVolumeClaim): boolean {
    return claimSources(claim).every((name) => {
      const source = this.#virtual.get(`${claim.metadata?.namespace}/${name}`);
      if (source) return this.twinOf(source) !== undefined;
      const message = `spec.dataSource names persistentvolumeclaim "${name}", which is not there; create it, or name another one`;
      warn(this.#environment, TYPE, claim, 'SourceNotFound', message);
      this.#refused(claim, message);
      return false;
    });
  }

  #verdict(twin: PersistentVolumeClaim, claim: PersistentVolumeClaim | undefined): Verdict {
    if (claim && twin.metadata?.annotations?.[ANNOTATIONS.uid] === claim.metadata?.uid) return { verdict: 'twin' };
    const { anchor } = this.#environment;
    const guarded = guardedFor(twin) === anchor.uid;
    const owner = keptFor(twin) ?? (guarded ? anchor.uid : undefined);
    // Without a volume there is nothing to keep. The version, as it may just have got one.
    const empty = twin.status?.phase === undefined || twin.status.phase === 'Pending';
    if (owner === undefined) return { verdict: 'remove' };
    if (empty) return { verdict: 'remove', resourceVersion: twin.metadata?.resourceVersion };
    if (claim === undefined && guarded) this.#tellForgotten(twin);
    const kept = 'a volume of an earlier claim of this name is kept on the host';
    if (claim === undefined || owner !== anchor.uid) {
      const message = `${kept}, and it is not of this virtual cluster; use another name, or ask the operator to remove it`;
      return { verdict: 'leave', reason: 'HostNameTaken', message };
    }
    const wanted = this.#translate(claim);
    if (!wanted.ok) return { verdict: 'leave', reason: wanted.reason, message: wanted.message };
    const obstacle = adoptionObstacle(wanted.object, twin);
    if (obstacle !== undefined || isEphemeralClaim(claim)) {
      const why = obstacle ?? 'an ephemeral volume is always a new one';
      const message = `${kept}, and cannot be used again: ${why}; use another name, ask for what the earlier claim had, or ask the operator to remove it`;
      return { verdict: 'leave', reason: 'HostNameTaken', message };
    }
    this.#environment.events.record({
      object: claim,
      type: TYPE,
      severity: 'Normal',
      reason: 'VolumeUsedAgain',
      message: 'the volume of the earlier claim of this name, which was kept, is used again with the data in it',
    });
    return { verdict: 'twin' };
  }

  /** The tenant's claim is gone without having been deleted: only an older store, or who took its finalizer away, explains that. */
  #tellForgotten(twin: PersistentVolumeClaim): void {
    const { annotations = {} } = twin.metadata ?? {};
    const name = annotations[ANNOTATIONS.name] ?? '';
    const namespace = annotations[ANNOTATIONS.namespace] ?? '';
    const uid = annotations[ANNOTATIONS.uid] ?? '';
    const message =
      'the virtual cluster has this claim no more, and nobody deleted it, as after a restore of an older store: its volume is kept on the host; create the claim again to use it, or ask the operator to remove it';
    warn(this.#environment, TYPE, { metadata: { name, namespace, uid } }, 'VolumeKept', message);
    this.#environment.logger.warn(
      { namespace, claim: name, host: twin.metadata?.name },
      'a claim is kept on the host, as it was not deleted in the virtual cluster',
    );
  }

  #refused(claim: PersistentVolumeClaim, message: string): void {
    const uid = claim.metadata?.uid ?? '';
    // A claim that has its twin is only refused a change.
    if (this.twinOf(claim) || this.#refusals.get(uid) === message) return;
    this.#refusals.set(uid, message);
    this.#tell(objectKey(claim));
  }

  /** A claim or its twin came or went: claims that are to be its clones, and pods, may go on. */
  #changed(key: string): void {
    for (const clone of this.#virtual.byIndex(SOURCE, key)) {
      if (!this.twinOf(clone)) this.#twins.enqueue(objectKey(clone));
    }
    this.#tell(key);
  }

  #tell(key: string): void {
    for (const listener of this.#listeners) listener(key);
  }
}

/** A claim that had a volume, and whose twin somebody removed on the host: an empty one in its place would pass for the old. */
function lost(claim: PersistentVolumeClaim): Loss | undefined {
  if (!wasBound(claim)) return undefined;
  return {
    reason: 'ClaimLost',
    message:
      'its claim on the host was removed, and the data with it; delete this claim and create it again for an empty volume',
    patch: claim.status?.phase === 'Lost' ? {} : { status: { phase: 'Lost' } },
  };
}

function isControlledBy({ metadata }: PersistentVolumeClaim, uid: string | undefined): boolean {
  return metadata?.ownerReferences?.some((owner) => owner.controller === true && owner.uid === uid) ?? false;
}
