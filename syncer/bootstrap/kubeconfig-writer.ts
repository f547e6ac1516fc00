import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '../engine';
import type { KubeClient } from '../kube-client';
import { applyKubeconfigSecrets, type KubeconfigContent } from './kubeconfig-secret';

const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 60_000;

/** What kubeconfigs say that may change while the syncer runs. */
export type ChangingContent = Pick<KubeconfigContent, 'admin' | 'outsideServer'>;

/** Keeps the Secrets with kubeconfigs as the virtual cluster is: its addresses and certificates change while it runs. */
export class KubeconfigWriter {
  readonly #host: KubeClient;
  readonly #logger: Logger;
  #content: KubeconfigContent;
  #written: KubeconfigContent | undefined;
  #wake: (() => void) | undefined;

  constructor(host: KubeClient, content: KubeconfigContent, logger: Logger) {
    this.#host = host;
    this.#content = content;
    this.#logger = logger;
  }

  /** Tells what is different from now on; `run` writes it. */
  change(part: Partial<ChangingContent>): void {
    const changed = { ...this.#content, ...part };
    if (changed.outsideServer === this.#content.outsideServer && changed.admin === this.#content.admin) return;
    this.#content = changed;
    this.#wake?.();
  }

  /** Writes what holds now. @throws Error naming a Secret that is somebody else's, ApiError when the host refuses */
  async write(signal?: AbortSignal): Promise<void> {
    const content = this.#content;
    await applyKubeconfigSecrets(this.#host, content, signal);
    this.#written = content;
  }

  /** Writes every change until the signal aborts. Failures are logged and tried again. */
  async run(signal: AbortSignal): Promise<void> {
    let failures = 0;
    while (!signal.aborted) {
      if (this.#content === this.#written) {
        await this.#changed(signal);
        continue;
      }
      try {
        await this.write(signal);
        failures = 0;
      } catch (error) {
        if (signal.aborted) return;
        this.#logger.warn({ err: error }, 'the kubeconfig cannot be stored; trying again');
        const pause = Math.min(FIRST_PAUSE_MS * 2 ** failures++, LONGEST_PAUSE_MS);
        await sleep(pause, undefined, { signal }).catch(() => undefined);
      }
    }
  }

  #changed(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        this.#wake = undefined;
        signal.removeEventListener('abort', wake);
        resolve();
      };
      this.#wake = wake;
      signal.addEventListener('abort', wake, { once: true });
    });
  }
}
