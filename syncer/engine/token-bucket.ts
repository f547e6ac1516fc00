/** How much a TokenBucket gives. */
export interface TokenBucketRate {
  /** Tokens that can be taken at once after a pause. */
  readonly capacity: number;
  /** Milliseconds until one more is there. */
  readonly refillMs: number;
}

/** Allows a burst and then a steady rate. Times are milliseconds of one monotonic clock. */
export class TokenBucket {
  #tokens: number;
  #at: number;

  constructor(
    private readonly rate: TokenBucketRate,
    now: number,
  ) {
    this.#tokens = rate.capacity;
    this.#at = now;
  }

  /** Takes one token. @returns false when there is none */
  take(now: number): boolean {
    this.#tokens = Math.min(this.rate.capacity, this.#tokens + (now - this.#at) / this.rate.refillMs);
    this.#at = now;
    if (this.#tokens < 1) return false;
    this.#tokens--;
    return true;
  }
}
