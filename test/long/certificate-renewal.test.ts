import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { promisify } from 'node:util';
import { Duration } from 'cdk8s';
import type { Pod, Secret, Service } from 'kubernetes-types/core/v1';
import { resources } from '../../syncer/kube-client';
import { idle, Tenant } from '../e2e/tenant';
import { useVirtualCluster } from '../e2e/virtual-cluster';
import { resolveBinaries } from '../host-cluster';
import { eventually } from '../virtual-cluster';

const cluster = useVirtualCluster('certificates', { certificateLifetime: Duration.minutes(2) });
const tenant = new Tenant(cluster, 'shop');
const directory = mkdtempSync(join(tmpdir(), 'nestling-certificates-'));
let program = '';
/** Where the API server is reached from here. */
let address = '';

beforeAll(async () => {
  program = (await resolveBinaries(['kubectl'], () => undefined)).kubectl;
  const { host, name, namespace } = cluster.current;
  const service = await host.get<Service>(resources.services, { namespace, name });
  address = service.spec?.clusterIP ?? '';
  await tenant.prepare();
  const counting = 'i=0; while sleep 1; do i=$((i+1)); echo line $i; done';
  await tenant.createPod('web', { containers: [idle('main', { command: ['sh', '-c', counting] })] });
  await tenant.phase('web', 'Running', 100);
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** A file with the kubeconfig that is in the Secret now. */
async function kubeconfig(file: string): Promise<string> {
  const { host, name, namespace } = cluster.current;
  const { data = {} } = await host.get<Secret>(resources.secrets, { namespace, name: `vc-${name}` });
  const text = Buffer.from(data['config'] ?? '', 'base64').toString();
  const path = join(directory, file);
  writeFileSync(path, text.replace(/server: .*/, `server: https://${address}:443`), { mode: 0o600 });
  return path;
}

async function kubectl(file: string, ...args: string[]): Promise<string> {
  const command = ['--kubeconfig', file, '--request-timeout=10s', '-n', 'shop', ...args];
  return (await promisify(execFile)(program, command)).stdout;
}

/** kubectl that goes on, and what it has written. */
function follow(file: string, ...args: string[]): { readonly child: ChildProcess; readonly lines: () => string[] } {
  const child = spawn(program, ['--kubeconfig', file, '-n', 'shop', ...args]);
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
  return { child, lines: () => text.split('\n').slice(0, -1) };
}

/** The certificate that the API server shows. */
function served(): Promise<X509Certificate> {
  return new Promise((resolve, reject) => {
    // Whether it is trusted, kubectl says.
    const socket = connect({ host: address, port: 443, rejectUnauthorized: false });
    socket.once('error', reject);
    socket.once('secureConnect', () => {
      resolve(new X509Certificate(socket.getPeerCertificate().raw));
      socket.destroy();
    });
  });
}

const controlPlane = () => {
  const { host, name, namespace } = cluster.current;
  return host.get<Pod>(resources.pods, { namespace, name: `${name}-0` });
};

test('certificates of two minutes are renewed under an open watch and an open logs -f, and nothing restarts', async () => {
  const before = await served();
  const first = await kubeconfig('first');
  const logs = follow(first, 'logs', '-f', 'web');
  const watch = follow(first, 'get', 'pods', '--watch', '--output=jsonpath={.metadata.labels.seen}{"\\n"}');
  try {
    await eventually('lines of the log', () => Promise.resolve(logs.lines().length > 0));
    await eventually(
      'the first certificate has ended',
      () => Promise.resolve(Date.now() > before.validToDate.getTime()),
      150,
    );
    const after = await eventually('another certificate', async () => {
      const now = await served();
      return now.fingerprint256 !== before.fingerprint256 && now.validToDate.getTime() > Date.now() && now;
    });
    expect(after.validToDate.getTime()).toBeGreaterThan(before.validToDate.getTime());
    // Whoever takes the kubeconfig anew goes on; the first one has ended.
    const second = await kubeconfig('second');
    await eventually('an answer to the new kubeconfig', () =>
      kubectl(second, 'label', 'pod', 'web', 'seen=after', '--overwrite'),
    );
    await expect(kubectl(first, 'get', 'pods')).rejects.toThrow(/logged in|Unauthorized|credentials/);
    await eventually('the watch saw the change', () => Promise.resolve(watch.lines().includes('after')));
    const seen = logs.lines().length;
    await eventually('more lines of the log', () => Promise.resolve(logs.lines().length > seen));
    expect([logs.child.exitCode, watch.child.exitCode]).toEqual([null, null]);
    // A new stream goes through the same gate.
    expect((await kubectl(await kubeconfig('second'), 'logs', 'web', '--tail=1')).trim()).toMatch(/^line \d+$/);
    const { status } = await controlPlane();
    expect(status?.containerStatuses?.map(({ name, restartCount }) => `${name} ${restartCount}`).sort()).toEqual([
      'etcd 0',
      'kube-apiserver 0',
      'kube-controller-manager 0',
      'syncer 0',
    ]);
  } finally {
    logs.child.kill();
    watch.child.kill();
  }
}, 420_000);

test('authorities are replaced as docs/access.md says: the tenant’s pods live on', async () => {
  const { host, name, namespace } = cluster.current;
  const old = await kubeconfig('old');
  const twin = (await tenant.onHost<Pod>(resources.pods, 'web')).metadata?.uid;
  const secret = await host.get<Secret>(resources.secrets, { namespace, name: `${name}-certs` });
  const authorities = Object.keys(secret.data ?? {}).filter((key) => /^(ca|.*-ca)\.(crt|key)$/.test(key));
  expect(authorities).toHaveLength(12);
  await host.patch(
    resources.secrets,
    { namespace, name: `${name}-certs`, type: 'merge' },
    { data: Object.fromEntries(authorities.map((key) => [key, null])) },
  );
  const replaced = (await controlPlane()).metadata?.uid;
  await host.patch(
    resources.statefulSets,
    { namespace, name, type: 'merge' },
    { spec: { template: { metadata: { annotations: { 'kubectl.kubernetes.io/restartedAt': 'now' } } } } },
  );
  await eventually('another control plane', async () => (await controlPlane()).metadata?.uid !== replaced, 120);
  const answer = async () => kubectl(await kubeconfig('new'), 'get', 'pods', '--output=name');
  expect(await eventually('an answer to the new kubeconfig', answer, 180)).toBe('pod/web\n');
  await expect(kubectl(old, 'get', 'pods')).rejects.toThrow(/certificate/);
  const logs = async () => kubectl(await kubeconfig('new'), 'logs', 'web', '--tail=1');
  expect((await eventually('a log', logs, 120)).trim()).toMatch(/^line \d+$/);
  expect((await tenant.onHost<Pod>(resources.pods, 'web')).metadata?.uid).toBe(twin);
}, 600_000);
