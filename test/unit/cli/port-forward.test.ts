import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import { connect } from 'node:net';
import type { AddressInfo } from 'node:net';
import { WebSocketServer } from 'ws';
import type { WebSocket } from 'ws';
import { forwardPort } from '../../../cli/port-forward';
import type { PortForward } from '../../../cli/port-forward';

/** Stands in for API server and kubelet: sends each channel's port first, and gives back what it is sent. */
let server: Server;
let forward: PortForward;
let asked: { url: string | undefined; authorization: string | undefined; protocol: string }[];
let failures: unknown[];
let behave: (webSocket: WebSocket) => void;

const head = (channel: number): Buffer => Buffer.of(channel, 6443 & 0xff, 6443 >> 8);

beforeEach(async () => {
  asked = [];
  failures = [];
  behave = (webSocket) => webSocket.on('message', (data: Buffer) => webSocket.send(data));
  server = createServer();
  const sockets = new WebSocketServer({ noServer: true });
  server.on('upgrade', (request, socket, first) => {
    if (request.headers.authorization !== 'Bearer secret') {
      socket.end('HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n');
      return;
    }
    sockets.handleUpgrade(request, socket, first, (webSocket) => {
      asked.push({ url: request.url, authorization: request.headers.authorization, protocol: webSocket.protocol });
      webSocket.send(head(0));
      webSocket.send(head(1));
      behave(webSocket);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterEach(async () => {
  await forward.close();
  server.closeAllConnections();
  await new Promise((done) => server.close(done));
});

const start = async (token: string): Promise<void> => {
  const { port } = server.address() as AddressInfo;
  const target = { namespace: 'team-a', pod: 'vc-0', port: 6443 };
  const route = () => Promise.resolve({ connection: { server: `http://127.0.0.1:${port}`, token }, target });
  forward = await forwardPort(0, route, (error) => failures.push(error));
};

test('what is sent comes back whole, many megabytes of it on several connections', async () => {
  await start('secret');
  const answers = await Promise.all(
    [1, 2, 3].map(async () => {
      const sent = randomBytes(5_000_000);
      const socket = connect(forward.port, '127.0.0.1');
      const parts: Buffer[] = [];
      let length = 0;
      const whole = new Promise<Buffer>((done) => {
        socket.on('data', (part: Buffer) => {
          parts.push(part);
          length += part.length;
          if (length >= sent.length) done(Buffer.concat(parts));
        });
      });
      socket.write(sent);
      const same = sent.equals(await whole);
      socket.destroy();
      return same;
    }),
  );
  expect(answers).toEqual([true, true, true]);
  expect(asked).toHaveLength(3);
  expect(asked[0]).toEqual({
    url: '/api/v1/namespaces/team-a/pods/vc-0/portforward?ports=6443',
    authorization: 'Bearer secret',
    protocol: 'v4.channel.k8s.io',
  });
  expect(failures).toEqual([]);
});

test('an error that the kubelet tells ends the connection, and the port stays', async () => {
  behave = (webSocket) => webSocket.send(Buffer.from('\u0001no such pod'));
  await start('secret');
  for (let attempt = 0; attempt < 2; attempt++) {
    const socket = connect(forward.port, '127.0.0.1');
    await once(socket, 'close');
  }
  expect(asked).toHaveLength(2);
});

test('the end of either side is the end of the other', async () => {
  let closed: Promise<unknown> | undefined;
  behave = (webSocket) => {
    closed = once(webSocket, 'close');
  };
  await start('secret');
  const socket = connect(forward.port, '127.0.0.1');
  socket.on('error', () => undefined);
  socket.end('last words');
  await once(socket, 'close');
  await closed;

  behave = (webSocket) => webSocket.close();
  const other = connect(forward.port, '127.0.0.1');
  await once(other, 'close');
});

test('a refusal is told with the right that is missing', async () => {
  await start('wrong');
  const socket = connect(forward.port, '127.0.0.1');
  await once(socket, 'close');
  expect(failures).toMatchObject([
    {
      message:
        'the host refuses the way to pod team-a/vc-0 (403): have somebody give you the right (verb create on pods/portforward)',
    },
  ]);
});

test('a port that is taken is named', async () => {
  await start('secret');
  await expect(
    forwardPort(
      forward.port,
      () => Promise.reject(new Error('no')),
      () => undefined,
    ),
  ).rejects.toThrow(`port ${forward.port} of 127.0.0.1 cannot be used (EADDRINUSE): choose another with --local-port`);
});
