import { execFile, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { resolveBinaries } from '../host-cluster';
import { eventually } from '../virtual-cluster';
import { openTerminal } from './terminal';
import { useVirtualCluster } from './virtual-cluster';

const BUSYBOX = 'docker.io/library/busybox:1.35';
const NGINX = 'docker.io/library/nginx:1.22';
const MEGABYTE = 1024 * 1024;
const cluster = useVirtualCluster('kubectl');
const directory = mkdtempSync(join(tmpdir(), 'nestling-kubectl-'));
let program = '';

/** How kubectl streams: WebSocket is its default, SPDY what older ones speak. */
const PROTOCOLS = [
  ['WebSocket', 'true'],
  ['SPDY', 'false'],
] as const;

const environmentFor = (websockets: string): NodeJS.ProcessEnv => ({
  ...process.env,
  KUBECTL_REMOTE_COMMAND_WEBSOCKETS: websockets,
  KUBECTL_PORT_FORWARD_WEBSOCKETS: websockets,
});

/** Runs kubectl of the server's version against the virtual cluster. */
async function kubectlWith(
  env: NodeJS.ProcessEnv,
  ...args: string[]
): Promise<{ code: number; stdout: string; stderr: string }> {
  try {
    const result = await promisify(execFile)(program, ['--kubeconfig', cluster.current.kubeconfigPath, ...args], {
      env,
      maxBuffer: 64 * MEGABYTE,
    });
    return { code: 0, ...result };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    return { code, stdout, stderr };
  }
}

const kubectl = (...args: string[]) => kubectlWith(process.env, ...args);

const okWith = async (env: NodeJS.ProcessEnv, ...args: string[]): Promise<string> => {
  const { code, stdout, stderr } = await kubectlWith(env, ...args);
  if (code !== 0) throw new Error(`kubectl ${args.join(' ')} ended with ${code}: ${stderr}`);
  return stdout;
};

const ok = (...args: string[]): Promise<string> => okWith(process.env, ...args);

/** Starts kubectl and leaves it running. */
function start(env: NodeJS.ProcessEnv, ...args: string[]) {
  const child = spawn(program, ['--kubeconfig', cluster.current.kubeconfigPath, ...args], { env });
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
  child.stdin.on('error', () => undefined);
  return { child, text: () => text };
}

const digest = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

const pod = (name: string, container: object): string =>
  JSON.stringify({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name },
    spec: {
      terminationGracePeriodSeconds: 1,
      containers: [{ name, image: BUSYBOX, ...container }],
      volumes: [{ name: 'data', emptyDir: {} }],
    },
  });

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
  const volumeMounts = [{ name: 'data', mountPath: '/data' }];
  const once = 'if [ -f /data/been ]; then echo second life; exec sleep 3600; fi; touch /data/been; echo first life';
  const pods = [
    pod('parrot', { command: ['sh', '-c', 'while read line; do echo "heard $line"; done'], stdin: true }),
    pod('twice', { command: ['sh', '-c', once], volumeMounts }),
    pod('slow', { command: ['sh', '-c', 'echo old; sleep 3; echo new; exec sleep 3600'] }),
  ];
  const file = join(directory, 'pods.json');
  writeFileSync(file, pods.join('\n'));
  await ok('create', '-f', file);
  await ok('wait', '--for=condition=Ready', 'pod/shell', 'pod/web', 'pod/parrot', 'pod/slow', '--timeout=90s');
});

afterAll(() => rmSync(directory, { recursive: true, force: true }));

test('kubectl logs shows what a container wrote', async () => {
  expect(await ok('logs', 'shell')).toBe('line 1\nline 2\nline 3\n');
  expect(await ok('logs', 'shell', '--tail=1')).toBe('line 3\n');
});

test('kubectl logs --previous shows what a container wrote in its life before', async () => {
  await eventually('the container is in its second life', async () => (await ok('logs', 'twice')) === 'second life\n');
  expect(await ok('logs', 'twice', '--previous')).toBe('first life\n');
  expect((await kubectl('logs', 'shell', '--previous')).stderr).toContain(
    'previous terminated container "shell" in pod "shell" not found',
  );
});

test('kubectl logs tells when a line was written, and leaves out what is older than asked for', async () => {
  await eventually('both lines are written', async () => (await ok('logs', 'slow')) === 'old\nnew\n');
  const stamped = await ok('logs', 'slow', '--timestamps');
  const [older = '', newer = ''] = stamped.split('\n');
  expect(older).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z old$/);
  expect(newer).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z new$/);
  // To the second, as kubectl passes it on: the lines are three apart.
  const second = `${newer.slice(0, 19)}Z`;
  expect(await ok('logs', 'slow', `--since-time=${second}`)).toBe('new\n');
  expect(await ok('logs', 'slow', '--since=1h')).toBe('old\nnew\n');
  await eventually('a second after the last line, none is new', async () => {
    return (await ok('logs', 'slow', '--since=1s')) === '';
  });
});

test('kubectl logs -f follows, twenty at a time', async () => {
  const followers = Array.from({ length: 20 }, () => start(process.env, 'logs', '-f', 'shell', '--tail=1'));
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

describe.each(PROTOCOLS)('over %s', (protocol, websockets) => {
  const env = environmentFor(websockets);

  test('kubectl exec passes input, output, errors and the exit code', async () => {
    const result = await kubectlWith(env, 'exec', 'shell', '--', 'sh', '-c', 'echo out; echo err >&2; exit 3');
    expect(result.stdout).toBe('out\n');
    expect(result.stderr).toContain('err\n');
    expect(result.code).toBe(3);
  });

  test('kubectl exec -it gives a terminal, whose size and keys the container gets', async () => {
    const exec = [program, '--kubeconfig', cluster.current.kubeconfigPath, 'exec', '-it', 'shell', '--', 'sh'];
    const terminal = await openTerminal(exec, { rows: 41, columns: 132 }, env);
    try {
      await terminal.shows('a prompt', /# /);
      terminal.type('tty; echo size=$(stty size)\r');
      await terminal.shows('that it is a terminal', /\/dev\/pts\/\d+/);
      await terminal.shows('its size', /size=41 132/);
      await terminal.resize({ rows: 50, columns: 100 });
      await eventually('the container has the new size', async () => {
        terminal.type('echo size=$(stty size).\r');
        const [, size] = await terminal.shows('a size', /size=(\d+ \d+)\./);
        return size === '50 100';
      });
      terminal.type('echo wait-$((1+1)); sleep 3600\r');
      await terminal.shows('that the command runs', /wait-2/);
      terminal.type('\x03');
      terminal.type('echo code-$?\r');
      await terminal.shows('that Control-C ended it', /code-130/);
      terminal.type('exit 7\r');
      expect(await terminal.ended).toBe(7);
    } finally {
      terminal.close();
    }
  });

  test('kubectl attach -i talks to the process of a container', async () => {
    const attached = start(env, 'attach', '-i', 'parrot');
    try {
      await eventually('an answer', () => {
        attached.child.stdin.write(`${protocol}\n`);
        return Promise.resolve(attached.text().includes(`heard ${protocol}\n`));
      });
    } finally {
      attached.child.kill();
    }
  });

  test('kubectl cp brings 50 MB there and back intact', async () => {
    const file = join(directory, protocol);
    const data = randomBytes(50 * MEGABYTE);
    writeFileSync(file, data);
    await okWith(env, 'cp', file, `shell:/tmp/${protocol}`);
    expect(await ok('exec', 'shell', '--', 'sha256sum', `/tmp/${protocol}`)).toContain(digest(data));
    await okWith(env, 'cp', `shell:/tmp/${protocol}`, `${file}.back`);
    expect(digest(readFileSync(`${file}.back`))).toBe(digest(data));
    await ok('exec', 'shell', '--', 'rm', `/tmp/${protocol}`);
  });

  test('kubectl port-forward carries 100 MB each way intact', async () => {
    const sum = await ok(
      'exec',
      'web',
      '--',
      'sh',
      '-c',
      `cd /usr/share/nginx/html && head -c ${100 * MEGABYTE} /dev/urandom > big && sha256sum big`,
    );
    const forward = start(env, 'port-forward', 'pod/web', ':80', ':9000');
    // Its own input stays open: kubectl takes a connection whose other side has ended its half for closed.
    const listen = 'tail -f /dev/null | nc -l -p 9000 | sha256sum';
    const receiver = start(env, 'exec', 'web', '--', 'sh', '-c', listen);
    try {
      const [page, upload] = await eventually('two forwarded ports', () => {
        const ports = [...forward.text().matchAll(/127\.0\.0\.1:(\d+) ->/g)].map(([, port]) => Number(port));
        return Promise.resolve(ports.length === 2 ? ports : undefined);
      });
      expect(await (await fetch(`http://127.0.0.1:${page}/`)).text()).toContain('Welcome to nginx');
      const down = Buffer.from(await (await fetch(`http://127.0.0.1:${page}/big`)).arrayBuffer());
      expect(down.length).toBe(100 * MEGABYTE);
      expect(sum).toContain(digest(down));

      await eventually('the receiver listens', async () =>
        (await ok('exec', 'web', '--', 'cat', '/proc/net/tcp', '/proc/net/tcp6')).includes(':2328 '),
      );
      const socket = connect(upload ?? 0, '127.0.0.1');
      await new Promise<void>((resolve, reject) => {
        socket.once('error', reject);
        socket.once('finish', resolve);
        socket.end(down);
      });
      await eventually('the receiver got the same', () => Promise.resolve(receiver.text().includes(digest(down))));
      socket.destroy();
    } finally {
      forward.child.kill();
      receiver.child.kill();
    }
  });
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
