import type { Clock } from './clock';

/** Longest time that a JavaScript timer can wait is 2^31 ms; longer ones would fire at once. */
const longest = 2 ** 30;

/**
 * Many keys that become due at different times, with a single timer. Of two times for one key the earlier wins, since
 * both mean "look again at the latest then".
 */
export class TimerHeap {
  /** Binary heap by time. May hold entries that an earlier one for the same key replaced: `#due` tells. */
  readonly #heap: { key: string; due: number }[] = [];
  readonly #due = new Map<string, number>();
  #cancel: (() => void) | undefined;
  #timerDue = Number.POSITIVE_INFINITY;

  constructor(
    private readonly clock: Clock,
    private readonly fire: (key: string) => void,
  ) {}

  /** How many keys wait. */
  get size(): number {
    return this.#due.size;
  }

  /** Keys that wait. */
  keys(): MapIterator<string> {
    return this.#due.keys();
  }

  /** When a key becomes due, by the clock; undefined when it does not wait. */
  due(key: string): number | undefined {
    return this.#due.get(key);
  }

  /** Sets a key's time, unless it has an earlier one. */
  set(key: string, milliseconds: number): void {
    const due = this.clock.now() + Math.max(0, milliseconds);
    const current = this.#due.get(key);
    if (current !== undefined && current <= due) return;
    this.#due.set(key, due);
    this.#push({ key, due });
    this.#arm();
  }

  /** Forgets all keys. */
  clear(): void {
    this.#heap.length = 0;
    this.#due.clear();
    this.#cancel?.();
    this.#cancel = undefined;
    this.#timerDue = Number.POSITIVE_INFINITY;
  }

  #arm(): void {
    const first = this.#heap[0];
    if (first === undefined || first.due >= this.#timerDue) return;
    this.#cancel?.();
    this.#timerDue = first.due;
    // Rounded up: a timer that fires a fraction early would only be set again.
    const wait = Math.min(longest, Math.max(0, Math.ceil(first.due - this.clock.now())));
    this.#cancel = this.clock.setTimer(() => this.#expire(), wait);
  }

  #expire(): void {
    this.#cancel = undefined;
    this.#timerDue = Number.POSITIVE_INFINITY;
    const now = this.clock.now();
    for (let first = this.#heap[0]; first !== undefined && first.due <= now; first = this.#heap[0]) {
      this.#pop();
      if (this.#due.get(first.key) !== first.due) continue;
      this.#due.delete(first.key);
      this.fire(first.key);
    }
    this.#arm();
  }

  #push(entry: { key: string; due: number }): void {
    const heap = this.#heap;
    let at = heap.push(entry) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = heap[parent] as { key: string; due: number };
      if (above.due <= entry.due) break;
      heap[at] = above;
      at = parent;
    }
    heap[at] = entry;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && (heap[child + 1] as typeof last).due < (heap[child] as typeof last).due) child++;
      const below = heap[child] as typeof last;
      if (below.due >= last.due) break;
      heap[at] = below;
      at = child;
    }
    heap[at] = last;
  }
}
