import type { ConfigMap } from 'kubernetes-types/core/v1';
import { Size } from 'cdk8s';
import { Store } from '../../constructs/spec';
import { Metrics } from '../../syncer/engine';
import { ApiError, resources } from '../../syncer/kube-client';
import { EtcdClient, StoreKeeper } from '../../syncer/store';
import { startApiServer } from '../host-cluster';
import type { RunningApiServer } from '../host-cluster';
import { recordingLogger } from '../unit/engine/manual-clock';
import { eventually } from '../virtual-cluster/eventually';
import { ControlPlane } from './control-plane';

/*
 * The store of a control plane with a quota of 64 MiB, and its API server.
 */

const MiB = 1024 ** 2;
const QUOTA = 64 * MiB;
const LARGE = 'x'.repeat(900_000);

let host: RunningApiServer;
let cluster: ControlPlane;
let etcd: EtcdClient;
let keeper: StoreKeeper;
let metrics: Metrics;
const logger = recordingLogger();

beforeAll(async () => {
  host = await startApiServer({ name: 'host' });
  cluster = new ControlPlane(host, 'team-store');
  await cluster.prepare();
  await cluster.start({ store: Store.ephemeral({ size: Size.mebibytes(512), quota: Size.mebibytes(QUOTA / MiB) }) });
  etcd = new EtcdClient(cluster.store);
  metrics = new Metrics();
  keeper = new StoreKeeper({ etcd, logger: logger as never, metrics });
});

afterAll(async () => {
  etcd?.close();
  await cluster?.stop();
  await host?.stop();
});

const create = (name: string): Promise<ConfigMap> =>
  cluster.virtual.create<ConfigMap>(resources.configMaps, {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name, namespace: 'default' },
    data: { text: LARGE },
  });

const remove = (name: string): Promise<void> =>
  cluster.virtual.delete(resources.configMaps, { namespace: 'default', name });

async function shown(metric: string): Promise<number> {
  const [, value] = new RegExp(`^${metric} (\\S+)$`, 'm').exec(await metrics.text()) ?? [];
  return Number(value);
}

test('its size, what of it is in use and its quota are shown', async () => {
  await keeper.look();
  const size = await shown('nestling_store_size_bytes');
  const inUse = await shown('nestling_store_in_use_bytes');
  expect(size).toBeGreaterThan(0);
  expect(inUse).toBeGreaterThan(0);
  expect(inUse).toBeLessThanOrEqual(size);
  expect(await shown('nestling_store_quota_bytes')).toBe(QUOTA);
  expect(await shown('nestling_store_out_of_space')).toBe(0);
});

test('nobody without a certificate of its authority gets an answer', async () => {
  const { url, certificateAuthority } = cluster.store;
  const stranger = new EtcdClient({ url, certificateAuthority, certificate: '', key: '' });
  await expect(stranger.status()).rejects.toThrow();
  stranger.close();
});

test('what was deleted and forgotten is given back, while the API server goes on', async () => {
  const names = Array.from({ length: 45 }, (_, index) => `large-${index}`);
  for (const name of names) await create(name);
  for (const name of names) await remove(name);
  // As the API server does every five minutes.
  await etcd.compact((await etcd.status()).revision);
  const before = await eventually('what was deleted is in use no more', async () => {
    const status = await etcd.status();
    return status.inUseBytes < status.sizeBytes / 2 && status;
  });
  expect(before.sizeBytes).toBeGreaterThan(QUOTA / 2);

  // How busy the store is shows between two looks.
  await eventually('the store is defragmented', async () => {
    await keeper.look();
    return (await shown('nestling_store_defragmentations_total')) > 0;
  });
  expect(await shown('nestling_store_size_bytes')).toBeLessThan(before.sizeBytes / 2);
  expect((await etcd.status()).sizeBytes).toBeLessThan(before.sizeBytes / 2);
  await create('after');
  await remove('after');
});

test('a full store is told, and takes writes again once there is room', async () => {
  const names: string[] = [];
  /** Makes objects until one is refused. */
  const fill = async (): Promise<unknown> => {
    for (;;) {
      const name = `full-${names.length}`;
      try {
        await create(name);
      } catch (error) {
        // One whose answer came too late on a busy machine was made all the same.
        if (!ApiError.is(error, 'AlreadyExists')) return error;
      }
      names.push(name);
    }
  };
  // What is no longer current is forgotten at the first look, so that there may be some room once more.
  await eventually('the store is full of what is current', async () => {
    expect(String(await fill())).toContain('database space exceeded');
    await keeper.look();
    return (await shown('nestling_store_out_of_space')) === 1;
  });
  expect(logger.lines).toContainEqual(
    expect.objectContaining({ level: 'error', message: expect.stringMatching(/^the store is full: nothing can be/) }),
  );
  await expect(create('one-more')).rejects.toThrow('database space exceeded');

  // All but deletes is refused.
  for (const name of names) await remove(name);
  await eventually('the store takes writes again', async () => {
    await keeper.look();
    return (await shown('nestling_store_out_of_space')) === 0;
  });
  await create('room-again');
  expect(
    (await cluster.virtual.get<ConfigMap>(resources.configMaps, { namespace: 'default', name: 'room-again' })).data,
  ).toEqual({ text: LARGE });
});
