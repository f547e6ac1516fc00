import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants } from 'node:http2';
import { connect as connectTls } from 'node:tls';
import type { ClusterConnection } from './connection';
import { ConnectionError } from './connection-error';
import { Http2Body } from './http2-body';
import { tlsOptions } from './tls';
import type { TransportAnswer, TransportRequest } from './lane';

/** The server, or a proxy before it, does not speak HTTP/2. */
export class NoHttp2Error extends Error {
  override readonly name = 'NoHttp2Error';
}

/** Milliseconds after which an attempt to connect is given up. */
const connectTimeout = 5_000;
/** Milliseconds between pings, which go out busy or not. */
const pingInterval = 20_000;
/** Milliseconds that the answer to a ping may take. */
const pingTimeout = 15_000;
/** Milliseconds without a request after which a connection is closed; the API server does so after 90 s. */
const idleTimeout = 60_000;
/** Streams at a time, if the server allows more; the API server allows 100. */
const maxStreams = 100;
/** Bytes in flight per stream and per connection: a list is not slowed down by window updates, and memory stays bounded. */
const streamWindow = 1024 * 1024;
const connectionWindow = 8 * 1024 * 1024;

/** One HTTP/2 connection. */
export class Http2Connection {
  readonly #session: ClientHttp2Session;
  #streams = 0;
  #limit = maxStreams;
  #usable = true;
  #idleSince = performance.now();

  /** @param onChange called when a stream has ended, and when the connection takes no more of them */
  private constructor(session: ClientHttp2Session, onChange: () => void) {
    this.#session = session;
    const retire = () => {
      this.#usable = false;
      onChange();
    };
    session.on('remoteSettings', (settings) => {
      this.#limit = Math.min(maxStreams, settings.maxConcurrentStreams ?? maxStreams);
    });
    // Streams that the server still answers go on; node then closes the session.
    session.on('goaway', retire);
    // Each stream is told too; without a listener the process would end.
    session.on('error', () => undefined);
    session.once('close', retire);
    session.setLocalWindowSize(connectionWindow);
    this.#onChange = onChange;
    this.#watchOver();
  }

  readonly #onChange: () => void;

  /**
   * Opens a connection.
   * @throws NoHttp2Error when the other side chose another protocol
   */
  static open(connection: ClusterConnection, url: URL, onChange: () => void): Promise<Http2Connection> {
    return new Promise((resolve, reject) => {
      const socket = connectTls({ ...tlsOptions(connection, url), ALPNProtocols: ['h2', 'http/1.1'] });
      const timer = setTimeout(() => {
        const message = `no connection to ${url.host} within ${connectTimeout / 1000} s`;
        socket.destroy(new ConnectionError(message, { code: 'ETIMEDOUT', neverSent: true }));
      }, connectTimeout);
      socket.setNoDelay(true);
      socket.once('error', (error) => {
        clearTimeout(timer);
        reject(ConnectionError.from(error, `connecting to ${url.host}`, { neverSent: true }));
      });
      // A peer that hangs up in the middle of the handshake.
      socket.once('close', () => {
        clearTimeout(timer);
        reject(new ConnectionError(`${url.host} closed the connection`, { code: 'ECONNRESET', neverSent: true }));
      });
      socket.once('secureConnect', () => {
        clearTimeout(timer);
        if (socket.alpnProtocol !== 'h2') {
          socket.destroy();
          reject(new NoHttp2Error(`${url.host} does not speak HTTP/2`));
          return;
        }
        const session = connect(url.origin, {
          createConnection: () => socket,
          settings: { enablePush: false, initialWindowSize: streamWindow },
        });
        session.once('error', reject);
        session.once('connect', () => {
          session.off('error', reject);
          resolve(new Http2Connection(session, onChange));
        });
      });
    });
  }

  /** Whether another stream can be opened now. */
  get hasRoom(): boolean {
    return this.#usable && this.#streams < this.#limit;
  }

  /** Whether it may take streams again. */
  get usable(): boolean {
    return this.#usable;
  }

  /** Whether the socket is open. */
  get open(): boolean {
    return !this.#session.destroyed;
  }

  /** Sends a request; see `Transport.send`. */
  send(request: TransportRequest): Promise<TransportAnswer> {
    return new Promise((resolve, reject) => {
      let stream: ClientHttp2Stream;
      try {
        stream = this.#session.request(
          {
            ...request.headers,
            [constants.HTTP2_HEADER_METHOD]: request.method,
            [constants.HTTP2_HEADER_PATH]: request.path,
          },
          { endStream: request.body === undefined },
        );
      } catch (error) {
        // Going away since it was chosen.
        reject(ConnectionError.from(error, 'opening a stream', { neverSent: true }));
        return;
      }
      this.#streams++;
      let held = true;
      const release = () => {
        if (!held) return;
        held = false;
        request.signal.removeEventListener('abort', aborted);
        this.#streams--;
        this.#idleSince = performance.now();
        this.#onChange();
      };
      const aborted = () => {
        reject(request.signal.reason as Error);
        stream.close(constants.NGHTTP2_CANCEL);
        stream.destroy();
        // At once: 'close' comes a turn later, and who aborts many would be given another connection.
        release();
      };
      request.signal.addEventListener('abort', aborted, { once: true });
      stream.once('response', (headers) => {
        const body = new Http2Body(stream, () =>
          request.signal.aborted ? (request.signal.reason as Error) : streamError(stream),
        );
        resolve({ status: headers[':status'] ?? 0, headers, body });
      });
      // Stays for good: what happens after the answer reaches who reads the body.
      stream.on('error', (error) => reject(streamError(stream, error)));
      stream.once('close', () => {
        reject(streamError(stream));
        release();
      });
      if (request.signal.aborted) aborted();
      else if (request.body !== undefined) stream.end(request.body);
    });
  }

  /** Takes no more streams; closes once the last one has ended. */
  retire(): void {
    this.#usable = false;
    this.#session.close();
  }

  /** Ends the connection and all its streams. */
  destroy(error: Error): void {
    this.#usable = false;
    this.#session.destroy(error);
  }

  /**
   * A server that vanished without a word (a node that lost its power) would hold requests until TCP gives up after a
   * quarter of an hour: pings find out in half a minute.
   */
  #watchOver(): void {
    let deadline: NodeJS.Timeout | undefined;
    const timer = setInterval(() => {
      if (this.#streams === 0 && performance.now() - this.#idleSince > idleTimeout) {
        this.#usable = false;
        this.#session.close();
        return;
      }
      if (deadline !== undefined || this.#session.destroyed) return;
      deadline = setTimeout(() => {
        const message = `no answer to a ping within ${pingTimeout / 1000} s`;
        this.destroy(new ConnectionError(message, { code: 'ETIMEDOUT' }));
      }, pingTimeout).unref();
      this.#session.ping(() => {
        clearTimeout(deadline);
        deadline = undefined;
      });
    }, pingInterval).unref();
    this.#session.once('close', () => {
      clearInterval(timer);
      clearTimeout(deadline);
    });
  }
}

function streamError(stream: ClientHttp2Stream, error?: Error): Error {
  // The server promises that it did nothing: it was going away, or had too many streams.
  if (stream.rstCode === constants.NGHTTP2_REFUSED_STREAM) {
    return new ConnectionError('the server refused the stream', {
      code: 'REFUSED_STREAM',
      neverSent: true,
      cause: error,
    });
  }
  return (
    error ??
    new ConnectionError(`the stream ended before the answer was complete (code ${stream.rstCode})`, {
      code: 'ECONNRESET',
    })
  );
}
