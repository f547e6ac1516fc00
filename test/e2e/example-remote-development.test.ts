import type { CronJob, Job } from 'kubernetes-types/batch/v1';
import type { Pod } from 'kubernetes-types/core/v1';
import { resources } from '../../syncer/kube-client';
import { eventually } from '../virtual-cluster';
import { useExample } from './example';
import { Tenant } from './tenant';

const cluster = useExample('remote-development', {
  cluster: 'ada',
  namespace: 'dev-ada',
  adapt: (objects) => {
    // The clock does nothing here: the test starts the jobs of the schedule itself.
    for (const job of objects as readonly CronJob[]) if (job.kind === 'CronJob' && job.spec) job.spec.suspend = true;
    return objects;
  },
});
const tenant = new Tenant(cluster, 'work');

/** Runs a step of the schedule now, as `kubectl create job --from` does, and waits until it is done. */
async function runNow(step: 'pause' | 'resume'): Promise<void> {
  const { host, namespace, name } = cluster.current;
  const { spec } = await host.get<CronJob>(resources.cronJobs, { namespace, name: `${name}-${step}` });
  if (!spec?.jobTemplate.spec) throw new Error(`CronJob ${name}-${step} has no template`);
  await host.create<Job>(resources.jobs, {
    metadata: { name: `${step}-now`, namespace },
    spec: spec.jobTemplate.spec,
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
  const applied = await tenant.kubectl('apply', '-f', 'examples/remote-development/workspace.yaml');
  expect(applied).toMatchObject({ code: 0 });
  await eventually('the default service account', () => tenant.get(resources.serviceAccounts, 'default'));
  await tenant.createPod('pet');
  const [pet, workspace] = await Promise.all([tenant.ready('pet', 120), tenant.ready('workspace-0', 120)]);
  await tenant.shell('workspace-0', 'echo kept > /home/dev/file && sync');

  await runNow('pause');
  expect(await podsOnHost()).toEqual([]);

  await runNow('resume');
  await eventually('the API server answers again', () => cluster.current.virtual.getText('/readyz'), 120);
  const started = (pod: Pod): number => Date.parse(pod.status?.startTime ?? '');
  const again = await tenant.until('pet', 'started anew', (pod) => started(pod) > started(pet), 120);
  expect(again.metadata?.uid).toBe(pet.metadata?.uid);
  const isAnother = ({ metadata }: Pod): boolean => metadata?.uid !== workspace.metadata?.uid;
  await eventually('pod workspace-0 was made anew', async () => isAnother(await tenant.pod('workspace-0')), 120);
  await Promise.all([tenant.ready('pet', 120), tenant.ready('workspace-0', 120)]);
  expect(await tenant.shell('workspace-0', 'cat /home/dev/file')).toBe('kept');
});
