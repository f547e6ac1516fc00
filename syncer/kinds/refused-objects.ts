import { backoffDelay } from '../engine';

/** Milliseconds between attempts: the longest is how late a freed quota may be noticed. */
const BOUNDS = { baseMs: 500, maxMs: 60_000 };

/**
 * When objects that the host refused may be tried again. The queue's own back-off is not enough: what the tenant is told
 * about a refusal is a change of the object, which would bring it back at once.
 */
export class RefusedObjects {
  /** By UID. */
  readonly #refused = new Map<string, { failures: number; until: number }>();

  /** Milliseconds until the object may be tried again; 0 when now. */
  left(uid: string): number {
    const until = this.#refused.get(uid)?.until ?? 0;
    return Math.max(0, until - performance.now());
  }

  /** Counts a refusal. */
  add(uid: string): { readonly failures: number; readonly retryInMs: number } {
    const failures = (this.#refused.get(uid)?.failures ?? 0) + 1;
    const retryInMs = backoffDelay(BOUNDS, failures, Math.random);
    this.#refused.set(uid, { failures, until: performance.now() + retryInMs });
    return { failures, retryInMs };
  }

  /** The host took the object, or it is gone. */
  forget(uid: string): void {
    this.#refused.delete(uid);
  }
}
