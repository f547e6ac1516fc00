import { Elector, ELECTION_TIMES, type Leadership, LostError } from '../../../syncer/election';
import { ManualClock, recordingLogger, settled } from '../engine/manual-clock';
import { StoredLease } from './stored-lease';

const { deadlineMs, durationMs, renewMs } = ELECTION_TIMES;

/** Syncers that stand for election on one Lease, with one clock for all. */
class Election {
  readonly clock = new ManualClock();
  readonly lease = new StoredLease();
  readonly leaders = new Map<string, Leadership>();
  readonly #stop = new AbortController();
  readonly #running: Promise<void>[] = [];

  async stand(who: string): Promise<void> {
    const { clock, lease } = this;
    const elector = new Elector({
      client: lease.client(who),
      namespace: 'team-a',
      name: 'my-vc1-syncer',
      identity: who,
      clock,
      timeOfDay: () => clock.now(),
      logger: recordingLogger() as never,
      follow: lease.follow,
    });
    this.#running.push(
      elector.lead(this.#stop.signal).then(
        (leadership) => void this.leaders.set(who, leadership),
        () => undefined,
      ),
    );
    await settled();
  }

  /** Lets time pass in small steps, as timers of one follow on requests of another. */
  async pass(milliseconds: number, each: () => void = () => undefined): Promise<void> {
    for (let gone = 0; gone < milliseconds; gone += 100) {
      await this.clock.pass(100);
      each();
    }
  }

  /** Whoever believes to lead at this moment. */
  active(): string[] {
    return [...this.leaders].flatMap(([who, leadership]) => {
      try {
        leadership.check();
        return [who];
      } catch {
        return [];
      }
    });
  }

  async end(): Promise<void> {
    this.#stop.abort();
    for (const leadership of this.leaders.values()) await leadership.release();
    await Promise.all(this.#running);
  }
}

let election: Election;
beforeEach(() => (election = new Election()));
afterEach(() => election.end());

test('the first syncer makes the Lease and leads; others wait while it renews, and write nothing', async () => {
  await election.stand('a');
  await election.stand('b');
  await election.pass(5 * durationMs);
  expect(election.active()).toEqual(['a']);
  expect(election.lease.writes.get('b')).toBeUndefined();
  expect(election.lease.writes.get('a')).toBeGreaterThan(5);
});

test('who releases the Lease is followed at once, without waiting for its end', async () => {
  await election.stand('a');
  await election.stand('b');
  await election.leaders.get('a')?.release();
  await settled();
  expect([...election.leaders.keys()]).toEqual(['a', 'b']);
  expect(election.lease.holder).toBe('b');
  expect(election.lease.transitions).toBe(1);
});

test('a leader that falls silent is replaced within 15 s, after it has ended itself: no two lead at any moment', async () => {
  await election.stand('a');
  await election.stand('b');
  await election.stand('c');
  await election.pass(durationMs);
  election.lease.cutOff.add('a');
  let most = 0;
  let replacedAfter: number | undefined;
  let gone = 0;
  await election.pass(2 * durationMs, () => {
    gone += 100;
    const active = election.active();
    most = Math.max(most, active.length);
    if (active.length === 1 && active[0] !== 'a') replacedAfter ??= gone;
  });
  expect(most).toBe(1);
  expect(replacedAfter).toBeLessThanOrEqual(15_000);
  expect(election.leaders.get('a')?.lost.reason).toBeInstanceOf(LostError);
  expect(election.active()).toHaveLength(1);
});

test('a leader whose process stood still knows at its first write, before any of its timers told it', async () => {
  await election.stand('a');
  const leadership = election.leaders.get('a');
  expect(() => leadership?.check()).not.toThrow();
  const { now } = election.clock;
  election.clock.now = () => now.call(election.clock) + deadlineMs; // time went on, no timer was called back
  expect(() => leadership?.check()).toThrow(LostError);
  election.clock.now = now;
  expect(() => leadership?.check()).toThrow(LostError); // and never leads again
});

test('a short outage of the host costs nobody the leadership', async () => {
  await election.stand('a');
  await election.stand('b');
  election.lease.cutOff.add('a');
  await election.pass(deadlineMs - renewMs - 1_000);
  election.lease.cutOff.clear();
  await election.pass(3 * durationMs);
  expect(election.active()).toEqual(['a']);
});

test('a change of the Lease by another hand is no loss, one of its holder is', async () => {
  await election.stand('a');
  election.lease.change({ leaseTransitions: 7 });
  await election.pass(2 * renewMs);
  expect(election.active()).toEqual(['a']);
  election.lease.change({ holderIdentity: 'b' });
  await election.pass(2 * renewMs);
  expect(election.active()).toEqual([]);
  expect(election.leaders.get('a')?.lost.aborted).toBe(true);
});

test('a Lease that was removed ends the leadership and is made anew', async () => {
  await election.stand('a');
  await election.stand('b');
  election.lease.remove();
  await election.pass(2 * durationMs);
  expect(election.active()).toEqual(['b']);
  expect(election.leaders.get('a')?.lost.aborted).toBe(true);
});

test('a container that starts again takes over from its former process without waiting', async () => {
  await election.stand('a');
  const former = election.leaders.get('a');
  election.lease.cutOff.add('gone');
  await election.stand('b');
  await election.stand('a');
  expect(election.leaders.get('a')).not.toBe(former);
  expect(election.lease.holder).toBe('a');
  await former?.release();
});

test('a candidate counts from when it saw the Lease, not from what other clocks wrote into it', async () => {
  election.lease.change({ holderIdentity: 'old', leaseDurationSeconds: 10, renewTime: '1970-01-01T00:00:00.000000Z' });
  await election.pass(5 * durationMs);
  await election.stand('a');
  await election.pass(durationMs - 1_000);
  expect(election.active()).toEqual([]);
  await election.pass(2_000);
  expect(election.active()).toEqual(['a']);
});
