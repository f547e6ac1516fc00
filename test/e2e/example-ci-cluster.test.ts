import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { dirname, delimiter } from 'node:path';
import { ApiError, KubeClient, resources } from '../../syncer/kube-client';
import { resolveBinaries, resolveHost } from '../host-cluster';
import type { Host } from '../host-cluster';
import { eventually } from '../virtual-cluster';

/** Host namespaces of this test's runs. */
const NAMESPACES = ['ci-e2e-passes', 'ci-e2e-fails', 'ci-e2e-cancelled'] as const;

let host: Host;
let admin: KubeClient;
let path: string;

beforeAll(async () => {
  host = await resolveHost({});
  admin = new KubeClient(host.connection, { userAgent: 'nestling-test' });
  const { kubectl } = await resolveBinaries(['kubectl'], () => undefined);
  path = [dirname(kubectl), dirname(process.execPath), process.env['PATH'] ?? ''].join(delimiter);
});

afterAll(async () => {
  for (const name of NAMESPACES) {
    await admin.delete(resources.namespaces, { name }).catch((error: unknown) => {
      if (!ApiError.is(error, 'NotFound')) throw error;
    });
  }
  await admin.close();
});

/** Starts the blueprint's script with a command, as a job of a pipeline. */
function job(namespace: (typeof NAMESPACES)[number], ...command: string[]) {
  const child = spawn('examples/ci-cluster/run.sh', command, {
    env: { ...process.env, KUBECONFIG: host.kubeconfigPath, CI_NAMESPACE: namespace, PATH: path },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  let log = '';
  child.stdout.on('data', (data: Buffer) => (output += data.toString()));
  child.stderr.on('data', (data: Buffer) => (log += data.toString()));
  const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, output, log }));
  return { child, ended, written: () => output };
}

async function gone(name: string): Promise<void> {
  await eventually(
    `host namespace ${name} is gone`,
    async () => {
      try {
        throw new Error(JSON.stringify((await admin.get(resources.namespaces, { name })).metadata));
      } catch (error) {
        if (ApiError.is(error, 'NotFound')) return true;
        throw error;
      }
    },
    120,
  );
}

test('a command has a cluster of its own while it runs, and its exit code is the job’s', async () => {
  const script = 'kubectl create namespace shop && kubectl get namespaces -o name && exit 7';
  const [passes, fails] = await Promise.all([
    job('ci-e2e-passes', 'kubectl', 'auth', 'can-i', '*', '*').ended,
    job('ci-e2e-fails', 'sh', '-c', script).ended,
  ]);
  expect(passes).toMatchObject({ code: 0, output: expect.stringContaining('yes') as string });
  expect(fails.code).toBe(7);
  expect(fails.output.split('\n')).toContain('namespace/shop');
  // The host's own namespaces are not among them.
  expect(fails.output).not.toContain('ci-e2e');
  await Promise.all([gone('ci-e2e-passes'), gone('ci-e2e-fails')]);
});

test('a job that is cancelled leaves nothing', async () => {
  const { child, ended, written } = job('ci-e2e-cancelled', 'sh', '-c', 'echo started; exec sleep 2');
  await eventually('the command has started', () => Promise.resolve(written().includes('started')), 120);
  child.kill('SIGTERM');
  expect((await ended).code).toBe(143);
  await gone('ci-e2e-cancelled');
});

test('without a command the script says how it is used', async () => {
  const { code, log } = await job('ci-e2e-passes').ended;
  expect({ code, log: log.trim() }).toEqual({
    code: 2,
    log: 'usage: examples/ci-cluster/run.sh COMMAND [ARGUMENTS]',
  });
});
