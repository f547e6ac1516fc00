import type { Event, Pod } from 'kubernetes-types/core/v1';
import { ANNOTATIONS, eventUpdate, hostName, tokenSecretName, translateEvent } from '../../../syncer/translation';
import type { KnownName } from '../../../syncer/translation';
import { identity, podWith, translated } from './fixtures';

const virtual = podWith({
  volumes: [
    { name: 'files', configMap: { name: 'files' } },
    { name: 'password', secret: { secretName: 'a-password-with-a-name-that-is-far-too-long-for-the-host' } },
  ],
});
const host: Pod = {
  ...translated(virtual),
  spec: { ...translated(virtual).spec!, nodeName: 'node-1' },
};
host.metadata = { ...host.metadata, uid: 'host-uid' };

/** An event as a kubelet writes it. */
function hostEvent(changes: Partial<Event> = {}): Event {
  return {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: {
      name: `${host.metadata?.name}.18a0`,
      namespace: 'team-a',
      uid: 'event-uid',
      resourceVersion: '77',
      managedFields: [],
      labels: { secret: 'of the host' },
    },
    involvedObject: {
      apiVersion: 'v1',
      kind: 'Pod',
      name: host.metadata?.name ?? '',
      namespace: 'team-a',
      uid: 'host-uid',
      resourceVersion: '4',
      fieldPath: 'spec.containers{main}',
    },
    type: 'Warning',
    reason: 'Failed',
    message: 'it failed',
    count: 3,
    firstTimestamp: '2026-01-01T00:00:00Z',
    lastTimestamp: '2026-01-01T00:05:00Z',
    source: { component: 'kubelet', host: 'node-1' },
    reportingComponent: 'kubelet',
    reportingInstance: 'node-1',
    ...changes,
  } as Event;
}

const said = (message: string, nameOf?: (name: string) => KnownName | undefined): string | undefined =>
  translateEvent(hostEvent({ message }), { virtual, host }, identity, nameOf)?.message;

test('an event about a twin is one about the virtual object, with nothing of the host', () => {
  const copy = translateEvent(hostEvent(), { virtual, host }, identity);
  expect(copy).toEqual({
    apiVersion: 'v1',
    kind: 'Event',
    metadata: {
      name: expect.stringMatching(/^web\.[0-9a-f]{16}$/),
      namespace: 'shop',
      labels: { 'nestling.dev/host-event': 'true' },
      annotations: { [ANNOTATIONS.resourceVersion]: '77' },
    },
    involvedObject: {
      apiVersion: 'v1',
      kind: 'Pod',
      name: 'web',
      namespace: 'shop',
      uid: 'pod-uid',
      fieldPath: 'spec.containers{main}',
    },
    type: 'Warning',
    reason: 'Failed',
    message: 'it failed',
    count: 3,
    firstTimestamp: '2026-01-01T00:00:00Z',
    lastTimestamp: '2026-01-01T00:05:00Z',
    source: { component: 'kubelet', host: 'node-1' },
    reportingComponent: 'kubelet',
    reportingInstance: 'node-1',
  });
  expect(JSON.stringify(copy)).not.toMatch(/team-a|-x-/);
});

test('has a name that follows from the host event alone, and says which state of it was copied', () => {
  const name = (event: Event) => translateEvent(event, { virtual, host }, identity)?.metadata.name;
  const again = hostEvent({ count: 4 });
  again.metadata = { ...again.metadata, resourceVersion: '78' };
  expect(name(again)).toBe(name(hostEvent()));
  const other = hostEvent();
  other.metadata = { ...other.metadata, uid: 'another-uid' };
  expect(name(other)).not.toBe(name(hostEvent()));
  expect(eventUpdate(translateEvent(again, { virtual, host }, identity)!)).toEqual({
    metadata: { annotations: { [ANNOTATIONS.resourceVersion]: '78' } },
    message: 'it failed',
    count: 4,
    lastTimestamp: '2026-01-01T00:05:00Z',
  });
});

test('keeps a series and the time of newer events, but not where the host’s components run', () => {
  const scheduled = hostEvent({
    eventTime: '2026-01-01T00:00:00.123456Z',
    series: { count: 2, lastObservedTime: '2026-01-01T00:01:00.000000Z' },
    action: 'Binding',
    source: { host: 'master-7' },
    related: { kind: 'Pod', name: 'other' },
    reportingComponent: 'default-scheduler',
    reportingInstance: 'default-scheduler-master-7',
    count: undefined,
    firstTimestamp: null,
    lastTimestamp: null,
  } as unknown as Partial<Event>);
  const copy = translateEvent(scheduled, { virtual, host }, identity);
  expect(copy).toMatchObject({
    eventTime: '2026-01-01T00:00:00.123456Z',
    series: { count: 2, lastObservedTime: '2026-01-01T00:01:00.000000Z' },
    action: 'Binding',
    reportingComponent: 'default-scheduler',
    reportingInstance: 'default-scheduler',
    source: {},
  });
  for (const absent of ['related', 'count', 'firstTimestamp', 'lastTimestamp']) expect(copy).not.toHaveProperty(absent);
  expect(JSON.stringify(copy)).not.toContain('master-7');
});

const hashed = hostName(identity, 'shop', 'a-password-with-a-name-that-is-far-too-long-for-the-host');

test.each([
  [
    `Successfully assigned team-a/${hostName(identity, 'shop', 'web')} to node-1`,
    'Successfully assigned shop/web to node-1',
  ],
  [
    `MountVolume.SetUp failed for volume "files" : configmap "${hostName(identity, 'shop', 'files')}" not found`,
    'MountVolume.SetUp failed for volume "files" : configmap "files" not found',
  ],
  [
    `MountVolume.SetUp failed for volume "password" : secret "${hashed}" not found`,
    'MountVolume.SetUp failed for volume "password" : secret "a-password-with-a-name-that-is-far-too-long-for-the-host" not found',
  ],
  [
    `references non-existent secret key in "${tokenSecretName(identity, 'shop', 'web')}"`,
    'references non-existent secret key in "web-token"',
  ],
  [
    `Back-off restarting failed container main in pod ${hostName(identity, 'shop', 'web')}_team-a(host-uid)`,
    'Back-off restarting failed container main in pod web_shop(pod-uid)',
  ],
  // Objects that the pod does not refer to.
  [`waits for ${hostName(identity, 'shop', 'claim')}`, 'waits for claim'],
  [`team-a/${hostName(identity, 'bank', 'claim')}: busy.`, 'bank/claim: busy.'],
  [
    `${hostName(identity, 'shop', 'db')}.team-a.svc.cluster.local: no such host`,
    'db.shop.svc.cluster.local: no such host',
  ],
  ['preempted by team-a/spy-x-lab-x-other on node-1', 'preempted by (an object on the host) on node-1'],
  ['quota of team-a is used up', 'quota of shop is used up'],
  // What only looks like it.
  ['pulling image "registry/my-x-app:1"', 'pulling image "registry/my-x-app:1"'],
  ['team-ab and my-team-a are others', 'team-ab and my-team-a are others'],
])('%j is said as %j', (message, expected) => expect(said(message)).toBe(expected));

test('hashed names of objects that the caches know are told, others are not', () => {
  const name = hostName(identity, 'shop', 'n'.repeat(60));
  expect(said(`waits for ${name}`)).toBe('waits for (an object on the host)');
  const nameOf = (one: string) => (one === name ? { namespace: 'shop', name: 'n'.repeat(60) } : undefined);
  expect(said(`waits for ${name}`, nameOf)).toBe(`waits for ${'n'.repeat(60)}`);
});

test('a host namespace that is an ordinary word is replaced only where it is named as one', () => {
  const id = { name: 'my-vc', hostNamespace: 'node' };
  const message = 'the node is full: namespace "node"';
  expect(translateEvent(hostEvent({ message }), { virtual, host }, id)?.message).toBe(
    'the node is full: namespace "shop"',
  );
});

test('events about a container that the tenant does not see are none', () => {
  const pair = {
    virtual,
    host: {
      ...host,
      metadata: {
        ...host.metadata,
        annotations: { ...host.metadata?.annotations, [ANNOTATIONS.hostsContainer]: 'nestling-hosts' },
      },
    },
  };
  const { involvedObject } = hostEvent();
  const about = (fieldPath: string) =>
    translateEvent(hostEvent({ involvedObject: { ...involvedObject, fieldPath } }), pair, identity);
  expect(about('spec.initContainers{nestling-hosts}')).toBeUndefined();
  expect(about('spec.initContainers{mine}')?.involvedObject.fieldPath).toBe('spec.initContainers{mine}');
});

test('a message is cut where the API server would refuse it', () => {
  const message = said(`${'ä'.repeat(600)} ${hostName(identity, 'shop', 'web')}`);
  expect(Buffer.byteLength(message ?? '')).toBeLessThanOrEqual(1024);
  expect(message).toMatch(/^ä+…$/);
});

test('a long message is cut before names are looked for, and never inside one', () => {
  expect(said(`team-a/${hostName(identity, 'shop', 'claim')} `.repeat(1_000))).toMatch(/^(claim )+…$/);
  expect(said(`${'x'.repeat(4095)}💧${'-'.repeat(9)}`)).toBe('…');
  // Whatever it is made of: each of these would take minutes if it were searched from each of its dots.
  for (const part of ['a.', 'a-x-.', '-x-a.', 'a-', '..', '-x-', `${hashed}.`]) {
    expect(Buffer.byteLength(said(part.repeat(500_000)) ?? '')).toBeLessThanOrEqual(1024);
  }
});

test('a word with many dots is looked up only as far as names are long', () => {
  const asked: string[] = [];
  const message = said(`preempted by spy-x-lab-x-other${'.b'.repeat(400)} here`, (name) => {
    asked.push(name);
    return undefined;
  });
  expect(message).toBe('preempted by (an object on the host) here');
  expect(asked.length).toBeLessThanOrEqual(32);
});

test('an object of any kind may be the subject, whose names are not known', () => {
  const claim = {
    virtual: {
      apiVersion: 'example.org/v1',
      kind: 'Widget',
      metadata: { name: 'constructor', namespace: '__proto__', uid: 'v' },
    },
    host: { metadata: { name: hostName(identity, '__proto__', 'constructor'), uid: 'h' } },
  };
  const copy = translateEvent(hostEvent({ message: `${claim.host.metadata.name} is made` }), claim, identity);
  expect(copy).toMatchObject({
    message: 'constructor is made',
    involvedObject: { apiVersion: 'example.org/v1', kind: 'Widget', name: 'constructor', namespace: '__proto__' },
  });
});
