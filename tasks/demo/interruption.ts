import { constants } from 'node:os';
import { InterruptedError } from '../../test/host-cluster';

/** How long after the first signal another one is the same wish: npm and the terminal both send it. */
const ECHO_MILLISECONDS = 500;

/** Signals that would end this process, turned into one that its work can give up by, and clean up after. */
export class Interruption {
  readonly #controller = new AbortController();
  #received: NodeJS.Signals | undefined;

  /** @param log told once when the first signal comes, and that we are at it when more come */
  constructor(log: (text: string) => void) {
    let since = 0;
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.on(signal, () => {
        if (!this.#received) {
          this.#received = signal;
          since = performance.now();
          log('interrupted: removing what was made');
          this.#controller.abort();
        } else if (performance.now() - since > ECHO_MILLISECONDS) {
          log('already removing what was made: please wait');
        }
      });
    }
  }

  /** Aborted by the first signal. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** What a shell expects of a process that a signal ended; undefined when none came. */
  get exitCode(): number | undefined {
    return this.#received && 128 + constants.signals[this.#received];
  }

  /**
   * Waits for work that takes no signal.
   *
   * @throws InterruptedError as soon as a signal comes; the work itself is no longer waited for
   */
  async during<T>(work: Promise<T>): Promise<T> {
    const { signal } = this;
    let onAbort: (() => void) | undefined;
    const interrupted = new Promise<never>((_, reject) => {
      onAbort = (): void => reject(new InterruptedError());
      if (signal.aborted) onAbort();
      else signal.addEventListener('abort', onAbort);
    });
    work.catch(() => undefined); // it may fail once nobody waits for it
    try {
      return await Promise.race([interrupted, work]);
    } finally {
      if (onAbort) signal.removeEventListener('abort', onAbort);
    }
  }
}
