import type { Event } from 'kubernetes-types/core/v1';
import { Controller, objectKey, ObjectStream, Reflector, TokenBucket } from '../engine';
import type { ReconcileResult } from '../engine';
import { ApiError, resources } from '../kube-client';
import type { KubeObject } from '../kube-client';
import {
  ANNOTATIONS,
  eventUpdate,
  HOST_EVENT_LABEL,
  isHashedName,
  ownedBy,
  translateEvent,
  virtualNames,
} from '../translation';
import type { EventSubject, KnownName } from '../translation';
import type { Caches } from './caches';
import type { KindEnvironment } from './environment';

/** Writes of events about one object: as client-go's spam filter allows at once, then one each half minute. */
const PER_OBJECT = { capacity: 25, refillMs: 30_000 };
/** Copies, and objects that were written about, that are remembered; the longest unused are forgotten. */
const REMEMBERED = 4_096;
/** Events that wait to be written. */
const WAITING = 2_000;
/** When an event about an object that no cache has yet is looked at again, in ms: it may have been quicker than its object. */
const LOOK_AGAIN_MS = [1_000, 10_000];
/** Kinds that texts about others name. */
const NAMED = ['Pod', 'Service', 'ConfigMap', 'Secret', 'PersistentVolumeClaim'];

interface Waiting {
  readonly event: Event;
  looks: number;
}

/**
 * The host's events about twins, as events about the virtual objects: what scheduler, kubelet and controllers of the host say. Of
 * the events nothing is kept but which state of which was copied; they go in the virtual cluster as they do on the host, by age.
 */
export class HostEvents {
  readonly #environment: KindEnvironment;
  readonly #caches: Caches;
  readonly #controller: Controller;
  readonly #reflector: Reflector<Event>;
  /** Newest state of each event that is to be written. */
  readonly #waiting = new Map<string, Waiting>();
  /** Resource version on the host that each copy shows, by the copy's key. Map order is age. */
  readonly #copied = new Map<string, string>();
  /** By the virtual object's UID. */
  readonly #buckets = new Map<string, TokenBucket>();

  constructor(environment: KindEnvironment, caches: Caches) {
    this.#environment = environment;
    this.#caches = caches;
    const { host, identity, logger, metrics } = environment;
    this.#controller = new Controller({
      name: 'events',
      waitFor: [caches.host.pods, caches.virtual.pods],
      concurrency: 4,
      reconcile: (key) => this.#reconcile(key),
      logger,
      metrics,
    });
    // All of the namespace: events carry no labels of ours.
    this.#reflector = new Reflector<Event>({
      client: host,
      type: resources.events,
      namespace: identity.hostNamespace,
      cache: new ObjectStream<Event>('host/events', (event) => this.#take(event)),
      transform: (event) => (this.#mayBeOurs(event) ? event : withoutContents(event)),
      logger,
      metrics,
    });
  }

  async run(signal: AbortSignal): Promise<void> {
    await Promise.all([this.#follow(signal), this.#controller.run(signal)]);
  }

  async #follow(signal: AbortSignal): Promise<void> {
    try {
      await this.#caches.virtual.pods.whenSynced(signal);
      await this.#recall(signal);
    } catch (error) {
      if (signal.aborted) return;
      // What is not remembered is found to exist when it is written.
      this.#environment.logger.warn({ err: error }, 'the events that were copied before could not be listed');
    }
    await this.#reflector.run(signal);
  }

  /** Which events a former run has copied. */
  async #recall(signal: AbortSignal): Promise<void> {
    const pages = this.#environment.virtual.listAll<KubeObject>(resources.events, {
      labelSelector: HOST_EVENT_LABEL,
      metadataOnly: true,
      signal,
    });
    for await (const { items } of pages) for (const copy of items) this.#remember(objectKey(copy), versionOf(copy));
  }

  /** Whether the object's host name is one that we give. Names of others may look the same, but are few. */
  #mayBeOurs({ involvedObject }: Event): boolean {
    const name = involvedObject?.name ?? '';
    return virtualNames(this.#environment.identity, name) !== undefined || isHashedName(name);
  }

  #take(event: Event): void {
    if (!this.#mayBeOurs(event)) return;
    // Namespaces take turns in the queue.
    const namespace = virtualNames(this.#environment.identity, event.involvedObject.name ?? '')?.namespace ?? '';
    const key = `${namespace}/${event.metadata.name}`;
    if (!this.#waiting.has(key) && this.#waiting.size >= WAITING) {
      this.#environment.metrics.event('dropped');
      return;
    }
    this.#waiting.set(key, { event, looks: 0 });
    this.#controller.enqueue(key);
  }

  async #reconcile(key: string): Promise<ReconcileResult> {
    const waiting = this.#waiting.get(key);
    if (!waiting) return;
    const again = await this.#copy(waiting);
    if (again !== undefined) return { requeueAfterMs: again };
    // Not a newer state that has come since.
    if (this.#waiting.get(key) === waiting) this.#waiting.delete(key);
  }

  /** Writes the copy of an event. @returns milliseconds after which to try again; undefined when nothing is left to do */
  async #copy(waiting: Waiting): Promise<number | undefined> {
    const { event } = waiting;
    const subject = this.#subjectOf(event);
    if (!subject) return LOOK_AGAIN_MS[waiting.looks++];
    const copy = translateEvent(event, subject, this.#environment.identity, (name) => this.#nameOf(name));
    if (!copy) return undefined;
    const id = objectKey(copy);
    const known = this.#copied.get(id);
    if (known === versionOf(copy)) return undefined;
    if (!this.#mayWrite(subject.virtual.metadata?.uid ?? '')) {
      // Of an event that is there the newest count is written later; another is one too many.
      if (known !== undefined) return PER_OBJECT.refillMs;
      this.#environment.metrics.event('dropped');
      return undefined;
    }
    try {
      await (known === undefined ? this.#create(copy) : this.#update(copy));
      this.#remember(id, versionOf(copy));
      this.#environment.metrics.event('written');
    } catch (error) {
      if (!(error instanceof ApiError) || error.status === 429 || error.status >= 500) throw error;
      // A namespace that is being deleted takes none, and nobody reads them there.
      this.#environment.metrics.event('failed');
      this.#environment.logger.debug({ err: error, reason: event.reason }, 'event of the host could not be copied');
    }
    return undefined;
  }

  async #create(copy: Event): Promise<void> {
    const { virtual } = this.#environment;
    try {
      await virtual.create<Event>(resources.events, copy);
    } catch (error) {
      if (!ApiError.is(error, 'AlreadyExists')) throw error;
      const { name = '', namespace = '' } = copy.metadata;
      const found = await virtual.get<KubeObject>(resources.events, { name, namespace, metadataOnly: true });
      if (versionOf(found) !== versionOf(copy)) await this.#patch(copy);
    }
  }

  async #update(copy: Event): Promise<void> {
    try {
      await this.#patch(copy);
    } catch (error) {
      // The virtual API server has dropped it by age, or the tenant has deleted it.
      if (!ApiError.is(error, 'NotFound')) throw error;
      await this.#environment.virtual.create<Event>(resources.events, copy);
    }
  }

  async #patch(copy: Event): Promise<void> {
    const { name = '', namespace = '' } = copy.metadata;
    await this.#environment.virtual.patch(resources.events, { name, namespace, type: 'merge' }, eventUpdate(copy));
  }

  /** The twin that an event is about, by name and UID, and its virtual object; undefined for what is not provably ours, or gone. */
  #subjectOf({
    involvedObject: { apiVersion = 'v1', kind = '', namespace, name, uid },
  }: Event): EventSubject | undefined {
    const { identity } = this.#environment;
    if (namespace !== identity.hostNamespace) return undefined;
    const group = apiVersion.includes('/') ? apiVersion.slice(0, apiVersion.indexOf('/')) : '';
    const host = this.#caches.find('host', group, kind)?.get(`${namespace}/${name}`);
    if (!host || host.metadata?.uid !== uid) return undefined;
    const owner = ownedBy(host, identity);
    const key = this.#caches.virtualKeyOf(host, kind);
    const virtual = key === undefined ? undefined : this.#caches.find('virtual', group, kind)?.get(key);
    return virtual && owner?.uid !== undefined && owner.uid === virtual.metadata?.uid ? { virtual, host } : undefined;
  }

  /** The virtual object that has a host name which does not tell it. */
  #nameOf(hostName: string): KnownName | undefined {
    const { identity } = this.#environment;
    for (const kind of NAMED) {
      const host = this.#caches.find('host', '', kind)?.get(`${identity.hostNamespace}/${hostName}`);
      const owner = host && ownedBy(host, identity);
      if (owner) return owner;
    }
    return undefined;
  }

  #mayWrite(uid: string): boolean {
    const now = performance.now();
    const bucket = this.#buckets.get(uid) ?? new TokenBucket(PER_OBJECT, now);
    touch(this.#buckets, uid, bucket);
    return bucket.take(now);
  }

  #remember(id: string, version: string): void {
    touch(this.#copied, id, version);
  }
}

/** An event that nobody will read: it passes through all the same. */
function withoutContents({ apiVersion, kind, metadata }: Event): Event {
  const { name, namespace, uid, resourceVersion } = metadata;
  const kept = { name, namespace, uid, resourceVersion } as Event['metadata'];
  return { apiVersion, kind, metadata: kept, involvedObject: {} } as Event;
}

const versionOf = ({ metadata }: KubeObject): string => metadata?.annotations?.[ANNOTATIONS.resourceVersion] ?? '';

function touch<V>(map: Map<string, V>, key: string, value: V): void {
  map.delete(key);
  map.set(key, value);
  if (map.size <= REMEMBERED) return;
  for (const oldest of map.keys()) {
    map.delete(oldest);
    break;
  }
}
