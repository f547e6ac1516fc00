import type { ClusterConnection } from './connection';
import { Http1Lane } from './http1-lane';
import { Http2Lane } from './http2-lane';
import { NoHttp2Error } from './http2-connection';
import type { Lane, TransportAnswer, TransportRequest } from './lane';

/** Which of the transport's connections carries a request. */
export type LaneName = 'unary' | 'stream';

/**
 * Connections to one API server: HTTP/2, or HTTP/1.1 where a proxy in between knows no better.
 *
 * Two lanes, each normally one connection: watches and other streams have one of their own, so that they can use up
 * neither the stream limit of unary requests (the server allows 100) nor their flow-control window.
 *
 * On node:http2 itself and not on undici: in 8.12, watches that were aborted before their first byte made later requests
 * on the connection wait for ever, and closing could raise an error event that nothing can catch.
 */
export class Transport {
  #connection: ClusterConnection;
  readonly #url: URL;
  readonly #http2: Record<LaneName, Lane>;
  #http1: Record<LaneName, Lane> | undefined;
  readonly #onConnection: (() => void) | undefined;
  #closed = false;

  /** @param onConnection called whenever a connection for watches was opened */
  constructor(connection: ClusterConnection, onConnection?: () => void) {
    this.#connection = connection;
    this.#onConnection = onConnection;
    this.#url = checkedUrl(connection.server);
    this.#http2 = {
      unary: new Http2Lane(connection, this.#url, { maxConnections: 1 }),
      stream: new Http2Lane(connection, this.#url, { maxConnections: Number.POSITIVE_INFINITY, onConnection }),
    };
    // Without TLS there is no way to agree on HTTP/2 (`kubectl proxy` speaks HTTP/1.1).
    if (this.#url.protocol === 'http:') this.#http1 = this.#makeHttp1();
  }

  /** Connections that are open now. */
  get connections(): number {
    const lanes = [this.#http2, ...(this.#http1 === undefined ? [] : [this.#http1])];
    return lanes.reduce((sum, { unary, stream }) => sum + unary.connections + stream.connections, 0);
  }

  /** Sends a request and answers as soon as the head of the response is there. */
  async send(lane: LaneName, request: TransportRequest): Promise<TransportAnswer> {
    if (this.#http1 !== undefined) return this.#http1[lane].send(request);
    try {
      return await this.#http2[lane].send(request);
    } catch (error) {
      if (!(error instanceof NoHttp2Error) || this.#closed) throw error;
      this.#http1 ??= this.#makeHttp1();
      return this.#http1[lane].send(request);
    }
  }

  /** Makes new connections for new requests; those that are open end with what they carry. */
  renew(connection: ClusterConnection): void {
    this.#connection = connection;
    this.#http2.unary.renew(connection);
    this.#http2.stream.renew(connection);
    this.#http1?.unary.renew(connection);
    this.#http1?.stream.renew(connection);
  }

  /** Ends all requests and connections. */
  close(): void {
    this.#closed = true;
    for (const lanes of [this.#http2, this.#http1]) {
      lanes?.unary.close();
      lanes?.stream.close();
    }
  }

  #makeHttp1(): Record<LaneName, Lane> {
    return {
      unary: new Http1Lane(this.#connection, this.#url, { maxConnections: 16 }),
      // As many as the caller opens: with a limit one watch would wait for another's end.
      stream: new Http1Lane(this.#connection, this.#url, {
        maxConnections: Number.POSITIVE_INFINITY,
        onConnection: this.#onConnection,
      }),
    };
  }
}

function checkedUrl(server: string): URL {
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
  return url;
}
