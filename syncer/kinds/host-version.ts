import type { Logger } from '../engine';
import type { KubeClient } from '../kube-client';
import { minorOf, OLDEST_HOST_MINOR } from '../translation';

/**
 * The version of the host's API server, which decides what fields it can take. Read at start and whenever a new connection to
 * it was opened (`KubeClientOptions.onConnection`): an upgrade takes the old ones down.
 */
export class HostVersion {
  readonly #host: Pick<KubeClient, 'getText'>;
  readonly #logger: Logger;
  readonly #listeners: (() => void)[] = [];
  #reading: Promise<void> | undefined;
  /** Whether something asked while a read was under way, whose answer may be of the server before. */
  #again = false;
  #gitVersion: string | undefined;

  constructor(host: Pick<KubeClient, 'getText'>, logger: Logger) {
    this.#host = host;
    this.#logger = logger;
  }

  /** Minor version of Kubernetes 1, such as 35; undefined while it is not known. */
  get minor(): number | undefined {
    return this.#gitVersion === undefined ? undefined : minorOf(this.#gitVersion);
  }

  /** Calls back when the version is another than before, for as long as the process runs. */
  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }

  /**
   * Resolves when the version was read once, or cannot be: a host may forbid to ask. Nothing depends on it that strict field
   * validation would not refuse as well, only less kindly.
   */
  async known(): Promise<void> {
    if (this.#gitVersion === undefined) await (this.#reading ?? this.refresh());
  }

  /** Reads the version anew; keeps the one that is known when that fails. Never rejects. */
  refresh(): Promise<void> {
    if (this.#reading) this.#again = true;
    this.#reading ??= this.#read().finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  async #read(): Promise<void> {
    do {
      this.#again = false;
      try {
        const { gitVersion } = JSON.parse(await this.#host.getText('/version')) as { gitVersion?: unknown };
        if (typeof gitVersion === 'string') this.#set(gitVersion);
      } catch (error) {
        this.#logger.warn({ err: error }, "the host's version cannot be read");
      }
    } while (this.#again);
  }

  #set(gitVersion: string): void {
    if (gitVersion === this.#gitVersion) return;
    this.#gitVersion = gitVersion;
    const minor = minorOf(gitVersion);
    if (minor === undefined || minor < OLDEST_HOST_MINOR) {
      this.#logger.warn({ version: gitVersion }, `the host should have Kubernetes 1.${OLDEST_HOST_MINOR} or newer`);
    } else {
      this.#logger.info({ version: gitVersion }, "the host's version");
    }
    for (const listener of this.#listeners) listener();
  }
}
