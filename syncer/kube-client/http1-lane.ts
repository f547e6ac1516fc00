import { Agent as HttpAgent, type IncomingMessage, request as requestHttp } from 'node:http';
import { Agent as HttpsAgent, request as requestHttps } from 'node:https';
import type { ClusterConnection } from './connection';
import { tlsOptions } from './tls';
import type { Lane, LaneOptions, TransportAnswer, TransportRequest } from './lane';

/** Requests over HTTP/1.1, each on a connection of its own while it lasts. */
export class Http1Lane implements Lane {
  readonly #url: URL;
  readonly #options: LaneOptions;
  #agent: HttpAgent | HttpsAgent;
  #open: (request: TransportRequest) => ReturnType<typeof requestHttp>;
  readonly #onConnection: (() => void) | undefined;

  constructor(connection: ClusterConnection, url: URL, options: LaneOptions) {
    this.#url = url;
    this.#options = options;
    this.#onConnection = options.onConnection;
    [this.#agent, this.#open] = this.#make(connection);
  }

  get connections(): number {
    const count = (lists: NodeJS.ReadOnlyDict<unknown[]>) =>
      Object.values(lists).reduce((sum, sockets) => sum + (sockets?.length ?? 0), 0);
    return count(this.#agent.sockets) + count(this.#agent.freeSockets);
  }

  send(request: TransportRequest): Promise<TransportAnswer> {
    return new Promise((resolve, reject) => {
      // Node.js frames the body of a DELETE only when told its length.
      const length = request.body === undefined ? undefined : Buffer.byteLength(request.body);
      const headers = length === undefined ? request.headers : { ...request.headers, 'content-length': String(length) };
      const outgoing = this.#open({ ...request, headers: { ...headers } });
      outgoing.once('response', (incoming: IncomingMessage) => {
        // What happens later reaches who reads the body.
        incoming.on('error', () => undefined);
        if (!outgoing.reusedSocket) this.#onConnection?.();
        resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, body: incoming });
      });
      outgoing.on('error', (error) => {
        reject(request.signal.aborted ? (request.signal.reason as Error) : error);
      });
      outgoing.end(request.body);
    });
  }

  renew(connection: ClusterConnection): void {
    const old = this.#agent;
    [this.#agent, this.#open] = this.#make(connection);
    // Those at work are closed when they come back, the others now.
    old.maxFreeSockets = 0;
    for (const sockets of Object.values(old.freeSockets)) for (const socket of sockets ?? []) socket.destroy();
  }

  close(): void {
    this.#agent.destroy();
  }

  #make(
    connection: ClusterConnection,
  ): [HttpAgent | HttpsAgent, (request: TransportRequest) => ReturnType<typeof requestHttp>] {
    const { maxConnections } = this.#options;
    const agentOptions = { keepAlive: true, maxSockets: maxConnections, maxFreeSockets: 4, timeout: 0 };
    const address = tlsOptions(connection, this.#url);
    if (this.#url.protocol === 'https:') {
      const agent = new HttpsAgent({ ...agentOptions, ...address });
      return [
        agent,
        ({ method, path, headers, signal }) => requestHttps({ ...address, method, path, headers, signal, agent }),
      ];
    }
    const agent = new HttpAgent(agentOptions);
    const { host, port } = address;
    return [
      agent,
      ({ method, path, headers, signal }) => requestHttp({ host, port, method, path, headers, signal, agent }),
    ];
  }
}
