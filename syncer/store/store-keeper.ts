import { type Clock, delay, type Logger, type Metrics, systemClock } from '../engine';
import { leavesRoom, storeCare } from './care';
import type { EtcdClient, EtcdStatus } from './etcd-client';

/** Milliseconds between two looks at the store: etcd has no watch for its size. It is a call on the pod's own loopback. */
const INTERVAL_MS = 60_000;

/** What {@link StoreKeeper} needs. */
export interface StoreKeeperOptions {
  readonly etcd: Pick<EtcdClient, 'status' | 'compact' | 'defragment' | 'disarm'>;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /**
   * Does what makes this member answer nobody for a while, unless another member is at it; says whether it was done.
   *
   * @default there is no other member
   */
  readonly exclusively?: (work: () => Promise<void>) => Promise<boolean>;
  /** Milliseconds between two looks. @default 60000 */
  readonly intervalMs?: number;
  /** @default the system's clock */
  readonly clock?: Clock;
}

/**
 * Looks after the store: shows its size, defragments it, and brings it back when its quota is used up, as far as what is in use allows.
 * Compaction is the API server's, every five minutes, as upstream has it.
 */
export class StoreKeeper {
  readonly #options: StoreKeeperOptions;
  readonly #clock: Clock;
  readonly #defragmentations: { inc(): void };
  #status: EtcdStatus | undefined;
  #lookedAt: number | undefined;
  /** Whether the log has said that no writes are taken: each time once. */
  #told = false;

  constructor(options: StoreKeeperOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    const { metrics } = options;
    const shown = (name: string, help: string, value: (status: EtcdStatus) => number): void => {
      metrics.gauge(name, help, [], (gauge) => {
        // Unknown is not 0.
        if (this.#status === undefined) gauge.set(NaN);
        else gauge.set(value(this.#status));
      });
    };
    shown('nestling_store_size_bytes', 'Size of the database.', ({ sizeBytes }) => sizeBytes);
    shown('nestling_store_in_use_bytes', 'What of it holds something.', ({ inUseBytes }) => inUseBytes);
    shown('nestling_store_out_of_space', 'Whether the store takes no writes, as its quota is used up.', (status) =>
      status.outOfSpace ? 1 : 0,
    );
    shown('nestling_store_quota_bytes', 'Most that the database may have.', ({ quotaBytes }) => quotaBytes);
    this.#defragmentations = metrics.counter('nestling_store_defragmentations_total', 'Defragmentations done.', []);
  }

  /** Looks after the store until the signal ends. A store that does not answer is looked at again next time. */
  async run(signal: AbortSignal): Promise<void> {
    const { logger, intervalMs = INTERVAL_MS } = this.#options;
    while (!signal.aborted) {
      try {
        await this.look(signal);
      } catch (error) {
        if (signal.aborted) return;
        this.#status = undefined;
        logger.warn({ err: error }, 'the store cannot be looked after');
      }
      await delay(this.#clock, intervalMs, signal).catch(() => undefined);
    }
  }

  /** One look, and what follows from it. @throws Error when the store does not answer or refuses */
  async look(signal?: AbortSignal): Promise<void> {
    const { etcd } = this.#options;
    const before = this.#status;
    const status = await etcd.status(signal);
    const now = this.#clock.now();
    const seconds = this.#lookedAt === undefined ? 0 : (now - this.#lookedAt) / 1000;
    const writesPerSecond = before && seconds > 0 ? (status.revision - before.revision) / seconds : undefined;
    this.#status = status;
    this.#lookedAt = now;
    const { action } = storeCare({ status, writesPerSecond });
    if (action !== 'recover') this.#told = false;
    if (action === 'nothing' || action === 'wait') return;
    const { exclusively = alone } = this.#options;
    // At the next look, where another member is at it.
    await exclusively(async () => {
      if (action === 'defragment') await this.#defragment(status, signal);
      else await this.#recover(status, signal);
    });
  }

  async #defragment(before: EtcdStatus, signal?: AbortSignal): Promise<EtcdStatus> {
    const { etcd, logger } = this.#options;
    const started = this.#clock.now();
    await etcd.defragment(signal);
    const after = await etcd.status(signal);
    this.#status = after;
    this.#defragmentations.inc();
    const milliseconds = Math.round(this.#clock.now() - started);
    logger.info({ before: before.sizeBytes, after: after.sizeBytes, milliseconds }, 'the store is defragmented');
    return after;
  }

  async #recover(status: EtcdStatus, signal?: AbortSignal): Promise<void> {
    const { etcd, logger } = this.#options;
    const { sizeBytes, inUseBytes, quotaBytes } = status;
    if (!this.#told) {
      const message =
        'the store is full: nothing can be created or changed in the virtual cluster, only deleted; have objects deleted, or ' +
        'give the store a larger quota';
      logger.error({ sizeBytes, inUseBytes, quotaBytes }, message);
      this.#told = true;
    }
    // Older states are of use to watches that resume; they list anew.
    await etcd.compact(status.revision, signal).catch((error: unknown) => {
      // Nothing was written since the last look.
      if (!String(error).includes('compacted')) throw error;
    });
    const compacted = await etcd.status(signal);
    this.#status = compacted;
    // The store would stand still for nothing.
    if (!leavesRoom(compacted.inUseBytes, compacted)) return;
    const after = await this.#defragment(compacted, signal);
    if (!leavesRoom(after.sizeBytes, after)) return;
    await etcd.disarm(after.memberID, signal);
    this.#status = await etcd.status(signal);
    this.#told = false;
    logger.info({ sizeBytes: after.sizeBytes, quotaBytes }, 'the store takes writes again');
  }
}

const alone = async (work: () => Promise<void>): Promise<boolean> => {
  await work();
  return true;
};
