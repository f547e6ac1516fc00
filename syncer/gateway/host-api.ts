import { Agent, request as httpsRequest } from 'node:https';
import type { IncomingMessage, OutgoingHttpHeaders, RequestOptions } from 'node:http';
import type { Socket } from 'node:net';
import type { ClusterConnection } from '../kube-client';
import { BearerToken } from '../kube-client/bearer-token';

/** One request to a pod's subresource on the host. */
export interface HostRequest {
  readonly method: 'GET' | 'POST';
  readonly namespace: string;
  readonly pod: string;
  readonly subresource: 'log' | 'exec' | 'attach' | 'portforward';
  readonly query: URLSearchParams;
  readonly headers: OutgoingHttpHeaders;
  /** Whether the connection is to be taken over: such a one is never shared. */
  readonly upgrade: boolean;
}

/** What came back: an answer, or a connection that now carries another protocol. */
export type HostExchange =
  | { readonly response: IncomingMessage }
  | { readonly response: IncomingMessage; readonly socket: Socket; readonly head: Buffer };

/** Time to connect to the host's API server, in milliseconds. */
const CONNECT_MS = 10_000;
/** Time for the host to answer an upgrade, in milliseconds. */
const UPGRADE_MS = 30_000;

/**
 * Requests to the host's API server over HTTP/1.1, with the syncer's own credentials. It is apart from KubeClient, which
 * speaks HTTP/2, where a connection cannot be upgraded to the streams of exec and port-forward.
 */
export class HostApi {
  readonly #base: URL;
  readonly #token: BearerToken;
  readonly #shared = new Agent({ keepAlive: true, maxFreeSockets: 4, timeout: 30_000 });
  readonly #options: RequestOptions;

  /** @throws Error when `server` is not an https URL */
  constructor(connection: ClusterConnection) {
    this.#base = new URL(connection.server);
    if (this.#base.protocol !== 'https:') {
      throw new Error(`the host's API server must be an https URL, got ${connection.server}`);
    }
    this.#token = new BearerToken(connection);
    const { certificateAuthority: ca, clientCertificate: cert, clientKey: key, serverName: servername } = connection;
    const tls = {
      ...(ca === undefined ? {} : { ca }),
      ...(cert === undefined ? {} : { cert }),
      ...(key === undefined ? {} : { key }),
      ...(servername === undefined ? {} : { servername }),
      ALPNProtocols: ['http/1.1'],
    };
    this.#options = {
      ...tls,
      host: this.#base.hostname.replace(/^\[|\]$/g, ''),
      port: this.#base.port === '' ? 443 : Number(this.#base.port),
    };
  }

  /**
   * Sends a request and gives what comes back. Redirects are answers like any other. A token that the host no longer takes
   * is read from its file again, and the request sent once more. Once the answer is there, aborting `signal` breaks it off.
   *
   * @throws Error when the host cannot be reached, an upgrade is not answered in 30 s, or `signal` aborts before the answer
   */
  async exchange(request: HostRequest, signal: AbortSignal): Promise<HostExchange> {
    const first = await this.#send(request, signal);
    if (first.response.statusCode !== 401 || !this.#token.refresh()) return first;
    first.response.destroy();
    return this.#send(request, signal);
  }

  /** Closes the idle connections. */
  close(): void {
    this.#shared.destroy();
  }

  #send(request: HostRequest, signal: AbortSignal): Promise<HostExchange> {
    const { namespace, pod, subresource, upgrade } = request;
    const resource = `api/v1/namespaces/${encodeURIComponent(namespace)}/pods/${encodeURIComponent(pod)}/${subresource}`;
    const query = request.query.toString();
    const token = this.#token.get();
    const sent = httpsRequest({
      ...this.#options,
      method: request.method,
      path: `${this.#base.pathname.replace(/\/$/, '')}/${resource}${query === '' ? '' : `?${query}`}`,
      agent: upgrade ? false : this.#shared,
      ...(upgrade ? { allowHalfOpen: true } : {}),
      headers: {
        Host: this.#base.host,
        'User-Agent': 'nestling-syncer/gateway',
        ...request.headers,
        ...(token === undefined || token === '' ? {} : { Authorization: `Bearer ${token}` }),
      },
      signal,
    });
    sent.setNoDelay(true);
    return new Promise((resolve, reject) => {
      const timers: NodeJS.Timeout[] = [];
      const limit = (what: string, milliseconds: number): NodeJS.Timeout => {
        const timer = setTimeout(() => {
          sent.destroy(new Error(`${what} ${this.#base.origin} within ${milliseconds / 1000} s`));
        }, milliseconds);
        timers.push(timer);
        return timer;
      };
      const settled = (): void => timers.forEach((timer) => clearTimeout(timer));
      if (upgrade) limit('no answer to the upgrade from', UPGRADE_MS);
      sent.once('socket', (socket) => {
        socket.setKeepAlive(true, 30_000);
        if (!socket.connecting) return;
        const timer = limit('no connection to', CONNECT_MS);
        socket.once('secureConnect', () => clearTimeout(timer));
      });
      // Stays: an error after the answer shows on the answer, or on the socket, too.
      sent.on('error', (error) => {
        settled();
        reject(error);
      });
      sent.once('response', (response) => {
        settled();
        resolve({ response });
      });
      sent.once('upgrade', (response, socket, head) => {
        settled();
        resolve({ response, socket: socket as Socket, head });
      });
      sent.end();
    });
  }
}
