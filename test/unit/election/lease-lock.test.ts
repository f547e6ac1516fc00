import { LeaseLock } from '../../../syncer/election';
import { StoredLease } from './stored-lease';

const lease = () => new StoredLease();
const lockOf = (stored: StoredLease, who: string, now: () => number = () => 0) =>
  new LeaseLock({
    client: stored.client(who),
    namespace: 'team-a',
    name: 'lock',
    identity: who,
    durationMs: 60_000,
    now,
  });

test('work is done by one at a time; the other is told that it was not done', async () => {
  const stored = lease();
  let inside = 0;
  const first = await lockOf(stored, 'a').run(async () => {
    inside += 1;
    expect(await lockOf(stored, 'b').run(() => Promise.reject(new Error('must not run')))).toBe(false);
  });
  expect([first, inside]).toEqual([true, 1]);
  expect(await lockOf(stored, 'b').run(() => Promise.resolve())).toBe(true);
});

test('work that fails gives the lock back', async () => {
  const stored = lease();
  await expect(lockOf(stored, 'a').run(() => Promise.reject(new Error('no room')))).rejects.toThrow('no room');
  expect(await lockOf(stored, 'b').run(() => Promise.resolve())).toBe(true);
});

test('a lock that nobody released ends by itself', async () => {
  const stored = lease();
  stored.change({ holderIdentity: 'gone', leaseDurationSeconds: 60, renewTime: new Date(0).toISOString() });
  expect(await lockOf(stored, 'a', () => 59_000).run(() => Promise.resolve())).toBe(false);
  expect(await lockOf(stored, 'a', () => 61_000).run(() => Promise.resolve())).toBe(true);
});
