import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Gateway } from '../../syncer/gateway';
import type { EgressFacts, GatewayOptions, PodDirectory } from '../../syncer/gateway';
import { createLogger } from '../../syncer/engine';
import { KubeClient, resources } from '../../syncer/kube-client';
import { Issuer, createAuthority } from '../../syncer/pki';
import { POD_LAYOUT, egressSelectorConfiguration } from '../../syncer/pki/api-server-configuration';
import { hostName, nodeAddress, virtualNode } from '../../syncer/translation';
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
const refused: Record<string, unknown>[] = [];
const twin = { ...{ namespace: 'team-a', name: HOST_POD, uid: 'unknown' }, nodeName: NODE };
const twins: Map<string, typeof twin> = new Map([['shop/web-0', twin]]);
const facts: EgressFacts & PodDirectory = {
  nodeByAddress: (address) => (address === nodeAddress(NODE) ? NODE : undefined),
  isTenantPodIP: () => false,
  isTenantServiceIP: () => false,
  resolve: (namespace, name) => twins.get(`${namespace}/${name}`),
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
      flags: [`--kubelet-certificate-authority=${nodes.ca}`, ...clientFlags, `--egress-selector-config-file=${egress}`],
    }),
  ]);
  client = new KubeClient(virtual.connection, { userAgent: 'test' });
  const admin = new KubeClient(host.connection, { userAgent: 'test' });
  try {
    await prepareHost(admin);
  } finally {
    await admin.close();
  }
  await prepareVirtual();

  const logger = createLogger({ level: 'error', name: 'test' });
  startGateway = async () => {
    gateway = new Gateway({
      ...{ socketPath, facts, pods: facts, kubeletCA: nodes.pair, clientCA: clients.pair.certificate },
      // Rights as the syncer's Role has them.
      host: host.connectionFor('syncer'),
      logger: Object.assign(Object.create(logger) as GatewayOptions['logger'], {
        warn: (details: Record<string, unknown>) => void refused.push(details),
      }),
    });
    await gateway.listen();
  };
  await startGateway();
});

afterAll(async () => {
  await client?.close();
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
    await client.create(resources.pods, { metadata: { name, namespace: 'shop' }, spec: pod });
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
  for (const path of ['/proxy/pods', '/proxy/stats/summary', '/proxy/metrics', '/proxy/healthz', '/proxy/configz']) {
    expect(await raw(path)).toMatchObject({
      code: 1,
      error: expect.stringContaining('not provided by virtual nodes yet') as string,
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

test('a gateway that starts again serves at once', async () => {
  kubelet.onLogs = (_request, response) => response.end('back\n');
  await gateway.close();
  expect((await run(['logs', 'web-0']).done).code).toBe(1);
  await startGateway();
  expect(await run(['logs', 'web-0']).done).toMatchObject({ code: 0, out: 'back\n' });
});
