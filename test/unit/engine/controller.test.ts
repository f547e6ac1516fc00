import { Controller, Metrics, ObjectCache, objectKey, PairController } from '../../../syncer/engine';
import { ApiError, ConnectionError, type KubeObject } from '../../../syncer/kube-client';
import { ManualClock, recordingLogger, settled } from './manual-clock';

let clock: ManualClock;
let abort: AbortController;
let logger: ReturnType<typeof recordingLogger>;
beforeEach(() => {
  clock = new ManualClock();
  abort = new AbortController();
  logger = recordingLogger();
});

function object(name: string, resourceVersion: number, namespace = 'n'): KubeObject {
  return { metadata: { name, namespace, uid: `uid-${name}`, resourceVersion: String(resourceVersion) } };
}

function fill(cache: ObjectCache<KubeObject>, ...objects: KubeObject[]): void {
  cache.replace(new Map(objects.map((each) => [objectKey(each), each])), '100');
}

const common = () => ({ logger, clock, random: () => 1 });

test('nothing runs before all caches are complete; then everything runs once', async () => {
  const cache = new ObjectCache<KubeObject>('own');
  const other = new ObjectCache<KubeObject>('other');
  const seen: string[] = [];
  const controller = new Controller({
    name: 'things',
    cache,
    waitFor: [other],
    reconcile: (key) => Promise.resolve(void seen.push(key)),
    ...common(),
  });
  const running = controller.run(abort.signal);
  controller.enqueue('n/extra');
  cache.upsert(object('a', 1));
  fill(cache, object('a', 1), object('b', 2));
  await settled();
  expect(seen).toEqual([]);
  fill(other);
  await settled();
  expect(seen.sort()).toEqual(['n/a', 'n/b', 'n/extra']);
  cache.upsert(object('b', 3));
  cache.remove(object('a', 4));
  await settled();
  expect(seen.slice(3).sort()).toEqual(['n/a', 'n/b']);
  abort.abort();
  await running;
});

test('as many at a time as allowed, a key never twice', async () => {
  let running = 0;
  let most = 0;
  const atWork = new Set<string>();
  const finish: (() => void)[] = [];
  const controller = new Controller({
    name: 'things',
    concurrency: 3,
    reconcile: async (key) => {
      expect(atWork.has(key)).toBe(false);
      atWork.add(key);
      most = Math.max(most, ++running);
      await new Promise<void>((resolve) => finish.push(resolve));
      running--;
      atWork.delete(key);
    },
    ...common(),
  });
  const run = controller.run(abort.signal);
  for (let index = 0; index < 10; index++) controller.enqueue(`n/${index}`);
  for (let round = 0; round < 12; round++) {
    await settled();
    controller.enqueue('n/0');
    finish.shift()?.();
  }
  expect(most).toBe(3);
  abort.abort();
  for (let round = 0; round < 12; round++) {
    await settled();
    finish.shift()?.();
  }
  await run;
});

test('a conflict is tried again at once and makes no noise; other failures back off and say so', async () => {
  const metrics = new Metrics();
  const failures: unknown[] = [
    new ApiError({ status: 409, reason: 'Conflict', message: 'changed' }),
    new ApiError({ status: 409, reason: 'Conflict', message: 'changed' }),
    new Error('broken'),
  ];
  let attempts = 0;
  const controller = new Controller({
    name: 'things',
    reconcile: () => {
      const failure = failures[attempts++];
      return failure === undefined ? Promise.resolve() : Promise.reject(failure as Error);
    },
    metrics,
    ...common(),
  });
  const run = controller.run(abort.signal);
  controller.enqueue('n/a');
  await settled();
  expect(attempts).toBe(3);
  await clock.pass(19);
  expect(attempts).toBe(3);
  await clock.pass(1);
  expect(attempts).toBe(4);
  expect(logger.lines.filter((line) => line.level !== 'debug')).toHaveLength(0);
  const text = await metrics.text();
  expect(text).toContain('nestling_reconcile_errors_total{kind="things",reason="Conflict"} 2');
  expect(text).toContain('nestling_reconcile_errors_total{kind="things",reason="Internal"} 1');
  expect(text).toContain('nestling_sync_latency_seconds_count{kind="things"} 1');
  expect(text).toContain('nestling_oldest_unsynced_seconds{kind="things"} 0');
  abort.abort();
  await run;
});

test('a key that stays broken is logged less and less often', async () => {
  const controller = new Controller({
    name: 'things',
    reconcile: () => Promise.reject(new Error('broken')),
    ...common(),
  });
  const run = controller.run(abort.signal);
  controller.enqueue('n/a');
  for (let step = 0; step < 200; step++) await clock.pass(5_000);
  const failures = logger.lines.map((line) => line.fields['failures']);
  expect(failures.slice(0, 5)).toEqual([1, 2, 4, 8, 16]);
  expect(logger.lines[0]).toMatchObject({
    level: 'error',
    fields: { kind: 'things', key: 'n/a' },
    message: 'reconciliation failed',
  });
  abort.abort();
  await run;
});

test('while the API server is away nobody waits long for its return', async () => {
  let away = true;
  let attempts = 0;
  const controller = new Controller({
    name: 'things',
    reconcile: () => {
      attempts++;
      return away ? Promise.reject(new ConnectionError('gone', { code: 'ECONNREFUSED' })) : Promise.resolve();
    },
    ...common(),
  });
  const run = controller.run(abort.signal);
  controller.enqueue('n/a');
  for (let step = 0; step < 200; step++) await clock.pass(1_000);
  away = false;
  const before = attempts;
  await clock.pass(5_000);
  expect(attempts).toBe(before + 1);
  abort.abort();
  await run;
});

test('work may ask to be called again', async () => {
  let calls = 0;
  const controller = new Controller({
    name: 'things',
    reconcile: () => Promise.resolve({ requeueAfterMs: ++calls === 1 ? 1_000 : undefined }),
    ...common(),
  });
  const run = controller.run(abort.signal);
  controller.enqueue('n/a');
  await settled();
  await clock.pass(999);
  expect(calls).toBe(1);
  await clock.pass(1);
  expect(calls).toBe(2);
  abort.abort();
  await run;
});

test('a stop lets queued and running work end, then aborts it', async () => {
  const seen: string[] = [];
  let aborted = false;
  const controller = new Controller({
    name: 'things',
    concurrency: 1,
    drainMs: 1_000,
    reconcile: (key, signal) => {
      seen.push(key);
      if (key !== 'n/slow') return Promise.resolve();
      return new Promise((_, reject) => {
        signal.addEventListener('abort', () => {
          aborted = true;
          reject(new Error('stopped'));
        });
      });
    },
    ...common(),
  });
  const run = controller.run(abort.signal);
  for (const key of ['n/1', 'n/2', 'n/slow', 'n/never']) controller.enqueue(key);
  abort.abort();
  await settled();
  expect(seen).toEqual(['n/1', 'n/2', 'n/slow']);
  expect(aborted).toBe(false);
  await clock.pass(1_000);
  await run;
  expect(aborted).toBe(true);
  expect(seen).not.toContain('n/never');
});

test('a run that is stopped before its caches are complete ends', async () => {
  const controller = new Controller({
    name: 'things',
    waitFor: [new ObjectCache('never')],
    reconcile: () => Promise.resolve(),
    ...common(),
  });
  const run = controller.run(abort.signal);
  abort.abort();
  await run;
});

test('a change on either side is work for the pair, with the newest state of both', async () => {
  const virtual = new ObjectCache<KubeObject>('virtual');
  const host = new ObjectCache<KubeObject>('host');
  const seen: string[] = [];
  const controller = new PairController({
    name: 'pods',
    virtual,
    host,
    hostKeyOfVirtual: (key) => `host/${key.replace('/', '-x-')}`,
    virtualKeyOfHost: ({ metadata }) =>
      metadata?.name?.includes('-x-') === true ? metadata.name.replace('-x-', '/') : undefined,
    reconcile: ({ key, virtual: v, host: h }) =>
      Promise.resolve(
        void seen.push(`${key} ${v?.metadata?.resourceVersion ?? '-'} ${h?.metadata?.resourceVersion ?? '-'}`),
      ),
    ...common(),
  });
  const run = controller.run(abort.signal);
  fill(virtual, object('a', 1));
  await settled();
  expect(seen).toEqual([]);
  fill(host, object('n-x-a', 2, 'host'), object('n-x-orphan', 3, 'host'), object('foreign', 4, 'host'));
  await settled();
  expect(seen.sort()).toEqual(['n/a 1 2', 'n/orphan - 3']);
  seen.length = 0;
  host.upsert(object('n-x-a', 105, 'host'));
  virtual.upsert(object('a', 106));
  await settled();
  expect(seen).toEqual(['n/a 106 105']);
  seen.length = 0;
  host.remove(object('n-x-a', 107, 'host'));
  await settled();
  expect(seen).toEqual(['n/a 106 -']);
  abort.abort();
  await run;
  host.upsert(object('n-x-late', 108, 'host'));
  await settled();
  expect(seen).toHaveLength(1);
});
