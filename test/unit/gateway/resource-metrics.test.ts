import { request as httpsRequest } from 'node:https';
import type { IncomingMessage } from 'node:http';
import { connect as connectTls } from 'node:tls';
import { once } from 'node:events';
import type { TLSSocket } from 'node:tls';
import { createAuthority, Issuer } from '../../../syncer/pki';
import { ApiError } from '../../../syncer/kube-client';
import { RESOURCE_METRICS_ADDRESS, virtualNode } from '../../../syncer/translation';
import type { PodMetrics } from '../../../syncer/translation';
import {
  clientCertificate,
  kubeletCA,
  kubeletRequest,
  makeGateway,
  openTunnel,
  TestFacts,
  temporaryFolder,
} from './support';

// The virtual API server’s way to metrics: CONNECT through the gate, TLS as a front proxy, plain HTTP requests.
const folder = temporaryFolder();
const validity = { notBefore: new Date(Date.now() - 60_000), notAfter: new Date(Date.now() + 86_400_000) };
const frontProxyCA = createAuthority('front-proxy-ca', validity);
const frontProxy = new Issuer(frontProxyCA).issue({ commonName: 'front-proxy-client', usages: ['client'] }, validity);
const SERVICE = 'nestling-metrics.kube-system.svc';
const TARGET = `[${RESOURCE_METRICS_ADDRESS}]:443`;
const ROOT = '/apis/metrics.k8s.io/v1beta1';

let facts: TestFacts;
let made: ReturnType<typeof makeGateway>;
/** What the host answers, or throws. */
let hostPods: () => PodMetrics[];
let hostQuestions: object[];
let virtualQuestions: object[];
/** Keys of the objects that selectors select. */
let selected: string[];

const metrics = (name: string, cpu: string): PodMetrics => ({
  metadata: { name },
  timestamp: '2026-01-01T10:00:00Z',
  window: '15s',
  containers: [{ name: 'app', usage: { cpu, memory: '1Mi' } }],
});
const pod = (namespace: string, name: string) => ({
  pod: { metadata: { namespace, name }, spec: { containers: [{ name: 'app' }] } },
  hostName: `${name}-x-${namespace}-x-vc1`,
});

function listing<T>(items: () => T[], questions: object[]) {
  return async function* (_type: unknown, options: object = {}) {
    questions.push(options);
    yield { metadata: {}, items: items() };
  } as never;
}

async function start(resourceMetrics = true): Promise<void> {
  made = makeGateway(folder, {
    facts,
    pods: facts,
    host: { server: 'https://127.0.0.1:1' },
    ...(resourceMetrics && {
      resourceMetrics: {
        identity: { name: 'vc1', hostNamespace: 'team-a' },
        host: { listAll: listing(() => hostPods(), hostQuestions) },
        virtual: {
          listAll: listing(
            () => selected.map((key) => ({ metadata: { namespace: key.split('/')[0], name: key.split('/')[1] } })),
            virtualQuestions,
          ),
        },
        frontProxyCA: frontProxyCA.certificate,
        service: SERVICE,
      },
    }),
  });
  await made.gateway.listen();
}

beforeEach(async () => {
  facts = new TestFacts();
  facts.placed.set('host-1', [pod('shop', 'web'), pod('shop', 'db'), pod('bank', 'web')]);
  facts.virtualNodes.push(virtualNode('host-1', { architecture: 'amd64', kubeletVersion: 'v1.37.2' }));
  hostPods = () => [
    metrics('web-x-shop-x-vc1', '10m'),
    metrics('web-x-bank-x-vc1', '20m'),
    metrics('stranger-x-shop-x-vc1', '1'),
  ];
  [hostQuestions, virtualQuestions, selected] = [[], [], []];
  await start();
});
afterEach(() => made.gateway.close());

async function ask(path: string, method = 'GET'): Promise<{ code: number; body: Record<string, unknown> }> {
  const { status, socket } = await openTunnel(made.socketPath, TARGET);
  expect(status).toBe(200);
  const connection = connectTls({
    socket,
    servername: SERVICE,
    ca: kubeletCA.certificate,
    cert: frontProxy.certificate,
    key: frontProxy.key,
  });
  await once(connection, 'secureConnect');
  const request = httpsRequest({ createConnection: () => connection, method, path, headers: { Host: SERVICE } });
  request.end();
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  let text = '';
  for await (const chunk of response as AsyncIterable<Buffer>) text += String(chunk);
  connection.destroy();
  return { code: response.statusCode ?? 0, body: JSON.parse(text) as Record<string, unknown> };
}

const namesIn = (body: Record<string, unknown>): string[] =>
  (body['items'] as PodMetrics[]).map(({ metadata }) => `${metadata?.namespace ?? ''}/${metadata?.name}`);

test('tells what the API has, for discovery', async () => {
  const { code, body } = await ask(ROOT);
  expect(code).toBe(200);
  expect(body).toMatchObject({ kind: 'APIResourceList', groupVersion: 'metrics.k8s.io/v1beta1' });
  expect((body['resources'] as { name: string; verbs: string[] }[]).map(({ name, verbs }) => [name, verbs])).toEqual([
    ['nodes', ['get', 'list']],
    ['pods', ['get', 'list']],
  ]);
  expect(hostQuestions).toEqual([]);
});

test('lists the tenant’s pods that the host has measured, and no other pod of the host', async () => {
  const all = await ask(`${ROOT}/pods`);
  expect(all.body['kind']).toBe('PodMetricsList');
  expect(namesIn(all.body)).toEqual(['shop/web', 'bank/web']);
  expect(namesIn((await ask(`${ROOT}/namespaces/bank/pods`)).body)).toEqual(['bank/web']);
  expect(hostQuestions).toEqual([
    expect.objectContaining({ namespace: 'team-a', labelSelector: 'nestling.dev/virtual-cluster=vc1' }),
  ]);
});

test('gives one pod, and says of one without metrics that it has none yet', async () => {
  expect((await ask(`${ROOT}/namespaces/shop/pods/web`)).body).toMatchObject({
    kind: 'PodMetrics',
    metadata: { name: 'web', namespace: 'shop' },
    containers: [{ name: 'app', usage: { cpu: '10m', memory: '1Mi' } }],
  });
  const { code, body } = await ask(`${ROOT}/namespaces/shop/pods/db`);
  expect(code).toBe(404);
  expect(body).toMatchObject({ kind: 'Status', reason: 'NotFound' });
  expect(body['message']).toBe('pods.metrics.k8s.io "shop/db" not found: not measured yet');
});

test('asks the virtual cluster what a selector selects', async () => {
  selected = ['shop/db', 'bank/web'];
  const query = new URLSearchParams({ labelSelector: 'app in (a, b)', fieldSelector: 'metadata.name!=x' });
  expect(namesIn((await ask(`${ROOT}/pods?${query}`)).body)).toEqual(['bank/web']);
  expect(virtualQuestions).toEqual([
    expect.objectContaining({ labelSelector: 'app in (a, b)', fieldSelector: 'metadata.name!=x', metadataOnly: true }),
  ]);
});

test('a selector that is none is the caller’s mistake', async () => {
  const message = 'unable to parse requirement: found ","';
  const refused = () => {
    throw new ApiError({ status: 400, reason: 'BadRequest', message });
  };
  Object.defineProperty(selected, 'map', { value: refused });
  expect(await ask(`${ROOT}/pods?labelSelector=,,`)).toMatchObject({ code: 400, body: { message } });
});

test('a node has the sum of the tenant’s pods on it', async () => {
  expect((await ask(`${ROOT}/nodes/host-1`)).body).toMatchObject({
    kind: 'NodeMetrics',
    metadata: { name: 'host-1' },
    usage: { cpu: '30000000n', memory: '2048Ki' },
  });
  expect(namesIn((await ask(`${ROOT}/nodes`)).body)).toEqual(['/host-1']);
  expect((await ask(`${ROOT}/nodes/host-2`)).code).toBe(404);
});

test.each([
  ['NotFound', 404, /has no metrics server/],
  ['Forbidden', 403, /does not let the syncer read metrics/],
  ['ServiceUnavailable', 503, /metrics server does not answer/],
])('where the host answers %s, the reason comes with 503', async (reason, status, expected) => {
  hostPods = () => {
    throw new ApiError({ status, reason, message: 'pods.metrics.k8s.io in namespace team-a' });
  };
  const { code, body } = await ask(`${ROOT}/pods`);
  expect(code).toBe(503);
  expect(body).toMatchObject({
    kind: 'Status',
    reason: 'ServiceUnavailable',
    message: expect.stringMatching(expected) as string,
  });
  expect(JSON.stringify(body)).not.toContain('team-a');
});

test('until the syncer knows what runs, it says so', async () => {
  facts.known = false;
  expect(await ask(`${ROOT}/pods`)).toMatchObject({
    code: 503,
    body: { message: expect.stringContaining('not yet') as string },
  });
});

test.each([
  ['/', 404],
  ['/apis', 404],
  ['/openapi/v2', 404],
  [`${ROOT}/namespaces/shop/pods/web/x`, 404],
  [`${ROOT}/namespaces/shop/pods/..%2F..%2Fbank`, 404],
  [`${ROOT}/namespaces//pods`, 404],
  [`${ROOT}/secrets`, 404],
  [`${ROOT}/pods?watch=true`, 405],
])('%s is not served', async (path, code) => {
  expect((await ask(path)).code).toBe(code);
  expect(hostQuestions).toEqual([]);
});

test('nothing can be written', async () => {
  expect((await ask(`${ROOT}/pods`, 'DELETE')).code).toBe(405);
});

test('who is not the API server as a front proxy gets no answer', async () => {
  for (const pair of [undefined, clientCertificate()]) {
    const { socket } = await openTunnel(made.socketPath, TARGET);
    const connection: TLSSocket = connectTls({
      socket,
      servername: SERVICE,
      ca: kubeletCA.certificate,
      ...(pair && { cert: pair.certificate, key: pair.key }),
    });
    let received = '';
    connection.on('data', (chunk: Buffer) => (received += String(chunk)));
    // An alert where the certificate is missing, a closed connection where it is another's.
    const ended = new Promise((resolve) =>
      connection.once('error', resolve).once('end', resolve).once('close', resolve),
    );
    connection.write(`GET ${ROOT}/pods HTTP/1.1\r\nHost: x\r\n\r\n`);
    await ended;
    connection.destroy();
    expect(received).toBe('');
  }
  expect(hostQuestions).toEqual([]);
});

test('other ports of the address, and all where metrics are switched off, are no target', async () => {
  expect((await openTunnel(made.socketPath, `[${RESOURCE_METRICS_ADDRESS}]:10250`)).status).toBe(403);
  await made.gateway.close();
  await start(false);
  expect((await openTunnel(made.socketPath, TARGET)).status).toBe(403);
});

describe('a virtual node', () => {
  const get = async (path: string) => {
    const { response, body } = await kubeletRequest(made.socketPath, path);
    return { code: response.statusCode, type: response.headers['content-type'], text: await body };
  };

  test('lists the tenant’s pods on it', async () => {
    facts.placed.set('host-2', [pod('shop', 'elsewhere')]);
    const { code, text } = await get('/pods/');
    expect(code).toBe(200);
    expect(JSON.parse(text)).toMatchObject({ kind: 'PodList', apiVersion: 'v1' });
    expect(namesIn(JSON.parse(text) as Record<string, unknown>)).toEqual(['shop/web', 'shop/db', 'bank/web']);
  });

  test('tells what they use', async () => {
    const { code, type, text } = await get('/stats/summary?only_cpu_and_memory=true');
    expect([code, type]).toEqual([200, 'application/json']);
    const { pods } = JSON.parse(text) as { pods: { podRef: { namespace: string; name: string } }[] };
    expect(pods.map(({ podRef }) => `${podRef.namespace}/${podRef.name}`)).toEqual(['shop/web', 'bank/web']);
    expect(await get('/metrics/resource')).toMatchObject({
      type: expect.stringContaining('version=0.0.4') as string,
      text: expect.stringContaining('pod_memory_working_set_bytes{namespace="bank",pod="web"} 1048576') as string,
    });
    expect((await get('/metrics/cadvisor')).text).toContain('container="app",namespace="shop",pod="web"');
    expect(hostQuestions).toHaveLength(1);
  });

  test('says why where it cannot', async () => {
    hostPods = () => {
      throw new ApiError({ status: 404, message: 'x' });
    };
    expect(await get('/stats/summary')).toMatchObject({
      code: 503,
      text: expect.stringContaining('no metrics server') as string,
    });
    await made.gateway.close();
    await start(false);
    expect(await get('/stats/summary')).toMatchObject({
      code: 501,
      text: expect.stringContaining('switched off') as string,
    });
    expect((await get('/pods')).code).toBe(200);
  });
});
