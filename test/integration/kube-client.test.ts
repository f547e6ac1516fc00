import { readdirSync, readlinkSync } from 'node:fs';
import type { ConfigMap, Secret } from 'kubernetes-types/core/v1';
import { ApiError, ConnectionError, KubeClient, resources, type WatchEvent } from '../../syncer/kube-client';
import { type RunningApiServer, startApiServer } from '../host-cluster/api-server';
import { eventually } from '../virtual-cluster/eventually';

let server: RunningApiServer;
let client: KubeClient;

beforeAll(async () => {
  server = await startApiServer({ name: 'kube-client' });
  client = new KubeClient(server.connection, { userAgent: 'nestling-test/1' });
}, 120_000);

afterAll(async () => {
  await client?.close();
  await server?.stop();
}, 120_000);

const namespace = 'default';

function configMap(name: string, data: Record<string, string> = {}): ConfigMap {
  return { metadata: { name, namespace }, data };
}

/** Sockets that this process holds: no two ever have the same name. */
function sockets(): Set<string> {
  const held = new Set<string>();
  for (const entry of readdirSync('/proc/self/fd')) {
    try {
      const target = readlinkSync(`/proc/self/fd/${entry}`);
      if (target.startsWith('socket:')) held.add(target);
    } catch {
      // Closed in between.
    }
  }
  return held;
}

test('create, get, patch in four ways, and delete with preconditions', async () => {
  const made = await client.create<ConfigMap>(resources.configMaps, configMap('crud', { a: '1' }));
  expect(made.metadata?.uid).toBeDefined();
  await expect(client.create(resources.configMaps, configMap('crud'))).rejects.toMatchObject({
    status: 409,
    reason: 'AlreadyExists',
  });

  const merged = await client.patch<ConfigMap>(
    resources.configMaps,
    { name: 'crud', namespace, type: 'merge' },
    { data: { b: '2' } },
  );
  expect(merged.data).toEqual({ a: '1', b: '2' });
  const json = await client.patch<ConfigMap>(resources.configMaps, { name: 'crud', namespace, type: 'json' }, [
    { op: 'remove', path: '/data/a' },
  ]);
  expect(json.data).toEqual({ b: '2' });
  const strategic = await client.patch<ConfigMap>(
    resources.configMaps,
    { name: 'crud', namespace, type: 'strategic', dryRun: true },
    { data: { c: '3' } },
  );
  expect(strategic.data).toEqual({ b: '2', c: '3' });
  const applied = await client.patch<ConfigMap>(
    resources.configMaps,
    { name: 'crud', namespace, type: 'apply', fieldManager: 'someone', force: true },
    { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'crud', namespace }, data: { d: '4' } },
  );
  expect(applied.data).toEqual({ b: '2', d: '4' });
  expect(applied.metadata?.managedFields?.map((entry) => entry.manager).sort()).toEqual(['nestling-test', 'someone']);

  await expect(
    client.delete(resources.configMaps, { name: 'crud', namespace, uid: '00000000-0000-0000-0000-000000000000' }),
  ).rejects.toMatchObject({ reason: 'Conflict' });
  await client.delete(resources.configMaps, { name: 'crud', namespace, uid: made.metadata?.uid as string });
  const gone = client.get(resources.configMaps, { name: 'crud', namespace });
  await expect(gone).rejects.toThrow(ApiError);
  await gone.catch((error: unknown) => expect(ApiError.is(error, 'NotFound')).toBe(true));
});

test('a stale resourceVersion in a patch is a Conflict', async () => {
  const made = await client.create<ConfigMap>(resources.configMaps, configMap('stale'));
  const version = made.metadata?.resourceVersion;
  await client.patch(resources.configMaps, { name: 'stale', namespace, type: 'merge' }, { data: { a: '1' } });
  await expect(
    client.patch(
      resources.configMaps,
      { name: 'stale', namespace, type: 'merge' },
      { metadata: { resourceVersion: version }, data: { a: '2' } },
    ),
  ).rejects.toMatchObject({ reason: 'Conflict' });
});

test('unknown fields are refused by name', async () => {
  const odd = { ...configMap('odd'), spec: { nonsense: true } };
  await expect(client.create(resources.configMaps, odd)).rejects.toThrow(/unknown field "spec"/);
  await expect(client.create(resources.configMaps, odd)).rejects.toMatchObject({ status: 400, reason: 'BadRequest' });
  await client.create(resources.configMaps, configMap('odd'));
  await expect(
    client.patch(resources.configMaps, { name: 'odd', namespace, type: 'merge' }, { nonsense: 1 }),
  ).rejects.toThrow(/unknown field "nonsense"/);
});

test('metadata only: get, list and watch carry no content', async () => {
  await client.create<Secret>(resources.secrets, {
    metadata: { name: 'quiet', namespace },
    stringData: { password: 'hunter2' },
  });
  const one = await client.get(resources.secrets, { name: 'quiet', namespace, metadataOnly: true });
  const list = await client.list(resources.secrets, { namespace, metadataOnly: true });
  expect(Object.keys(one).sort()).toEqual(['apiVersion', 'kind', 'metadata']);
  expect(one.kind).toBe('PartialObjectMetadata');
  expect(list.items.map((item) => item.metadata?.name)).toContain('quiet');
  expect(JSON.stringify([one, list])).not.toMatch(/"data"|hunter2/);

  const abort = new AbortController();
  const events: WatchEvent<Secret>[] = [];
  const watch = client.watch<Secret>(resources.secrets, {
    namespace,
    metadataOnly: true,
    resourceVersion: list.metadata.resourceVersion as string,
    signal: abort.signal,
  });
  await client.patch(
    resources.secrets,
    { name: 'quiet', namespace, type: 'merge' },
    { metadata: { labels: { seen: 'yes' } } },
  );
  for await (const event of watch) {
    events.push(event);
    break;
  }
  expect(events[0]).toMatchObject({
    type: 'MODIFIED',
    object: { metadata: { name: 'quiet', labels: { seen: 'yes' } } },
  });
  expect(events[0]?.object.data).toBeUndefined();
});

test('events arrive whole, whatever characters they contain', async () => {
  const { metadata } = await client.list(resources.configMaps, { namespace });
  const abort = new AbortController();
  const text = '🐣äß\u2028'.repeat(20_000);
  const names = ['wide-0', 'wide-1', 'wide-2'];
  const seen: string[] = [];
  const watching = (async () => {
    const watch = client.watch<ConfigMap>(resources.configMaps, {
      namespace,
      resourceVersion: metadata.resourceVersion as string,
      signal: abort.signal,
    });
    for await (const event of watch) {
      expect(event.object.data?.['text']).toBe(text);
      seen.push(event.object.metadata?.name as string);
      if (seen.length === names.length) return;
    }
  })();
  for (const name of names) await client.create(resources.configMaps, configMap(name, { text }));
  await watching;
  expect(seen).toEqual(names);
});

test('2,000 objects come in pages that show one state', async () => {
  const names = Array.from({ length: 2_000 }, (_, index) => `many-${index}`);
  const queue = [...names];
  const labels = { many: 'yes' };
  await Promise.all(
    Array.from({ length: 32 }, async () => {
      for (let name = queue.pop(); name !== undefined; name = queue.pop()) {
        await client.create(resources.configMaps, { metadata: { name, namespace, labels } });
      }
    }),
  );
  expect(client.connections).toBeLessThanOrEqual(2);
  const before = client.requests.count({ verb: 'list' });
  const found = new Set<string>();
  const sizes: number[] = [];
  for await (const page of client.listAll(resources.configMaps, { namespace, labelSelector: 'many=yes' })) {
    sizes.push(page.items.length);
    for (const item of page.items) found.add(item.metadata?.name as string);
    // Not in any page: those show the state of the first.
    if (sizes.length === 1)
      await client.create(resources.configMaps, { metadata: { name: 'many-zzz', namespace, labels } });
  }
  // The server cannot know that no later name matches: it may answer an empty page at the end.
  expect(sizes.slice(0, 4)).toEqual([500, 500, 500, 500]);
  expect(client.requests.count({ verb: 'list' }) - before).toBeLessThanOrEqual(5);
  expect([...found].sort()).toEqual([...names].sort());
}, 240_000);

test('a continue token whose state is gone says so', async () => {
  await server.compact();
  // The server keeps recent states in memory: a token of its first moments is one that it cannot serve.
  const token = { v: 'meta.k8s.io/v1', rv: 1, start: 'a\u0000' };
  const page = { metadata: { continue: Buffer.from(JSON.stringify(token)).toString('base64url') } };
  await expect(
    client.list(resources.configMaps, { namespace, limit: 1, continue: page.metadata.continue }),
  ).rejects.toMatchObject({
    status: 410,
    reason: 'Expired',
  });
});

test('20 watches and 500 reads share two connections', async () => {
  // Others of before may close meanwhile: those of the server's own client, say.
  const before = sockets();
  const opened = () => [...sockets()].filter((socket) => !before.has(socket));
  const own = new KubeClient(server.connection, { userAgent: 'nestling-test/2' });
  const abort = new AbortController();
  const { metadata } = await own.list(resources.configMaps, { namespace });
  let heard = 0;
  const watching = Promise.all(
    Array.from({ length: 20 }, async () => {
      const options = { namespace, resourceVersion: metadata.resourceVersion as string, signal: abort.signal };
      for await (const event of own.watch(resources.configMaps, options)) {
        if (event.object.metadata?.name === 'shared') heard++;
      }
    }),
  );
  await Promise.all(Array.from({ length: 500 }, () => own.get(resources.configMaps, { name: 'stale', namespace })));
  await own.create(resources.configMaps, configMap('shared'));
  await eventually('all watches have heard', () => Promise.resolve(heard === 20));
  expect(own.connections).toBe(2);
  expect(opened()).toHaveLength(2);
  abort.abort();
  await watching;
  await own.close();
  await eventually('its sockets are closed', () => Promise.resolve(opened().length === 0));
}, 120_000);

test('a watch that is left or aborted closes its stream and keeps the connection', async () => {
  const { metadata } = await client.list(resources.configMaps, { namespace });
  const resourceVersion = metadata.resourceVersion as string;
  for (let round = 0; round < 150; round++) {
    const abort = new AbortController();
    const watch = client.watch(resources.configMaps, { namespace, resourceVersion, signal: abort.signal });
    const first = watch.next();
    abort.abort();
    expect((await first).done).toBe(true);
  }
  await client.get(resources.configMaps, { name: 'stale', namespace });
  expect(client.connections).toBeLessThanOrEqual(2);
}, 120_000);

test('a watch ends by itself after its time, without an error', async () => {
  const { metadata } = await client.list(resources.configMaps, { namespace });
  const signal = new AbortController().signal;
  const watch = client.watch(resources.configMaps, {
    namespace,
    resourceVersion: metadata.resourceVersion as string,
    timeoutSeconds: 1,
    signal,
  });
  const types: string[] = [];
  for await (const event of watch) types.push(event.type);
  expect(types.every((type) => type === 'BOOKMARK')).toBe(true);
}, 120_000);

test('subresources and tokens: another user is known by its bearer token', async () => {
  await client.create(resources.serviceAccounts, { metadata: { name: 'robot', namespace } });
  const request = await client.create<{ metadata?: object; status?: { token: string }; spec: object }>(
    resources.serviceAccounts,
    { spec: { expirationSeconds: 600 } },
    { name: 'robot', namespace, subresource: 'token' },
  );
  const { server: address, certificateAuthority } = server.connection;
  const robot = new KubeClient(
    { server: address, certificateAuthority: certificateAuthority as string, token: request.status?.token as string },
    { userAgent: 'robot' },
  );
  await expect(robot.list(resources.secrets, { namespace })).rejects.toMatchObject({
    status: 403,
    reason: 'Forbidden',
    message: expect.stringContaining('system:serviceaccount:default:robot'),
  });
  await robot.close();
});

test('a read begun while the API server is down ends when it is back; a write waits only while nothing was sent', async () => {
  await client.get(resources.configMaps, { name: 'stale', namespace });
  await server.kill();
  const sent = client.requests.count({ verb: 'get' });
  const impatient = new KubeClient(server.connection, { userAgent: 'nestling-test/3', timeoutSeconds: 1 });
  const refused = impatient.create(resources.configMaps, configMap('never-sent'));
  await expect(refused).rejects.toMatchObject({ name: 'ConnectionError', neverSent: true });
  expect(impatient.requests.count({ verb: 'create' })).toBeGreaterThan(1);
  await impatient.close();
  const restarted = server.startAgain();
  // Four attempts within four seconds; a slow machine may need another round.
  for (let reached = false; !reached;) {
    reached = await client.get(resources.configMaps, { name: 'stale', namespace }).then(
      () => true,
      (error: unknown) => {
        if (!(error instanceof ConnectionError) && !ApiError.is(error)) throw error;
        return false;
      },
    );
  }
  expect(client.requests.count({ verb: 'get' }) - sent).toBeGreaterThan(1);
  await restarted;
  await client.create(resources.configMaps, configMap('after-restart'));
  await expect(client.get(resources.configMaps, { name: 'never-sent', namespace })).rejects.toMatchObject({
    reason: 'NotFound',
  });
  expect(client.connections).toBeLessThanOrEqual(2);
}, 120_000);

test('a server that does not answer costs the time limit, and says which request it was', async () => {
  const impatient = new KubeClient(server.connection, { userAgent: 'nestling-test/4', timeoutSeconds: 1 });
  await impatient.get(resources.configMaps, { name: 'stale', namespace });
  server.freeze(true);
  try {
    const pending = impatient.get(resources.configMaps, { name: 'stale', namespace });
    await expect(pending).rejects.toMatchObject({ name: 'ConnectionError', code: 'TIMEOUT' });
    await expect(impatient.get(resources.configMaps, { name: 'stale', namespace })).rejects.toThrow(
      'get /api/v1/namespaces/default/configmaps/stale: no answer within 1 s',
    );
  } finally {
    server.freeze(false);
  }
  await impatient.get(resources.configMaps, { name: 'stale', namespace });
  await impatient.close();
}, 120_000);

test('an address where nobody listens, a wrong authority, and a bad URL each say so', async () => {
  const nobody = new KubeClient(
    { ...server.connection, server: 'https://127.0.0.1:1' },
    { userAgent: 'test', timeoutSeconds: 3 },
  );
  await expect(nobody.get(resources.nodes, { name: 'a' })).rejects.toThrow(/^get \/api\/v1\/nodes\/a: .*ECONNREFUSED/);
  await nobody.close();
  const { server: address } = server.connection;
  const stranger = new KubeClient({ server: address }, { userAgent: 'test', timeoutSeconds: 10 });
  await expect(stranger.get(resources.nodes, { name: 'a' })).rejects.toThrow(/certificate/);
  // It will not become right by asking again.
  expect(stranger.requests.count()).toBe(1);
  await stranger.close();
  expect(() => new KubeClient({ server: 'kubernetes:6443' }, { userAgent: 'test' })).toThrow(/https:\/\/HOST:PORT/);
}, 120_000);

test('an aborted call rejects with the reason, a closed client says that it is closed', async () => {
  const abort = new AbortController();
  const pending = client.list(resources.configMaps, { namespace, signal: abort.signal });
  abort.abort(new Error('changed my mind'));
  await expect(pending).rejects.toThrow('changed my mind');
  const closed = new KubeClient(server.connection, { userAgent: 'test' });
  await closed.getText('/version');
  await closed.close();
  await expect(closed.getText('/version')).rejects.toThrow(/closed/);
});
