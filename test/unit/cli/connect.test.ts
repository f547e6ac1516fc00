import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { stringify } from 'yaml';
import { CONTROL_PLANE_LABEL, controlPlaneNames } from '../../../syncer/configuration';
import { startCommand } from '../../run-command';

/** Stands in for a host cluster with one virtual cluster that runs, and for the API server of that. */
let server: Server;
let folder: string;

const base64 = (text: string): string => Buffer.from(text).toString('base64');
const statefulSet = {
  metadata: { name: 'vc', namespace: 'team-a', labels: { [CONTROL_PLANE_LABEL]: 'vc' } },
  spec: { replicas: 1, template: { spec: { containers: [] } } },
  status: { readyReplicas: 1 },
};
const secret = {
  metadata: { name: controlPlaneNames('vc').kubeconfig, namespace: 'team-a' },
  data: {
    config: base64(stringify({ clusters: [{ cluster: { server: 'https://vc.team-a.svc' } }] })),
    'certificate-authority': base64('authority'),
    'client-certificate': base64('certificate'),
    'client-key': base64('key'),
  },
};
const answers: Record<string, unknown> = {
  '/readyz': 'ok',
  '/apis/apps/v1/statefulsets': { kind: 'StatefulSetList', metadata: {}, items: [statefulSet] },
  [`/api/v1/namespaces/team-a/secrets/${secret.metadata.name}`]: secret,
};

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'nestling-connect-'));
  server = createServer((request, response) => {
    const answer = answers[new URL(request.url ?? '', 'http://host').pathname];
    response.writeHead(answer === undefined ? 404 : 200, { 'content-type': 'application/json' });
    response.end(typeof answer === 'string' ? answer : JSON.stringify(answer ?? {}));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((done) => server.close(done));
  rmSync(folder, { recursive: true, force: true });
});

test('a second signal leaves neither the kubeconfig nor the command behind, which had not ended at the first', async () => {
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const kubeconfig = join(folder, 'config');
  const entries = {
    clusters: [{ name: 'host', cluster: { server: address } }],
    users: [{ name: 'host', user: { token: 'secret' } }],
    contexts: [{ name: 'host', context: { cluster: 'host', user: 'host' } }],
    'current-context': 'host',
  };
  writeFileSync(kubeconfig, stringify(entries));
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
