import { setTimeout as sleep } from 'node:timers/promises';
import type { StorageClass } from 'kubernetes-types/storage/v1';
import { resources } from '../../syncer/kube-client';
import { eventually } from '../virtual-cluster/eventually';
import { found, TwoClusters } from './two-clusters';

let clusters: TwoClusters;

beforeAll(async () => {
  clusters = await TwoClusters.start();
  await clusters.stopSyncer();
  await clusters.startSyncer({
    sync: { fromHost: { storageClasses: { enabled: true, selector: { tenants: 'yes' } } } },
  });
});

afterAll(async () => {
  await clusters?.stop();
});

const type = resources.storageClasses;

const storageClass = (name: string, labels: Record<string, string> = { tenants: 'yes' }): StorageClass => ({
  apiVersion: 'storage.k8s.io/v1',
  kind: 'StorageClass',
  metadata: { name, labels, annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } },
  provisioner: 'example.org/disk',
  parameters: { speed: 'fast' },
});

const seen = (name: string): Promise<StorageClass | undefined> =>
  found(clusters.virtual.get<StorageClass>(type, { name }));

const shows = (name: string, expected: object): Promise<StorageClass> =>
  eventually(`StorageClass ${name} of the virtual cluster is as on the host`, async () => {
    const view = await seen(name);
    expect(view).toMatchObject(expected);
    return view;
  });

test('a class of the host is seen by tenants, with its changes, until it goes', async () => {
  await clusters.host.create(type, storageClass('fast'));
  await shows('fast', { provisioner: 'example.org/disk', parameters: { speed: 'fast' } });
  const at = { name: 'fast', type: 'merge' } as const;
  await clusters.host.patch(type, at, { allowVolumeExpansion: true, metadata: { annotations: { note: 'new' } } });
  await shows('fast', { allowVolumeExpansion: true, metadata: { annotations: { note: 'new' } } });
  await clusters.host.patch(type, at, { allowVolumeExpansion: null });
  await eventually(
    'StorageClass fast of the virtual cluster allows no expansion any more',
    async () => (await seen('fast'))?.allowVolumeExpansion === undefined,
  );
  await clusters.host.patch(type, at, { metadata: { annotations: { note: null } } });
  await eventually(
    'StorageClass fast of the virtual cluster has lost the annotation that it lost on the host',
    async () => (await seen('fast'))?.metadata?.annotations?.['note'] === undefined,
  );
  await clusters.host.delete(type, { name: 'fast' });
  await eventually(
    'StorageClass fast is gone from the virtual cluster',
    async () => (await seen('fast')) === undefined,
  );
});

test('a class that is made anew with other parameters is made anew in the virtual cluster', async () => {
  await clusters.host.create(type, storageClass('changing'));
  await shows('changing', { parameters: { speed: 'fast' } });
  await clusters.host.delete(type, { name: 'changing' });
  await clusters.host.create(type, { ...storageClass('changing'), parameters: { speed: 'slow' } });
  await shows('changing', { parameters: { speed: 'slow' } });
});

test('what a tenant changes in a view is undone', async () => {
  await clusters.host.create(type, storageClass('kept'));
  await shows('kept', { provisioner: 'example.org/disk' });
  await clusters.virtual.patch(type, { name: 'kept', type: 'merge' }, { metadata: { labels: { tenants: 'no' } } });
  await shows('kept', { metadata: { labels: { tenants: 'yes' } } });
  await clusters.virtual.delete(type, { name: 'kept' });
  await shows('kept', { provisioner: 'example.org/disk' });
});

test('a view that another program removes each time is made anew at a bounded rate', async () => {
  await clusters.host.create(type, storageClass('fought-over'));
  await shows('fought-over', { provisioner: 'example.org/disk' });
  const { requests } = clusters.syncer.virtual;
  const made = () => requests.count({ verb: 'create', resource: 'storageclasses' });
  const before = { made: made(), at: performance.now() };
  for (let round = 0; round < 150; round += 1) {
    await found(clusters.virtual.delete(type, { name: 'fought-over' }));
    await sleep(10);
  }
  // A burst, then one a second: far from one for each removal, and true however slow the machine is.
  expect(made() - before.made).toBeLessThanOrEqual(20 + (performance.now() - before.at) / 1000);
  await shows('fought-over', { provisioner: 'example.org/disk' });
  await clusters.host.delete(type, { name: 'fought-over' });
  await eventually(
    'StorageClass fought-over is gone from the virtual cluster',
    async () => (await seen('fought-over')) === undefined,
  );
});

test('a class without the labels that are asked for is not shown, and one that loses them goes', async () => {
  await clusters.host.create(type, storageClass('hidden', { tenants: 'no' }));
  await clusters.host.create(type, storageClass('losing'));
  await shows('losing', { provisioner: 'example.org/disk' });
  expect(await seen('hidden')).toBeUndefined();
  await clusters.host.patch(type, { name: 'losing', type: 'merge' }, { metadata: { labels: { tenants: null } } });
  await eventually(
    'StorageClass losing is gone from the virtual cluster',
    async () => (await seen('losing')) === undefined,
  );
});

test('a class that the tenant made is left alone, whatever the host has under its name', async () => {
  const own = { ...storageClass('own', {}), provisioner: 'example.org/mine' };
  await clusters.virtual.create(type, own);
  await clusters.host.create(type, storageClass('own'));
  await clusters.host.create(type, storageClass('after'));
  await shows('after', { provisioner: 'example.org/disk' });
  expect(await seen('own')).toMatchObject({ provisioner: 'example.org/mine' });
  await clusters.host.delete(type, { name: 'own' });
  await clusters.host.delete(type, { name: 'after' });
  await eventually(
    'StorageClass after is gone from the virtual cluster',
    async () => (await seen('after')) === undefined,
  );
  expect(await seen('own')).toMatchObject({ provisioner: 'example.org/mine' });
});
