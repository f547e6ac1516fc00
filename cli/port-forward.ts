import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import WebSocket from 'ws';
import type { ClusterConnection } from '../syncer/kube-client';
import { Failure } from './failure';

/**
 * Kubelets speak this on WebSockets: each message begins with a channel, of which 0 is data and 1 errors, and the first message on each
 * is the port. See k8s.io/kubelet/pkg/cri/streaming/portforward/websocket.go.
 */
const PROTOCOL = 'v4.channel.k8s.io';
const DATA = 0;
const ERRORS = 1;
/** Bytes on their way to the host, after which the client has to wait. */
const HIGH_WATER = 1024 * 1024;
const CONNECT_MS = 15_000;

/** Which port of which pod. */
export interface ForwardTarget {
  readonly namespace: string;
  readonly pod: string;
  readonly port: number;
}

/** Where connections are taken to, asked anew for each of them: pods and credentials change. */
export type Route = () => Promise<{ readonly connection: ClusterConnection; readonly target: ForwardTarget }>;

/** A port of this machine that leads into a pod. */
export interface PortForward {
  readonly port: number;
  close(): Promise<void>;
}

/**
 * Forwards a port of this machine's loopback to one of a pod, by the host's API server. A connection that cannot be made is closed,
 * and told to `failed`; the port stays open for the next.
 *
 * @param port 0: any that is free
 * @throws Failure when the port is taken
 */
export async function forwardPort(port: number, route: Route, failed: (error: unknown) => void): Promise<PortForward> {
  const open = new Set<Socket>();
  // Half-open: what the client still sends after its end has nowhere to go on a WebSocket, so an end is an end for both.
  const server = createServer((socket) => {
    open.add(socket);
    socket.on('error', () => socket.destroy());
    socket.once('close', () => open.delete(socket));
    socket.pause();
    route()
      .then(({ connection, target }) => join(socket, connection, target))
      .catch((error: unknown) => {
        socket.destroy();
        failed(error);
      });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(
        new Failure(
          `port ${port} of 127.0.0.1 cannot be used (${error.code ?? error.message}): choose another with --local-port`,
          { cause: error },
        ),
      ),
    );
    server.listen(port, '127.0.0.1', resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of open) socket.destroy();
      }),
  };
}

/** Joins a connection of this machine with a port of a pod. Resolves once they are joined. */
async function join(socket: Socket, connection: ClusterConnection, target: ForwardTarget): Promise<void> {
  const webSocket = await connect(connection, target);
  if (socket.destroyed) return webSocket.terminate();
  const heads = new Set([DATA, ERRORS]);
  webSocket.on('message', (data: Buffer) => {
    const channel = data[0] ?? DATA;
    // The first message of each channel is the port.
    if (heads.delete(channel)) return;
    if (channel === ERRORS) return webSocket.terminate();
    if (!socket.write(data.subarray(1))) webSocket.pause();
  });
  socket.on('drain', () => webSocket.resume());
  socket.on('data', (chunk: Buffer) => {
    webSocket.send(Buffer.concat([Buffer.of(DATA), chunk]), () => {
      if (socket.isPaused() && webSocket.bufferedAmount < HIGH_WATER) socket.resume();
    });
    if (webSocket.bufferedAmount >= HIGH_WATER) socket.pause();
  });
  socket.once('end', () => webSocket.close());
  socket.once('close', () => webSocket.terminate());
  webSocket.once('close', () => socket.end());
  webSocket.on('error', () => socket.destroy());
  webSocket.resume();
  socket.resume();
}

function connect(connection: ClusterConnection, { namespace, pod, port }: ForwardTarget): Promise<WebSocket> {
  const url = new URL(connection.server);
  url.protocol = url.protocol === 'http:' ? 'ws:' : 'wss:';
  url.pathname = `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods/${encodeURIComponent(pod)}/portforward`;
  url.searchParams.set('ports', String(port));
  const token =
    connection.tokenFile === undefined ? connection.token : readFileSync(connection.tokenFile, 'utf8').trim();
  const webSocket = new WebSocket(url, [PROTOCOL], {
    handshakeTimeout: CONNECT_MS,
    perMessageDeflate: false,
    ...(token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } }),
    ...(connection.certificateAuthority === undefined ? {} : { ca: connection.certificateAuthority }),
    ...(connection.clientCertificate === undefined ? {} : { cert: connection.clientCertificate }),
    ...(connection.clientKey === undefined ? {} : { key: connection.clientKey }),
    ...(connection.serverName === undefined ? {} : { servername: connection.serverName }),
  });
  return new Promise((resolve, reject) => {
    webSocket.once('open', () => {
      // What came with the answer would be told before anybody listens.
      webSocket.pause();
      resolve(webSocket);
    });
    webSocket.once('error', reject);
    webSocket.once('unexpected-response', (request, response) => {
      request.destroy();
      const { statusCode = 0 } = response;
      const remedy =
        statusCode === 403
          ? 'have somebody give you the right (verb create on pods/portforward)'
          : 'see whether its pod runs, with nestling describe';
      reject(new Failure(`the host refuses the way to pod ${namespace}/${pod} (${statusCode}): ${remedy}`));
    });
  });
}
