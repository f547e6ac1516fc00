import type { Service, ServiceSpec } from 'kubernetes-types/core/v1';
import type { EndpointSlice } from 'kubernetes-types/discovery/v1';
import type { SyncerConfigurationInput } from '../../syncer/configuration';
import { HostFacts } from '../../syncer/kinds';
import { resources } from '../../syncer/kube-client';
import type { KubeClient, KubeObject, ResourceType } from '../../syncer/kube-client';
import { eventually } from '../virtual-cluster/eventually';
import { grantHostRights } from './host-rights';
import { HOST_NAMESPACE, NAME } from './in-process-syncer';
import { found, TwoClusters } from './two-clusters';

const { services, endpointSlices } = resources;
/** Namespace of the host that is not the virtual cluster's. */
const DATA = 'data';
const USER = 'syncer';

const shown = (host: string, name: string, more: { headless?: boolean; namespace?: string } = {}) => ({
  host: { namespace: DATA, name: host },
  virtual: { namespace: more.namespace ?? 'default', name },
  ...(more.headless ? { headless: true } : {}),
});
const published = (name: string, host: string) => ({ virtual: { namespace: 'default', name }, host: { name: host } });

const hostServices = {
  toVirtual: [
    shown('postgres', 'db'),
    shown('replaced', 'replaced'),
    shown('guarded', 'guarded'),
    shown('contested', 'contested'),
    shown('late', 'late', { namespace: 'late' }),
    shown('peers', 'peers', { headless: true }),
    shown('unasked', 'unasked'),
    shown('former', 'former'),
    { host: { namespace: 'absent', name: 'none' }, virtual: { namespace: 'default', name: 'none' } },
  ],
  toHost: [
    published('web', 'shop-web'),
    published('taken', 'taken-by-another'),
    published('plain', 'plain'),
    published('reborn', 'reborn'),
    published('bare', 'bare'),
    published('former-web', 'former-web'),
  ],
} satisfies NonNullable<SyncerConfigurationInput['hostServices']>;

let clusters: TwoClusters;

beforeAll(async () => {
  clusters = await TwoClusters.start({ admission: true, shown: hostServices.toVirtual.map(({ virtual }) => virtual) });
  await clusters.stopSyncer();
  for (const name of [DATA, 'absent']) {
    await clusters.host.create(resources.namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
  }
  await grantHostRights(clusters.host, USER, {}, hostServices);
  // A platform that forgot one right: nothing but that one Service must suffer.
  await clusters.host.delete(resources.roleBindings, { namespace: 'absent', name: 'syncer' });
  await clusters.startSyncer({ hostServices }, USER);
});

afterAll(async () => {
  await clusters?.stop();
});

const PORTS = [{ name: 'sql', port: 5432, protocol: 'TCP', targetPort: 5432 }];

const make = (client: KubeClient, namespace: string, name: string, spec: ServiceSpec = {}): Promise<Service> =>
  client.create<Service>(services, {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace },
    spec: { ports: PORTS, ...spec },
  });
const onHost = (name: string, spec?: ServiceSpec): Promise<Service> => make(clusters.host, DATA, name, spec);
const ofTenant = (name: string, spec: ServiceSpec = { selector: { app: name } }): Promise<Service> =>
  make(clusters.virtual, 'default', name, spec);

const read = <T extends KubeObject>(
  client: KubeClient,
  type: ResourceType,
  namespace: string,
  name: string,
): Promise<T | undefined> => found(client.get<T>(type, { namespace, name }));
const virtualService = (name: string, namespace = 'default'): Promise<Service | undefined> =>
  read<Service>(clusters.virtual, services, namespace, name);
const hostService = (name: string): Promise<Service | undefined> =>
  read<Service>(clusters.host, services, HOST_NAMESPACE, name);

/** Waits until a virtual Service has the address of a host's, and returns it. */
const shows = (name: string, host: Service, namespace?: string): Promise<Service> =>
  eventually(`Service ${name} has the address ${host.spec?.clusterIP} of the host's`, async () => {
    const virtual = await virtualService(name, namespace);
    if (virtual?.spec?.clusterIP === host.spec?.clusterIP) return virtual;
    throw new Error(JSON.stringify(virtual));
  });
const isGone = (what: string, look: () => Promise<unknown>): Promise<true> =>
  eventually(`${what} is gone`, async () => (await look()) === undefined);

/** Waits until a Service is on the host under the name that the platform chose. */
const publishes = (name: string): Promise<Service> =>
  eventually(`Service ${name} is on the host`, () => hostService(name));

describe('a Service of the host that the platform names', () => {
  test('is in the virtual cluster with the host’s own address and ports, without a twin', async () => {
    const host = await onHost('postgres', { selector: { app: 'postgres' }, type: 'NodePort' });
    const virtual = await shows('db', host);
    expect(virtual.spec).toMatchObject({ type: 'ClusterIP', ports: PORTS, clusterIPs: host.spec?.clusterIPs });
    expect(virtual.spec?.selector).toBeUndefined();
    expect(await clusters.twin(services, 'db')).toBeUndefined();
    expect(await clusters.events('db')).toEqual([]);
    await clusters.host.patch(
      services,
      { namespace: DATA, name: 'postgres', type: 'merge' },
      { spec: { ports: [{ ...PORTS[0], port: 6432 }] } },
    );
    await eventually('the port is changed', async () => (await virtualService('db'))?.spec?.ports?.[0]?.port === 6432);
  });

  test('is followed when it is made anew with another address, and goes with it', async () => {
    const first = await onHost('replaced');
    await shows('replaced', first);
    await clusters.host.delete(services, { namespace: DATA, name: 'replaced' });
    await isGone('what is shown of it', () => virtualService('replaced'));
    const second = await onHost('replaced', { clusterIP: '10.96.77.7' });
    await shows('replaced', second);
    // At once, so that the address changes and nothing else.
    await clusters.host.delete(services, { namespace: DATA, name: 'replaced' });
    await shows('replaced', await onHost('replaced', { clusterIP: '10.96.77.8' }));
    await clusters.host.delete(services, { namespace: DATA, name: 'replaced' });
    await isGone('what is shown of it', () => virtualService('replaced'));
  });

  test('is shown once the tenant makes the namespace', async () => {
    const host = await onHost('late');
    await clusters.virtual.create(resources.namespaces, {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: 'late' },
    });
    await shows('late', host, 'late');
  });

  test('stays as it is, whatever the tenant writes into it', async () => {
    const host = await onHost('guarded');
    await shows('guarded', host);
    const at = { namespace: 'default', name: 'guarded' };
    const change = (spec: object) => clusters.virtual.patch(services, { ...at, type: 'merge' }, { spec });
    await change({ selector: { app: 'mine' } });
    await eventually('the selector is gone', async () => {
      const virtual = await virtualService('guarded');
      return virtual !== undefined && virtual.spec?.selector === undefined;
    });
    await change({ type: 'NodePort', ports: [{ ...PORTS[0], port: 1 }] });
    await eventually('type and ports are the host’s', async () => {
      const virtual = await virtualService('guarded');
      expect(virtual?.spec).toMatchObject({ type: 'ClusterIP', clusterIP: host.spec?.clusterIP, ports: PORTS });
      return true;
    });
    await clusters.virtual.delete(services, at);
    await shows('guarded', host);
    expect(await clusters.twin(services, 'guarded')).toBeUndefined();
  });

  test('leaves a Service of that name alone that the tenant made, tells it, and is there when that is gone', async () => {
    const own = await ofTenant('contested');
    const host = await onHost('contested');
    expect((await clusters.event('contested', 'HostServiceNotShown')).message).toContain('delete this one');
    expect((await virtualService('contested'))?.metadata?.uid).toBe(own.metadata?.uid);
    expect((await clusters.twin<Service>(services, 'contested'))?.spec?.clusterIP).toBe(own.spec?.clusterIP);
    await clusters.virtual.delete(services, { namespace: 'default', name: 'contested' });
    await shows('contested', host);
    await isGone('the twin of the tenant’s', () => clusters.twin(services, 'contested'));
  });

  test('has its endpoints shown where it is headless, as they come and go, and none of them on the host again', async () => {
    const slice = (name: string, addresses: readonly string[]) =>
      clusters.host.create<EndpointSlice>(endpointSlices, {
        apiVersion: 'discovery.k8s.io/v1',
        kind: 'EndpointSlice',
        metadata: { name, namespace: DATA, labels: { 'kubernetes.io/service-name': 'peers' } },
        addressType: 'IPv4',
        endpoints: addresses.map((address, index) => ({ addresses: [address], hostname: `peer-${index}` })),
        ports: [{ name: 'sql', port: 5432, protocol: 'TCP' }],
      });
    const addressesShown = async (expected: readonly string[]): Promise<readonly EndpointSlice[]> =>
      eventually(`the virtual cluster has the addresses ${expected.join(', ')}`, async () => {
        const { items } = await clusters.virtual.list<EndpointSlice>(endpointSlices, {
          namespace: 'default',
          labelSelector: 'kubernetes.io/service-name=peers',
        });
        const addresses = items.flatMap(({ endpoints }) => (endpoints ?? []).flatMap((one) => one.addresses));
        expect(addresses.sort()).toEqual([...expected].sort());
        return items;
      });
    await slice('peers-a', ['10.244.3.1', '10.244.3.2']);
    const host = await onHost('peers', { clusterIP: 'None' });
    await shows('peers', host);
    const [first] = await addressesShown(['10.244.3.1', '10.244.3.2']);
    expect(first?.endpoints?.map(({ hostname }) => hostname)).toEqual(['peer-0', 'peer-1']);
    await slice('peers-b', ['10.244.3.3']);
    await addressesShown(['10.244.3.1', '10.244.3.2', '10.244.3.3']);
    await clusters.host.patch(
      endpointSlices,
      { namespace: DATA, name: 'peers-a', type: 'merge' },
      { endpoints: [{ addresses: ['10.244.3.9'] }] },
    );
    await addressesShown(['10.244.3.3', '10.244.3.9']);
    const [mine] = await addressesShown(['10.244.3.3', '10.244.3.9']);
    // The tenant's change of one is undone.
    const at = { namespace: 'default', name: mine?.metadata?.name ?? '' };
    await clusters.virtual.delete(endpointSlices, at);
    await addressesShown(['10.244.3.3', '10.244.3.9']);
    await clusters.virtual.patch(
      endpointSlices,
      { ...at, type: 'merge' },
      { endpoints: [{ addresses: ['10.96.0.1'] }] },
    );
    await addressesShown(['10.244.3.3', '10.244.3.9']);
    const { items } = await clusters.host.list<EndpointSlice>(endpointSlices, { namespace: HOST_NAMESPACE });
    expect(items.flatMap(({ endpoints }) => endpoints ?? []).map(({ addresses }) => addresses[0])).not.toContain(
      '10.244.3.3',
    );
    await clusters.host.delete(endpointSlices, { namespace: DATA, name: 'peers-b' });
    await addressesShown(['10.244.3.9']);
    await clusters.host.delete(services, { namespace: DATA, name: 'peers' });
    await addressesShown([]);
    await isGone('what is shown of it', () => virtualService('peers'));
  });

  test('is not shown where it is headless and the platform did not say so', async () => {
    await onHost('unasked', { clusterIP: 'None' });
    await shows('db', (await read<Service>(clusters.host, services, DATA, 'postgres')) as Service);
    expect(await virtualService('unasked')).toBeUndefined();
    await clusters.host.delete(services, { namespace: DATA, name: 'unasked' });
    await shows('unasked', await onHost('unasked'));
  });

  test('is no way for the virtual API server: the egress gate knows no address of it', async () => {
    const host = (await read<Service>(clusters.host, services, DATA, 'postgres')) as Service;
    await shows('db', host);
    const own = await ofTenant('own');
    const facts = new HostFacts({ name: NAME, hostNamespace: HOST_NAMESPACE }, clusters.syncer.caches);
    await eventually('the gate knows the tenant’s own Service', () =>
      Promise.resolve(facts.isTenantServiceIP(own.spec?.clusterIP ?? '')),
    );
    expect(facts.isTenantServiceIP(host.spec?.clusterIP ?? '')).toBe(false);
  });
});

describe('a Service of the tenant that the platform publishes', () => {
  test('has the name on the host, with an address of its own and the tenant’s pods', async () => {
    const virtual = await ofTenant('web', { type: 'NodePort', selector: { app: 'web' } });
    const host = await publishes('shop-web');
    expect(host.spec).toMatchObject({
      type: 'ClusterIP',
      ports: PORTS,
      selector: {
        'label.nestling.dev/app': 'web',
        'nestling.dev/virtual-cluster': NAME,
        'nestling.dev/namespace': 'default',
      },
    });
    expect(host.spec?.clusterIP).not.toBe(virtual.spec?.clusterIP);
    expect(host.metadata?.ownerReferences).toMatchObject([{ kind: 'ConfigMap', name: `${NAME}-anchor` }]);
    await clusters.virtual.patch(
      services,
      { namespace: 'default', name: 'web', type: 'merge' },
      { spec: { selector: { app: 'web', tier: 'front' }, ports: [{ ...PORTS[0], port: 81 }] } },
    );
    await eventually('ports and selector are changed on the host, and the address is not', async () => {
      const changed = await hostService('shop-web');
      expect(changed?.spec?.ports?.[0]?.port).toBe(81);
      expect(changed?.spec?.selector).toMatchObject({ 'label.nestling.dev/tier': 'front' });
      expect(changed?.spec?.clusterIP).toBe(host.spec?.clusterIP);
      return true;
    });
    // Somebody on the host removes it, or changes where it leads.
    await clusters.host.patch(
      services,
      { namespace: HOST_NAMESPACE, name: 'shop-web', type: 'merge' },
      { spec: { selector: { app: 'other' } } },
    );
    await eventually('the selector is as it was', async () => {
      return (await hostService('shop-web'))?.spec?.selector?.['app'] === undefined;
    });
    await clusters.host.delete(services, { namespace: HOST_NAMESPACE, name: 'shop-web' });
    await publishes('shop-web');
  });

  test('never takes a name that somebody else has, and tells the tenant', async () => {
    const foreign = await make(clusters.host, HOST_NAMESPACE, 'taken-by-another');
    await ofTenant('taken');
    const { message } = await clusters.event('taken', 'HostNameTaken');
    expect(message).toContain('ask the operator');
    expect(message).not.toContain('taken-by-another');
    expect(await hostService('taken-by-another')).toEqual(foreign);
    await clusters.virtual.delete(services, { namespace: 'default', name: 'taken' });
    await ofTenant('plain');
    await publishes('plain');
    expect(await hostService('taken-by-another')).toEqual(foreign);
  });

  test('is withdrawn when it leads to no pods by a selector any more, and the tenant is told why', async () => {
    await publishes('plain');
    const at = { namespace: 'default', name: 'plain', type: 'merge' } as const;
    await clusters.virtual.patch(services, at, { spec: { selector: null } });
    await isGone('the Service on the host', () => hostService('plain'));
    expect((await clusters.event('plain', 'NotPublished')).message).toContain('by a selector');
    await clusters.virtual.patch(services, at, { spec: { selector: { app: 'plain' } } });
    await publishes('plain');
    await clusters.virtual.patch(services, at, { spec: { type: 'ExternalName', externalName: 'metadata.internal' } });
    await isGone('the Service on the host', () => hostService('plain'));
  });

  test('goes with the tenant’s, and is there again with the next', async () => {
    await ofTenant('reborn');
    await publishes('reborn');
    await clusters.virtual.delete(services, { namespace: 'default', name: 'reborn' });
    await isGone('the Service on the host', () => hostService('reborn'));
    await ofTenant('reborn', { selector: { app: 'reborn' }, clusterIP: 'None' });
    await eventually('it is headless on the host', async () => {
      return (await hostService('reborn'))?.spec?.clusterIP === 'None';
    });
    // Made anew with an address, faster than anybody looks: the one on the host has to be made anew, too.
    await clusters.virtual.delete(services, { namespace: 'default', name: 'reborn' });
    await ofTenant('reborn');
    await eventually('it has an address on the host', async () => {
      const host = await hostService('reborn');
      return host !== undefined && host.spec?.clusterIP !== 'None';
    });
  });

  test('leaves alone what carries its marks under another name', async () => {
    const { metadata, spec } = await publishes('shop-web');
    const copy = await clusters.host.create<Service>(services, {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: {
        name: 'copy-of-shop-web',
        namespace: HOST_NAMESPACE,
        labels: metadata?.labels ?? {},
        annotations: metadata?.annotations ?? {},
      },
      spec: { selector: spec?.selector ?? {}, ports: PORTS },
    });
    await ofTenant('bare');
    await publishes('bare');
    expect((await hostService('copy-of-shop-web'))?.metadata?.resourceVersion).toBe(copy.metadata?.resourceVersion);
    await clusters.host.delete(services, { namespace: HOST_NAMESPACE, name: 'copy-of-shop-web' });
  });
});

test('a restart writes nothing, follows what was changed meanwhile, and takes back what is named no more', async () => {
  const former = await onHost('former');
  await ofTenant('former-web');
  await Promise.all([shows('former', former), publishes('former-web'), publishes('shop-web')]);
  const versions = async () => [
    (await virtualService('db'))?.metadata?.resourceVersion,
    (await hostService('shop-web'))?.metadata?.resourceVersion,
    (await virtualService('former'))?.metadata?.resourceVersion,
  ];
  const before = await versions();
  await clusters.stopSyncer();
  await clusters.startSyncer({ hostServices }, USER);
  // Known to have looked at all of them: this one came last.
  await clusters.virtual.delete(services, { namespace: 'default', name: 'bare' });
  await isGone('the Service on the host', () => hostService('bare'));
  expect(await versions()).toEqual(before);

  await clusters.stopSyncer();
  await clusters.host.delete(services, { namespace: DATA, name: 'late' });
  await clusters.virtual.delete(services, { namespace: 'default', name: 'web' });
  const keep = ({ virtual: { name } }: { virtual: { name: string } }): boolean => !name.startsWith('former');
  await clusters.startSyncer(
    {
      hostServices: {
        toVirtual: hostServices.toVirtual.filter(keep),
        toHost: hostServices.toHost.filter(keep),
      },
    },
    USER,
  );
  await Promise.all([
    isGone('what went while nothing ran', () => virtualService('late', 'late')),
    isGone('what was published of it', () => hostService('shop-web')),
    isGone('what is shown no more', () => virtualService('former')),
    isGone('what is published no more', () => hostService('former-web')),
  ]);
  expect(await virtualService('former-web')).toBeDefined();
  expect(await read(clusters.host, services, DATA, 'former')).toBeDefined();
  expect((await virtualService('db'))?.metadata?.resourceVersion).toBe(before[0]);

  await clusters.stopSyncer();
  await clusters.startSyncer({}, USER);
  await isGone('what was shown', () => virtualService('db'));
});
