import { request } from 'node:http';
import { networkInterfaces } from 'node:os';
import {
  type DebugObject,
  DebugRegistry,
  DebugServer,
  EventRecorder,
  Metrics,
  ObjectCache,
  objectKey,
  PairController,
} from '../../../syncer/engine';
import type { ReconcileResult } from '../../../syncer/engine';
import { type KubeClient, type KubeObject, resources } from '../../../syncer/kube-client';
import { ManualClock, recordingLogger, settled } from './manual-clock';

const NOON = Date.parse('2026-01-01T12:00:00Z');

function object(key: string, resourceVersion: number): KubeObject {
  const [namespace, name] = key.split('/') as [string, string];
  return { metadata: { name, namespace, uid: `uid-${name}`, resourceVersion: String(resourceVersion) } };
}

function cacheOf(name: string, ...objects: KubeObject[]): ObjectCache<KubeObject> {
  const cache = new ObjectCache<KubeObject>(name);
  cache.replace(new Map(objects.map((each) => [objectKey(each), each])), '100');
  return cache;
}

/** A kind whose reconciliations do what the test says, and that joins as every kind does. */
function pods(virtual: readonly string[], host: readonly string[] = []) {
  const clock = new ManualClock();
  const registry = new DebugRegistry({ clock, wallClock: () => NOON + clock.now() });
  const metrics = new Metrics({ objects: registry });
  const client = { create: () => new Promise(() => undefined) } as unknown as KubeClient;
  const events = new EventRecorder(client, { component: 'test', metrics, clock });
  const acts = new Map<string, () => ReconcileResult>();
  const cache = cacheOf('virtual', ...virtual.map((key) => object(key, 7)));
  const controller = new PairController({
    name: 'pods',
    virtual: cache,
    host: cacheOf('host', ...host.map((key) => object(key, 9))),
    hostKeyOfVirtual: (key) => `host/${key.replace('/', '-x-')}`,
    virtualKeyOfHost: ({ metadata }) => metadata?.name?.replace('-x-', '/'),
    reconcile: async ({ key }) => acts.get(key)?.(),
    logger: recordingLogger(),
    metrics,
    clock,
    random: () => 1,
  });
  const stop = new AbortController();
  const running = controller.run(stop.signal);
  return {
    clock,
    registry,
    metrics,
    acts,
    cache,
    controller,
    /** Tells the tenant, as kinds do. */
    warn: (key: string, reason: string, message: string) =>
      events.record({ object: object(key, 7), type: resources.pods, severity: 'Warning', reason, message }),
    list: (query = {}): DebugObject[] => [...registry.objects(query)],
    stop: () => {
      stop.abort();
      return running;
    },
  };
}

type Kind = ReturnType<typeof pods>;

let kind: Kind | undefined;
afterEach(async () => {
  await kind?.stop();
  kind = undefined;
});

test('pairs are shown with names, UIDs and versions of both sides, also where one side is missing', async () => {
  kind = pods(['n/both', 'n/virtual'], ['host/n-x-both', 'host/n-x-orphan']);
  await settled();
  const virtual = { namespace: 'n', resourceVersion: '7' };
  const host = { namespace: 'host', resourceVersion: '9' };
  expect(kind.list()).toEqual([
    {
      kind: 'pods',
      key: 'n/both',
      virtual: { ...virtual, name: 'both', uid: 'uid-both' },
      host: { ...host, name: 'n-x-both', uid: 'uid-n-x-both' },
      state: 'synced',
    },
    { kind: 'pods', key: 'n/virtual', virtual: { ...virtual, name: 'virtual', uid: 'uid-virtual' }, state: 'synced' },
    { kind: 'pods', key: 'n/orphan', host: { ...host, name: 'n-x-orphan', uid: 'uid-n-x-orphan' }, state: 'synced' },
  ]);
});

test('what fails is pending since its first notice, with failures, error and the next attempt, until it succeeds', async () => {
  kind = pods([]);
  kind.acts.set('n/a', () => {
    throw new Error('the host is on fire');
  });
  await settled();
  kind.cache.upsert(object('n/a', 101));
  await settled();
  await kind.clock.pass(5);
  expect(kind.list({ pending: true })).toEqual([
    expect.objectContaining({
      key: 'n/a',
      state: 'pending',
      since: '2026-01-01T12:00:00.000Z',
      failures: 2,
      nextAt: '2026-01-01T12:00:00.015Z',
      error: 'the host is on fire',
    }),
  ]);
  kind.acts.clear();
  await kind.clock.pass(60_000);
  expect(kind.list({ pending: true })).toEqual([]);
  expect(kind.list()[0]).not.toHaveProperty('error');
});

test('what the tenant was told is shown until a reconciliation ends without saying it', async () => {
  kind = pods(['n/a', 'n/b']);
  const { warn } = kind;
  kind.acts.set('n/a', () => {
    warn('n/a', 'PolicyViolation', 'not so');
    return { requeueAfterMs: 1_000 };
  });
  await settled();
  const refused = {
    key: 'n/a',
    state: 'refused',
    since: '2026-01-01T12:00:00.000Z',
    refusal: { reason: 'PolicyViolation', message: 'not so' },
    nextAt: '2026-01-01T12:00:01.000Z',
  };
  expect(kind.list({ pending: true })).toEqual([expect.objectContaining(refused)]);
  expect(await kind.metrics.text()).toContain('nestling_refused_objects{kind="pods"} 1');
  // It is no synchronisation: only the other object counts as one.
  expect(await kind.metrics.text()).toContain('nestling_sync_latency_seconds_count{kind="pods"} 1');

  // Not to look again yet is no all-clear.
  kind.acts.set('n/a', () => ({ requeueAfterMs: 2_000 }));
  await kind.clock.pass(1_000);
  expect(kind.list({ pending: true })).toEqual([
    expect.objectContaining({ ...refused, nextAt: '2026-01-01T12:00:03.000Z' }),
  ]);
  kind.acts.clear();
  await kind.clock.pass(2_000);
  expect(kind.list({ pending: true })).toEqual([]);
  expect(await kind.metrics.text()).toContain('nestling_refused_objects{kind="pods"} 0');
});

test('another reason begins anew, and an object that is gone is refused no longer', async () => {
  kind = pods(['n/a']);
  const { warn } = kind;
  let reason = 'First';
  kind.acts.set('n/a', () => warn('n/a', reason, 'no'));
  await settled();
  await kind.clock.pass(1_000);
  reason = 'Second';
  kind.controller.enqueue('n/a');
  await settled();
  expect(kind.list()).toEqual([
    expect.objectContaining({ refusal: { reason: 'Second', message: 'no' }, since: '2026-01-01T12:00:01.000Z' }),
  ]);
  kind.acts.clear();
  kind.cache.remove(object('n/a', 200));
  await settled();
  expect(kind.list()).toEqual([]);
  expect(kind.registry.refusals('pods')).toBe(0);
});

test('refusals that are remembered are bounded', () => {
  const registry = new DebugRegistry();
  for (let index = 0; index < 5_000; index++) registry.refused('pods', `n/${index}`, 'No', 'no');
  expect(registry.refusals('pods')).toBeLessThanOrEqual(2_048);
});

describe('the listener', () => {
  let server: DebugServer;
  let port: number;
  async function serve(registry: DebugRegistry): Promise<void> {
    server = new DebugServer({ registry });
    ({ port } = await server.listen(0));
  }
  afterEach(() => server.close());

  function get(path: string, headers: Record<string, string> = {}, method = 'GET', host = '127.0.0.1') {
    return new Promise<{ status: number | undefined; text: string }>((resolve, reject) => {
      const sent = request({ host, port, path, method, headers: { connection: 'close', ...headers } });
      sent.on('error', reject).on('response', (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
        response.on('end', () => resolve({ status: response.statusCode, text }));
      });
      sent.end();
    });
  }

  test('is on the loopback address 127.0.0.1 alone', async () => {
    kind = pods([]);
    await serve(kind.registry);
    const others = Object.values(networkInterfaces()).flatMap((addresses) =>
      (addresses ?? []).filter(({ family, internal }) => family === 'IPv4' && !internal).map(({ address }) => address),
    );
    // Another address of the same machine: who listens on all answers there.
    for (const host of ['127.0.0.2', ...others]) {
      const answer = get('/debug/objects', { host: '127.0.0.1' }, 'GET', host).then(
        ({ status }) => `answered with ${status}`,
        () => 'nobody listens',
      );
      expect([host, await answer]).toEqual([host, 'nobody listens']);
    }
    expect((await get('/debug/objects')).status).toBe(200);
  });

  test('filters by kind, virtual namespace and state, and says when it stopped at the limit', async () => {
    kind = pods(['n/a', 'n/b', 'm/c']);
    const { warn } = kind;
    kind.acts.set('n/b', () => warn('n/b', 'No', 'no'));
    await settled();
    await serve(kind.registry);
    const keys = async (query: string) => {
      const { status, text } = await get(`/debug/objects${query}`);
      expect([status, text]).toEqual([200, expect.stringMatching(/^{/)]);
      const answer = JSON.parse(text) as { objects: DebugObject[]; count: number; truncated: boolean };
      expect(answer.count).toBe(answer.objects.length);
      return [answer.objects.map(({ key }) => key).join(' '), answer.truncated];
    };
    expect(await keys('')).toEqual(['n/a n/b m/c', false]);
    expect(await keys('?limit=3')).toEqual(['n/a n/b m/c', false]);
    expect(await keys('?limit=2')).toEqual(['n/a n/b', true]);
    expect(await keys('?namespace=m')).toEqual(['m/c', false]);
    expect(await keys('?kind=pods&pending=true')).toEqual(['n/b', false]);
  });

  test('writes ten thousand objects as they come', async () => {
    const registry = new DebugRegistry();
    const keys = Array.from({ length: 12_000 }, (_, index) => `n/${index}`);
    registry.add('pods', {
      keys: () => keys,
      sides: (key) => ({ virtual: object(key, 7) }),
      pending: () => undefined,
      error: () => undefined,
    });
    await serve(registry);
    const { text } = await get('/debug/objects?limit=10000');
    const answer = JSON.parse(text) as { objects: DebugObject[]; truncated: boolean };
    expect([answer.objects.length, answer.truncated]).toEqual([10_000, true]);
  });

  test('refuses what it does not know, and names of other hosts', async () => {
    kind = pods([]);
    await serve(kind.registry);
    expect(await get('/debug/objects?kind=shoes')).toEqual({
      status: 400,
      text: 'kind shoes is not known: use pods\n',
    });
    expect((await get('/debug/objects?limit=0')).text).toBe('limit is a number from 1 to 10000\n');
    expect((await get('/debug/objects?pending=maybe')).text).toBe('pending is true or false\n');
    expect((await get('/debug/objects?secrets=all')).text).toContain('parameter secrets is not known');
    expect((await get('/debug/pprof')).status).toBe(404);
    expect((await get('/debug/objects', {}, 'POST')).status).toBe(405);
    expect((await get('/debug/objects', { host: 'evil.example' })).status).toBe(403);
    expect((await get('/debug/objects', { host: `localhost:${port}` })).status).toBe(200);
  });
});
