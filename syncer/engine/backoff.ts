/** Bounds of an exponential back-off, in milliseconds. */
export interface BackoffBounds {
  readonly baseMs: number;
  readonly maxMs: number;
}

/**
 * Milliseconds to wait after so many failures: doubling from the base to the maximum, of which the upper half is
 * left to chance, so that what failed together does not come back together.
 * @param failures at least 1
 */
export function backoffDelay(bounds: BackoffBounds, failures: number, random: () => number): number {
  // 2 ** 30 is above every bound; larger exponents would end in Infinity.
  const full = Math.min(bounds.maxMs, bounds.baseMs * 2 ** Math.min(failures - 1, 30));
  return full * (0.5 + 0.5 * random());
}
