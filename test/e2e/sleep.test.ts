import type { Deployment } from 'kubernetes-types/apps/v1';
import type { CronJob, Job } from 'kubernetes-types/batch/v1';
import type { PersistentVolumeClaim, Pod } from 'kubernetes-types/core/v1';
import { SleepSchedule } from '../../constructs';
import { resources } from '../../syncer/kube-client';
import { eventually } from '../virtual-cluster';
import { idle, Tenant } from './tenant';
import { useVirtualCluster } from './virtual-cluster';

// By the clock only each leap year: the test starts the jobs of the schedule itself.
const cluster = useVirtualCluster('sleepy', { sleep: SleepSchedule.cron({ sleep: '0 3 29 2 *', wake: '0 4 29 2 *' }) });
const tenant = new Tenant(cluster, 'desk');

/** Runs a step of the schedule now, as `kubectl create job --from` does, and waits until it is done. */
async function runNow(step: 'pause' | 'resume'): Promise<void> {
  const { host, namespace, name } = cluster.current;
  const { spec } = await host.get<CronJob>(resources.cronJobs, { namespace, name: `${name}-${step}` });
  if (!spec?.jobTemplate.spec) throw new Error(`CronJob ${name}-${step} has no template`);
  await host.create<Job>(resources.jobs, {
    metadata: { name: `${step}-now`, namespace },
    spec: spec?.jobTemplate.spec,
  });
  await eventually(
    `job ${step}-now is complete`,
    async () => {
      const { status } = await host.get<Job>(resources.jobs, { namespace, name: `${step}-now` });
      if (status?.succeeded === 1) return true;
      throw new Error(JSON.stringify(status));
    },
    120,
  );
  await host.delete(resources.jobs, { namespace, name: `${step}-now`, propagationPolicy: 'Foreground' });
}

const podsOnHost = async (): Promise<string[]> => {
  const { host, namespace } = cluster.current;
  const { items } = await host.list<Pod>(resources.pods, { namespace });
  return items.map(({ metadata }) => metadata?.name ?? '').filter((name) => !name.startsWith('pause-now'));
};

test('a cluster that was put to sleep has no pods on the host, and wakes with its pods and their data', async () => {
  await tenant.prepare();
  await tenant.create<PersistentVolumeClaim>(resources.persistentVolumeClaims, 'data', {
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '16Mi' } } },
  });
  const volumes = [{ name: 'data', persistentVolumeClaim: { claimName: 'data' } }];
  await tenant.createPod('pet', {
    volumes,
    containers: [idle('main', { volumeMounts: [{ name: 'data', mountPath: '/data' }] })],
  });
  const labels = { app: 'web' };
  await tenant.create<Deployment>(resources.deployments, 'web', {
    spec: {
      replicas: 2,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { terminationGracePeriodSeconds: 1, containers: [idle()] } },
    },
  });
  const pet = await tenant.ready('pet', 120);
  await tenant.shell('pet', 'echo kept > /data/file && sync');
  const webIsReady = () =>
    eventually(
      'two pods of deployment web are ready',
      async () => {
        const { status } = await tenant.get<Deployment>(resources.deployments, 'web');
        if (status?.readyReplicas === 2) return true;
        throw new Error(JSON.stringify(status));
      },
      120,
    );
  await webIsReady();

  await runNow('pause');
  expect(await podsOnHost()).toEqual([]);

  await runNow('resume');
  await eventually('the API server answers again', () => cluster.current.virtual.getText('/readyz'), 120);
  const started = (pod: Pod): number => Date.parse(pod.status?.startTime ?? '');
  const again = await tenant.until('pet', 'started anew', (pod) => started(pod) > started(pet), 120);
  expect(again.metadata?.uid).toBe(pet.metadata?.uid);
  await tenant.ready('pet', 60);
  expect(await tenant.shell('pet', 'cat /data/file')).toBe('kept');
  await webIsReady();
});
