import { ApiError, ConnectionError, type KubeObject } from '../kube-client';
import { type Clock, systemClock } from './clock';
import type { Logger } from './logger';
import type { Metrics } from './metrics';
import type { DebugSource } from './debug-registry';
import type { ObjectCache, SyncedSource } from './object-cache';
import { TokenBucket } from './token-bucket';
import { WorkQueue } from './work-queue';

/** What a reconciliation may ask for: to be called again for this key after some milliseconds. */
export type ReconcileResult = { requeueAfterMs?: number | undefined } | void;

/** Options of a Controller. */
export interface ControllerOptions {
  /** Kind that it synchronises, for logs and metrics, e.g. `pods`. */
  name: string;
  /** Cache whose changes are work: each changed object's key is enqueued. */
  // A listener only reads, so that a cache of any type will do.
  cache?: Pick<ObjectCache<KubeObject>, 'name' | 'synced' | 'whenSynced' | 'keys' | 'get' | 'subscribe'> | undefined;
  /** Other caches that must be complete before any work is done. */
  waitFor?: readonly SyncedSource[] | undefined;
  /** Reconciliations at a time. @default 16 */
  concurrency?: number | undefined;
  /**
   * Makes the world right for one key; called with the newest state only, never twice at once for a key. What it throws is
   * tried again after a back-off; a Conflict at once.
   */
  reconcile: (key: string, signal: AbortSignal) => Promise<ReconcileResult>;
  /** Both sides of its objects, for `/debug/objects`. @default those of its own cache, as virtual ones */
  objects?: Pick<DebugSource, 'keys' | 'sides'> | undefined;
  /** How long, in milliseconds, queued and running work may go on after the signal. @default 5000 */
  drainMs?: number | undefined;
  logger: Logger;
  metrics?: Metrics | undefined;
  /** @default the system's clock */
  clock?: Clock | undefined;
  /** Source of jitter, in [0, 1). @default Math.random */
  random?: (() => number) | undefined;
}

/** Conflicts in a row that are tried again at once; more mean that another writer disagrees. */
const freeConflicts = 5;
/** Longest back-off, in milliseconds, while the API server is away: everything should go on when it is back. */
const unavailableMaxMs = 5_000;

/** Longest error that is kept for `/debug/objects`, in characters. */
const errorLimit = 1_024;

/** Works off the keys of one kind. */
export class Controller {
  /** Its queue, for tests and metrics. */
  readonly queue: WorkQueue;
  readonly #options: ControllerOptions;
  readonly #clock: Clock;
  readonly #logs: TokenBucket;
  /** What the last attempt of each key that fails failed with. */
  readonly #errors = new Map<string, string>();
  #suppressed = 0;

  constructor(options: ControllerOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.queue = new WorkQueue({
      clock: this.#clock,
      ...(options.random === undefined ? {} : { random: options.random }),
    });
    this.#logs = new TokenBucket({ capacity: 10, refillMs: 1_000 }, this.#clock.now());
    options.metrics?.observeQueue(options.name, this.queue);
    options.metrics?.objects.add(options.name, this.#debugSource());
  }

  /** Asks for work on a key; nothing happens before `run` and before all caches are complete. */
  enqueue(key: string): void {
    this.queue.add(key);
  }

  /** Asks for work on a key after some milliseconds; an earlier time already set stays. */
  enqueueAfter(key: string, milliseconds: number): void {
    this.queue.addAfter(key, milliseconds);
  }

  /**
   * Works until the signal aborts: waits for all caches, begins with everything in its own, then follows changes. After the
   * signal, work that is queued or running gets `drainMs` to end; then its own signal aborts. Resolves when nothing runs.
   */
  async run(signal: AbortSignal): Promise<void> {
    const { cache, waitFor = [], concurrency = 16, drainMs = 5_000 } = this.#options;
    // Before the wait, so that no change falls in between; keys are few and each is held once.
    const unsubscribe = cache?.subscribe((change) => this.enqueue(change.key));
    try {
      await Promise.all(
        [...(cache === undefined ? [] : [cache]), ...waitFor].map((source) => source.whenSynced(signal)),
      );
    } catch (error) {
      unsubscribe?.();
      this.queue.shutDown();
      if (signal.aborted) return;
      throw error;
    }
    for (const key of cache?.keys() ?? []) this.enqueue(key);

    const work = new AbortController();
    let cancelDrain: (() => void) | undefined;
    const stop = () => {
      unsubscribe?.();
      this.queue.shutDown();
      cancelDrain = this.#clock.setTimer(() => work.abort(signal.reason), drainMs);
    };
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
    await Promise.all(Array.from({ length: concurrency }, () => this.#work(work.signal)));
    cancelDrain?.();
  }

  #debugSource(): DebugSource {
    const { cache, objects } = this.#options;
    const { queue } = this;
    return {
      *keys() {
        yield* objects?.keys() ?? cache?.keys() ?? [];
        yield* queue.pendingKeys();
      },
      sides: (key) => objects?.sides(key) ?? { virtual: cache?.get(key) },
      pending: (key) => queue.pending(key),
      error: (key) => this.#errors.get(key),
    };
  }

  async #work(signal: AbortSignal): Promise<void> {
    for (;;) {
      const key = await this.queue.next();
      if (key === undefined) return;
      // Past the drain time what is left is only taken out of the queue.
      if (!signal.aborted) await this.#reconcile(key, signal);
      this.queue.done(key);
    }
  }

  async #reconcile(key: string, signal: AbortSignal): Promise<void> {
    const { name, metrics, reconcile } = this.#options;
    metrics?.reconciling(name);
    metrics?.objects.begin(name, key);
    try {
      const result = await reconcile(key, signal);
      this.#errors.delete(key);
      const latency = this.queue.forget(key);
      const again = result?.requeueAfterMs;
      const refused = metrics?.objects.end(name, key, again !== undefined) ?? false;
      // To refuse is no synchronisation.
      if (latency !== undefined && !refused) metrics?.reconciled(name, latency);
      if (again !== undefined) this.queue.addAfter(key, again);
    } catch (error) {
      if (signal.aborted) return;
      this.#failed(key, error);
    }
  }

  #failed(key: string, error: unknown): void {
    const { name, metrics } = this.#options;
    metrics?.failed(name, reasonOf(error));
    this.#errors.set(key, (error instanceof Error ? error.message : String(error)).slice(0, errorLimit));
    if (ApiError.is(error, 'Conflict') && this.queue.failures(key) < freeConflicts) {
      // Counted as a failure, so that conflicts cannot go on for ever without a pause.
      this.queue.retry(key, { maxDelayMs: 0 });
      return;
    }
    const away =
      error instanceof ConnectionError || (error instanceof ApiError && (error.status === 429 || error.status >= 500));
    const minDelayMs = error instanceof ApiError ? (error.retryAfterSeconds ?? 0) * 1000 : 0;
    const retryInMs = Math.round(this.queue.retry(key, away ? { maxDelayMs: unavailableMaxMs, minDelayMs } : {}));
    if (ApiError.is(error, 'Conflict')) return;
    const failures = this.queue.failures(key);
    // The first failure and each doubling: a key that stays broken costs a line less and less often.
    if ((failures & (failures - 1)) !== 0 || !this.#logs.take(this.#clock.now())) {
      this.#suppressed++;
      return;
    }
    const suppressed = this.#suppressed === 0 ? {} : { suppressed: this.#suppressed };
    this.#suppressed = 0;
    this.#options.logger[away ? 'warn' : 'error'](
      { kind: name, key, err: error, failures, retryInMs, ...suppressed },
      'reconciliation failed',
    );
  }
}

/** Reason for the error counter, from a bounded set: reasons that a tenant's webhook makes up are not passed on. */
function reasonOf(error: unknown): string {
  if (error instanceof ApiError) return knownReasons.has(error.reason) ? error.reason : `HTTP${error.status}`;
  return error instanceof ConnectionError ? 'Connection' : 'Internal';
}

const knownReasons = new Set([
  'BadRequest',
  'Unauthorized',
  'Forbidden',
  'NotFound',
  'AlreadyExists',
  'Conflict',
  'Gone',
  'Expired',
  'Invalid',
  'Timeout',
  'ServerTimeout',
  'TooManyRequests',
  'RequestEntityTooLarge',
  'InternalError',
  'ServiceUnavailable',
]);
