import { setTimeout as sleep } from 'node:timers/promises';
import type { PersistentVolume, PersistentVolumeClaim, Pod, PodSpec } from 'kubernetes-types/core/v1';
import type { StorageClass } from 'kubernetes-types/storage/v1';
import { resources } from '../../syncer/kube-client';
import type { KubeObject } from '../../syncer/kube-client';
import { ANNOTATIONS, HOST_CLAIM_FINALIZER } from '../../syncer/translation';
import { eventually } from '../virtual-cluster/eventually';
import { HostStorage } from './host-storage';
import { HOST_NAMESPACE, NAME } from './in-process-syncer';
import { found, TwoClusters } from './two-clusters';

const CLAIMS = resources.persistentVolumeClaims;
const VOLUMES = resources.persistentVolumes;
const CONTROLLERS = [
  'persistentvolumeclaim-protection-controller',
  'persistentvolume-protection-controller',
  'ephemeral-volume-controller',
  'garbage-collector-controller',
  'volumeattributesclass-protection-controller',
];

let clusters: TwoClusters;
let storage: HostStorage;

beforeAll(async () => {
  clusters = await TwoClusters.start({ virtualControllers: CONTROLLERS });
  storage = new HostStorage(clusters.host, HOST_NAMESPACE);
  storage.start();
});

afterAll(async () => {
  await storage?.stop();
  await clusters?.stop();
});

const claim = (name: string, spec: object = {}, metadata: object = {}): Promise<PersistentVolumeClaim> =>
  clusters.virtual.create<PersistentVolumeClaim>(CLAIMS, {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { ...metadata, name, namespace: 'default' },
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } }, ...spec },
  });

const virtual = (name: string) => clusters.virtualOne<PersistentVolumeClaim>(CLAIMS, name);
const twin = (name: string) => clusters.twin<PersistentVolumeClaim>(CLAIMS, name);
const volumeOf = (one: KubeObject) =>
  found(clusters.virtual.get<PersistentVolume>(VOLUMES, { name: `pvc-${one.metadata?.uid}` }));

const shows = (name: string, expected: object): Promise<PersistentVolumeClaim> =>
  eventually(`claim ${name} of the virtual cluster is as it should be`, async () => {
    const one = await virtual(name);
    expect(one).toMatchObject(expected);
    return one;
  });

const bound = (name: string): Promise<PersistentVolumeClaim> => shows(name, { status: { phase: 'Bound' } });

const twinShows = (name: string, expected: object): Promise<PersistentVolumeClaim> =>
  eventually(`the host's claim ${name} is as it should be`, async () => {
    const one = await twin(name);
    expect(one).toMatchObject(expected);
    return one;
  });

const patch = (name: string, body: object) =>
  clusters.virtual.patch(CLAIMS, { namespace: 'default', name, type: 'merge' }, body);

const remove = (name: string) => clusters.virtual.delete(CLAIMS, { namespace: 'default', name });
const goneVirtually = (name: string) =>
  eventually('the claim is gone from the virtual cluster', async () => (await virtual(name)) === undefined);

const uses = (name: string): Partial<PodSpec> => ({
  volumes: [{ name: 'data', persistentVolumeClaim: { claimName: name } }],
});

const removePod = async (name: string): Promise<void> => {
  await clusters.virtual.delete(resources.pods, { namespace: 'default', name });
  await clusters.gone(resources.pods, name);
};

/** Waits until an event about an object has a text. */
const told = (name: string, reason: string, text: string | RegExp) =>
  eventually(`event ${reason} about ${name} says what it should`, async () => {
    const messages = (await clusters.events(name)).filter((one) => one.reason === reason).map((one) => one.message);
    expect(messages).toContainEqual(expect.stringMatching(text));
    return true;
  });

/** Removes a host claim that is kept, as an operator would. */
const removeKept = async (name: string): Promise<void> => {
  await clusters.host.delete(CLAIMS, { namespace: HOST_NAMESPACE, name: clusters.hostNameOf(name) });
  await eventually(`the host's claim ${name} is gone`, async () => (await twin(name)) === undefined);
};

test('a claim gets the volume that the host gives its twin, and all of it goes with the claim', async () => {
  const created = await claim('data');
  const after = await bound('data');
  expect(after).toMatchObject({
    metadata: { annotations: { 'pv.kubernetes.io/bind-completed': 'yes' } },
    spec: { volumeName: `pvc-${created.metadata?.uid}`, storageClassName: 'host-default' },
    status: { capacity: { storage: '1Gi' }, accessModes: ['ReadWriteOnce'] },
  });
  const volume = await volumeOf(created);
  expect(volume).toMatchObject({
    spec: {
      capacity: { storage: '1Gi' },
      claimRef: { namespace: 'default', name: 'data', uid: created.metadata?.uid },
      csi: { driver: 'host.nestling.dev' },
      persistentVolumeReclaimPolicy: 'Delete',
      storageClassName: 'host-default',
    },
    status: { phase: 'Bound' },
  });
  // Facts of the host's volume are not shown unless they are asked for.
  expect(JSON.stringify(volume)).not.toMatch(/handle-of|disk\.example\.org|hostname/);
  expect(JSON.stringify(after)).not.toContain((await twin('data'))?.metadata?.uid);
  await remove('data');
  await clusters.gone(CLAIMS, 'data');
  await eventually('the volume is gone', async () => (await volumeOf(created)) === undefined);
});

test('a claim that the host binds later waits, and its pod is on the host meanwhile', async () => {
  storage.ignored.add(clusters.hostNameOf('late'));
  await claim('late');
  await clusters.createPod('first-consumer', uses('late'));
  await clusters.running('first-consumer');
  expect(await twin('late')).toMatchObject({ status: { phase: 'Pending' } });
  expect(await virtual('late')).toMatchObject({ status: { phase: 'Pending' } });
  storage.ignored.clear();
  await storage.handle((await twin('late'))!);
  await bound('late');
  const pod = await clusters.twin<Pod>(resources.pods, 'first-consumer');
  expect(pod?.spec?.volumes).toContainEqual({
    name: 'data',
    persistentVolumeClaim: { claimName: clusters.hostNameOf('late') },
  });
  // As upstream: a claim that a pod uses stays until the pod is gone.
  await remove('late');
  await sleep(1_000);
  expect(await twin('late')).toMatchObject({ status: { phase: 'Bound' } });
  await removePod('first-consumer');
  await clusters.gone(CLAIMS, 'late');
});

test('a pod whose claim is not there is told, and runs once it is', async () => {
  await clusters.createPod('early', uses('missing'));
  await told('early', 'FailedScheduling', 'persistentvolumeclaim "missing" not found');
  expect(await clusters.twin(resources.pods, 'early')).toBeUndefined();
  await eventually('the pod says so itself', async () => {
    const pod = await clusters.virtualOne<Pod>(resources.pods, 'early');
    return pod?.status?.conditions?.some(({ type, reason }) => type === 'PodScheduled' && reason === 'Unschedulable');
  });
  await claim('missing');
  await clusters.running('early');
  await removePod('early');
  await remove('missing');
});

test('a claim of a volume that the tenant made is refused with the remedy, and so is its pod', async () => {
  await clusters.virtual.create<PersistentVolume>(VOLUMES, {
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: { name: 'root-of-the-node' },
    spec: {
      accessModes: ['ReadWriteOnce'],
      capacity: { storage: '1Gi' },
      storageClassName: '',
      hostPath: { path: '/' },
    },
  });
  await claim('outbreak', { volumeName: 'root-of-the-node', storageClassName: '' });
  await told('outbreak', 'Unsupported', /spec\.volumeName names PersistentVolume "root-of-the-node".*leave it out/);
  await clusters.createPod('outbreaking', uses('outbreak'));
  await told('outbreaking', 'FailedScheduling', /persistentvolumeclaim "outbreak" has no volume: spec\.volumeName/);
  expect(await twin('outbreak')).toBeUndefined();
  expect(await clusters.twin(resources.pods, 'outbreaking')).toBeUndefined();
  const volumes = await clusters.host.list<PersistentVolume>(VOLUMES);
  expect(volumes.items.filter(({ spec }) => spec?.hostPath)).toEqual([]);
  await removePod('outbreaking');
  await remove('outbreak');
  await clusters.virtual.delete(VOLUMES, { name: 'root-of-the-node' });
});

test('a claim that asks for more gets it, and shows it', async () => {
  await claim('growing');
  await bound('growing');
  // The virtual API server asks the class, which is not shown here; a cluster of the constructs leaves that to the host.
  const status = { namespace: 'default', name: 'growing', subresource: 'status', type: 'merge' } as const;
  await clusters.virtual.create<StorageClass>(resources.storageClasses, {
    apiVersion: 'storage.k8s.io/v1',
    kind: 'StorageClass',
    metadata: { name: 'host-default' },
    provisioner: 'any',
    allowVolumeExpansion: true,
  });
  await clusters.host.create<StorageClass>(resources.storageClasses, {
    apiVersion: 'storage.k8s.io/v1',
    kind: 'StorageClass',
    metadata: { name: 'host-default' },
    provisioner: 'any',
    allowVolumeExpansion: true,
  });
  await eventually('the request is accepted', async () => {
    await patch('growing', { spec: { resources: { requests: { storage: '3Gi' } } } });
    return true;
  });
  await twinShows('growing', { spec: { resources: { requests: { storage: '3Gi' } } } });
  const after = await shows('growing', { status: { capacity: { storage: '3Gi' } } });
  await eventually(
    'its volume has grown too',
    async () => (await volumeOf(after))?.spec?.capacity?.['storage'] === '3Gi',
  );
  // What a tenant writes into the status is no truth.
  await clusters.virtual.patch(CLAIMS, status, { status: { capacity: { storage: '9Gi' } } });
  await shows('growing', { status: { capacity: { storage: '3Gi' } } });
  await remove('growing');
  await clusters.gone(CLAIMS, 'growing');
});

test('a request that the host refuses is told, and what the host says of the claim still comes', async () => {
  await clusters.host.create<StorageClass>(resources.storageClasses, {
    apiVersion: 'storage.k8s.io/v1',
    kind: 'StorageClass',
    metadata: { name: 'fixed' },
    provisioner: 'any',
  });
  await clusters.virtual.create<StorageClass>(resources.storageClasses, {
    apiVersion: 'storage.k8s.io/v1',
    kind: 'StorageClass',
    metadata: { name: 'fixed' },
    provisioner: 'any',
    allowVolumeExpansion: true,
  });
  await claim('fixed', { storageClassName: 'fixed' });
  await bound('fixed');
  await eventually('the request is accepted', async () => {
    await patch('fixed', { spec: { resources: { requests: { storage: '3Gi' } } } });
    return true;
  });
  await told('fixed', 'RefusedByHost', /"fixed" is forbidden.*resize/);
  await clusters.host.patch(
    CLAIMS,
    {
      namespace: HOST_NAMESPACE,
      name: clusters.hostNameOf('fixed'),
      subresource: 'status',
      type: 'merge',
    },
    { status: { conditions: [{ type: 'Resizing', status: 'False', message: 'no' }] } },
  );
  const resizing = expect.objectContaining({ type: 'Resizing', message: 'no' }) as object;
  await shows('fixed', { status: { conditions: expect.arrayContaining([resizing]) as object } });
  await remove('fixed');
  await clusters.gone(CLAIMS, 'fixed');
});

test('what a tenant does to the volume that is shown is undone', async () => {
  const created = await claim('shown');
  await bound('shown');
  const name = `pvc-${created.metadata?.uid}`;
  const at = { name, type: 'merge' } as const;
  await clusters.virtual.patch(VOLUMES, at, {
    spec: { capacity: { storage: '7Gi' }, persistentVolumeReclaimPolicy: 'Retain' },
  });
  const before = { capacity: { storage: '1Gi' }, persistentVolumeReclaimPolicy: 'Delete' };
  await eventually('the volume is as it was', async () => {
    expect((await volumeOf(created))?.spec).toMatchObject(before);
    return true;
  });
  await clusters.virtual.delete(VOLUMES, { name });
  await clusters.virtual.patch(VOLUMES, at, { metadata: { finalizers: null } });
  await eventually('the volume is there again', async () => {
    const volume = await volumeOf(created);
    expect(volume).toMatchObject({ spec: before, status: { phase: 'Bound' } });
    return volume?.metadata?.deletionTimestamp === undefined;
  });
  await remove('shown');
  await clusters.gone(CLAIMS, 'shown');
});

test('a claim whose twin somebody removed on the host is lost, and no empty volume passes for the old one', async () => {
  await claim('lost');
  await bound('lost');
  await clusters.host.delete(CLAIMS, { namespace: HOST_NAMESPACE, name: clusters.hostNameOf('lost') });
  await shows('lost', { status: { phase: 'Lost' } });
  await told('lost', 'ClaimLost', /create it again/);
  expect(await twin('lost')).toBeUndefined();
  await clusters.createPod('loser', uses('lost'));
  await told('loser', 'FailedScheduling', /persistentvolumeclaim "lost" has no volume/);
  // Made again it is empty, as it says.
  await removePod('loser');
  await remove('lost');
  await clusters.gone(CLAIMS, 'lost');
  await claim('lost');
  await bound('lost');
  await remove('lost');
});

test('a claim that is deleted while nobody syncs goes, with its volume, once somebody does', async () => {
  await claim('deleted');
  await bound('deleted');
  await clusters.stopSyncer();
  try {
    await remove('deleted');
    await eventually('the virtual cluster’s own controller is done with it', async () => {
      expect((await virtual('deleted'))?.metadata?.finalizers).toEqual([HOST_CLAIM_FINALIZER]);
      return true;
    });
  } finally {
    await clusters.startSyncer();
  }
  await clusters.gone(CLAIMS, 'deleted');
});

describe('a claim that an older store does not have,', () => {
  /** As if the virtual cluster's store were of a time before the claim: it is gone without having been deleted. */
  const forget = async (name: string): Promise<void> => {
    await clusters.stopSyncer();
    try {
      await remove(name);
      await patch(name, { metadata: { finalizers: null } });
      await goneVirtually(name);
    } finally {
      await clusters.startSyncer();
    }
  };

  test('keeps its volume on the host, which is told, and made again it has its data', async () => {
    await claim('restored');
    await bound('restored');
    const before = await twin('restored');
    await forget('restored');
    await told('restored', 'VolumeKept', /nobody deleted it.*create the claim again/);
    const after = await twin('restored');
    expect(after?.metadata).toMatchObject({ uid: before?.metadata?.uid });
    expect(after?.metadata?.deletionTimestamp).toBeUndefined();
    // Whoever asks for something else is told, and harms nothing.
    await claim('restored', { volumeMode: 'Block' });
    await told('restored', 'HostNameTaken', /kept on the host, and cannot be used again: spec\.volumeMode differs/);
    await remove('restored');
    await goneVirtually('restored');
    const again = await claim('restored');
    await bound('restored');
    await told('restored', 'VolumeUsedAgain', /with the data in it/);
    expect((await twin('restored'))?.metadata).toMatchObject({
      uid: before?.metadata?.uid,
      annotations: { [ANNOTATIONS.uid]: again.metadata?.uid },
    });
    await remove('restored');
    await clusters.gone(CLAIMS, 'restored');
  });

  test('and which never had a volume, leaves nothing', async () => {
    storage.ignored.add(clusters.hostNameOf('empty'));
    await claim('empty');
    await twinShows('empty', { status: { phase: 'Pending' } });
    await forget('empty');
    storage.ignored.clear();
    await eventually('it is not on the host any more', async () => {
      const one = await twin('empty');
      if (one) await storage.handle(one);
      return one === undefined;
    });
  });
});

test('a claim on the host that is not of this cluster is never touched, and no pod gets it', async () => {
  const name = clusters.hostNameOf('taken');
  storage.ignored.add(name);
  const foreign = await clusters.host.create<PersistentVolumeClaim>(CLAIMS, {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name, namespace: HOST_NAMESPACE },
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
  });
  await claim('taken');
  await clusters.event('taken', 'HostNameTaken');
  await clusters.createPod('taker', uses('taken'));
  await told('taker', 'FailedScheduling', /"taken" has no volume: the name on the host is taken/);
  expect(await clusters.twin(resources.pods, 'taker')).toBeUndefined();
  expect((await twin('taken'))?.metadata?.resourceVersion).toBe(foreign.metadata?.resourceVersion);
  await removePod('taker');
  await remove('taken');
  await goneVirtually('taken');
  expect((await twin('taken'))?.metadata?.resourceVersion).toBe(foreign.metadata?.resourceVersion);
  storage.ignored.clear();
  await removeKept('taken');
});

test('a clone waits for its source, and names the twin of it', async () => {
  const dataSource = { kind: 'PersistentVolumeClaim', name: 'origin' };
  await claim('clone', { dataSource });
  await told('clone', 'SourceNotFound', /"origin", which is not there/);
  expect(await twin('clone')).toBeUndefined();
  await claim('origin');
  await twinShows('clone', { spec: { dataSource: { ...dataSource, name: clusters.hostNameOf('origin') } } });
  await Promise.all([remove('clone'), remove('origin')]);
  await Promise.all([clusters.gone(CLAIMS, 'clone'), clusters.gone(CLAIMS, 'origin')]);
});

test('an ephemeral volume is the claim that the virtual cluster’s controller makes, and goes with the pod', async () => {
  const volumeClaimTemplate = {
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
  };
  await clusters.createPod('brief', { volumes: [{ name: 'scratch', ephemeral: { volumeClaimTemplate } }] });
  await clusters.running('brief');
  await bound('brief-scratch');
  // It was only a moment, of which the tenant did not hear.
  expect((await clusters.events('brief')).map(({ reason }) => reason)).not.toContain('FailedScheduling');
  await removePod('brief');
  await clusters.gone(CLAIMS, 'brief-scratch');
});

test('a pod gets no claim for its ephemeral volume that was not made for it', async () => {
  await claim('other-scratch');
  await bound('other-scratch');
  const volumeClaimTemplate = {
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
  };
  await clusters.createPod('other', { volumes: [{ name: 'scratch', ephemeral: { volumeClaimTemplate } }] });
  await told('other', 'FailedScheduling', /"other-scratch" was not created for the pod/);
  expect(await clusters.twin(resources.pods, 'other')).toBeUndefined();
  await removePod('other');
  await remove('other-scratch');
  await clusters.gone(CLAIMS, 'other-scratch');
});

test('when nothing changes nothing is written', async () => {
  await claim('idle');
  await bound('idle');
  await sleep(500);
  await clusters.stopSyncer();
  const syncer = await clusters.startSyncer();
  await sleep(2_000);
  const writes = [syncer.host, syncer.virtual].flatMap(({ requests }) =>
    requests.entries().filter(({ verb, sent }) => ['create', 'patch', 'delete'].includes(verb) && sent > 0),
  );
  expect(writes).toEqual([]);
  await remove('idle');
  await clusters.gone(CLAIMS, 'idle');
});

describe('kept claims', () => {
  beforeAll(async () => {
    await clusters.stopSyncer();
    await clusters.startSyncer({ sync: { toHost: { persistentVolumeClaims: { deletionPolicy: 'Retain' } } } });
  });

  afterAll(async () => {
    await clusters.stopSyncer();
    await clusters.startSyncer();
  });

  test('outlive the tenant’s, and those of the same name get the data back', async () => {
    const first = await claim('kept');
    await bound('kept');
    const before = await twin('kept');
    expect(before?.metadata).not.toHaveProperty('ownerReferences');
    expect((await volumeOf(first))?.spec?.persistentVolumeReclaimPolicy).toBe('Retain');
    await remove('kept');
    await eventually('the claim and its volume are gone from the virtual cluster', async () => {
      return (await virtual('kept')) === undefined && (await volumeOf(first)) === undefined;
    });
    await sleep(500);
    expect((await twin('kept'))?.metadata?.resourceVersion).toBe(before?.metadata?.resourceVersion);
    const again = await claim('kept', { resources: { requests: { storage: '500Mi' } } });
    await bound('kept');
    await told('kept', 'VolumeUsedAgain', /with the data in it/);
    expect(await twin('kept')).toMatchObject({
      metadata: { uid: before?.metadata?.uid, annotations: { [ANNOTATIONS.uid]: again.metadata?.uid } },
    });
    await remove('kept');
    await goneVirtually('kept');
    await removeKept('kept');
  });

  test('are not used for a claim that asks for something else, until they are removed', async () => {
    await claim('picky');
    await bound('picky');
    await remove('picky');
    await goneVirtually('picky');
    const kept = await twin('picky');
    await claim('picky', { accessModes: ['ReadWriteMany'] });
    await told('picky', 'HostNameTaken', /kept on the host.*spec\.accessModes differ/);
    expect((await twin('picky'))?.metadata?.resourceVersion).toBe(kept?.metadata?.resourceVersion);
    // Once an operator has removed it, the new claim gets a volume of its own.
    await clusters.host.delete(CLAIMS, { namespace: HOST_NAMESPACE, name: clusters.hostNameOf('picky') });
    await bound('picky');
    expect((await twin('picky'))?.metadata?.uid).not.toBe(kept?.metadata?.uid);
    await remove('picky');
    await goneVirtually('picky');
    await removeKept('picky');
  });

  test('of a former virtual cluster of the same name are nobody’s here: no claim, pod or clone gets at them', async () => {
    await claim('inherited');
    await bound('inherited');
    await remove('inherited');
    await goneVirtually('inherited');
    // Made anew under its name, a cluster has another anchor.
    const at = { namespace: HOST_NAMESPACE, name: clusters.hostNameOf('inherited'), type: 'merge' } as const;
    await clusters.host.patch(CLAIMS, at, { metadata: { annotations: { [ANNOTATIONS.keptFor]: 'another-anchor' } } });
    const kept = await twin('inherited');
    await clusters.createPod('heir', uses('inherited'));
    await told('heir', 'FailedScheduling', 'persistentvolumeclaim "inherited" not found');
    await claim('inherited');
    await told('inherited', 'HostNameTaken', /not of this virtual cluster/);
    await told('heir', 'FailedScheduling', /"inherited" has no volume/);
    await claim('copy', { dataSource: { kind: 'PersistentVolumeClaim', name: 'inherited' } });
    await sleep(1_000);
    expect(await twin('copy')).toBeUndefined();
    expect(await clusters.twin(resources.pods, 'heir')).toBeUndefined();
    expect((await twin('inherited'))?.metadata?.resourceVersion).toBe(kept?.metadata?.resourceVersion);
    await removePod('heir');
    await Promise.all([remove('copy'), remove('inherited')]);
    await clusters.gone(CLAIMS, 'copy');
    await removeKept('inherited');
  });

  test('are not those of ephemeral volumes, nor those that never had a volume', async () => {
    const volumeClaimTemplate = {
      spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
    };
    await clusters.createPod('fleeting', { volumes: [{ name: 'scratch', ephemeral: { volumeClaimTemplate } }] });
    await clusters.running('fleeting');
    await bound('fleeting-scratch');
    await removePod('fleeting');
    await clusters.gone(CLAIMS, 'fleeting-scratch');
    storage.ignored.add(clusters.hostNameOf('never'));
    await claim('never');
    await twinShows('never', { status: { phase: 'Pending' } });
    await remove('never');
    await eventually(
      'the host’s claim is to go',
      async () => (await twin('never'))?.metadata?.deletionTimestamp !== undefined,
    );
    storage.ignored.clear();
    await storage.handle((await twin('never'))!);
    await clusters.gone(CLAIMS, 'never');
  });
});

test('with facts of the host’s volumes shown, tenants see them of their own alone, and no handle', async () => {
  await clusters.stopSyncer();
  await clusters.startSyncer({ sync: { fromHost: { persistentVolumes: { enabled: true } } } });
  try {
    const created = await claim('factual');
    await bound('factual');
    await eventually('its volume has the facts', async () => {
      const volume = await volumeOf(created);
      expect(volume).toMatchObject({
        metadata: { annotations: { 'pv.kubernetes.io/provisioned-by': 'disk.example.org' } },
        spec: {
          persistentVolumeReclaimPolicy: 'Retain',
          nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions: [{ values: ['node-1'] }] }] } },
        },
      });
      expect(JSON.stringify(volume)).not.toContain('handle-of');
      return true;
    });
    const shown = await clusters.virtual.list<PersistentVolume>(VOLUMES);
    expect(shown.items.map(({ spec }) => spec?.claimRef?.name)).toEqual(['factual']);
    // Not shown any more, only what the API cannot take back stays.
    await clusters.stopSyncer();
    await clusters.startSyncer();
    await eventually('its volume has them no more', async () => {
      expect(await volumeOf(created)).toMatchObject({
        metadata: { annotations: { 'pv.kubernetes.io/provisioned-by': 'host.nestling.dev' } },
        spec: { persistentVolumeReclaimPolicy: 'Delete' },
      });
      return true;
    });
    await remove('factual');
    await clusters.gone(CLAIMS, 'factual');
  } finally {
    await clusters.stopSyncer();
    await clusters.startSyncer();
  }
});

test('where claims are not synced a pod with one is refused with the remedy, and nothing is on the host', async () => {
  await claim('former');
  await bound('former');
  await clusters.stopSyncer();
  await clusters.startSyncer({ sync: { toHost: { persistentVolumeClaims: { enabled: false } } } });
  try {
    // One of before goes when the tenant deletes it; that of the host is nobody's business now.
    await remove('former');
    await goneVirtually('former');
    expect(await twin('former')).toMatchObject({ status: { phase: 'Bound' } });
    await claim('off');
    await clusters.createPod('without', uses('off'));
    await told('without', 'Unsupported', /persistentvolumeclaim "off".*use an emptyDir volume/);
    expect(await twin('off')).toBeUndefined();
    expect(await clusters.twin(resources.pods, 'without')).toBeUndefined();
    await removePod('without');
    await remove('off');
    await goneVirtually('off');
  } finally {
    await clusters.stopSyncer();
    await clusters.startSyncer();
  }
  await removeKept('former');
});

test('where some of the host’s classes are shown, of volumes and of their attributes, a claim gets one of them or is told, and the default is the host’s', async () => {
  const storageClass = (name: string, more: object = {}): StorageClass => ({
    apiVersion: 'storage.k8s.io/v1',
    kind: 'StorageClass',
    provisioner: 'any',
    parameters: { 'csi.storage.k8s.io/provisioner-secret-name': 'credentials', tier: 'one' },
    ...more,
    metadata: { name, labels: { tenants: 'yes' }, ...(more as KubeObject).metadata },
  });
  await clusters.stopSyncer();
  await clusters.host.create(resources.storageClasses, storageClass('offered'));
  await clusters.host.create(resources.storageClasses, storageClass('hidden', { metadata: { labels: {} } }));
  const attributes = (name: string, labels: object): KubeObject =>
    ({
      apiVersion: 'storage.k8s.io/v1',
      kind: 'VolumeAttributesClass',
      metadata: { name, labels },
      driverName: 'any',
      parameters: { iops: '1' },
    }) as KubeObject;
  const ATTRIBUTES = resources.volumeAttributesClasses;
  await clusters.host.create(ATTRIBUTES, attributes('gold', { tenants: 'yes' }));
  await clusters.host.create(ATTRIBUTES, attributes('platinum', {}));
  const view = { enabled: true, selector: { tenants: 'yes' } };
  await clusters.startSyncer({ sync: { fromHost: { storageClasses: view, volumeAttributesClasses: view } } });
  try {
    const seen = await eventually('the class is shown', () =>
      found(clusters.virtual.get<StorageClass>(resources.storageClasses, { name: 'offered' })),
    );
    expect(seen.parameters).toEqual({ tier: 'one' });
    await claim('hidden', { storageClassName: 'hidden' });
    await told('hidden', 'Unsupported', 'there is no storage class "hidden"');
    await claim('nameless');
    await told('nameless', 'Unsupported', 'no storage class is the default');
    await claim('offered', { storageClassName: 'offered' });
    await bound('offered');
    // The attributes of a volume can be changed, and only to a class that is shown.
    await eventually('the class of attributes is shown', () =>
      found(clusters.virtual.get(ATTRIBUTES, { name: 'gold' })),
    );
    await claim('guessed', { storageClassName: 'offered', volumeAttributesClassName: 'platinum' });
    await told('guessed', 'Unsupported', 'there is no volume attributes class "platinum"');
    await patch('offered', { spec: { volumeAttributesClassName: 'gold' } });
    await twinShows('offered', { spec: { volumeAttributesClassName: 'gold' } });
    await patch('offered', { spec: { volumeAttributesClassName: 'platinum' } });
    await told('offered', 'Unsupported', 'there is no volume attributes class "platinum"');
    expect(await twin('offered')).toMatchObject({ spec: { volumeAttributesClassName: 'gold' } });
    expect(await twin('guessed')).toBeUndefined();
    await clusters.host.patch(ATTRIBUTES, { name: 'platinum', type: 'merge' }, { metadata: { labels: view.selector } });
    await twinShows('offered', { spec: { volumeAttributesClassName: 'platinum' } });
    await bound('guessed');
    expect(await twin('hidden')).toBeUndefined();
    expect(await twin('nameless')).toBeUndefined();
    // Upstream gives a claim without a class the default one that comes later.
    const annotations = { 'storageclass.kubernetes.io/is-default-class': 'true' };
    await clusters.host.patch(
      resources.storageClasses,
      { name: 'offered', type: 'merge' },
      { metadata: { annotations } },
    );
    await shows('nameless', { spec: { storageClassName: 'offered' }, status: { phase: 'Bound' } });
    await eventually('the virtual cluster’s own admission knows the default', async () => {
      const created = await claim('defaulted');
      if (created.spec?.storageClassName === 'offered') return true;
      await remove('defaulted');
      await clusters.gone(CLAIMS, 'defaulted');
      return false;
    });
    const all = ['hidden', 'nameless', 'offered', 'guessed', 'defaulted'];
    for (const name of all) await remove(name);
    for (const name of all) await clusters.gone(CLAIMS, name);
  } finally {
    await clusters.stopSyncer();
    for (const name of ['offered', 'hidden']) await clusters.host.delete(resources.storageClasses, { name });
    for (const name of ['gold', 'platinum']) await clusters.host.delete(ATTRIBUTES, { name });
    await clusters.startSyncer();
  }
});

test('claims of a cluster leave nothing on the host', async () => {
  await eventually('no claim of the tenant’s is on the host', async () => {
    const left = await clusters.host.list(CLAIMS, {
      namespace: HOST_NAMESPACE,
      labelSelector: `nestling.dev/virtual-cluster=${NAME}`,
    });
    expect(left.items.map(({ metadata }) => metadata?.name)).toEqual([]);
    return true;
  });
});
