import { setTimeout as sleep } from 'node:timers/promises';
import type { Event, Pod, Service } from 'kubernetes-types/core/v1';
import { resources } from '../../syncer/kube-client';
import type { KubeObject } from '../../syncer/kube-client';
import { eventually } from '../virtual-cluster/eventually';
import { HOST_NAMESPACE } from './in-process-syncer';
import { TwoClusters } from './two-clusters';

let clusters: TwoClusters;
let count = 0;

beforeAll(async () => {
  clusters = await TwoClusters.start();
});

afterAll(async () => {
  await clusters?.stop();
});

/** Writes an event about a host object, as a component of the host does. */
async function say(about: KubeObject, reason: string, changes: Partial<Event> = {}): Promise<Event> {
  const { name, namespace, uid } = about.metadata ?? {};
  const at = new Date().toISOString().replace(/\.\d+Z$/, 'Z');
  return clusters.host.create<Event>(resources.events, {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { name: `${name}.${++count}`, namespace: HOST_NAMESPACE },
    involvedObject: { apiVersion: about.apiVersion, kind: about.kind, name, namespace, uid },
    type: 'Normal',
    reason,
    message: `said of ${namespace}/${name}`,
    source: { component: 'kubelet', host: 'node-1' },
    reportingComponent: 'kubelet',
    reportingInstance: 'node-1',
    firstTimestamp: at,
    lastTimestamp: at,
    count: 1,
    ...changes,
  } as Event);
}

/** Changes an event on the host, as a component does when the same happens again. */
const happensAgain = (event: Event, times: number): Promise<unknown> =>
  clusters.host.patch(
    resources.events,
    { name: event.metadata.name ?? '', namespace: HOST_NAMESPACE, type: 'merge' },
    { count: times },
  );

/** A virtual pod that runs, and its twin. */
async function pod(name: string): Promise<{ virtual: Pod; host: Pod }> {
  await clusters.createPod(name);
  const virtual = await clusters.running(name);
  const host = await clusters.twin<Pod>(resources.pods, name);
  if (!host) throw new Error(`pod ${name} has no twin`);
  return { virtual, host };
}

/** Requests about events that the syncer has sent to the virtual cluster. */
const sent = (verb?: string): number =>
  clusters.syncer.virtual.requests
    .entries()
    .filter((one) => one.resource === 'events' && ['create', 'patch', 'get'].includes(one.verb))
    .filter((one) => verb === undefined || one.verb === verb)
    .reduce((sum, one) => sum + one.sent, 0);

/** Waits until the syncer has read all that the host's events said until now: it copies a last one. */
async function caughtUp(host: Pod, name: string): Promise<void> {
  const reason = `Last${++count}`;
  await say(host, reason);
  await clusters.event(name, reason);
}

test('an event about a twin is shown about the virtual object, and counts on, in the tenant’s names', async () => {
  const { virtual, host } = await pod('told');
  const said = await say(host, 'Pulled');
  const event = await clusters.event('told', 'Pulled');
  expect(event).toMatchObject({
    involvedObject: { apiVersion: 'v1', kind: 'Pod', namespace: 'default', name: 'told', uid: virtual.metadata?.uid },
    type: 'Normal',
    message: 'said of default/told',
    source: { component: 'kubelet', host: 'node-1' },
    count: 1,
  });
  expect(JSON.stringify({ ...event, metadata: { ...event.metadata, managedFields: undefined } })).not.toMatch(
    /team-a|-x-/,
  );
  await happensAgain(said, 7);
  await eventually('the count of the copy is that of the host', async () => {
    const [copy, ...more] = (await clusters.events('told')).filter(({ reason }) => reason === 'Pulled');
    expect(more).toEqual([]);
    return copy?.metadata.uid === event.metadata.uid && copy?.count === 7;
  });
});

test('services and config maps have theirs too', async () => {
  await clusters.virtual.create<Service>(resources.services, {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'front', namespace: 'default' },
    spec: { selector: { app: 'front' }, ports: [{ port: 80 }] },
  });
  const twin = await eventually('the twin of the service', () => clusters.twin<Service>(resources.services, 'front'));
  await say({ ...twin, apiVersion: 'v1', kind: 'Service' }, 'SyncLoadBalancerFailed');
  expect(await clusters.event('front', 'SyncLoadBalancerFailed')).toMatchObject({
    involvedObject: { kind: 'Service', name: 'front' },
  });
});

test('what is not provably ours is not shown: other objects, another UID, another namespace, objects that are gone', async () => {
  const { host } = await pod('mine');
  const foreign = await clusters.host.create<Pod>(resources.pods, {
    apiVersion: 'v1',
    kind: 'Pod',
    // What a tenant of the host could make up.
    metadata: {
      ...host.metadata,
      name: clusters.hostNameOf('not-there'),
      resourceVersion: undefined,
      uid: undefined,
    } as object,
    spec: { containers: [{ name: 'main', image: 'example.org/main:1' }] },
  });
  const before = (await clusters.virtual.list<Event>(resources.events)).items.length;
  await say({ ...foreign, apiVersion: 'v1', kind: 'Pod' }, 'Foreign');
  await say({ ...host, metadata: { ...host.metadata, uid: 'another' } }, 'Former');
  await say({ ...host, kind: 'Service' }, 'OtherKind');
  await caughtUp(host, 'mine');
  await clusters.virtual.delete(resources.pods, { namespace: 'default', name: 'mine', gracePeriodSeconds: 0 });
  await clusters.gone(resources.pods, 'mine');
  await say(host, 'TooLate');
  // Longer than an event waits for an object that no cache has.
  await sleep(12_500);
  const after = (await clusters.virtual.list<Event>(resources.events)).items;
  expect(after.map(({ reason }) => reason)).not.toEqual(
    expect.arrayContaining([expect.stringMatching(/Foreign|Former|OtherKind|TooLate/)]),
  );
  expect(after.length - before).toBe(1);
});

test('a syncer that starts writes what it missed, and nothing that is there', async () => {
  const { host } = await pod('restarted');
  const known = await say(host, 'Known');
  await clusters.event('restarted', 'Known');
  await clusters.stopSyncer();
  await say(host, 'Missed');
  await clusters.startSyncer();
  await clusters.event('restarted', 'Missed');
  await caughtUp(host, 'restarted');
  // The missed one and the last one; nothing about all those before.
  expect([sent('create'), sent('patch'), sent('get')]).toEqual([2, 0, 0]);

  await clusters.stopSyncer();
  await happensAgain(known, 5);
  await clusters.startSyncer();
  await eventually('the count that grew meanwhile is shown', async () => {
    const copies = (await clusters.events('restarted')).filter(({ reason }) => reason === 'Known');
    return copies.length === 1 && copies[0]?.count === 5;
  });
  expect([sent('create'), sent('patch')]).toEqual([0, 1]);
});

test('an event that the tenant deleted is written again when it happens again', async () => {
  const { host } = await pod('cleared');
  const said = await say(host, 'Repeated');
  const first = await clusters.event('cleared', 'Repeated');
  await clusters.virtual.delete(resources.events, { namespace: 'default', name: first.metadata.name ?? '' });
  await happensAgain(said, 2);
  await eventually('a new copy', async () => {
    const copy = (await clusters.events('cleared')).find(({ reason }) => reason === 'Repeated');
    return copy !== undefined && copy.metadata.uid !== first.metadata.uid && copy.count === 2;
  });
});

test('a flood about one object is cut, and others have theirs', async () => {
  const { host } = await pod('flooded');
  const { host: calm } = await pod('calm');
  const before = sent();
  for (let index = 0; index < 100; index++) await say(host, `Flood${index}`);
  await say(calm, 'Heard');
  await clusters.event('calm', 'Heard');
  const copies = (await clusters.events('flooded')).filter(({ reason }) => reason?.startsWith('Flood'));
  expect(copies.length).toBeGreaterThanOrEqual(20);
  expect(copies.length).toBeLessThanOrEqual(30);
  expect(sent() - before).toBeLessThanOrEqual(35);
});

test('nothing is read or copied where events are switched off', async () => {
  const { host } = await pod('silent');
  await clusters.stopSyncer();
  await clusters.startSyncer({ sync: { fromHost: { events: { enabled: false } } } });
  await say(host, 'Unheard');
  await sleep(2_000);
  expect((await clusters.events('silent')).map(({ reason }) => reason)).not.toContain('Unheard');
  expect(clusters.syncer.host.requests.entries().filter(({ resource }) => resource === 'events')).toEqual([]);
});
