import {
  ApiError,
  apiVersionOf,
  ConnectionError,
  type KubeClient,
  type KubeObject,
  type ObjectMeta,
  type ResourceType,
} from '../kube-client';
import { backoffDelay } from './backoff';
import { type Clock, delay, systemClock } from './clock';
import type { Logger } from './logger';
import type { Metrics } from './metrics';
import { type ObjectCache, objectKey } from './object-cache';

/** What a Reflector keeps up to date: an ObjectCache, or something that only listens. Each method as there. */
export type ReflectorTarget<T extends KubeObject> = Pick<
  ObjectCache<T>,
  'name' | 'size' | 'synced' | 'setTransform' | 'prepare' | 'replace' | 'upsert' | 'remove' | 'progress'
>;

/** Options of a Reflector. */
export interface ReflectorOptions<T extends KubeObject> {
  client: KubeClient;
  type: ResourceType;
  /** Cache to fill. One cache has one reflector. */
  cache: ReflectorTarget<T>;
  /** @default all namespaces */
  namespace?: string | undefined;
  labelSelector?: string | undefined;
  fieldSelector?: string | undefined;
  /** Only metadata is fetched, held and observed. @default false */
  metadataOnly?: boolean | undefined;
  /**
   * Drops what nobody reads, to save memory. It gets an object without managedFields, must return one with the same name,
   * namespace, uid and resourceVersion, and must not change its argument.
   */
  transform?: ((object: T) => T) | undefined;
  /** Objects per page of a list. @default 500 */
  pageSize?: number | undefined;
  /** Seconds after which the server ends a watch. @default random, 300 to 600 */
  watchTimeoutSeconds?: number | undefined;
  /** Seconds of silence after which a watch is opened anew. @default 180 */
  stallSeconds?: number | undefined;
  logger: Logger;
  metrics?: Metrics | undefined;
  /** @default the system's clock */
  clock?: Clock | undefined;
  /** Source of jitter, in [0, 1). @default Math.random */
  random?: (() => number) | undefined;
}

/** While the server cannot be reached or is busy: short, since everything waits for it. */
const unavailable = { baseMs: 100, maxMs: 5_000 };
/** While the server refuses: no right, or a kind that it does not serve (yet). */
const refused = { baseMs: 500, maxMs: 60_000 };
/** Failures to go on from one state, the server saying that it is in the future, before the state is given up. */
const maxFutureAnswers = 3;
/** Lists cut short by an expired page before the whole list is asked for at once. */
const maxExpiredLists = 2;
/** A watch that ends sooner, without an event, counts as failed. */
const shortWatchMs = 1_000;

/** Keeps a cache equal to what the API server has, by one list and then watches, for as long as it runs. */
export class Reflector<T extends KubeObject> {
  readonly #options: ReflectorOptions<T>;
  readonly #clock: Clock;
  readonly #random: () => number;
  /** State that the cache shows; undefined when a list is needed. */
  #version: string | undefined;
  #failures = 0;
  #futureAnswers = 0;
  #expiredLists = 0;
  /** Ends the pause after a failure; undefined while there is none. */
  #endPause: (() => void) | undefined;

  constructor(options: ReflectorOptions<T>) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? Math.random;
    options.cache.setTransform(trimmer(options));
    options.metrics?.observeCache(options.cache);
  }

  /** Lists and watches until the signal aborts. Rejects never: failures are logged and tried again. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        if (this.#version === undefined) await this.#list(signal);
        else await this.#watch(this.#version, signal);
      } catch (error) {
        if (signal.aborted) return;
        const wait = this.#failed(error);
        if (wait > 0) await this.#pause(wait, signal);
      }
    }
  }

  /** Ends the pause after a failure, if there is one: what the server refused it may have now. */
  retry(): void {
    this.#failures = 0;
    this.#endPause?.();
  }

  async #pause(milliseconds: number, signal: AbortSignal): Promise<void> {
    const early = new AbortController();
    this.#endPause = () => early.abort();
    await delay(this.#clock, milliseconds, AbortSignal.any([signal, early.signal])).catch(() => undefined);
    this.#endPause = undefined;
  }

  async #list(signal: AbortSignal): Promise<void> {
    const { client, type, cache, namespace, labelSelector, fieldSelector, metadataOnly, pageSize } = this.#options;
    const objects = new Map<string, T>();
    let version: string | undefined;
    // resourceVersion '' (the newest state) rather than '0' (any state): '0' ignores the limit and answers everything in
    // one piece, and after a switch to another API server it may show a state older than one already acted on.
    const pages = client.listAll<T>(type, {
      namespace,
      labelSelector,
      fieldSelector,
      metadataOnly,
      // Pages that keep expiring mean that reading them takes longer than the store keeps a state.
      limit: this.#expiredLists >= maxExpiredLists ? 0 : pageSize,
      resourceVersion: '',
      signal,
    });
    for await (const page of pages) {
      for (const object of page.items) objects.set(objectKey(object), cache.prepare(object));
      version = page.metadata.resourceVersion;
    }
    if (version === undefined || version === '') {
      throw new ConnectionError(`list of ${cache.name} has no resourceVersion to watch from`, { code: 'NO_VERSION' });
    }
    this.#options.metrics?.listed(cache.name, cache.synced);
    const relist = cache.synced;
    cache.replace(objects, version);
    this.#version = version;
    this.#failures = 0;
    this.#futureAnswers = 0;
    this.#expiredLists = 0;
    this.#options.logger.debug({ cache: cache.name, objects: objects.size, version, relist }, 'listed');
  }

  async #watch(from: string, signal: AbortSignal): Promise<void> {
    const { client, type, cache, namespace, labelSelector, fieldSelector, metadataOnly } = this.#options;
    const started = this.#clock.now();
    let events = 0;
    const watch = client.watch<T>(type, {
      namespace,
      labelSelector,
      fieldSelector,
      metadataOnly,
      resourceVersion: from,
      timeoutSeconds: this.#options.watchTimeoutSeconds,
      stallSeconds: this.#options.stallSeconds,
      signal,
    });
    for await (const event of watch) {
      events++;
      this.#failures = 0;
      this.#futureAnswers = 0;
      const version = event.object.metadata?.resourceVersion;
      switch (event.type) {
        case 'ADDED':
        case 'MODIFIED':
          cache.upsert(event.object);
          break;
        case 'DELETED':
          cache.remove(event.object);
          break;
        case 'BOOKMARK':
          cache.progress(version);
          break;
      }
      // After the cache has it: a failure in between makes the event come again.
      if (version !== undefined && version !== '') this.#version = version;
    }
    if (signal.aborted) return;
    if (events === 0 && this.#clock.now() - started < shortWatchMs) {
      throw new ConnectionError(`watch of ${cache.name} ended at once`, { code: 'SHORT_WATCH' });
    }
    this.#failures = 0;
  }

  /** Decides how to go on after a failure. @returns milliseconds to wait */
  #failed(error: unknown): number {
    const { cache, logger } = this.#options;
    this.#failures++;
    if (!(error instanceof ApiError)) {
      // A restart of the server is ordinary: worth a line only when it lasts.
      const level = this.#failures > 5 ? 'warn' : 'debug';
      logger[level]({ cache: cache.name, err: error, failures: this.#failures }, 'lost the API server, trying again');
      return backoffDelay(unavailable, this.#failures, this.#random);
    }
    if (error.status === 410 || error.reason === 'Expired' || error.reason === 'Gone') {
      if (this.#version === undefined) this.#expiredLists++;
      this.#version = undefined;
      logger.debug({ cache: cache.name, err: error }, 'the state to go on from is gone, listing again');
      return this.#failures === 1 ? 0 : backoffDelay(unavailable, this.#failures, this.#random);
    }
    if (error.status === 504 && this.#version !== undefined && /too large resource version/i.test(error.message)) {
      // A replica that lags behind catches up in a moment; a store restored from a backup never does.
      if (++this.#futureAnswers >= maxFutureAnswers) this.#version = undefined;
      return Math.max((error.retryAfterSeconds ?? 0) * 1000, backoffDelay(unavailable, this.#failures, this.#random));
    }
    const busy = error.status === 429 || error.status >= 500;
    // Without a list after 404 a kind that was removed and came back would keep its old objects.
    if (error.status === 404) this.#version = undefined;
    logger[busy ? 'debug' : 'warn'](
      { cache: cache.name, err: error, failures: this.#failures },
      'list or watch was refused',
    );
    return Math.max(
      (error.retryAfterSeconds ?? 0) * 1000,
      backoffDelay(busy ? unavailable : refused, this.#failures, this.#random),
    );
  }
}

/** What every object goes through before it is held. Copies instead of deleting fields, which would make objects slow and large. */
function trimmer<T extends KubeObject>(options: ReflectorOptions<T>): (object: T) => T {
  const { type, metadataOnly, transform } = options;
  const apiVersion = apiVersionOf(type);
  return (object) => {
    const metadata = withoutManagedFields(object.metadata ?? {});
    // Listed objects have no kind, metadata-only ones that of the envelope.
    const head = { apiVersion, kind: type.kind, metadata };
    const trimmed = (metadataOnly === true ? head : { ...object, ...head }) as unknown as T;
    return transform === undefined ? trimmed : transform(trimmed);
  };
}

function withoutManagedFields(metadata: ObjectMeta): ObjectMeta {
  const { managedFields, ...rest } = metadata;
  return managedFields === undefined ? metadata : rest;
}
