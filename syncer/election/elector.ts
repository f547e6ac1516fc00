import type { Lease } from 'kubernetes-types/coordination/v1';
import { type Clock, delay, type Logger, systemClock } from '../engine';
import { isFree, type LeasePlace, microTime, readLease, writeLease } from './lease';

/** How long leadership lasts. All in milliseconds. */
export interface ElectionTimes {
  /** Others may take over when they have seen no renewal for so long. */
  readonly durationMs: number;
  /** A leader that could not renew for so long is none any more; shorter than the duration, so that it ends before others begin. */
  readonly deadlineMs: number;
  /** Pause between two renewals. */
  readonly renewMs: number;
}

/** Who falls silent is replaced within ten seconds, and ends itself three seconds before that. */
export const ELECTION_TIMES: ElectionTimes = { durationMs: 10_000, deadlineMs: 7_000, renewMs: 2_000 };

/** What {@link Elector} needs. */
export interface ElectorOptions extends LeasePlace {
  /** Who holds it: nobody else alive has the same one. */
  readonly identity: string;
  readonly logger: Logger;
  /** @default ELECTION_TIMES */
  readonly times?: ElectionTimes;
  /** @default the system's clock */
  readonly clock?: Clock;
  /** The time of day, for people who look at the Lease; nobody decides by it. @default Date.now */
  readonly timeOfDay?: () => number;
  /** Told when another one leads, before this one waits. */
  readonly waiting?: () => void;
  /** Tells of each state of the Lease until the signal aborts. */
  readonly follow: (take: (lease: Lease) => void, signal: AbortSignal) => Promise<void>;
}

/** The leader's work would go on after its leadership ended. */
export class LostError extends Error {
  override readonly name = 'LostError';
}

/** Being the leader. */
export interface Leadership {
  /** Aborts, with a LostError, when leadership is lost: everything that only a leader may do has to have ended at once. */
  readonly lost: AbortSignal;
  /** To be asked before each write. @throws LostError when it is lost, be it that the timers did not get to say so yet */
  check(): void;
  /** Ends leadership so that another one can begin at once; the work has to have ended. Never rejects. */
  release(): Promise<void>;
}

/**
 * Finds one leader among processes, by a Lease of the host. As client-go's leader election does, nobody compares clocks: a candidate
 * measures on its own one since when it has seen no renewal, and a leader since when it has sent none that succeeded.
 */
export class Elector {
  readonly #options: ElectorOptions;
  readonly #times: ElectionTimes;
  readonly #clock: Clock;
  #lease: Lease | undefined;
  /** When this state of the Lease was first seen. */
  #seenAt = 0;
  #wake: (() => void) | undefined;

  constructor(options: ElectorOptions) {
    this.#options = options;
    this.#times = options.times ?? ELECTION_TIMES;
    this.#clock = options.clock ?? systemClock;
  }

  /** Waits until this process is the leader, which then renews by itself. @throws the signal's reason when it aborts before */
  async lead(signal: AbortSignal): Promise<Leadership> {
    const following = new AbortController();
    const both = AbortSignal.any([signal, following.signal]);
    let followed: Promise<void> | undefined;
    try {
      for (;;) {
        signal.throwIfAborted();
        const wait = await this.#try(signal).catch((error: unknown) => {
          signal.throwIfAborted();
          this.#options.logger.warn({ err: error }, 'the Lease of the syncers cannot be read or written; trying again');
          return this.#times.renewMs;
        });
        if (typeof wait !== 'number') return wait;
        if (!followed) this.#options.waiting?.();
        followed ??= this.#options.follow((lease) => this.#see(lease), both);
        await this.#pause(wait, signal);
      }
    } finally {
      following.abort();
      await followed;
    }
  }

  /** Takes the Lease if that may be. @returns leadership, or the milliseconds until it may */
  async #try(signal: AbortSignal): Promise<Leadership | number> {
    const { identity, logger } = this.#options;
    const { durationMs, renewMs } = this.#times;
    const lease = await readLease(this.#options, signal);
    if (lease) this.#see(lease);
    else this.#lease = undefined;
    const holder = lease?.spec?.holderIdentity;
    // The same identity is a former process of this pod's container, which has ended.
    const mine = holder === identity;
    const heldMs = (lease?.spec?.leaseDurationSeconds ?? durationMs / 1000) * 1000;
    const left = this.#seenAt + heldMs - this.#clock.now();
    if (lease && !isFree(lease) && !mine && left > 0) return left;
    const sentAt = this.#clock.now();
    const now = microTime(new Date(this.#timeOfDay()));
    const taken = await writeLease(
      this.#options,
      lease,
      {
        holderIdentity: identity,
        leaseDurationSeconds: Math.ceil(durationMs / 1000),
        acquireTime: now,
        renewTime: now,
        leaseTransitions: (lease?.spec?.leaseTransitions ?? 0) + (lease && !mine ? 1 : 0),
      },
      signal,
    );
    // Another one was quicker: what it wrote comes by the watch, or with the next look.
    if (taken === undefined) return renewMs;
    logger.info({ identity, former: holder ?? '' }, 'this syncer is the active one');
    return this.#leadership(taken, sentAt);
  }

  #leadership(taken: Lease, sentAt: number): Leadership {
    const { deadlineMs, renewMs } = this.#times;
    const { identity } = this.#options;
    const lost = new AbortController();
    const ended = new AbortController();
    let lease = taken;
    let validUntil = sentAt + deadlineMs;
    const lose = (why: string): void => {
      if (!ended.signal.aborted) lost.abort(new LostError(why));
      ended.abort();
    };
    const check = (): void => {
      if (lost.signal.aborted) throw lost.signal.reason as Error;
      if (this.#clock.now() < validUntil) return;
      lose(`no renewal of Lease ${this.#options.name} succeeded for ${deadlineMs / 1000} s`);
      throw lost.signal.reason as Error;
    };
    /** Ends leadership on time even while a renewal hangs. */
    const watchdog = async (): Promise<void> => {
      while (!ended.signal.aborted) {
        const left = validUntil - this.#clock.now();
        if (left <= 0) return lose(`no renewal of Lease ${this.#options.name} succeeded for ${deadlineMs / 1000} s`);
        await delay(this.#clock, left, ended.signal).catch(() => undefined);
      }
    };
    /** One renewal, which a server that does not answer must not keep from being tried again. */
    const renewOnce = async (signal: AbortSignal): Promise<void> => {
      const at = this.#clock.now();
      const renewTime = microTime(new Date(this.#timeOfDay()));
      let renewed = await writeLease(this.#options, lease, { renewTime }, signal);
      if (renewed === undefined) {
        // Changed by another hand; it is still ours unless another one holds it.
        const now = await readLease(this.#options, signal);
        if (now?.spec?.holderIdentity !== identity) {
          return lose(`Lease ${this.#options.name} is held by ${now?.spec?.holderIdentity || 'nobody'} now`);
        }
        renewed = await writeLease(this.#options, now, { renewTime }, signal);
      }
      if (renewed === undefined) return;
      lease = renewed;
      validUntil = at + deadlineMs;
    };
    const renew = async (): Promise<void> => {
      while (!ended.signal.aborted) {
        await delay(this.#clock, renewMs, ended.signal).catch(() => undefined);
        if (ended.signal.aborted) return;
        const attempt = new AbortController();
        const giveUp = (): void => attempt.abort(new Error('no answer'));
        const cancel = this.#clock.setTimer(giveUp, renewMs);
        ended.signal.addEventListener('abort', giveUp, { once: true });
        try {
          await renewOnce(attempt.signal);
        } catch (error) {
          if (ended.signal.aborted) return;
          this.#options.logger.warn({ err: error }, 'the Lease of the syncers cannot be renewed; trying again');
        } finally {
          cancel();
          ended.signal.removeEventListener('abort', giveUp);
        }
      }
    };
    const running = Promise.all([watchdog(), renew()]);
    const release = async (): Promise<void> => {
      if (ended.signal.aborted) return;
      ended.abort();
      await running;
      const renewTime = microTime(new Date(this.#timeOfDay()));
      await writeLease(this.#options, lease, { holderIdentity: '', renewTime }).catch((error: unknown) => {
        this.#options.logger.warn(
          { err: error },
          'the Lease of the syncers cannot be released: others wait for its end',
        );
      });
    };
    return { lost: lost.signal, check, release };
  }

  #see(lease: Lease): void {
    const changed = lease.metadata?.resourceVersion !== this.#lease?.metadata?.resourceVersion;
    this.#lease = lease;
    if (!changed) return;
    this.#seenAt = this.#clock.now();
    // A renewal only moves the moment at which it ends, which is looked at then.
    if (isFree(lease)) this.#wake?.();
  }

  async #pause(milliseconds: number, signal: AbortSignal): Promise<void> {
    // What came while the Lease was being read is not lost.
    if (isFree(this.#lease)) milliseconds = Math.min(milliseconds, this.#times.renewMs);
    const early = new AbortController();
    this.#wake = () => early.abort();
    await delay(this.#clock, milliseconds, AbortSignal.any([signal, early.signal])).catch(() => undefined);
    this.#wake = undefined;
  }

  #timeOfDay(): number {
    return this.#options.timeOfDay?.() ?? Date.now();
  }
}
