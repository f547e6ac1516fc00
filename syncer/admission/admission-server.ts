import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Logger } from '../engine';
import { orAborted } from './keyed-mutex';
import { type AdmissionDecision, type AdmissionHandler, formatReview, parseReview, refuse } from './review';

/** Largest review: object and old object of an API server's 3 MiB each, with room for escapes. */
const BODY_LIMIT_BYTES = 8 * 1024 * 1024;
/** Part of the caller's timeout that handlers may use; the rest is for the answer's way back. */
const TIMEOUT_SHARE = 0.8;
/** Requests that may wait for a free place, per place. */
const WAITING_PER_PLACE = 8;

/** What {@link AdmissionServer} needs. */
export interface AdmissionServerOptions {
  /** TCP port; 0 for any free one. */
  readonly port: number;
  /** @default '127.0.0.1': only the containers of the own pod reach it */
  readonly host?: string;
  /** PEM of the serving certificate. */
  readonly certificate: string;
  /** PEM of its private key. */
  readonly key: string;
  /** The secret first segment of every path. Tenants can make the API server call any path, but do not know this one. */
  readonly path: string;
  /** By the second segment: `services` is served at `/PATH/services`. */
  readonly handlers: Readonly<Record<string, AdmissionHandler>>;
  readonly logger: Logger;
  /** Longest time a handler gets, in milliseconds; less when the caller waits less. @default 8000 */
  readonly timeoutMs?: number;
  /** Handlers at work at once. @default 64 */
  readonly concurrency?: number;
}

/**
 * Serves admission webhooks to the API server of the same pod. It listens before anything else in the process is ready:
 * the API server's own first Services pass through it.
 */
export class AdmissionServer {
  readonly #options: AdmissionServerOptions;
  readonly #server: Server;
  readonly #handlers: ReadonlyMap<string, AdmissionHandler>;
  readonly #pathDigest: Buffer;
  readonly #waiting: (() => void)[] = [];
  #free: number;

  constructor(options: AdmissionServerOptions) {
    this.#options = options;
    this.#handlers = new Map(Object.entries(options.handlers));
    this.#pathDigest = digest(options.path);
    this.#free = options.concurrency ?? 64;
    const { certificate: cert, key } = options;
    this.#server = createServer({ cert, key, minVersion: 'TLSv1.2', maxHeaderSize: 16 * 1024 }, (request, response) => {
      void this.#serve(request, response);
    });
    this.#server.headersTimeout = 5_000;
    this.#server.requestTimeout = 10_000;
    this.#server.keepAliveTimeout = 120_000;
    this.#server.maxConnections = 512;
    this.#server.on('tlsClientError', (error) => options.logger.debug({ err: error }, 'admission: TLS failed'));
    this.#server.on('clientError', (_error, socket) => {
      if (socket.writable) socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
      else socket.destroy();
    });
  }

  /**
   * Starts to serve.
   *
   * @returns the port
   * @throws Error naming the address when it is in use
   */
  async listen(): Promise<number> {
    const { host = '127.0.0.1', port } = this.#options;
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', (error) => {
        reject(
          new Error(`admission: cannot listen on ${host}:${port}: ${error.message}; free the port`, { cause: error }),
        );
      });
      this.#server.listen(port, host, resolve);
    });
    this.#server.on('error', (error) => this.#options.logger.error({ err: error }, 'admission: server error'));
    return (this.#server.address() as AddressInfo).port;
  }

  /** Serves new connections with another certificate. */
  renew({ certificate, key }: { certificate: string; key: string }): void {
    this.#server.setSecureContext({ cert: certificate, key, minVersion: 'TLSv1.2' });
  }

  /** Stops to listen and waits for the requests at work. */
  async close(): Promise<void> {
    if (!this.#server.listening) return;
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeIdleConnections();
    });
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      await this.#answer(request, response);
    } catch (error) {
      // A caller that went away; there is nobody to answer.
      this.#options.logger.debug({ err: error }, 'admission: request ended early');
      response.destroy();
    }
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = parseUrl(request.url);
    const handler = url && this.#handler(url.pathname);
    if (!handler) return end(response, 404, 'not found', request);
    if (request.method !== 'POST') {
      response.setHeader('Allow', 'POST');
      return end(response, 405, 'only POST is served', request);
    }
    if (!/^application\/json\s*(;|$)/i.test(request.headers['content-type'] ?? '')) {
      return end(response, 415, 'content-type must be application/json', request);
    }
    const body = await readBody(request);
    if (body === undefined) return end(response, 413, `the body is larger than ${BODY_LIMIT_BYTES} bytes`, request);
    const review = parseReview(body);
    if (typeof review === 'string') return end(response, 400, review);
    const decision = await this.#decide(
      (signal) => handler(review, signal),
      this.#timeoutMs(url.searchParams.get('timeout')),
    );
    const answer = formatReview(review.uid, decision);
    response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(answer) });
    response.end(answer);
  }

  /** Compares digests of equal length, so that the time says nothing about the secret. */
  #handler(pathname: string): AdmissionHandler | undefined {
    const [, secret = '', name = '', ...more] = pathname.split('/');
    const known = timingSafeEqual(digest(secret), this.#pathDigest);
    return known && more.length === 0 ? this.#handlers.get(name) : undefined;
  }

  /** The API server says how long it waits: `?timeout=10s`. */
  #timeoutMs(asked: string | null): number {
    const longest = this.#options.timeoutMs ?? 8_000;
    const seconds = /^(\d{1,4})s$/.exec(asked ?? '')?.[1];
    return seconds === undefined ? longest : Math.min(longest, Number(seconds) * 1000 * TIMEOUT_SHARE);
  }

  /** Runs a handler in one of the places, and answers in time whatever it does. */
  async #decide(
    handle: (signal: AbortSignal) => Promise<AdmissionDecision>,
    timeoutMs: number,
  ): Promise<AdmissionDecision> {
    const signal = AbortSignal.timeout(timeoutMs);
    const places = this.#options.concurrency ?? 64;
    if (this.#free === 0 && this.#waiting.length >= places * WAITING_PER_PLACE) {
      return failure(429, 'TooManyRequests', 'too many objects are being admitted; try again');
    }
    try {
      await orAborted(this.#place(signal), signal);
      // The place is free again when the handler is really over, which an abandoned one may be only later.
      const work = handle(signal).finally(() => this.#leave());
      return await orAborted(work, signal);
    } catch (error) {
      if (signal.aborted) {
        return failure(
          503,
          'ServiceUnavailable',
          `no decision within ${timeoutMs / 1000} s: the host cluster has not answered; try again`,
        );
      }
      this.#options.logger.error({ err: error }, 'admission: a handler failed');
      return failure(
        500,
        'InternalError',
        'the object cannot be admitted because of an internal error of the virtual cluster; see its log',
      );
    }
  }

  #place(signal: AbortSignal): Promise<void> {
    if (this.#free > 0) {
      this.#free--;
      return Promise.resolve();
    }
    return new Promise((resolve) => {
      // Who has given up hands the place on.
      this.#waiting.push(() => (signal.aborted ? this.#leave() : resolve()));
    });
  }

  #leave(): void {
    const next = this.#waiting.shift();
    if (next) next();
    else this.#free++;
  }
}

function failure(code: number, reason: string, message: string): AdmissionDecision {
  return refuse({ code, reason, message });
}

/** Ends with an error; the connection closes too while a body is still on its way. */
function end(response: ServerResponse, code: number, message: string, unread?: IncomingMessage): void {
  if (unread && !unread.complete) response.setHeader('Connection', 'close');
  response.writeHead(code, { 'Content-Type': 'text/plain; charset=utf-8', 'X-Content-Type-Options': 'nosniff' });
  response.end(`${message}\n`, () => {
    if (unread && !unread.complete) unread.destroy();
  });
}

/** @returns undefined when it is larger than the limit */
async function readBody(request: IncomingMessage): Promise<string | undefined> {
  if (Number(request.headers['content-length'] ?? 0) > BODY_LIMIT_BYTES) return undefined;
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > BODY_LIMIT_BYTES) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function parseUrl(target = ''): URL | undefined {
  return target.startsWith('/') && URL.canParse(target, 'https://admission')
    ? new URL(target, 'https://admission')
    : undefined;
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
