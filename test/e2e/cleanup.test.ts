import { resources } from '../../syncer/kube-client';
import { resolveHost } from '../host-cluster';
import { contentsOf, eventually, launch } from '../virtual-cluster';

test('deleting the virtual cluster’s objects leaves nothing in the host namespace', async () => {
  const cluster = await launch({ host: await resolveHost({}), name: 'gone', namespace: 'e2e-gone' });
  try {
    await cluster.virtual.create(resources.pods, {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'left', namespace: 'default' },
      spec: {
        terminationGracePeriodSeconds: 1,
        containers: [{ name: 'main', image: 'docker.io/library/busybox:1.35', command: ['sleep', '3600'] }],
      },
    });
    await cluster.virtual.create(resources.services, {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'left', namespace: 'default' },
      spec: { selector: { app: 'left' }, ports: [{ port: 80 }] },
    });
    await eventually('the pod, its config map, its token and the Service are on the host', async () => {
      const contents = (await contentsOf(cluster.host, cluster.namespace)).filter((name) => name.includes('-x-'));
      return ['Pod', 'ConfigMap', 'Secret', 'Service'].every((kind) =>
        contents.some((name) => name.startsWith(`${kind}/`)),
      );
    });
  } finally {
    // Fails, naming what is left, if not everything goes.
    await cluster.destroy();
  }
});
