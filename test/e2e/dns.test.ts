import type { Pod, PodSpec, Service, ServiceSpec } from 'kubernetes-types/core/v1';
import { Isolation, NetworkPeer } from '../../constructs';
import { CONFIGURATION_DEFAULTS } from '../../syncer/configuration';
import { KubeClient, resources } from '../../syncer/kube-client';
import type { AnyObject, KubeObject, ResourceType } from '../../syncer/kube-client';
import { resolveHost } from '../host-cluster';
import { eventually } from '../virtual-cluster';
import { idle, Tenant } from './tenant';
import { useVirtualCluster } from './virtual-cluster';

const DOMAIN = 'cluster.local';
/** Namespace of the host beside the virtual cluster's, with Services that its platform names, and others. */
const NEIGHBOUR = 'e2e-dns-neighbour';
/** What the resolver outside of both clusters knows. */
const OUTSIDE = { name: 'example.org', address: '203.0.113.9' };
const RESOLVER_PORT = 5354;
/** What the egress gate says of all that is not the tenant's own. */
const REFUSAL = 'not a node, pod or service of this virtual cluster';
const WEBHOOKS: ResourceType = {
  group: 'admissionregistration.k8s.io',
  version: 'v1',
  namespaced: false,
  resource: 'validatingwebhookconfigurations',
  kind: 'ValidatingWebhookConfiguration',
};

let admin: KubeClient;
/** Address of a node, on whose network a resolver listens. */
let node = '';

beforeAll(async () => {
  admin = new KubeClient((await resolveHost({})).connection, { userAgent: 'nestling-test' });
  await admin.create(resources.namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: NEIGHBOUR } });
  await eventually('the service account of the neighbour', () =>
    admin.get(resources.serviceAccounts, { namespace: NEIGHBOUR, name: 'default' }),
  );
  await onHost(resources.configMaps, 'resolver', { data: { Corefile: COREFILE } });
  await hostPod('resolver', {
    hostNetwork: true,
    containers: [
      {
        name: 'main',
        image: CONFIGURATION_DEFAULTS.dnsImage,
        command: ['/coredns'],
        args: ['-conf', '/etc/coredns/Corefile'],
        volumeMounts: [{ name: 'configuration', mountPath: '/etc/coredns' }],
      },
    ],
    volumes: [{ name: 'configuration', configMap: { name: 'resolver' } }],
  });
  await hostPod('server', { containers: [webServer('from the host')] });
  await hostService('server', {});
  await hostService('servers', { clusterIP: 'None' });
  await hostService('unnamed', {});
  node = await eventually('the resolver runs', async () => {
    const { status } = await admin.get<Pod>(resources.pods, { namespace: NEIGHBOUR, name: 'resolver' });
    return status?.phase === 'Running' ? status.hostIP : undefined;
  });
});

afterAll(async () => {
  await admin?.delete(resources.namespaces, { name: NEIGHBOUR });
  await admin?.close();
});

const cluster = useVirtualCluster('dns', () => ({
  // A name is no way through the network.
  isolation: Isolation.baseline({
    network: { allowEgressTo: [NetworkPeer.namespace(NEIGHBOUR), NetworkPeer.cidr(`${node}/32`)] },
  }),
  dns: { forward: [`${node}:${RESOLVER_PORT}`] },
  hostServices: {
    toVirtual: [
      { host: { namespace: NEIGHBOUR, name: 'server' }, virtual: { namespace: 'shop', name: 'neighbour' } },
      {
        host: { namespace: NEIGHBOUR, name: 'servers' },
        virtual: { namespace: 'shop', name: 'neighbours' },
        headless: true,
      },
    ],
    toHost: [{ virtual: { namespace: 'shop', name: 'till' }, host: { name: 'shop-till' } }],
  },
}));
const shop = new Tenant(cluster, 'shop');
const other = new Tenant(cluster, 'other');

/** What a query answers; busybox ends with an error where one of several answers is that there is none. */
const query = (name: string, type?: string, tenant = shop): Promise<string> =>
  tenant.shell('client', `nslookup ${type === undefined ? '' : `-type=${type}`} ${name} 2>&1 || true`);

/** Waits for an answer that contains all of these. */
const answers = (
  wanted: readonly (string | undefined)[],
  name: string,
  type?: string,
  tenant = shop,
): Promise<string> =>
  eventually(`${name} leads to ${wanted.join(', ')}`, async () => {
    const answer = await query(name, type, tenant);
    if (wanted.every((text) => text !== undefined && answer.includes(text))) return answer;
    throw new Error(answer);
  });

const COREFILE = `.:${RESOLVER_PORT} {
    errors
    hosts {
       ${OUTSIDE.address} ${OUTSIDE.name}
    }
}
`;

/** A container that answers every request at port 8080 with a text. */
const webServer = (text: string) =>
  idle('main', {
    command: ['sh', '-c', `mkdir -p /tmp/www; echo '${text}' > /tmp/www/index.html; httpd -f -p 8080 -h /tmp/www`],
  });

const onHost = <T extends KubeObject>(type: ResourceType, name: string, content: object): Promise<T> =>
  admin.create(type, {
    apiVersion: type.version,
    kind: type.kind,
    metadata: { name, namespace: NEIGHBOUR, labels: { app: name } },
    ...content,
  } as AnyObject) as unknown as Promise<T>;

const hostPod = (name: string, spec: PodSpec): Promise<Pod> =>
  onHost(resources.pods, name, { spec: { terminationGracePeriodSeconds: 0, ...spec } });

const hostService = (name: string, spec: ServiceSpec): Promise<Service> =>
  onHost(resources.services, name, {
    spec: { selector: { app: 'server' }, ports: [{ name: 'http', port: 80, targetPort: 8080 }], ...spec },
  });

/** Services and pods that names are asked of. */
let web: Service;
let peers: Pod[];

beforeAll(async () => {
  await Promise.all([shop.prepare(), other.prepare()]);
  const labels = { app: 'peer' };
  const service = (name: string, spec: object): Promise<Service> => shop.create(resources.services, name, { spec });
  web = await service('web', { selector: labels, ports: [{ name: 'http', port: 80, targetPort: 8080 }] });
  await service('peers', { clusterIP: 'None', selector: labels, ports: [{ name: 'http', port: 8080 }] });
  await service('till', { selector: { app: 'till' }, ports: [{ port: 80, targetPort: 8080 }] });
  await service('elsewhere', { type: 'ExternalName', externalName: 'db.example.com' });
  await service('nearby', { type: 'ExternalName', externalName: `web.shop.svc.${DOMAIN}` });
  await Promise.all([
    shop.createPod('client'),
    other.createPod('client'),
    shop.createPod('one', { hostname: 'one', subdomain: 'peers' }, { labels }),
    shop.createPod('two', {}, { labels }),
    shop.createPod('till', { containers: [webServer('from the shop')] }, { labels: { app: 'till' } }),
    shop.createPod('node', { dnsPolicy: 'Default' }),
    shop.createPod('none', {
      dnsPolicy: 'None',
      dnsConfig: { nameservers: ['192.0.2.53'], searches: ['corp.example'] },
    }),
  ]);
  peers = await Promise.all([shop.ready('one', 120), shop.ready('two', 120)]);
  await Promise.all([shop.ready('client'), other.ready('client'), shop.ready('node'), shop.ready('none')]);
});

test('a Service has its name in every length, and its ports in SRV records', async () => {
  const address = web.spec?.clusterIP;
  await answers([`Address: ${address}`], `web.shop.svc.${DOMAIN}`);
  // Short names by the search list of the pod that asks, as programs do it.
  for (const [tenant, name] of [
    [shop, 'web'],
    [shop, 'web.shop'],
    [other, 'web.shop.svc'],
  ] as const) {
    // There is nobody who answers a ping: the name is what counts.
    expect(await tenant.shell('client', `ping -c 1 -W 1 ${name} 2>&1 || true`)).toContain(`(${address})`);
  }
  expect(await other.shell('client', 'ping -c 1 -W 1 web 2>&1 || true')).toMatch(/bad address/);
  await answers([`80 web.shop.svc.${DOMAIN}`], `_http._tcp.web.shop.svc.${DOMAIN}`, 'srv');
  await answers([`web.shop.svc.${DOMAIN}`], `${address?.split('.').reverse().join('.')}.in-addr.arpa`, 'ptr');
});

test('a headless Service has the addresses of its pods, and the names of those with a host name', async () => {
  const addresses = peers.map(({ status }) => `Address: ${status?.podIP}`);
  await answers(addresses, `peers.shop.svc.${DOMAIN}`);
  const answer = await answers(addresses.slice(0, 1), `one.peers.shop.svc.${DOMAIN}`);
  expect(answer).not.toContain(addresses[1]);
});

test('a pod has a name made of its address', async () => {
  const address = peers[0]?.status?.podIP ?? '';
  await answers([`Address: ${address}`], `${address.replaceAll('.', '-')}.shop.pod.${DOMAIN}`);
});

test('an ExternalName leads to the name that it has, inside of the cluster too', async () => {
  await answers(['canonical name = db.example.com'], `elsewhere.shop.svc.${DOMAIN}`, 'cname');
  await answers([`Address: ${web.spec?.clusterIP}`], `nearby.shop.svc.${DOMAIN}`);
});

test('the API server’s name is that of the virtual one; names of the host are none here', async () => {
  const { host, name, namespace } = cluster.current;
  const own = await host.get<Service>(resources.services, { namespace, name });
  await answers([`Address: ${own.spec?.clusterIP}`], `kubernetes.default.svc.${DOMAIN}`);
  for (const hostService of [`${name}.${namespace}`, `web-x-shop-x-${name}.${namespace}`]) {
    expect(await query(`${hostService}.svc.${DOMAIN}`)).toContain('NXDOMAIN');
  }
});

test('a pod with policy Default has the resolv.conf that the node gives to any pod', async () => {
  const { host, namespace } = cluster.current;
  const ordinary = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'ordinary', namespace },
    spec: {
      terminationGracePeriodSeconds: 1,
      dnsPolicy: 'Default',
      containers: [idle('main', { command: ['cat', '/etc/resolv.conf'] })],
      restartPolicy: 'Never',
    },
  };
  await host.create<Pod>(resources.pods, ordinary as Pod);
  try {
    const expected = await eventually('an ordinary pod has told its resolv.conf', async () => {
      const { status } = await host.get<Pod>(resources.pods, { namespace, name: 'ordinary' });
      if (status?.phase !== 'Succeeded') throw new Error(`it is ${status?.phase}`);
      return { text: await host.getText(`/api/v1/namespaces/${namespace}/pods/ordinary/log`) };
    });
    expect(await shop.run('node', 'cat', '/etc/resolv.conf')).toBe(expected.text.trim());
  } finally {
    await host.delete(resources.pods, { namespace, name: 'ordinary' });
  }
});

test('a pod with policy None has what its dnsConfig says and nothing else', async () => {
  const lines = (await shop.run('none', 'cat', '/etc/resolv.conf')).split('\n').sort();
  expect(lines).toEqual(['nameserver 192.0.2.53', 'search corp.example']);
});

/** Waits until a tenant's pod gets this text under a URL. */
const fetches = (url: string, text: string): Promise<true> =>
  eventually(`a pod of the tenant gets "${text}" from ${url}`, async () => {
    const answer = await shop.shell('client', `timeout 5 wget -qO- ${url} 2>&1 || true`);
    if (answer === text) return true;
    throw new Error(answer);
  });

test('a Service of the host answers under the name that the platform gives it, and under no other', async () => {
  const host = await admin.get<Service>(resources.services, { namespace: NEIGHBOUR, name: 'server' });
  await answers([`Address: ${host.spec?.clusterIP}`], `neighbour.shop.svc.${DOMAIN}`);
  await fetches('http://neighbour/', 'from the host');
  for (const name of ['server', 'servers', 'unnamed']) {
    expect(await query(`${name}.${NEIGHBOUR}.svc.${DOMAIN}`)).toContain('NXDOMAIN');
  }
  // A headless one leads to the pods themselves, at their own port.
  const { status } = await admin.get<Pod>(resources.pods, { namespace: NEIGHBOUR, name: 'server' });
  await answers([`Address: ${status?.podIP}`], `neighbours.shop.svc.${DOMAIN}`);
  await fetches('http://neighbours:8080/', 'from the host');
});

test('a Service of the host that is made anew is found at its new address', async () => {
  const before = await admin.get<Service>(resources.services, { namespace: NEIGHBOUR, name: 'server' });
  await admin.delete(resources.services, { namespace: NEIGHBOUR, name: 'server' });
  const after = await hostService('server', {});
  expect(after.spec?.clusterIP).not.toBe(before.spec?.clusterIP);
  await answers([`Address: ${after.spec?.clusterIP}`], `neighbour.shop.svc.${DOMAIN}`);
  await fetches('http://neighbour/', 'from the host');
});

test('the virtual API server is no way to a Service of the host, nor to its pods, though the tenant’s pods are', async () => {
  await fetches('http://neighbour/', 'from the host');
  await fetches('http://neighbours:8080/', 'from the host');
  const { spec } = await shop.get<Service>(resources.services, 'neighbour');
  const { status } = await admin.get<Pod>(resources.pods, { namespace: NEIGHBOUR, name: 'server' });
  for (const address of [`${spec?.clusterIP}:80`, `${status?.podIP}:8080`]) {
    const webhook = {
      name: 'neighbour.example.com',
      admissionReviewVersions: ['v1'],
      sideEffects: 'None',
      clientConfig: { url: `https://${address}/` },
      namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'shop' } },
      rules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['configmaps'] }],
    };
    await shop.create(WEBHOOKS, 'neighbour', { webhooks: [webhook] });
    try {
      await eventually(`the gate refuses ${address}`, async () => {
        const { stderr } = await shop.kubectl('create', 'configmap', 'asked', '--dry-run=server');
        return stderr.includes(address) && stderr.includes(REFUSAL);
      });
    } finally {
      await cluster.current.virtual.delete(WEBHOOKS, { name: 'neighbour' });
    }
  }
});

test('a Service of the tenant answers on the host under the name that the platform gives it', async () => {
  const { host, namespace } = cluster.current;
  const published = await eventually('the Service is on the host', () =>
    host.get<Service>(resources.services, { namespace, name: 'shop-till' }),
  );
  expect(published.spec?.selector).toMatchObject({ 'nestling.dev/namespace': 'shop' });
  await hostPod('customer', {
    restartPolicy: 'OnFailure',
    containers: [
      idle('main', { command: ['timeout', '5', 'wget', '-qO-', `http://shop-till.${namespace}.svc.${DOMAIN}/`] }),
    ],
  });
  await eventually('a pod of the host has its answer', async () => {
    const { status } = await admin.get<Pod>(resources.pods, { namespace: NEIGHBOUR, name: 'customer' });
    if (status?.phase !== 'Succeeded') throw new Error(JSON.stringify(status?.containerStatuses));
    return true;
  });
  expect((await admin.getText(`/api/v1/namespaces/${NEIGHBOUR}/pods/customer/log`)).trim()).toBe('from the shop');
});

test('names outside of the virtual cluster are asked of the platform’s resolver', async () => {
  await answers([`Address: ${OUTSIDE.address}`], OUTSIDE.name);
});
