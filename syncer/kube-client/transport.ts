import type { TLSSocket } from 'node:tls';
import type { Socket } from 'node:net';
import type { buildConnector as UndiciConnect, Dispatcher } from 'undici';
import undiciRequest from 'undici/lib/api/api-request';
import buildConnector from 'undici/lib/core/connect';
import Pool from 'undici/lib/dispatcher/pool';
import type { ClusterConnection } from './connection';

/** Milliseconds after which a connection attempt is given up. */
const connectTimeout = 5_000;
/** Milliseconds between HTTP/2 pings on every open connection, busy or not. */
const pingInterval = 20_000;
/** Milliseconds without a byte from the server, pings unanswered, after which a connection is dead. */
const deadAfter = 50_000;
/** Milliseconds that an idle connection stays open: below the 90 s after which the API server closes it. */
const keepAliveTimeout = 60_000;

/** Which of the transport's connections carries a request. */
export type Lane = 'unary' | 'stream';

/** One HTTP request to the API server. */
export interface TransportRequest {
  method: string;
  /** Path and query. */
  path: string;
  headers: Record<string, string>;
  body?: string | Uint8Array | undefined;
  signal: AbortSignal;
  /** Milliseconds until the head of the answer must be there; 0 for no limit. */
  headersTimeout: number;
  /** Milliseconds of silence inside the body that end it; 0 for no limit. */
  bodyTimeout: number;
}

/**
 * HTTP/2 connections to one API server, HTTP/1.1 where a proxy in between knows no better.
 *
 * Two lanes, each normally one connection: watches and other streams have one of their own, so that a burst of events
 * can use up neither the stream limit (100 by default on the server) nor the flow-control window of unary requests.
 */
export class Transport {
  readonly #lanes: Record<Lane, Pool>;
  readonly #sockets = new Set<Socket | TLSSocket>();

  constructor(connection: ClusterConnection) {
    const origin = checkedOrigin(connection.server);
    const connect = buildConnector({
      ...(connection.certificateAuthority !== undefined ? { ca: connection.certificateAuthority } : {}),
      ...(connection.clientCertificate !== undefined ? { cert: connection.clientCertificate } : {}),
      ...(connection.clientKey !== undefined ? { key: connection.clientKey } : {}),
      ...(connection.serverName !== undefined ? { servername: connection.serverName } : {}),
      allowH2: true,
      preferH2: true,
      timeout: connectTimeout,
    });
    const lane = (connections: number | null) =>
      new Pool(origin, {
        connect: (options: UndiciConnect.Options, callback: UndiciConnect.Callback) =>
          connect(options, (...outcome) => {
            if (outcome[1] !== null) this.#watchOver(outcome[1]);
            callback(...outcome);
          }),
        // With HTTP/2 one connection takes 100 requests at once; the limit holds back HTTP/1.1, where each needs its own.
        connections,
        allowH2: true,
        maxConcurrentStreams: 100,
        pingInterval,
        keepAliveTimeout,
        keepAliveMaxTimeout: keepAliveTimeout,
      });
    // Watches are as many as the caller opens: with HTTP/1.1 a limit would make one wait for another's end.
    this.#lanes = { unary: lane(16), stream: lane(null) };
  }

  /** Connections that are open now. */
  get connections(): number {
    return this.#sockets.size;
  }

  /** Sends a request and answers as soon as the head of the response is there. */
  send(lane: Lane, request: TransportRequest): Promise<Dispatcher.ResponseData> {
    return undiciRequest.call(this.#lanes[lane], {
      path: request.path,
      method: request.method as Dispatcher.HttpMethod,
      headers: request.headers,
      body: request.body ?? null,
      signal: request.signal,
      headersTimeout: request.headersTimeout,
      bodyTimeout: request.bodyTimeout,
    });
  }

  /** Ends all requests and connections. */
  async close(): Promise<void> {
    await Promise.all([this.#lanes.unary.destroy(), this.#lanes.stream.destroy()]);
  }

  /**
   * undici pings but does not miss an answer: a server that vanished without a FIN (a node that lost its power) would
   * hold requests until TCP gives up after a quarter of an hour. A ping's answer counts as bytes read.
   */
  #watchOver(socket: Socket | TLSSocket): void {
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    if (!('alpnProtocol' in socket) || socket.alpnProtocol !== 'h2') return;
    let seen = socket.bytesRead;
    let since = performance.now();
    const check = setInterval(() => {
      const now = performance.now();
      if (socket.bytesRead !== seen) {
        seen = socket.bytesRead;
        since = now;
      } else if (now - since > deadAfter) {
        const error: NodeJS.ErrnoException = new Error(
          `no byte from the server for ${deadAfter / 1000} s, pings unanswered`,
        );
        error.code = 'ETIMEDOUT';
        socket.destroy(error);
      }
    }, 10_000).unref();
    socket.once('close', () => clearInterval(check));
  }
}

function checkedOrigin(server: string): string {
  let url: URL;
  try {
    url = new URL(server);
  } catch (error) {
    throw new TypeError(`server "${server}" is not a URL; write https://HOST:PORT`, { cause: error });
  }
  if (url.protocol !== 'https:' && url.protocol !== 'http:') {
    throw new TypeError(`server "${server}" has the scheme ${url.protocol}//; write https://HOST:PORT`);
  }
  if (url.pathname !== '/' || url.search !== '') {
    throw new TypeError(`server "${server}" has a path, which is not supported; write https://HOST:PORT`);
  }
  return url.origin;
}
