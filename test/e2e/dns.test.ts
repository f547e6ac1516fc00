import type { Pod, Service } from 'kubernetes-types/core/v1';
import { resources } from '../../syncer/kube-client';
import { eventually } from '../virtual-cluster';
import { idle, Tenant } from './tenant';
import { useVirtualCluster } from './virtual-cluster';

const DOMAIN = 'cluster.local';
const cluster = useVirtualCluster('dns');
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

/** Services and pods that names are asked of. */
let web: Service;
let peers: Pod[];

beforeAll(async () => {
  await Promise.all([shop.prepare(), other.prepare()]);
  const labels = { app: 'peer' };
  const service = (name: string, spec: object): Promise<Service> => shop.create(resources.services, name, { spec });
  web = await service('web', { selector: labels, ports: [{ name: 'http', port: 80, targetPort: 8080 }] });
  await service('peers', { clusterIP: 'None', selector: labels, ports: [{ name: 'http', port: 8080 }] });
  await service('elsewhere', { type: 'ExternalName', externalName: 'db.example.com' });
  await service('nearby', { type: 'ExternalName', externalName: `web.shop.svc.${DOMAIN}` });
  await Promise.all([
    shop.createPod('client'),
    other.createPod('client'),
    shop.createPod('one', { hostname: 'one', subdomain: 'peers' }, { labels }),
    shop.createPod('two', {}, { labels }),
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
