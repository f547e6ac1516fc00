import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { HostCluster, resolveBinaries } from '../host-cluster';
import { runCommand, startCommand } from '../run-command';

const KEPT = 'e2e-demo';
const INTERRUPTED = 'e2e-demo-cut';

/** What the demo shows, each as it is printed when it holds. */
const CLAIMS = [
  'the deployment has 2 ready replicas',
  'another pod looks the service up by its name (kubectl exec, DNS)',
  'another pod fetches the page by the short name',
  'kubectl in a pod sees the virtual namespaces (in-cluster configuration, kubectl logs)',
  'kubectl in a pod does not see the host namespace',
  'each virtual pod has a twin on the same node with the same status',
  'the host has no Deployment in the namespace',
  'the host has no namespace ns1',
  'the service has the same address on both sides',
];
const shown = (stdout: string): string[] => CLAIMS.filter((claim) => stdout.includes(`  ok   ${claim}\n`));

/** The commands under a heading of the demo's last words. */
function commandsUnder(heading: string, stdout: string): string {
  const lines = stdout.split('\n');
  const first = lines.indexOf(heading) + 1;
  const length = lines.slice(first).findIndex((line) => !line.startsWith('  '));
  return lines.slice(first, first + length).join('\n');
}

const leftovers = async (name: string) =>
  (await HostCluster.leftovers(name)).filter((line) => !line.startsWith('file ')); // a lock that is held

describe('the demo', () => {
  /** Search path on which `kubectl` is the test bed's. */
  let path: string;
  let directory: string;
  beforeAll(async () => {
    const { kubectl } = await resolveBinaries(['kubectl'], () => undefined);
    directory = mkdtempSync(join(tmpdir(), 'nestling-demo-test-'));
    symlinkSync(kubectl, join(directory, 'kubectl'));
    chmodSync(directory, 0o755);
    path = [directory, dirname(process.execPath), process.env['PATH']].join(delimiter);
  });
  afterAll(async () => {
    rmSync(directory, { recursive: true, force: true });
    await Promise.all([HostCluster.down(KEPT), HostCluster.down(INTERRUPTED)]);
  });
  const demo = (name: string, ...args: string[]) =>
    startCommand(['npm', 'run', 'demo', ...(args.length > 0 ? ['--', ...args] : [])], {
      NESTLING_HOST_NAME: name,
      PATH: path,
    });
  const shell = async (script: string): Promise<string> =>
    (await promisify(execFile)('/bin/sh', ['-ec', script], { env: { ...process.env, PATH: path } })).stdout;

  test('shows what it claims on a host cluster of its own, and with --keep tells how to go on', async () => {
    const kept = await demo(KEPT, '--keep').ended;
    expect(shown(kept.stdout)).toEqual(CLAIMS);
    // How fast it is depends on what else this machine does: those bounds are for a run of its own.
    const failed = kept.stdout.split('\n').filter((line) => line.startsWith('  FAIL '));
    expect(failed.filter((line) => !line.includes('from apply to the virtual API server answering'))).toEqual([]);
    expect(kept.exitCode).toBe(failed.length > 0 ? 1 : 0);

    const connect = commandsUnder('To connect:', kept.stdout);
    expect(await shell(`${connect}\nkubectl exec shell -- echo seen`)).toMatch(/^ns1 +Active[^]*^seen$/m);

    const again = await demo(KEPT).ended;
    expect(again.exitCode).toBe(1);
    expect(again.stderr).toMatch(
      /^error: host namespace team-a is in use already \(.*\), .*; remove it with: kubectl /m,
    );

    await shell(commandsUnder('To remove the virtual cluster:', kept.stdout));
    const kubeconfig = HostCluster.attach(KEPT).kubeconfigPath;
    expect(await shell(`kubectl --kubeconfig ${kubeconfig} get namespaces`)).not.toContain('team-a');
    rmSync(dirname(/KUBECONFIG=(.*)/.exec(connect)?.[1] ?? ''), { recursive: true });
  });

  test('needs no more than a kubeconfig, and leaves nothing on a cluster that was there', async () => {
    const { kubeconfigPath } = await HostCluster.up({ name: KEPT });
    const environment = { NESTLING_HOST: 'existing', KUBECONFIG: kubeconfigPath, PATH: path };
    const { exitCode, stdout, stderr } = await runCommand(['npm', 'run', 'demo'], environment);
    expect({ stderr: stderr.split('\n').filter((line) => line.startsWith('error')), shown: shown(stdout) }).toEqual({
      stderr: [],
      shown: CLAIMS,
    });
    expect(exitCode).toBe(0);
    const namespaces = await shell(`kubectl --kubeconfig ${kubeconfigPath} get namespaces --no-headers`);
    expect(namespaces).not.toMatch(/^team-a +Active/m);
    expect(namespaces).toMatch(/^default +Active/m);
  });

  test('interrupted on a cluster that was there removes the virtual cluster alone', async () => {
    const { kubeconfigPath } = await HostCluster.up({ name: KEPT });
    const running = demo(KEPT);
    await running.said('what the tenant sees');
    process.kill(-(running.child.pid ?? 0), 'SIGINT');
    const { exitCode, stderr, stdout } = await running.ended;
    expect(exitCode).toBe(130);
    expect(`${stdout}${stderr}`).not.toMatch(/error/i);
    expect(await shell(`kubectl --kubeconfig ${kubeconfigPath} -n team-a get pods,statefulsets -o name`)).toBe('');
  });

  test('interrupted while the control plane starts removes the host cluster that it started', async () => {
    const running = demo(INTERRUPTED);
    await running.said('pod my-vc1-0: ');
    process.kill(-(running.child.pid ?? 0), 'SIGINT');
    await once(running.child, 'exit'); // nothing goes on behind the prompt
    expect(await leftovers(INTERRUPTED)).toEqual([]);
    const { exitCode, stderr, stdout } = await running.ended;
    expect(exitCode).toBe(130);
    expect(`${stdout}${stderr}`).not.toMatch(/error/i);
    expect(existsSync(`/var/lib/nestling-test/${INTERRUPTED}`)).toBe(false);
  });
});
