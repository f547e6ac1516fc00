import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import { connect, createServer as createTcpServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { stringify } from 'yaml';
import { stateFile, stateFolder } from '../../../cli/background-forward';
import { HostAccess } from '../../../cli/host-access';
import { readKubeconfig, resolveContext } from '../../../cli/kubeconfig';
import { CONTROL_PLANE_LABEL, controlPlaneNames } from '../../../syncer/configuration';
import { resources } from '../../../syncer/kube-client';
import { Authority } from '../../host-cluster/certificates';
import { startCommand } from '../../run-command';

/** Stands in for a host cluster with one virtual cluster that runs, and for the API server of that. */
let server: Server;
let address: string;
let folder: string;
let kubeconfig: string;
/** The only token that the host takes. */
let token: string;
let answers: Record<string, unknown>;
let asked: { path: string; status: number }[];
const listeners = new Set<() => void>();

const base64 = (text: string): string => Buffer.from(text).toString('base64');
const statefulSet = {
  metadata: { name: 'vc', namespace: 'team-a', labels: { [CONTROL_PLANE_LABEL]: 'vc' } },
  spec: { replicas: 1, template: { spec: { containers: [] } } },
  status: { readyReplicas: 1 },
};
const { pem } = new Authority('vc-ca');
const secret = {
  metadata: { name: controlPlaneNames('vc').kubeconfig, namespace: 'team-a' },
  data: {
    config: base64(stringify({ clusters: [{ cluster: { server: 'https://vc.team-a.svc' } }] })),
    'certificate-authority': base64(pem.certificate),
    'client-certificate': base64(pem.certificate),
    'client-key': base64(pem.key),
  },
};
const STATEFUL_SET = `/apis/apps/v1/namespaces/team-a/statefulsets/${controlPlaneNames('vc').statefulSet}`;
const everything: Readonly<Record<string, unknown>> = {
  [STATEFUL_SET]: statefulSet,
  '/readyz': 'ok',
  '/apis/apps/v1/statefulsets': { kind: 'StatefulSetList', metadata: {}, items: [statefulSet] },
  [`/api/v1/namespaces/team-a/secrets/${secret.metadata.name}`]: secret,
};

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'nestling-connect-'));
  server = createServer((request, response) => {
    const path = new URL(request.url ?? '', 'http://host').pathname;
    const answer = answers[path];
    const known = path === '/readyz' || request.headers.authorization === `Bearer ${token}`;
    const status = !known ? 401 : answer === undefined ? 404 : 200;
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(status !== 200 ? '{}' : typeof answer === 'string' ? answer : JSON.stringify(answer));
    asked.push({ path, status });
    for (const listener of listeners) listener();
  });
  asked = [];
  answers = { ...everything };
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  kubeconfig = join(folder, 'config');
  token = 'first';
  logIn();
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((done) => server.close(done));
  rmSync(folder, { recursive: true, force: true });
});

/** Writes a kubeconfig with the token that the host takes now. */
function logIn(): void {
  const entries = {
    clusters: [{ name: 'host', cluster: { server: address } }],
    users: [{ name: 'host', user: { token } }],
    contexts: [{ name: 'host', context: { cluster: 'host', user: 'host' } }],
    'current-context': 'host',
  };
  writeFileSync(kubeconfig, stringify(entries));
}

const PODS = '/api/v1/namespaces/team-a/pods';
/** Resolves once the host has answered with this status on this path so many times. */
const answered = (path: string, status: number, times = 1): Promise<void> =>
  new Promise((resolve) => {
    const look = (): void => {
      if (asked.filter((one) => one.path === path && one.status === status).length < times) return;
      listeners.delete(look);
      resolve();
    };
    listeners.add(look);
    look();
  });

test('a second signal leaves neither the kubeconfig nor the command behind, which had not ended at the first', async () => {
  const script = `
    process.on('SIGTERM', () => console.log('winding down'));
    setInterval(() => undefined, 1000);
    console.log('{"pid":' + process.pid + ',"file":' + JSON.stringify(process.env.KUBECONFIG) + '}');`;
  const line = ['connect', 'vc', '--server', address, '--', process.execPath, '-e', script];
  const run = startCommand([process.execPath, '--import', 'tsx', 'cli/main.ts', ...line], {
    HOME: folder,
    KUBECONFIG: kubeconfig,
  });
  const exit = once(run.child, 'exit');
  let pid: number | undefined;
  try {
    await run.said('"}\n');
    const inside = JSON.parse(run.output().stdout) as { pid: number; file: string };
    pid = inside.pid;
    expect(existsSync(inside.file)).toBe(true);
    run.child.kill('SIGINT');
    await run.said('winding down');
    run.child.kill('SIGTERM');
    expect(await exit).toEqual([130, null]);
    expect(existsSync(dirname(inside.file))).toBe(false);
    // Its output is the command's, too: it ends with the last that could still write.
    await run.ended;
    pid = undefined;
  } finally {
    run.child.kill('SIGKILL');
    if (pid !== undefined) process.kill(pid, 'SIGKILL');
  }
}, 60_000);

test('a forward in the background goes on after somebody logged in again, and ends when its cluster is gone', async () => {
  const state = join(folder, 'state.json');
  const child = spawn(
    process.execPath,
    [
      ...['--import', 'tsx', 'cli/main.ts', 'forward', 'vc', '-n', 'team-a'],
      ...['--local-port', '0', '--state', state, '--id', 'forward-abc'],
    ],
    {
      cwd: join(__dirname, '..', '..', '..'),
      env: { ...process.env, HOME: folder, KUBECONFIG: kubeconfig },
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    },
  );
  const exit = once(child, 'exit');
  try {
    const [{ port }] = (await once(child, 'message')) as [{ port: number }];
    writeFileSync(state, JSON.stringify({ pid: child.pid, port, id: 'forward-abc' }));
    const knock = async (): Promise<void> => {
      const socket = connect(port, '127.0.0.1');
      socket.on('error', () => undefined);
      await once(socket, 'close');
    };
    await knock(); // no such pod, but the host knows us
    await answered(PODS, 404);
    await answered(STATEFUL_SET, 200);
    token = 'second';
    await knock();
    await answered(STATEFUL_SET, 401, 2); // as the kubeconfig has nothing better yet
    logIn();
    await knock();
    await answered(PODS, 404, 2);
    await answered(STATEFUL_SET, 200, 2);
    delete answers[STATEFUL_SET];
    await knock();
    expect(await exit).toEqual([0, null]);
  } finally {
    child.kill('SIGKILL');
  }
}, 60_000);

test('credentials are read again once for all who were refused at the same time, and none of them is cut off', async () => {
  const read = await readKubeconfig([kubeconfig]);
  const access = new HostAccess({ kubeconfig: read, context: resolveContext(read) });
  const list = () => access.call((client) => client.list(resources.statefulSets).then(() => client));
  try {
    const first = await list();
    token = 'second';
    logIn();
    const clients = await Promise.all(Array.from({ length: 5 }, list));
    expect(new Set(clients).size).toBe(1);
    expect(clients[0]).not.toBe(first);
    expect(asked.map(({ status }) => status).sort()).toEqual([200, 200, 200, 200, 200, 200, 401, 401, 401, 401, 401]);
    token = 'third';
    await expect(list()).rejects.toMatchObject({ status: 401 });
    logIn();
    await list();
  } finally {
    await access.close();
  }
});

test('credentials that end are renewed before that, while a call with the old ones goes on', async () => {
  const plugin = join(folder, 'plugin.cjs');
  const status = { token, expirationTimestamp: new Date(Date.now() + 1000).toISOString() };
  writeFileSync(plugin, `console.log(${JSON.stringify(JSON.stringify({ status }))})`);
  const exec = { apiVersion: 'client.authentication.k8s.io/v1', command: process.execPath, args: [plugin] };
  const entries = {
    clusters: [{ name: 'host', cluster: { server: address } }],
    users: [{ name: 'host', user: { exec: { ...exec, interactiveMode: 'Never' } } }],
    contexts: [{ name: 'host', context: { cluster: 'host', user: 'host' } }],
    'current-context': 'host',
  };
  writeFileSync(kubeconfig, stringify(entries));
  const read = await readKubeconfig([kubeconfig]);
  const access = new HostAccess({ kubeconfig: read, context: resolveContext(read) });
  try {
    const clients = await access.call(async (old) => {
      const renewed = await access.call((client) => client.list(resources.statefulSets).then(() => client));
      await old.list(resources.statefulSets);
      return [old, renewed];
    });
    expect(new Set(clients).size).toBe(2);
    await expect(clients[0]?.list(resources.statefulSets)).rejects.toMatchObject({ code: 'CLOSED' });
  } finally {
    await access.close();
  }
}, 60_000);

test('another forward takes the place of one that does not answer', async () => {
  const deaf = createTcpServer((socket) => socket.destroy());
  deaf.listen(0, '127.0.0.1');
  await once(deaf, 'listening');
  const { port } = deaf.address() as AddressInfo;
  const old = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)', 'forward-abc'], { stdio: 'ignore' });
  const ended = once(old, 'exit');
  const before = process.env['XDG_STATE_HOME'];
  process.env['XDG_STATE_HOME'] = folder;
  try {
    mkdirSync(stateFolder(), { recursive: true });
    const file = stateFile({ files: [kubeconfig], context: 'nestling_vc_team-a_host' });
    writeFileSync(file, JSON.stringify({ pid: old.pid, port, id: 'forward-abc' }));
    const run = startCommand(
      // The forward starts in another folder.
      [process.execPath, '--import', require.resolve('tsx'), 'cli/main.ts', 'connect', 'vc', '--timeout', '1'],
      {
        HOME: folder,
        XDG_STATE_HOME: folder,
        KUBECONFIG: kubeconfig,
      },
    );
    const { stderr, exitCode } = await run.ended;
    expect(stderr).toContain(
      `process ${old.pid}, which forwarded https://127.0.0.1:${port}, does not answer: another one takes its place\n`,
    );
    // That has no pod to lead to here, which is told of its own port.
    expect(stderr).toMatch(/^error: the API server of team-a\/vc does not answer at https:\/\/127\.0\.0\.1:\d+ /m);
    expect(stderr).not.toContain(`does not answer at https://127.0.0.1:${port} `);
    expect(exitCode).toBe(1);
    expect(await ended).toEqual([null, 'SIGTERM']);
    expect(existsSync(file)).toBe(false);
  } finally {
    old.kill('SIGKILL');
    if (before === undefined) delete process.env['XDG_STATE_HOME'];
    else process.env['XDG_STATE_HOME'] = before;
    await new Promise((done) => deaf.close(done));
  }
}, 120_000);
