/** Lets one task per key run at a time, in the order of arrival; other keys do not wait. */
export class KeyedMutex {
  /** The last task of each key that is waiting or running. */
  readonly #last = new Map<string, Promise<void>>();

  /** Keys with a task that is waiting or running. */
  get size(): number {
    return this.#last.size;
  }

  /**
   * Runs a task when all earlier ones of its key are over.
   *
   * @param signal gives up waiting; a task that has begun must watch the signal itself
   * @throws what the task throws, or the signal's reason
   */
  async run<T>(key: string, task: () => Promise<T>, signal: AbortSignal): Promise<T> {
    const before = this.#last.get(key);
    let release = (): void => undefined;
    const mine = new Promise<void>((resolve) => (release = resolve));
    // Who gives up waiting must not let the next one pass by the task that is still running.
    const last = before ? before.then(() => mine) : mine;
    this.#last.set(key, last);
    void last.then(() => {
      if (this.#last.get(key) === last) this.#last.delete(key);
    });
    try {
      if (before) await orAborted(before, signal);
      signal.throwIfAborted();
      return await task();
    } finally {
      release();
    }
  }
}

/**
 * Waits for a promise, at most until the signal fires.
 * @throws the signal's reason
 */
export async function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  let stop = (): void => undefined;
  const aborted = new Promise<never>((_, reject) => {
    const onAbort = (): void => reject(signal.reason as Error);
    signal.addEventListener('abort', onAbort, { once: true });
    stop = () => signal.removeEventListener('abort', onAbort);
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    stop();
  }
}
