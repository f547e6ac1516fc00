import type { Service } from 'kubernetes-types/core/v1';
import type { EndpointSlice } from 'kubernetes-types/discovery/v1';
import type { ShownHostService } from '../configuration';
import { Controller, objectKey } from '../engine';
import type { ObjectCache, ReconcileResult } from '../engine';
import { ApiError, resources } from '../kube-client';
import type { KubeObject, ResourceType } from '../kube-client';
import {
  appliedPatch,
  clusterIPs,
  hostServicePatch,
  isView,
  LABELS,
  losesSelector,
  SERVICE_NAME,
  serviceOfSlice,
  shownService,
  shownSlice,
  withAppliedDigest,
} from '../translation';
import type { Caches } from './caches';
import { withoutLastApplied } from './caches';
import type { KindEnvironment } from './environment';
import { exactly } from './exactly';
import { isOtherObject, warn } from './refusals';
import { remove } from './removal';
import { WriteBudget } from './write-budget';

/** Index of virtual slices that show the host's: by the key of their Service. */
const SHOWN_FOR = 'shownFor';

/** A Service of the host that tenants see, and what is known of it. */
interface Shown {
  readonly mapping: ShownHostService;
  /** Its key on the host. */
  readonly hostKey: string;
  readonly service: ObjectCache<Service>;
  /** Its slices, where it may be headless. */
  readonly slices: ObjectCache<EndpointSlice> | undefined;
}

/**
 * Shows Services of the host in the virtual cluster, by the names that the platform gives them, and keeps them so: a tenant's changes
 * are undone. They have no twin: what they lead to is on the host already. A Service of that name that the tenant made itself is left
 * alone, and told. What is shown without being named any more goes.
 */
export class ShownServices {
  readonly #environment: KindEnvironment;
  readonly #caches: Caches;
  /** By key of the virtual Service. */
  readonly #shown: ReadonlyMap<string, Shown>;
  readonly #virtualSlices: ObjectCache<EndpointSlice> | undefined;
  readonly #controller: Controller;
  /** By key of the virtual Service. */
  readonly #budget = new WriteBudget();

  constructor(environment: KindEnvironment, caches: Caches) {
    this.#environment = environment;
    this.#caches = caches;
    const { toVirtual } = environment.configuration.hostServices;
    this.#shown = new Map(toVirtual.map((mapping) => [keyOf(mapping.virtual), this.#observe(mapping)]));
    if (toVirtual.some(({ headless }) => headless)) {
      const slices = caches.of<EndpointSlice>('virtual', resources.endpointSlices, { transform: withoutLastApplied });
      slices.addIndex(SHOWN_FOR, (slice) => (isView(slice) ? present(serviceOfSlice(slice)) : []));
      slices.subscribe(({ object }) => {
        const key = serviceOfSlice(object);
        if (isView(object) && key !== undefined) this.#controller.enqueue(key);
      });
      this.#virtualSlices = slices;
    }
    const { logger, metrics } = environment;
    this.#controller = new Controller({
      name: 'host-services',
      waitFor: [caches.virtual.services, caches.virtual.namespaces, ...present(this.#virtualSlices)],
      reconcile: (key) => this.#reconcile(key),
      logger,
      metrics,
    });
    caches.virtual.services.subscribe(({ key, object, previous }) => this.#look(key, object, previous));
    caches.virtual.namespaces.subscribe(({ type, key: namespace }) => {
      if (type !== 'added') return;
      for (const { mapping } of this.#shown.values()) {
        if (mapping.virtual.namespace === namespace) this.#controller.enqueue(keyOf(mapping.virtual));
      }
    });
  }

  async run(signal: AbortSignal): Promise<void> {
    for (const [key, service] of this.#shown) {
      // Each by itself: where one cannot be read, the others are shown.
      for (const cache of [service.service, ...present(service.slices)]) {
        cache.whenSynced(signal).then(
          () => this.#controller.enqueue(key),
          () => undefined, // told to stop
        );
      }
    }
    // What the platform showed before, or was changed while nothing ran.
    for (const service of this.#caches.virtual.services.values()) this.#look(objectKey(service), service);
    await this.#controller.run(signal);
  }

  #observe(mapping: ShownHostService): Shown {
    const { host, virtual, headless } = mapping;
    const namespace = host.namespace ?? this.#environment.identity.hostNamespace;
    // Nothing else waits for what a platform may have forgotten to give the right to read.
    const options = { scope: { namespace }, mayBeMissing: true };
    const service = this.#caches.of<Service>('host', resources.services, { ...options, only: host.name });
    const slices = headless
      ? this.#caches.of<EndpointSlice>('host', resources.endpointSlices, {
          ...options,
          labelSelector: `${SERVICE_NAME}=${host.name}`,
        })
      : undefined;
    for (const cache of [service, ...present(slices)]) {
      cache.subscribe(() => this.#controller.enqueue(keyOf(virtual)));
    }
    return { mapping, hostKey: `${namespace}/${host.name}`, service, slices };
  }

  #look(key: string, ...states: readonly (Service | undefined)[]): void {
    if (this.#shown.has(key) || states.some((state) => state && isView(state))) this.#controller.enqueue(key);
  }

  async #reconcile(key: string): Promise<ReconcileResult> {
    const shown = this.#shown.get(key);
    if (shown && !shown.service.synced) return;
    const wanted = shown && this.#wanted(shown);
    const actual = this.#caches.virtual.services.get(key);
    if (actual && !isView(actual)) {
      if (wanted) this.#nameTaken(actual);
      return this.#keepSlices(key, []);
    }
    if (!wanted || !shown) {
      await this.#keepSlices(key, []);
      if (actual && !actual.metadata?.deletionTimestamp) {
        await remove(this.#environment.virtual, resources.services, actual);
      }
      return;
    }
    if (actual?.metadata?.deletionTimestamp) return; // its end brings us back
    const service = await this.#keepService(wanted, actual);
    if (!service) return;
    if ('requeueAfterMs' in service) return service;
    if (shown.slices?.synced === false) return;
    const slices = wanted.spec?.clusterIP === 'None' ? [...(shown.slices?.values() ?? [])] : [];
    return this.#keepSlices(
      key,
      slices.map((slice) => withAppliedDigest(shownSlice(slice, service.metadata ?? {}))),
    );
  }

  /** What tenants are to see of the host's Service now; undefined, with a line in the log where it cannot be, for nothing. */
  #wanted({ mapping, hostKey, service }: Shown): Service | undefined {
    const { identity, logger } = this.#environment;
    const host = service.get(hostKey);
    if (!host || host.metadata?.deletionTimestamp) return undefined;
    const refuse = (reason: string): undefined => {
      logger.warn({ service: hostKey, reason }, 'a Service of the host is not shown to tenants');
    };
    if (
      host.metadata?.labels?.[LABELS.virtualCluster] === identity.name &&
      host.metadata.namespace === identity.hostNamespace
    ) {
      return refuse("it is one of the virtual cluster's own: remove it from hostServices.toVirtual");
    }
    if (host.spec?.clusterIP === 'None' && !mapping.headless) {
      return refuse(
        'it is headless: set headless to true in hostServices.toVirtual, which needs the right to read EndpointSlices',
      );
    }
    return shownService(host, mapping.virtual);
  }

  /** @returns the Service as it is then; undefined where a watch has to tell first */
  async #keepService(
    wanted: Service,
    actual: Service | undefined,
  ): Promise<Service | { readonly requeueAfterMs: number } | undefined> {
    const cache = this.#caches.virtual.services;
    const type = resources.services;
    const { namespace = '', name = '' } = wanted.metadata ?? {};
    if (!actual) {
      // It is the tenant's to make.
      if (!this.#caches.virtual.namespaces.has(namespace)) return undefined;
      const wait = this.#budget.take(`${namespace}/${name}`);
      if (wait > 0) return { requeueAfterMs: wait };
      return this.#create(type, cache, wanted);
    }
    const anew = hasOtherAddress(wanted, actual) || losesSelector(wanted, actual);
    const patch = anew ? undefined : hostServicePatch(wanted, actual);
    if (!anew && !patch) return actual;
    const wait = this.#budget.take(`${namespace}/${name}`);
    if (wait > 0) return { requeueAfterMs: wait };
    return this.#change(type, cache, actual, patch);
  }

  async #keepSlices(key: string, wanted: readonly EndpointSlice[]): Promise<ReconcileResult> {
    const cache = this.#virtualSlices;
    if (!cache) return;
    const type = resources.endpointSlices;
    const left = new Map(cache.byIndex(SHOWN_FOR, key).map((slice) => [objectKey(slice), slice]));
    for (const slice of wanted) {
      const actual = left.get(objectKey(slice));
      left.delete(objectKey(slice));
      // Of a Service that had the name before.
      const anew = actual && ownerOf(actual) !== ownerOf(slice);
      const patch = actual && !anew ? appliedPatch(slice, actual) : undefined;
      if (actual && !anew && !patch) continue;
      const wait = this.#budget.take(key);
      if (wait > 0) return { requeueAfterMs: wait };
      if (actual) await this.#change(type, cache, actual, patch);
      else await this.#create(type, cache, slice);
    }
    for (const slice of left.values()) await remove(this.#environment.virtual, type, slice);
  }

  async #create<T extends KubeObject>(type: ResourceType, cache: ObjectCache<T>, wanted: T): Promise<T | undefined> {
    try {
      const created = await this.#environment.virtual.create<T>(type, wanted);
      cache.observe(created);
      return created;
    } catch (error) {
      // The tenant's own, or one that the watch has not brought yet.
      if (!ApiError.is(error, 'AlreadyExists')) throw error;
      return undefined;
    }
  }

  /** @param patch undefined: it cannot be changed, and is made anew once it is gone */
  async #change<T extends KubeObject>(
    type: ResourceType,
    cache: ObjectCache<T>,
    actual: T,
    patch: object | undefined,
  ): Promise<T | undefined> {
    const client = this.#environment.virtual;
    const { namespace = '', name = '' } = actual.metadata ?? {};
    if (patch) {
      try {
        const changed = await client.patch<T>(type, { namespace, name, type: 'merge' }, exactly(actual, patch));
        cache.observe(changed);
        return changed;
      } catch (error) {
        if (ApiError.is(error, 'NotFound') || isOtherObject(error)) return undefined; // the watch tells soon
        if (!ApiError.is(error, 'Invalid')) throw error;
      }
    }
    await remove(client, type, actual);
    return undefined;
  }

  #nameTaken(service: Service): void {
    const message =
      'the platform shows a Service of the host under this name, once there is no other: delete this one, or give it another name, to reach it';
    warn(this.#environment, resources.services, service, 'HostServiceNotShown', message);
  }
}

const keyOf = ({ namespace, name }: ShownHostService['virtual']): string => `${namespace}/${name}`;

const present = <T>(value: T | undefined): readonly T[] => (value === undefined ? [] : [value]);

const ownerOf = ({ metadata }: KubeObject): string | undefined => metadata?.ownerReferences?.[0]?.uid;

/** Whether the address of a Service is another one, which cannot be changed. */
function hasOtherAddress(wanted: Service, actual: Service): boolean {
  return wanted.spec?.type !== actual.spec?.type || clusterIPs(wanted)[0] !== clusterIPs(actual)[0];
}
