import type { Pod, PodSpec } from 'kubernetes-types/core/v1';
import { resources } from '../../syncer/kube-client';
import { TwoClusters } from '../integration/two-clusters';
import { eventually } from '../virtual-cluster/eventually';
import { HOST_NAMESPACE } from '../integration/in-process-syncer';
import { whatItCosts } from './request-counts';

/*
 * A virtual cluster of 1.35 on a host of 1.37, whose status says what 1.35 does not know or has switched off.
 */

let clusters: TwoClusters;

beforeAll(async () => {
  clusters = await TwoClusters.start({
    host: { version: '1.37', flags: ['--feature-gates=CSIVolumeHealth=true'] },
    virtual: { version: '1.35', flags: ['--feature-gates=GenericWorkload=true,ResourceHealthStatus=true'] },
  });
});

afterAll(async () => {
  await clusters?.stop();
});

const GPU = 'example.org/gpu';

/** Makes a pod run whose host status has more than the virtual API server can keep. */
async function podWithYoungStatus(name: string): Promise<Pod> {
  await clusters.createPod(name, {
    resources: { requests: { cpu: '100m' }, limits: { cpu: '1' } },
    containers: [{ name: 'main', image: 'example.org/main:1', resources: { limits: { [GPU]: '1' } } }],
    volumes: [{ name: 'data', emptyDir: {} }],
  } as Partial<PodSpec>);
  await clusters.running(name);
  const twin = (await clusters.twin<Pod>(resources.pods, name))!;
  const health = { resourceID: 'gpu-1', health: 'Unhealthy', message: 'too hot' };
  await hostStatus(name, {
    allocatedResources: { cpu: '100m' },
    resources: { requests: { cpu: '100m' }, limits: { cpu: '1' } },
    volumeHealth: [
      { name: 'data', healthConditions: [{ status: 'Inaccessible', reason: 'Lost', message: 'the disk is gone' }] },
    ],
    containerStatuses: twin.status?.containerStatuses?.map((status) => ({
      ...status,
      allocatedResourcesStatus: [{ name: GPU, resources: [health] }],
    })),
  });
  return (await clusters.twin<Pod>(resources.pods, name))!;
}

async function hostStatus(name: string, status: object): Promise<void> {
  const at = { namespace: HOST_NAMESPACE, name: clusters.hostNameOf(name), subresource: 'status' } as const;
  await clusters.host.patch(resources.pods, { ...at, type: 'strategic' }, { status });
}

async function label(name: string, value: string): Promise<void> {
  const at = { namespace: 'default', name, type: 'merge' } as const;
  await clusters.virtual.patch(resources.pods, at, { metadata: { labels: { step: value } } });
  await eventually(`host pod of ${name} has the label step=${value}`, async () =>
    JSON.stringify((await clusters.twin<Pod>(resources.pods, name))?.metadata?.labels).includes(value),
  );
}

test('what the older API server knows of a status arrives, and what it cannot keep is written once, not for ever', async () => {
  const host = await podWithYoungStatus('young-status');
  // Else the host dropped it and there would be nothing to test.
  expect(JSON.stringify(host.status)).toMatch(/"message":"too hot"/);
  expect(host.status).toHaveProperty('volumeHealth');
  expect(host.status).toHaveProperty('allocatedResources');

  const virtual = await eventually('the health of the device is shown in the virtual cluster', async () => {
    const pod = await clusters.virtualOne<Pod>(resources.pods, 'young-status');
    return JSON.stringify(pod?.status?.containerStatuses).includes('Unhealthy') && pod;
  });
  expect(JSON.stringify(virtual.status)).not.toContain('too hot');
  for (const field of ['volumeHealth', 'allocatedResources', 'resources']) {
    expect(virtual.status).not.toHaveProperty(field);
  }
  expect(virtual.status?.phase).toBe('Running');

  // Idle, and with looks at the pod that have another reason: a label is one write down and none up.
  expect(await whatItCosts(clusters.syncer, () => Promise.resolve())).toEqual({ host: {}, virtual: {} });
  const looks = await whatItCosts(clusters.syncer, async () => {
    for (const value of ['one', 'two', 'three']) await label('young-status', value);
  });
  expect(looks).toEqual({ host: { 'patch pods': 3 }, virtual: {} });
});

test('the next change of such a status is one write again', async () => {
  await podWithYoungStatus('changing-status');
  await whatItCosts(clusters.syncer, () => Promise.resolve());
  const cost = await whatItCosts(clusters.syncer, async () => {
    await hostStatus('changing-status', { reason: 'Evicted', message: 'too hot in here' });
    await eventually('the new message is shown in the virtual cluster', async () => {
      const pod = await clusters.virtualOne<Pod>(resources.pods, 'changing-status');
      return pod?.status?.message === 'too hot in here';
    });
  });
  expect(cost).toEqual({ host: {}, virtual: { 'patch pods/status': 1 } });
});

test('a restarted syncer writes what the older API server cannot keep once more, which a user does not see', async () => {
  const { status } = await podWithYoungStatus('restarted');
  expect(status).toHaveProperty('volumeHealth');
  await whatItCosts(clusters.syncer, () => Promise.resolve());
  const before = await clusters.virtualOne<Pod>(resources.pods, 'restarted');
  await clusters.stopSyncer();
  await clusters.startSyncer();
  await whatItCosts(clusters.syncer, () => Promise.resolve());
  const after = await clusters.virtualOne<Pod>(resources.pods, 'restarted');
  // The server notes who writes what also where it drops it: an entry of managedFields is all that differs.
  expect(after).toEqual({
    ...before,
    metadata: {
      ...before?.metadata,
      managedFields: expect.anything() as unknown,
      resourceVersion: expect.any(String) as unknown,
    },
  });
  expect(await whatItCosts(clusters.syncer, () => Promise.resolve())).toEqual({ host: {}, virtual: {} });
});

test('a field that only the older API has is refused with its path', async () => {
  const created = await clusters.createPod('grouped', {
    workloadRef: { name: 'training', podGroup: 'workers' },
  } as Partial<PodSpec>);
  expect(created.spec).toHaveProperty('workloadRef');
  expect((await clusters.event('grouped', 'Unsupported')).message).toMatch(/^spec\.workloadRef needs a Workload/);
  expect(await clusters.twin(resources.pods, 'grouped')).toBeUndefined();
});
