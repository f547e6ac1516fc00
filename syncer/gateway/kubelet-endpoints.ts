import { createServer } from 'node:tls';
import type { Server } from 'node:tls';
import type { Socket } from 'node:net';
import type { Logger } from '../engine';
import type { KeyPair } from '../pki/certificate';
import { QuietLog } from './quiet-log';

/** Issues the serving certificate for an address that the gateway answers for. */
export type IssueServingCertificate = (address: string) => KeyPair;

/** What the endpoints need. */
export interface KubeletEndpointsOptions {
  readonly issue: IssueServingCertificate;
  /** PEM of the authority that signs the virtual API server's certificate as a client: of kubelets, or as a front proxy. */
  readonly clientCA: string;
  /** Takes a decrypted connection whose client was verified. */
  readonly accept: (socket: Socket, address: string) => void;
  readonly logger: Logger;
  /** Endpoints kept at most; the one unused for longest goes first. @default 512 */
  readonly most?: number;
  /** Age at which an endpoint is made anew, in milliseconds; far less than its certificate's life. @default 1 day */
  readonly maxAgeMs?: number;
  /** Time for a TLS handshake, in milliseconds. @default 10 seconds */
  readonly handshakeMs?: number;
  readonly now?: () => number;
}

interface Endpoint {
  readonly madeAt: number;
  readonly server: Server;
}

/**
 * The TLS side of the virtual nodes, and of the metrics API: for each address that is asked for, a serving certificate made on first use, and
 * a demand for the API server's client certificate. Nothing listens: connections are handed in.
 */
export class KubeletEndpoints {
  readonly #options: KubeletEndpointsOptions;
  /** In order of use, the least recent first. */
  readonly #endpoints = new Map<string, Endpoint>();
  readonly #failures = new QuietLog();

  constructor(options: KubeletEndpointsOptions) {
    this.#options = options;
  }

  /** Endpoints that are kept now. */
  get size(): number {
    return this.#endpoints.size;
  }

  /**
   * Makes ready to serve an address.
   *
   * @returns takes an encrypted connection to it
   * @throws what issuing the certificate threw
   */
  prepare(address: string): (socket: Socket) => void {
    const { most = 512, maxAgeMs = 86_400_000, now = Date.now } = this.#options;
    let endpoint = this.#endpoints.get(address);
    if (endpoint === undefined || now() - endpoint.madeAt >= maxAgeMs) {
      endpoint = { madeAt: now(), server: this.#make(address) };
    }
    this.#endpoints.delete(address);
    this.#endpoints.set(address, endpoint);
    if (this.#endpoints.size > most) {
      for (const oldest of this.#endpoints.keys()) {
        this.#endpoints.delete(oldest);
        break;
      }
    }
    const { server } = endpoint;
    return (socket) => {
      // While half-open, a caller who leaves in the middle of the handshake would never be noticed.
      socket.allowHalfOpen = false;
      server.emit('connection', socket);
    };
  }

  #make(address: string): Server {
    const { issue, clientCA, accept, logger, handshakeMs = 10_000 } = this.#options;
    const { certificate, key } = issue(address);
    const server = createServer({
      cert: certificate,
      key,
      ca: clientCA,
      requestCert: true,
      rejectUnauthorized: true,
      minVersion: 'TLSv1.2',
      ALPNProtocols: ['http/1.1'],
      handshakeTimeout: handshakeMs,
    });
    server.on('secureConnection', (socket) => {
      socket.allowHalfOpen = true;
      accept(socket, address);
    });
    server.on('tlsClientError', (error, socket) => {
      // Not all of them are closed by the server itself: one that ran into the time limit would stay.
      socket.destroy();
      const code = (error as NodeJS.ErrnoException).code ?? error.message;
      this.#failures.log(code, (suppressed) => {
        logger.warn({ address, error: code, suppressed }, 'a connection of the API server failed its TLS handshake');
      });
    });
    return server;
  }
}
