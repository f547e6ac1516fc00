import type { Pod, Service } from 'kubernetes-types/core/v1';
import { KubeClient, resources } from '../../syncer/kube-client';
import { controlPlaneNames } from '../../syncer/configuration';
import { hostName } from '../../syncer/translation';
import { resolveHost } from '../host-cluster';
import type { Host } from '../host-cluster';
import { eventually } from '../virtual-cluster';
import { serveOnNode } from './node-server';
import type { NodeServer } from './node-server';
import { Tenant } from './tenant';
import { expectTraffic, PORTS, provideAgnhost, trafficPod } from './traffic';
import type { Target } from './traffic';
import { useVirtualCluster } from './virtual-cluster';

// Two tenants who know nothing of each other, and pods of the host, with the isolation that everybody has who asks for none.
const attackers = useVirtualCluster('attacker');
const victims = useVirtualCluster('victim');
const shop = new Tenant(attackers, 'shop');
const bank = new Tenant(victims, 'bank');
/** A namespace of the host without virtual clusters. */
const PLATFORM = 'e2e-attacks-platform';
/** Where clouds tell a machine its secrets. */
const METADATA = '169.254.169.254';
/** An address of the internet, RFC 5737; the node plays the server there. */
const INTERNET = '203.0.113.7';
const PORT = 80;

let host: Host;
let admin: KubeClient;
let node: NodeServer;
const addresses = new Map<string, string>();

const isReady = ({ status }: Pod): boolean =>
  status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True') ?? false;

beforeAll(async () => {
  host = await resolveHost({});
  await provideAgnhost(host);
  admin = new KubeClient(host.connection, { userAgent: 'nestling-test' });
  node = await serveOnNode(host, PORT, [METADATA, INTERNET]);
  await admin.create(resources.namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: PLATFORM } });
  await eventually('the service account of the platform’s namespace', () =>
    admin.get(resources.serviceAccounts, { namespace: PLATFORM, name: 'default' }),
  );
  await Promise.all([shop.prepare(), bank.prepare()]);
  // A pod of the host, and one of a tenant of somebody else's who does not keep it from sending.
  await admin.create<Pod>(resources.pods, trafficPod(PLATFORM, 'controller'));
  const stranger = { 'nestling.dev/virtual-cluster': 'somebody' };
  await admin.create<Pod>(resources.pods, trafficPod(PLATFORM, 'stranger', stranger));
  for (const [tenant, name] of [
    [shop, 'web'],
    [shop, 'client'],
    [bank, 'till'],
  ] as const) {
    await tenant.cluster.virtual.create<Pod>(resources.pods, trafficPod(tenant.namespace, name));
    await tenant.create<Service>(resources.services, name, {
      spec: { selector: { app: name }, ports: [{ port: 80, targetPort: 'http' }] },
    });
  }
  for (const [tenant, name] of [
    [shop, 'web'],
    [shop, 'client'],
    [bank, 'till'],
  ] as const) {
    addresses.set(name, (await tenant.ready(name)).status?.podIP ?? '');
    addresses.set(`service ${name}`, (await tenant.get<Service>(resources.services, name)).spec?.clusterIP ?? '');
  }
  for (const name of ['controller', 'stranger']) {
    const pod = await eventually(`pod ${name} is ready`, async () => {
      const found = await admin.get<Pod>(resources.pods, { namespace: PLATFORM, name });
      return isReady(found) && found;
    });
    addresses.set(name, pod.status?.podIP ?? '');
    addresses.set('node', pod.status?.hostIP ?? '');
  }
});

afterAll(async () => {
  await admin?.delete(resources.namespaces, { name: PLATFORM });
  await admin?.close();
  await node?.stop();
});

const at = (name: string, port: number): Target => {
  const address = addresses.get(name);
  if (address === undefined) throw new Error(`no address of ${name}`);
  return { host: address, port };
};
/** Waits until packets from a pod of the attacker's are let through or dropped. */
const fromShop = (target: Target, expected: 'open' | 'dropped', pod = 'client'): Promise<void> =>
  expectTraffic(attackers.current.kubeconfigPath, { namespace: shop.namespace, pod }, target, expected);
const fromPlatform = (pod: string, target: Target, expected: 'open' | 'dropped'): Promise<void> =>
  expectTraffic(host.kubeconfigPath, { namespace: PLATFORM, pod }, target, expected);

describe('the network of a tenant', () => {
  test('leads to its own pods and Services, its API server, and the internet', async () => {
    await fromShop(at('web', PORTS.http), 'open');
    await fromShop(at('service web', 80), 'open');
    await fromShop({ host: 'web.shop.svc.cluster.local', port: 80 }, 'open');
    await fromShop({ host: 'kubernetes.default.svc.cluster.local', port: 443 }, 'open');
    await fromShop({ host: INTERNET, port: PORT }, 'open');
  });

  test('lets the host’s own pods in, such as its ingress controllers', async () => {
    await fromPlatform('controller', at('web', PORTS.http), 'open');
    await fromPlatform('controller', at('service web', 80), 'open');
  });

  test('does not lead to another tenant, by pod, by Service, or by its API server', async () => {
    await fromShop(at('till', PORTS.http), 'dropped');
    await fromShop(at('service till', 80), 'dropped');
    const { apiServerService, pod } = controlPlaneNames(victims.current.name);
    const { namespace } = victims.current;
    const service = await admin.get<Service>(resources.services, { namespace, name: apiServerService });
    const controlPlane = await admin.get<Pod>(resources.pods, { namespace, name: pod });
    await fromShop({ host: service.spec?.clusterIP ?? '', port: 443 }, 'dropped');
    await fromShop({ host: controlPlane.status?.podIP ?? '', port: 6443 }, 'dropped');
    // The victim is there, and lets nobody in even where the sender's own side would let the packets out.
    await fromPlatform('controller', at('till', PORTS.http), 'open');
    await fromPlatform('stranger', at('till', PORTS.http), 'dropped');
  });

  test('does not lead to the host’s pods, API server and nodes, nor to what a cloud tells them', async () => {
    const api = new URL(host.connection.server);
    const kubernetes = await admin.get<Service>(resources.services, { namespace: 'default', name: 'kubernetes' });
    await fromShop(at('controller', PORTS.http), 'dropped');
    await fromShop({ host: api.hostname, port: Number(api.port) }, 'dropped');
    await fromShop({ host: kubernetes.spec?.clusterIP ?? '', port: 443 }, 'dropped');
    await fromShop(at('node', 10250), 'dropped');
    await fromShop(at('node', PORT), 'dropped');
    await fromShop({ host: METADATA, port: PORT }, 'dropped');
    // All of them are there.
    for (const target of [at('node', 10250), at('node', PORT), { host: METADATA, port: PORT }]) {
      await fromPlatform('controller', target, 'open');
    }
    await fromPlatform('controller', { host: kubernetes.spec?.clusterIP ?? '', port: 443 }, 'open');
  });

  test('ends at the ports of its own control plane but that of the API server', async () => {
    const { namespace, name } = attackers.current;
    const pod = await admin.get<Pod>(resources.pods, { namespace, name: controlPlaneNames(name).pod });
    const controlPlane = pod.status?.podIP ?? '';
    await fromShop({ host: controlPlane, port: 6443 }, 'open');
    // Health and metrics of store, controllers and syncer.
    for (const port of [2381, 10257, 8080]) {
      await fromShop({ host: controlPlane, port }, 'dropped');
      await fromPlatform('controller', { host: controlPlane, port }, 'open');
    }
    await fromPlatform('stranger', { host: controlPlane, port: 8080 }, 'dropped');
  });

  test('is not widened by policies of its own that allow everything, which still let everybody in who may come in', async () => {
    const twin = () =>
      admin.get(resources.networkPolicies, {
        namespace: attackers.current.namespace,
        name: hostName(
          { name: attackers.current.name, hostNamespace: attackers.current.namespace },
          shop.namespace,
          'everything',
        ),
      });
    await shop.create(resources.networkPolicies, 'everything', {
      spec: { podSelector: {}, policyTypes: ['Ingress', 'Egress'], ingress: [{}], egress: [{}] },
    });
    try {
      await eventually('the policy is on the host', twin);
      for (const target of [at('till', PORTS.http), at('controller', PORTS.http), { host: METADATA, port: PORT }]) {
        await fromShop(target, 'dropped');
      }
      await fromPlatform('stranger', at('web', PORTS.http), 'dropped');
      await fromShop(at('web', PORTS.http), 'open');
      await fromShop({ host: 'web.shop.svc.cluster.local', port: 80 }, 'open');
      await fromShop({ host: 'kubernetes.default.svc.cluster.local', port: 443 }, 'open');
      await fromShop({ host: INTERNET, port: PORT }, 'open');
      await fromPlatform('controller', at('web', PORTS.http), 'open');
    } finally {
      await shop.cluster.virtual.delete(resources.networkPolicies, { namespace: shop.namespace, name: 'everything' });
    }
  });

  test('is closed by its own policies, which the platform’s do not undo, and open again without them', async () => {
    await shop.create(resources.networkPolicies, 'closed', {
      spec: { podSelector: { matchLabels: { app: 'web' } }, policyTypes: ['Ingress'] },
    });
    try {
      await fromShop(at('web', PORTS.http), 'dropped');
      await fromPlatform('controller', at('web', PORTS.http), 'dropped');
      await fromShop(at('client', PORTS.http), 'open', 'web');
    } finally {
      await shop.cluster.virtual.delete(resources.networkPolicies, { namespace: shop.namespace, name: 'closed' });
    }
    await fromShop(at('web', PORTS.http), 'open');
  });
});
