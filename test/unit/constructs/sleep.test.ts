import type { StatefulSet } from 'kubernetes-types/apps/v1';
import type { CronJob } from 'kubernetes-types/batch/v1';
import { SleepSchedule } from '../../../constructs';
import { find, propsError, synthesize } from './synthesized';

const job = (props: Parameters<typeof synthesize>[0], name: string) =>
  find(synthesize(props), 'CronJob', name) as unknown as CronJob;

test('a cluster without a schedule has no jobs, and one replica', () => {
  const manifests = synthesize();
  expect(manifests.filter(({ kind }) => kind === 'CronJob')).toEqual([]);
  expect((find(manifests, 'StatefulSet', 'my-vc1') as unknown as StatefulSet).spec?.replicas).toBe(1);
});

test('working hours become two jobs, and applying the manifests wakes nobody', () => {
  const props = { sleep: SleepSchedule.outside({ from: '07:30', to: '20:00', timeZone: 'Europe/Berlin' }) };
  expect(job(props, 'my-vc1-pause').spec).toMatchObject({ schedule: '0 20 * * 1-5', timeZone: 'Europe/Berlin' });
  expect(job(props, 'my-vc1-resume').spec).toMatchObject({ schedule: '30 7 * * 1-5', timeZone: 'Europe/Berlin' });
  const set = find(synthesize(props), 'StatefulSet', 'my-vc1') as unknown as StatefulSet;
  expect(set.spec).not.toHaveProperty('replicas');
});

test('the last evening of those who work through midnight is on Saturday', () => {
  const props = { sleep: SleepSchedule.outside({ from: '18:00', to: '02:00' }) };
  expect(job(props, 'my-vc1-pause').spec).toMatchObject({ schedule: '0 2 * * 2-6', timeZone: 'Etc/UTC' });
  expect(job(props, 'my-vc1-resume').spec?.schedule).toBe('0 18 * * 1-5');
  const all = { sleep: SleepSchedule.outside({ from: '7:00', to: '20:00', weekends: true }) };
  expect(job(all, 'my-vc1-pause').spec?.schedule).toBe('0 20 * * *');
});

test('a cluster may sleep until somebody wakes it', () => {
  const manifests = synthesize({ sleep: SleepSchedule.cron({ sleep: '0 20 * * *' }) });
  expect(manifests.filter(({ kind }) => kind === 'CronJob').map(({ metadata }) => metadata.name)).toEqual([
    'my-vc1-pause',
  ]);
});

test('the jobs run the syncer’s image as an account that may do this and nothing else', () => {
  const { template } = job({ sleep: SleepSchedule.cron({ sleep: '0 20 * * *' }) }, 'my-vc1-pause').spec!.jobTemplate
    .spec!;
  expect(template.spec).toMatchObject({
    serviceAccountName: 'my-vc1-sleep',
    containers: [{ args: ['pause', 'my-vc1'], securityContext: { allowPrivilegeEscalation: false } }],
  });
  // Its pod must not be taken for the control plane's.
  expect(template.metadata?.labels?.['app.kubernetes.io/component']).toBe('sleep');
});

test.each([
  ['sleep.sleep', SleepSchedule.cron({ sleep: 'every night' })],
  ['sleep.sleep', SleepSchedule.cron({ sleep: '0 24 * * *' })],
  ['sleep.wake', SleepSchedule.cron({ sleep: '@daily', wake: '61 7 * * *' })],
  ['sleep.wake', SleepSchedule.outside({ from: 'seven', to: '20:00' })],
  ['sleep.timeZone', SleepSchedule.outside({ from: '07:00', to: '20:00', timeZone: 'Mars/Olympus' })],
])('%s is refused where it says nothing', (field, sleep) => {
  expect(propsError({ sleep })).toContain(field);
});

test.each(['*/15 8-18 * * mon-fri', '0,30 20 1-7/2 JAN,jul 0'])('"%s" is a schedule', (sleep) => {
  expect(job({ sleep: SleepSchedule.cron({ sleep }) }, 'my-vc1-pause').spec?.schedule).toBe(sleep);
});

test('a name that leaves no room for the jobs’ names is refused', () => {
  const name = 'a'.repeat(46);
  expect(propsError({ name, sleep: SleepSchedule.cron({ sleep: '0 20 * * *' }) })).toContain('at most 45 characters');
});
