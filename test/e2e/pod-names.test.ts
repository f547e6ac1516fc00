import { readdirSync, readFileSync } from 'node:fs';
import type { Pod, ResourceQuota, Service } from 'kubernetes-types/core/v1';
import { PodSecurityLevel } from '../../constructs';
import { resources } from '../../syncer/kube-client';
import { resolveHost } from '../host-cluster';
import { eventually, exec } from '../virtual-cluster';
import { idle, Tenant } from './tenant';
import { useVirtualCluster } from './virtual-cluster';

/*
 * Names and addresses that a pod sees: its own, its peers', the services'. The host namespace enforces `restricted`, and a
 * quota that every container must be within, as hard surroundings for what the syncer adds to pods.
 */

const cluster = useVirtualCluster('pod-names', { podSecurity: PodSecurityLevel.RESTRICTED });
const tenant = new Tenant(cluster, 'shop');
const QUOTA = 'all-containers';

/** What `restricted` asks for, and the quota. */
const secured = {
  securityContext: { runAsNonRoot: true, runAsUser: 1000, seccompProfile: { type: 'RuntimeDefault' } },
};
const container = (name = 'main', more: object = {}) =>
  idle(name, {
    securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
    resources: { requests: { cpu: '10m', memory: '16Mi' }, limits: { memory: '32Mi' } },
    ...more,
  });
const spec = (more: object = {}) => ({ ...secured, containers: [container()], ...more });

const statefulSet = (name: string, more: object = {}) => ({
  spec: {
    replicas: 2,
    serviceName: name,
    podManagementPolicy: 'Parallel',
    selector: { matchLabels: { app: name } },
    template: {
      metadata: { labels: { app: name } },
      spec: { terminationGracePeriodSeconds: 1, ...spec(more) },
    },
  },
});
const headless = (name: string) => ({ spec: { clusterIP: 'None', selector: { app: name }, ports: [{ port: 80 }] } });

beforeAll(async () => {
  const { host, namespace } = cluster.current;
  await tenant.prepare();
  await host.patch(
    resources.namespaces,
    { name: namespace, type: 'merge' },
    { metadata: { labels: { 'pod-security.kubernetes.io/enforce': 'restricted' } } },
  );
  await host.create<ResourceQuota>(resources.resourceQuotas, {
    apiVersion: 'v1',
    kind: 'ResourceQuota',
    metadata: { name: QUOTA, namespace },
    spec: { hard: { 'requests.cpu': '20', 'requests.memory': '20Gi', 'limits.memory': '40Gi' } },
  });
  await tenant.create(resources.services, 'web', headless('web'));
  await tenant.create(resources.statefulSets, 'web', statefulSet('web'));
  await Promise.all([tenant.ready('web-0'), tenant.ready('web-1')]);
});

test('hostname and hostname -f are those of a StatefulSet in an ordinary cluster', async () => {
  expect(await tenant.run('web-0', 'hostname')).toBe('web-0');
  expect(await tenant.run('web-0', 'hostname', '-f')).toBe('web-0.web.shop.svc.cluster.local');
  expect(await tenant.run('web-1', 'hostname', '-f')).toBe('web-1.web.shop.svc.cluster.local');
});

test('/etc/hosts is what the node’s kubelet writes for the same pod, host aliases included', async () => {
  const { host, namespace } = cluster.current;
  const { kubeconfigPath } = await resolveHost();
  const same = spec({
    hostname: 'db',
    subdomain: 'dbs',
    terminationGracePeriodSeconds: 1,
    hostAliases: [
      { ip: '1.2.3.4', hostnames: ['one.example', 'two.example'] },
      { ip: 'fd00::7', hostnames: ['seven'] },
    ],
  });
  const ordinary = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'ordinary', namespace }, spec: same };
  await host.create<Pod>(resources.pods, ordinary as unknown as Pod);
  try {
    await tenant.createPod('aliased', same);
    await tenant.ready('aliased');
    const [expected, address] = await eventually('the hosts file of an ordinary pod', async () => {
      const { status } = await host.get<Pod>(resources.pods, { namespace, name: 'ordinary' });
      const { stdout } = await exec(kubeconfigPath, { namespace, pod: 'ordinary' }, ['cat', '/etc/hosts']);
      return [stdout, status?.podIP ?? ''] as const;
    });
    const seen = await tenant.run('aliased', 'cat', '/etc/hosts');
    const own = (await tenant.pod('aliased')).status?.podIP ?? '';
    expect(expected).toContain('one.example\ttwo.example');
    expect(seen).toBe(expected.replaceAll(address, own).replaceAll(`.${namespace}.svc`, '.shop.svc').trim());
    const mode = await tenant.run('aliased', 'stat', '-c', '%a', '/etc/hosts');
    expect(mode).toBe('644');
  } finally {
    await host.delete(resources.pods, { namespace, name: 'ordinary' });
  }
});

test('init containers and sidecars see the same host name', async () => {
  const read = ['sh', '-c', 'hostname -f > /shared/$NAME; [ "$NAME" = init ] || exec sleep 3600'];
  const at = (name: string, more: object = {}) =>
    container(name, {
      command: read,
      env: [{ name: 'NAME', value: name }],
      volumeMounts: [{ name: 'shared', mountPath: '/shared' }],
      ...more,
    });
  await tenant.createPod(
    'surrounded',
    spec({
      hostname: 'inner',
      subdomain: 'web',
      volumes: [{ name: 'shared', emptyDir: {} }],
      initContainers: [at('init'), at('sidecar', { restartPolicy: 'Always' })],
      containers: [at('main')],
    }),
  );
  const { status } = await tenant.ready('surrounded');
  expect(await tenant.shell({ pod: 'surrounded', container: 'main' }, 'cat /shared/init /shared/sidecar')).toBe(
    'inner.web.shop.svc.cluster.local\ninner.web.shop.svc.cluster.local',
  );
  expect(status?.initContainerStatuses?.map(({ name }) => name)).toEqual(['init', 'sidecar']);
});

test('what writes /etc/hosts is the platform’s: the tenant sees no container of it and reaches none', async () => {
  const virtual = await tenant.pod('web-0');
  const twin = await tenant.onHost<Pod>(resources.pods, 'web-0');
  expect(twin.spec?.initContainers?.map(({ name }) => name)).toEqual(['nestling-hosts']);
  expect(virtual.spec).not.toHaveProperty('initContainers');
  expect(virtual.status).not.toHaveProperty('initContainerStatuses');
  const initialized = virtual.status?.conditions?.find(({ type }) => type === 'Initialized');
  expect(initialized).toMatchObject({ status: 'True', lastTransitionTime: virtual.status?.startTime });
  expect((await tenant.kubectl('describe', 'pod', 'web-0')).stdout).not.toContain('nestling-hosts');
  expect((await tenant.kubectl('logs', 'web-0', '-c', 'nestling-hosts')).stderr).toContain('is not valid for pod');
  // The same without the API server's own check of the name.
  const path = `/api/v1/nodes/${virtual.spec?.nodeName}/proxy/containerLogs/shop/web-0/nestling-hosts`;
  const raw = await tenant.kubectl('get', '--raw', path);
  expect([raw.code, raw.stderr]).toEqual([1, expect.stringMatching(/not ?found/i)]);
  const main = path.replace('nestling-hosts', 'main');
  expect((await tenant.kubectl('get', '--raw', main)).code).toBe(0);
});

test('it counts for nothing in a quota of the host', async () => {
  const { host, namespace } = cluster.current;
  const used = async (): Promise<object> => {
    const quota = await host.get<ResourceQuota>(resources.resourceQuotas, { namespace, name: QUOTA });
    return quota.status?.used ?? {};
  };
  /** Uses what it may, in three containers of which the first asks for less than the others. */
  const measured = async (name: string, more: object): Promise<object> => {
    const before = amounts(await used());
    await tenant.createPod(name, spec({ containers: [container('a'), container('b')], ...more }));
    await tenant.ready(name);
    const added = await eventually('the quota counts the pod', async () => {
      const after = amounts(await used());
      return after.map((amount, index) => amount - (before[index] ?? 0)).some((one) => one !== 0) ? after : undefined;
    });
    return added.map((amount, index) => amount - (before[index] ?? 0));
  };
  const without = await measured('counted-plain', {});
  expect(await measured('counted-subdomain', { hostname: 'c', subdomain: 'web' })).toEqual(without);
});

test('in a new sandbox the pod finds its new address in /etc/hosts', async () => {
  if ((await resolveHost()).kind !== 'node') return; // an existing cluster's processes are out of reach
  await tenant.createPod('restarted', spec({ hostname: 'again', subdomain: 'web' }));
  const before = await tenant.ready('restarted');
  const uid = (await tenant.onHost<Pod>(resources.pods, 'restarted')).metadata?.uid ?? '';
  killSandbox(uid);
  const after = await tenant.until(
    'restarted',
    'has another address and runs',
    ({ status }) => status?.podIP !== before.status?.podIP && status?.containerStatuses?.[0]?.ready === true,
    120,
  );
  expect(await tenant.run('restarted', 'hostname', '-f')).toBe('again.web.shop.svc.cluster.local');
  const hosts = await tenant.run('restarted', 'cat', '/etc/hosts');
  expect(hosts).toContain(`${after.status?.podIP}\tagain.web.shop.svc.cluster.local\tagain`);
  expect(hosts).not.toContain(`${before.status?.podIP}\t`);
}, 150_000);

test('setHostnameAsFQDN makes the FQDN the host name', async () => {
  await tenant.createPod('full', spec({ hostname: 'full', subdomain: 'web', setHostnameAsFQDN: true }));
  await tenant.ready('full');
  expect(await tenant.run('full', 'hostname')).toBe('full.web.shop.svc.cluster.local');
  expect(await tenant.run('full', 'hostname', '-f')).toBe('full.web.shop.svc.cluster.local');
});

test('a host name keeps the dots that a pod’s name may have, and is what the pod overrides it with', async () => {
  await tenant.createPod('a.b.c', spec());
  await tenant.createPod('plain', spec({ hostnameOverride: 'chosen.example' }));
  await Promise.all([tenant.ready('a.b.c'), tenant.ready('plain')]);
  expect(await tenant.run('a.b.c', 'hostname')).toBe('a.b.c');
  expect(await tenant.run('plain', 'hostname')).toBe('chosen.example');
});

test('pods of a StatefulSet find each other by stable names, after they are replaced too', async () => {
  const resolves = (name: string, address: string | undefined) =>
    eventually(`${name} is ${address}`, async () => {
      const answer = await tenant.run('web-0', 'nslookup', `${name}.shop.svc.cluster.local`);
      if (address !== undefined && answer.includes(`Address: ${address}`)) return true;
      throw new Error(answer);
    });
  const first = await tenant.pod('web-1');
  await resolves('web-1.web', first.status?.podIP);
  await tenant.deletePod('web-1');
  const second = await tenant.ready('web-1');
  expect(second.metadata?.uid).not.toBe(first.metadata?.uid);
  await resolves('web-1.web', second.status?.podIP);
});

test('resolv.conf has what the pod’s dnsConfig says beside the cluster’s own', async () => {
  const dnsConfig = {
    nameservers: ['192.0.2.53'],
    searches: ['corp.example'],
    options: [{ name: 'ndots', value: '2' }, { name: 'edns0' }],
  };
  await tenant.createPod('configured', spec({ dnsConfig }));
  await tenant.createPod('alone', spec({ dnsPolicy: 'None', dnsConfig }));
  await Promise.all([tenant.ready('configured'), tenant.ready('alone')]);
  const dns = await cluster.current.virtual.get<Service>(resources.services, {
    namespace: 'kube-system',
    name: 'kube-dns',
  });
  const lines = async (name: string) => (await tenant.run(name, 'cat', '/etc/resolv.conf')).split('\n').sort();
  expect(await lines('configured')).toEqual([
    `nameserver ${dns.spec?.clusterIP}`,
    'nameserver 192.0.2.53',
    expect.stringMatching(/^options (ndots:2 edns0|edns0 ndots:2)$/),
    'search shop.svc.cluster.local svc.cluster.local cluster.local corp.example',
  ]);
  expect(await lines('alone')).toEqual([
    'nameserver 192.0.2.53',
    expect.stringMatching(/^options (ndots:2 edns0|edns0 ndots:2)$/),
    'search corp.example',
  ]);
});

test('host aliases are in /etc/hosts of a pod without subdomain', async () => {
  await tenant.createPod('hosted', spec({ hostAliases: [{ ip: '192.0.2.7', hostnames: ['seven.example'] }] }));
  await tenant.ready('hosted');
  expect(await tenant.run('hosted', 'cat', '/etc/hosts')).toContain('192.0.2.7\tseven.example');
  expect((await tenant.onHost<Pod>(resources.pods, 'hosted')).spec).not.toHaveProperty('initContainers');
});

test('variables name the services of the pod’s own namespace, unless the pod wants none', async () => {
  const service = await tenant.create<Service>(resources.services, 'api-server', {
    spec: {
      ports: [
        { name: 'http', port: 80 },
        { name: 'https', port: 443 },
      ],
    },
  });
  const elsewhere = { apiVersion: 'v1', kind: 'Service', metadata: { name: 'other', namespace: 'default' } };
  await cluster.current.virtual.create(resources.services, {
    ...elsewhere,
    spec: { ports: [{ port: 80 }] },
  } as never);
  await tenant.createPod('linked', spec());
  await tenant.createPod('unlinked', spec({ enableServiceLinks: false }));
  await Promise.all([tenant.ready('linked'), tenant.ready('unlinked')]);
  const address = service.spec?.clusterIP ?? '';
  const linked = await tenant.environment('linked');
  expect(Object.fromEntries([...linked].filter(([name]) => name.startsWith('API_SERVER_')))).toEqual({
    API_SERVER_SERVICE_HOST: address,
    API_SERVER_SERVICE_PORT: '80',
    API_SERVER_SERVICE_PORT_HTTP: '80',
    API_SERVER_SERVICE_PORT_HTTPS: '443',
    API_SERVER_PORT: `tcp://${address}:80`,
    API_SERVER_PORT_80_TCP: `tcp://${address}:80`,
    API_SERVER_PORT_80_TCP_PROTO: 'tcp',
    API_SERVER_PORT_80_TCP_PORT: '80',
    API_SERVER_PORT_80_TCP_ADDR: address,
    API_SERVER_PORT_443_TCP: `tcp://${address}:443`,
    API_SERVER_PORT_443_TCP_PROTO: 'tcp',
    API_SERVER_PORT_443_TCP_PORT: '443',
    API_SERVER_PORT_443_TCP_ADDR: address,
  });
  expect(linked.get('HOSTNAME')).toBe('linked');
  const unlinked = await tenant.environment('unlinked');
  for (const environment of [linked, unlinked]) {
    const services = [...environment.keys()].filter((name) => name.endsWith('_SERVICE_HOST'));
    expect(services.sort()).toEqual(
      environment === linked ? ['API_SERVER_SERVICE_HOST', 'KUBERNETES_SERVICE_HOST'] : ['KUBERNETES_SERVICE_HOST'],
    );
    expect(environment.get('KUBERNETES_SERVICE_HOST')).toBe(
      (await cluster.current.virtual.get<Service>(resources.services, { namespace: 'default', name: 'kubernetes' }))
        .spec?.clusterIP,
    );
  }
});

/** The quota's numbers, in thousandths of a CPU and in bytes, in the order of their names. */
function amounts(used: object): number[] {
  const units: Record<string, number> = { m: 1, '': 1000, Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30 };
  return Object.entries(used as Record<string, string>)
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([name, text]) => {
      const [, number = '', unit = ''] = /^(\d+)(\D*)$/.exec(text) ?? [];
      const factor = name.endsWith('memory') && unit === '' ? 1 : units[unit];
      if (factor === undefined) throw new Error(`${name} of the quota is ${text}`);
      return Number(number) * factor;
    });
}

/** Kills the sandbox container of a pod on the test bed's node. */
function killSandbox(uid: string): void {
  const found = readdirSync('/proc').filter((pid) => {
    try {
      return (
        /^\d+$/.test(pid) &&
        readFileSync(`/proc/${pid}/cmdline`, 'utf8').startsWith('/pause') &&
        readFileSync(`/proc/${pid}/cgroup`, 'utf8').includes(uid)
      );
    } catch {
      return false; // it has ended
    }
  });
  if (found.length !== 1) throw new Error(`pod ${uid} has ${found.length} sandboxes on this machine`);
  process.kill(Number(found[0]), 'SIGKILL');
}
