import { type IncomingHttpHeaders, request as httpRequest } from 'node:http';
import { Agent, request } from 'node:https';
import { connect as connectTcp } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { AdmissionServer, type AdmissionServerOptions } from '../../../syncer/admission/admission-server';
import type { AdmissionHandler } from '../../../syncer/admission/review';
import { Authority, type KeyPair } from '../../host-cluster/certificates';

const SECRET = 'b0a7c1f39e1d4b6f8a52';
let authority: Authority;
let serving: KeyPair;
let errors: unknown[];
let server: AdmissionServer | undefined;
let agent: Agent;
let port: number;

const logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: (...what: unknown[]) => errors.push(what),
} as unknown as AdmissionServerOptions['logger'];

beforeAll(() => {
  authority = new Authority('test');
  serving = authority.issue({ commonName: 'admission', addresses: ['127.0.0.1'] });
});

beforeEach(() => {
  errors = [];
  agent = new Agent({ keepAlive: true, ca: authority.pem.certificate });
});

afterEach(async () => {
  agent.destroy();
  await server?.close();
  server = undefined;
});

async function serve(services: AdmissionHandler, options: Partial<AdmissionServerOptions> = {}): Promise<void> {
  server = new AdmissionServer({
    port: 0,
    certificate: serving.certificate,
    key: serving.key,
    path: SECRET,
    handlers: { services },
    logger,
    ...options,
  });
  port = await server.listen();
}

interface Answer {
  code: number;
  headers: IncomingHttpHeaders;
  body: string;
}

function send(path: string, body: string | Buffer, options: { method?: string; type?: string } = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const outgoing = request(
      {
        host: '127.0.0.1',
        port,
        path,
        method: options.method ?? 'POST',
        agent,
        headers: { 'content-type': options.type ?? 'application/json', 'content-length': Buffer.byteLength(body) },
      },
      (incoming) => {
        const chunks: Buffer[] = [];
        incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
        incoming.on('end', () => {
          const text = Buffer.concat(chunks).toString();
          resolve({ code: incoming.statusCode ?? 0, headers: incoming.headers, body: text });
        });
        incoming.on('error', reject);
      },
    );
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

function review(request: Record<string, unknown> = {}): string {
  return JSON.stringify({
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    request: {
      uid: 'call-1',
      operation: 'CREATE',
      namespace: 'ns1',
      object: { metadata: { name: 'web' }, spec: {} },
      ...request,
    },
  });
}

interface Response {
  uid: string;
  allowed: boolean;
  patch?: string;
  patchType?: string;
  status?: { code: number; reason: string; message: string };
}

function response(answer: Answer): Response {
  return (JSON.parse(answer.body) as { response: Response }).response;
}

const path = `/${SECRET}/services`;
const allow: AdmissionHandler = () => Promise.resolve({ allowed: true });

test('answers a review with the handler’s patch, and over a connection that stays open', async () => {
  await serve((admission) =>
    Promise.resolve({ allowed: true, patch: [{ op: 'add', path: '/spec/clusterIP', value: admission.namespace }] }),
  );
  for (const uid of ['one', 'two']) {
    const answer = await send(`${path}?timeout=10s`, review({ uid }));
    expect(answer.code).toBe(200);
    expect(answer.headers['content-type']).toBe('application/json');
    const { patch = '', ...rest } = response(answer);
    expect(rest).toEqual({ uid, allowed: true, patchType: 'JSONPatch' });
    expect(JSON.parse(Buffer.from(patch, 'base64').toString())).toEqual([
      { op: 'add', path: '/spec/clusterIP', value: 'ns1' },
    ]);
  }
  expect(errors).toEqual([]);
});

test.each([
  ['/services'],
  ['/'],
  [`/${SECRET}`],
  [`/${SECRET}/`],
  [`/${SECRET}/services/more`],
  [`/${SECRET}/__proto__`],
  [`/${SECRET}/constructor`],
  [`/${SECRET.slice(0, -1)}/services`],
  [`/${SECRET}x/services`],
  [`//${SECRET}/services`],
  ['/%zz/services'],
])('does not serve %s', async (other) => {
  await serve(allow);
  expect((await send(other, review())).code).toBe(404);
});

test.each([
  ['no JSON', 'not json', 400],
  ['an empty body', '', 400],
  ['an array', '[]', 400],
  ['null', 'null', 400],
  ['another kind', JSON.stringify({ apiVersion: 'v1', kind: 'Pod' }), 400],
  ['an old version', review().replace('admission.k8s.io/v1', 'admission.k8s.io/v1beta1'), 400],
  ['no request', JSON.stringify({ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview' }), 400],
  ['no uid', review({ uid: '' }), 400],
  ['an unknown operation', review({ operation: 'PATCH' }), 400],
  ['a string as object', review({ object: 'x' }), 400],
  ['a string as metadata', review({ object: { metadata: 'x' } }), 400],
  ['a number as namespace', review({ namespace: 7 }), 400],
  ['deep nesting', '['.repeat(200_000), 400],
])('refuses %s without falling over', async (_what, body, code) => {
  await serve(allow);
  expect((await send(path, body)).code).toBe(code);
  expect(response(await send(path, review())).allowed).toBe(true);
});

test('wants POST and JSON', async () => {
  await serve(allow);
  const get = await send(path, '', { method: 'GET' });
  expect([get.code, get.headers['allow']]).toEqual([405, 'POST']);
  expect((await send(path, review(), { type: 'text/plain' })).code).toBe(415);
  expect(response(await send(path, review(), { type: 'application/json; charset=utf-8' })).allowed).toBe(true);
});

test('takes a body of 8 MiB and no larger one', async () => {
  await serve(allow);
  const large = review({ object: { metadata: { annotations: { a: 'x'.repeat(7 * 1024 * 1024) } } } });
  expect(response(await send(path, large)).allowed).toBe(true);
  // The server ends the connection while the body is on its way; the client sees the answer or the end.
  const tooLarge = await send(path, Buffer.alloc(8 * 1024 * 1024 + 1, 0x20)).catch(
    (error: NodeJS.ErrnoException) => error,
  );
  if (tooLarge instanceof Error) expect(['ECONNRESET', 'EPIPE']).toContain((tooLarge as NodeJS.ErrnoException).code);
  else expect(tooLarge.code).toBe(413);
  expect(response(await send(path, review())).allowed).toBe(true);
});

test('a handler that fails refuses the object with 500 and no inner detail', async () => {
  await serve(() => Promise.reject(new TypeError('secret detail')));
  const answer = await send(path, review());
  expect(answer.code).toBe(200);
  expect(response(answer)).toMatchObject({
    uid: 'call-1',
    allowed: false,
    status: { code: 500, reason: 'InternalError' },
  });
  expect(answer.body).not.toContain('secret detail');
  expect(errors).toHaveLength(1);
});

test('answers in time when the handler does not, and tells it to stop', async () => {
  let stopped = false;
  await serve((_request, signal) => {
    signal.addEventListener('abort', () => (stopped = true));
    return new Promise(() => undefined);
  });
  const answer = response(await send(`${path}?timeout=1s`, review()));
  expect(answer).toMatchObject({ allowed: false, status: { code: 503, reason: 'ServiceUnavailable' } });
  expect(answer.status?.message).toContain('within 0.8 s');
  expect(stopped).toBe(true);
});

test('works on so many requests at once, lets some wait and refuses the rest', async () => {
  let running = 0;
  let most = 0;
  const open: (() => void)[] = [];
  await serve(
    async () => {
      most = Math.max(most, ++running);
      await new Promise<void>((resolve) => open.push(resolve));
      running--;
      return { allowed: true };
    },
    { concurrency: 2 },
  );
  let refused = 0;
  const call = async (_: unknown, index: number) => {
    const answer = response(await send(path, review({ uid: `call-${index}` })));
    if (!answer.allowed) refused++;
    return answer;
  };
  const done = Promise.all(Array.from({ length: 20 }, call));
  // The last two are refused at once, while all others wait: then every request has arrived.
  while (refused < 2) await new Promise((resolve) => setTimeout(resolve, 5));
  const timer = setInterval(() => open.splice(0).forEach((finish) => finish()), 5);
  const results = await done;
  clearInterval(timer);
  expect(most).toBe(2);
  expect(results.filter((result) => result.allowed)).toHaveLength(18);
  expect(results.filter((result) => result.status?.code === 429)).toHaveLength(2);
});

test('survives plain HTTP, torn requests and silent connections', async () => {
  await serve(allow);
  await new Promise<void>((resolve) => {
    const plain = httpRequest({ host: '127.0.0.1', port, path, method: 'POST' }, () => resolve());
    plain.on('error', () => resolve());
    plain.end(review());
  });
  await new Promise<void>((resolve) => {
    const torn = connectTls({ host: '127.0.0.1', port, ca: authority.pem.certificate }, () => {
      torn.write(`POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{`);
      setTimeout(() => torn.destroy(), 20);
    });
    torn.on('close', () => resolve());
  });
  await new Promise<void>((resolve) => {
    const nonsense = connectTls({ host: '127.0.0.1', port, ca: authority.pem.certificate }, () => {
      nonsense.write('\0\0\0nonsense\r\n\r\n');
    });
    nonsense.resume();
    nonsense.on('close', () => resolve());
  });
  const silent = connectTcp({ host: '127.0.0.1', port });
  expect(response(await send(path, review())).allowed).toBe(true);
  silent.destroy();
  expect(errors).toEqual([]);
});

test('an address in use is named', async () => {
  await serve(allow);
  const second = new AdmissionServer({
    port,
    certificate: serving.certificate,
    key: serving.key,
    path: SECRET,
    handlers: {},
    logger,
  });
  await expect(second.listen()).rejects.toThrow(`cannot listen on 127.0.0.1:${port}`);
  await second.close();
});

test('serves another certificate without a restart', async () => {
  await serve(allow);
  const other = new Authority('other');
  server?.renew(other.issue({ commonName: 'admission', addresses: ['127.0.0.1'] }));
  agent.destroy();
  agent = new Agent({ ca: other.pem.certificate });
  expect(response(await send(path, review())).allowed).toBe(true);
});
