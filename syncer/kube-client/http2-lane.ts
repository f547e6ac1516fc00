import type { ClusterConnection } from './connection';
import { ConnectionError } from './connection-error';
import { Http2Connection } from './http2-connection';
import type { Lane, LaneOptions, TransportAnswer, TransportRequest } from './lane';

/**
 * Requests over as few HTTP/2 connections as will do: another one is opened only when all are full, and no more than
 * allowed; then requests wait for a stream to end. At most one connection is being opened at a time.
 */
export class Http2Lane implements Lane {
  #connection: ClusterConnection;
  readonly #url: URL;
  readonly #maxConnections: number;
  readonly #onConnection: (() => void) | undefined;
  /** Those that take requests, and those that only finish what they have. */
  readonly #connections = new Set<Http2Connection>();
  /** Requests that wait for room. */
  readonly #waiting = new Set<{ resolve: (connection: Http2Connection) => void; reject: (error: unknown) => void }>();
  #opening = false;
  #closed = false;

  constructor(connection: ClusterConnection, url: URL, options: LaneOptions) {
    this.#connection = connection;
    this.#url = url;
    this.#maxConnections = options.maxConnections;
    this.#onConnection = options.onConnection;
  }

  get connections(): number {
    let open = 0;
    for (const connection of this.#connections) if (connection.open) open++;
    return open;
  }

  async send(request: TransportRequest): Promise<TransportAnswer> {
    const free = this.#waiting.size === 0 ? this.#free() : undefined;
    // No await in between: what has room now must not be full when it is used.
    if (free !== undefined) return free.send(request);
    return this.#whenFree(request);
  }

  renew(connection: ClusterConnection): void {
    this.#connection = connection;
    for (const open of this.#connections) open.retire();
  }

  close(): void {
    this.#closed = true;
    const error = closedError(this.#url);
    for (const { reject } of this.#waiting) reject(error);
    this.#waiting.clear();
    for (const connection of this.#connections) connection.destroy(error);
  }

  #free(): Http2Connection | undefined {
    for (const connection of this.#connections) if (connection.hasRoom) return connection;
    return undefined;
  }

  #whenFree(request: TransportRequest): Promise<TransportAnswer> {
    return new Promise((resolve, reject) => {
      if (this.#closed) {
        reject(closedError(this.#url));
        return;
      }
      const aborted = () => {
        this.#waiting.delete(waiter);
        reject(request.signal.reason as Error);
      };
      const waiter = {
        resolve: (connection: Http2Connection) => {
          request.signal.removeEventListener('abort', aborted);
          // Sent at once, so that the next waiter sees the room that is left.
          connection.send(request).then(resolve, reject);
        },
        reject: (error: unknown) => {
          request.signal.removeEventListener('abort', aborted);
          reject(error as Error);
        },
      };
      if (request.signal.aborted) {
        aborted();
        return;
      }
      request.signal.addEventListener('abort', aborted, { once: true });
      this.#waiting.add(waiter);
      this.#serve();
    });
  }

  /** Gives room to who waits, and opens a connection when there is none and there may be. */
  #serve(): void {
    for (const connection of this.#connections) if (!connection.open) this.#connections.delete(connection);
    for (const waiter of this.#waiting) {
      const free = this.#free();
      if (free === undefined) break;
      this.#waiting.delete(waiter);
      waiter.resolve(free);
    }
    if (this.#waiting.size === 0 || this.#opening || this.#closed) return;
    let usable = 0;
    for (const connection of this.#connections) if (connection.usable) usable++;
    if (usable < this.#maxConnections) this.#open();
  }

  #open(): void {
    this.#opening = true;
    const wanted = this.#connection;
    Http2Connection.open(wanted, this.#url, () => this.#serve()).then(
      (connection) => {
        this.#opening = false;
        this.#connections.add(connection);
        if (wanted !== this.#connection) connection.retire();
        if (this.#closed) connection.destroy(closedError(this.#url));
        this.#serve();
        if (!this.#closed) this.#onConnection?.();
      },
      (error: unknown) => {
        this.#opening = false;
        // All of them: each would otherwise wait for an attempt of its own. Those that may try again do so together.
        const failed = [...this.#waiting];
        this.#waiting.clear();
        for (const { reject } of failed) reject(error);
      },
    );
  }
}

function closedError(url: URL): ConnectionError {
  return new ConnectionError(`the client of ${url.host} was closed`, { code: 'CLOSED' });
}
