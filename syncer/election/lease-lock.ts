import { isFree, type LeasePlace, microTime, readLease, writeLease } from './lease';

/** What {@link LeaseLock} needs. */
export interface LeaseLockOptions extends LeasePlace {
  readonly identity: string;
  /** Milliseconds after which a lock that nobody released may be taken. */
  readonly durationMs: number;
  /** The time of day. @default Date.now */
  readonly now?: () => number;
}

/**
 * Work that several processes must not do at once, and that may as well be done later: a lock for its time, by a Lease. It relies on
 * clocks that differ by less than what its duration has in reserve.
 */
export class LeaseLock {
  readonly #options: LeaseLockOptions;

  constructor(options: LeaseLockOptions) {
    this.#options = options;
  }

  /** Does the work if nobody else is at it. @returns whether it was done */
  async run(work: () => Promise<void>, signal?: AbortSignal): Promise<boolean> {
    const { durationMs, identity, now = Date.now } = this.#options;
    const lease = await readLease(this.#options, signal);
    const { renewTime, leaseDurationSeconds = 0, holderIdentity } = lease?.spec ?? {};
    const until = Date.parse(renewTime ?? '') + leaseDurationSeconds * 1000;
    if (!isFree(lease) && holderIdentity !== identity && until > now()) return false;
    const time = microTime(new Date(now()));
    const spec = {
      holderIdentity: identity,
      leaseDurationSeconds: Math.ceil(durationMs / 1000),
      acquireTime: time,
      renewTime: time,
    };
    const held = await writeLease(this.#options, lease, spec, signal);
    if (held === undefined) return false;
    try {
      await work();
    } finally {
      await writeLease(this.#options, held, { holderIdentity: '' }).catch(() => undefined); // it ends by itself
    }
    return true;
  }
}
