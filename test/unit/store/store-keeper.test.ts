import { Metrics } from '../../../syncer/engine';
import { type EtcdStatus, storeCare, StoreKeeper } from '../../../syncer/store';
import { ManualClock, recordingLogger, settled } from '../engine/manual-clock';

const MiB = 1024 ** 2;
const status = (fields: Partial<EtcdStatus> = {}): EtcdStatus => ({
  revision: 1,
  memberID: '7',
  sizeBytes: 20 * MiB,
  inUseBytes: 10 * MiB,
  quotaBytes: 2048 * MiB,
  outOfSpace: false,
  ...fields,
});

describe('a store', () => {
  const care = (fields: Partial<EtcdStatus>, writesPerSecond?: number) =>
    storeCare({ status: status(fields), writesPerSecond }).action;
  const fragmented = { sizeBytes: 400 * MiB, inUseBytes: 100 * MiB };

  test('that is small needs nothing, whatever part of it is in use', () => {
    expect(care({ sizeBytes: 99 * MiB, inUseBytes: 1 }, 0)).toBe('nothing');
  });

  test('that is small for a small quota is no small one', () => {
    expect(care({ sizeBytes: 40 * MiB, inUseBytes: 10 * MiB, quotaBytes: 64 * MiB }, 0)).toBe('defragment');
  });

  test('most of which is in use needs nothing', () => {
    expect(care({ sizeBytes: 400 * MiB, inUseBytes: 230 * MiB }, 0)).toBe('nothing');
  });

  test('that is fragmented is defragmented while it is quiet', () => {
    expect(care(fragmented, 50)).toBe('defragment');
    expect(care(fragmented, 51)).toBe('wait');
    // Nobody knows after the first look.
    expect(care(fragmented)).toBe('wait');
  });

  test('that is fragmented and nearly full is not left until it is quiet', () => {
    expect(care({ sizeBytes: 1700 * MiB, inUseBytes: 100 * MiB }, 1000)).toBe('defragment');
  });

  test('that takes no writes is brought back', () => {
    expect(care({ outOfSpace: true }, 1000)).toBe('recover');
  });
});

describe('the keeper', () => {
  function keeperOf(
    first: EtcdStatus,
    after: { defragment?: Partial<EtcdStatus>; compact?: Partial<EtcdStatus> } = {},
    exclusively?: (work: () => Promise<void>) => Promise<boolean>,
  ) {
    const calls: string[] = [];
    let now = first;
    const clock = new ManualClock();
    const logger = recordingLogger();
    const metrics = new Metrics();
    const etcd = {
      status: () => Promise.resolve(now),
      compact: (revision: number) => {
        calls.push(`compact ${revision}`);
        now = { ...now, ...after.compact };
        return Promise.resolve();
      },
      defragment: () => {
        calls.push('defragment');
        now = { ...now, ...after.defragment };
        return Promise.resolve();
      },
      disarm: (member: string) => {
        calls.push(`disarm ${member}`);
        now = { ...now, outOfSpace: false };
        return Promise.resolve();
      },
    };
    const keeper = new StoreKeeper({
      etcd,
      logger: logger as never,
      metrics,
      clock,
      ...(exclusively && { exclusively }),
    });
    return {
      calls,
      clock,
      logger,
      metrics,
      etcd,
      keeper,
      set: (fields: Partial<EtcdStatus>) => (now = { ...now, ...fields }),
    };
  }

  test('waits for a second look, which tells how busy the store is', async () => {
    const { calls, clock, keeper, set } = keeperOf(status({ sizeBytes: 400 * MiB, inUseBytes: 10 * MiB }), {
      defragment: { sizeBytes: 10 * MiB },
    });
    await keeper.look();
    clock.advance(60_000);
    set({ revision: 60_001 });
    await keeper.look();
    expect(calls).toEqual([]);
    clock.advance(60_000);
    set({ revision: 60_100 });
    await keeper.look();
    expect(calls).toEqual(['defragment']);
    clock.advance(60_000);
    await keeper.look();
    expect(calls).toEqual(['defragment']);
  });

  test('of several members one stands still at a time: the others wait for their next look', async () => {
    let free = false;
    const { calls, clock, keeper } = keeperOf(
      status({ outOfSpace: true, revision: 9, sizeBytes: 2048 * MiB, inUseBytes: 100 * MiB }),
      { defragment: { sizeBytes: 100 * MiB } },
      async (work) => {
        if (free) await work();
        return free;
      },
    );
    await keeper.look();
    expect(calls).toEqual([]);
    free = true;
    clock.advance(60_000);
    await keeper.look();
    expect(calls).toEqual(['compact 9', 'defragment', 'disarm 7']);
  });

  test('tells once that a store is full that nothing helps, and does not make it stand still', async () => {
    const { calls, clock, keeper, logger } = keeperOf(
      status({ outOfSpace: true, revision: 9, sizeBytes: 2048 * MiB, inUseBytes: 2000 * MiB }),
    );
    for (let look = 0; look < 3; look++) {
      await keeper.look();
      clock.advance(60_000);
    }
    expect(calls).toEqual(['compact 9', 'compact 9', 'compact 9']);
    expect(logger.lines.filter(({ level }) => level === 'error')).toHaveLength(1);
    expect(logger.lines[0]?.message).toMatch(/^the store is full: .*have objects deleted/);
  });

  test('brings a full store back once there is something to forget', async () => {
    const { calls, keeper, logger } = keeperOf(
      status({ outOfSpace: true, revision: 9, sizeBytes: 2048 * MiB, inUseBytes: 2000 * MiB }),
      { compact: { inUseBytes: 100 * MiB }, defragment: { sizeBytes: 100 * MiB } },
    );
    await keeper.look();
    expect(calls).toEqual(['compact 9', 'defragment', 'disarm 7']);
    expect(logger.lines.at(-1)?.message).toBe('the store takes writes again');
  });

  test('goes on when the store did not answer, and shows no size that it does not know', async () => {
    const { clock, etcd, keeper, logger, metrics } = keeperOf(status());
    const answer = etcd.status;
    etcd.status = () => Promise.reject(new Error('connection refused'));
    const stop = new AbortController();
    const running = keeper.run(stop.signal);
    await settled();
    expect(logger.lines[0]).toMatchObject({ level: 'warn', message: 'the store cannot be looked after' });
    expect(await metrics.text()).toMatch(/^nestling_store_size_bytes nan$/im);
    etcd.status = answer;
    await clock.pass(60_000);
    expect(await metrics.text()).toMatch(/^nestling_store_size_bytes 20971520$/m);
    expect(await metrics.text()).toMatch(/^nestling_store_quota_bytes 2147483648$/m);
    stop.abort();
    await running;
    expect(clock.timers).toBe(0);
  });
});
