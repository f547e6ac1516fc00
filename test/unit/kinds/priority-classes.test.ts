import type { PriorityClass } from 'kubernetes-types/scheduling/v1';
import { priorityClasses } from '../../../syncer/kinds/priority-classes';
import { resources } from '../../../syncer/kube-client';
import { translatePriorityClass, withAppliedDigest } from '../../../syncer/translation';
import { eventually } from '../../virtual-cluster/eventually';
import { listed, playClusters } from './played-clusters';

const type = resources.priorityClasses;

const priorityClass = (name: string): PriorityClass => ({
  apiVersion: 'scheduling.k8s.io/v1',
  kind: 'PriorityClass',
  metadata: { name, uid: `${name}-uid`, resourceVersion: '1' },
  value: 5,
});

const createOf = (name: string): string => `create priorityclasses vcluster-${name}-x-team-a-x-vc`;

test('no more priority classes than the limit are on the host; those there stay, and a freed place is taken', async () => {
  const clusters = await playClusters({ toHost: { priorityClasses: { enabled: true, maximumCount: 2 } } });
  const { environment, caches, host } = clusters;
  const kind = priorityClasses(environment, caches);
  const [virtualCache, hostCache] = [caches.of<PriorityClass>('virtual', type), caches.of<PriorityClass>('host', type)];
  const translation = translatePriorityClass(priorityClass('old'), { ...environment, maximumValue: 1_000_000 });
  if (!translation.ok) throw new Error(translation.message);
  const twin = withAppliedDigest(translation.object);
  // The tenant's newer classes come first, as nothing orders a list.
  const names = ['new-1', 'new-2', 'new-3', 'old'];
  listed(hostCache, { ...twin, metadata: { ...twin.metadata, uid: 'host-uid', resourceVersion: '1' } });
  listed(virtualCache, ...names.map(priorityClass));
  const stop = new AbortController();
  const running = kind.run(stop.signal);
  const refused = () => clusters.events.filter((event) => event.startsWith('LimitReached '));
  try {
    await eventually('one new class is on the host and two are refused', () =>
      Promise.resolve(refused().length === 2 && host.writes.some((write) => write.startsWith('create'))),
    );
    const creates = () => host.writes.filter((write) => write.startsWith('create'));
    expect(creates()).toHaveLength(1);
    expect(host.writes.filter((write) => write.startsWith('delete'))).toEqual([]);
    expect(refused()[0]).toContain('at most 2');
    expect(refused()[0]).toContain('sync.toHost.priorityClasses.maximumCount');
    const [waiting = '', other = ''] = refused().map((event) => event.split(/[ :]/)[1] ?? '');
    // A class that is gone waits no more.
    virtualCache.remove(priorityClass(waiting));
    virtualCache.remove(priorityClass('old'));
    await eventually('the twin of the class that is gone is removed', () =>
      Promise.resolve(host.writes.some((write) => write === 'delete priorityclasses vcluster-old-x-team-a-x-vc')),
    );
    expect(creates()).toHaveLength(1);
    hostCache.remove({ ...twin, metadata: { ...twin.metadata, uid: 'host-uid', resourceVersion: '2' } });
    await eventually('the other class takes its place', () => Promise.resolve(creates().includes(createOf(other))));
    expect(creates()).toHaveLength(2);
  } finally {
    stop.abort();
    await running;
  }
});
