import { execFile, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { resolveBinaries } from '../host-cluster';
import { eventually } from '../virtual-cluster';
import { useVirtualCluster } from './virtual-cluster';

const BUSYBOX = 'docker.io/library/busybox:1.35';
const NGINX = 'docker.io/library/nginx:1.22';
const cluster = useVirtualCluster('kubectl');
const directory = mkdtempSync(join(tmpdir(), 'nestling-kubectl-'));
let program = '';

/** Runs kubectl of the server's version against the virtual cluster. */
async function kubectl(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  try {
    const result = await promisify(execFile)(program, ['--kubeconfig', cluster.current.kubeconfigPath, ...args], {
      maxBuffer: 64 * 1024 * 1024,
    });
    return { code: 0, ...result };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    return { code, stdout, stderr };
  }
}

const ok = async (...args: string[]): Promise<string> => {
  const { code, stdout, stderr } = await kubectl(...args);
  if (code !== 0) throw new Error(`kubectl ${args.join(' ')} ended with ${code}: ${stderr}`);
  return stdout;
};

beforeAll(async () => {
  program = (await resolveBinaries(['kubectl'], () => undefined)).kubectl;
  await eventually('the default service account', () => ok('get', 'serviceaccount', 'default'));
  await ok(
    'run',
    'shell',
    `--image=${BUSYBOX}`,
    '--grace-period=1',
    '--',
    'sh',
    '-c',
    'for i in 1 2 3; do echo line $i; done; exec sleep 3600',
  );
  await ok('run', 'web', `--image=${NGINX}`, '--port=80');
  await ok('wait', '--for=condition=Ready', 'pod/shell', 'pod/web', '--timeout=90s');
});

afterAll(() => rmSync(directory, { recursive: true, force: true }));

test('kubectl logs shows what a container wrote', async () => {
  expect(await ok('logs', 'shell')).toBe('line 1\nline 2\nline 3\n');
  expect(await ok('logs', 'shell', '--tail=1')).toBe('line 3\n');
});

test('kubectl logs -f follows, twenty at a time', async () => {
  const followers = Array.from({ length: 20 }, () => {
    const child = spawn(program, ['--kubeconfig', cluster.current.kubeconfigPath, 'logs', '-f', 'shell', '--tail=1']);
    let text = '';
    child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
    return { child, text: () => text };
  });
  try {
    await eventually('all see the last line', () =>
      Promise.resolve(followers.every(({ text }) => text() === 'line 3\n')),
    );
    await ok('exec', 'shell', '--', 'sh', '-c', 'echo more > /proc/1/fd/1');
    await eventually('all see the new line', () =>
      Promise.resolve(followers.every(({ text }) => text().endsWith('more\n'))),
    );
  } finally {
    for (const { child } of followers) child.kill();
  }
});

test('kubectl exec passes input, output, errors and the exit code', async () => {
  const result = await kubectl('exec', 'shell', '--', 'sh', '-c', 'echo out; echo err >&2; exit 3');
  expect(result.stdout).toBe('out\n');
  expect(result.stderr).toContain('err\n');
  expect(result.code).toBe(3);
});

test('kubectl cp brings 20 MB intact', async () => {
  const file = join(directory, 'data');
  const data = randomBytes(20 * 1024 * 1024);
  writeFileSync(file, data);
  await ok('cp', file, 'shell:/tmp/data');
  await ok('cp', 'shell:/tmp/data', `${file}.back`);
  const digest = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
  expect(digest(readFileSync(`${file}.back`))).toBe(digest(data));
});

test('kubectl port-forward reaches a container', async () => {
  const child = spawn(program, ['--kubeconfig', cluster.current.kubeconfigPath, 'port-forward', 'pod/web', ':80']);
  try {
    let text = '';
    child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
    const port = await eventually('a forwarded port', () => Promise.resolve(/127\.0\.0\.1:(\d+) ->/.exec(text)?.[1]));
    const page = await (await fetch(`http://127.0.0.1:${port}/`)).text();
    expect(page).toContain('Welcome to nginx');
  } finally {
    child.kill();
  }
});

test('kubectl debug adds an ephemeral container that runs', async () => {
  await ok('debug', 'shell', `--image=${BUSYBOX}`, '--profile=baseline', '--container=debugger', '--', 'echo', 'seen');
  await eventually('what it wrote', async () => (await kubectl('logs', 'shell', '-c', 'debugger')).stdout === 'seen\n');
});

test('an ephemeral container cannot get what a pod was denied', async () => {
  await ok('debug', 'shell', `--image=${BUSYBOX}`, '--profile=sysadmin', '--container=root', '--', 'sleep', '60');
  await eventually('an event that says why', async () =>
    (await ok('get', 'events', '--field-selector', 'involvedObject.name=shell,reason=PolicyViolation')).includes(
      'privileged',
    ),
  );
  expect(await ok('get', 'pod', 'shell', '-o', 'jsonpath={.status.ephemeralContainerStatuses[*].name}')).toBe(
    'debugger',
  );
});
