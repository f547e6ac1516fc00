import type { ServerResponse } from 'node:http';
import { ObjectCache, Reflector, systemClock, type ReflectorOptions } from '../../../syncer/engine';
import { KubeClient, type KubeObject, resources } from '../../../syncer/kube-client';
import { json, ScriptedServer, status, type SeenRequest } from '../kube-client/scripted-server';
import { recordingLogger } from './manual-clock';

interface Thing extends KubeObject {
  data?: Record<string, string>;
}

let server: ScriptedServer;
let client: KubeClient;
let cache: ObjectCache<Thing>;
let changes: string[];
let abort: AbortController;
let running: Promise<void> | undefined;

beforeEach(async () => {
  server = new ScriptedServer();
  client = new KubeClient({ server: await server.start() }, { userAgent: 'test', random: () => 0 });
  cache = new ObjectCache('things');
  changes = [];
  cache.subscribe(({ type, key, object }) => changes.push(`${type} ${key} ${object.metadata?.resourceVersion}`));
  abort = new AbortController();
});
afterEach(async () => {
  abort.abort();
  await running;
  await client.close();
  await server.stop();
});

function object(name: string, resourceVersion: number): object {
  return {
    metadata: {
      name,
      namespace: 'n',
      uid: `uid-${name}`,
      resourceVersion: String(resourceVersion),
      managedFields: [{ manager: 'm' }],
    },
  };
}

function event(type: string, of: object): string {
  return `${JSON.stringify({ type, object: of })}\n`;
}

const isWatch = (request: SeenRequest) => request.query.get('watch') === 'true';
const lists = () => server.seen.filter((request) => !isWatch(request));
const watches = () => server.seen.filter(isWatch);

function start(options: Partial<ReflectorOptions<Thing>> = {}): void {
  running = new Reflector({
    client,
    type: resources.configMaps,
    cache,
    logger: recordingLogger(),
    random: () => 0,
    ...options,
  }).run(abort.signal);
}

async function until(condition: () => boolean): Promise<void> {
  for (let tries = 0; !condition(); tries++) {
    if (tries > 3_000) throw new Error(`not in time; changes: ${changes.join(', ')}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Answers lists with the given ones in turn (the last for ever) and hands watches to the test. */
function script(
  pages: ((request: SeenRequest, response: ServerResponse) => void)[],
  watch: (response: ServerResponse, count: number) => void,
): void {
  let list = 0;
  let watchCount = 0;
  server.answer = (request, response) => {
    if (isWatch(request)) {
      response.writeHead(200);
      response.flushHeaders();
      watch(response, ++watchCount);
    } else pages[Math.min(list++, pages.length - 1)]?.(request, response);
  };
}

const page =
  (version: number, items: object[], more = '') =>
  (_: SeenRequest, response: ServerResponse) =>
    json(response, 200, { metadata: { resourceVersion: String(version), continue: more }, items });

test('pages make one list; the cache is complete only after the last', async () => {
  const syncedAt: boolean[] = [];
  script(
    [
      (request, response) => page(10, [object('a', 1)], 'more')(request, response),
      (request, response) => {
        syncedAt.push(cache.synced);
        page(10, [object('b', 2)])(request, response);
      },
    ],
    () => undefined,
  );
  start({ pageSize: 1, labelSelector: 'x=y', namespace: 'n' });
  await cache.whenSynced();
  expect(syncedAt).toEqual([false]);
  expect(changes).toEqual(['added n/a 1', 'added n/b 2']);
  expect(lists().map((request) => [request.path, request.query.get('continue'), request.query.get('limit')])).toEqual([
    ['/api/v1/namespaces/n/configmaps', null, '1'],
    ['/api/v1/namespaces/n/configmaps', 'more', '1'],
  ]);
  await until(() => watches().length === 1);
  expect(watches()[0]?.query.get('resourceVersion')).toBe('10');
  expect(watches()[0]?.query.get('labelSelector')).toBe('x=y');
});

test('objects are held with their kind and without managedFields; metadata only holds nothing else', async () => {
  script([page(10, [{ ...object('a', 1), data: { secret: 'x' } }])], () => undefined);
  start({ metadataOnly: true });
  await cache.whenSynced();
  const held = cache.get('n/a');
  expect(held).toEqual({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'a', namespace: 'n', uid: 'uid-a', resourceVersion: '1' },
  });
  cache.observe({ ...object('a', 11), data: { secret: 'y' } } as Thing);
  expect(cache.get('n/a')?.metadata?.resourceVersion).toBe('11');
  expect(cache.get('n/a')?.data).toBeUndefined();
  expect(lists()[0]?.headers.accept).toContain('PartialObjectMetadataList');
});

test('a watch that ends or breaks goes on from the last event or bookmark, without a list', async () => {
  script([page(10, [])], (response, count) => {
    if (count === 1) {
      response.write(event('ADDED', object('a', 11)) + event('BOOKMARK', { metadata: { resourceVersion: '20' } }));
      response.end();
    } else if (count === 2) {
      response.write(event('MODIFIED', object('a', 21)));
      setTimeout(() => response.socket?.destroy(), 20);
    } else if (count === 3) response.write(event('DELETED', object('a', 22)));
  });
  start();
  await until(() => changes.length === 3);
  expect(changes).toEqual(['added n/a 11', 'modified n/a 21', 'deleted n/a 21']);
  expect(watches().map((request) => request.query.get('resourceVersion'))).toEqual(['10', '20', '21']);
  expect(lists()).toHaveLength(1);
});

test('410 leads to a list whose differences alone are reported', async () => {
  script(
    [
      page(10, [object('a', 1), object('b', 2), object('c', 3)]),
      page(50, [object('a', 1), object('b', 40), object('d', 41)]),
    ],
    (response, count) => {
      if (count === 1) response.end(event('ERROR', status(410, 'Expired', 'too old resource version')));
    },
  );
  start();
  await until(() => watches().length === 2);
  expect(changes.slice(3)).toEqual(['deleted n/c 3', 'modified n/b 40', 'added n/d 41']);
  expect(lists()).toHaveLength(2);
  expect(watches()[1]?.query.get('resourceVersion')).toBe('50');
});

test('pages that expire begin again, at last without pages', async () => {
  const expired = (_: SeenRequest, response: ServerResponse) => json(response, 410, status(410, 'Expired'));
  script(
    [page(1, [object('x', 1)], 'm'), expired, page(2, [], 'm'), expired, page(30, [object('a', 1)])],
    () => undefined,
  );
  start();
  await cache.whenSynced();
  expect([...cache.keys()]).toEqual(['n/a']);
  expect(lists().at(-1)?.query.get('limit')).toBe('0');
});

test('a server that fails or is away is asked again, from where the watch was', async () => {
  script([(_, response) => json(response, 500, status(500, 'InternalError')), page(10, [])], (response, count) => {
    if (count === 1) response.end(event('ERROR', status(504, 'Timeout', 'etcd timed out')));
    else if (count === 2) response.end(event('ERROR', status(500, 'InternalError')));
    else response.write(event('ADDED', object('a', 11)));
  });
  start();
  await until(() => changes.length === 1);
  expect(watches().map((request) => request.query.get('resourceVersion'))).toEqual(['10', '10', '10']);
  expect(lists()).toHaveLength(2);
});

test('a state that stays in the future means that the store was restored', async () => {
  script([page(100, [object('a', 90), object('b', 95)]), page(50, [object('a', 40)])], (response, count) => {
    if (count <= 3)
      response.end(event('ERROR', status(504, 'Timeout', 'Too large resource version: 100, current: 50')));
  });
  start();
  await until(() => watches().length === 4);
  expect(changes.slice(2)).toEqual(['deleted n/b 95', 'modified n/a 40']);
});

test('a silent watch is opened again', async () => {
  script([page(10, [])], (response, count) => {
    if (count === 2) response.write(event('ADDED', object('a', 11)));
  });
  start({ stallSeconds: 0.1 });
  await until(() => changes.length === 1);
  expect(lists()).toHaveLength(1);
});

test('watches that end at once do not become a storm', async () => {
  script([page(10, [])], (response) => response.end());
  start();
  await new Promise((resolve) => setTimeout(resolve, 500));
  expect(watches().length).toBeLessThan(8);
});

test('a kind that the server did not have is listed at once when it is told to try again', async () => {
  script([(_, response) => json(response, 404, status(404, 'NotFound')), page(10, [object('a', 1)])], () => undefined);
  const reflector = new Reflector({
    client,
    type: resources.configMaps,
    cache,
    logger: recordingLogger(),
    // Minutes instead of a part of a second: nobody waits for the pause to end by itself.
    clock: { ...systemClock, setTimer: (run, milliseconds) => systemClock.setTimer(run, milliseconds * 1_000) },
  });
  running = reflector.run(abort.signal);
  await until(() => lists().length === 1);
  while (!cache.synced) {
    reflector.retry();
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  expect(lists()).toHaveLength(2);
});
