import * as k8s from '@pulumi/kubernetes';
import type { ComponentResourceOptions, ResourceTransformation } from '@pulumi/pulumi';
import type { EngineEvent, OpType, Stack } from '@pulumi/pulumi/automation';
import { join } from 'node:path';
import { Size } from 'cdk8s';
import type { Deployment } from 'kubernetes-types/apps/v1';
import type { Pod, ResourceQuota, Secret, Service } from 'kubernetes-types/core/v1';
import { Exposure, Isolation, KubernetesVersion, NodeSyncPolicy, Quota, Store } from '../../constructs';
import { buildImages } from '../../images';
import { VirtualCluster, type VirtualClusterArgs } from '../../pulumi-provider';
import { controlPlaneNames } from '../../syncer/configuration';
import { ApiError, KubeClient, resources, type AnyObject, type ResourceType } from '../../syncer/kube-client';
import { hostName } from '../../syncer/translation';
import { resolveBinaries, resolveHost, type Host } from '../host-cluster';
import { connectionOf } from '../pulumi-kubernetes/kubeconfig';
import { run } from '../host-cluster/command';
import { kubeconfigText } from '../host-cluster/kubeconfig';
import { Engine, noEngine } from '../pulumi-kubernetes';
import { PluginCluster } from '../pulumi-kubernetes/plugin-cluster';
import { eventually } from '../virtual-cluster';
import { contentsOf } from '../virtual-cluster/launch';

const missing = noEngine();
if (missing !== undefined) process.stderr.write(`skipped, for want of Pulumi's engine: ${missing}\n`);
const withEngine = missing === undefined ? describe : describe.skip;

const NAMESPACE = 'e2e-pulumi';
const PLUGIN_NAMESPACE = 'e2e-pulumi-plugin';
const NAME = 'vc';
const SHOP = 'shop';
const log = (): void => undefined;

/** What the program makes; each test changes what it is about. */
let settings: Partial<VirtualClusterArgs> = {
  version: KubernetesVersion.V1_36,
  store: Store.persistent({ size: Size.gibibytes(1) }),
  exposure: Exposure.nodePort(),
};
let options: ComponentResourceOptions = {};
let componentName = NAME;
let kubeconfigOfHost: string;

let host: Host;
let client: KubeClient;
let engine: Engine;
let stack: Stack;
/** All that the engine wrote. */
const written: string[] = [];

/** A platform's program: a namespace, a virtual cluster in it, and what a tenant runs there. */
async function program(): Promise<Record<string, unknown>> {
  const provider = new k8s.Provider('host', { kubeconfig: kubeconfigOfHost });
  const team = new k8s.core.v1.Namespace('team', { metadata: { name: NAMESPACE } }, { provider });
  const args = { name: NAME, namespace: team.metadata.name, ...settings };
  const cluster = new VirtualCluster(componentName, args, { provider, ...options });
  const inside = { provider: cluster.provider };
  const shop = new k8s.core.v1.Namespace(SHOP, { metadata: { name: SHOP } }, inside);
  const namespace = shop.metadata.name;
  const claim = new k8s.core.v1.PersistentVolumeClaim(
    'data',
    {
      metadata: { name: 'data', namespace },
      spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '16Mi' } } },
    },
    inside,
  );
  const labels = { app: 'web' };
  const web = new k8s.apps.v1.Deployment(
    'web',
    {
      metadata: { name: 'web', namespace },
      spec: {
        selector: { matchLabels: labels },
        template: {
          metadata: { labels },
          spec: {
            terminationGracePeriodSeconds: 1,
            containers: [
              {
                name: 'main',
                image: 'docker.io/library/busybox:1.35',
                command: ['sleep', '36000'],
                volumeMounts: [{ name: 'data', mountPath: '/data' }],
              },
            ],
            volumes: [{ name: 'data', persistentVolumeClaim: { claimName: claim.metadata.name } }],
          },
        },
      },
    },
    inside,
  );
  return {
    endpoint: cluster.endpoint,
    kubeconfig: cluster.kubeconfig,
    available: web.status.availableReplicas,
  };
}

/** What an operation does to resources: `same`, `create`, `update`, …, and the names of each. */
interface Done {
  readonly names: Partial<Record<OpType, string[]>>;
}

function watching(): { readonly done: Done; readonly options: object } {
  const names: Partial<Record<OpType, string[]>> = {};
  const onEvent = (event: EngineEvent): void => {
    const { op, urn } = event.resourcePreEvent?.metadata ?? {};
    if (op !== undefined) (names[op] ??= []).push(urn?.split('::').at(-1) ?? '');
    // Debug messages of Pulumi's own SDK hold what its calls answer, secrets too, in every program; nobody sees them without --debug.
    if ((event.diagnosticEvent?.severity as string | undefined) !== 'debug') written.push(JSON.stringify(event));
  };
  return {
    done: { names },
    options: { onEvent, onOutput: (text: string) => written.push(text), color: 'never' },
  };
}

async function up(): Promise<Done & { readonly outputs: Record<string, { value: unknown; secret: boolean }> }> {
  const { done, options: observed } = watching();
  const { outputs } = await stack.up(observed);
  return { ...done, outputs };
}

/** URN of any host object of that cluster: which comes first is chance, and the engine makes no others after it failed. */
const CHILD = /nestling:index:VirtualCluster\$kubernetes:[\w./:]+::my-vc1-/;

/** What the engine tells of a cluster that cannot be made. */
async function failing(kubeconfig: string, ...more: string[]): Promise<string> {
  const program = join(__dirname, '..', 'pulumi-kubernetes', 'failing-program.ts');
  const told = await run(process.execPath, [require.resolve('tsx/cli'), program, engine.home, kubeconfig, ...more]);
  expect(told).toContain('{"message":"failed"}');
  return told;
}

/** Names of what an operation did more to than look at. */
function changed({ names }: Done): Partial<Record<OpType, string[]>> {
  const quiet: readonly OpType[] = ['same', 'read', 'refresh'];
  return Object.fromEntries(
    Object.entries(names)
      .filter(([op]) => !quiet.includes(op as OpType))
      .map(([op, of]) => [op, of.sort()]),
  );
}

async function uid(type: ResourceType, name: string): Promise<string | undefined> {
  return (await client.get(type, { namespace: NAMESPACE, name })).metadata?.uid;
}

const twin = (name: string): string => hostName({ name: NAME, hostNamespace: NAMESPACE }, SHOP, name);

/** The tenant's pod on the host. */
async function tenantPod(): Promise<Pod> {
  const { items } = await client.list<Pod>(resources.pods, { namespace: NAMESPACE });
  const found = items.filter(({ metadata }) => metadata?.name?.startsWith('web-'));
  if (found.length !== 1) throw new Error(`${found.length} pods of Deployment web on the host`);
  return found[0]!;
}

/** UIDs of what has to stay whatever of the cluster is changed. */
async function lasting(): Promise<Record<string, string | undefined>> {
  const names = controlPlaneNames(NAME);
  return {
    pod: (await tenantPod()).metadata?.uid,
    claim: await uid(resources.persistentVolumeClaims, twin('data')),
    store: await uid(resources.persistentVolumeClaims, `data-${NAME}-0`),
    anchor: await uid(resources.configMaps, names.anchor),
    statefulSet: await uid(resources.statefulSets, NAME),
  };
}

async function quota(): Promise<ResourceQuota> {
  const { items } = await client.list<ResourceQuota>(resources.resourceQuotas, { namespace: NAMESPACE });
  if (items.length !== 1) throw new Error(`${items.length} quotas in the host namespace`);
  return items[0]!;
}

/** What of a Secret's value nobody may read: a line of a private key, or a token. */
function secretParts(value: string): string[] {
  const text = Buffer.from(value, 'base64').toString();
  const keyed = /client-key-data: "?([\w+/=]{64,})/.exec(text)?.[1];
  if (keyed !== undefined) return [keyed];
  if (!text.includes('PRIVATE KEY')) return [];
  const line = text.split('\n').find((one) => /^[\w+/]{64}$/.test(one));
  return [value, ...(line === undefined ? [] : [line])];
}

async function inside<T>(look: (virtual: KubeClient) => Promise<T>): Promise<T> {
  const { data } = await client.get<Secret>(resources.secrets, { namespace: NAMESPACE, name: `vc-${NAME}` });
  const text = Buffer.from(data?.['config'] ?? '', 'base64').toString();
  const virtual = new KubeClient(connectionOf(text), { userAgent: 'nestling-test' });
  try {
    return await look(virtual);
  } finally {
    await virtual.close();
  }
}

withEngine('with the real engine, a cluster', () => {
  beforeAll(async () => {
    host = await resolveHost({});
    kubeconfigOfHost = host.kubeconfigPath;
    client = new KubeClient(host.connection, { userAgent: 'nestling-test' });
    if (host.canImportImages) {
      const programs = await resolveBinaries(['kube-apiserver', 'kube-controller-manager'], log, undefined, '1.36');
      const older = await buildImages({
        names: ['kube-apiserver', 'kube-controller-manager'],
        binaries: (name) => Promise.resolve(programs[name as keyof typeof programs]),
        rename: (reference) => reference.replace(/:.*/, `:v${KubernetesVersion.V1_36.version}`),
        log,
      });
      for (const { archive } of older) await host.importImage(archive);
    }
    engine = await Engine.start(log);
    stack = await engine.stack('test', program);
  }, 1_800_000);

  afterAll(async () => {
    try {
      await stack?.destroy();
    } finally {
      await client?.delete(resources.namespaces, { name: NAMESPACE }).catch((error: unknown) => {
        if (!ApiError.is(error, 'NotFound')) throw error;
      });
      await client?.close();
      engine?.stop();
    }
  });

  test('comes up with its tenant in one program, and the Deployment runs on the real node', async () => {
    const { outputs } = await up();
    expect(outputs['available']?.value).toBe(1);
    expect(outputs['kubeconfig']?.secret).toBe(true);
    expect(outputs['endpoint']).toMatchObject({ secret: false, value: expect.stringMatching(/^https:\/\/.*:\d+$/) });
    const { spec, status } = await tenantPod();
    expect(spec?.nodeName).toBeTruthy();
    expect(status?.phase).toBe('Running');
    expect(spec?.containers[0]?.image).toBe('docker.io/library/busybox:1.35');
  });

  test('is the same in a second run', async () => {
    const done = await up();
    expect(changed(done)).toEqual({});
    expect(done.names.same).toContain('web');
  });

  test('has no key in plain text in its state or in what the engine says', async () => {
    const { items } = await client.list<Secret>(resources.secrets, { namespace: NAMESPACE });
    const keys = items.flatMap(({ metadata, data = {} }) =>
      Object.entries(data).flatMap(([key, value]) =>
        secretParts(value).map((part) => ({ part, of: `${key} of Secret ${metadata?.name}` })),
      ),
    );
    expect(keys.length).toBeGreaterThan(3);
    const state = engine.stored();
    expect(state).toContain(`${NAME}-stateful-set`);
    for (const [what, text] of Object.entries({ state, output: written.join('\n') })) {
      const found = keys.filter(({ part }) => text.includes(part)).map(({ of }) => `${of} in the ${what}`);
      expect(found).toEqual([]);
    }
    // They are there, for whoever has the passphrase.
    const decrypted = JSON.stringify(await stack.exportStack());
    expect(keys.some(({ part }) => decrypted.includes(part))).toBe(true);
  });

  test('keeps itself, and the pod and claim of the tenant, when exposure, quota and node policy change', async () => {
    const before = await lasting();
    settings = {
      ...settings,
      exposure: Exposure.nodePort({ port: 31_843 }),
      isolation: Isolation.baseline({ quota: Quota.of({ pods: 20 }) }),
      sync: { fromHost: { nodes: NodeSyncPolicy.real() } },
    };
    const done = await up();
    const { delete: deleted = [], create = [], 'create-replacement': replaced = [], update = [] } = changed(done);
    // The provider replaces a ConfigMap whose data changes.
    expect(replaced).toEqual([`${NAME}-configuration`]);
    expect(deleted).toEqual([]);
    expect(create).toEqual(expect.arrayContaining([`${NAME}-quota`, `${NAME}-cluster-role`]));
    expect(update).toEqual(expect.arrayContaining([`${NAME}-api-server-service`, `${NAME}-stateful-set`]));
    expect(await lasting()).toEqual(before);
    const service = await client.get<Service>(resources.services, { namespace: NAMESPACE, name: NAME });
    expect(service.spec?.ports?.[0]?.nodePort).toBe(31_843);
    // The control plane's own pods come on top.
    expect(Number((await quota()).spec?.hard?.['pods'])).toBeGreaterThanOrEqual(20);
    // The syncer writes the new address; from then on it is the program's, and nothing in the cluster is made anew for it.
    await eventually('the kubeconfig has the new port', async () => {
      const { outputs } = await up();
      return String(outputs['endpoint']?.value).endsWith(':31843');
    });
    expect(changed(await up())).toEqual({});
    expect(await lasting()).toEqual(before);
  });

  test('becomes a newer version with its data and pods', async () => {
    const before = await lasting();
    const version = async (): Promise<string> => {
      const text = await inside((virtual) => virtual.getText('/version'));
      return (JSON.parse(text) as { gitVersion: string }).gitVersion;
    };
    expect(await version()).toBe(`v${KubernetesVersion.V1_36.version}`);
    settings = { ...settings, version: KubernetesVersion.V1_37 };
    const done = await up();
    expect(changed(done).update).toContain(`${NAME}-stateful-set`);
    expect(await version()).toBe(`v${KubernetesVersion.V1_37.version}`);
    expect(await lasting()).toEqual(before);
    const web = await inside((virtual) =>
      virtual.get<Deployment>(resources.deployments, { namespace: SHOP, name: 'web' }),
    );
    expect(web.status?.availableReplicas).toBe(1);
  });

  test('is as it was after a refresh, which finds what was changed by hand', async () => {
    const { done: quiet, options: observed } = watching();
    await stack.refresh(observed);
    expect(quiet.names.delete ?? []).toEqual([]);
    expect(changed(await up())).toEqual({});

    const { metadata } = await quota();
    const name = metadata?.name ?? '';
    await client.delete(resources.resourceQuotas, { namespace: NAMESPACE, name });
    await stack.refresh();
    expect(changed(await up())).toEqual({ create: [`${NAME}-quota`] });
    expect((await quota()).metadata?.name).toBe(name);
  });

  test('stays under another name in the program, by an alias', async () => {
    const before = await lasting();
    componentName = 'team-cluster';
    options = { aliases: [{ name: NAME }] };
    expect(changed(await up())).toEqual({});
    expect(await lasting()).toEqual(before);
  });

  test('takes a transformation of its objects, also one that ignores changes', async () => {
    const before = await lasting();
    const label: ResourceTransformation = ({ props, opts, type }) => {
      if (type !== 'kubernetes:core/v1:Service' && type !== 'kubernetes:core/v1:ResourceQuota') return undefined;
      const { metadata, ...rest } = props as { metadata: { labels?: object } };
      const labels = { ...metadata.labels, 'example.org/cost-center': '42' };
      const ignoreChanges = type.endsWith('ResourceQuota') ? ['spec'] : [];
      return { props: { ...rest, metadata: { ...metadata, labels } }, opts: { ...opts, ignoreChanges } };
    };
    options = { ...options, transformations: [label] };
    settings = { ...settings, isolation: Isolation.baseline({ quota: Quota.of({ pods: 30 }) }) };
    const pods = (await quota()).spec?.hard?.['pods'];
    await up();
    const service = await client.get<Service>(resources.services, { namespace: NAMESPACE, name: NAME });
    expect(service.metadata?.labels).toMatchObject({ 'example.org/cost-center': '42' });
    const { metadata, spec } = await quota();
    expect(metadata?.labels).toMatchObject({ 'example.org/cost-center': '42' });
    expect(spec?.hard?.['pods']).toBe(pods);
    expect(await lasting()).toEqual(before);
  });

  test('is not destroyed while it is protected', async () => {
    const { store, anchor, statefulSet } = await lasting();
    options = { ...options, protect: true };
    try {
      await up();
      // What is not protected goes: here the tenant's own, which the program makes again.
      await expect(stack.destroy()).rejects.toThrow(/because it is protected/);
    } finally {
      options = { ...options, protect: false };
      await up();
    }
    expect(await lasting()).toMatchObject({ store, anchor, statefulSet });
  });

  test('says of wrong settings which component, field and value it is, and the remedy', async () => {
    const told = await failing(kubeconfigOfHost, '0');
    expect(told).toContain('urn:pulumi:failing::test::nestling:index:VirtualCluster::my-vc1:');
    expect(told).toContain('dns.replicas: 0: must be at least 1; to have no DNS server, set dns.enabled to false');
  });

  test('says of a host that cannot be reached which objects it could not make there', async () => {
    const nowhere = { ...host.connection, server: 'https://127.0.0.1:1' };
    const told = await failing(kubeconfigText('nowhere', nowhere));
    expect(told).toMatch(CHILD);
    expect(told).toMatch(/127\.0\.0\.1:1/);
  });

  test('says of rights that are missing on the host which, and for what', async () => {
    const account = { namespace: 'default', name: 'pulumi-without-rights' };
    await client.create(resources.serviceAccounts, { metadata: account });
    try {
      const request = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: {} };
      const { status } = await client.create(resources.serviceAccounts, request as AnyObject, {
        ...account,
        subresource: 'token',
      });
      const { server, certificateAuthority = '' } = host.connection;
      const { token } = status as { token: string };
      const told = await failing(kubeconfigText('no-rights', { server, certificateAuthority, token }));
      expect(told).toMatch(CHILD);
      expect(told).toMatch(/User \\?"system:serviceaccount:default:pulumi-without-rights\\?" cannot patch resource/);
    } finally {
      await client.delete(resources.serviceAccounts, account);
    }
  });

  test('leaves nothing when it is destroyed', async () => {
    const { done, options: observed } = watching();
    await stack.destroy(observed);
    expect(done.names.delete).toEqual(expect.arrayContaining(['web', 'team-cluster-stateful-set', 'team']));
    await expect(client.get(resources.namespaces, { name: NAMESPACE })).rejects.toMatchObject({ reason: 'NotFound' });
    expect(await contentsOf(client, NAMESPACE)).toEqual([]);
    const { deployment } = await stack.exportStack();
    expect((deployment as { resources?: unknown[] }).resources ?? []).toEqual([]);
  });

  test('comes from the plugin for other languages, too, which says by its path what is wrong', async () => {
    const other = await engine.stack('plugin', () => {
      const provider = new k8s.Provider('host', { kubeconfig: kubeconfigOfHost });
      const team = new k8s.core.v1.Namespace('team', { metadata: { name: PLUGIN_NAMESPACE } }, { provider });
      const settings = { store: 'ephemeral', exposure: { type: 'nodePort', port: 31_844 } };
      const args = { namespace: team.metadata.name, ...settings };
      const { endpoint, kubeconfig, provider: inside } = new PluginCluster('vc', args, { providers: [provider] });
      const made = inside.apply(
        (virtual) =>
          new k8s.core.v1.ConfigMap('made', { metadata: { name: 'made' } }, { provider: virtual }).metadata.uid,
      );
      return Promise.resolve({ endpoint, kubeconfig, made });
    });
    try {
      const { outputs } = await other.up();
      expect(outputs['endpoint']?.value).toMatch(/:31844$/);
      expect(outputs['kubeconfig']?.secret).toBe(true);
      expect(outputs['made']?.value).toMatch(/^[\da-f-]{36}$/);
    } finally {
      await other.destroy();
    }
    await expect(client.get(resources.namespaces, { name: PLUGIN_NAMESPACE })).rejects.toMatchObject({
      reason: 'NotFound',
    });
    const told = await failing(kubeconfigOfHost, '0', 'plugin');
    expect(told).toContain('dns.replicas');
    expect(told).toContain('0: must be at least 1; to have no DNS server, set dns.enabled to false');
  });
});
