/** How often one key may be logged, in milliseconds. */
const PER_KEY_MS = 60_000;
/** Keys that are remembered; a flood of different ones is held by the budget below. */
const MOST_KEYS = 256;
/** Lines of all keys together: at most so many at once … */
const BURST = 20;
/** … and one more after each of these, in milliseconds. */
const REFILL_MS = 3_000;

/**
 * Holds back log lines that a tenant can cause at will: each key once a minute, and all keys together 20 at once and 20 a
 * minute. Lines that were held back are counted in the next one.
 */
export class QuietLog {
  readonly #lastLogged = new Map<string, number>();
  #budget = BURST;
  #refilledAt: number;
  #suppressed = 0;

  constructor(private readonly now: () => number = Date.now) {
    this.#refilledAt = now();
  }

  /** Calls `write` with the number of lines held back since the last one, or does nothing. */
  log(key: string, write: (suppressed: number) => void): void {
    const now = this.now();
    const last = this.#lastLogged.get(key);
    const refill = Math.floor((now - this.#refilledAt) / REFILL_MS);
    if (refill > 0) {
      this.#budget = Math.min(BURST, this.#budget + refill);
      this.#refilledAt += refill * REFILL_MS;
    }
    if ((last !== undefined && now - last < PER_KEY_MS) || this.#budget === 0) {
      this.#suppressed += 1;
      return;
    }
    this.#budget -= 1;
    this.#lastLogged.delete(key);
    this.#lastLogged.set(key, now);
    if (this.#lastLogged.size > MOST_KEYS) {
      for (const oldest of this.#lastLogged.keys()) {
        this.#lastLogged.delete(oldest);
        break;
      }
    }
    const suppressed = this.#suppressed;
    this.#suppressed = 0;
    write(suppressed);
  }
}
