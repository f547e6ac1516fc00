import type { Service } from 'kubernetes-types/core/v1';
import { ApiError, resources } from '../../syncer/kube-client';
import { hostName } from '../../syncer/translation';
import { eventually } from '../virtual-cluster';
import { useVirtualCluster } from './virtual-cluster';

const NAMESPACE = 'shop';
const cluster = useVirtualCluster('services');
const identity = () => ({ name: cluster.current.name, hostNamespace: cluster.current.namespace });

const service = (name: string, more: Partial<Service> = {}): Service => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name, namespace: NAMESPACE },
  spec: { selector: { app: name }, ports: [{ port: 80, targetPort: 8080 }] },
  ...more,
});

/** The host twin of a virtual Service. */
const twin = (name: string) =>
  cluster.current.host.get<Service>(resources.services, {
    namespace: cluster.current.namespace,
    name: hostName(identity(), NAMESPACE, name),
  });

/** Names of the tenant's Services on the host. */
async function onHost(): Promise<string[]> {
  const list = await cluster.current.host.list<Service>(resources.services, {
    namespace: cluster.current.namespace,
    labelSelector: `nestling.dev/virtual-cluster=${cluster.current.name},nestling.dev/namespace=${NAMESPACE}`,
  });
  return list.items.map((item) => item.metadata?.name ?? '').sort();
}

async function inVirtual(): Promise<string[]> {
  const list = await cluster.current.virtual.list<Service>(resources.services, { namespace: NAMESPACE });
  return list.items.map((item) => hostName(identity(), NAMESPACE, item.metadata?.name ?? '')).sort();
}

const bothSidesAgree = () =>
  eventually('the same Services on both sides', async () => {
    const [host, virtual] = await Promise.all([onHost(), inVirtual()]);
    if (host.join() !== virtual.join()) throw new Error(`host: ${host.join()}; virtual: ${virtual.join()}`);
    return true;
  });

beforeAll(async () => {
  await cluster.current.virtual.create(resources.namespaces, {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: NAMESPACE },
  });
});

test('a Service has the address of its host twin in the answer to its creation', async () => {
  const created = await cluster.current.virtual.create<Service>(resources.services, service('web'));
  expect(created.spec?.clusterIP).toBe((await twin('web')).spec?.clusterIP);
  await bothSidesAgree();
});

test('create --dry-run=server makes nothing on either side', async () => {
  const before = await onHost();
  const answer = await cluster.current.virtual.create<Service>(resources.services, service('dry'), { dryRun: true });
  expect(answer.spec?.clusterIP).toMatch(/\d/);
  expect(await onHost()).toEqual(before);
  await bothSidesAgree();
});

test('generateName gives the same generated Service on both sides', async () => {
  const created = await cluster.current.virtual.create<Service>(
    resources.services,
    service('', { metadata: { generateName: 'gen-', namespace: NAMESPACE } }),
  );
  expect(created.metadata?.name).toMatch(/^gen-[a-z0-9]{5}$/);
  expect(created.spec?.clusterIP).toBe((await twin(created.metadata?.name ?? '')).spec?.clusterIP);
  await bothSidesAgree();
});

test('node ports are those of the host', async () => {
  const created = await cluster.current.virtual.create<Service>(
    resources.services,
    service('ports', { spec: { type: 'NodePort', selector: { app: 'ports' }, ports: [{ port: 80 }] } }),
  );
  expect(created.spec?.ports?.[0]?.nodePort).toBe((await twin('ports')).spec?.ports?.[0]?.nodePort);
});

test('headless and ExternalName Services exist on both sides', async () => {
  await cluster.current.virtual.create<Service>(
    resources.services,
    service('headless', { spec: { clusterIP: 'None', selector: { app: 'x' }, ports: [{ port: 80 }] } }),
  );
  await cluster.current.virtual.create<Service>(
    resources.services,
    service('elsewhere', { spec: { type: 'ExternalName', externalName: 'example.org' } }),
  );
  await bothSidesAgree();
});

test('a Service that a quota refuses leaves nothing on the host', async () => {
  const { virtual } = cluster.current;
  await bothSidesAgree();
  await virtual.create(resources.resourceQuotas, {
    apiVersion: 'v1',
    kind: 'ResourceQuota',
    metadata: { name: 'none', namespace: NAMESPACE },
    spec: { hard: { services: '0' } },
  });
  await eventually('the quota is in force', async () => {
    const quota = await virtual.get(resources.resourceQuotas, { namespace: NAMESPACE, name: 'none' });
    return (quota['status'] as { hard?: object } | undefined)?.hard !== undefined;
  });
  await expect(virtual.create<Service>(resources.services, service('refused'))).rejects.toThrow(/exceeded quota/);
  await virtual.delete(resources.resourceQuotas, { namespace: NAMESPACE, name: 'none' });
  // The reservation goes by itself.
  await eventually(
    'no host Service for the refused one',
    async () => (await onHost()).every((name) => !name.startsWith('refused-')),
    90,
  );
  await bothSidesAgree();
});

test('a host Service that was deleted by hand comes back with the same address', async () => {
  const before = await twin('web');
  await cluster.current.host.delete(resources.services, {
    namespace: cluster.current.namespace,
    name: before.metadata?.name ?? '',
  });
  const after = await eventually('a new host Service for web', async () => {
    const found = await twin('web');
    return found.metadata?.uid !== before.metadata?.uid && found;
  });
  expect(after.spec?.clusterIP).toBe(before.spec?.clusterIP);
  const virtual = await cluster.current.virtual.get<Service>(resources.services, { namespace: NAMESPACE, name: 'web' });
  expect(virtual.spec?.clusterIP).toBe(before.spec?.clusterIP);
});

test('deleting a Service deletes its twin, and its name can be used again at once', async () => {
  const { virtual } = cluster.current;
  await virtual.delete(resources.services, { namespace: NAMESPACE, name: 'web' });
  const again = await virtual.create<Service>(resources.services, service('web'));
  const found = await eventually('the twin of the new Service', async () => {
    const host = await twin('web').catch((error: unknown) => {
      if (ApiError.is(error, 'NotFound')) return undefined;
      throw error;
    });
    return host?.metadata?.annotations?.['nestling.dev/uid'] === again.metadata?.uid && host;
  });
  expect(found.spec?.clusterIP).toBe(again.spec?.clusterIP);
  await bothSidesAgree();
});
