import type { Deployment } from 'kubernetes-types/apps/v1';
import type { Endpoints, Event, Pod, Service } from 'kubernetes-types/core/v1';
import type { EndpointSlice } from 'kubernetes-types/discovery/v1';
import type { PodDisruptionBudget } from 'kubernetes-types/policy/v1';
import { ApiError, KubeClient, resources } from '../../syncer/kube-client';
import { hostName } from '../../syncer/translation';
import { resolveHost } from '../host-cluster';
import { eventually, exec } from '../virtual-cluster';
import { useVirtualCluster } from './virtual-cluster';

const BUSYBOX = 'docker.io/library/busybox:1.35';
const NAMESPACE = 'shop';
const PORT = { name: 'http', port: 8080, protocol: 'TCP' };
const cluster = useVirtualCluster('endpoints');

const nameOnHost = (name: string): string =>
  hostName({ name: cluster.current.name, hostNamespace: cluster.current.namespace }, NAMESPACE, name);

/** A container that answers with a word on port 8080. */
const server = (word: string) => ({
  name: 'main',
  image: BUSYBOX,
  command: ['sh', '-c', `mkdir /tmp/www && echo ${word} > /tmp/www/index.html && exec httpd -f -p 8080 -h /tmp/www`],
});

const pod = (name: string, containers: NonNullable<Pod['spec']>['containers']): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: NAMESPACE },
  spec: { terminationGracePeriodSeconds: 1, containers },
});

const running = (name: string): Promise<Pod> =>
  eventually(`pod ${name} runs`, async () => {
    const found = await cluster.current.virtual.get<Pod>(resources.pods, { namespace: NAMESPACE, name });
    if (found.status?.phase !== 'Running') throw new Error(JSON.stringify(found.status));
    return found;
  });

const service = (name: string): Service => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name, namespace: NAMESPACE },
  spec: { ports: [{ name: 'http', port: 80, targetPort: 8080 }] },
});

const slice = (name: string, addresses: readonly string[]): EndpointSlice => ({
  apiVersion: 'discovery.k8s.io/v1',
  kind: 'EndpointSlice',
  metadata: { name, namespace: NAMESPACE, labels: { 'kubernetes.io/service-name': name } },
  addressType: 'IPv4',
  endpoints: addresses.map((address) => ({ addresses: [address] })),
  ports: [PORT],
});

/** What the client gets from a Service, by its name and so by its ClusterIP. */
async function answer(name: string): Promise<string> {
  const target = { namespace: NAMESPACE, pod: 'client' };
  const command = ['timeout', '3', 'wget', '-q', '-O', '-', `http://${name}`];
  const { stdout, stderr, exitCode } = await exec(cluster.current.kubeconfigPath, target, command);
  if (exitCode !== 0) throw new Error(`wget exits with ${exitCode}: ${stderr}`);
  return stdout.trim();
}

const answers = (name: string, word: string): Promise<boolean> =>
  eventually(`Service ${name} answers ${word}`, async () => (await answer(name)) === word);

/** Addresses that the host's proxies forward a Service to. */
async function addressesOnHost(name: string): Promise<string[]> {
  const { items } = await cluster.current.host.list<EndpointSlice>(resources.endpointSlices, {
    namespace: cluster.current.namespace,
    labelSelector: `kubernetes.io/service-name=${nameOnHost(name)}`,
  });
  return items.flatMap(({ endpoints }) => (endpoints ?? []).flatMap(({ addresses }) => addresses)).sort();
}

const event = (name: string, reason: string): Promise<Event> =>
  eventually(`event ${reason} about ${name}`, async () => {
    const fieldSelector = `reason=${reason}`;
    const { items } = await cluster.current.virtual.list<Event>(resources.events, {
      namespace: NAMESPACE,
      fieldSelector,
    });
    return items.find(({ involvedObject }) => involvedObject.name?.startsWith(name));
  });

beforeAll(async () => {
  const { virtual } = cluster.current;
  await virtual.create(resources.namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } });
  await eventually('the default service account', () =>
    virtual.get(resources.serviceAccounts, { namespace: NAMESPACE, name: 'default' }),
  );
  await virtual.create<Pod>(
    resources.pods,
    pod('client', [{ name: 'main', image: BUSYBOX, command: ['sleep', '3600'] }]),
  );
  await running('client');
});

test('a Service without selector leads to an own pod that an EndpointSlice names, until that pod is gone', async () => {
  const { virtual } = cluster.current;
  await virtual.create<Pod>(resources.pods, pod('backend', [server('sliced')]));
  const ip = (await running('backend')).status?.podIP ?? '';
  await virtual.create<Service>(resources.services, service('manual'));
  await virtual.create<EndpointSlice>(resources.endpointSlices, slice('manual', [ip]));
  await answers('manual', 'sliced');
  await virtual.delete(resources.pods, { namespace: NAMESPACE, name: 'backend' });
  await eventually('the host forwards it nowhere', async () => (await addressesOnHost('manual')).length === 0);
  expect((await event('manual', 'PolicyViolation')).message).toContain(ip);
});

test('a Service without selector leads to an own pod that Endpoints name', async () => {
  const { virtual } = cluster.current;
  await virtual.create<Pod>(resources.pods, pod('old-backend', [server('legacy')]));
  const ip = (await running('old-backend')).status?.podIP ?? '';
  await virtual.create<Service>(resources.services, service('legacy'));
  await virtual.create<Endpoints>(resources.endpoints, {
    apiVersion: 'v1',
    kind: 'Endpoints',
    metadata: { name: 'legacy', namespace: NAMESPACE },
    subsets: [{ addresses: [{ ip }], ports: [PORT] }],
  });
  await answers('legacy', 'legacy');
});

test('no address leads to cloud metadata, the host’s API server or a node', async () => {
  const { host, virtual } = cluster.current;
  await virtual.create<Service>(resources.services, service('foreign'));
  // Refused by the virtual API server itself: no request of the syncer is needed.
  const refusal = virtual.create<EndpointSlice>(resources.endpointSlices, slice('foreign', ['169.254.169.254']));
  await expect(refusal).rejects.toThrow(/link-local/);
  const api = await host.get<Service>(resources.services, { namespace: 'default', name: 'kubernetes' });
  const node = (await running('client')).status?.hostIP ?? '';
  const addresses = [api.spec?.clusterIP ?? '', node];
  await virtual.create<EndpointSlice>(resources.endpointSlices, slice('foreign', addresses));
  const { message } = await event('foreign', 'PolicyViolation');
  for (const address of addresses) expect(message).toContain(address);
  expect(message).toContain('sync.toHost.endpointSlices.allowedRanges');
  expect(await addressesOnHost('foreign')).toEqual([]);
  await expect(answer('foreign')).rejects.toThrow();
});

test('the host evicts no more pods than a PodDisruptionBudget of the tenant lets it', async () => {
  const { namespace, virtual } = cluster.current;
  // As `kubectl drain` does, but without the patience of a client that tries again when it is told to wait.
  const drain = new KubeClient((await resolveHost({})).connection, { userAgent: 'nestling-drain', timeoutSeconds: 1 });
  const evict = async (name: string): Promise<number> => {
    try {
      const eviction = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name, namespace } };
      await drain.create(resources.pods, eviction, { name, namespace, subresource: 'eviction' });
      return 201;
    } catch (error) {
      if (error instanceof ApiError) return error.status;
      throw error;
    }
  };
  const labels = { app: 'guarded' };
  await virtual.create<Deployment>(resources.deployments, {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'guarded', namespace: NAMESPACE },
    spec: {
      replicas: 2,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { terminationGracePeriodSeconds: 1, containers: [server('guarded')] } },
    },
  });
  await virtual.create<PodDisruptionBudget>(resources.podDisruptionBudgets, {
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata: { name: 'guarded', namespace: NAMESPACE },
    spec: { maxUnavailable: 0, selector: { matchLabels: labels } },
  });
  const at = { namespace: NAMESPACE, name: 'guarded' };
  const allows = (disruptionsAllowed: number) =>
    eventually(`both sides allow ${disruptionsAllowed} of 2 pods to be disrupted`, async () => {
      const budgets = await Promise.all([
        virtual.get<PodDisruptionBudget>(resources.podDisruptionBudgets, at),
        cluster.current.host.get<PodDisruptionBudget>(resources.podDisruptionBudgets, {
          namespace,
          name: nameOnHost('guarded'),
        }),
      ]);
      for (const { status } of budgets) expect(status).toMatchObject({ currentHealthy: 2, disruptionsAllowed });
      return true;
    });
  const pods = async (): Promise<string[]> => {
    const { items } = await virtual.list<Pod>(resources.pods, { namespace: NAMESPACE, labelSelector: 'app=guarded' });
    return items.map(({ metadata }) => metadata?.name ?? '');
  };
  try {
    await allows(0);
    const [victim = ''] = await pods();
    expect(await evict(nameOnHost(victim))).toBe(429);
    expect(await pods()).toContain(victim);
    const spec = { maxUnavailable: 1 };
    await virtual.patch(resources.podDisruptionBudgets, { ...at, type: 'merge' }, { spec });
    await allows(1);
    expect(await evict(nameOnHost(victim))).toBe(201);
    await eventually('the Deployment has another pod in its place', async () => {
      const left = await pods();
      return left.length === 2 && !left.includes(victim);
    });
    await allows(1);
  } finally {
    await drain.close();
  }
});

test('the address of a load balancer comes back when the host has one', async () => {
  const { host, namespace, virtual } = cluster.current;
  const spec = { ...service('balanced').spec, type: 'LoadBalancer' };
  await virtual.create<Service>(resources.services, { ...service('balanced'), spec });
  const status = { loadBalancer: { ingress: [{ ip: '203.0.113.9', ipMode: 'VIP' }] } };
  const at = { namespace, name: nameOnHost('balanced'), subresource: 'status', type: 'merge' } as const;
  await host.patch(resources.services, at, { status });
  await eventually('the virtual Service shows it', async () => {
    const found = await virtual.get<Service>(resources.services, { namespace: NAMESPACE, name: 'balanced' });
    expect(found.status).toMatchObject(status);
    return true;
  });
});
