import type { ConfigMap, Pod, Service } from 'kubernetes-types/core/v1';
import { resources } from '../../syncer/kube-client';
import { eventually } from '../virtual-cluster/eventually';
import { TwoClusters } from './two-clusters';

let clusters: TwoClusters;

beforeAll(async () => {
  clusters = await TwoClusters.start();
});

afterAll(async () => {
  await clusters?.stop();
});

/** What must go on whatever a tenant does: an ordinary pod runs. */
async function othersAreUnaffected(name: string): Promise<void> {
  await clusters.createPod(name);
  await clusters.running(name);
}

test('a config map of one MiB is carried unchanged', async () => {
  const data = { large: 'x'.repeat(1024 * 1024 - 100) };
  await clusters.virtual.create<ConfigMap>(resources.configMaps, {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'large', namespace: 'default' },
    data,
  });
  await clusters.createPod('reads-large', { volumes: [{ name: 'v', configMap: { name: 'large' } }] });
  await clusters.running('reads-large');
  const twin = await clusters.twin<ConfigMap>(resources.configMaps, 'large');
  expect(twin?.data?.['large']).toBe(data.large);
  await othersAreUnaffected('beside-large');
});

test('a pod whose environment takes a MiB is carried or refused with the reason, and others are unaffected', async () => {
  const env = Array.from({ length: 1000 }, (_, index) => ({ name: `V${index}`, value: 'x'.repeat(900) }));
  await clusters.createPod('large', { containers: [{ name: 'main', image: 'example.org/main:1', env }] });
  await eventually('pod large runs, or its owner is told why not', async () => {
    const pod = await clusters.virtualOne<Pod>(resources.pods, 'large');
    if (pod?.status?.phase === 'Running') {
      const twin = await clusters.twin<Pod>(resources.pods, 'large');
      expect(twin?.spec?.containers[0]?.env?.filter(({ name }) => /^V\d/.test(name))).toEqual(env);
      return true;
    }
    const told = await clusters.events('large');
    return told.some(({ reason }) => reason === 'RefusedByHost');
  });
  await othersAreUnaffected('beside-large-pod');
});

test('annotations as large as the API allows, which the pod asks to see, are carried or refused with the reason', async () => {
  const annotations = { note: 'y'.repeat(256 * 1024 - 100) };
  const volume = {
    name: 'v',
    downwardAPI: { items: [{ path: 'a', fieldRef: { fieldPath: 'metadata.annotations' } }] },
  };
  await clusters.createPod('annotated', { volumes: [volume] }, { annotations });
  await eventually('pod annotated runs, or its owner is told why not', async () => {
    const pod = await clusters.virtualOne<Pod>(resources.pods, 'annotated');
    if (pod?.status?.phase === 'Running') return true;
    return (await clusters.events('annotated')).some(({ reason }) => reason === 'RefusedByHost');
  });
  await othersAreUnaffected('beside-annotated');
});

test('keys that are members of every JavaScript object are plain data', async () => {
  const data = JSON.parse('{"__proto__": "one", "constructor": "two", "hasOwnProperty": "three"}') as ConfigMap['data'];
  await clusters.virtual.create<ConfigMap>(resources.configMaps, {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'odd', namespace: 'default' },
    data: data as Record<string, string>,
  });
  const labels = { constructor: 'a', toString: 'b' };
  await clusters.createPod(
    'odd',
    { volumes: [{ name: 'v', configMap: { name: 'odd' } }], nodeSelector: { constructor: 'x', valueOf: 'y' } },
    { labels, annotations: { constructor: 'a' } },
  );
  await clusters.running('odd');
  const map = await clusters.twin<ConfigMap>(resources.configMaps, 'odd');
  expect(Object.entries(map?.data ?? {}).sort()).toEqual(Object.entries(data ?? {}).sort());
  const twin = await clusters.twin<Pod>(resources.pods, 'odd');
  expect(twin?.metadata?.labels).toMatchObject({
    'label.nestling.dev/constructor': 'a',
    'label.nestling.dev/toString': 'b',
  });
  expect(twin?.spec?.nodeSelector).toEqual({ constructor: 'x', valueOf: 'y' });

  await clusters.virtual.create<Service>(resources.services, {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'odd', namespace: 'default' },
    spec: { selector: { constructor: 'a', toString: 'b' }, ports: [{ port: 80 }] },
  });
  await eventually('the Service of odd keys is on the host', async () => {
    const service = await clusters.twin<Service>(resources.services, 'odd');
    expect(service?.spec?.selector).toMatchObject({ 'label.nestling.dev/constructor': 'a' });
    return true;
  });
});

test('a thousand objects made at once hold nobody back for ever, and leave nothing', async () => {
  const names = Array.from({ length: 1000 }, (_, index) => `flood-${index}`);
  const flood = names.map((name) =>
    clusters.virtual.create<Service>(resources.services, {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name, namespace: 'default' },
      spec: { selector: { app: 'x' }, clusterIP: 'None', ports: [{ port: 80 }] },
    }),
  );
  await clusters.createPod('amid-flood');
  await clusters.running('amid-flood');
  await Promise.all(flood);
  await Promise.all(names.map((name) => clusters.virtual.delete(resources.services, { namespace: 'default', name })));
  await clusters.gone(resources.services, 'flood-999');
  await eventually(
    'all of the flood is gone from the host',
    async () => {
      const { items } = await clusters.host.list<Service>(resources.services, {});
      expect(items.filter(({ metadata }) => metadata?.name?.startsWith('flood-'))).toEqual([]);
      return true;
    },
    180,
  );
}, 300_000);
