import type { Pod } from 'kubernetes-types/core/v1';
import { resources } from '../../syncer/kube-client';
import { eventually } from '../virtual-cluster';
import { useVirtualCluster } from './virtual-cluster';

const cluster = useVirtualCluster('without-dns', { dns: { enabled: false } });

test('a cluster without DNS of its own runs pods, with the DNS of the node', async () => {
  const { virtual, host, name: clusterName, namespace } = cluster.current;
  const name = 'web';
  await eventually('the default service account', () =>
    virtual.get(resources.serviceAccounts, { namespace: 'default', name: 'default' }),
  );
  await virtual.create<Pod>(resources.pods, {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'default' },
    spec: {
      terminationGracePeriodSeconds: 1,
      containers: [{ name: 'main', image: 'registry.k8s.io/pause:3.10' }],
    },
  });
  await eventually('the pod runs', async () => {
    const { status } = await virtual.get<Pod>(resources.pods, { namespace: 'default', name });
    if (status?.phase !== 'Running') throw new Error(`it is ${status?.phase}: ${JSON.stringify(status?.conditions)}`);
    return true;
  });
  const twin = await host.get<Pod>(resources.pods, { namespace, name: `${name}-x-default-x-${clusterName}` });
  expect(twin.spec?.dnsPolicy).toBe('Default');
  // What the virtual cluster shows is what the tenant wrote.
  const { spec } = await virtual.get<Pod>(resources.pods, { namespace: 'default', name });
  expect(spec?.dnsPolicy).toBe('ClusterFirst');
});
