import { execFile } from 'node:child_process';
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type { Namespace, Pod } from 'kubernetes-types/core/v1';
import { parse } from 'yaml';
import { KubeClient, resources } from '../../syncer/kube-client';
import { resolveBinaries, resolveHost } from '../host-cluster';
import type { Host } from '../host-cluster';
import { eventually } from '../virtual-cluster';
import { openTerminal } from './terminal';

const BUSYBOX = 'docker.io/library/busybox:1.35';
const NAMESPACE = 'e2e-cli';
const CUT = 'e2e-cli-cut';
const run = promisify(execFile);
const root = join(__dirname, '../..');
const SIZE = { rows: 40, columns: 200 };
const CTRL_C = '\u0003';

let host: Host;
let client: KubeClient;
/** What a person has: a home, a kubeconfig, and the package in a folder that holds nothing else. */
const home = mkdtempSync(join(tmpdir(), 'nestling-cli-home-'));
const kubeconfig = join(home, 'kubeconfig');
let environment: NodeJS.ProcessEnv;

beforeAll(async () => {
  host = await resolveHost();
  client = new KubeClient(host.connection, { userAgent: 'nestling-test' });
  const { kubectl } = await resolveBinaries(['kubectl'], () => undefined);
  const folder = join(home, 'empty');
  mkdirSync(folder);
  const { stdout } = await run('npm', ['pack', '--json', '--silent', '--pack-destination', home], { cwd: root });
  // What the build says comes first.
  const [{ filename }] = JSON.parse(stdout.slice(stdout.search(/^\[/m))) as [{ filename: string }];
  await run('npm', ['install', '--no-audit', '--no-fund', '--prefix', folder, join(home, filename)], { cwd: folder });
  mkdirSync(join(home, 'bin'));
  symlinkSync(kubectl, join(home, 'bin', 'kubectl'));
  copyFileSync(host.kubeconfigPath, kubeconfig);
  const { NESTLING_DEBUG, KUBERNETES_SERVICE_HOST, ...inherited } = process.env;
  void [NESTLING_DEBUG, KUBERNETES_SERVICE_HOST];
  environment = {
    ...inherited,
    HOME: home,
    XDG_STATE_HOME: join(home, 'state'),
    KUBECONFIG: kubeconfig,
    PATH: [join(folder, 'node_modules/.bin'), join(home, 'bin'), dirname(process.execPath), process.env['PATH']].join(
      delimiter,
    ),
  };
});

afterAll(async () => {
  for (const name of ['cli-vc', 'cli-cut']) await sh(`nestling delete ${name} --ignore-not-found`);
  await client?.close();
  rmSync(home, { recursive: true, force: true });
});

/** Runs a line in a shell, as a pipeline would: there is no terminal. */
async function sh(script: string): Promise<{ code: number; stdout: string; stderr: string }> {
  try {
    return { code: 0, ...(await run('/bin/sh', ['-c', script], { env: environment, maxBuffer: 16 * 1024 * 1024 })) };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    return { code, stdout, stderr };
  }
}

async function ok(script: string): Promise<string> {
  const { code, stdout, stderr } = await sh(script);
  if (code !== 0) throw new Error(`${script} ended with ${code}: ${stderr}`);
  return stdout;
}

const json = async <T>(script: string): Promise<T> => JSON.parse(await ok(script)) as T;
const isThere = async (namespace: string): Promise<boolean> => {
  const { items } = await client.list<Namespace>(resources.namespaces);
  return items.some(({ metadata }) => metadata?.name === namespace);
};
const runs = (pid: number): boolean => {
  try {
    return !readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ');
  } catch {
    return false;
  }
};
/** Processes that forward a port, by what is written down of them. */
const forwards = (): number[] => {
  try {
    const folder = join(home, 'state/nestling');
    const files = readdirSync(folder).filter((file) => file.endsWith('.json'));
    return files.map((file) => (JSON.parse(readFileSync(join(folder, file), 'utf8')) as { pid: number }).pid);
  } catch {
    return [];
  }
};
interface Connection {
  readonly context: string;
  readonly server: string;
  readonly pid: number;
}
let connection: Connection;

test('create && connect && kubectl get namespaces, in a terminal that shows what is waited for', async () => {
  const started = Date.now();
  const line = `nestling create cli-vc -n ${NAMESPACE} && nestling connect cli-vc && kubectl get namespaces; echo "ended with $?"`;
  const terminal = await openTerminal(['/bin/sh', '-c', line], SIZE, environment);
  try {
    // In its place: the line is begun anew for each.
    await terminal.shows('what is waited for', /\r\u001b\[Kwaiting for pod cli-vc-0/);
    await terminal.shows('the time', /\r\u001b\[Kvirtual cluster cli-vc is ready in namespace e2e-cli \(\d+\.\d s\)/);
    const [, context] = await terminal.shows('the context', /the current context is (\S+)/);
    await terminal.shows('the way', /process \d+ forwards https:\/\/127\.0\.0\.1:\d+/);
    await terminal.shows('namespaces of the virtual cluster', /kube-system +Active[^]*ended with 0/);
    process.stderr.write(
      `nestling create && nestling connect && kubectl get namespaces: ${((Date.now() - started) / 1000).toFixed(1)} s\n`,
    );
    expect(context).toBe(`nestling_cli-vc_${NAMESPACE}_${host.context}`);
    expect(await ok('kubectl config current-context')).toBe(`${context}\n`);
    expect(await ok('kubectl get namespaces -o name')).not.toContain(NAMESPACE);
  } finally {
    terminal.close();
  }
});

test('while one is connected, commands mean the host, and both commands can be repeated', async () => {
  expect(await json(`nestling list -n ${NAMESPACE} --output json`)).toMatchObject([
    { name: 'cli-vc', namespace: NAMESPACE, status: 'Running', version: '1.37.2', connected: true },
  ]);
  const made = await json(`nestling create cli-vc -n ${NAMESPACE} --output json`);
  expect(made).toMatchObject({ name: 'cli-vc', created: false, ready: true });
  connection = await json<Connection>('nestling connect cli-vc --output json');
  const again = await json<Connection>('kubectl nestling connect cli-vc --output json');
  expect(again).toEqual(connection);
  expect(forwards()).toEqual([connection.pid]);
  expect(await json('nestling describe cli-vc --output json')).toMatchObject({
    status: 'Running',
    connected: true,
    replicas: { wanted: 1, ready: 1 },
    service: { name: 'cli-vc', type: 'ClusterIP' },
    store: [{ claim: 'data-cli-vc-0', phase: 'Bound' }],
  });
  expect(await ok('nestling logs cli-vc --tail 1')).toMatch(/^\{.*\}\n$/);
  const { code, stderr } = await sh('nestling logs cli-vc -c nothing');
  expect([code, stderr]).toEqual([
    2,
    expect.stringMatching(/^error: --container nothing is not in pod cli-vc-0: choose one of pki, /),
  ]);
});

test('a command runs inside, its exit code is passed on, and the kubeconfig stays', async () => {
  const before = readFileSync(kubeconfig);
  const { code, stdout } = await sh(
    `nestling connect cli-vc -- sh -c 'kubectl get namespaces -o name; echo "$KUBECONFIG"; exit 7'`,
  );
  expect(code).toBe(7);
  expect(stdout).toContain('namespace/kube-system\n');
  const used = stdout.trim().split('\n').at(-1) ?? '';
  expect(used).toMatch(/nestling-.*\/kubeconfig$/);
  expect(() => readFileSync(used)).toThrow('ENOENT');
  expect(readFileSync(kubeconfig)).toEqual(before);
  expect(forwards()).toEqual([connection.pid]);
  const missing = await sh('nestling connect cli-vc -- no-such-program');
  expect([missing.code, missing.stderr]).toEqual([
    127,
    'error: no-such-program is not there: install it, or mend PATH\n',
  ]);
});

test('Ctrl-C is for the command that runs inside', async () => {
  const command = ['sh', '-c', 'trap "echo caught; exit 9" INT; echo "it runs"; while :; do sleep 0.1; done'];
  const terminal = await openTerminal(['nestling', 'connect', 'cli-vc', '--', ...command], SIZE, environment);
  try {
    await terminal.shows('that the command runs', /it runs/);
    terminal.type(CTRL_C);
    await terminal.shows('that the command was told', /caught/);
    expect(await terminal.ended).toBe(9);
  } finally {
    terminal.close();
  }
});

test('large answers pass the forwarded port whole, several at once', async () => {
  const data = 'x'.repeat(700_000);
  writeFileSync(join(home, 'large'), data);
  await ok(`kubectl create configmap large --from-file=${join(home, 'large')}`);
  const answers = await Promise.all(
    [1, 2, 3, 4].map(() => ok(`kubectl get configmap large -o jsonpath='{.data.large}'`)),
  );
  expect(answers.map((answer) => answer === data)).toEqual([true, true, true, true]);
});

test('Ctrl-C in the middle of create leaves nothing', async () => {
  const before = readFileSync(kubeconfig);
  const terminal = await openTerminal(['nestling', 'create', 'cli-cut', '-n', CUT], SIZE, environment);
  try {
    await terminal.shows('what is waited for', /waiting for pod cli-cut-0/);
    expect(await isThere(CUT)).toBe(true);
    terminal.type(CTRL_C);
    await terminal.shows('that it takes things away', /interrupted: taking away what was made/);
    await terminal.shows('that nothing is left', /nothing of virtual cluster e2e-cli-cut\/cli-cut is left/);
    expect(await terminal.ended).toBe(130);
  } finally {
    terminal.close();
  }
  expect(await isThere(CUT)).toBe(false);
  expect(readFileSync(kubeconfig)).toEqual(before);
});

test('Ctrl-C in the middle of connect leaves the kubeconfig as it was, and no process', async () => {
  const [before, processes] = [readFileSync(kubeconfig), forwards()];
  // It never answers: nobody has its images.
  await ok(`nestling create cli-cut -n ${NAMESPACE} --no-wait --image-mirror registry.invalid/none`);
  const terminal = await openTerminal(['nestling', 'connect', 'cli-cut'], SIZE, environment);
  try {
    await terminal.shows('what is waited for', /waiting for pod cli-cut-0/);
    terminal.type(CTRL_C);
    await terminal.shows('that it was interrupted', /error: interrupted/);
    expect(await terminal.ended).toBe(130);
  } finally {
    terminal.close();
  }
  expect(readFileSync(kubeconfig)).toEqual(before);
  expect(forwards()).toEqual(processes);
  const { code, stderr } = await sh('nestling delete cli-cut');
  expect([code, stderr]).toEqual([0, expect.stringContaining(`namespace ${NAMESPACE} stays: it holds `)]);
});

const WORKLOAD = {
  apiVersion: 'v1',
  kind: 'List',
  items: [
    {
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: { name: 'data' },
      spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '16Mi' } } },
    },
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'writer' },
      spec: {
        selector: { matchLabels: { app: 'writer' } },
        template: {
          metadata: { labels: { app: 'writer' } },
          spec: {
            terminationGracePeriodSeconds: 0,
            volumes: [{ name: 'data', persistentVolumeClaim: { claimName: 'data' } }],
            containers: [
              {
                name: 'main',
                image: BUSYBOX,
                command: ['sleep', '3600'],
                volumeMounts: [{ name: 'data', mountPath: '/data' }],
              },
            ],
          },
        },
      },
    },
  ],
};
const tenantPods = async (): Promise<string[]> => {
  const { items } = await client.list<Pod>(resources.pods, { namespace: NAMESPACE });
  return items.flatMap(({ metadata }) => metadata?.name ?? []);
};

test('pause and resume keep what is on volumes', async () => {
  writeFileSync(join(home, 'workload.json'), JSON.stringify(WORKLOAD));
  await ok(`kubectl apply -f ${join(home, 'workload.json')}`);
  await ok('kubectl rollout status deployment/writer --timeout=120s');
  await ok('kubectl exec deployment/writer -- sh -c "echo kept > /data/file"');
  expect(await ok('nestling disconnect')).toBe(`disconnected from cli-vc; the current context is ${host.context}\n`);
  await eventually('the process that forwarded has ended', () => Promise.resolve(!runs(connection.pid)));
  expect(parse(readFileSync(kubeconfig, 'utf8'))).toEqual(parse(readFileSync(host.kubeconfigPath, 'utf8')));

  expect(await ok('nestling pause cli-vc')).toContain('virtual cluster cli-vc is paused');
  expect(await tenantPods()).toEqual([]);
  const paused = await sh('nestling connect cli-vc');
  expect([paused.code, paused.stderr]).toEqual([
    1,
    `error: virtual cluster ${NAMESPACE}/cli-vc is paused: wake it with nestling resume cli-vc -n ${NAMESPACE}\n`,
  ]);

  await ok('nestling resume cli-vc');
  await ok('nestling connect cli-vc');
  await eventually(
    'the file is read in the new pod',
    async () => {
      const { code, stdout } = await sh('kubectl exec deployment/writer -- cat /data/file');
      return code === 0 && stdout === 'kept\n';
    },
    120,
  );
});

test('delete leaves nothing: no namespace that create made, no context, no process', async () => {
  const [pid = 0] = forwards();
  expect(runs(pid)).toBe(true);
  const deleted = await json('nestling delete cli-vc --output json');
  expect(deleted).toMatchObject({ name: 'cli-vc', namespace: NAMESPACE, deleted: true, namespaceDeleted: true });
  expect(await isThere(NAMESPACE)).toBe(false);
  await eventually('the process that forwarded has ended', () => Promise.resolve(!runs(pid)));
  expect(forwards()).toEqual([]);
  expect(parse(readFileSync(kubeconfig, 'utf8'))).toEqual(parse(readFileSync(host.kubeconfigPath, 'utf8')));
  const gone = await sh('nestling connect cli-vc');
  expect(gone.code).toBe(1);
  expect(gone.stderr).toMatch(/^error: virtual cluster cli-vc is not there \(/);
});
