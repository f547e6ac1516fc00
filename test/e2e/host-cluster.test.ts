import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { HostCluster, resolveBinaries } from '../host-cluster';

const main = join(__dirname, '..', 'host-cluster', 'main.ts');
const NAME = 'e2e-two';

async function kubectl(cluster: HostCluster, args: readonly string[], input?: string): Promise<string> {
  const { kubectl: program } = await resolveBinaries(['kubectl'], () => undefined);
  const running = promisify(execFile)(program, ['--kubeconfig', cluster.kubeconfigPath, ...args]);
  running.child.stdin?.end(input);
  return (await running).stdout;
}

const pod = (name: string, node: string) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, labels: { app: name } },
  spec: {
    nodeSelector: { 'kubernetes.io/hostname': node },
    terminationGracePeriodSeconds: 0,
    containers: [
      {
        name: 'server',
        image: 'docker.io/library/busybox:1.35',
        command: [
          'sh',
          '-c',
          'echo started; mkdir /pages; echo "$(hostname)" > /pages/name; httpd -f -p 8080 -h /pages',
        ],
        volumeMounts: [{ name: 'data', mountPath: '/data' }],
      },
    ],
    volumes: [{ name: 'data', persistentVolumeClaim: { claimName: name } }],
  },
});
const claim = (name: string) => ({
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: { name },
  spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Mi' } } },
});
const service = (name: string) => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: `web-${name}` }, // not the pod's name, which a pod finds in its own /etc/hosts
  spec: { selector: { app: name }, ports: [{ port: 80, targetPort: 8080 }] },
});

describe('a host cluster of two nodes', () => {
  let cluster: HostCluster;

  beforeAll(async () => {
    cluster = await HostCluster.up({ name: NAME, nodes: 2 });
    const items = ['one', 'two'].flatMap((name, index) => [claim(name), pod(name, `node-${index + 1}`), service(name)]);
    await kubectl(cluster, ['apply', '-f', '-'], JSON.stringify({ apiVersion: 'v1', kind: 'List', items }));
    await kubectl(cluster, ['wait', '--for=condition=Ready', 'pod/one', 'pod/two', '--timeout=60s']);
  });
  afterAll(() => HostCluster.down(NAME));

  test('is what a later start finds, and is not changed by it', async () => {
    const lines: string[] = [];
    const again = await HostCluster.up({ name: NAME, log: (line) => lines.push(line) });
    expect(again.wasThere).toBe(true);
    expect(again.connection).toEqual(cluster.connection);
    expect(lines).toEqual([`host cluster ${NAME} is running already at ${cluster.plan.server}`]);
    await expect(HostCluster.up({ name: NAME, nodes: 1 })).rejects.toThrow('runs already with 2 nodes, not 1');
  });

  test.each([
    ['one', 'two'],
    ['two', 'one'],
    ['one', 'one'],
  ])('pod %s reaches pod %s by address and by name', async (from, to) => {
    const address = await kubectl(cluster, ['get', 'pod', to, '-o', 'jsonpath={.status.podIP}']);
    const page = (host: string) => kubectl(cluster, ['exec', from, '--', 'timeout', '5', 'wget', '-qO-', host]);
    expect(await page(`http://${address}:8080/name`)).toBe(`${to}\n`);
    expect(await page(`http://web-${to}/name`)).toBe(`${to}\n`);
  });

  test('this machine reaches pods and services, and no packet for others leaves it', async () => {
    const address = await kubectl(cluster, ['get', 'service', 'web-two', '-o', 'jsonpath={.spec.clusterIP}']);
    expect(await (await fetch(`http://${address}/name`)).text()).toBe('two\n');
    for (const range of [cluster.plan.serviceCIDR, cluster.plan.podCIDR]) {
      const { stdout } = await promisify(execFile)('ip', ['route', 'get', range.replace(/\.0\/20$/, '.77')]);
      expect(stdout).toContain(`dev ${cluster.plan.outerInterface}`);
    }
  });

  test('logs come from both nodes, and both run the images', async () => {
    expect(await kubectl(cluster, ['logs', 'one'])).toBe('started\n');
    expect(await kubectl(cluster, ['logs', 'two'])).toBe('started\n');
    expect(await cluster.images()).toContain('registry.k8s.io/pause:3.10');
  });

  test('claims are bound', async () => {
    expect(await kubectl(cluster, ['get', 'pvc', '-o', 'jsonpath={.items[*].status.phase}'])).toBe('Bound Bound');
  });

  test('nothing is left of it after down', async () => {
    expect(await HostCluster.leftovers(NAME)).not.toEqual([]);
    await cluster.down();
    expect(await HostCluster.leftovers(NAME)).toEqual([]);
    expect(() => HostCluster.attach(NAME)).toThrow(`host cluster ${NAME} does not run; start it with`);
  });
});

test.each([
  ['SIGINT', 900],
  ['SIGTERM', 2500],
] as const)('%s after %d ms of a start leaves nothing', async (signal, milliseconds) => {
  const name = `e2e-${signal.toLowerCase()}`;
  const child = spawn(process.execPath, ['--import', 'tsx', main, 'up', '--name', name], { stdio: 'ignore' });
  const ended = once(child, 'exit');
  await sleep(milliseconds);
  child.kill(signal);
  expect((await ended)[0]).not.toBe(0);
  expect(await HostCluster.leftovers(name)).toEqual([]);
});

test('a start that was killed with -9 is cleaned up by down', async () => {
  const name = 'e2e-killed';
  const child = spawn(process.execPath, ['--import', 'tsx', main, 'up', '--name', name], { stdio: 'ignore' });
  const ended = once(child, 'exit');
  await sleep(2500);
  child.kill('SIGKILL');
  await ended;
  expect(await HostCluster.leftovers(name)).not.toEqual([]);
  await HostCluster.down(name);
  expect(await HostCluster.leftovers(name)).toEqual([]);
});
