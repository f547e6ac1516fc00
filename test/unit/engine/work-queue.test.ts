import fc from 'fast-check';
import { WorkQueue } from '../../../syncer/engine';
import { ManualClock, settled } from './manual-clock';

let clock: ManualClock;
let queue: WorkQueue;
beforeEach(() => {
  clock = new ManualClock();
  queue = new WorkQueue({ clock, random: () => 1 });
});

async function take(count: number): Promise<(string | undefined)[]> {
  const keys: (string | undefined)[] = [];
  for (let index = 0; index < count; index++) keys.push(await queue.next());
  return keys;
}

test('a key waits once, however often it is added', async () => {
  for (const key of ['a', 'b', 'a', 'a']) queue.add(key);
  expect(queue.length).toBe(2);
  expect(await take(2)).toEqual(['a', 'b']);
});

test('a key added while it is processed comes again when that is done, once', async () => {
  queue.add('a');
  await queue.next();
  queue.add('a');
  queue.add('a');
  expect(queue.length).toBe(0);
  queue.done('a');
  expect(queue.length).toBe(1);
  expect(await queue.next()).toBe('a');
  queue.done('a');
  expect(queue.length).toBe(0);
});

test('namespaces take turns', async () => {
  for (let index = 0; index < 1000; index++) queue.add(`flood/${index}`);
  queue.add('quiet/1');
  queue.add('node');
  queue.add('quiet/2');
  expect(await take(7)).toEqual(['flood/0', 'quiet/1', 'node', 'flood/1', 'quiet/2', 'flood/2', 'flood/3']);
});

test('failures double the delay up to the limit, success forgets them', () => {
  const delays = Array.from({ length: 16 }, () => queue.retry('a'));
  expect(delays.slice(0, 5)).toEqual([5, 10, 20, 40, 80]);
  expect(delays.at(-1)).toBe(60_000);
  expect(queue.failures('a')).toBe(16);
  queue.forget('a');
  expect(queue.retry('a')).toBe(5);
  expect(queue.retry('b', { minDelayMs: 700 })).toBe(700);
  const half = new WorkQueue({ clock, random: () => 0 });
  expect(half.retry('a')).toBe(2.5);
});

test('of several times the earliest wins', () => {
  queue.addAfter('a', 1_000);
  queue.addAfter('a', 100);
  queue.addAfter('a', 5_000);
  queue.addAfter('b', 200);
  expect(queue.delayed).toBe(2);
  clock.advance(99);
  expect(queue.length).toBe(0);
  clock.advance(1);
  expect(queue.length).toBe(1);
  clock.advance(10_000);
  expect(queue.length).toBe(2);
  expect(clock.timers).toBe(0);
});

test('a time further away than timers reach is kept', () => {
  const days = 60 * 86_400_000;
  queue.addAfter('a', days);
  clock.advance(days - 1);
  expect(queue.length).toBe(0);
  clock.advance(1);
  expect(queue.length).toBe(1);
});

test('the age counts from the first add to success, through failures', async () => {
  queue.add('a');
  clock.advance(1_000);
  await queue.next();
  expect(queue.oldestAgeSeconds).toBe(1);
  queue.retry('a', { minDelayMs: 1_000 });
  queue.done('a');
  clock.advance(1_000);
  expect(queue.oldestAgeSeconds).toBe(2);
  await queue.next();
  clock.advance(500);
  queue.add('a');
  clock.advance(500);
  expect(queue.forget('a')).toBe(3_000);
  expect(queue.oldestAgeSeconds).toBe(0);
  queue.done('a');
  // Added again half a second before the first work ended.
  expect(queue.oldestAgeSeconds).toBe(0.5);
});

test('shut down, it hands out what is queued and then nothing', async () => {
  const waiting = new WorkQueue({ clock });
  const next = waiting.next();
  waiting.shutDown();
  expect(await next).toBeUndefined();
  queue.add('a');
  queue.addAfter('b', 10);
  queue.shutDown();
  queue.add('c');
  clock.advance(100);
  expect(await take(2)).toEqual(['a', undefined]);
});

/** Promises that wait for nothing else have been followed. */
async function turn(): Promise<void> {
  for (let step = 0; step < 8; step++) await Promise.resolve();
}

test('never twice at once, never lost, always the newest state', async () => {
  const keys = ['x/1', 'x/2', 'x/3', 'y/1', 'z'];
  const key = fc.constantFrom(...keys);
  const step = fc.oneof(
    fc.record({ type: fc.constant('change' as const), key }),
    fc.record({ type: fc.constant('change later' as const), key, ms: fc.nat(100) }),
    fc.record({ type: fc.constant('take' as const) }),
    fc.record({ type: fc.constant('finish' as const), index: fc.nat(4), fails: fc.boolean() }),
    fc.record({ type: fc.constant('wait' as const), ms: fc.nat(200) }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 100 }), async (steps) => {
      const time = new ManualClock();
      const tested = new WorkQueue({ clock: time, random: () => 0.5 });
      /** What the world is at, and what was last done about it. */
      const wanted = new Map<string, number>();
      const reached = new Map<string, number>();
      const running: { key: string; sees: number }[] = [];
      let takers = 0;
      const takeOne = () => {
        takers++;
        void tested.next().then((next) => {
          takers--;
          if (next === undefined) return;
          expect(running.map((each) => each.key)).not.toContain(next);
          running.push({ key: next, sees: wanted.get(next) ?? 0 });
        });
      };
      const finish = (index: number, fails: boolean) => {
        const [job] = running.splice(index % Math.max(1, running.length), 1);
        if (job === undefined) return;
        if (fails) tested.retry(job.key);
        else {
          reached.set(job.key, job.sees);
          tested.forget(job.key);
        }
        tested.done(job.key);
      };
      const change = (changed: string) => {
        wanted.set(changed, (wanted.get(changed) ?? 0) + 1);
        tested.add(changed);
      };
      for (const each of steps) {
        if (each.type === 'change') change(each.key);
        else if (each.type === 'change later') tested.addAfter(each.key, each.ms);
        else if (each.type === 'take') takeOne();
        else if (each.type === 'finish') finish(each.index, each.fails);
        else time.advance(each.ms);
        await turn();
      }
      // Let everything end: what was wanted last must have been seen.
      for (let round = 0; round < 1000; round++) {
        time.advance(60_000);
        if (takers === 0) takeOne();
        await turn();
        finish(0, false);
        if (running.length === 0 && tested.length === 0 && tested.delayed === 0 && tested.inFlight === 0) break;
      }
      expect(running).toEqual([]);
      for (const [each, state] of wanted) expect(reached.get(each)).toBe(state);
      expect(tested.oldestAgeSeconds).toBe(0);
    }),
    { numRuns: 300 },
  );
});

test('ten times the keys in one namespace take about ten times as long, not a hundred times', async () => {
  // Processor time of this process: what else the machine does is not in it.
  const take = async (keys: number): Promise<number> => {
    const started = process.cpuUsage();
    for (let index = 0; index < keys; index++) queue.add(`n/${index}`);
    for (let index = 0; index < keys; index++) {
      const key = (await queue.next()) as string;
      queue.forget(key);
      queue.done(key);
    }
    await settled();
    const { user, system } = process.cpuUsage(started);
    return user + system;
  };
  await take(10_000); // warm-up
  const few = Math.min(await take(10_000), await take(10_000), await take(10_000));
  expect((await take(100_000)) / few).toBeLessThan(50);
});
