import type { Event } from 'kubernetes-types/core/v1';
import { EventRecorder, Metrics } from '../../../syncer/engine';
import { KubeClient } from '../../../syncer/kube-client';
import { json, ScriptedServer, status } from '../kube-client/scripted-server';
import { ManualClock } from './manual-clock';

let server: ScriptedServer;
let client: KubeClient;
let clock: ManualClock;
let metrics: Metrics;
let recorder: EventRecorder;

beforeEach(async () => {
  server = new ScriptedServer();
  server.answer = (request, response) => json(response, 201, JSON.parse(request.body) as object);
  client = new KubeClient({ server: await server.start() }, { userAgent: 'test' });
  clock = new ManualClock();
  metrics = new Metrics();
  recorder = new EventRecorder(client, {
    component: 'nestling-syncer',
    metrics,
    clock,
    wallClock: () => new Date(Date.UTC(2026, 0, 1) + clock.now()),
  });
});
afterEach(async () => {
  await recorder.close();
  await client.close();
  await server.stop();
});

const pod = (name: string) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: 'n', uid: `uid-${name}`, resourceVersion: '7' },
});
const refused = (name: string, message = 'no') => ({
  object: pod(name),
  severity: 'Warning' as const,
  reason: 'SyncRefused',
  message,
});

test('an event names its object and is written once', async () => {
  recorder.record(refused('p', 'hostPath is not allowed'));
  await recorder.flush();
  expect(server.seen).toHaveLength(1);
  const [request] = server.seen;
  expect(request).toMatchObject({ method: 'POST', path: '/api/v1/namespaces/n/events' });
  const event = JSON.parse(request?.body as string) as Event;
  expect(event).toMatchObject({
    involvedObject: { apiVersion: 'v1', kind: 'Pod', name: 'p', namespace: 'n', uid: 'uid-p' },
    type: 'Warning',
    reason: 'SyncRefused',
    message: 'hostPath is not allowed',
    action: 'Sync',
    source: { component: 'nestling-syncer' },
    firstTimestamp: '2026-01-01T00:00:00Z',
    count: 1,
  });
  expect(event.metadata.name).toMatch(/^p\.[0-9a-f]{16}$/);
});

test('repeats raise the count, with one write a minute', async () => {
  for (let index = 0; index < 50; index++) recorder.record(refused('p'));
  await recorder.flush();
  expect(server.seen).toHaveLength(1);
  clock.advance(59_999);
  expect(server.seen).toHaveLength(1);
  clock.advance(1);
  await recorder.flush();
  expect(server.seen).toHaveLength(2);
  expect(server.seen[1]?.method).toBe('PATCH');
  expect(JSON.parse(server.seen[1]?.body as string)).toMatchObject({ count: 50 });
  clock.advance(600_000);
  await recorder.flush();
  expect(server.seen).toHaveLength(2);
});

test('an event that the server has dropped is made again', async () => {
  recorder.record(refused('p'));
  await recorder.flush();
  server.answer = (request, response) =>
    request.method === 'PATCH' ? json(response, 404, status(404, 'NotFound')) : json(response, 201, {});
  clock.advance(3_600_000);
  recorder.record(refused('p'));
  clock.advance(0);
  await recorder.flush();
  expect(server.seen.map((request) => request.method)).toEqual(['POST', 'PATCH', 'POST']);
  expect(JSON.parse(server.seen[2]?.body as string)).toMatchObject({ count: 2 });
});

test('an object cannot flood: a burst, then one per half minute; others are not affected', async () => {
  for (let index = 0; index < 100; index++) recorder.record(refused('p', `message ${index}`));
  recorder.record(refused('q'));
  await recorder.flush();
  expect(server.seen).toHaveLength(11);
  clock.advance(30_000);
  for (let index = 0; index < 5; index++) recorder.record(refused('p', `later ${index}`));
  await recorder.flush();
  expect(server.seen).toHaveLength(12);
  expect(await metrics.text()).toContain('nestling_events_total{outcome="dropped"} 94');
});

test('long texts are cut between characters', async () => {
  recorder.record(refused('p', 'ü🐣'.repeat(1000)));
  await recorder.flush();
  const { message } = JSON.parse(server.seen[0]?.body as string) as Event;
  expect(Buffer.byteLength(message as string)).toBeLessThanOrEqual(1024);
  expect(message).toMatch(/^(ü🐣)+ü?…$/u);
});

test('nothing that goes wrong reaches the caller', async () => {
  server.answer = (_, response) => json(response, 403, status(403, 'Forbidden', 'namespace is being terminated'));
  recorder.record(refused('p'));
  recorder.record({ ...refused('q'), message: undefined as unknown as string });
  await recorder.flush();
  expect(await metrics.text()).toContain('nestling_events_total{outcome="failed"} 2');
});

test('objects without a namespace have their events in default; closed, it takes none', async () => {
  recorder.record({
    ...refused('p'),
    object: { kind: 'Node', apiVersion: 'v1', metadata: { name: 'node-1', uid: 'u' } },
  });
  await recorder.flush();
  expect(server.seen[0]?.path).toBe('/api/v1/namespaces/default/events');
  await recorder.close();
  recorder.record(refused('q'));
  await recorder.flush();
  expect(server.seen).toHaveLength(1);
});
