import type { Event, PersistentVolume, PersistentVolumeClaim, Pod, PodSpec } from 'kubernetes-types/core/v1';
import type { StorageClass } from 'kubernetes-types/storage/v1';
import { resources } from '../../syncer/kube-client';
import type { KubeObject, ResourceType } from '../../syncer/kube-client';
import { hostName } from '../../syncer/translation';
import { CSI_DRIVER, resolveHost } from '../host-cluster';
import { eventually, exec } from '../virtual-cluster';
import { useVirtualCluster } from './virtual-cluster';

const BUSYBOX = 'docker.io/library/busybox:1.35';
const NAMESPACE = 'shop';
const CLAIMS = resources.persistentVolumeClaims;
const cluster = useVirtualCluster('storage', {
  sync: { fromHost: { storageClasses: { enabled: true } } },
  allowedCSIDrivers: [CSI_DRIVER],
});
const kept = useVirtualCluster('kept', {
  sync: { toHost: { persistentVolumeClaims: { deletionPolicy: 'Retain' } } },
});

const create = <T extends KubeObject>(type: ResourceType, object: T): Promise<T> =>
  cluster.current.virtual.create<T>(type, object);
const claimSpec = { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '16Mi' } } };
const claim = (name: string, namespace = NAMESPACE): PersistentVolumeClaim => ({
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: { name, namespace },
  spec: claimSpec,
});
const container = { name: 'main', image: BUSYBOX, command: ['sleep', '3600'] };
const podSpec = (spec: Partial<PodSpec> = {}): PodSpec => ({
  terminationGracePeriodSeconds: 1,
  containers: [{ ...container, volumeMounts: [{ name: 'data', mountPath: '/data' }] }],
  ...spec,
});
const pod = (name: string, spec: Partial<PodSpec>): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: NAMESPACE },
  spec: podSpec(spec),
});
const uses = (claimName: string): Partial<PodSpec> => ({
  volumes: [{ name: 'data', persistentVolumeClaim: { claimName } }],
});

const running = (name: string): Promise<Pod> =>
  eventually(
    `pod ${name} runs and is ready`,
    async () => {
      const found = await cluster.current.virtual.get<Pod>(resources.pods, { namespace: NAMESPACE, name });
      if (found.metadata?.deletionTimestamp) throw new Error('it is on its way out');
      if (found.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True')) return found;
      throw new Error(JSON.stringify(found.status));
    },
    120,
  );

/** Runs a shell line in a pod; gives what it wrote. */
async function shell(name: string, line: string): Promise<string> {
  const result = await exec(cluster.current.kubeconfigPath, { namespace: NAMESPACE, pod: name }, ['sh', '-c', line]);
  if (result.exitCode !== 0) throw new Error(`${line}: ${result.stderr}`);
  return result.stdout.trim();
}

const remove = (type: ResourceType, name: string) =>
  cluster.current.virtual.delete(type, { namespace: NAMESPACE, name });

/** Names of the tenant's claims on the host. */
const onHost = async (): Promise<readonly string[]> => {
  const { host, name, namespace } = cluster.current;
  const labelSelector = `nestling.dev/virtual-cluster=${name}`;
  const list = await host.list<PersistentVolumeClaim>(CLAIMS, { namespace, labelSelector });
  return list.items.map(({ metadata }) => metadata?.name ?? '').sort();
};

const hostNameOf = (name: string): string =>
  hostName({ name: cluster.current.name, hostNamespace: cluster.current.namespace }, NAMESPACE, name);

beforeAll(async () => {
  await create(resources.namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } });
  await eventually('the host’s default class is shown', async () => {
    const { items } = await cluster.current.virtual.list<StorageClass>(resources.storageClasses);
    return items.some(
      ({ metadata }) => metadata?.annotations?.['storageclass.kubernetes.io/is-default-class'] === 'true',
    );
  });
});

test('data of a claim is there after its pod was made anew, and all goes with the claim', async () => {
  const created = await create(CLAIMS, claim('data'));
  expect(created.spec?.storageClassName).toBeTruthy();
  await create(resources.pods, pod('writer', uses('data')));
  await running('writer');
  const bound = await cluster.current.virtual.get<PersistentVolumeClaim>(CLAIMS, {
    namespace: NAMESPACE,
    name: 'data',
  });
  expect(bound).toMatchObject({ status: { phase: 'Bound', capacity: { storage: '16Mi' } } });
  const name = `pvc-${created.metadata?.uid}`;
  expect(bound.spec?.volumeName).toBe(name);
  const volume = await cluster.current.virtual.get<PersistentVolume>(resources.persistentVolumes, { name });
  expect(volume).toMatchObject({ spec: { claimRef: { name: 'data' } }, status: { phase: 'Bound' } });
  await shell('writer', 'echo kept > /data/file');
  await remove(resources.pods, 'writer');
  await eventually('the first pod is gone', async () => {
    const { items } = await cluster.current.virtual.list<Pod>(resources.pods, { namespace: NAMESPACE });
    return items.length === 0;
  });
  await create(resources.pods, pod('writer', uses('data')));
  await running('writer');
  expect(await shell('writer', 'cat /data/file')).toBe('kept');
  await remove(resources.pods, 'writer');
  await remove(CLAIMS, 'data');
  await eventually('nothing of it is on either side', async () => {
    const volumes = await cluster.current.virtual.list(resources.persistentVolumes);
    const left = [...(await onHost()), ...volumes.items.map(({ metadata }) => metadata?.name)];
    if (left.length > 0) throw new Error(left.join());
    return true;
  });
});

test('pods of a StatefulSet have stable names in DNS and keep their data through restarts and scaling', async () => {
  await create(resources.services, {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'db', namespace: NAMESPACE },
    spec: { clusterIP: 'None', selector: { app: 'db' }, ports: [{ port: 80 }] },
  } as KubeObject);
  await create(resources.statefulSets, {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: { name: 'db', namespace: NAMESPACE },
    spec: {
      replicas: 2,
      serviceName: 'db',
      selector: { matchLabels: { app: 'db' } },
      template: { metadata: { labels: { app: 'db' } }, spec: podSpec() },
      volumeClaimTemplates: [{ metadata: { name: 'data' }, spec: claimSpec }],
    },
  } as KubeObject);
  await running('db-0');
  await running('db-1');
  for (const name of ['db-0', 'db-1']) await shell(name, `echo ${name} > /data/name`);
  expect(await onHost()).toEqual([hostNameOf('data-db-0'), hostNameOf('data-db-1')].sort());

  const address = async (name: string): Promise<string> => (await running(name)).status?.podIP ?? '';
  const resolves = (name: string) =>
    eventually(`${name} has its own address in DNS`, async () => {
      const answer = await shell('db-0', `nslookup ${name}.db.${NAMESPACE}.svc.cluster.local`);
      return answer.includes(await address(name));
    });
  await resolves('db-1');

  const before = (await running('db-1')).metadata?.uid;
  await remove(resources.pods, 'db-1');
  await eventually('db-1 was made anew', async () => (await running('db-1')).metadata?.uid !== before);
  expect(await shell('db-1', 'cat /data/name')).toBe('db-1');
  await resolves('db-1');

  const scale = (replicas: number) =>
    cluster.current.virtual.patch(
      resources.statefulSets,
      { namespace: NAMESPACE, name: 'db', type: 'merge' },
      { spec: { replicas } },
    );
  await scale(1);
  await eventually('db-1 is gone, and its claim is not', async () => {
    const { items } = await cluster.current.virtual.list<Pod>(resources.pods, { namespace: NAMESPACE });
    return items.every(({ metadata }) => metadata?.name !== 'db-1') && (await onHost()).length === 2;
  });
  await scale(2);
  await running('db-1');
  expect(await shell('db-1', 'cat /data/name')).toBe('db-1');

  await remove(resources.statefulSets, 'db');
  for (const name of ['data-db-0', 'data-db-1']) await remove(CLAIMS, name);
  await eventually('no claim is on the host', async () => (await onHost()).length === 0, 120);
});

test('an ephemeral volume is a claim that goes with its pod', async () => {
  const ephemeral = { volumeClaimTemplate: { spec: claimSpec } };
  await create(resources.pods, pod('brief', { volumes: [{ name: 'data', ephemeral }] }));
  await running('brief');
  expect(await shell('brief', 'echo used > /data/file && cat /data/file')).toBe('used');
  expect(await onHost()).toEqual([hostNameOf('brief-data')]);
  await remove(resources.pods, 'brief');
  await eventually('no claim is on the host', async () => (await onHost()).length === 0);
});

test('an inline volume of an allowed CSI driver is the pod’s own, and the driver gets the tenant’s Secret', async () => {
  if ((await resolveHost()).kind !== 'node') return; // an existing cluster has drivers of its own
  await create(resources.secrets, {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'credentials', namespace: NAMESPACE },
    stringData: { token: 'sesame' },
  } as KubeObject);
  const csi = {
    driver: CSI_DRIVER,
    volumeAttributes: { flavour: 'vanilla' },
    nodePublishSecretRef: { name: 'credentials' },
  };
  await create(resources.pods, pod('inline', { volumes: [{ name: 'data', csi }] }));
  const { metadata } = await running('inline');
  expect(await shell('inline', 'echo own > /data/file && cat /data/file && grep " /data " /proc/mounts')).toMatch(
    /^own\ntmpfs \/data tmpfs rw,/,
  );
  const { host, namespace } = cluster.current;
  const twin = await host.get<Pod>(resources.pods, { namespace, name: hostNameOf('inline') });
  expect(twin.spec?.volumes).toContainEqual({
    name: 'data',
    csi: { ...csi, nodePublishSecretRef: { name: hostNameOf('credentials') } },
  });
  // What the driver was told: the tenant's content, in the host's names.
  expect(JSON.parse(await shell('inline', 'cat /data/given.json'))).toMatchObject({
    attributes: {
      flavour: 'vanilla',
      'csi.storage.k8s.io/pod.name': hostNameOf('inline'),
      'csi.storage.k8s.io/pod.namespace': namespace,
      'csi.storage.k8s.io/pod.uid': twin.metadata?.uid,
    },
    secrets: { token: 'sesame' },
  });
  expect(twin.metadata?.uid).not.toBe(metadata?.uid);
  await remove(resources.pods, 'inline');
  await eventually('the Secret is not on the host any more', async () => {
    const { items } = await host.list(resources.secrets, { namespace });
    return items.every((secret) => secret.metadata?.name !== hostNameOf('credentials'));
  });
});

test('an inline volume of another CSI driver is refused with an event', async () => {
  await create(resources.pods, pod('other', { volumes: [{ name: 'data', csi: { driver: 'other.csi.example' } }] }));
  const event = await eventually('the tenant is told', async () => {
    const { items } = await cluster.current.virtual.list<Event>(resources.events, { namespace: NAMESPACE });
    return items.find(({ involvedObject, type }) => involvedObject.name === 'other' && type === 'Warning');
  });
  expect(event).toMatchObject({
    reason: 'PolicyViolation',
    message: expect.stringMatching(
      /^spec\.volumes\[0\]\.csi\.driver is "other\.csi\.example".*; use a persistentVolumeClaim/,
    ),
  });
  const { host, namespace } = cluster.current;
  await expect(host.get(resources.pods, { namespace, name: hostNameOf('other') })).rejects.toThrow(/not found/);
  await remove(resources.pods, 'other');
});

test('a kept claim stays on the host when the tenant’s is deleted, owned by nothing', async () => {
  const { virtual, host, name, namespace } = kept.current;
  const at = { namespace, name: hostName({ name, hostNamespace: namespace }, 'default', 'precious') };
  await virtual.create<PersistentVolumeClaim>(CLAIMS, claim('precious', 'default'));
  await virtual.create<Pod>(resources.pods, {
    ...pod('user', uses('precious')),
    metadata: { name: 'user', namespace: 'default' },
  });
  try {
    await eventually('the claim is bound', async () => {
      const one = await virtual.get<PersistentVolumeClaim>(CLAIMS, { namespace: 'default', name: 'precious' });
      return one.status?.phase === 'Bound';
    });
    await virtual.delete(resources.pods, { namespace: 'default', name: 'user' });
    await virtual.delete(CLAIMS, { namespace: 'default', name: 'precious' });
    await eventually('the claim is gone from the virtual cluster', async () => {
      return (await virtual.list(CLAIMS, { namespace: 'default' })).items.length === 0;
    });
    const left = await host.get<PersistentVolumeClaim>(CLAIMS, at);
    expect(left).toMatchObject({ status: { phase: 'Bound' } });
    expect(left.metadata?.deletionTimestamp).toBeUndefined();
    // So that nothing collects it with the virtual cluster.
    expect(left.metadata?.ownerReferences ?? []).toEqual([]);
  } finally {
    await host.delete(CLAIMS, at);
  }
});
