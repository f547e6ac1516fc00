import type { Pod, PodSpec } from 'kubernetes-types/core/v1';
import type { RuntimeClass } from 'kubernetes-types/node/v1';
import type { PriorityClass } from 'kubernetes-types/scheduling/v1';
import { ApiError, resources } from '../../syncer/kube-client';
import { clusterScopedHostName } from '../../syncer/translation';
import { eventually } from '../virtual-cluster/eventually';
import { HOST_NAMESPACE, NAME } from './in-process-syncer';
import { found, TwoClusters } from './two-clusters';

let clusters: TwoClusters;

beforeAll(async () => {
  clusters = await TwoClusters.start();
  await clusters.stopSyncer();
});

afterAll(async () => {
  await clusters?.stop();
});

const identity = { name: NAME, hostNamespace: HOST_NAMESPACE };
const priorityClasses = resources.priorityClasses;
const runtimeClasses = resources.runtimeClasses;

const priorityClass = (name: string, value: number, more: Partial<PriorityClass> = {}): PriorityClass => ({
  apiVersion: 'scheduling.k8s.io/v1',
  kind: 'PriorityClass',
  metadata: { name },
  value,
  ...more,
});

const hostPod = (name: string): Promise<Pod> =>
  eventually(`pod ${name} is on the host`, () => clusters.twin<Pod>(resources.pods, name));

/** Creates a pod that names a class: the API server takes it once its own cache has the class, which may be later than the class's creation. */
const createPodOfClass = (name: string, spec: Partial<PodSpec>): Promise<unknown> =>
  eventually(`the virtual API server takes pod ${name} of ${JSON.stringify(spec)}`, () =>
    clusters.createPod(name, spec),
  );

async function deletePods(...names: string[]): Promise<void> {
  for (const name of names) {
    await clusters.virtual.delete(resources.pods, { namespace: 'default', name, gracePeriodSeconds: 0 });
    await clusters.gone(resources.pods, name);
  }
}

describe('priority classes of the tenant', () => {
  const twin = (name: string): Promise<PriorityClass | undefined> =>
    found(clusters.host.get<PriorityClass>(priorityClasses, { name: clusterScopedHostName(identity, name) }));
  const withTwin = (name: string, expected: object): Promise<PriorityClass> =>
    eventually(`the twin of PriorityClass ${name} is as expected`, async () => {
      const one = await twin(name);
      expect(one).toMatchObject(expected);
      return one;
    });
  const withoutTwin = (name: string): Promise<boolean> =>
    eventually(`PriorityClass ${name} has no twin`, async () => (await twin(name)) === undefined);
  const settings = { sync: { toHost: { priorityClasses: { enabled: true, maximumValue: 1000 } } } };

  beforeAll(async () => {
    await clusters.startSyncer(settings);
  });

  afterAll(async () => {
    await clusters.stopSyncer();
  });

  test('are on the host with at most the value that is allowed, for pods that name them', async () => {
    await clusters.virtual.create(
      priorityClasses,
      priorityClass('high', 5000, { globalDefault: false, description: 'd' }),
    );
    await withTwin('high', {
      value: 1000,
      description: 'd',
      metadata: { labels: { 'nestling.dev/virtual-cluster': NAME } },
    });
    await createPodOfClass('important', { priorityClassName: 'high' });
    const pod = await hostPod('important');
    expect(pod.spec).toMatchObject({ priorityClassName: clusterScopedHostName(identity, 'high'), priority: 1000 });
    expect((await clusters.running('important')).spec).toMatchObject({ priorityClassName: 'high', priority: 5000 });
    await deletePods('important');
  });

  test('of the system stay where they are, and pods of them go without', async () => {
    await createPodOfClass('critical', { priorityClassName: 'system-node-critical' });
    const pod = await hostPod('critical');
    expect(pod.spec?.priorityClassName).toBeUndefined();
    expect(pod.spec?.priority).toBe(0);
    expect(await twin('system-node-critical')).toBeUndefined();
    await deletePods('critical');
  });

  test('follow their tenant: another description in place, another value by a new class, and the end', async () => {
    await clusters.virtual.create(priorityClasses, priorityClass('changing', 10));
    const first = await withTwin('changing', { value: 10 });
    const at = { name: 'changing', type: 'merge' } as const;
    await clusters.virtual.patch(priorityClasses, at, { description: 'new' });
    const second = await withTwin('changing', { description: 'new' });
    expect(second.metadata?.uid).toBe(first.metadata?.uid);
    await clusters.virtual.delete(priorityClasses, { name: 'changing' });
    await clusters.virtual.create(priorityClasses, priorityClass('changing', 20, { preemptionPolicy: 'Never' }));
    await withTwin('changing', { value: 20, preemptionPolicy: 'Never' });
    await clusters.virtual.delete(priorityClasses, { name: 'changing' });
    await withoutTwin('changing');
  });

  test('that the host cannot have are told to pods that name them, which wait', async () => {
    const name = clusterScopedHostName(identity, 'taken');
    await clusters.host.create(priorityClasses, priorityClass(name, 1));
    await clusters.virtual.create(priorityClasses, priorityClass('taken', 10));
    await createPodOfClass('waiting', { priorityClassName: 'taken' });
    await clusters.waiting(
      'waiting',
      'WaitingForHost',
      'priorityclass "taken" is not on the host: the name on the host is taken by a PriorityClass that is not of this virtual cluster; use another name',
    );
    expect(await clusters.twin(resources.pods, 'waiting')).toBeUndefined();
    await clusters.host.delete(priorityClasses, { name });
    await clusters.virtual.patch(priorityClasses, { name: 'taken', type: 'merge' }, { description: 'once more' });
    await clusters.running('waiting');
    await deletePods('waiting');
    await clusters.virtual.delete(priorityClasses, { name: 'taken' });
    await withoutTwin('taken');
  });

  test('whose twins another program replaces each time are made anew at a bounded rate', async () => {
    const { requests } = clusters.syncer.host;
    const made = () =>
      (['create', 'delete'] as const).reduce(
        (sum, verb) => sum + requests.count({ verb, resource: 'priorityclasses' }),
        0,
      );
    const before = { made: made(), at: performance.now() };
    await clusters.virtual.create(priorityClasses, priorityClass('fought-over', 10));
    const { metadata } = await withTwin('fought-over', { value: 10 });
    const { name = '', labels = {}, annotations = {} } = metadata ?? {};
    await eventually('event WriteLoop about PriorityClass fought-over', async () => {
      for (let round = 0; round < 5; round += 1) {
        await found(clusters.host.delete(priorityClasses, { name }));
        try {
          await clusters.host.create(
            priorityClasses,
            priorityClass(name, 11, { metadata: { name, labels, annotations } }),
          );
        } catch (error) {
          // The syncer may have been quicker.
          if (!ApiError.is(error, 'AlreadyExists')) throw error;
        }
      }
      const fieldSelector = 'involvedObject.name=fought-over,reason=WriteLoop';
      return (await clusters.virtual.list(resources.events, { namespace: 'default', fieldSelector })).items.length > 0;
    });
    // A burst, then one a second: true however slow the machine is.
    expect(made() - before.made).toBeLessThanOrEqual(21 + (performance.now() - before.at) / 1000);
    await withTwin('fought-over', { value: 10 });
    await clusters.virtual.delete(priorityClasses, { name: 'fought-over' });
    await withoutTwin('fought-over');
  });

  test('that went while no syncer ran leave nothing, and classes of others stay', async () => {
    await clusters.virtual.create(priorityClasses, priorityClass('orphaned', 10));
    await withTwin('orphaned', { value: 10 });
    // Of a cluster of the same name in another host namespace, and one that bears our labels under another name.
    const other = clusterScopedHostName({ ...identity, hostNamespace: 'team-b' }, 'orphaned');
    const marks = (hostNamespace: string, name: string) => ({
      labels: { 'nestling.dev/virtual-cluster': NAME, 'nestling.dev/host-namespace': hostNamespace },
      annotations: { 'nestling.dev/kind': 'PriorityClass', 'nestling.dev/name': name, 'nestling.dev/uid': 'u' },
    });
    await clusters.stopSyncer();
    await clusters.virtual.delete(priorityClasses, { name: 'orphaned' });
    const theirs = [
      priorityClass(other, 1, { metadata: { name: other, ...marks('team-b', 'orphaned') } }),
      priorityClass('copied', 1, { metadata: { name: 'copied', ...marks(HOST_NAMESPACE, 'orphaned') } }),
    ];
    for (const one of theirs) await clusters.host.create(priorityClasses, one);
    await clusters.startSyncer(settings);
    await withoutTwin('orphaned');
    for (const { metadata } of theirs) {
      expect(await clusters.host.get(priorityClasses, { name: metadata?.name ?? '' })).toBeDefined();
      await clusters.host.delete(priorityClasses, { name: metadata?.name ?? '' });
    }
  });

  test('whose name on the host is taken are not made, and the class there is left alone', async () => {
    const name = clusterScopedHostName(identity, 'taken');
    await clusters.host.create(priorityClasses, priorityClass(name, 3));
    await clusters.virtual.create(priorityClasses, priorityClass('taken', 4));
    await clusters.event('taken', 'HostNameTaken');
    await clusters.virtual.delete(priorityClasses, { name: 'taken' });
    expect(await clusters.host.get<PriorityClass>(priorityClasses, { name })).toMatchObject({ value: 3 });
    await clusters.host.delete(priorityClasses, { name });
  });
});

describe('classes of the host', () => {
  const seen = (type: typeof priorityClasses | typeof runtimeClasses, name: string): Promise<unknown> =>
    eventually(`${type.kind} ${name} is seen in the virtual cluster`, () =>
      found(clusters.virtual.get(type, { name })),
    );
  const runtimeClass = (name: string, labels: Record<string, string>): RuntimeClass => ({
    apiVersion: 'node.k8s.io/v1',
    kind: 'RuntimeClass',
    metadata: { name, labels },
    handler: 'runc',
    overhead: { podFixed: { cpu: '250m', memory: '64Mi' } },
    scheduling: { nodeSelector: { sandbox: 'yes' }, tolerations: [{ key: 'sandbox', operator: 'Exists' }] },
  });

  beforeAll(async () => {
    const shown = { tenants: 'yes' };
    await clusters.host.create(
      priorityClasses,
      priorityClass('platform', 77, { metadata: { name: 'platform', labels: shown } }),
    );
    await clusters.host.create(priorityClasses, priorityClass('hidden', 99));
    await clusters.host.create(runtimeClasses, runtimeClass('sandboxed', shown));
    await clusters.host.create(runtimeClasses, runtimeClass('weak', {}));
    const view = { enabled: true, selector: shown };
    await clusters.startSyncer({ sync: { fromHost: { priorityClasses: view, runtimeClasses: view } } });
    await Promise.all([seen(priorityClasses, 'platform'), seen(runtimeClasses, 'sandboxed')]);
  });

  test('of priority are kept by pods that name one which is shown, and by no others', async () => {
    await clusters.virtual.create(priorityClasses, priorityClass('hidden', 5));
    await createPodOfClass('shown-class', { priorityClassName: 'platform' });
    await createPodOfClass('own-class', { priorityClassName: 'hidden' });
    await createPodOfClass('system-class', { priorityClassName: 'system-cluster-critical' });
    expect((await hostPod('shown-class')).spec).toMatchObject({ priorityClassName: 'platform', priority: 77 });
    expect((await hostPod('own-class')).spec?.priorityClassName).toBeUndefined();
    expect((await hostPod('system-class')).spec?.priorityClassName).toBeUndefined();
    await deletePods('shown-class', 'own-class', 'system-class');
  });

  test('of runtimes give pods on both sides their overhead and scheduling', async () => {
    await createPodOfClass('sandboxed', { runtimeClassName: 'sandboxed' });
    const expected = {
      runtimeClassName: 'sandboxed',
      overhead: { cpu: '250m', memory: '64Mi' },
      nodeSelector: { sandbox: 'yes' },
    };
    expect((await hostPod('sandboxed')).spec).toMatchObject(expected);
    const virtual = await clusters.virtualOne<Pod>(resources.pods, 'sandboxed');
    expect(virtual?.spec).toMatchObject(expected);
    const keys = (await hostPod('sandboxed')).spec?.tolerations?.filter(({ key }) => key === 'sandbox');
    expect(keys).toHaveLength(1);
    await deletePods('sandboxed');
  });

  test('of runtimes are not reached by a class of the tenant that has their name, unless they are shown', async () => {
    await expect(clusters.createPod('unknown', { runtimeClassName: 'weak' })).rejects.toThrow(
      /RuntimeClass.*not found/i,
    );
    await clusters.virtual.create(runtimeClasses, {
      apiVersion: 'node.k8s.io/v1',
      kind: 'RuntimeClass',
      metadata: { name: 'weak' },
      handler: 'mine',
    });
    await createPodOfClass('escaping', { runtimeClassName: 'weak' });
    expect((await clusters.event('escaping', 'PolicyViolation')).message).toContain('spec.runtimeClassName is "weak"');
    expect(await clusters.twin(resources.pods, 'escaping')).toBeUndefined();
    await clusters.host.patch(
      runtimeClasses,
      { name: 'weak', type: 'merge' },
      { metadata: { labels: { tenants: 'yes' } } },
    );
    expect((await hostPod('escaping')).spec?.runtimeClassName).toBe('weak');
    await deletePods('escaping');
  });
});
