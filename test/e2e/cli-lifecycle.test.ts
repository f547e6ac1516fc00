import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import type { ConfigMap, Pod } from 'kubernetes-types/core/v1';
import { KubeClient, resources } from '../../syncer/kube-client';
import { resolveBinaries, resolveHost, type Host } from '../host-cluster';
import { startCommand } from '../run-command';
import { eventually } from '../virtual-cluster';

const NAMESPACE = 'e2e-cli-lifecycle';
const NAME = 'life-vc';
const home = mkdtempSync(join(tmpdir(), 'nestling-cli-lifecycle-'));

let host: Host;
let client: KubeClient;
let path: string;

beforeAll(async () => {
  host = await resolveHost();
  client = new KubeClient(host.connection, { userAgent: 'nestling-test' });
  const { kubectl } = await resolveBinaries(['kubectl'], () => undefined);
  path = [dirname(kubectl), process.env['PATH']].join(delimiter);
});

afterAll(async () => {
  await nestling('delete', NAME, '-n', NAMESPACE, '--ignore-not-found');
  await client?.close();
  rmSync(home, { recursive: true, force: true });
});

/** The command line from its sources, without a terminal. */
function nestling(...args: string[]): Promise<{ exitCode: number; stdout: string; stderr: string }> {
  const environment = {
    HOME: home,
    XDG_STATE_HOME: join(home, 'state'),
    KUBECONFIG: host.kubeconfigPath,
    PATH: path,
  };
  const context = ['--context', host.context];
  // What comes after `--` is not ours.
  const at = args.indexOf('--');
  const all = at === -1 ? [...args, ...context] : [...args.slice(0, at), ...context, ...args.slice(at)];
  return startCommand([process.execPath, '--import', 'tsx', 'cli/main.ts', ...all], environment).ended;
}

async function ok(...args: string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await nestling(...args);
  if (exitCode !== 0) throw new Error(`nestling ${args.join(' ')} ended with ${exitCode}: ${stderr}${stdout}`);
  return stdout;
}

const inside = (...command: string[]): Promise<string> =>
  ok('connect', NAME, '-n', NAMESPACE, '--', 'kubectl', ...command);

test('a cluster made from a file is as its settings say; upgrade changes it, waits for the new pod, and keeps all that is in it', async () => {
  const file = join(home, 'vc.ts');
  writeFileSync(
    file,
    `import { Isolation, Store, type VirtualClusterProps } from 'nestling';
     export default { store: Store.persistent(), isolation: Isolation.baseline() } satisfies VirtualClusterProps;`,
  );
  await ok('create', NAME, '-n', NAMESPACE, '--file', file);
  await inside('create', 'configmap', 'kept', '--from-literal=a=b');
  await inside('run', 'web', '--image=registry.k8s.io/pause:3.10', '--restart=Always');
  const twin = await eventually('the pod runs on the host', async () => {
    const pod = await client.get<Pod>(resources.pods, { namespace: NAMESPACE, name: `web-x-default-x-${NAME}` });
    if (pod.status?.phase !== 'Running') throw new Error(`it is ${pod.status?.phase}`);
    return pod;
  });
  // All that the host, the syncer and the kubelet have written since is no difference.
  const same = await nestling('diff', NAME, '-n', NAMESPACE);
  expect([same.exitCode, same.stdout]).toEqual([0, `virtual cluster ${NAME} is as its settings say\n`]);

  const before = await client.get<Pod>(resources.pods, { namespace: NAMESPACE, name: `${NAME}-0` });
  const change = ['-n', NAMESPACE, '--expose', 'node-port', '--isolation', 'trusted'];
  const differs = await nestling('diff', NAME, ...change);
  expect([differs.exitCode, differs.stdout]).toEqual([
    1,
    expect.stringContaining('spec.type: "ClusterIP" → "NodePort"'),
  ]);
  expect(await ok('upgrade', NAME, ...change, '--yes')).toMatch(
    /^virtual cluster life-vc runs Kubernetes 1\.\d+\.\d+\n$/,
  );

  const after = await client.get<Pod>(resources.pods, { namespace: NAMESPACE, name: `${NAME}-0` });
  expect(after.metadata?.uid).not.toBe(before.metadata?.uid);
  expect(after.status?.conditions).toContainEqual(expect.objectContaining({ type: 'Ready', status: 'True' }));
  const kept = JSON.parse(await inside('get', 'configmap', 'kept', '-o', 'json')) as ConfigMap;
  expect(kept.data).toEqual({ a: 'b' });
  const still = await client.get<Pod>(resources.pods, { namespace: NAMESPACE, name: `web-x-default-x-${NAME}` });
  expect(still.metadata?.uid).toBe(twin.metadata?.uid);
  expect((await nestling('diff', NAME, '-n', NAMESPACE)).exitCode).toBe(0);

  const certificates = JSON.parse(await ok('certs', NAME, '-n', NAMESPACE, '--output', 'json')) as { name: string }[];
  expect(certificates.map(({ name }) => name)).toEqual(expect.arrayContaining(['ca', 'etcd-server', 'admin']));

  // The running cluster is explained as what it is now.
  const pod = join(home, 'pod.yaml');
  writeFileSync(
    pod,
    '{ apiVersion: v1, kind: Pod, metadata: { name: net }, spec: { hostNetwork: true, containers: [] } }',
  );
  expect(await ok('explain', pod, '--cluster', NAME, '-n', NAMESPACE)).toMatch(
    /^Pod default\/net +synced +e2e-cli-lifecycle\/net-x-default-x-life-vc$/m,
  );
});
