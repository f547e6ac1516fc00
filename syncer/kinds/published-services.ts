import type { Service } from 'kubernetes-types/core/v1';
import type { PublishedService } from '../configuration';
import { Controller } from '../engine';
import type { ReconcileResult } from '../engine';
import { ApiError, resources } from '../kube-client';
import { FieldPatches, hostServicePatch, isView, publicationOf, publishService } from '../translation';
import type { Caches } from './caches';
import type { KindEnvironment } from './environment';
import { exactly } from './exactly';
import { isOtherObject, isRefusal, NAME_TAKEN_RETRY_MS, warn, warnWriteLoop } from './refusals';
import { remove } from './removal';
import { WriteBudget } from './write-budget';

const type = resources.services;

/**
 * The host's Services under names of the platform's choice, each for one Service of the tenant. A Service of that name that was not
 * made here is never touched. One whose virtual Service is made anew stays, with its address; it goes when there is none, and when the
 * platform names it no more.
 */
export class PublishedServices {
  readonly #environment: KindEnvironment;
  readonly #caches: Caches;
  /** By name on the host. */
  readonly #published: ReadonlyMap<string, PublishedService>;
  readonly #controller: Controller;
  readonly #patches: FieldPatches;
  /** By name on the host. */
  readonly #budget = new WriteBudget();

  constructor(environment: KindEnvironment, caches: Caches) {
    this.#environment = environment;
    this.#caches = caches;
    const { configuration, identity, logger, metrics } = environment;
    const { toHost } = configuration.hostServices;
    this.#published = new Map(toHost.map((one) => [one.host.name, one]));
    this.#patches = new FieldPatches(configuration.sync.patches, { kind: 'Service', direction: 'toHost' }, identity);
    const { virtual, host } = caches;
    this.#controller = new Controller({
      name: 'published-services',
      waitFor: [virtual.services, host.services],
      reconcile: (name) => this.#reconcile(name),
      logger,
      metrics,
    });
    const names = new Map<string, string[]>();
    for (const { virtual: of, host: as } of toHost) {
      const key = `${of.namespace}/${of.name}`;
      names.set(key, [...(names.get(key) ?? []), as.name]);
    }
    virtual.services.subscribe(({ key }) => {
      for (const name of names.get(key) ?? []) this.#controller.enqueue(name);
    });
    host.services.subscribe(({ object }) => this.#look(object));
  }

  run(signal: AbortSignal): Promise<void> {
    for (const name of this.#published.keys()) this.#controller.enqueue(name);
    // Those that the platform published before.
    for (const service of this.#caches.host.services.values()) this.#look(service);
    return this.#controller.run(signal);
  }

  #look(host: Service): void {
    const { metadata: { name = '' } = {} } = host;
    const isOurs = publicationOf(host, this.#environment.identity) !== undefined;
    if (isOurs || this.#published.has(name)) this.#controller.enqueue(name);
  }

  async #reconcile(name: string): Promise<ReconcileResult> {
    const { identity, host: client } = this.#environment;
    const found = this.#caches.host.services.get(`${identity.hostNamespace}/${name}`);
    const actual = found && publicationOf(found, identity) ? found : undefined;
    const virtual = this.#virtualOf(name);
    const wanted = virtual && this.#wanted(virtual, name);
    if (!virtual || !wanted) {
      if (actual && !actual.metadata?.deletionTimestamp) await remove(client, type, actual);
      return;
    }
    if (found && !actual) return this.#nameTaken(virtual);
    if (actual?.metadata?.deletionTimestamp) return; // its end brings us back
    const wait = (): number => {
      const left = this.#budget.take(name);
      if (left > 0) warnWriteLoop(this.#environment, type, virtual);
      return left;
    };
    if (!actual) {
      const left = wait();
      return left > 0 ? { requeueAfterMs: left } : this.#create(virtual, wanted);
    }
    const anew = hasOtherAddress(wanted, actual);
    const patch = anew ? undefined : hostServicePatch(wanted, actual);
    if (!anew && !patch) return;
    const left = wait();
    if (left > 0) return { requeueAfterMs: left };
    if (!patch) {
      await remove(client, type, actual);
      return;
    }
    try {
      const { namespace } = actual.metadata ?? {};
      const options = { name, ...(namespace === undefined ? {} : { namespace }), type: 'merge' } as const;
      this.#caches.host.services.observe(await client.patch<Service>(type, options, exactly(actual, patch)));
    } catch (error) {
      if (ApiError.is(error, 'NotFound') || isOtherObject(error)) return; // the watch tells soon
      throw this.#refused(error, virtual);
    }
  }

  /** The tenant's Service that is to have the name on the host. */
  #virtualOf(name: string): Service | undefined {
    const mapping = this.#published.get(name);
    if (!mapping) return undefined;
    const virtual = this.#caches.virtual.services.get(`${mapping.virtual.namespace}/${mapping.virtual.name}`);
    return virtual?.metadata?.deletionTimestamp || (virtual && isView(virtual)) ? undefined : virtual;
  }

  #wanted(virtual: Service, name: string): Service | undefined {
    const translation = publishService(virtual, name, this.#environment);
    const patched = translation.ok ? this.#patches.apply(translation.object, virtual) : translation;
    if (patched.ok) return patched.object;
    warn(this.#environment, type, virtual, patched.reason, patched.message);
    return undefined;
  }

  async #create(virtual: Service, wanted: Service): Promise<ReconcileResult> {
    const { host: client, identity } = this.#environment;
    const { services } = this.#caches.host;
    try {
      services.observe(await client.create<Service>(type, wanted));
    } catch (error) {
      if (!ApiError.is(error, 'AlreadyExists')) throw this.#refused(error, virtual);
      const { name = '' } = wanted.metadata ?? {};
      const other = await client.get<Service>(type, { name, namespace: identity.hostNamespace });
      if (publicationOf(other, identity))
        services.observe(other); // one that the watch has not brought yet
      else return this.#nameTaken(virtual);
    }
  }

  #nameTaken(virtual: Service): ReconcileResult {
    const message =
      'the platform publishes this Service on the host under a name that is taken there by a Service which is not of this virtual cluster; ask the operator of the platform';
    warn(this.#environment, type, virtual, 'HostNameTaken', message);
    // Nothing tells of objects that are not ours.
    return { requeueAfterMs: NAME_TAKEN_RETRY_MS };
  }

  /** The host's words may have the name there, which is not the tenant's to know: the operator finds them in the log. */
  #refused(error: unknown, virtual: Service): unknown {
    if (isRefusal(error)) {
      const message =
        'the host does not take the Service that the platform publishes for this one; ask the operator of the platform, whose log says why';
      warn(this.#environment, type, virtual, 'NotPublished', message);
    }
    return error;
  }
}

/** Whether one is headless and the other not, or their first addresses are of different families: neither can be changed. */
function hasOtherAddress(wanted: Service, actual: Service): boolean {
  const isHeadless = ({ spec }: Service): boolean => spec?.clusterIP === 'None';
  const family = wanted.spec?.ipFamilies?.[0];
  return isHeadless(wanted) !== isHeadless(actual) || (family !== undefined && family !== actual.spec?.ipFamilies?.[0]);
}
