import type { PersistentVolume, PersistentVolumeClaim } from 'kubernetes-types/core/v1';
import {
  adoptionObstacle,
  claimSources,
  guardedFor,
  HOST_CLAIM_FINALIZER,
  hostPersistentVolumeClaimPatch,
  isBoundTo,
  isEphemeralClaim,
  isVolumeOf,
  translatePersistentVolumeClaim,
  virtualPersistentVolumeClaimPatch,
  volumeOfClaim,
  wasBound,
} from '../../../syncer/translation';
import { anchor, identity, refusal, unwrap } from './fixtures';

const claimWith = (spec: object = {}, metadata: object = {}, status?: object): PersistentVolumeClaim => ({
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: { name: 'data', namespace: 'shop', uid: 'virtual-uid', ...metadata },
  spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } }, ...spec },
  ...(status && { status }),
});
const context = { identity, anchor, retain: false };
const translate = (spec: object = {}, metadata: object = {}, more: object = {}) =>
  translatePersistentVolumeClaim(claimWith(spec, metadata), { ...context, ...more });

describe('a host claim', () => {
  test('asks for what the tenant’s asks for', () => {
    const spec = {
      accessModes: ['ReadWriteMany'],
      resources: { requests: { storage: '2Gi' }, limits: { storage: '3Gi' } },
      storageClassName: 'fast',
      volumeAttributesClassName: 'gold',
      volumeMode: 'Block',
    };
    expect(unwrap(translate(spec)).spec).toEqual(spec);
  });

  test('has nothing of the tenant’s annotations, and its labels under other keys', () => {
    const metadata = { labels: { app: 'db' }, annotations: { 'volume.kubernetes.io/selected-node': 'node-1' } };
    expect(unwrap(translate({}, metadata)).metadata).toEqual({
      name: 'data-x-shop-x-my-vc',
      namespace: 'team-a',
      labels: expect.objectContaining({ 'label.nestling.dev/app': 'db' }) as object,
      annotations: {
        'nestling.dev/kind': 'PersistentVolumeClaim',
        'nestling.dev/name': 'data',
        'nestling.dev/namespace': 'shop',
        'nestling.dev/uid': 'virtual-uid',
      },
      ownerReferences: [expect.objectContaining({ name: 'my-vc-anchor', uid: 'anchor-uid' })],
    });
  });

  test('has the node that a virtual scheduler selected for its volume, where that may be chosen', () => {
    const metadata = { annotations: { 'volume.kubernetes.io/selected-node': 'node-1', other: 'x' } };
    const annotations = (...nodes: string[]) =>
      unwrap(translate({}, metadata, { maySelect: (name: string) => nodes.includes(name) })).metadata?.annotations;
    expect(annotations('node-1')).toMatchObject({ 'volume.kubernetes.io/selected-node': 'node-1' });
    expect(annotations('node-1')).not.toHaveProperty('other');
    expect(annotations('node-2')).not.toHaveProperty(['volume.kubernetes.io/selected-node']);
  });

  test('tells whether the tenant’s waits for its end, unless it is kept anyway', () => {
    const metadata = { finalizers: ['kubernetes.io/pvc-protection', HOST_CLAIM_FINALIZER] };
    const guarded = unwrap(translate({}, metadata));
    expect(guardedFor(guarded)).toBe('anchor-uid');
    expect(guarded.metadata).not.toHaveProperty('finalizers');
    expect(guardedFor(unwrap(translate()))).toBeUndefined();
    expect(guardedFor(unwrap(translate({}, metadata, { retain: true })))).toBeUndefined();
  });

  test('that is to outlive the tenant’s is owned by nobody, and tells for whom it is kept', () => {
    const { metadata } = unwrap(translate({}, {}, { retain: true }));
    expect(metadata).not.toHaveProperty('ownerReferences');
    expect(metadata?.annotations).toMatchObject({ 'nestling.dev/kept-for': 'anchor-uid' });
  });

  test('that clones another one of its namespace names the twin of that', () => {
    const source = { kind: 'PersistentVolumeClaim', name: 'origin' };
    const translation = translate({ dataSource: source, dataSourceRef: { ...source, apiGroup: '' } });
    expect(unwrap(translation).spec).toMatchObject({
      dataSource: { kind: 'PersistentVolumeClaim', name: 'origin-x-shop-x-my-vc' },
      dataSourceRef: { kind: 'PersistentVolumeClaim', name: 'origin-x-shop-x-my-vc' },
    });
    expect(translation.ok && translation.references[0]).toMatchObject({
      kind: 'PersistentVolumeClaim',
      name: 'origin',
    });
    expect(claimSources(claimWith({ dataSource: source, dataSourceRef: source }))).toEqual(['origin']);
    expect(claimSources(claimWith())).toEqual([]);
  });

  const snapshot = { apiGroup: 'snapshot.storage.k8s.io', kind: 'VolumeSnapshot', name: 'monday' };

  test.each([
    [{ dataSource: snapshot }, /spec\.dataSource names data that the host cannot find.*clone/],
    [{ dataSourceRef: snapshot }, /spec\.dataSourceRef names data/],
    [
      { dataSourceRef: { kind: 'PersistentVolumeClaim', name: 'a', namespace: 'other' } },
      /spec\.dataSourceRef\.namespace/,
    ],
    [{ dataSource: { apiGroup: 'x.example.org', kind: 'PersistentVolumeClaim', name: 'a' } }, /spec\.dataSource names/],
    [{ selector: { matchLabels: { disk: 'a' } } }, /spec\.selector .*leave it out/],
    [{ volumeName: 'host-path' }, /spec\.volumeName names PersistentVolume "host-path".*leave it out/],
    [{ volumeName: 'pvc-other-uid' }, /spec\.volumeName/],
    [{ newField: {} }, /spec\.newField is a field that this version does not know/],
  ])('is refused for %j, with the path and a remedy', (spec, expected) => {
    expect(refusal(translate(spec))).toMatch(expected);
  });

  test('never has the volume’s name, which the syncer gave', () => {
    expect(unwrap(translate({ volumeName: 'pvc-virtual-uid' })).spec).not.toHaveProperty('volumeName');
  });

  describe('where tenants see some of the classes', () => {
    const offered = { has: (name: string) => name === 'fast', defaultClass: undefined, restricted: true };

    test.each<[object, string | undefined, object?]>([
      [{ storageClassName: 'fast' }, 'fast'],
      [{}, 'standard', { defaultClass: 'standard' }],
      [{}, undefined, { restricted: false }],
      [{ storageClassName: '' }, '', { restricted: false }],
    ])('of %j has class %j', (spec, expected, more = {}) => {
      expect(unwrap(translate(spec, {}, { offered: { ...offered, ...more } })).spec?.storageClassName).toBe(expected);
    });

    test.each([
      [{ storageClassName: 'slow' }, 'there is no storage class "slow"'],
      [{ storageClassName: '' }, 'name a class'],
      [{}, 'no storage class is the default; name one'],
    ])('of %j is refused', (spec, expected) => {
      expect(refusal(translate(spec, {}, { offered }))).toContain(expected);
    });
  });

  describe('where tenants see some of the classes of attributes', () => {
    const offeredAttributes = { has: (name: string) => name === 'gold', current: undefined };

    test.each([['gold'], [''], [undefined]])('may ask for %j', (volumeAttributesClassName) => {
      const spec = volumeAttributesClassName === undefined ? {} : { volumeAttributesClassName };
      expect(unwrap(translate(spec, {}, { offeredAttributes })).spec).toMatchObject(spec);
    });

    test('keeps the one that it has, and gets no other', () => {
      const offered = { ...offeredAttributes, current: 'former' };
      const of = (volumeAttributesClassName: string) =>
        translate({ volumeAttributesClassName }, {}, { offeredAttributes: offered });
      expect(unwrap(of('former')).spec).toHaveProperty('volumeAttributesClassName', 'former');
      expect(refusal(of('guessed'))).toBe(
        'Unsupported: spec.volumeAttributesClassName: there is no volume attributes class "guessed"; name one that is there, or leave the field out',
      );
    });
  });

  test('takes its class from the old annotation, which wins for Kubernetes too', () => {
    const annotations = { 'volume.beta.kubernetes.io/storage-class': 'old' };
    expect(unwrap(translate({ storageClassName: 'new' }, { annotations })).spec?.storageClassName).toBe('old');
  });
});

describe('the patch of a host claim', () => {
  const wanted = unwrap(translate());
  const bound = { phase: 'Bound', capacity: { storage: '1Gi' } };
  const hostWith = (spec: object, status: object = bound, metadata: object = {}): PersistentVolumeClaim => ({
    ...wanted,
    metadata: { ...wanted.metadata, uid: 'host-uid', ...metadata },
    spec: { ...wanted.spec, storageClassName: 'local-path', volumeName: 'pvc-host-uid', ...spec },
    status,
  });
  const request = (storage: string) => ({ resources: { requests: { storage } } });
  const patch = (spec: object, host: PersistentVolumeClaim) =>
    hostPersistentVolumeClaimPatch(unwrap(translate(spec)), host, anchor);

  test('is none for what the host filled in', () => expect(patch({}, hostWith({}))).toBeUndefined());

  test('asks for more where the tenant does', () => {
    expect(patch(request('2Gi'), hostWith({}))).toEqual({ spec: request('2Gi') });
    expect(patch(request('1024Mi'), hostWith({}))).toBeUndefined();
  });

  test('never asks for less than there is: an operator may have given more, or the host rounded up', () => {
    const larger = { phase: 'Bound', capacity: { storage: '5Gi' } };
    expect(patch(request('2Gi'), hostWith(request('5Gi'), larger))).toBeUndefined();
    expect(patch({}, hostWith(request('5Gi'), bound))).toBeUndefined();
  });

  test('takes a request back that the host could not meet', () => {
    expect(patch(request('2Gi'), hostWith(request('900Ti')))).toEqual({ spec: request('2Gi') });
  });

  test('changes nothing of a claim without a volume, as the API would refuse it', () => {
    expect(patch(request('2Gi'), hostWith({}, { phase: 'Pending' }))).toBeUndefined();
  });

  test('passes a class of attributes on', () => {
    const attributes = { volumeAttributesClassName: 'gold' };
    expect(patch(attributes, hostWith({}))).toEqual({ spec: attributes });
  });

  test('makes it owned or not as it is to be kept or not, and leaves other owners', () => {
    const other = { apiVersion: 'v1', kind: 'ConfigMap', name: 'theirs', uid: 'their-uid' };
    const owned = hostWith({}, bound, { ownerReferences: [...(wanted.metadata?.ownerReferences ?? []), other] });
    const kept = unwrap(translate({}, {}, { retain: true }));
    expect(hostPersistentVolumeClaimPatch(kept, owned, anchor)).toEqual({
      metadata: { annotations: { 'nestling.dev/kept-for': 'anchor-uid' }, ownerReferences: [other] },
    });
    const annotations = { ...wanted.metadata?.annotations, 'nestling.dev/kept-for': 'anchor-uid' };
    expect(patch({}, hostWith({}, bound, { ownerReferences: [other], annotations }))).toEqual({
      metadata: {
        annotations: { 'nestling.dev/kept-for': null },
        ownerReferences: [other, expect.objectContaining({ uid: 'anchor-uid' })],
      },
    });
  });
});

describe('what a virtual claim shows', () => {
  const host = (status: object, spec: object = {}): PersistentVolumeClaim => ({
    ...unwrap(translate()),
    metadata: { ...unwrap(translate()).metadata, uid: 'host-uid' },
    spec: { ...unwrap(translate()).spec, storageClassName: 'local-path', volumeName: 'pvc-host-uid', ...spec },
    status,
  });
  const bound = { phase: 'Bound', accessModes: ['ReadWriteOnce'], capacity: { storage: '1Gi' } };
  const show = (twin: PersistentVolumeClaim, virtual = claimWith(), hasVolume = true) =>
    virtualPersistentVolumeClaimPatch(twin, virtual, { identity, hasVolume });

  test('is its volume, class and status once it is bound', () => {
    expect(show(host(bound))).toEqual({
      object: {
        metadata: {
          annotations: { 'pv.kubernetes.io/bind-completed': 'yes', 'pv.kubernetes.io/bound-by-controller': 'yes' },
        },
        spec: { volumeName: 'pvc-virtual-uid', storageClassName: 'local-path' },
      },
      status: bound,
    });
  });

  test('is no volume that is not there to be seen', () => {
    expect(show(host(bound), claimWith(), false)).toEqual({ object: { spec: { storageClassName: 'local-path' } } });
  });

  test('is not touched when nothing changed', () => {
    const annotations = {
      'pv.kubernetes.io/bind-completed': 'yes',
      'pv.kubernetes.io/bound-by-controller': 'yes',
      more: 'x',
    };
    const spec = { storageClassName: 'local-path', volumeName: 'pvc-virtual-uid' };
    expect(show(host(bound), claimWith(spec, { annotations }, bound))).toEqual({});
  });

  test('keeps a class that it named, even in the old way', () => {
    const annotations = { 'volume.beta.kubernetes.io/storage-class': 'local-path' };
    expect(show(host({ phase: 'Pending' }), claimWith({}, { annotations }, { phase: 'Pending' }))).toEqual({});
    const named = claimWith({ storageClassName: '' }, {}, { phase: 'Pending' });
    expect(show(host({ phase: 'Pending' }), named)).toEqual({});
  });

  test('is the course of a resize, in the tenant’s names, and its end', () => {
    const conditions = [
      {
        type: 'FileSystemResizePending',
        status: 'True' as const,
        message: 'volume pvc-host-uid of claim team-a/data-x-shop-x-my-vc waits for a pod',
      },
    ];
    const resizing = {
      ...bound,
      conditions,
      allocatedResources: { storage: '2Gi' },
      allocatedResourceStatuses: { storage: 'NodeResizePending' },
    };
    const virtual = claimWith({ storageClassName: 'local-path' }, {}, bound);
    expect(show(host(resizing), virtual).status).toEqual({
      conditions: [{ ...conditions[0], message: 'volume pvc-virtual-uid of claim shop/data waits for a pod' }],
      allocatedResources: { storage: '2Gi' },
      allocatedResourceStatuses: { storage: 'NodeResizePending' },
    });
    const after = { ...bound, capacity: { storage: '2Gi' } };
    expect(show(host(after), claimWith({}, {}, { ...resizing, conditions })).status).toEqual({
      capacity: { storage: '2Gi' },
      allocatedResources: null,
      allocatedResourceStatuses: null,
      conditions: null,
    });
  });

  test('is what the virtual cluster’s own controller says of its use, and not what the host’s says', () => {
    const unused = (reason: string) => ({ type: 'Unused', status: 'True' as const, reason });
    const resizing = { type: 'Resizing', status: 'True' as const };
    const spec = { storageClassName: 'local-path' };
    const virtual = claimWith(spec, {}, { ...bound, conditions: [unused('virtual')] });
    expect(show(host({ ...bound, conditions: [unused('host')] }), virtual).status).toBeUndefined();
    expect(show(host({ ...bound, conditions: [unused('host'), resizing] }), virtual).status).toEqual({
      conditions: [resizing, unused('virtual')],
    });
    const before = claimWith(spec, {}, { ...bound, conditions: [unused('virtual'), resizing] });
    expect(show(host(bound), before).status).toEqual({ conditions: [unused('virtual')] });
  });

  test('is the loss of the host’s volume', () => {
    expect(show(host({ phase: 'Lost' }), claimWith({}, {}, { phase: 'Bound' }), true).status).toEqual({
      phase: 'Lost',
    });
  });
});

describe('a kept claim is used again', () => {
  const kept = { ...unwrap(translate({ storageClassName: 'fast' })), status: { phase: 'Bound' } };

  test.each([
    [{}],
    [{ storageClassName: 'fast' }],
    [{ volumeMode: 'Filesystem' }],
    [{ resources: { requests: { storage: '9Gi' } } }],
  ])('for %j', (spec) => expect(adoptionObstacle(unwrap(translate(spec)), kept)).toBeUndefined());

  test.each([
    [{ storageClassName: 'slow' }, 'spec.storageClassName'],
    [{ volumeMode: 'Block' }, 'spec.volumeMode'],
    [{ accessModes: ['ReadWriteMany'] }, 'spec.accessModes'],
    [{ dataSource: { kind: 'PersistentVolumeClaim', name: 'a' } }, 'spec.dataSource'],
  ])('not for %j', (spec, expected) => expect(adoptionObstacle(unwrap(translate(spec)), kept)).toContain(expected));
});

describe('the volume that is shown for a claim', () => {
  const host: PersistentVolumeClaim = {
    ...unwrap(translate({ storageClassName: 'fast', volumeMode: 'Block' })),
    status: { phase: 'Bound', accessModes: ['ReadWriteOnce', 'ReadOnlyMany'], capacity: { storage: '4Gi' } },
  };
  const twin = { ...host, metadata: { ...host.metadata, uid: 'host-uid' }, spec: { ...host.spec, volumeName: 'pv-7' } };
  const hostVolume = {
    metadata: { name: 'pv-7', annotations: { 'pv.kubernetes.io/provisioned-by': 'disk.example.org' } },
    spec: {
      capacity: { storage: '4Gi' },
      persistentVolumeReclaimPolicy: 'Retain',
      claimRef: { namespace: 'team-a', name: 'data-x-shop-x-my-vc', uid: 'host-uid' },
      csi: {
        driver: 'disk.example.org',
        volumeHandle: 'secret-handle',
        volumeAttributes: { server: 'secret-server' },
        nodeStageSecretRef: { name: 'secret-name', namespace: 'secret-namespace' },
      },
      mountOptions: ['secret-option'],
      nodeAffinity: { required: { nodeSelectorTerms: [] } },
    },
  } satisfies PersistentVolume;

  test('tells what the claim tells, and leads nowhere', () => {
    expect(volumeOfClaim(claimWith(), host, { retain: false })).toEqual({
      apiVersion: 'v1',
      kind: 'PersistentVolume',
      metadata: {
        name: 'pvc-virtual-uid',
        labels: { 'nestling.dev/from-host': 'true' },
        annotations: {
          'pv.kubernetes.io/bound-by-controller': 'yes',
          'pv.kubernetes.io/provisioned-by': 'host.nestling.dev',
        },
      },
      spec: {
        accessModes: ['ReadWriteOnce', 'ReadOnlyMany'],
        capacity: { storage: '4Gi' },
        claimRef: {
          apiVersion: 'v1',
          kind: 'PersistentVolumeClaim',
          namespace: 'shop',
          name: 'data',
          uid: 'virtual-uid',
        },
        csi: { driver: 'host.nestling.dev', volumeHandle: 'pvc-virtual-uid' },
        persistentVolumeReclaimPolicy: 'Delete',
        storageClassName: 'fast',
        volumeMode: 'Block',
      },
    });
    expect(volumeOfClaim(claimWith(), host, { retain: true }).spec?.persistentVolumeReclaimPolicy).toBe('Retain');
  });

  test('tells facts of the host’s where they are shown, and never a handle, a server or a secret', () => {
    const shown = volumeOfClaim(claimWith(), host, { retain: false, hostVolume });
    expect(shown.metadata?.annotations?.['pv.kubernetes.io/provisioned-by']).toBe('disk.example.org');
    expect(shown.spec).toMatchObject({
      persistentVolumeReclaimPolicy: 'Retain',
      nodeAffinity: hostVolume.spec.nodeAffinity,
    });
    expect(JSON.stringify(shown)).not.toContain('secret-');
  });

  test('has facts only of a volume that names the twin, and that the twin names', () => {
    expect(isVolumeOf(hostVolume, twin)).toBe(true);
    const { claimRef } = hostVolume.spec;
    for (const change of [{ uid: 'other' }, { name: 'other' }, { namespace: 'other' }]) {
      const other = { ...hostVolume, spec: { ...hostVolume.spec, claimRef: { ...claimRef, ...change } } };
      expect(isVolumeOf(other, twin)).toBe(false);
    }
    expect(isVolumeOf(hostVolume, { ...twin, spec: { ...twin.spec, volumeName: 'pv-8' } })).toBe(false);
    expect(isVolumeOf({ metadata: { name: 'pv-7' } }, twin)).toBe(false);
  });

  test('is the claim’s only while it says so itself', () => {
    const volume = { ...volumeOfClaim(claimWith(), host, { retain: false }), status: { phase: 'Bound' } };
    expect(isBoundTo(volume, claimWith())).toBe(true);
    expect(isBoundTo({ ...volume, status: { phase: 'Released' } }, claimWith())).toBe(false);
    expect(isBoundTo(volume, claimWith({}, { uid: 'another' }))).toBe(false);
    expect(isBoundTo({ ...volume, metadata: { name: 'pvc-virtual-uid' } }, claimWith())).toBe(false);
  });
});

test('a claim knows whether it had its volume from the syncer, and whether it is a pod’s own', () => {
  expect(wasBound(claimWith())).toBe(false);
  expect(wasBound(claimWith({ volumeName: 'mine' }))).toBe(false);
  expect(wasBound(claimWith({ volumeName: 'pvc-virtual-uid' }))).toBe(true);
  const owner = { apiVersion: 'v1', kind: 'Pod', name: 'web', uid: 'pod-uid' };
  expect(isEphemeralClaim(claimWith({}, { ownerReferences: [{ ...owner, controller: true }] }))).toBe(true);
  expect(isEphemeralClaim(claimWith({}, { ownerReferences: [owner] }))).toBe(false);
  expect(isEphemeralClaim(claimWith())).toBe(false);
});
