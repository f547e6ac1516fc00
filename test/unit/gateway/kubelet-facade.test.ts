import { request as httpsRequest } from 'node:https';
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createAuthority } from '../../../syncer/pki';
import {
  NODE,
  OTHER_NODE,
  TestFacts,
  clientCertificate,
  connectToKubelet,
  hostCA,
  kubeletRequest,
  makeGateway,
  openTunnel,
  startHost,
  temporaryFolder,
  until,
} from './support';
import type { HostStandIn } from './support';

const folder = temporaryFolder();
let host: HostStandIn;
let facts: TestFacts;
let made: ReturnType<typeof makeGateway>;
const tokenFile = join(folder, 'token');

beforeEach(async () => {
  host = await startHost();
  facts = new TestFacts();
  facts.pods.set('shop/web-0', {
    ...{ namespace: 'team-a', name: 'web-0-x-shop-x-vc1', uid: 'host-uid' },
    ...{ nodeName: 'host-1', virtualUID: 'virtual-uid' },
  });
  writeFileSync(tokenFile, 'token-1\n');
  made = makeGateway(folder, {
    facts,
    pods: facts,
    host: { server: host.url, certificateAuthority: hostCA.certificate, tokenFile },
  });
  await made.gateway.listen();
});
afterEach(async () => {
  await made.gateway.close();
  await host.close();
});

/** Asks for an upgrade over a tunnel of its own. */
async function upgrade(
  path: string,
  headers: Record<string, string | string[]>,
  method = 'POST',
): Promise<{ status: number; response: IncomingMessage; socket: Socket; head: Buffer; body: Promise<string> }> {
  const connection = await connectToKubelet(made.socketPath);
  return new Promise((resolve, reject) => {
    const request = httpsRequest({
      createConnection: () => connection,
      ...{ method, path },
      headers: { Host: 'node', Connection: 'Upgrade', ...headers },
    });
    const given = (response: IncomingMessage, socket: Socket, head: Buffer): void => {
      const body = (async () => {
        let all = '';
        if (response.statusCode !== 101)
          for await (const chunk of response as AsyncIterable<Buffer>) all += String(chunk);
        return all;
      })();
      resolve({ status: response.statusCode ?? 0, response, socket, head, body });
    };
    request.on('upgrade', (response, socket, head) => given(response, socket as Socket, head));
    request.on('response', (response) => given(response, response.socket, Buffer.alloc(0)));
    request.on('error', reject).end();
  });
}
const SPDY = { Upgrade: 'SPDY/3.1', 'X-Stream-Protocol-Version': ['v5.channel.k8s.io', 'v4.channel.k8s.io'] };

describe('TLS', () => {
  test('the node shows a certificate for its address, made once', async () => {
    const first = await connectToKubelet(made.socketPath);
    const second = await connectToKubelet(made.socketPath);
    const other = await connectToKubelet(made.socketPath, OTHER_NODE);
    const certificate = first.getPeerCertificate();
    expect(certificate.subjectaltname).toBe('IP Address:FD6E:6573:746C:696E:1:2:3:4');
    expect(certificate.ext_key_usage).toEqual(['1.3.6.1.5.5.7.3.1']);
    expect(Date.parse(certificate.valid_to) - Date.now()).toBeLessThan(8 * 86_400_000);
    expect(second.getPeerCertificate().fingerprint256).toBe(certificate.fingerprint256);
    expect(other.getPeerCertificate().subjectaltname).toBe('IP Address:FD6E:6573:746C:696E:5:6:7:8');
    expect(first.getCipher().version).toBe('TLSv1.3');
    for (const socket of [first, second, other]) socket.destroy();
    await until(() => made.gateway.tunnels.kubelet === 0, 'tunnels closed');
  });

  test.each([
    ['none', undefined],
    [
      'one of another authority',
      clientCertificate(createAuthority('kubelet-client-ca', { notBefore: new Date(0), notAfter: new Date(2e12) })),
    ],
  ])('with %s as client certificate nothing is answered', async (_what, certificate) => {
    let received = '';
    // With TLS 1.3 the client believes itself connected until it reads: the refusal comes then, or at once.
    await connectToKubelet(made.socketPath, NODE, certificate ?? null)
      .then((socket) => {
        socket.on('data', (chunk: Buffer) => (received += String(chunk))).on('error', () => undefined);
        socket.write('GET /containerLogs/shop/web-0/app HTTP/1.1\r\nHost: node\r\n\r\n');
      })
      .catch(() => undefined);
    await until(() => made.lines.length === 1, 'refused');
    await until(() => made.gateway.tunnels.kubelet === 0, 'tunnel closed');
    expect(received).toBe('');
    expect(host.requests).toEqual([]);
    expect(made.lines).toContainEqual(
      expect.objectContaining({ level: 'warn', message: expect.stringContaining('TLS handshake') as string }),
    );
  });

  test('the address of no node is refused before TLS', async () => {
    facts.nodes.delete(OTHER_NODE);
    expect((await openTunnel(made.socketPath, `[${OTHER_NODE}]:10250`)).status).toBe(403);
  });

  test('requests share a connection', async () => {
    host.onRequest = (_request, response) => response.writeHead(200).end('log');
    const connection = await connectToKubelet(made.socketPath);
    let all = '';
    connection.on('data', (chunk: Buffer) => (all += String(chunk)));
    for (let i = 1; i <= 3; i++) {
      connection.write('GET /containerLogs/shop/web-0/app HTTP/1.1\r\nHost: node\r\n\r\n');
      await until(() => all.split('0\r\n\r\n').length === i + 1, `answer ${i}`);
    }
    expect(host.requests).toHaveLength(3);
    connection.destroy();
  });
});

describe('logs', () => {
  test('stream from the host’s pod, with the syncer’s credentials and none of the caller’s', async () => {
    host.onRequest = (_request, response) =>
      void response.writeHead(200, { 'Content-Type': 'text/plain', 'X-Host': 'secret' }).write('one\n');
    const { response, body } = await kubeletRequest(
      made.socketPath,
      '/containerLogs/shop/web-0/app?follow=true&tailLines=5',
      {
        headers: {
          Authorization: 'Bearer tenant',
          Cookie: 'tenant=1',
          'Impersonate-User': 'root',
          'X-Remote-User': 'root',
        },
      },
    );
    expect(response.statusCode).toBe(200);
    expect(response.headers).not.toHaveProperty('x-host');
    expect(host.requests[0]).toMatchObject({
      method: 'GET',
      url: '/api/v1/namespaces/team-a/pods/web-0-x-shop-x-vc1/log?container=app&follow=true&tailLines=5',
      headers: { authorization: 'Bearer token-1' },
    });
    expect(Object.keys(host.requests[0]?.headers ?? {}).sort()).toEqual(
      ['accept', 'accept-encoding', 'authorization', 'connection', 'host', 'user-agent'].sort(),
    );
    void body;
    response.destroy();
  });

  test('arrive as they are written, and the host’s request ends when the caller goes', async () => {
    let hostClosed = false;
    host.onRequest = (_request, response) => {
      let line = 0;
      response.writeHead(200);
      const timer = setInterval(() => response.write(`line ${(line += 1)}\n`), 10);
      response.on('close', () => {
        clearInterval(timer);
        hostClosed = true;
      });
    };
    const connection = await connectToKubelet(made.socketPath);
    let all = '';
    connection.on('data', (chunk: Buffer) => (all += String(chunk)));
    connection.write('GET /containerLogs/shop/web-0/app?follow=true HTTP/1.1\r\nHost: node\r\n\r\n');
    await until(() => all.includes('line 3'), 'lines arrive');
    expect(hostClosed).toBe(false);
    connection.destroy();
    await until(() => hostClosed, 'the host’s request is dropped');
    await until(() => made.gateway.tunnels.kubelet === 0, 'tunnel closed');
  });

  test('the host’s request is dropped even if the caller goes before the first byte', async () => {
    let hostClosed = false;
    host.onRequest = (_request, response) => response.on('close', () => (hostClosed = true));
    const connection = await connectToKubelet(made.socketPath);
    connection.write('GET /containerLogs/shop/web-0/app?follow=true HTTP/1.1\r\nHost: node\r\n\r\n');
    await until(() => host.requests.length === 1, 'asked');
    connection.destroy();
    await until(() => hostClosed, 'dropped');
    expect(made.lines).toEqual([]);
  });

  test('a caller who does not read holds the host back', async () => {
    let sent = 0;
    host.onRequest = (_request, response) => {
      response.writeHead(200);
      const chunk = Buffer.alloc(65_536, 'x');
      const more = (): void => {
        while (sent < 64_000_000) {
          sent += chunk.length;
          if (!response.write(chunk)) return void response.once('drain', more);
        }
        response.end();
      };
      more();
    };
    const connection = await connectToKubelet(made.socketPath);
    connection.write('GET /containerLogs/shop/web-0/app HTTP/1.1\r\nHost: node\r\nConnection: close\r\n\r\n');
    await until(() => sent > 0, 'sending');
    await sleep(300);
    expect(sent).toBeLessThan(40_000_000);
    let received = 0;
    for await (const chunk of connection as AsyncIterable<Buffer>) received += chunk.length;
    expect(sent).toBeGreaterThanOrEqual(64_000_000);
    expect(received).toBeGreaterThan(sent);
  });

  test('a log that the host breaks off looks broken, not complete', async () => {
    host.onRequest = (_request, response) => {
      response.writeHead(200);
      response.write('half', () => response.destroy());
    };
    const { response, body } = await kubeletRequest(made.socketPath, '/containerLogs/shop/web-0/app');
    expect(response.statusCode).toBe(200);
    await expect(body).rejects.toThrow(/aborted/);
  });

  test('a renewed token is read, and the request sent again', async () => {
    host.onRequest = (request, response) => {
      response.writeHead(request.headers.authorization === 'Bearer token-2' ? 200 : 401).end('log');
    };
    writeFileSync(tokenFile, 'token-2');
    const first = await kubeletRequest(made.socketPath, '/containerLogs/shop/web-0/app');
    expect(await first.body).toBe('log');
    writeFileSync(tokenFile, 'token-3');
    host.onRequest = (request, response) => {
      response.writeHead(request.headers.authorization === 'Bearer token-3' ? 200 : 401).end('log');
    };
    const second = await kubeletRequest(made.socketPath, '/containerLogs/shop/web-0/app');
    expect(await second.body).toBe('log');
  });
});

describe('refusals', () => {
  const statusOf = (message: string, code: number): string =>
    JSON.stringify({ kind: 'Status', status: 'Failure', message, code });

  test.each([
    ['a pod that is not the tenant’s', '/containerLogs/shop/other/app', NODE],
    ['a pod of another namespace', '/containerLogs/kube-system/web-0/app', NODE],
    ['a host pod by its host name', '/containerLogs/team-a/web-0-x-shop-x-vc1/app', NODE],
    ['a pod on another node', '/containerLogs/shop/web-0/app', OTHER_NODE],
    ['__proto__', '/containerLogs/shop/__proto__/app', NODE],
  ])('%s does not exist, as a kubelet says it', async (_what, path, address) => {
    const { response, body } = await kubeletRequest(made.socketPath, path, { address });
    expect(response.statusCode).toBe(404);
    expect(await body).toMatch(/^pod ("[^"]+" )?does not exist$/);
    expect(host.requests).toEqual([]);
  });

  test.each(['/containerLogs/shop/web-0/ours', '/exec/shop/web-0/ours?command=sh', '/attach/shop/web-0/ours'])(
    '%s, of a container that the virtual pod does not have, is not passed on',
    async (path) => {
      const twin = facts.pods.get('shop/web-0')!;
      facts.pods.set('shop/web-0', { ...twin, hiddenContainer: 'ours' });
      const { response, body } = await kubeletRequest(made.socketPath, path);
      expect([response.statusCode, await body]).toEqual([404, 'container not found in pod "web-0"']);
      expect(host.requests).toEqual([]);
    },
  );

  test('a node that is gone serves nothing on connections it still has', async () => {
    const connection = await connectToKubelet(made.socketPath);
    facts.nodes.delete(NODE);
    let all = '';
    connection.on('data', (chunk: Buffer) => (all += String(chunk)));
    connection.write('GET /containerLogs/shop/web-0/app HTTP/1.1\r\nHost: node\r\n\r\n');
    await until(() => all.includes('does not exist'), 'refused');
    connection.destroy();
  });

  test.each(['/healthz', '/runningpods/', '/stats', '/metrics', '/metrics/probes', '/configz'])(
    '%s is not provided',
    async (path) => {
      const { response, body } = await kubeletRequest(made.socketPath, path);
      expect(response.statusCode).toBe(501);
      expect(await body).toContain('is not provided by virtual nodes');
      expect(host.requests).toEqual([]);
    },
  );

  test('the host’s reasons come as plain text in the tenant’s names', async () => {
    const message =
      'container "app" in pod "web-0-x-shop-x-vc1" is waiting to start: ContainerCreating (namespace team-a)';
    host.onRequest = (_request, response) => response.writeHead(400).end(statusOf(message, 400));
    const { response, body } = await kubeletRequest(made.socketPath, '/containerLogs/shop/web-0/app');
    expect(response.statusCode).toBe(400);
    expect(response.headers['content-type']).toMatch(/^text\/plain/);
    expect(await body).toBe('container "app" in pod "web-0" is waiting to start: ContainerCreating (namespace shop)');
  });

  test.each([
    [
      403,
      'pods "web-0-x-shop-x-vc1" is forbidden: User "system:serviceaccount:team-a:vc1" cannot get resource "pods/log"',
      502,
    ],
    [401, 'Unauthorized', 502],
    [302, '', 502],
    [404, 'pods "web-0-x-shop-x-vc1" not found', 404],
    [500, 'internal', 500],
  ])('the host’s %i tells nothing of the host', async (code, message, status) => {
    host.onRequest = (_request, response) =>
      response
        .writeHead(code, { Location: 'https://169.254.169.254/', 'WWW-Authenticate': 'x' })
        .end(statusOf(message, code));
    const { response, body } = await kubeletRequest(made.socketPath, '/containerLogs/shop/web-0/app');
    expect(response.statusCode).toBe(status);
    expect(response.headers).not.toHaveProperty('location');
    expect(response.headers).not.toHaveProperty('www-authenticate');
    expect(await body).not.toMatch(/team-a|serviceaccount|-x-vc1/);
    // Asked once; a 401 is not tried again with the same token.
    expect(host.requests).toHaveLength(1);
  });

  test('a policy of the host that denies exec is passed on', async () => {
    host.onUpgrade = (_request, socket) => {
      const body = statusOf('admission webhook "no-exec" denied the request: no exec into web-0-x-shop-x-vc1', 403);
      socket.end(`HTTP/1.1 403 Forbidden\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`);
    };
    const { status, body } = await upgrade('/exec/shop/web-0/app?command=ls', SPDY);
    expect([status, await body]).toEqual([403, 'admission webhook "no-exec" denied the request: no exec into web-0']);
  });

  test('a host that cannot be reached gives 502 and a line in the log', async () => {
    await host.close();
    const { response, body } = await kubeletRequest(made.socketPath, '/containerLogs/shop/web-0/app');
    expect([response.statusCode, await body]).toEqual([502, 'the host cluster cannot be reached; try again']);
    expect(made.lines).toHaveLength(1);
  });

  test('exec without upgrade, an unknown upgrade, and an upgrade of logs are refused', async () => {
    expect(
      (await kubeletRequest(made.socketPath, '/exec/shop/web-0/app?command=ls', { method: 'POST' })).response
        .statusCode,
    ).toBe(400);
    expect((await upgrade('/exec/shop/web-0/app', { Upgrade: 'h2c' })).status).toBe(400);
    expect((await upgrade('/containerLogs/shop/web-0/app', SPDY, 'GET')).status).toBe(400);
    expect((await upgrade('/exec/shop/other/app', SPDY)).status).toBe(404);
    expect((await upgrade('/exec/shop/web-0/another-uid/app', SPDY)).status).toBe(404);
    expect((await upgrade('/metrics', SPDY, 'GET')).status).toBe(501);
    expect(host.requests).toEqual([]);
  });
});

describe('streams', () => {
  test('exec over SPDY: the host is asked in its own words, and bytes pass both ways, those beside the headers too', async () => {
    host.onUpgrade = (_request, socket, head) => {
      socket.write(
        'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: v5.channel.k8s.io\r\n' +
          'Audit-Id: 1234\r\nSet-Cookie: host=1\r\n\r\nhello',
      );
      let received = head.toString();
      socket.on('data', (chunk: Buffer) => (received += String(chunk)));
      socket.on('end', () => socket.end(`, you said ${received.length}`));
    };
    const { status, response, socket, head } = await upgrade(
      '/exec/shop/web-0/app?command=sh&command=-c&command=echo+%24HOME&input=1&output=1&error=1&tty=1',
      { ...SPDY, Authorization: 'Bearer tenant', Cookie: 'a=b', 'X-Forwarded-For': '1.2.3.4' },
    );
    expect(status).toBe(101);
    expect(response.headers).toEqual({
      connection: 'Upgrade',
      upgrade: 'SPDY/3.1',
      'x-stream-protocol-version': 'v5.channel.k8s.io',
    });
    const asked = host.requests[0];
    expect(asked).toMatchObject({
      method: 'POST',
      url:
        '/api/v1/namespaces/team-a/pods/web-0-x-shop-x-vc1/exec?container=app&stdin=true&stdout=true&stderr=true&tty=true' +
        '&command=sh&command=-c&command=echo+%24HOME',
      headers: { connection: 'Upgrade', upgrade: 'SPDY/3.1', authorization: 'Bearer token-1', 'content-length': '0' },
    });
    expect(asked?.headers).not.toHaveProperty('cookie');
    expect(asked?.headers).not.toHaveProperty('x-forwarded-for');
    expect(
      asked?.rawHeaders.filter((_value, i, all) => all[i - 1]?.toLowerCase() === 'x-stream-protocol-version'),
    ).toEqual(['v5.channel.k8s.io', 'v4.channel.k8s.io']);
    let all = head.toString();
    socket.on('data', (chunk: Buffer) => (all += String(chunk)));
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.end(Buffer.alloc(5_000_000));
    await closed;
    expect(all).toBe('hello, you said 5000000');
    await until(() => made.gateway.tunnels.kubelet === 0, 'tunnel closed');
  });

  test('port-forward carries 20 MB each way intact, under back-pressure', async () => {
    host.onUpgrade = (_request, socket, head) => {
      socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n\r\n');
      socket.unshift(head);
      socket.pipe(socket);
    };
    const { socket } = await upgrade('/portForward/shop/web-0', SPDY);
    expect(host.requests[0]?.url).toBe('/api/v1/namespaces/team-a/pods/web-0-x-shop-x-vc1/portforward');
    const { createHash, randomBytes } = await import('node:crypto');
    const [sent, received] = [createHash('sha256'), createHash('sha256')];
    const done = (async () => {
      for await (const chunk of socket as AsyncIterable<Buffer>) received.update(chunk);
    })();
    for (let i = 0; i < 20; i++) {
      const chunk = randomBytes(1_000_000);
      sent.update(chunk);
      if (!socket.write(chunk)) await new Promise((resolve) => socket.once('drain', resolve));
    }
    socket.end();
    await done;
    expect(received.digest('hex')).toBe(sent.digest('hex'));
  });

  test('attach over WebSocket keeps GET and the handshake', async () => {
    host.onUpgrade = (_request, socket) => {
      socket.write(
        'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: accepted\r\n' +
          'Sec-WebSocket-Protocol: v4.channel.k8s.io\r\n\r\n',
      );
      socket.pipe(socket);
    };
    const { status, response, socket } = await upgrade(
      '/attach/shop/web-0/virtual-uid/app?output=1',
      {
        ...{ Upgrade: 'websocket', 'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==', 'Sec-WebSocket-Version': '13' },
        'Sec-WebSocket-Protocol': 'v4.channel.k8s.io, base64.channel.k8s.io',
      },
      'GET',
    );
    expect(status).toBe(101);
    expect(response.headers).toMatchObject({
      'sec-websocket-accept': 'accepted',
      'sec-websocket-protocol': 'v4.channel.k8s.io',
    });
    expect(host.requests[0]).toMatchObject({
      method: 'GET',
      url: '/api/v1/namespaces/team-a/pods/web-0-x-shop-x-vc1/attach?container=app&stdin=false&stdout=true&stderr=false&tty=false',
      headers: {
        ...{ upgrade: 'websocket', 'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==', 'sec-websocket-version': '13' },
        'sec-websocket-protocol': 'v4.channel.k8s.io, base64.channel.k8s.io',
      },
    });
    socket.write('ping');
    expect(String(await new Promise((resolve) => socket.once('data', resolve)))).toBe('ping');
    socket.destroy();
    await until(() => made.gateway.tunnels.kubelet === 0, 'tunnel closed');
  });

  test('when either side goes, the other ends', async () => {
    const hostSockets: Socket[] = [];
    host.onUpgrade = (_request, socket) => {
      hostSockets.push(socket.resume());
      socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n\r\n');
    };
    const first = await upgrade('/exec/shop/web-0/app?command=sh', SPDY);
    const hostGone = new Promise((resolve) => hostSockets[0]?.once('close', resolve));
    hostSockets[0]?.once('end', () => hostSockets[0]?.end());
    first.socket.destroy();
    await hostGone;
    const second = await upgrade('/exec/shop/web-0/app?command=sh', SPDY);
    const clientGone = new Promise((resolve) => second.socket.once('close', resolve));
    second.socket.resume().once('end', () => second.socket.end());
    hostSockets[1]?.destroy();
    await clientGone;
    await until(() => made.gateway.tunnels.kubelet === 0, 'tunnels closed');
  });
});
