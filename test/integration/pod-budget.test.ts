import type { Pod } from 'kubernetes-types/core/v1';
import { KubeClient, resources } from '../../syncer/kube-client';
import type { RequestCount } from '../../syncer/kube-client';
import { startApiServer } from '../host-cluster';
import type { RunningApiServer } from '../host-cluster';
import { eventually } from '../virtual-cluster/eventually';
import { HostNode } from './host-node';
import { HOST_NAMESPACE, prepareHost, startSyncer } from './in-process-syncer';
import type { InProcessSyncer } from './in-process-syncer';
import { testedVersions } from './tested-versions';

const CONTROLLERS = ['serviceaccount-controller', 'root-ca-certificate-publisher-controller', 'namespace-controller'];

let servers: { host: RunningApiServer; virtual: RunningApiServer };
let host: KubeClient;
let virtual: KubeClient;
let node: HostNode;
let syncer: InProcessSyncer;

beforeAll(async () => {
  const versions = testedVersions();
  const [hostServer, virtualServer] = await Promise.all([
    startApiServer({ name: 'host', version: versions.host }),
    startApiServer({ name: 'virtual', version: versions.virtual, controllers: CONTROLLERS }),
  ]);
  servers = { host: hostServer, virtual: virtualServer };
  host = new KubeClient(hostServer.connection, { userAgent: 'test' });
  virtual = new KubeClient(virtualServer.connection, { userAgent: 'test' });
  await prepareHost(host);
  node = new HostNode(host, HOST_NAMESPACE);
  node.start();
  syncer = await startSyncer({ host: hostServer.connection, virtual: virtualServer.connection });
  await syncer.synced();
  await virtual.create(resources.services, {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'kube-dns', namespace: 'kube-system' },
    spec: { selector: { 'k8s-app': 'kube-dns' }, ports: [{ name: 'dns', port: 53, protocol: 'UDP' }] },
  });
  await eventually('the default ServiceAccount and the root certificate of namespace default', async () => {
    await virtual.get(resources.serviceAccounts, { namespace: 'default', name: 'default' });
    return virtual.get(resources.configMaps, { namespace: 'default', name: 'kube-root-ca.crt' });
  });
  // The first pod pays for what all pods of the namespace share: the node and the root certificate.
  await runPod('first');
});

afterAll(async () => {
  await syncer?.stop();
  await node?.stop();
  await host?.close();
  await virtual?.close();
  await servers?.host.stop();
  await servers?.virtual.stop();
});

const podOf = (name: string): Promise<Pod> => virtual.get<Pod>(resources.pods, { namespace: 'default', name });

async function runPod(name: string): Promise<void> {
  await virtual.create(resources.pods, {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'default', labels: { app: name } },
    spec: { terminationGracePeriodSeconds: 5, containers: [{ name: 'main', image: 'example.org/main:1' }] },
  });
  await eventually(`pod ${name} is Running in the virtual cluster`, async () => {
    const pod = await podOf(name);
    if (pod.status?.phase === 'Running' && pod.spec?.nodeName === node.name) return true;
    throw new Error(JSON.stringify(pod.status));
  });
}

async function deletePod(name: string): Promise<void> {
  await virtual.delete(resources.pods, { namespace: 'default', name });
  await eventually(`pod ${name} is gone from both sides`, async () => {
    const [here, there] = await Promise.all([
      virtual.list<Pod>(resources.pods, { namespace: 'default' }),
      host.list<Pod>(resources.pods, { namespace: HOST_NAMESPACE }),
    ]);
    return ![...here.items, ...there.items].some((pod) => pod.metadata?.name?.startsWith(name));
  });
}

/** What was requested since a snapshot, without watches: `verb resource` → how often. */
function since(before: readonly RequestCount[], client: KubeClient): Record<string, number> {
  const earlier = new Map(before.map((entry) => [`${entry.verb} ${entry.resource}`, entry.sent]));
  return Object.fromEntries(
    client.requests
      .entries()
      .map(
        (entry) =>
          [
            `${entry.verb} ${entry.resource}`,
            entry.sent - (earlier.get(`${entry.verb} ${entry.resource}`) ?? 0),
          ] as const,
      )
      .filter(([key, sent]) => sent > 0 && !key.startsWith('watch ')),
  );
}

const snapshot = (client: KubeClient): readonly RequestCount[] =>
  client.requests.entries().map((entry) => ({ ...entry }));

test('a pod that is created, runs and goes costs the host one create, one delete and one Secret, and the virtual side one binding, one TokenRequest and one status write per visible change', async () => {
  const [hostBefore, virtualBefore] = [snapshot(syncer.host), snapshot(syncer.virtual)];
  await runPod('counted');
  await deletePod('counted');
  expect(since(hostBefore, syncer.host)).toEqual({ 'create pods': 1, 'create secrets': 1, 'delete pods': 1 });
  const spent = since(virtualBefore, syncer.virtual);
  const { 'patch pods/status': statusWrites = 0, ...rest } = spent;
  expect(rest).toEqual({ 'create pods/binding': 1, 'create serviceaccounts/token': 1, 'delete pods': 1 });
  // Scheduled (with the binding itself), running; the end is the delete.
  expect(statusWrites).toBeLessThanOrEqual(2);
});

test('nothing is requested while nothing changes', async () => {
  await new Promise((resolve) => setTimeout(resolve, 500));
  const [hostBefore, virtualBefore] = [snapshot(syncer.host), snapshot(syncer.virtual)];
  await new Promise((resolve) => setTimeout(resolve, 5_000));
  expect(since(hostBefore, syncer.host)).toEqual({});
  expect(since(virtualBefore, syncer.virtual)).toEqual({});
});

test('a restarted syncer writes nothing when both sides agree', async () => {
  await syncer.stop();
  syncer = await startSyncer({ host: servers.host.connection, virtual: servers.virtual.connection });
  await syncer.synced();
  await new Promise((resolve) => setTimeout(resolve, 2_000));
  for (const client of [syncer.host, syncer.virtual]) {
    const writes = client.requests
      .entries()
      .filter(({ verb }) => ['create', 'patch', 'update', 'delete'].includes(verb));
    expect(writes.map(({ verb, resource }) => `${verb} ${resource}`)).toEqual([]);
  }
});

test('a host pod that vanished after it ran takes its virtual pod with it', async () => {
  const pod = await podOf('first');
  const [twin] = (await host.list<Pod>(resources.pods, { namespace: HOST_NAMESPACE })).items.filter(({ metadata }) =>
    metadata?.name?.startsWith('first-'),
  );
  await host.delete(resources.pods, {
    namespace: HOST_NAMESPACE,
    name: twin?.metadata?.name ?? '',
    gracePeriodSeconds: 0,
  });
  await eventually('the virtual pod is gone', async () => {
    const list = await virtual.list<Pod>(resources.pods, { namespace: 'default' });
    return !list.items.some(({ metadata }) => metadata?.uid === pod.metadata?.uid);
  });
});
