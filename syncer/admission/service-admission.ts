import { setTimeout as delay } from 'node:timers/promises';
import type { Service } from 'kubernetes-types/core/v1';
import type { Logger } from '../engine';
import { ApiError, type KubeClient, resources } from '../kube-client';
import {
  type Anchor,
  ANNOTATIONS,
  type ClusterIdentity,
  clusterIPs,
  contradicts,
  type FieldPatches,
  hostName,
  hostServicePatch,
  isView,
  ownedBy,
  reservationAge,
  translateService,
} from '../translation';
import { allocationPatch, needsAddress, updateAllocates, withAllocatedValues } from './allocation';
import { generatedName } from './generated-name';
import { type JsonPatchOperation, set } from './json-patch';
import { KeyedMutex } from './keyed-mutex';
import { refusalByHost, type ServiceKey, stillLeaving, taken, unavailable, untranslatable } from './refusal';
import { type AdmissionDecision, type AdmissionRequest, ALLOWED, allowWith, refuse, type Refusal } from './review';
import type { ServiceRanges } from './service-ranges';

/** As many names as upstream tries for one `generateName`. */
const NAME_ATTEMPTS = 8;
/** Rounds of create, look and make room; each round ends early only because something else changed the host Service. */
const RESERVE_ATTEMPTS = 6;
/** Pause while the host Service of a former twin still has finalizers. */
const LEAVING_PAUSE_MS = 300;
/**
 * An open reservation younger than this may belong to another request of the same name that is just being stored. Only
 * after it the live virtual Service tells which of the two came first.
 */
const SETTLE_MS = 300;

/** The API server's own Service, and where it is. */
const OWN_SERVICE: ServiceKey = { namespace: 'default', name: 'kubernetes' };

/** What {@link ServiceAdmission} needs. */
export interface ServiceAdmissionOptions {
  readonly identity: ClusterIdentity;
  /** Owner of the host Services; asked for at each use, as admission serves before anything else is known. */
  readonly anchor: (signal: AbortSignal) => Anchor | Promise<Anchor>;
  /** Client of the host cluster. */
  readonly host: KubeClient;
  /** Client of the virtual cluster. */
  readonly virtual: KubeClient;
  readonly ranges: ServiceRanges;
  /** What the operator changes of each host Service. @default nothing */
  readonly patches?: FieldPatches;
  /**
   * Services of the host that tenants see: those of these namespaces and names that the syncer shows have their addresses already, and no
   * twin.
   *
   * @default none
   */
  readonly shown?: readonly ServiceKey[];
  readonly logger: Logger;
}

/** The request has been answered with a refusal in the middle of the work. */
class Refused extends Error {
  readonly refusal: Refusal;
  constructor(refusal: Refusal) {
    super(refusal.message);
    this.refusal = refusal;
  }
}

/** The virtual Service is there already: the API server will say so. */
const EXISTS = Symbol('exists');

/**
 * Gives virtual Services the addresses of their host twins before they are stored: the twin is made (or changed) first,
 * and what the host allocated goes into the virtual object. Until the virtual Service is stored the host Service carries
 * a reservation (docs/decisions/0002-service-reservations.md), which the controller of Services settles.
 */
export class ServiceAdmission {
  readonly #options: ServiceAdmissionOptions;
  readonly #mutex = new KeyedMutex();
  /** Host Service in front of the virtual API server, as last seen: its addresses stay while it lives. */
  #front: Service | undefined;

  constructor(options: ServiceAdmissionOptions) {
    this.#options = options;
  }

  /** Decides about a create or update of a virtual Service; everything else passes. */
  readonly review = async (request: AdmissionRequest, signal: AbortSignal): Promise<AdmissionDecision> => {
    const service = request.object as Service | undefined;
    if (request.subResource !== '' || !service) return ALLOWED;
    try {
      if (request.operation === 'CREATE') return await this.#create(request, service, signal);
      if (request.operation === 'UPDATE' && request.oldObject) {
        return await this.#update(request, request.oldObject as Service, service, signal);
      }
      return ALLOWED;
    } catch (error) {
      const key = {
        namespace: request.namespace,
        name: service.metadata?.name ?? service.metadata?.generateName ?? '',
      };
      return refuse(this.#refusal(error, key, signal));
    }
  };

  #refusal(error: unknown, key: ServiceKey, signal: AbortSignal): Refusal {
    if (error instanceof Refused) return error.refusal;
    const { identity, logger } = this.#options;
    if (error instanceof ApiError) {
      const refusal = refusalByHost(error, identity, key);
      if (refusal.code >= 500) logger.warn({ service: key, err: error }, 'a Service cannot be admitted');
      return refusal;
    }
    logger.warn({ service: key, err: error }, 'a Service cannot be admitted');
    return unavailable(
      key,
      signal.aborted ? 'the host cluster has not answered in time' : 'the host cluster cannot be reached',
    );
  }

  async #create(request: AdmissionRequest, service: Service, signal: AbortSignal): Promise<AdmissionDecision> {
    const { namespace, dryRun } = request;
    if (!needsAddress(service)) return ALLOWED;
    const { name = '', generateName = '' } = service.metadata ?? {};
    if (this.#shows({ namespace, name }, service)) return this.#shown({ namespace, name }, service, dryRun, signal);
    if (namespace === OWN_SERVICE.namespace && name === OWN_SERVICE.name) return this.#ownService(service, signal);
    // The API server will refuse such a name; there is no twin to make.
    if (!isDnsLabel(name === '' ? `${generateName}x` : name)) return ALLOWED;
    if (name !== '') {
      const key = { namespace, name };
      const twin = await this.#exclusively(key, signal, () => this.#reserve(key, service, dryRun, signal));
      return this.#answer(key, service, twin, [], signal);
    }
    for (let attempt = 0; attempt < NAME_ATTEMPTS; attempt++) {
      const key = { namespace, name: generatedName(generateName, request.uid, attempt) };
      const named = { ...service, metadata: { ...service.metadata, name: key.name } };
      try {
        const twin = await this.#exclusively(key, signal, () => this.#reserve(key, named, dryRun, signal));
        if (twin !== EXISTS) return await this.#answer(key, service, twin, [set(key.name, 'metadata', 'name')], signal);
      } catch (error) {
        if (!(error instanceof Refused && error.refusal.code === 409)) throw error;
      }
    }
    return ALLOWED; // no name was free: the API server tries as often itself, and then says so
  }

  /** What the host gave, for the virtual object. A dry run has no twin and gets nothing: its addresses are dummies. */
  async #answer(
    key: ServiceKey,
    service: Service,
    twin: Service | typeof EXISTS | undefined,
    patch: readonly JsonPatchOperation[],
    signal: AbortSignal,
  ): Promise<AdmissionDecision> {
    if (twin === EXISTS) return ALLOWED;
    if (!twin) return allowWith(patch);
    await this.#include(key, twin, signal);
    return allowWith([...patch, ...allocationPatch(service, twin)]);
  }

  /** Whether it is a Service of the host that the syncer shows. */
  #shows({ namespace, name }: ServiceKey, service: Service): boolean {
    const { shown = [] } = this.#options;
    return isView(service) && shown.some((one) => one.namespace === namespace && one.name === name);
  }

  /** The host has given the address to its own Service. */
  async #shown(key: ServiceKey, service: Service, dryRun: boolean, signal: AbortSignal): Promise<AdmissionDecision> {
    if (!dryRun) await this.#include(key, service, signal);
    return ALLOWED;
  }

  /** `default/kubernetes` is the host Service in front of the virtual API server; nothing is made for it. */
  async #ownService(service: Service, signal: AbortSignal): Promise<AdmissionDecision> {
    const { identity, host } = this.#options;
    try {
      this.#front = await host.get<Service>(resources.services, {
        name: identity.name,
        namespace: identity.hostNamespace,
        signal,
      });
    } catch (error) {
      if (!this.#front || error instanceof ApiError) throw error;
    }
    const { clusterIP, clusterIPs: all, ipFamilies, ipFamilyPolicy } = this.#front.spec ?? {};
    await this.#include(OWN_SERVICE, this.#front, signal);
    const spec: NonNullable<Service['spec']> = {
      ...(clusterIP === undefined ? {} : { clusterIP }),
      ...(all === undefined ? {} : { clusterIPs: all }),
      ...(ipFamilies === undefined ? {} : { ipFamilies }),
      ...(ipFamilyPolicy === undefined ? {} : { ipFamilyPolicy }),
    };
    return allowWith(allocationPatch(service, { spec }));
  }

  /**
   * Makes the host twin of a Service that is not stored yet, and says what the host gave it.
   *
   * @returns the reserved host Service, undefined for a dry run, or EXISTS when the virtual Service is there
   */
  async #reserve(
    key: ServiceKey,
    service: Service,
    dryRun: boolean,
    signal: AbortSignal,
  ): Promise<Service | typeof EXISTS | undefined> {
    const { host, identity } = this.#options;
    for (let attempt = 0; attempt < RESERVE_ATTEMPTS; attempt++) {
      const desired = await this.#translate(key, service, undefined, signal);
      let invalid: unknown;
      try {
        const created = await host.create<Service>(resources.services, desired, { dryRun, signal });
        return dryRun ? undefined : created;
      } catch (error) {
        // The API server allocates before it looks whether the name is free: a former twin that has the very address or
        // node port makes the request invalid. A quota that several requests draw on at once answers Conflict.
        if (!ApiError.is(error, 'AlreadyExists', 'Conflict', 'Invalid')) throw error;
        if (ApiError.is(error, 'Invalid')) invalid = error;
      }
      const existing = await this.#hostTwin(key, signal);
      if (!existing) {
        if (invalid) throw invalid;
        continue;
      }
      const owner = ownedBy(existing, identity);
      if (owner?.kind !== 'Service') throw new Refused(taken(key));
      if (existing.metadata?.deletionTimestamp !== undefined) {
        if (dryRun) return undefined;
        await delay(LEAVING_PAUSE_MS, undefined, { signal });
        continue;
      }
      const open = owner.uid === undefined;
      const repeated =
        open && desired.spec?.clusterIP !== undefined && desired.spec.clusterIP === existing.spec?.clusterIP;
      const age = reservationAge(existing, Date.now());
      if (open && !repeated && !dryRun && age < SETTLE_MS) await delay(SETTLE_MS - age, undefined, { signal });
      if (await this.#virtualExists(key, signal)) return EXISTS;
      if (dryRun) return undefined;
      if (open && fits(existing, desired)) {
        const renewed = await this.#renew(existing, desired, signal);
        if (renewed) return renewed;
      } else {
        await this.#remove(existing, open, signal);
      }
    }
    throw new Refused(stillLeaving(key));
  }

  /** An update that makes the API server allocate: the host allocates first. */
  async #update(
    request: AdmissionRequest,
    old: Service,
    updated: Service,
    signal: AbortSignal,
  ): Promise<AdmissionDecision> {
    const { namespace, dryRun } = request;
    const key = { namespace, name: old.metadata?.name ?? request.name };
    if (namespace === OWN_SERVICE.namespace && key.name === OWN_SERVICE.name) return ALLOWED;
    const complete = withAllocatedValues(old, updated);
    if (this.#shows(key, updated)) return this.#shown(key, complete, dryRun, signal);
    if (!updateAllocates(old, complete)) return ALLOWED;
    const uid = old.metadata?.uid ?? '';
    const twin = await this.#exclusively(key, signal, () => this.#change(key, complete, uid, dryRun, signal));
    return this.#answer(key, updated, twin, [], signal);
  }

  /**
   * Brings the host twin of a stored Service to what an update asks for.
   *
   * @returns the changed host Service, or undefined for a dry run
   */
  async #change(
    key: ServiceKey,
    service: Service,
    uid: string,
    dryRun: boolean,
    signal: AbortSignal,
  ): Promise<Service | undefined> {
    const { host, identity } = this.#options;
    for (let attempt = 0; attempt < RESERVE_ATTEMPTS; attempt++) {
      const desired = await this.#translate(key, service, uid, signal);
      const existing = await this.#hostTwin(key, signal);
      try {
        if (!existing) {
          const created = await host.create<Service>(resources.services, desired, { dryRun, signal });
          return dryRun ? undefined : created;
        }
        const owner = ownedBy(existing, identity);
        if (owner?.kind !== 'Service') throw new Refused(taken(key));
        if (existing.metadata?.deletionTimestamp !== undefined) {
          if (dryRun) return undefined;
          await delay(LEAVING_PAUSE_MS, undefined, { signal });
          continue;
        }
        if ((owner.uid ?? uid) !== uid || contradicts(existing, desired)) {
          if (dryRun) return undefined;
          await this.#remove(existing, true, signal);
          continue;
        }
        // The controller's own write of what the host has allocated gets here too: nothing is left to do.
        if (!hostServicePatch(settled(desired), existing)) return dryRun ? undefined : existing;
        const changed = await this.#patch(existing, desired, dryRun, signal);
        return dryRun ? undefined : changed;
      } catch (error) {
        // Made, changed or removed by another hand since it was read: look again.
        if (!ApiError.is(error, 'AlreadyExists', 'Conflict', 'NotFound')) throw error;
      }
    }
    throw new Refused(stillLeaving(key));
  }

  /** The twin that the host is asked for, marked as reserved from now on. */
  async #translate(key: ServiceKey, service: Service, uid: string | undefined, signal: AbortSignal): Promise<Service> {
    const { identity, anchor } = this.#options;
    const namespaced = { ...service, metadata: { ...service.metadata, namespace: key.namespace } };
    // At a create the API server has not set a UID, whatever the object says.
    if (uid === undefined) delete namespaced.metadata.uid;
    const translation = translateService(namespaced, {
      identity,
      anchor: await anchor(signal),
      uid,
      reservation: new Date().toISOString(),
    });
    if (!translation.ok) throw new Refused(untranslatable(key, translation.message));
    const patched = this.#options.patches?.apply(translation.object, namespaced) ?? translation;
    if (!patched.ok) throw new Refused(untranslatable(key, patched.message));
    return patched.object;
  }

  async #hostTwin({ namespace, name }: ServiceKey, signal: AbortSignal): Promise<Service | undefined> {
    const { host, identity } = this.#options;
    return orAbsent(
      host.get<Service>(resources.services, {
        name: hostName(identity, namespace, name),
        namespace: identity.hostNamespace,
        signal,
      }),
    );
  }

  /** Makes the virtual API server accept the addresses of a host Service. */
  async #include(key: ServiceKey, twin: Service, signal: AbortSignal): Promise<void> {
    try {
      await this.#options.ranges.include(clusterIPs(twin), signal);
    } catch (error) {
      throw this.#virtualFailure(error, key);
    }
  }

  /** Asks the virtual API server itself: a cache may lag behind the delete that made room for this request. */
  async #virtualExists(key: ServiceKey, signal: AbortSignal): Promise<boolean> {
    const options = { name: key.name, namespace: key.namespace, metadataOnly: true, signal };
    try {
      return (await orAbsent(this.#options.virtual.get(resources.services, options))) !== undefined;
    } catch (error) {
      throw this.#virtualFailure(error, key);
    }
  }

  #virtualFailure(error: unknown, key: ServiceKey): Refused {
    this.#options.logger.warn({ service: key, err: error }, 'admission: the virtual API server cannot be asked');
    return new Refused(unavailable(key, 'the virtual cluster itself does not answer'));
  }

  /**
   * Takes an open reservation over for a new request, with its addresses.
   *
   * @returns undefined when it could not be: then it was changed by another hand, or has been removed
   */
  async #renew(existing: Service, desired: Service, signal: AbortSignal): Promise<Service | undefined> {
    try {
      return await this.#patch(existing, desired, false, signal);
    } catch (error) {
      if (ApiError.is(error, 'Conflict', 'NotFound')) return undefined;
      if (!ApiError.is(error, 'Invalid')) throw error;
      // What stands in the way may be a field that is fixed once set; a new Service gives the true verdict.
      await this.#remove(existing, true, signal);
      return undefined;
    }
  }

  #patch(existing: Service, desired: Service, dryRun: boolean, signal: AbortSignal): Promise<Service> {
    const { name = '', namespace = '', resourceVersion } = existing.metadata ?? {};
    const patch = (hostServicePatch(desired, existing) ?? {}) as { metadata?: { annotations?: object } };
    const body = {
      ...patch,
      metadata: {
        ...patch.metadata,
        ...(resourceVersion === undefined ? {} : { resourceVersion }),
        annotations: {
          ...patch.metadata?.annotations,
          [ANNOTATIONS.reservation]: desired.metadata?.annotations?.[ANNOTATIONS.reservation],
        },
      },
    };
    const options = { name, namespace, type: 'merge' as const, dryRun, signal };
    return this.#options.host.patch<Service>(resources.services, options, body);
  }

  /**
   * Removes a host Service that no virtual Service has, if it is still the one that was read.
   *
   * @param unchanged also only in the state that was read: an open reservation may be adopted at any moment
   */
  async #remove(existing: Service, unchanged: boolean, signal: AbortSignal): Promise<void> {
    const { name = '', namespace = '', uid, resourceVersion } = existing.metadata ?? {};
    const options = { name, namespace, uid, resourceVersion: unchanged ? resourceVersion : undefined, signal };
    try {
      await this.#options.host.delete(resources.services, options);
    } catch (error) {
      if (!ApiError.is(error, 'NotFound', 'Conflict')) throw error;
    }
  }

  #exclusively<T>({ namespace, name }: ServiceKey, signal: AbortSignal, task: () => Promise<T>): Promise<T> {
    return this.#mutex.run(`${namespace}/${name}`, task, signal);
  }
}

/** Whether a reserved host Service can serve another request without new addresses. */
function fits(reserved: Service, desired: Service): boolean {
  const [have, want] = [reserved.spec ?? {}, desired.spec ?? {}];
  const wanted = clusterIPs(desired);
  const held = clusterIPs(reserved);
  const families = want.ipFamilies ?? [];
  return (
    (have.type ?? 'ClusterIP') === (want.type ?? 'ClusterIP') &&
    wanted.every((address, index) => address === held[index]) &&
    families.every((family, index) => family === have.ipFamilies?.[index]) &&
    (have.ipFamilyPolicy ?? 'SingleStack') === (want.ipFamilyPolicy ?? 'SingleStack')
  );
}

/** The twin as it is without a reservation. */
function settled(twin: Service): Service {
  const annotations = { ...twin.metadata?.annotations };
  delete annotations[ANNOTATIONS.reservation];
  return { ...twin, metadata: { ...twin.metadata, annotations } };
}

/** The most that API servers of any version take as a Service's name. */
function isDnsLabel(name: string): boolean {
  return name.length <= 63 && /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(name);
}

async function orAbsent<T>(read: Promise<T>): Promise<T | undefined> {
  try {
    return await read;
  } catch (error) {
    if (ApiError.is(error, 'NotFound')) return undefined;
    throw error;
  }
}
