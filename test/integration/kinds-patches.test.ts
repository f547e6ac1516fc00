import type { ConfigMap, Pod, Service } from 'kubernetes-types/core/v1';
import type { StorageClass } from 'kubernetes-types/storage/v1';
import { resources } from '../../syncer/kube-client';
import type { KubeObject, ResourceType } from '../../syncer/kube-client';
import { FieldPatch, Rewrite } from '../../constructs';
import type { FieldPatchProps } from '../../constructs';
import { eventually } from '../virtual-cluster/eventually';
import { found, TwoClusters } from './two-clusters';

let clusters: TwoClusters;

const patches: readonly FieldPatchProps[] = [
  {
    kind: 'Pod',
    operations: [
      FieldPatch.set('metadata.labels["example.org/cost-centre"]', 'tenants'),
      FieldPatch.set('spec.nodeSelector["example.org/pool"]', 'tenants'),
      FieldPatch.append('spec.tolerations', { key: 'tenants', operator: 'Exists' }),
      FieldPatch.rewrite('spec.containers[*].image', Rewrite.prefix('mirror.example/')),
    ],
  },
  {
    kind: 'Pod',
    match: { names: ['greedy'] },
    operations: [FieldPatch.set('spec.hostNetwork', true)],
  },
  { kind: 'Service', operations: [FieldPatch.set('metadata.annotations["example.org/internal"]', 'true')] },
  {
    kind: 'ConfigMap',
    match: { names: ['settings'] },
    operations: [FieldPatch.set('data.region', 'host'), FieldPatch.replaceText('data.url', 'http:', 'https:')],
  },
  {
    kind: 'StorageClass',
    direction: 'fromHost',
    operations: [FieldPatch.set('metadata.annotations["storageclass.kubernetes.io/is-default-class"]', 'false')],
  },
];

const startSyncer = (all: readonly FieldPatchProps[] = patches) =>
  clusters.startSyncer({
    sync: { fromHost: { storageClasses: { enabled: true } }, patches: structuredClone(all) as never },
  });

beforeAll(async () => {
  clusters = await TwoClusters.start();
  await clusters.stopSyncer();
  await startSyncer();
});

afterAll(async () => {
  await clusters?.stop();
});

const twinOf = <T extends KubeObject>(type: ResourceType, name: string, expected: object): Promise<T> =>
  eventually(`the host's ${type.kind} of ${name} is as patched`, async () => {
    const twin = await clusters.twin<T>(type, name);
    expect(twin).toMatchObject(expected);
    return twin as T;
  });

test('a pod is patched on the host, stays as it is in the virtual cluster, and is written no more', async () => {
  await clusters.createPod('patched');
  await clusters.running('patched');
  const host = await twinOf<Pod>(resources.pods, 'patched', {
    metadata: { labels: { 'example.org/cost-centre': 'tenants' } },
    spec: {
      nodeSelector: { 'example.org/pool': 'tenants' },
      containers: [{ image: 'mirror.example/example.org/main:1' }],
    },
  });
  expect(host.spec?.tolerations).toContainEqual({ key: 'tenants', operator: 'Exists' });
  const virtual = await clusters.virtualOne<Pod>(resources.pods, 'patched');
  expect(virtual?.spec?.nodeSelector).toBeUndefined();
  expect(virtual?.spec?.containers[0]?.image).toBe('example.org/main:1');
  expect(virtual?.metadata?.labels ?? {}).toEqual({});
  expect(virtual?.spec?.tolerations ?? []).not.toContainEqual({ key: 'tenants', operator: 'Exists' });

  const at = { namespace: 'default', name: 'patched', type: 'strategic' } as const;
  await clusters.virtual.patch(resources.pods, at, {
    spec: { containers: [{ name: 'main', image: 'example.org/main:2' }] },
  });
  await twinOf<Pod>(resources.pods, 'patched', {
    spec: { containers: [{ image: 'mirror.example/example.org/main:2' }] },
  });
  // A change that says nothing to the host makes the syncer look again.
  const before = await clusters.twin(resources.pods, 'patched');
  await clusters.virtual.patch(resources.pods, at, { metadata: { annotations: { note: 'x' } } });
  await clusters.createPod('after');
  await clusters.running('after');
  expect((await clusters.twin(resources.pods, 'patched'))?.metadata?.resourceVersion).toBe(
    before?.metadata?.resourceVersion,
  );
});

test('the policy has the last word about a patched pod', async () => {
  await clusters.createPod('greedy');
  const event = await clusters.event('greedy', 'PolicyViolation');
  expect(event.message).toMatch(/host ?network/i);
  expect(await clusters.twin(resources.pods, 'greedy')).toBeUndefined();
});

test('a Service is patched on the host alone', async () => {
  await clusters.virtual.create<Service>(resources.services, {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'web', namespace: 'default' },
    spec: { clusterIP: 'None', selector: { app: 'web' }, ports: [{ port: 80 }] },
  });
  await twinOf<Service>(resources.services, 'web', { metadata: { annotations: { 'example.org/internal': 'true' } } });
  expect((await clusters.virtualOne<Service>(resources.services, 'web'))?.metadata?.annotations ?? {}).toEqual({});
});

test('a config map is patched, anew when it changes, and follows other patches after a restart', async () => {
  const at = { namespace: 'default', name: 'settings' };
  await clusters.virtual.create<ConfigMap>(resources.configMaps, {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: at,
    data: { region: 'virtual', url: 'http://a' },
  });
  await clusters.createPod('reader', { volumes: [{ name: 's', configMap: { name: 'settings' } }] });
  await twinOf<ConfigMap>(resources.configMaps, 'settings', { data: { region: 'host', url: 'https://a' } });
  await clusters.virtual.patch(resources.configMaps, { ...at, type: 'merge' }, { data: { url: 'http://b' } });
  await twinOf<ConfigMap>(resources.configMaps, 'settings', { data: { region: 'host', url: 'https://b' } });
  expect((await clusters.virtual.get<ConfigMap>(resources.configMaps, at)).data?.['region']).toBe('virtual');

  await clusters.stopSyncer();
  await startSyncer(patches.filter(({ kind }) => kind !== 'ConfigMap' && kind !== 'Service'));
  await twinOf<ConfigMap>(resources.configMaps, 'settings', { data: { region: 'virtual', url: 'http://b' } });
  await eventually("the Service's twin has lost the annotation of a patch that is gone", async () => {
    const twin = await clusters.twin<Service>(resources.services, 'web');
    return twin?.metadata?.annotations?.['example.org/internal'] === undefined;
  });
  await clusters.stopSyncer();
  await startSyncer();
  await twinOf<ConfigMap>(resources.configMaps, 'settings', { data: { region: 'host', url: 'https://b' } });
});

test('an object that a patch does not fit does not go to the host, and an event says why', async () => {
  await clusters.stopSyncer();
  await startSyncer([
    { kind: 'Pod', match: { names: ['odd'] }, operations: [FieldPatch.set('spec.restartPolicy.x', 1)] },
  ]);
  await clusters.createPod('odd');
  const event = await clusters.event('odd', 'PatchFailed');
  expect(event.message).toContain('spec.restartPolicy is a text, so that there is no spec.restartPolicy.x');
  expect(await clusters.twin(resources.pods, 'odd')).toBeUndefined();
  await clusters.stopSyncer();
  await startSyncer();
});

test('what tenants see of the host is patched, too', async () => {
  await clusters.host.create<StorageClass>(resources.storageClasses, {
    apiVersion: 'storage.k8s.io/v1',
    kind: 'StorageClass',
    metadata: { name: 'fast', annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } },
    provisioner: 'example.org/disk',
  });
  await eventually('StorageClass fast is seen by tenants, and is no default', async () => {
    const seen = await found(clusters.virtual.get<StorageClass>(resources.storageClasses, { name: 'fast' }));
    expect(seen?.metadata?.annotations?.['storageclass.kubernetes.io/is-default-class']).toBe('false');
    return true;
  });
  const host = await clusters.host.get<StorageClass>(resources.storageClasses, { name: 'fast' });
  expect(host.metadata?.annotations?.['storageclass.kubernetes.io/is-default-class']).toBe('true');
});
