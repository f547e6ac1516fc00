import { setTimeout as sleep } from 'node:timers/promises';

/** Milliseconds between two looks. */
const INTERVAL_MS = 150;

/**
 * Repeats a look at the clusters until it passes, and returns what it returned.
 *
 * @param what the expectation, named in the error when it does not come true
 * @param look throws, or returns undefined or false, while it is not so
 * @param seconds how long it may take @default 60
 */
export async function eventually<T>(
  what: string,
  look: () => Promise<T | undefined | false>,
  seconds = 60,
): Promise<T> {
  const deadline = Date.now() + seconds * 1000;
  let last: unknown;
  for (;;) {
    try {
      const value = await look();
      if (value !== undefined && value !== false) return value;
      last = undefined;
    } catch (error) {
      last = error;
    }
    if (Date.now() > deadline) throw new Error(`not within ${seconds} s: ${what}`, { cause: last });
    await sleep(INTERVAL_MS);
  }
}
