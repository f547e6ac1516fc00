import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ApiError, ConnectionError, KubeClient, resources, type WatchEvent } from '../../../syncer/kube-client';
import { json, ScriptedServer, status } from './scripted-server';

let server: ScriptedServer;
let address: string;
let client: KubeClient;

beforeEach(async () => {
  server = new ScriptedServer();
  address = await server.start();
  client = new KubeClient(
    { server: address, token: 'secret' },
    { userAgent: 'nestling-syncer/1', timeoutSeconds: 5, random: () => 0 },
  );
});
afterEach(async () => {
  await client.close();
  await server.stop();
});

const pod = { name: 'p', namespace: 'n' };

test('writes ask for strict validation and name their field manager', async () => {
  server.answer = (_, response) => json(response, 201, {});
  await client.create(resources.pods, { metadata: pod });
  await client.create(resources.pods, { metadata: {} }, { ...pod, subresource: 'binding', dryRun: true });
  await client.patch(resources.pods, { ...pod, type: 'apply', force: true }, { a: 1 });
  await client.delete(resources.pods, { ...pod, uid: 'u', gracePeriodSeconds: 0 });
  const [create, binding, patch, remove] = server.seen;
  expect(create).toMatchObject({ method: 'POST', path: '/api/v1/namespaces/n/pods' });
  expect(JSON.parse(create?.body as string)).toEqual({ apiVersion: 'v1', kind: 'Pod', metadata: pod });
  expect(Object.fromEntries(create?.query ?? [])).toEqual({
    fieldValidation: 'Strict',
    fieldManager: 'nestling-syncer',
  });
  expect(create?.headers).toMatchObject({ authorization: 'Bearer secret', 'user-agent': 'nestling-syncer/1' });
  expect(binding?.path).toBe('/api/v1/namespaces/n/pods/p/binding');
  expect(binding?.query.get('dryRun')).toBe('All');
  expect(JSON.parse(binding?.body as string)).toEqual({ metadata: {} });
  expect(patch?.headers['content-type']).toBe('application/apply-patch+yaml');
  expect(patch?.query.get('force')).toBe('true');
  expect(JSON.parse(remove?.body as string)).toEqual({
    apiVersion: 'v1',
    kind: 'DeleteOptions',
    preconditions: { uid: 'u' },
    gracePeriodSeconds: 0,
  });
  expect(client.requests.count()).toBe(4);
  expect(client.requests.count({ verb: 'create', resource: 'pods/binding' })).toBe(1);
});

test('429 is tried again for every verb, 503 for reads only', async () => {
  let busy = 2;
  server.answer = (request, response) => {
    if (busy-- > 0)
      json(response, request.query.has('limit') ? 503 : 429, status(429, 'TooManyRequests'), { 'retry-after': '0' });
    else json(response, 200, { items: [] });
  };
  await client.create(resources.pods, { metadata: pod });
  expect(server.seen).toHaveLength(3);
  busy = 1;
  await client.list(resources.pods);
  expect(server.seen).toHaveLength(5);
  server.answer = (_, response) => json(response, 503, status(503, 'ServiceUnavailable'), { 'retry-after': '1' });
  await expect(client.create(resources.pods, { metadata: pod })).rejects.toMatchObject({
    status: 503,
    retryAfterSeconds: 1,
  });
  expect(server.seen).toHaveLength(6);
  server.answer = (_, response) => json(response, 429, status(429, 'TooManyRequests'));
  await expect(client.create(resources.pods, { metadata: {} }, { ...pod, subresource: 'eviction' })).rejects.toThrow(
    ApiError,
  );
  expect(server.seen).toHaveLength(7);
});

test('a connection lost in the middle is tried again for reads, never for writes', async () => {
  let lost = 1;
  server.answer = (_, response) => {
    if (lost-- > 0) response.socket?.destroy();
    else json(response, 200, {});
  };
  await client.get(resources.pods, pod);
  expect(server.seen).toHaveLength(2);
  lost = 1;
  const create = client.create(resources.pods, { metadata: pod });
  await expect(create).rejects.toThrow(/^create \/api\/v1\/namespaces\/n\/pods: /);
  await expect(create).rejects.toBeInstanceOf(ConnectionError);
  expect(server.seen).toHaveLength(3);
  expect(
    client.requests
      .entries()
      .find(({ verb }) => verb === 'create')
      ?.failed.get('connection'),
  ).toBe(1);
});

test('a body that ends early is a lost connection, not an answer', async () => {
  server.answer = (_, response) => {
    response.writeHead(200, { 'content-length': '100' });
    response.write('{"kind":');
    setTimeout(() => response.socket?.destroy(), 20);
  };
  await expect(client.create(resources.pods, { metadata: pod })).rejects.toBeInstanceOf(ConnectionError);
});

test('after 401 the token file is read again, once', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'nestling-test-'));
  const tokenFile = join(directory, 'token');
  writeFileSync(tokenFile, 'old');
  const own = new KubeClient({ server: address, tokenFile }, { userAgent: 'test' });
  server.answer = (request, response) => {
    if (request.headers.authorization === 'Bearer new') json(response, 200, {});
    else {
      writeFileSync(tokenFile, 'new');
      json(response, 401, status(401, 'Unauthorized'));
    }
  };
  await own.get(resources.pods, pod);
  expect(server.seen).toHaveLength(2);
  server.answer = (_, response) => json(response, 401, status(401, 'Unauthorized'));
  await expect(own.get(resources.pods, pod)).rejects.toMatchObject({ reason: 'Unauthorized' });
  expect(server.seen).toHaveLength(3);
  await own.close();
  rmSync(directory, { recursive: true });
});

test('answers that are no Status become errors that quote them', async () => {
  server.answer = (_, response) => void response.writeHead(403).end('<html>proxy says no</html>');
  await expect(client.get(resources.pods, pod)).rejects.toMatchObject({
    status: 403,
    reason: 'Forbidden',
    message: 'get /api/v1/namespaces/n/pods/p: HTTP 403: <html>proxy says no</html>',
    serverMessage: 'HTTP 403: <html>proxy says no</html>',
  });
  server.answer = (_, response) => void response.writeHead(200).end('hello');
  await expect(client.get(resources.pods, pod)).rejects.toThrow(/the answer is not JSON: hello/);
});

test('null items of an empty list are no items', async () => {
  server.answer = (_, response) => json(response, 200, { metadata: { resourceVersion: '5' }, items: null });
  await expect(client.list(resources.pods)).resolves.toMatchObject({ items: [], metadata: { resourceVersion: '5' } });
});

async function watched(
  options: { stallSeconds?: number } = {},
): Promise<{ events: WatchEvent<object>[]; error: unknown }> {
  const events: WatchEvent<object>[] = [];
  const signal = new AbortController().signal;
  try {
    for await (const event of client.watch(resources.pods, { resourceVersion: '1', signal, ...options }))
      events.push(event);
  } catch (error) {
    return { events, error };
  }
  return { events, error: undefined };
}

test('a watch yields events, asks for bookmarks, and leaves out an event that was cut', async () => {
  server.answer = (_, response) => {
    response.write(
      '{"type":"ADDED","object":{"metadata":{"name":"a"}}}\n{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"9"}}}\n',
    );
    response.end('{"type":"ADDED","object":{"meta');
  };
  const { events, error } = await watched();
  expect(error).toBeUndefined();
  expect(events.map((event) => event.type)).toEqual(['ADDED', 'BOOKMARK']);
  const query = server.seen[0]?.query;
  expect(query?.get('allowWatchBookmarks')).toBe('true');
  expect(query?.get('timeoutSeconds')).toBe('300');
});

test('ERROR events, odd lines and silence end a watch with an error', async () => {
  server.answer = (_, response) =>
    response.end(`${JSON.stringify({ type: 'ERROR', object: status(410, 'Expired', 'too old') })}\n`);
  expect((await watched()).error).toMatchObject({
    name: 'ApiError',
    status: 410,
    reason: 'Expired',
    serverMessage: 'too old',
  });
  server.answer = (_, response) => response.end('nonsense\n');
  expect((await watched()).error).toMatchObject({ name: 'ConnectionError' });
  server.answer = (_, response) => response.end('{"type":"SURPRISE"}\n');
  expect((await watched()).error).toMatchObject({ message: expect.stringContaining('unknown type "SURPRISE"') });
  server.answer = (_, response) => void response.writeHead(200).write('\n');
  expect((await watched({ stallSeconds: 0.1 })).error).toMatchObject({ name: 'ConnectionError', code: 'STALLED' });
  // Not even a head.
  server.answer = () => undefined;
  expect((await watched({ stallSeconds: 0.1 })).error).toMatchObject({ name: 'ConnectionError', code: 'STALLED' });
});

test('raw requests hand out status, headers and a streaming body', async () => {
  server.answer = (request, response) => {
    response.writeHead(418, { 'x-test': 'yes' });
    response.write('one ');
    response.end(request.query.get('tail'));
  };
  const answer = await client.request('GET', '/logs', { query: { tail: 2, unset: undefined } });
  expect(answer.status).toBe(418);
  expect(answer.headers['x-test']).toBe('yes');
  let text = '';
  for await (const chunk of answer.body) text += String(chunk);
  expect(text).toBe('one 2');
  expect(client.requests.count({ verb: 'raw', resource: 'logs' })).toBe(1);
  await expect(client.getText('/logs')).rejects.toMatchObject({ status: 418 });
});
