import type { Pod, PodCondition } from 'kubernetes-types/core/v1';
import { resources } from '../../syncer/kube-client';
import type { KubeObject } from '../../syncer/kube-client';
import { eventually } from '../virtual-cluster';
import { idle, Tenant } from './tenant';
import { useVirtualCluster } from './virtual-cluster';

/* How pods start, change, fail and end, and where they run. */

/** A RuntimeClass of the host; virtual clusters share the host, so the name is this file's own. */
const RUNTIME_CLASS = 'e2e-pod-lifecycle';
const TESTED = { 'e2e.example/of': 'pod-lifecycle' };
const cluster = useVirtualCluster('pod-lifecycle', {
  sync: { fromHost: { runtimeClasses: { enabled: true, selector: TESTED } } },
});
const tenant = new Tenant(cluster, 'shop');

const condition = (pod: Pod, type: string): PodCondition | undefined =>
  pod.status?.conditions?.find((one) => one.type === type);

beforeAll(async () => {
  await tenant.prepare();
});

test('init containers run one after another, a sidecar beside all that follow', async () => {
  const step = (name: string, more: object = {}) =>
    idle(name, {
      command: ['sh', '-c', `echo ${name} >> /work/steps; [ ${name} != sidecar ] || exec sleep 3600`],
      volumeMounts: [{ name: 'work', mountPath: '/work' }],
      ...more,
    });
  await tenant.createPod('stepped', {
    initContainers: [step('first'), step('sidecar', { restartPolicy: 'Always' }), step('second')],
    containers: [idle('main', { volumeMounts: [{ name: 'work', mountPath: '/work' }] })],
    volumes: [{ name: 'work', emptyDir: {} }],
  });
  const { status } = await tenant.ready('stepped');
  const steps = (await tenant.run({ pod: 'stepped', container: 'main' }, 'cat', '/work/steps')).split('\n');
  expect(steps.indexOf('first')).toBe(0);
  expect([...steps].sort()).toEqual(['first', 'second', 'sidecar']);
  const states = status?.initContainerStatuses?.map(({ name, ready, state }) => [
    name,
    ready,
    Object.keys(state ?? {}),
  ]);
  expect(states).toEqual([
    ['first', true, ['terminated']],
    ['sidecar', true, ['running']],
    ['second', true, ['terminated']],
  ]);
  expect((await tenant.kubectl('get', 'pod', 'stepped', '--no-headers')).stdout).toMatch(/stepped +2\/2 +Running +0/);
});

test('an init container that fails shows as the reason why the pod does not start', async () => {
  await tenant.createPod('stuck', {
    restartPolicy: 'Never',
    initContainers: [idle('fails', { command: ['sh', '-c', 'echo why > /dev/termination-log; exit 7'] })],
  });
  const { status } = await tenant.phase('stuck', 'Failed');
  expect(status?.initContainerStatuses?.[0]?.state?.terminated).toMatchObject({ exitCode: 7, message: 'why\n' });
});

test('an ephemeral container joins the processes of the container that it targets', async () => {
  await tenant.createPod('examined');
  await tenant.ready('examined');
  const debug = ['debug', 'examined', '--image=docker.io/library/busybox:1.35', '--profile=baseline'];
  const { code, stderr } = await tenant.kubectl(...debug, '--target=main', '-c', 'looker', '--', 'sleep', '3600');
  expect([code, stderr]).toEqual([0, expect.any(String)]);
  const target = { pod: 'examined', container: 'looker' };
  await tenant.until('examined', 'runs the ephemeral container', ({ status }) =>
    (status?.ephemeralContainerStatuses ?? []).some(({ state }) => state?.running !== undefined),
  );
  expect(await tenant.shell(target, 'tr "\\0" " " < /proc/1/cmdline')).toBe('sleep 3600');
  const twin = await tenant.onHost<Pod>(resources.pods, 'examined');
  expect(twin.spec?.ephemeralContainers?.map(({ name }) => name)).toEqual(['looker']);
});

test('a pod is resized in place, on the host and in its cgroup, without a restart', async () => {
  await tenant.createPod('resized', {
    containers: [
      idle('main', {
        resources: { requests: { cpu: '20m', memory: '16Mi' }, limits: { cpu: '100m', memory: '64Mi' } },
      }),
    ],
  });
  await tenant.ready('resized');
  const limits = { cpu: '200m', memory: '96Mi' };
  const resources_ = { requests: { cpu: '40m', memory: '24Mi' }, limits };
  const patch = JSON.stringify({ spec: { containers: [{ name: 'main', resources: resources_ }] } });
  const result = await tenant.kubectl('patch', 'pod', 'resized', '--subresource', 'resize', '-p', patch);
  expect([result.code, result.stderr]).toEqual([0, '']);
  const { status } = await tenant.until('resized', 'has its new resources', ({ status: now }) => {
    const actual = now?.containerStatuses?.[0] as { resources?: object } | undefined;
    return JSON.stringify(actual?.resources) === JSON.stringify({ limits, requests: resources_.requests });
  });
  expect(status?.containerStatuses?.[0]).toMatchObject({ restartCount: 0, ready: true });
  const twin = await tenant.onHost<Pod>(resources.pods, 'resized');
  expect(twin.spec?.containers[0]?.resources).toEqual(resources_);
  // The old hierarchy of cgroups, or the new one.
  const memory = 'cat /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null || cat /sys/fs/cgroup/memory.max';
  expect(await tenant.shell('resized', memory)).toBe(String(96 * 1024 * 1024));
});

test('a gated pod is on the host only when its last gate is gone', async () => {
  await tenant.createPod('gated', { schedulingGates: [{ name: 'shop.example/a' }, { name: 'shop.example/b' }] });
  // A pod that came later runs: the gated one had its turn.
  await tenant.createPod('ungated');
  await tenant.ready('ungated');
  await expect(tenant.onHost(resources.pods, 'gated')).rejects.toThrow(/not found/);
  expect(condition(await tenant.pod('gated'), 'PodScheduled')).toMatchObject({ reason: 'SchedulingGated' });
  const remove = JSON.stringify([{ op: 'remove', path: '/spec/schedulingGates' }]);
  expect((await tenant.kubectl('patch', 'pod', 'gated', '--type=json', '-p', remove)).code).toBe(0);
  await tenant.ready('gated');
});

test('a readiness gate that a controller in the virtual cluster writes makes the pod ready', async () => {
  const type = 'shop.example/registered';
  await tenant.createPod('awaited', { readinessGates: [{ conditionType: type }] });
  const waiting = await tenant.until(
    'awaited',
    'runs and waits for its gate',
    (pod) =>
      pod.status?.containerStatuses?.[0]?.ready === true &&
      condition(pod, 'Ready')?.reason === 'ReadinessGatesNotReady',
  );
  expect(condition(waiting, 'Ready')?.message).toContain(type);
  await cluster.current.virtual.patch<Pod>(
    resources.pods,
    { namespace: 'shop', name: 'awaited', subresource: 'status', type: 'strategic' },
    { status: { conditions: [{ type, status: 'True', lastTransitionTime: '2026-01-01T00:00:00Z' }] } },
  );
  const ready = await tenant.ready('awaited');
  expect(condition(ready, type)).toMatchObject({ status: 'True' });
  expect(condition(await tenant.onHost<Pod>(resources.pods, 'awaited'), type)).toMatchObject({ status: 'True' });
});

test('affinity finds and avoids the tenant’s own pods, in the namespaces that it means', async () => {
  const topologyKey = 'kubernetes.io/hostname';
  const term = (more: object) => ({
    requiredDuringSchedulingIgnoredDuringExecution: [
      { topologyKey, labelSelector: { matchLabels: { role: 'anchor' } }, ...more },
    ],
  });
  const nodes = await cluster.current.host.list(resources.nodes);
  await tenant.createPod('anchor', {}, { labels: { role: 'anchor' } });
  const anchor = await tenant.ready('anchor');
  await tenant.createPod(
    'near',
    {
      affinity: { podAffinity: term({}) },
      topologySpreadConstraints: [
        {
          maxSkew: 1,
          topologyKey,
          whenUnsatisfiable: 'DoNotSchedule',
          labelSelector: { matchLabels: { app: 'near' } },
          matchLabelKeys: ['version'],
        },
      ],
    },
    { labels: { app: 'near', version: '1' } },
  );
  await tenant.createPod('far', { affinity: { podAntiAffinity: term({ namespaceSelector: {} }) } });
  await tenant.createPod('elsewhere', { affinity: { podAffinity: term({ namespaces: ['default'] }) } });
  expect((await tenant.ready('near')).spec?.nodeName).toBe(anchor.spec?.nodeName);
  if (nodes.items.length === 1) {
    const { status } = await tenant.until(
      'far',
      'finds no node',
      (pod) => condition(pod, 'PodScheduled')?.status === 'False',
    );
    expect(status?.conditions?.[0]).toMatchObject({
      reason: 'Unschedulable',
      message: expect.stringContaining("didn't match pod anti-affinity rules") as string,
    });
  } else {
    expect((await tenant.ready('far')).spec?.nodeName).not.toBe(anchor.spec?.nodeName);
  }
  const nowhere = await tenant.until(
    'elsewhere',
    'finds no node',
    (pod) => condition(pod, 'PodScheduled')?.status === 'False',
  );
  expect(condition(nowhere, 'PodScheduled')).toMatchObject({ reason: 'Unschedulable' });
});

test('a pod runs with the host’s runtime class that the virtual cluster shows', async () => {
  await cluster.current.host.create(resources.runtimeClasses, {
    apiVersion: 'node.k8s.io/v1',
    kind: 'RuntimeClass',
    metadata: { name: RUNTIME_CLASS, labels: TESTED },
    handler: 'runc',
    overhead: { podFixed: { cpu: '5m' } },
  } as KubeObject);
  try {
    await eventually('the runtime class is shown', () => tenant.get(resources.runtimeClasses, RUNTIME_CLASS));
    await eventually('the virtual API server takes a pod of the runtime class', () =>
      tenant.createPod('classed', { runtimeClassName: RUNTIME_CLASS }),
    );
    const { spec } = (await tenant.ready('classed')) as { spec?: Pod['spec'] & { overhead?: object } };
    const twin = (await tenant.onHost<Pod>(resources.pods, 'classed')).spec as Pod['spec'] & { overhead?: object };
    expect([spec?.runtimeClassName, twin?.runtimeClassName]).toEqual([RUNTIME_CLASS, RUNTIME_CLASS]);
    expect([spec?.overhead, twin?.overhead]).toEqual([{ cpu: '5m' }, { cpu: '5m' }]);
    await tenant.deletePod('classed');
  } finally {
    await cluster.current.host.delete(resources.runtimeClasses, { name: RUNTIME_CLASS });
  }
  await eventually('the runtime class is not shown any more', async () => {
    const { items } = await cluster.current.virtual.list(resources.runtimeClasses);
    return items.length === 0;
  });
});

test('a priority class of the virtual cluster gives a pod no priority on the host', async () => {
  await tenant.create(resources.priorityClasses, 'urgent', { value: 1_000_000, preemptionPolicy: 'Never' });
  for (const [name, priorityClassName] of [
    ['urgent', 'urgent'],
    ['critical', 'system-cluster-critical'],
  ] as const) {
    await eventually(`the virtual API server takes a pod of priority class ${priorityClassName}`, () =>
      tenant.createPod(name, { priorityClassName }),
    );
    const virtual = await tenant.ready(name);
    expect(virtual.spec?.priorityClassName).toBe(priorityClassName);
    expect(virtual.spec?.priority).toBeGreaterThanOrEqual(1_000_000);
    const { spec } = await tenant.onHost<Pod>(resources.pods, name);
    expect([spec?.priorityClassName, spec?.priority ?? 0]).toEqual([undefined, 0]);
  }
});

test('hooks run, and a container that a probe finds dead is started again', async () => {
  const probe = { exec: { command: ['test', '!', '-e', '/tmp/dead'] }, periodSeconds: 1, failureThreshold: 1 };
  await tenant.createPod('probed', {
    containers: [
      idle('main', {
        lifecycle: { postStart: { exec: { command: ['sh', '-c', 'echo started > /tmp/started'] } } },
        startupProbe: { ...probe, failureThreshold: 30 },
        livenessProbe: probe,
        readinessProbe: { exec: { command: ['test', '-e', '/tmp/ready'] }, periodSeconds: 1 },
      }),
    ],
  });
  const notReady = await tenant.until(
    'probed',
    'has started and is not ready',
    ({ status }) => status?.containerStatuses?.[0]?.started === true,
  );
  expect(condition(notReady, 'Ready')?.status).toBe('False');
  expect(await tenant.run('probed', 'cat', '/tmp/started')).toBe('started');
  await tenant.run('probed', 'touch', '/tmp/ready');
  await tenant.ready('probed');
  await tenant.run('probed', 'touch', '/tmp/dead');
  await tenant.until('probed', 'was restarted', ({ status }) => status?.containerStatuses?.[0]?.restartCount === 1);
});

test('how a pod ended is told: exit code, last words, deadline', async () => {
  await tenant.createPod('failing', {
    restartPolicy: 'Never',
    containers: [
      idle('main', {
        command: ['sh', '-c', 'echo last words; exit 3'],
        terminationMessagePolicy: 'FallbackToLogsOnError',
      }),
    ],
  });
  await tenant.createPod('late', { restartPolicy: 'Never', activeDeadlineSeconds: 3 });
  const failed = await tenant.phase('failing', 'Failed');
  expect(failed.status?.containerStatuses?.[0]?.state?.terminated).toMatchObject({
    exitCode: 3,
    reason: 'Error',
    message: 'last words\n',
  });
  expect((await tenant.phase('late', 'Failed')).status).toMatchObject({ reason: 'DeadlineExceeded' });
});

test('a new image is taken over in the running pod', async () => {
  await tenant.createPod('renewed', {
    containers: [idle('main', { image: 'docker.io/library/busybox:none', imagePullPolicy: 'Never' })],
  });
  await tenant.until(
    'renewed',
    'has no image',
    ({ status }) => status?.containerStatuses?.[0]?.state?.waiting?.reason === 'ErrImageNeverPull',
  );
  const { code } = await tenant.kubectl('set', 'image', 'pod/renewed', 'main=docker.io/library/busybox:1.35');
  expect(code).toBe(0);
  await tenant.ready('renewed');
});

test('containers of a pod share its processes when it says so', async () => {
  await tenant.createPod('sharing', {
    shareProcessNamespace: true,
    containers: [idle('one', { command: ['sleep', '3601'] }), idle('two')],
  });
  await tenant.ready('sharing');
  expect(await tenant.shell({ pod: 'sharing', container: 'two' }, 'ps')).toContain('sleep 3601');
});

test('volumes belong to the group that the pod names, and processes are whom it says', async () => {
  await tenant.createPod('owned', {
    securityContext: { runAsUser: 1234, runAsGroup: 1235, fsGroup: 1236, supplementalGroups: [1237] },
    containers: [idle('main', { volumeMounts: [{ name: 'work', mountPath: '/work' }] })],
    volumes: [{ name: 'work', emptyDir: {} }],
  });
  await tenant.ready('owned');
  expect(await tenant.shell('owned', 'id -u; id -g; id -G; stat -c %g /work')).toMatch(
    /^1234\n1235\n1235 (1236 1237|1237 1236)\n1236$/,
  );
});

describe('controllers of the virtual cluster', () => {
  const template = (app: string, more: object = {}) => ({
    metadata: { labels: { app } },
    spec: { terminationGracePeriodSeconds: 1, containers: [idle()], ...more },
  });
  const owned = async (app: string): Promise<readonly Pod[]> => {
    const options = { namespace: 'shop', labelSelector: `app=${app}` };
    return (await cluster.current.virtual.list<Pod>(resources.pods, options)).items;
  };
  const done = (command: string) => ({
    restartPolicy: 'Never',
    containers: [idle('main', { command: ['sh', '-c', command] })],
  });

  test('run a DaemonSet’s pod on every node that the virtual cluster has', async () => {
    await tenant.createPod('stays'); // keeps its node: a DaemonSet alone does not
    await tenant.ready('stays');
    await tenant.create(resources.daemonSets, 'agent', {
      spec: { selector: { matchLabels: { app: 'agent' } }, template: template('agent') },
    });
    const nodes = await eventually('an agent runs on each node', async () => {
      const { items } = await cluster.current.virtual.list(resources.nodes);
      const pods = await owned('agent');
      const ready = pods.filter((pod) => condition(pod, 'Ready')?.status === 'True');
      const names = items.map(({ metadata }) => metadata?.name).sort();
      return JSON.stringify(ready.map(({ spec }) => spec?.nodeName).sort()) === JSON.stringify(names) && names;
    });
    expect(nodes.length).toBeGreaterThan(0);
    const [pod] = await owned('agent');
    const twin = await tenant.onHost<Pod>(resources.pods, pod?.metadata?.name ?? '');
    expect(twin.spec?.nodeName).toBe(pod?.spec?.nodeName);
    expect(twin.metadata?.annotations).toMatchObject({ 'cluster-autoscaler.kubernetes.io/daemonset-pod': 'true' });
  });

  test('complete a Job, with an index for each pod', async () => {
    await tenant.create(resources.jobs, 'count', {
      spec: {
        completions: 3,
        parallelism: 3,
        completionMode: 'Indexed',
        template: template('count', done('echo $JOB_COMPLETION_INDEX $(hostname)')),
      },
    });
    await eventually('the job is complete', async () => {
      const job = await tenant.get<KubeObject & { status?: { succeeded?: number } }>(resources.jobs, 'count');
      return job.status?.succeeded === 3;
    });
    const logs = await Promise.all(
      (await owned('count')).map(({ metadata }) =>
        cluster.current.virtual.getText(`/api/v1/namespaces/shop/pods/${metadata?.name}/log`),
      ),
    );
    expect(logs.sort()).toEqual(['0 count-0\n', '1 count-1\n', '2 count-2\n']);
  });

  test('replace the pod of a Job that fails, as often as it may', async () => {
    await tenant.create(resources.jobs, 'vain', {
      spec: { backoffLimit: 1, template: template('vain', done('exit 1')) },
    });
    await eventually(
      'the job has failed',
      async () => {
        const job = await tenant.get<KubeObject & { status?: { failed?: number; conditions?: PodCondition[] } }>(
          resources.jobs,
          'vain',
        );
        return job.status?.failed === 2 && job.status.conditions?.some(({ type }) => type === 'Failed');
      },
      90,
    );
  }, 100_000);

  test('start a CronJob’s job when its minute comes', async () => {
    await tenant.create({ ...resources.jobs, resource: 'cronjobs', kind: 'CronJob' }, 'minute', {
      spec: {
        schedule: '* * * * *',
        jobTemplate: { spec: { template: template('minute', done('true')) } },
      },
    });
    await eventually(
      'a job of it is complete',
      async () => (await owned('minute')).some(({ status }) => status?.phase === 'Succeeded'),
      120,
    );
  }, 150_000);
});
