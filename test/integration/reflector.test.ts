import type { ConfigMap } from 'kubernetes-types/core/v1';
import { createLogger, ObjectCache, PairController, Reflector, type ReflectorOptions } from '../../syncer/engine';
import { ApiError, KubeClient, resources } from '../../syncer/kube-client';
import { type RunningApiServer, startApiServer } from '../host-cluster/api-server';

/** A reflector of config maps with a label, all that it reported, and a client that counts its requests alone. */
class Watcher {
  readonly client: KubeClient;
  readonly cache = new ObjectCache<ConfigMap>('config maps');
  /** `type name value`, in order. */
  readonly changes: string[] = [];
  readonly reflector: Reflector<ConfigMap>;
  #abort = new AbortController();
  #running: Promise<void> | undefined;

  constructor(server: RunningApiServer, group: string, options: Partial<ReflectorOptions<ConfigMap>> = {}) {
    this.client = new KubeClient(server.connection, { userAgent: 'nestling-test-reflector' });
    this.cache.subscribe(({ type, object }) => {
      this.changes.push(`${type} ${object.metadata?.name} ${object.data?.['value'] ?? ''}`.trim());
    });
    this.reflector = new Reflector({
      client: this.client,
      type: resources.configMaps,
      cache: this.cache,
      namespace,
      labelSelector: `group=${group}`,
      logger: createLogger({ level: 'error', name: 'test' }),
      ...options,
    });
  }

  start(): void {
    this.#abort = new AbortController();
    this.#running = this.reflector.run(this.#abort.signal);
  }

  async pause(): Promise<void> {
    this.#abort.abort();
    await this.#running;
  }

  async stop(): Promise<void> {
    await this.pause();
    await this.client.close();
  }

  get lists(): number {
    return this.client.requests.count({ verb: 'list' });
  }

  get watches(): number {
    return this.client.requests.count({ verb: 'watch' });
  }
}

const namespace = 'default';
let server: RunningApiServer;
let writer: KubeClient;

beforeAll(async () => {
  server = await startApiServer({ name: 'reflector' });
  writer = new KubeClient(server.connection, { userAgent: 'nestling-test-writer' });
}, 120_000);

afterAll(async () => {
  await writer?.close();
  await server?.stop();
}, 120_000);

async function create(group: string, name: string, value = '0'): Promise<ConfigMap> {
  return writer.create<ConfigMap>(resources.configMaps, {
    metadata: { name, namespace, labels: { group } },
    data: { value },
  });
}

async function set(name: string, value: string): Promise<void> {
  await writer.patch(resources.configMaps, { name, namespace, type: 'merge' }, { data: { value } });
}

async function remove(name: string): Promise<void> {
  await writer.delete(resources.configMaps, { name, namespace });
}

async function until(condition: () => boolean, seconds = 60): Promise<void> {
  for (const end = Date.now() + seconds * 1000; !condition();) {
    if (Date.now() > end) throw new Error(`not within ${seconds} s`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** The cache holds what the API server has. */
async function expectEqual(watcher: Watcher, group: string): Promise<void> {
  const expected = new Map<string, string | undefined>();
  for await (const page of writer.listAll<ConfigMap>(resources.configMaps, {
    namespace,
    labelSelector: `group=${group}`,
  })) {
    for (const item of page.items) expected.set(item.metadata?.name as string, item.metadata?.resourceVersion);
  }
  const held = new Map(
    [...watcher.cache.values()].map((each) => [each.metadata?.name as string, each.metadata?.resourceVersion]),
  );
  expect(held).toEqual(expected);
}

test('2,000 objects come in pages, and then no request is made while nothing changes', async () => {
  const names = Array.from({ length: 2_000 }, (_, index) => `many-${index}`);
  await Promise.all(
    Array.from({ length: 32 }, async () => {
      for (let name = names.pop(); name !== undefined; name = names.pop()) await create('many', name);
    }),
  );
  const watcher = new Watcher(server, 'many');
  watcher.start();
  await watcher.cache.whenSynced();
  expect(watcher.cache.size).toBe(2_000);
  expect(watcher.changes).toHaveLength(2_000);
  await expectEqual(watcher, 'many');
  await until(() => watcher.watches === 1);
  const before = watcher.client.requests.count();
  await new Promise((resolve) => setTimeout(resolve, 4_000));
  expect(watcher.client.requests.count()).toBe(before);
  expect(watcher.client.connections).toBe(2);
  await watcher.stop();
}, 120_000);

test('watches that end go on without a list and without losing or repeating a change', async () => {
  const watcher = new Watcher(server, 'short', { watchTimeoutSeconds: 1 });
  watcher.start();
  await watcher.cache.whenSynced();
  const expected: string[] = [];
  await create('short', 'short');
  expected.push('added short 0');
  for (let value = 1; value <= 60; value++) {
    await set('short', String(value));
    expected.push(`modified short ${value}`);
    await new Promise((resolve) => setTimeout(resolve, 60));
  }
  await remove('short');
  expected.push('deleted short 60');
  await until(() => watcher.changes.length >= expected.length);
  expect(watcher.changes).toEqual(expected);
  expect(watcher.lists).toBe(1);
  expect(watcher.watches).toBeGreaterThan(2);
  await watcher.stop();
}, 120_000);

test('killed with -9 and started again, the API server takes no change with it', async () => {
  for (let index = 0; index < 20; index++) await create('crash', `crash-${index}`);
  const watcher = new Watcher(server, 'crash');
  watcher.start();
  await watcher.cache.whenSynced();
  await set('crash-0', 'before');
  await until(() => watcher.changes.includes('modified crash-0 before'));
  watcher.changes.length = 0;

  await server.kill();
  await server.startAgain();
  // Nothing changed in between: nothing is reported, whether the watch could go on or a list was needed.
  await until(() => watcher.watches >= 2);
  await set('crash-1', 'after');
  await remove('crash-2');
  await create('crash', 'crash-new');
  const expected = ['modified crash-1 after', 'deleted crash-2 0', 'added crash-new 0'];
  await until(() => watcher.changes.length >= expected.length);
  // A list reports deletions first, a watch in the order of time.
  expect([...watcher.changes].sort()).toEqual([...expected].sort());
  await expectEqual(watcher, 'crash');
  // The server forgets its recent past when it dies; one list at most makes up for it.
  expect(watcher.lists).toBeLessThanOrEqual(2);
  await watcher.stop();
}, 120_000);

test('a write during each crash is seen exactly once', async () => {
  await create('busy', 'busy');
  const watcher = new Watcher(server, 'busy');
  watcher.start();
  await watcher.cache.whenSynced();
  let value = 0;
  let stop = false;
  // Writes as fast as the server takes them, through two crashes; what got an answer is in the store.
  const writing = (async () => {
    while (!stop) {
      try {
        await set('busy', String(++value));
      } catch (error) {
        if (error instanceof ApiError && error.status < 500 && error.status !== 403 && error.status !== 401)
          throw error;
      }
    }
  })();
  for (let crash = 0; crash < 2; crash++) {
    await new Promise((resolve) => setTimeout(resolve, 500));
    await server.kill();
    await server.startAgain();
  }
  await new Promise((resolve) => setTimeout(resolve, 500));
  stop = true;
  await writing;
  const last = await writer.get<ConfigMap>(resources.configMaps, { name: 'busy', namespace });
  await until(() => watcher.cache.get('default/busy')?.metadata?.resourceVersion === last.metadata?.resourceVersion);
  const values = watcher.changes
    .filter((change) => change.startsWith('modified'))
    .map((change) => Number(change.split(' ')[2]));
  // Each state once and in order; a list may skip states, but repeats none.
  for (let index = 1; index < values.length; index++)
    expect(values[index]).toBeGreaterThan(values[index - 1] as number);
  await expectEqual(watcher, 'busy');
  await watcher.stop();
}, 120_000);

test('after compaction a watch that cannot go on lists again and reports only differences', async () => {
  for (const name of ['gone-a', 'gone-b', 'gone-c']) await create('gone', name);
  const watcher = new Watcher(server, 'gone');
  watcher.start();
  await watcher.cache.whenSynced();
  await watcher.pause();
  watcher.changes.length = 0;
  await set('gone-b', 'changed');
  await remove('gone-c');
  await create('gone', 'gone-d');
  // Past the watch's state in the store, and forgotten by the server's own cache too.
  await server.compact();
  await server.kill();
  await server.startAgain();
  watcher.start();
  await until(() => watcher.changes.length >= 3);
  expect([...watcher.changes].sort()).toEqual(['added gone-d 0', 'deleted gone-c 0', 'modified gone-b changed']);
  expect(watcher.lists).toBe(2);
  await expectEqual(watcher, 'gone');
  await watcher.stop();
}, 120_000);

test('answers to writes are seen at once and reported once', async () => {
  const watcher = new Watcher(server, 'own');
  watcher.start();
  await watcher.cache.whenSynced();
  for (let index = 0; index < 50; index++) {
    const made = await create('own', `own-${index}`);
    watcher.cache.observe(made);
    expect(watcher.cache.get(`default/own-${index}`)?.metadata?.managedFields).toBeUndefined();
  }
  await remove('own-0');
  await until(() => watcher.changes.includes('deleted own-0 0'));
  expect(watcher.changes).toHaveLength(51);
  await expectEqual(watcher, 'own');
  await watcher.stop();
}, 120_000);

test('metadata only: secrets are known, their contents never come here', async () => {
  const client = new KubeClient(server.connection, { userAgent: 'nestling-test-metadata' });
  const cache = new ObjectCache('secrets');
  const abort = new AbortController();
  const running = new Reflector({
    client,
    type: resources.secrets,
    cache,
    namespace,
    metadataOnly: true,
    logger: createLogger({ level: 'error', name: 'test' }),
  }).run(abort.signal);
  await cache.whenSynced();
  await writer.create(resources.secrets, {
    metadata: { name: 'quiet', namespace },
    stringData: { password: 'hunter2' },
  } as object);
  await until(() => cache.has('default/quiet'));
  expect(cache.get('default/quiet')).toMatchObject({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'quiet' } });
  expect(JSON.stringify([...cache.values()])).not.toContain('hunter2');
  abort.abort();
  await running;
  await client.close();
});

test('a controller of pairs makes copies with one write each, and heals them', async () => {
  const client = new KubeClient(server.connection, { userAgent: 'nestling-test-pairs' });
  const logger = createLogger({ level: 'error', name: 'test' });
  const abort = new AbortController();
  const [virtual, host] = [new ObjectCache<ConfigMap>('originals'), new ObjectCache<ConfigMap>('copies')];
  const reflect = (cache: ObjectCache<ConfigMap>, side: string) =>
    new Reflector({ client, type: resources.configMaps, cache, namespace, labelSelector: `group=${side}`, logger }).run(
      abort.signal,
    );
  const controller = new PairController({
    name: 'copies',
    virtual,
    host,
    hostKeyOfVirtual: (key) => `${key}-copy`,
    virtualKeyOfHost: ({ metadata }) => `${metadata?.namespace}/${metadata?.name?.replace(/-copy$/, '')}`,
    reconcile: async ({ key, virtual: original, host: copy }) => {
      const name = `${key.split('/')[1]}-copy`;
      if (original === undefined) {
        if (copy !== undefined)
          await client.delete(resources.configMaps, { name, namespace, uid: copy.metadata?.uid as string });
      } else if (copy === undefined) {
        const made: ConfigMap = { metadata: { name, namespace, labels: { group: 'copy' } }, data: original.data ?? {} };
        host.observe(await client.create<ConfigMap>(resources.configMaps, made));
      } else if (copy.data?.['value'] !== original.data?.['value']) {
        const options = { name, namespace, type: 'merge' as const };
        host.observe(await client.patch<ConfigMap>(resources.configMaps, options, { data: original.data }));
      }
    },
    logger,
  });
  const running = Promise.all([reflect(virtual, 'original'), reflect(host, 'copy'), controller.run(abort.signal)]);
  for (let index = 0; index < 100; index++) await create('original', `pair-${index}`);
  await until(() => host.size === 100);
  expect(client.requests.count({ verb: 'create' })).toBe(100);
  expect(client.requests.count({ verb: 'patch' })).toBe(0);
  await set('pair-1', 'new');
  await remove('pair-2');
  const taken = host.get('default/pair-3-copy')?.metadata?.uid;
  await remove('pair-3-copy');
  await until(() => {
    const copy = host.get('default/pair-1-copy');
    // Another one than was taken away: the cache may still show that.
    const healed = host.get('default/pair-3-copy')?.metadata?.uid;
    return (
      copy?.data?.['value'] === 'new' && !host.has('default/pair-2-copy') && healed !== undefined && healed !== taken
    );
  });
  expect(client.requests.count({ verb: 'create' })).toBe(101);
  expect(client.requests.count({ verb: 'patch' })).toBe(1);
  expect(client.requests.count({ verb: 'delete' })).toBe(1);
  expect(client.requests.count({ verb: 'get' })).toBe(0);
  expect(client.connections).toBe(2);
  abort.abort();
  await running;
  await client.close();
}, 120_000);
