import type { Pod, PodSpec } from 'kubernetes-types/core/v1';
import { resources } from '../../syncer/kube-client';
import { TwoClusters } from '../integration/two-clusters';
import { eventually } from '../virtual-cluster/eventually';
import { whatItCosts } from './request-counts';

/*
 * A host of 1.35 that has a feature switched off which the virtual cluster of 1.37 has on: its API server drops the fields of
 * that feature, whatever validation it is asked for.
 */

let clusters: TwoClusters;

beforeAll(async () => {
  clusters = await TwoClusters.start({
    host: { version: '1.35', flags: ['--feature-gates=PodLevelResources=false'] },
    virtual: { version: '1.37' },
  });
});

afterAll(async () => {
  await clusters?.stop();
});

/** Each label that changes makes the syncer look at the pod, and is one write. */
async function label(name: string, value: string): Promise<void> {
  const at = { namespace: 'default', name, type: 'merge' } as const;
  await clusters.virtual.patch(resources.pods, at, { metadata: { labels: { step: value } } });
  await eventually(`host pod of ${name} has the label step=${value}`, async () =>
    JSON.stringify((await clusters.twin<Pod>(resources.pods, name))?.metadata?.labels).includes(value),
  );
}

const podLevel = { resources: { requests: { cpu: '100m' }, limits: { cpu: '1' } } } as Partial<PodSpec>;

test('a field of a feature that the host has switched off is not dropped in silence, nor sent again and again', async () => {
  // Without a node: the host refuses to resize a pod on a node that does not say that it can.
  clusters.node.ignored.add(clusters.hostNameOf('pod-level'));
  await clusters.createPod('pod-level', podLevel);
  expect((await clusters.event('pod-level', 'NotKeptByHost')).message).toMatch(
    /^the host made the Pod without spec\.resources: /,
  );
  expect((await clusters.twin<Pod>(resources.pods, 'pod-level'))?.spec).not.toHaveProperty('resources');

  await label('pod-level', 'before');
  const cost = await whatItCosts(clusters.syncer, async () => {
    for (const value of ['one', 'two', 'three']) await label('pod-level', value);
  });
  expect(cost).toEqual({ host: { 'patch pods': 3 }, virtual: {} });
});
