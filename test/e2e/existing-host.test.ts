import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Namespace, Pod } from 'kubernetes-types/core/v1';
import { KubeClient, resources } from '../../syncer/kube-client';
import { resolveBinaries, resolveHost } from '../host-cluster';
import { startCommand } from '../run-command';
import { contentsOf, eventually, exec, launch } from '../virtual-cluster';
import type { RunningVirtualCluster } from '../virtual-cluster';

const NAME = 'far';
const NAMESPACE = 'e2e-existing-host';

/** The second kind of host, of which nothing is known but a kubeconfig: the test bed's own stands in for it. */
describe('a virtual cluster on an existing cluster, reached through a port that its API server forwards', () => {
  let cluster: RunningVirtualCluster;
  let destroyed = false;

  beforeAll(async () => {
    const { kubeconfigPath, context } = await resolveHost();
    const host = await resolveHost({ kind: 'existing', kubeconfig: kubeconfigPath, context });
    expect(host).toMatchObject({ kind: 'existing', wasThere: true, canImportImages: false });
    cluster = await launch({ host, name: NAME, namespace: NAMESPACE });
  });
  afterAll(async () => {
    if (!destroyed) await cluster?.destroy();
  });

  test('answers with its own namespaces', async () => {
    const { items } = await cluster.virtual.list<Namespace>(resources.namespaces);
    const names = items.map(({ metadata }) => metadata?.name);
    expect(names).toContain('kube-system');
    expect(names).not.toContain(NAMESPACE);
  });

  test('runs commands in its pods, with many streams at once', async () => {
    const pod = await eventually('a running pod', async () => {
      const { items } = await cluster.virtual.list<Pod>(resources.pods, { namespace: 'kube-system' });
      return items.find(({ status }) => status?.phase === 'Running');
    });
    const target = { namespace: 'kube-system', pod: pod.metadata?.name ?? '' };
    const answers = await Promise.all(
      Array.from({ length: 5 }, () => exec(cluster.kubeconfigPath, target, ['/coredns', '-version'])),
    );
    for (const { exitCode, stdout } of answers) {
      expect(exitCode).toBe(0);
      expect(stdout).toMatch(/^CoreDNS-\d/);
    }
  });

  test('is found again with the command that is told for later', async () => {
    const { kubectl } = await resolveBinaries(['kubectl'], () => undefined);
    expect(cluster.reachCommand).toMatch(/^kubectl .* port-forward service\/far \d+:443$/);
    // Its port is still ours: the same on another one.
    const [, ...args] = (cluster.reachCommand ?? '').replace(/\d+:443$/, ':443').split(' ');
    const forward = startCommand([kubectl, ...args]);
    try {
      await forward.said('Forwarding from 127.0.0.1:');
      const port = /127\.0\.0\.1:(\d+)/.exec(forward.output().stdout)?.[1];
      const { stdout } = await promisify(execFile)(kubectl, [
        ...['--kubeconfig', cluster.kubeconfigPath, '--server', `https://127.0.0.1:${port}`],
        ...['get', 'namespaces', '-o', 'name'],
      ]);
      expect(stdout).toContain('namespace/kube-system');
    } finally {
      forward.child.kill();
      await forward.ended;
    }
  });

  test('leaves nothing when it is destroyed', async () => {
    const { kubeconfigPath, context } = await resolveHost();
    destroyed = true;
    await cluster.destroy();
    const { connection } = await resolveHost({ kubeconfig: kubeconfigPath, context });
    const host = new KubeClient(connection, { userAgent: 'nestling-test' });
    try {
      expect(await contentsOf(host, NAMESPACE)).toEqual([]);
    } finally {
      await host.close();
    }
  });
});
