import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { StatefulSet } from 'kubernetes-types/apps/v1';
import type { Namespace, Pod } from 'kubernetes-types/core/v1';
import { planCluster, SETTINGS_ANNOTATION } from '../../cli/cluster-objects';
import { apply, typed } from '../../cli/apply';
import type { CommandModule, Flags } from '../../cli/command';
import * as create from '../../cli/commands/create';
import * as diff from '../../cli/commands/diff';
import * as explain from '../../cli/commands/explain';
import * as rights from '../../cli/commands/rights';
import * as upgrade from '../../cli/commands/upgrade';
import { openHost, type HostCluster } from '../../cli/host';
import { Output } from '../../cli/output';
import { KubeClient, resources } from '../../syncer/kube-client';
import type { RunningApiServer } from '../host-cluster';
import { startApiServer } from '../host-cluster/api-server';
import { eventually } from '../virtual-cluster/eventually';

/** A host whose controllers run and whose pods never do: no node is there. */
let server: RunningApiServer;
let client: KubeClient;
const folder = mkdtempSync(join(tmpdir(), 'nestling-cli-lifecycle-'));

beforeAll(async () => {
  server = await startApiServer({ name: 'cli-lifecycle-host', controllers: ['*'] });
  client = new KubeClient(server.connection, { userAgent: 'nestling-test' });
}, 120_000);

afterAll(async () => {
  await client?.close();
  await server?.stop();
  rmSync(folder, { recursive: true, force: true });
}, 120_000);

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

/** What a command said, as data, and its exit code. */
interface Ran {
  readonly code: number;
  readonly data: Record<string, unknown> & { readonly changes: readonly Found[] };
  readonly said: string;
}

interface Found {
  readonly change: string;
  readonly kind: string;
  readonly name: string;
  readonly fields?: readonly { readonly path: string; readonly host?: unknown; readonly wanted?: unknown }[];
}

/** Runs a command in this process, as with `--output json` and no terminal. */
async function ran(
  module: CommandModule,
  namespace: string,
  args: readonly unknown[],
  flags: Flags = {},
  through: (client: KubeClient) => KubeClient = (same) => same,
): Promise<Ran> {
  let written = '';
  let said = '';
  let host: Promise<HostCluster> | undefined;
  const hostFlags = { kubeconfig: server.kubeconfigPath, namespace };
  const note = (text: string): void => void (said += `${text}\n`);
  try {
    const code = await module.run(
      {
        output: new Output('json', { write: (text: string) => (written += text) }),
        progress: { waiting: note, note, clear: () => undefined },
        stderr: { write: note },
        signal: new AbortController().signal,
        handOver: (work) => work(),
        hostFlags,
        host: () => (host ??= openHost(hostFlags).then((opened) => ({ ...opened, client: through(opened.client) }))),
      },
      args,
      flags,
    );
    return { code: code ?? 0, data: (written === '' ? {} : JSON.parse(written)) as Ran['data'], said };
  } finally {
    await (await host)?.client.close();
  }
}

const made = (namespace: string, name: string, flags: Flags = {}): Promise<Ran> =>
  ran(create, namespace, [name], { wait: false, timeout: '60', ...flags });
const upgraded = (namespace: string, name: string, flags: Flags = {}): Promise<Ran> =>
  ran(upgrade, namespace, [name], { wait: false, timeout: '60', ...flags });
const statefulSet = (namespace: string, name: string): Promise<StatefulSet> =>
  client.get<StatefulSet>(resources.statefulSets, { namespace, name });
/** A client that deletes in another way. */
function deletingBy(original: KubeClient, remove: KubeClient['delete']): KubeClient {
  return new Proxy(original, {
    get(target, property) {
      if (property === 'delete') return remove;
      const value: unknown = Reflect.get(target, property, target);
      return typeof value === 'function' ? (value as (...args: unknown[]) => unknown).bind(target) : value;
    },
  });
}

/** A StatefulSet, once it is as expected. */
async function until(namespace: string, name: string, expected: (set: StatefulSet) => boolean): Promise<StatefulSet> {
  return eventually(`StatefulSet ${namespace}/${name} is as expected`, async () => {
    const set = await statefulSet(namespace, name);
    return expected(set) ? set : undefined;
  });
}

/** Makes a pod ready in a kubelet's place. @param revision of the StatefulSet that it must be of */
async function ready(namespace: string, name: string, revision?: string): Promise<void> {
  const pod = await eventually(`pod ${namespace}/${name} is there`, async () => {
    const { items } = await client.list<Pod>(resources.pods, { namespace, fieldSelector: `metadata.name=${name}` });
    return items.find(
      ({ metadata }) => revision === undefined || metadata?.labels?.['controller-revision-hash'] === revision,
    );
  });
  await client.patch(
    resources.pods,
    { namespace, name, type: 'merge', subresource: 'status' },
    {
      metadata: { uid: pod.metadata?.uid },
      status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] },
    },
  );
}

const paths = (changes: readonly Found[], kind: string): string[] =>
  changes.filter((one) => one.kind === kind).flatMap(({ fields = [] }) => fields.map(({ path }) => path));

test('diff finds nothing in a cluster as it was made, and nothing in what others added', async () => {
  const settings = file(
    'vc.yaml',
    `isolation: { type: restricted }
sync: { fromHost: { nodes: allNodes }, toHost: { ingresses: { allowedHosts: ['*.apps.example.com'] } } }
exposure: { type: ingress, host: vc.example.com, passthrough: ingressNginx }
manifests: [{ apiVersion: v1, kind: Namespace, metadata: { name: apps } }]
`,
  );
  await made('diff-none', 'vc', { file: settings });
  expect(await ran(diff, 'diff-none', ['vc'])).toMatchObject({ code: 0, data: { differs: false, changes: [] } });
  await client.patch(
    resources.services,
    { namespace: 'diff-none', name: 'vc', type: 'merge' },
    { metadata: { annotations: { 'example.org/by': 'somebody' } } },
  );
  expect((await ran(diff, 'diff-none', ['vc'])).data.changes).toEqual([]);
}, 120_000);

test('diff tells what drifted, what is missing, and what settings would change, and writes nothing', async () => {
  const namespace = 'diff-some';
  await made(namespace, 'vc');
  await client.patch(resources.roles, { namespace, name: 'vc', type: 'merge' }, { rules: [] });
  await client.delete(resources.configMaps, { namespace, name: 'vc-configuration' });
  const drifted = await ran(diff, namespace, ['vc']);
  expect(drifted.code).toBe(1);
  expect(drifted.data.changes.map(({ change, kind, name }) => [change, kind, name])).toEqual([
    ['made', 'ConfigMap', 'vc-configuration'],
    ['changed', 'Role', 'vc'],
  ]);
  // An empty list is none for the host.
  expect(paths(drifted.data.changes, 'Role')).toEqual(['rules']);

  const other = await ran(diff, namespace, ['vc'], { expose: 'node-port' });
  const service = other.data.changes.find(({ kind }) => kind === 'Service');
  expect(service?.fields).toContainEqual({ path: 'spec.type', host: 'ClusterIP', wanted: 'NodePort' });
  const { spec } = await client.get(resources.services, { namespace, name: 'vc' });
  expect((spec as { type: string }).type).toBe('ClusterIP');
}, 120_000);

test('diff of what the command line did not make needs its settings, and fails with 2 without', async () => {
  const namespace = 'diff-foreign';
  await client.create<Namespace>(resources.namespaces, { metadata: { name: namespace } });
  const { objects } = await planCluster('vc', namespace, { store: 'ephemeral' });
  await apply(client, await typed(client, objects));
  await expect(ran(diff, namespace, ['vc'])).rejects.toMatchObject({
    exitCode: 2,
    message: expect.stringContaining('nestling create did not make it: give its settings with --file') as string,
  });
  await expect(ran(diff, namespace, ['other'])).rejects.toMatchObject({ exitCode: 2 });
  const same = file('foreign.yaml', 'store: ephemeral');
  expect((await ran(diff, namespace, ['vc'], { file: same })).code).toBe(0);
  await expect(upgraded(namespace, 'vc')).rejects.toThrow('give its settings with --file');
}, 120_000);

test('upgrade shows a plan, does nothing without a yes, then goes to the next minor and keeps the settings', async () => {
  const namespace = 'upgrade';
  await made(namespace, 'vc', { kubernetesVersion: '1.35', expose: 'node-port' });
  const before = await statefulSet(namespace, 'vc');
  const plan = await upgraded(namespace, 'vc', { plan: true });
  expect(plan).toMatchObject({
    code: 0,
    data: { from: '1.35.4', to: '1.36.3', restarts: true, applied: false, refused: [] },
  });
  expect(paths(plan.data.changes, 'StatefulSet')).toContain('spec.template.spec.containers[kube-apiserver].image');
  await expect(upgraded(namespace, 'vc')).rejects.toMatchObject({
    exitCode: 2,
    message: expect.stringContaining('run it again with --yes') as string,
  });
  expect((await statefulSet(namespace, 'vc')).metadata?.generation).toBe(before.metadata?.generation);

  const done = await upgraded(namespace, 'vc', { yes: true });
  expect(done).toMatchObject({ code: 0, data: { from: '1.35.4', to: '1.36.3', applied: true } });
  const anchor = await client.get(resources.configMaps, { namespace, name: 'vc-anchor' });
  expect(JSON.parse(anchor.metadata?.annotations?.[SETTINGS_ANNOTATION] ?? '')).toEqual({
    exposure: 'nodePort',
    version: '1.36.3',
  });
  expect((await ran(diff, namespace, ['vc'])).code).toBe(0);
  const again = await upgraded(namespace, 'vc', { kubernetesVersion: '1.36', yes: true });
  expect(again).toMatchObject({ code: 0, data: { applied: false, changes: [] } });
}, 120_000);

test('upgrade refuses what a running cluster cannot take, with the way to go', async () => {
  const namespace = 'refused';
  await made(namespace, 'vc', { kubernetesVersion: '1.35' });
  const jump = await upgraded(namespace, 'vc', { kubernetesVersion: '1.37', yes: true });
  expect(jump.code).toBe(1);
  expect(jump.data['refused']).toEqual([
    expect.stringMatching(/^version: "1\.37\.2": skips minors after 1\.35\.4.*first to 1\.36\.3, then to 1\.37\.2/),
  ]);
  const store = await upgraded(namespace, 'vc', { storeSize: '9Gi', yes: true });
  expect([store.code, store.data['refused']]).toEqual([
    1,
    [expect.stringMatching(/^store\.size: "9Gi": was "5Gi", which cannot be changed after creation/)],
  ]);
  const both = await upgraded(namespace, 'vc', { kubernetesVersion: '1.36', replicas: '3', yes: true });
  expect(both.data['refused']).toEqual([expect.stringContaining('set replicas to 1, then version to 1.36.3')]);
  expect((await ran(diff, namespace, ['vc'])).code).toBe(0);

  await client.patch(resources.statefulSets, { namespace, name: 'vc', type: 'merge' }, { spec: { replicas: 0 } });
  await expect(upgraded(namespace, 'vc')).rejects.toThrow('wake it first with nestling resume vc -n refused');
}, 120_000);

test('upgrade that was interrupted is gone on with, and no other minor follows one that has not run', async () => {
  const namespace = 'interrupted';
  await made(namespace, 'vc', { kubernetesVersion: '1.35' });
  await ready(namespace, 'vc-0');
  await until(namespace, 'vc', ({ status }) => status?.readyReplicas === 1);
  // Its new pod never runs: there is no node.
  await upgraded(namespace, 'vc', { yes: true });
  const again = await upgraded(namespace, 'vc', { yes: true });
  expect(again).toMatchObject({ code: 0, data: { from: '1.36.3', to: '1.36.3', applied: false, changes: [] } });
  const jump = await upgraded(namespace, 'vc', { kubernetesVersion: '1.37', yes: true });
  expect([jump.code, jump.data['refused']]).toEqual([
    1,
    [
      expect.stringMatching(
        /^version: "1\.37\.2": cannot follow 1\.36\.3 before all pods .*nestling upgrade vc -n interrupted/,
      ),
    ],
  ]);

  // Its pod is another one then, of the new template.
  const { status } = await until(namespace, 'vc', (set) => set.status?.currentRevision !== set.status?.updateRevision);
  await ready(namespace, 'vc-0', status?.updateRevision);
  await until(namespace, 'vc', (set) => set.status?.currentRevision === set.status?.updateRevision);
  const next = await upgraded(namespace, 'vc', { plan: true });
  expect(next.data).toMatchObject({ from: '1.36.3', to: '1.37.2', refused: [] });
}, 300_000);

test('upgrade takes away what the settings have no more, and nothing of others', async () => {
  const namespace = 'removal';
  const ingress = file('ingress.yaml', 'exposure: { type: ingress, host: vc.example.com, passthrough: ingressNginx }');
  await made(namespace, 'vc', { file: ingress });
  const names = async (): Promise<(string | undefined)[]> =>
    (await client.list(resources.ingresses, { namespace })).items.map(({ metadata }) => metadata?.name);
  const [own = ''] = await names();
  const spec = { defaultBackend: { service: { name: 'x', port: { number: 80 } } } };
  await client.create(resources.ingresses, {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'Ingress',
    metadata: { name: 'other', namespace },
    spec,
  });
  const done = await upgraded(namespace, 'vc', { expose: 'cluster-ip', yes: true });
  expect(done.data.changes).toContainEqual(expect.objectContaining({ change: 'removed', kind: 'Ingress', name: own }));
  expect(await names()).toEqual(['other']);
}, 120_000);

test('upgrade takes away what an interrupted one left, and what is gone by then is no failure', async () => {
  const namespace = 'removal-again';
  const ingress = file('removal.yaml', 'exposure: { type: ingress, host: vc.example.com, passthrough: ingressNginx }');
  await made(namespace, 'vc', { file: ingress });
  const names = async (): Promise<unknown[]> =>
    (await client.list(resources.ingresses, { namespace })).items.map(({ metadata }) => metadata?.name);
  const [own] = await names();
  const run = (remove: (original: KubeClient) => KubeClient['delete']): Promise<Ran> =>
    ran(upgrade, namespace, ['vc'], { expose: 'cluster-ip', yes: true, wait: false, timeout: '60' }, (original) =>
      deletingBy(original, remove(original)),
    );
  const cut = run(() => () => Promise.reject(new Error('the connection was cut')));
  await expect(cut).rejects.toThrow('the connection was cut');
  expect(await names()).toEqual([own]);

  const again = await run((original) => async (type, options) => {
    await original.delete(type, options);
    return original.delete(type, options);
  });
  expect(again.data.changes).toContainEqual(expect.objectContaining({ change: 'removed', kind: 'Ingress', name: own }));
  expect(await names()).toEqual([]);
  expect((await ran(diff, namespace, ['vc'])).code).toBe(0);
}, 120_000);

test('a cluster whose version this release does not run is brought to one that it runs', async () => {
  const namespace = 'old-version';
  await made(namespace, 'vc', { kubernetesVersion: '1.35' });
  await client.patch(
    resources.configMaps,
    { namespace, name: 'vc-anchor', type: 'merge' },
    { metadata: { annotations: { [SETTINGS_ANNOTATION]: JSON.stringify({ version: '1.35.3' }) } } },
  );
  await expect(ran(diff, namespace, ['vc'])).rejects.toMatchObject({
    exitCode: 2,
    message: expect.stringMatching(/has Kubernetes 1\.35\.3, .*nestling upgrade vc -n old-version/) as string,
  });
  expect((await ran(diff, namespace, ['vc'], { kubernetesVersion: '1.35' })).code).toBe(1);
  expect((await upgraded(namespace, 'vc', { plan: true })).data).toMatchObject({ to: '1.36.3', refused: [] });
  const { spec } = await statefulSet(namespace, 'vc');
  const containers = (spec?.template.spec?.containers ?? []).map((container) =>
    container.name === 'kube-apiserver' ? { ...container, image: 'registry.k8s.io/kube-apiserver:v1.35.3' } : container,
  );
  await client.patch(
    resources.statefulSets,
    { namespace, name: 'vc', type: 'merge' },
    { spec: { template: { spec: { containers } } } },
  );
  const done = await upgraded(namespace, 'vc', { expose: 'node-port', yes: true });
  expect(done.data).toMatchObject({ from: '1.35.3', to: '1.35.4', applied: true });
  expect((await ran(diff, namespace, ['vc'])).code).toBe(0);
}, 120_000);

test('upgrade of what the command line did not make refuses what cannot be changed, by what runs', async () => {
  const namespace = 'foreign-locked';
  await client.create<Namespace>(resources.namespaces, { metadata: { name: namespace } });
  const { objects } = await planCluster('vc', namespace, { store: 'ephemeral', clusterDomain: 'a.local' });
  await apply(client, await typed(client, objects));
  const domain = await upgraded(namespace, 'vc', { file: file('domain.yaml', 'store: ephemeral'), yes: true });
  expect([domain.code, domain.data['refused']]).toEqual([
    1,
    [expect.stringMatching(/^clusterDomain: "cluster\.local": was "a\.local", which cannot be changed/)],
  ]);
  const database = 'clusterDomain: a.local\nstore: { type: postgres, secretName: database }';
  const store = await upgraded(namespace, 'vc', { file: file('database.yaml', database), yes: true });
  expect([store.code, store.data['refused']]).toEqual([
    1,
    [expect.stringMatching(/^store\.type: "postgres": was "ephemeral", which cannot be changed/)],
  ]);
  const same = file('same.yaml', 'store: ephemeral\nclusterDomain: a.local');
  expect((await upgraded(namespace, 'vc', { file: same, plan: true })).data['refused']).toEqual([]);
  await client.delete(resources.configMaps, { namespace, name: 'vc-configuration' });
  await expect(upgraded(namespace, 'vc', { file: same, yes: true })).rejects.toThrow(
    /what virtual cluster vc cannot have changed is not known, and nothing is changed \(.*vc-configuration/,
  );
}, 120_000);

test('upgrade that does not come to an end tells what it waits for, and that it may be gone on with', async () => {
  const namespace = 'stuck';
  await made(namespace, 'vc');
  await expect(upgraded(namespace, 'vc', { expose: 'node-port', yes: true, wait: true, timeout: '1' })).rejects.toThrow(
    /virtual cluster vc was not renewed within 1 s: it waits for pod vc-0.*nestling upgrade vc -n stuck goes on/,
  );
}, 120_000);

test('explain and rights tell of a cluster that runs', async () => {
  const namespace = 'explained';
  await made(namespace, 'vc', { isolation: 'trusted' });
  const pod = file(
    'pod.yaml',
    '{ apiVersion: v1, kind: Pod, metadata: { name: a }, spec: { hostNetwork: true, containers: [{ name: a, image: a }] } }',
  );
  const { code, data } = await ran(explain, namespace, [pod], { cluster: 'vc' });
  expect([code, data]).toEqual([
    0,
    [expect.objectContaining({ outcome: 'synced', host: 'explained/a-x-default-x-vc' })],
  ]);
  const service = await client.get(resources.services, { namespace, name: 'vc' });
  expect(JSON.stringify(data)).toContain((service['spec'] as { clusterIP: string }).clusterIP);

  await client.create(resources.clusterRoleBindings, {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRoleBinding',
    metadata: { name: 'by-hand' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'view' },
    subjects: [{ kind: 'ServiceAccount', name: 'vc-workloads', namespace }],
  });
  const listed = (await ran(rights, namespace, ['vc'])).data as unknown as {
    who: string;
    role: string;
    namespace?: string;
  }[];
  expect(listed).toContainEqual(expect.objectContaining({ who: 'syncer', namespace, role: 'Role vc' }));
  expect(listed).toContainEqual(expect.objectContaining({ who: 'tenant pods', role: 'ClusterRole view' }));
}, 120_000);
