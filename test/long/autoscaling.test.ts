import type { Deployment } from 'kubernetes-types/apps/v1';
import { resources } from '../../syncer/kube-client';
import { provideMetricsServer } from '../e2e/metrics-server';
import { BUSYBOX, Tenant } from '../e2e/tenant';
import { useVirtualCluster } from '../e2e/virtual-cluster';
import { resolveHost } from '../host-cluster';
import { eventually } from '../virtual-cluster';

let remove: (() => Promise<void>) | undefined;
beforeAll(async () => {
  remove = await provideMetricsServer(await resolveHost({}));
});
afterAll(() => remove?.());

const cluster = useVirtualCluster('autoscaling');
const shop = new Tenant(cluster, 'shop');
const autoscalers = {
  ...{ group: 'autoscaling', version: 'v2', namespaced: true },
  ...{ resource: 'horizontalpodautoscalers', kind: 'HorizontalPodAutoscaler' },
};

test('a HorizontalPodAutoscaler scales a deployment up while it has work, and down when it has none', async () => {
  await shop.prepare();
  const labels = { app: 'worker' };
  // Works as long as the ConfigMap says so.
  const script = 'while true; do if [ "$(cat /work/now)" = yes ]; then :; else sleep 1; fi; done';
  await shop.create(resources.configMaps, 'work', { data: { now: 'yes' } });
  await shop.create(resources.deployments, 'worker', {
    spec: {
      replicas: 1,
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: {
          terminationGracePeriodSeconds: 0,
          containers: [
            {
              name: 'main',
              image: BUSYBOX,
              command: ['sh', '-c', script],
              resources: { requests: { cpu: '20m' }, limits: { cpu: '100m' } },
              volumeMounts: [{ name: 'work', mountPath: '/work' }],
            },
          ],
          volumes: [{ name: 'work', configMap: { name: 'work' } }],
        },
      },
    },
  });
  const atOnce = { stabilizationWindowSeconds: 0, policies: [{ type: 'Pods', value: 5, periodSeconds: 1 }] };
  await shop.create(autoscalers, 'worker', {
    spec: {
      scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'worker' },
      ...{ minReplicas: 1, maxReplicas: 3 },
      metrics: [
        { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 60 } } },
      ],
      behavior: { scaleUp: atOnce, scaleDown: atOnce },
    },
  });
  const ready = (count: number) =>
    eventually(
      `the deployment has ${count} ready pods`,
      async () => {
        const { spec, status } = await shop.get<Deployment>(resources.deployments, 'worker');
        if (spec?.replicas === count && status?.readyReplicas === count) return true;
        throw new Error(JSON.stringify((await shop.get<{ status?: object }>(autoscalers, 'worker')).status));
      },
      600,
    );
  await ready(3);
  const at = { namespace: 'shop', name: 'work' };
  await cluster.current.virtual.patch(resources.configMaps, { ...at, type: 'merge' }, { data: { now: 'no' } });
  await ready(1);
});
