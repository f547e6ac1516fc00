import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Gateway } from '../../syncer/gateway';
import type { EgressFacts, GatewayOptions, PlacedPod, PodDirectory, TenantObjects } from '../../syncer/gateway';
import { registerResourceMetrics } from '../../syncer/bootstrap';
import { createLogger } from '../../syncer/engine';
import { KubeClient, resources } from '../../syncer/kube-client';
import { Issuer, createAuthority } from '../../syncer/pki';
import { POD_LAYOUT, egressSelectorConfiguration } from '../../syncer/pki/api-server-configuration';
import { hostName, nodeAddress, RESOURCE_METRICS_SERVICE, virtualNode } from '../../syncer/translation';
import { startApiServer } from '../host-cluster/api-server';
import type { RunningApiServer } from '../host-cluster/api-server';
import { resolveBinaries } from '../host-cluster/binaries';
import { startKubeletStandIn } from './kubelet-stand-in';
import type { KubeletStandIn } from './kubelet-stand-in';

// kubectl → virtual API server → gate → façade → host API server → a stand-in for the host's kubelet. All real but the last.
const identity = { name: 'vc1', hostNamespace: 'team-a' };
const NODE = 'worker-1';
const HOST_POD = hostName(identity, 'shop', 'web-0');
const validity = { notBefore: new Date(Date.now() - 60_000), notAfter: new Date(Date.now() + 86_400_000) };
const directory = mkdtempSync(join(tmpdir(), 'nestling-gateway-'));

let kubectl: string;
let host: RunningApiServer;
let virtual: RunningApiServer;
let kubelet: KubeletStandIn;
let gateway: Gateway;
let startGateway: () => Promise<void>;
let client: KubeClient;
let hostAdmin: KubeClient;
let hostClient: KubeClient;
let kubeletCA: string;
const refused: Record<string, unknown>[] = [];
const twin = { ...{ namespace: 'team-a', name: HOST_POD, uid: 'unknown' }, nodeName: NODE };
const twins: Map<string, typeof twin> = new Map([['shop/web-0', twin]]);
/** The virtual pods that have a twin, as the virtual cluster has them. */
const placed: PlacedPod[] = [];
const facts: EgressFacts & PodDirectory & TenantObjects = {
  nodeByAddress: (address) => (address === nodeAddress(NODE) ? NODE : undefined),
  isTenantPodIP: () => false,
  isTenantServiceIP: () => false,
  resolve: (namespace, name) => twins.get(`${namespace}/${name}`),
  known: true,
  placedPods: (node) => (node === undefined || node === NODE ? placed : []),
  placedPod: (namespace, name) =>
    placed.find(({ pod: { metadata } }) => `${metadata?.namespace}/${metadata?.name}` === `${namespace}/${name}`),
  ownNodes: () => [virtualNode(NODE, { architecture: 'amd64', kubeletVersion: 'v1.37.2' })],
};

beforeAll(async () => {
  ({ kubectl } = await resolveBinaries(['kubectl'], () => undefined));
  const file = (name: string, content: string): string => {
    writeFileSync(join(directory, name), content, { mode: 0o600 });
    return join(directory, name);
  };
  const authority = (name: string) => {
    const pair = createAuthority(name, validity);
    return { pair, ca: file(`${name}.crt`, pair.certificate), issuer: new Issuer(pair) };
  };
  const [nodes, clients, hostNodes] = [
    authority('kubelet-ca'),
    authority('kubelet-client-ca'),
    authority('host-kubelet-ca'),
  ];
  const apiServerAsClient = clients.issuer.issue(
    { commonName: 'kube-apiserver-kubelet-client', usages: ['client'] },
    validity,
  );
  const clientFlags = [
    `--kubelet-client-certificate=${file('kubelet-client.crt', apiServerAsClient.certificate)}`,
    `--kubelet-client-key=${file('kubelet-client.key', apiServerAsClient.key)}`,
  ];
  const serving = hostNodes.issuer.issue(
    { commonName: 'worker-1', addresses: ['127.0.0.1'], usages: ['server'] },
    validity,
  );
  kubelet = await startKubeletStandIn(serving, clients.pair.certificate);
  const socketPath = join(directory, 'egress.sock');
  const egress = file('egress.yaml', egressSelectorConfiguration({ ...POD_LAYOUT, egressSocket: socketPath }));

  [host, virtual] = await Promise.all([
    startApiServer({ name: 'host', flags: [`--kubelet-certificate-authority=${hostNodes.ca}`, ...clientFlags] }),
    startApiServer({
      name: 'virtual',
      flags: [
        `--kubelet-certificate-authority=${nodes.ca}`,
        ...clientFlags,
        `--egress-selector-config-file=${egress}`,
        '--enable-aggregator-routing=true',
      ],
    }),
  ]);
  client = new KubeClient(virtual.connection, { userAgent: 'test' });
  hostAdmin = new KubeClient(host.connection, { userAgent: 'test' });
  // Rights as the syncer's Role has them.
  hostClient = new KubeClient(host.connectionFor('syncer'), { userAgent: 'test', timeoutSeconds: 5 });
  kubeletCA = nodes.pair.certificate;
  await prepareHost(hostAdmin);
  await prepareVirtual();

  const logger = createLogger({ level: 'error', name: 'test' });
  startGateway = async () => {
    gateway = new Gateway({
      ...{ socketPath, facts, pods: facts, tenant: facts, kubeletCA: nodes.pair, clientCA: clients.pair.certificate },
      host: host.connectionFor('syncer'),
      resourceMetrics: {
        identity,
        host: hostClient,
        virtual: client,
        frontProxyCA: readFileSync(join(virtual.directory, 'pki', 'front-proxy-ca.crt'), 'utf8'),
        service: `${RESOURCE_METRICS_SERVICE.name}.${RESOURCE_METRICS_SERVICE.namespace}.svc`,
      },
      logger: Object.assign(Object.create(logger) as GatewayOptions['logger'], {
        warn: (details: Record<string, unknown>) => void refused.push(details),
      }),
    });
    await gateway.listen();
  };
  await startGateway();
});

afterAll(async () => {
  await Promise.all([client?.close(), hostAdmin?.close(), hostClient?.close()]);
  await gateway?.close();
  await Promise.all([virtual?.stop(), host?.stop(), kubelet?.close()]);
  rmSync(directory, { recursive: true, force: true });
});

const pod = { containers: [{ name: 'app', image: 'registry.k8s.io/pause:3.10' }], nodeName: NODE };
const running = (podIP: string) => ({
  phase: 'Running',
  podIP,
  podIPs: [{ ip: podIP }],
  containerStatuses: [
    {
      name: 'app',
      image: 'pause',
      imageID: '',
      ready: true,
      restartCount: 0,
      state: { running: { startedAt: '2026-01-01T00:00:00Z' } },
    },
  ],
});

async function prepareHost(admin: KubeClient): Promise<void> {
  await admin.create(resources.namespaces, { metadata: { name: 'team-a' } });
  await admin.create(resources.nodes, { metadata: { name: NODE } });
  const status = {
    addresses: [{ type: 'InternalIP', address: '127.0.0.1' }],
    daemonEndpoints: { kubeletEndpoint: { Port: kubelet.port } },
  };
  await admin.patch(resources.nodes, { name: NODE, type: 'merge', subresource: 'status' }, { status });
  await admin.create(resources.pods, { metadata: { name: HOST_POD, namespace: 'team-a' }, spec: pod });
  const at = { name: HOST_POD, namespace: 'team-a', subresource: 'status' };
  await admin.patch(resources.pods, { ...at, type: 'merge' }, { status: running('10.244.1.7') });
  const rbac = { group: 'rbac.authorization.k8s.io', version: 'v1', namespaced: true };
  await admin.create({ ...rbac, resource: 'roles', kind: 'Role' }, {
    metadata: { name: 'syncer', namespace: 'team-a' },
    rules: [
      { apiGroups: [''], resources: ['pods/log'], verbs: ['get'] },
      { apiGroups: ['metrics.k8s.io'], resources: ['pods'], verbs: ['list'] },
      { apiGroups: [''], resources: ['pods/exec', 'pods/attach', 'pods/portforward'], verbs: ['create', 'get'] },
    ],
  } as object);
  await admin.create({ ...rbac, resource: 'rolebindings', kind: 'RoleBinding' }, {
    metadata: { name: 'syncer', namespace: 'team-a' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'syncer' },
    subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'syncer' }],
  } as object);
}

async function prepareVirtual(): Promise<void> {
  await client.create(resources.namespaces, { metadata: { name: 'shop' } });
  const node = virtualNode(NODE, { architecture: 'amd64', kubeletVersion: 'v1.37.2' });
  await client.create(resources.nodes, node);
  await client.patch(resources.nodes, { name: NODE, type: 'merge', subresource: 'status' }, { status: node.status });
  for (const name of ['web-0', 'stranger']) {
    const metadata = { name, namespace: 'shop', labels: { app: name } };
    const made = await client.create(resources.pods, { metadata, spec: pod });
    if (name === 'web-0') placed.push({ pod: made, hostName: HOST_POD });
    const at = { name, namespace: 'shop', subresource: 'status' };
    await client.patch(resources.pods, { ...at, type: 'merge' }, { status: running('10.244.1.7') });
  }
}

interface Outcome {
  readonly code: number | null;
  readonly out: string;
  readonly error: string;
}

function run(args: readonly string[], options: { input?: string | Buffer; websockets?: boolean } = {}) {
  const child = spawn(kubectl, ['--kubeconfig', virtual.kubeconfigPath, '-n', 'shop', ...args], {
    env: {
      ...process.env,
      HOME: directory,
      KUBECTL_REMOTE_COMMAND_WEBSOCKETS: String(options.websockets ?? true),
      KUBECTL_PORT_FORWARD_WEBSOCKETS: String(options.websockets ?? true),
    },
  });
  let [out, error] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString('latin1')));
  child.stderr.on('data', (chunk: Buffer) => (error += String(chunk)));
  child.stdin.on('error', () => undefined).end(options.input ?? '');
  const done = new Promise<Outcome>((resolve) => child.on('close', (code) => resolve({ code, out, error })));
  return { child, done, output: () => out };
}

async function eventually(condition: () => boolean, what: string): Promise<void> {
  for (let i = 0; i < 500; i++) {
    if (condition()) return;
    await sleep(20);
  }
  throw new Error(`not within 10 s: ${what}`);
}

const asked = (): string => kubelet.requests.at(-1) ?? '';

test('kubectl logs reaches the host’s pod, with its options', async () => {
  kubelet.onLogs = (_request, response) => response.end('2026-01-01T00:00:00Z hello\n');
  const options = ['--previous', '--timestamps', '--tail=3', '--since=1h', '--limit-bytes=100'];
  expect(await run(['logs', 'web-0', ...options]).done).toEqual({
    code: 0,
    out: '2026-01-01T00:00:00Z hello\n',
    error: '',
  });
  expect(asked()).toMatch(new RegExp(`^GET /containerLogs/team-a/${HOST_POD}/app\\?`));
  const query = Object.fromEntries(new URL(asked().slice(4), 'https://node').searchParams);
  expect(query).toEqual({
    previous: 'true',
    timestamps: 'true',
    tailLines: '3',
    sinceSeconds: '3600',
    limitBytes: '100',
  });
});

test('kubectl logs -f shows lines as they come, and the kubelet’s request ends with it', async () => {
  let line = 0;
  let open = 0;
  kubelet.onLogs = (_request, response) => {
    open += 1;
    const timer = setInterval(() => response.write(`line ${(line += 1)}\n`), 20);
    response.on('close', () => {
      open -= 1;
      clearInterval(timer);
    });
  };
  const followers = Array.from({ length: 20 }, () => run(['logs', '-f', 'web-0']));
  await eventually(() => followers.every(({ output }) => output().split('\n').length > 5), 'lines arrive everywhere');
  expect(open).toBe(20);
  followers.forEach(({ child }) => child.kill());
  await Promise.all(followers.map(({ done }) => done));
  await eventually(() => open === 0, 'all requests end');
});

test('a kubelet’s refusal reaches kubectl in the tenant’s names', async () => {
  kubelet.onLogs = (_request, response) =>
    response.writeHead(400).end(`container "app" in pod "${HOST_POD}" has no logs`);
  const { code, error } = await run(['logs', 'web-0']).done;
  expect(code).toBe(1);
  expect(error).toContain('container "app" in pod "web-0" has no logs');
  expect(error).not.toContain(HOST_POD);
});

describe.each([
  ['WebSocket', true],
  ['SPDY', false],
])('over %s', (_name, websockets) => {
  test('kubectl exec runs the command with its output, errors and exit code', async () => {
    kubelet.onExec = (command) => ({ output: `ran ${command.join('|')}\n`, error: 'careful\n', exitCode: 3 });
    const { code, out, error } = await run(['exec', 'web-0', '--', 'sh', '-c', 'echo "a b" & exit 3'], { websockets })
      .done;
    expect([code, out]).toEqual([3, 'ran sh|-c|echo "a b" & exit 3\n']);
    expect(error).toContain('careful\n');
    expect(asked()).toMatch(new RegExp(`^POST /exec/team-a/${HOST_POD}/app\\?`));
  });

  test('kubectl exec -i passes its input on', async () => {
    const input = 'x'.repeat(3_000_000);
    kubelet.onExec = (command, received) => ({
      output: `${command.join(' ')} ${received.length} ${received.equals(Buffer.from(input))}`,
    });
    expect(await run(['exec', '-i', 'web-0', '--', 'cat'], { input, websockets }).done).toMatchObject({
      code: 0,
      out: 'cat 3000000 true',
    });
  });

  test('kubectl port-forward carries bytes there and back', async () => {
    const forward = run(['port-forward', 'pod/web-0', ':8080'], { websockets });
    await eventually(() => forward.output().includes('Forwarding from 127.0.0.1:'), 'forwarding');
    const port = Number(/127\.0\.0\.1:(\d+)/.exec(forward.output())?.[1]);
    const sent = Buffer.alloc(5_000_000, 'nestling');
    const socket = connect(port, '127.0.0.1');
    const received: Buffer[] = [];
    socket.end(sent);
    for await (const chunk of socket as AsyncIterable<Buffer>) received.push(chunk);
    expect(Buffer.concat(received).equals(sent)).toBe(true);
    forward.child.kill();
    await forward.done;
    expect(asked()).toMatch(new RegExp(`^POST /portForward/team-a/${HOST_POD}(\\?|$)`));
  });

  test('a pod that has no twin on the host does not exist', async () => {
    const before = kubelet.requests.length;
    const { code, error } = await run(['exec', 'stranger', '--', 'id'], { websockets }).done;
    expect(code).toBe(1);
    expect(error).toContain('pod does not exist');
    expect((await run(['logs', 'stranger']).done).error).toContain('NotFound');
    expect(kubelet.requests.length).toBe(before);
  });
});

test('through nodes/proxy only what the façade knows is served', async () => {
  kubelet.onLogs = (_request, response) => response.end('mine\n');
  const raw = (path: string) => run(['get', '--raw', `/api/v1/nodes/${NODE}${path}`]).done;
  expect(await raw('/proxy/containerLogs/shop/web-0/app')).toMatchObject({ code: 0, out: 'mine\n' });
  const before = kubelet.requests.length;
  const { items } = JSON.parse((await raw('/proxy/pods')).out) as { items: { metadata: { name: string } }[] };
  expect(items.map(({ metadata }) => metadata.name)).toEqual(['web-0']);
  expect((await raw('/proxy/stats/summary')).error).toContain('the host cluster has no metrics server');
  for (const path of ['/proxy/runningpods/', '/proxy/metrics', '/proxy/healthz', '/proxy/configz', '/proxy/logs/']) {
    expect(await raw(path)).toMatchObject({
      code: 1,
      error: expect.stringContaining('not provided by virtual nodes') as string,
    });
  }
  expect((await raw(`/proxy/containerLogs/team-a/${HOST_POD}/app`)).error).toContain('NotFound');
  expect((await raw('/proxy/containerLogs/shop/../../team-a/app')).code).toBe(1);
  expect((await raw(':9443/proxy/')).error).toContain('a virtual node answers on port 10250 alone');
  expect(kubelet.requests.length).toBe(before);
});

test('a node that a tenant makes with another address is not reached', async () => {
  await client.create(resources.nodes, { metadata: { name: 'fake' } });
  const status = {
    addresses: [{ type: 'InternalIP', address: '10.0.0.1' }],
    daemonEndpoints: { kubeletEndpoint: { Port: 6443 } },
  };
  await client.patch(resources.nodes, { name: 'fake', type: 'merge', subresource: 'status' }, { status });
  const { code, error } = await run(['get', '--raw', '/api/v1/nodes/fake/proxy/pods']).done;
  expect(code).toBe(1);
  expect(error).toContain('not a node, pod or service of this virtual cluster');
  expect(refused).toContainEqual(expect.objectContaining({ target: '"10.0.0.1:6443"', reason: 'forbidden' }));
});

test('a pod with an address that a tenant wrote is not reached', async () => {
  const at = { name: 'stranger', namespace: 'shop', subresource: 'status' };
  await client.patch(resources.pods, { ...at, type: 'merge' }, { status: running('10.1.2.3') });
  const { code, error } = await run(['get', '--raw', '/api/v1/namespaces/shop/pods/stranger:8080/proxy/']).done;
  expect(code).toBe(1);
  expect(error).toContain('not a node, pod or service of this virtual cluster');
  expect(refused).toContainEqual(expect.objectContaining({ target: '"10.1.2.3:8080"', reason: 'forbidden' }));
});

test.each([
  ['https://169.254.169.254/latest/meta-data', '169.254.169.254:443'],
  ['https://127.0.0.1:2379/', '127.0.0.1:2379'],
  ['https://localhost:6443/', 'localhost:6443'],
  ['https://[::1]:6443/', '[::1]:6443'],
  ['https://0x7f.1:6443/', '0x7f.1:6443'],
])('a tenant’s webhook at %s is refused at the gate', async (url, target) => {
  const webhooks = {
    group: 'admissionregistration.k8s.io',
    version: 'v1',
    resource: 'validatingwebhookconfigurations',
  };
  const type = { ...webhooks, kind: 'ValidatingWebhookConfiguration', namespaced: false };
  const name = 'hostile';
  await client.create(type, {
    metadata: { name },
    webhooks: [
      {
        ...{ name: 'hostile.example.com', clientConfig: { url }, failurePolicy: 'Fail', sideEffects: 'None' },
        rules: [{ apiGroups: [''], apiVersions: ['v1'], resources: ['configmaps'], operations: ['CREATE'] }],
        admissionReviewVersions: ['v1'],
      },
    ],
  } as object);
  try {
    const create = () => run(['create', 'configmap', 'probe', '--dry-run=server']).done;
    let outcome = await create();
    // The API server takes a moment to act on a new webhook.
    for (let i = 0; i < 100 && outcome.code === 0; i++) outcome = await create();
    expect(outcome.error).toContain('code 403');
    expect(outcome.error).toMatch(/not a node, pod or service of this virtual cluster|number form/);
    expect(refused.map((one) => one['target'])).toContain(JSON.stringify(target));
  } finally {
    await client.delete(type, { name });
  }
});

describe('metrics.k8s.io', () => {
  const stop = new AbortController();
  const API_SERVICE = 'v1beta1.metrics.k8s.io';
  const said: string[] = [];
  const register = (enabled = true) =>
    registerResourceMetrics({
      ...{
        enabled,
        certificateAuthority: kubeletCA,
        host: hostClient,
        virtual: client,
        signal: stop.signal,
        lookMs: 100,
      },
      logger: Object.assign(Object.create(createLogger({ level: 'error', name: 'test' })) as GatewayOptions['logger'], {
        info: (text: string) => void said.push(text),
      }),
    });
  const apiServices = async () => {
    const { items } = await client.list(resources.apiServices, { metadataOnly: true });
    return items.map(({ metadata }) => metadata?.name);
  };

  /** A host's metrics API, which a definition of its kinds stands in for: what the syncer asks is answered alike. */
  async function giveMetricsToHost(): Promise<void> {
    const names = { plural: 'pods', kind: 'PodMetrics', listKind: 'PodMetricsList', singular: 'podmetrics' };
    const schema = { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } };
    await hostAdmin.create(resources.customResourceDefinitions, {
      metadata: {
        name: 'pods.metrics.k8s.io',
        annotations: { 'api-approved.kubernetes.io': 'unapproved, for a test' },
      },
      spec: {
        ...{ group: 'metrics.k8s.io', scope: 'Namespaced', names },
        versions: [{ name: 'v1beta1', served: true, storage: true, schema }],
      },
    } as object);
    const type = {
      group: 'metrics.k8s.io',
      version: 'v1beta1',
      resource: 'pods',
      kind: 'PodMetrics',
      namespaced: true,
    };
    const create = (name: string, labels: Record<string, string>, cpu: string): Promise<unknown> =>
      hostAdmin.create(type, {
        metadata: { name, namespace: 'team-a', labels },
        timestamp: new Date().toISOString(),
        window: '15s',
        containers: [{ name: 'app', usage: { cpu, memory: '64Mi' } }],
      } as object);
    for (let i = 0; ; i++) {
      try {
        await create(HOST_POD, { 'nestling.dev/virtual-cluster': identity.name }, '250m');
        break;
      } catch (error) {
        if (i === 300) throw error;
        await sleep(100); // until the definition is served
      }
    }
    await create('somebody-elses', {}, '2');
  }

  afterAll(() => stop.abort());

  test('is registered once the host has metrics, and gives the tenant its own under its own names', async () => {
    const registered = register();
    await eventually(() => said.includes('the host has no metrics server: metrics.k8s.io waits for one'), 'it waits');
    expect(await apiServices()).not.toContain(API_SERVICE);
    await giveMetricsToHost();
    await registered;
    expect(await apiServices()).toContain(API_SERVICE);

    let outcome = await run(['top', 'pods', '--no-headers']).done;
    // The API server takes a moment to act on a new API.
    for (let i = 0; i < 100 && outcome.code !== 0; i++) outcome = await run(['top', 'pods', '--no-headers']).done;
    expect(outcome.error).toBe('');
    expect(outcome.out).toMatch(/^web-0 +250m +64Mi *\n$/);
    expect((await run(['top', 'pods', '-A', '--no-headers']).done).out).toMatch(/^shop +web-0 +250m +64Mi *\n$/);
    expect((await run(['top', 'pods', '-l', 'app=web-0', '--no-headers']).done).out).toContain('web-0');
    expect((await run(['top', 'pods', '-l', 'app!=web-0', '--no-headers']).done).out).toBe('');
    expect((await run(['top', 'nodes', '--no-headers']).done).out).toMatch(/^worker-1 +250m +1% +64Mi +0% *$/m);
    const summary = await run(['get', '--raw', `/api/v1/nodes/${NODE}/proxy/stats/summary`]).done;
    expect(summary.out).toContain('"podRef":{"name":"web-0","namespace":"shop"');
    expect(summary.out).not.toContain('team-a');
  });

  test('takes a reader’s rights from the virtual cluster', async () => {
    const { error } = await run(['top', 'pods', '--as', 'somebody']).done;
    expect(error).toContain('User "somebody" cannot list resource "pods" in API group "metrics.k8s.io"');
  });

  test('goes when it is switched off, and one that the tenant registered stays', async () => {
    await register(false);
    expect(await apiServices()).not.toContain(API_SERVICE);
    const { namespace, name } = RESOURCE_METRICS_SERVICE;
    await expect(client.get(resources.services, { namespace, name })).rejects.toThrow('not found');
    await expect(client.get(resources.endpointSlices, { namespace, name })).rejects.toThrow('not found');

    const service = { namespace: 'shop', name: 'adapter', port: 443 };
    const own = {
      metadata: { name: API_SERVICE },
      spec: {
        ...{ group: 'metrics.k8s.io', version: 'v1beta1', groupPriorityMinimum: 100, versionPriority: 100 },
        ...{ service, insecureSkipTLSVerify: true },
      },
    };
    await client.create(resources.apiServices, own as object);
    try {
      await register();
      expect(said).toContain('the tenant serves metrics.k8s.io itself');
      await register(false);
      expect(await client.get(resources.apiServices, { name: API_SERVICE })).toMatchObject({ spec: { service } });
    } finally {
      await client.delete(resources.apiServices, { name: API_SERVICE });
    }
  });
});

test('a gateway that starts again serves at once', async () => {
  kubelet.onLogs = (_request, response) => response.end('back\n');
  await gateway.close();
  expect((await run(['logs', 'web-0']).done).code).toBe(1);
  await startGateway();
  expect(await run(['logs', 'web-0']).done).toMatchObject({ code: 0, out: 'back\n' });
});
