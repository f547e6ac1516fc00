import { TokenBucket } from '../engine';

/** Writes to one object: a burst that no ordinary life of an object needs, then one a second. */
const RATE = { capacity: 20, refillMs: 1_000 };

/**
 * Bounds what is written to each object. A change of the other side is answered by a write, so that another program that
 * answers ours (a tenant's own syncer, a simulated kubelet) would go on with it for ever, as fast as both can.
 */
export class WriteBudget {
  /** By UID, only of objects that were written to. */
  readonly #buckets = new Map<string, TokenBucket>();

  /** Takes one write. @returns 0 when it may be made now, else the milliseconds after which to look again */
  take(uid: string): number {
    const now = performance.now();
    let bucket = this.#buckets.get(uid);
    if (bucket === undefined) {
      bucket = new TokenBucket(RATE, now);
      this.#buckets.set(uid, bucket);
    }
    return bucket.take(now) ? 0 : RATE.refillMs;
  }

  /** The object is gone. */
  forget(uid: string): void {
    this.#buckets.delete(uid);
  }
}
