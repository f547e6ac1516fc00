import { type BackoffBounds, backoffDelay } from './backoff';
import { type Clock, systemClock } from './clock';
import { Fifo } from './fifo';
import { TimerHeap } from './timer-heap';

/** Options of a WorkQueue. */
export interface WorkQueueOptions {
  /** @default the system's clock */
  clock?: Clock;
  /** Source of jitter, in [0, 1). @default Math.random */
  random?: () => number;
  /** Delay after a key's first failure, in milliseconds. @default 5 */
  baseDelayMs?: number;
  /** Longest delay between attempts, in milliseconds. @default 60000 */
  maxDelayMs?: number;
}

/** What is to be done for a key; times are those of the queue's clock, in milliseconds. */
export interface PendingWork {
  /** When the key was added for the first time since it last succeeded; undefined when it only waits for its time. */
  readonly since: number | undefined;
  /** Attempts that failed since it last succeeded. */
  readonly failures: number;
  /** When it will be added, if it waits for its time. */
  readonly due: number | undefined;
}

/**
 * Keys that need work, each at most once and never by two workers at a time.
 *
 * A key that is added while it is being worked on comes again once that is done, so that the newest state is always
 * seen. Namespaces (the part before the first `/`) take turns: one with ten thousand keys delays another's single key
 * by one turn. Adding, taking and finishing cost constant time.
 */
export class WorkQueue {
  /** Keys that wait, by namespace. An entry exists only while it has keys. */
  readonly #waiting = new Map<string, Fifo<string>>();
  /** Namespaces with waiting keys, each once, in the order of their turns. */
  readonly #turns = new Fifo<string>();
  /** The same keys as in #waiting. */
  readonly #queued = new Set<string>();
  readonly #processing = new Set<string>();
  /** Keys added again while they are being processed, and when. */
  readonly #again = new Map<string, number>();
  /** When the key was added for the first time since it last succeeded. */
  readonly #since = new Map<string, number>();
  readonly #failures = new Map<string, number>();
  /** Wakes workers that wait for a key. */
  readonly #idle = new Fifo<() => void>();
  readonly #timers: TimerHeap;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #bounds: BackoffBounds;
  #shutDown = false;

  constructor(options: WorkQueueOptions = {}) {
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? Math.random;
    this.#bounds = { baseMs: options.baseDelayMs ?? 5, maxMs: options.maxDelayMs ?? 60_000 };
    this.#timers = new TimerHeap(this.#clock, (key) => this.add(key));
  }

  /** Keys that wait for a worker. */
  get length(): number {
    return this.#queued.size;
  }

  /** Keys that wait for their time. */
  get delayed(): number {
    return this.#timers.size;
  }

  /** Keys being worked on. */
  get inFlight(): number {
    return this.#processing.size;
  }

  /** Seconds since the oldest key that has not succeeded was first added: waiting, failing and processing count. */
  get oldestAgeSeconds(): number {
    // Read when metrics are scraped only: a walk is cheaper than keeping an order.
    let oldest = Number.POSITIVE_INFINITY;
    for (const since of this.#since.values()) if (since < oldest) oldest = since;
    return oldest === Number.POSITIVE_INFINITY ? 0 : (this.#clock.now() - oldest) / 1000;
  }

  /** What is to be done for a key; undefined when nothing is. */
  pending(key: string): PendingWork | undefined {
    const since = this.#since.get(key) ?? this.#again.get(key);
    const due = this.#timers.due(key);
    return since === undefined && due === undefined ? undefined : { since, failures: this.failures(key), due };
  }

  /** Keys for which something is to be done; one may come twice. */
  *pendingKeys(): Generator<string> {
    yield* this.#since.keys();
    yield* this.#timers.keys();
  }

  /** Attempts of a key that failed since it last succeeded. */
  failures(key: string): number {
    return this.#failures.get(key) ?? 0;
  }

  /** Asks for work on a key as soon as its turn comes. */
  add(key: string): void {
    if (this.#shutDown) return;
    if (this.#processing.has(key)) {
      if (!this.#again.has(key)) this.#again.set(key, this.#clock.now());
      return;
    }
    if (this.#queued.has(key)) return;
    if (!this.#since.has(key)) this.#since.set(key, this.#clock.now());
    this.#enqueue(key);
  }

  /** Asks for work on a key after some milliseconds; an earlier time already set stays. */
  addAfter(key: string, milliseconds: number): void {
    if (this.#shutDown) return;
    if (milliseconds > 0) this.#timers.set(key, milliseconds);
    else this.add(key);
  }

  /**
   * Counts a failure and asks for another attempt after the key's back-off.
   * @param bounds limits for this failure only: at least and at most so many milliseconds
   * @returns the delay in milliseconds
   */
  retry(key: string, bounds: { minDelayMs?: number; maxDelayMs?: number } = {}): number {
    const failures = (this.#failures.get(key) ?? 0) + 1;
    this.#failures.set(key, failures);
    const { baseMs, maxMs } = this.#bounds;
    const wait = backoffDelay({ baseMs, maxMs: Math.min(maxMs, bounds.maxDelayMs ?? maxMs) }, failures, this.#random);
    const delay = Math.max(wait, bounds.minDelayMs ?? 0);
    this.addAfter(key, delay);
    return delay;
  }

  /**
   * The key's work succeeded: its failures are forgotten, and it no longer counts as unsynced.
   * @returns milliseconds since it was first added, undefined if it was not
   */
  forget(key: string): number | undefined {
    this.#failures.delete(key);
    const since = this.#since.get(key);
    if (since === undefined) return undefined;
    this.#since.delete(key);
    return this.#clock.now() - since;
  }

  /** The next key to work on, as soon as there is one; `done` must follow. Undefined once shut down and drained. */
  async next(): Promise<string | undefined> {
    for (;;) {
      const key = this.#take();
      if (key !== undefined || this.#shutDown) return key;
      await new Promise<void>((resolve) => this.#idle.push(resolve));
    }
  }

  /** The key's worker is through with it, with success or not. */
  done(key: string): void {
    if (!this.#processing.delete(key)) return;
    const again = this.#again.get(key);
    if (again === undefined) return;
    this.#again.delete(key);
    if (!this.#since.has(key)) this.#since.set(key, again);
    this.#enqueue(key);
  }

  /** Takes no more keys and drops those that wait for their time; what is queued is still handed out. */
  shutDown(): void {
    this.#shutDown = true;
    this.#timers.clear();
    for (let resolve = this.#idle.shift(); resolve !== undefined; resolve = this.#idle.shift()) resolve();
  }

  #enqueue(key: string): void {
    this.#queued.add(key);
    const namespace = namespaceOf(key);
    let keys = this.#waiting.get(namespace);
    if (keys === undefined) {
      keys = new Fifo();
      this.#waiting.set(namespace, keys);
      this.#turns.push(namespace);
    }
    keys.push(key);
    // Woken and not handed the key: what is added until it runs is then one piece of work with this.
    this.#idle.shift()?.();
  }

  #take(): string | undefined {
    const namespace = this.#turns.shift();
    if (namespace === undefined) return undefined;
    const keys = this.#waiting.get(namespace) as Fifo<string>;
    const key = keys.shift() as string;
    if (keys.length > 0) this.#turns.push(namespace);
    else this.#waiting.delete(namespace);
    this.#queued.delete(key);
    this.#processing.add(key);
    return key;
  }
}

function namespaceOf(key: string): string {
  const slash = key.indexOf('/');
  return slash === -1 ? '' : key.slice(0, slash);
}
