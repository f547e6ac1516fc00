import type { PersistentVolume, PersistentVolumeClaim } from 'kubernetes-types/core/v1';
import { Controller } from '../engine';
import type { ObjectCache } from '../engine';
import { ApiError, resources } from '../kube-client';
import { appliedPatch, claimVolumeName, isView, isVolumeOf, volumeOfClaim, withAppliedDigest } from '../translation';
import type { Caches } from './caches';
import type { Claims } from './claims';
import type { KindEnvironment } from './environment';
import { exactly } from './exactly';
import { isOtherObject, warn } from './refusals';
import { remove } from './removal';

const TYPE = resources.persistentVolumes;
/** Index of virtual claims by the name of the volume that is shown for them. */
const VOLUME = 'volume';

/**
 * The PersistentVolumes of a virtual cluster: one for each claim whose twin has a volume, made and removed by the syncer, since
 * nothing in the virtual cluster provisions or binds any. What tenants make themselves is left alone, and no claim gets it.
 */
export class Volumes {
  readonly #environment: KindEnvironment;
  readonly #claims: Claims;
  readonly #virtualClaims: ObjectCache<PersistentVolumeClaim>;
  readonly #virtual: ObjectCache<PersistentVolume>;
  /** The host's volumes, where tenants see facts of them. */
  readonly #host: ObjectCache<PersistentVolume> | undefined;
  readonly #controller: Controller;

  constructor(environment: KindEnvironment, caches: Caches, claims: Claims) {
    const { configuration, identity, logger, metrics } = environment;
    this.#environment = environment;
    this.#claims = claims;
    const virtualClaims = caches.of<PersistentVolumeClaim>('virtual', resources.persistentVolumeClaims);
    this.#virtualClaims = virtualClaims;
    this.#virtual = caches.of<PersistentVolume>('virtual', TYPE);
    if (configuration.sync.fromHost.persistentVolumes.enabled) {
      this.#host = caches.of<PersistentVolume>('host', TYPE, {
        scope: 'cluster',
        transform: (volume) => (volume.spec?.claimRef?.namespace === identity.hostNamespace ? volume : bare(volume)),
      });
    }
    this.#controller = new Controller({
      name: TYPE.resource,
      cache: this.#virtual,
      waitFor: [...claims.sources, ...(this.#host ? [this.#host] : [])],
      reconcile: (name) => this.#reconcile(name),
      logger,
      metrics,
    });
    virtualClaims.addIndex(VOLUME, (claim) => [claimVolumeName(claim)]);
    virtualClaims.subscribe(({ type, object }) => {
      if (type !== 'modified') this.#controller.enqueue(claimVolumeName(object));
    });
    const enqueueTwin = (key: string | undefined): void => {
      const claim = key === undefined ? undefined : virtualClaims.get(key);
      if (claim) this.#controller.enqueue(claimVolumeName(claim));
    };
    const hostClaims = caches.of<PersistentVolumeClaim>('host', resources.persistentVolumeClaims);
    hostClaims.subscribe(({ object }) => enqueueTwin(caches.virtualKeyOf(object, 'PersistentVolumeClaim')));
    this.#host?.subscribe(({ object }) => {
      const { namespace, name } = object.spec?.claimRef ?? {};
      const twin = hostClaims.get(`${namespace}/${name}`);
      if (twin) enqueueTwin(caches.virtualKeyOf(twin, 'PersistentVolumeClaim'));
    });
  }

  run(signal: AbortSignal): Promise<void> {
    for (const claim of this.#virtualClaims.values()) this.#controller.enqueue(claimVolumeName(claim));
    return this.#controller.run(signal);
  }

  async #reconcile(name: string): Promise<void> {
    const [claim] = this.#virtualClaims.byIndex(VOLUME, name);
    const actual = this.#virtual.get(name);
    const wanted = claim && this.#wanted(claim, actual);
    if (actual && !isView(actual)) {
      const message = `PersistentVolume "${name}", which stands for the host's volume of this claim, is there already; delete it`;
      if (claim && wanted) warn(this.#environment, resources.persistentVolumeClaims, claim, 'VolumeNameTaken', message);
      return;
    }
    if (!claim) {
      if (actual) await this.#release(actual);
      return;
    }
    // A claim that lost its volume keeps what it shows.
    if (!wanted) return;
    const current = actual ? await this.#mend(actual, wanted) : await this.#create(wanted);
    if (current && current.status?.phase !== 'Bound') await this.#setPhase(current, 'Bound');
  }

  /** What a claim's volume should be; undefined while its twin has none. */
  #wanted(claim: PersistentVolumeClaim, actual: PersistentVolume | undefined): PersistentVolume | undefined {
    const twin = this.#claims.twinOf(claim);
    if (twin?.status?.phase !== 'Bound') return undefined;
    const found = this.#host?.get(twin.spec?.volumeName ?? '');
    const hostVolume = found && isVolumeOf(found, twin) ? found : undefined;
    const volume = volumeOfClaim(claim, twin, { retain: this.#claims.retains(claim), hostVolume });
    // The API does not take it away again, such as where facts are not shown any more.
    const nodeAffinity = actual?.spec?.nodeAffinity;
    return withAppliedDigest(nodeAffinity ? { ...volume, spec: { ...volume.spec, nodeAffinity } } : volume);
  }

  async #create(wanted: PersistentVolume): Promise<PersistentVolume | undefined> {
    try {
      const created = await this.#environment.virtual.create<PersistentVolume>(TYPE, wanted);
      this.#virtual.observe(created);
      return created;
    } catch (error) {
      // One that the watch has not brought yet.
      if (!ApiError.is(error, 'AlreadyExists')) throw error;
      return undefined;
    }
  }

  /** Undoes what a tenant changed. */
  async #mend(actual: PersistentVolume, wanted: PersistentVolume): Promise<PersistentVolume | undefined> {
    if (actual.metadata?.deletionTimestamp) return actual;
    const patch = appliedPatch(wanted, actual);
    if (!patch) return actual;
    return this.#patch(actual, patch);
  }

  /** The claim is gone: the volume is bound no more, which lets the virtual cluster's own protection of volumes go. */
  async #release(actual: PersistentVolume): Promise<void> {
    if (actual.status?.phase === 'Bound' && !(await this.#setPhase(actual, 'Released'))) return;
    if (!actual.metadata?.deletionTimestamp) await remove(this.#environment.virtual, TYPE, actual);
  }

  #setPhase(actual: PersistentVolume, phase: string): Promise<PersistentVolume | undefined> {
    return this.#patch(actual, { status: { phase } }, 'status');
  }

  /** The volume as it is then; undefined when it is gone or another one. */
  async #patch(actual: PersistentVolume, patch: object, subresource?: string): Promise<PersistentVolume | undefined> {
    const { name = '' } = actual.metadata ?? {};
    try {
      const options = { name, type: 'merge', ...(subresource !== undefined && { subresource }) } as const;
      const after = await this.#environment.virtual.patch<PersistentVolume>(TYPE, options, exactly(actual, patch));
      this.#virtual.observe(after);
      return after;
    } catch (error) {
      if (ApiError.is(error, 'NotFound') || isOtherObject(error)) return undefined; // the watch tells soon
      throw error;
    }
  }
}

/** What is kept of a volume of somebody else: that it exists. */
function bare({ metadata }: PersistentVolume): PersistentVolume {
  const { name, uid, resourceVersion } = metadata ?? {};
  return {
    metadata: {
      ...(name !== undefined && { name }),
      ...(uid !== undefined && { uid }),
      ...(resourceVersion !== undefined && { resourceVersion }),
    },
  };
}
