import { createServer } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { connect, isIPv6 } from 'node:net';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Logger } from '../engine';
import type { EgressFacts } from './facts';
import type { GatewayMetrics } from './metrics';
import { QuietLog } from './quiet-log';
import { splice } from './splice';
import type { SpliceLimits } from './splice';
import { Refusal, decideTarget } from './target';
import type { Resolve, Target, TargetKind } from './target';
import { listenOnSocket } from './unix-listener';

/** Bounds of the gate; the defaults serve a virtual cluster of any size. */
export interface GateLimits extends SpliceLimits {
  /**
   * Tunnels open or being opened at once, by what they lead to: webhooks that hang can use up neither the places of logs
   * and exec nor those of the Service webhook. @default admission 256, kubelet 1024, metrics 128, tenant 512
   */
  readonly tunnels?: Readonly<Partial<Record<TargetKind, number>>>;
  /** Time to resolve, check and connect, in milliseconds. @default 10 seconds */
  readonly connectMs?: number;
  /** Time that a caller waits for facts that are not complete yet, in milliseconds. @default 10 seconds */
  readonly factsMs?: number;
}

const TUNNELS: Readonly<Record<TargetKind, number>> = { admission: 256, kubelet: 1024, metrics: 128, tenant: 512 };

/** CONNECT requests that are being decided at once. */
const MOST_PENDING = 1024;

/** What the gate needs. */
export interface EgressGateOptions {
  readonly facts: EgressFacts;
  readonly admissionPort: number;
  readonly resolve: Resolve;
  /** Makes ready to serve a node's address as its kubelet; then takes the socket once the caller has been answered. */
  readonly kubelet: (address: string) => (socket: Socket) => void;
  /** Likewise for the metrics API. @default there is none */
  readonly metricsApi?: (address: string) => (socket: Socket) => void;
  readonly logger: Logger;
  readonly metrics: GatewayMetrics;
  readonly limits?: GateLimits;
}

/** A tunnel could not be opened though its target is allowed. */
class Unavailable extends Error {
  constructor(
    readonly status: 502 | 503 | 504,
    readonly reason: 'busy' | 'unreachable' | 'not-ready',
    message: string,
  ) {
    super(message);
  }
}

/**
 * The HTTP CONNECT proxy through which the virtual API server makes every connection but the one to its store. Grants
 * what `decideTarget` allows, connects to the very address that was checked, and follows nothing.
 */
export class EgressGate {
  readonly #options: EgressGateOptions;
  readonly #server = createServer({
    maxHeaderSize: 8192,
    headersTimeout: 10_000,
    requestTimeout: 10_000,
    keepAliveTimeout: 1,
  });
  readonly #open: Record<TargetKind, number> = { admission: 0, kubelet: 0, metrics: 0, tenant: 0 };
  readonly #sockets = new Set<Socket>();
  readonly #refusals = new QuietLog();
  #pending = 0;
  #closing = false;
  #removeSocket: (() => Promise<void>) | undefined;

  constructor(options: EgressGateOptions) {
    this.#options = options;
    this.#server.on('request', (_request, response) => {
      response
        .writeHead(405, { Allow: 'CONNECT', Connection: 'close', 'Content-Type': 'text/plain' })
        .end('CONNECT only\n');
    });
    this.#server.on('connect', (request, socket, head) => void this.#connect(request, socket, head));
    this.#server.on('clientError', (_error, socket) => {
      const answer = 'HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n';
      if (!socket.writable || socket.errored) socket.destroy();
      else socket.end(answer, () => socket.destroy());
    });
  }

  /** Tunnels that are open now. */
  get tunnels(): Readonly<Record<TargetKind, number>> {
    return this.#open;
  }

  /** @throws Error naming the path and the remedy */
  async listen(path: string): Promise<void> {
    this.#removeSocket = await listenOnSocket(this.#server, path);
    this.#server.on('error', (error) => this.#options.logger.error({ error: error.message }, 'egress gate'));
  }

  /** Stops listening and breaks every tunnel. */
  async close(): Promise<void> {
    this.#closing = true;
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeAllConnections();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
    await this.#removeSocket?.();
  }

  async #connect(request: IncomingMessage, duplex: Duplex, head: Buffer): Promise<void> {
    const socket = duplex as Socket;
    const text = request.url ?? '';
    const gone = new AbortController();
    this.#track(socket);
    socket.on('error', () => undefined);
    socket.once('close', () => gone.abort());
    this.#pending += 1;
    try {
      if (this.#closing) throw new Unavailable(503, 'not-ready', 'the gateway is stopping');
      if (this.#pending > MOST_PENDING) throw new Unavailable(503, 'busy', 'too many connections are being opened');
      await this.#tunnel(text, socket, head, gone.signal);
    } catch (error) {
      this.#refuse(socket, text, error);
    } finally {
      this.#pending -= 1;
    }
  }

  async #tunnel(text: string, socket: Socket, head: Buffer, gone: AbortSignal): Promise<void> {
    const { facts, admissionPort, resolve, limits = {} } = this.#options;
    // The admission server needs no facts: it must answer before the first watch has begun.
    if (facts.whenSynced && text !== `127.0.0.1:${admissionPort}`) {
      await this.#factsSynced(facts.whenSynced.bind(facts), limits.factsMs ?? 10_000, gone);
    }
    const deadline = AbortSignal.any([gone, AbortSignal.timeout(limits.connectMs ?? 10_000)]);
    const { kubelet, metricsApi } = this.#options;
    const servesMetrics = metricsApi !== undefined;
    const target = await decideTarget(text, facts, { admissionPort, resolve, signal: deadline, servesMetrics });
    const release = this.#reserve(target.kind);
    try {
      if ('address' in target) {
        const serve = (target.kind === 'metrics' && metricsApi ? metricsApi : kubelet)(target.address);
        this.#grant(socket);
        if (head.length > 0) socket.unshift(head);
        socket.once('close', release);
        serve(socket);
        if (socket.closed) release();
        return;
      }
      const upstream = await dialFirst(target, deadline);
      this.#track(upstream);
      this.#grant(socket);
      if (head.length > 0) upstream.write(head);
      void splice(socket, upstream, limits).then(release);
    } catch (error) {
      release();
      throw error;
    }
  }

  async #factsSynced(
    whenSynced: (signal: AbortSignal) => Promise<void>,
    waitMs: number,
    gone: AbortSignal,
  ): Promise<void> {
    const patience = AbortSignal.timeout(waitMs);
    const signal = AbortSignal.any([gone, patience]);
    let stop: () => void = () => undefined;
    const given = new Promise<never>((_resolve, reject) => {
      stop = () =>
        reject(new Unavailable(503, 'not-ready', 'the syncer has not yet seen what the host runs; try again'));
      signal.addEventListener('abort', stop, { once: true });
    });
    try {
      await Promise.race([whenSynced(signal), given]);
    } catch {
      throw new Unavailable(503, 'not-ready', 'the syncer has not yet seen what the host runs; try again');
    } finally {
      signal.removeEventListener('abort', stop);
    }
  }

  /** Takes a place for a tunnel; the answer gives it back, once. */
  #reserve(kind: TargetKind): () => void {
    const { metrics, limits } = this.#options;
    if (this.#open[kind] >= (limits?.tunnels?.[kind] ?? TUNNELS[kind])) {
      throw new Unavailable(503, 'busy', 'too many connections are open');
    }
    this.#open[kind] += 1;
    metrics.tunnelOpened(kind);
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      this.#open[kind] -= 1;
      metrics.tunnelClosed(kind);
    };
  }

  #grant(socket: Socket): void {
    socket.write('HTTP/1.1 200 Connection Established\r\n\r\n');
  }

  /** The reason stands in the status line, since that is all of the answer that kube-apiserver passes on. */
  #refuse(socket: Socket, text: string, error: unknown): void {
    const { logger, metrics } = this.#options;
    // Shown, not interpreted: what a tenant wrote must not break lines or fill disks.
    const target = JSON.stringify(text.slice(0, 300));
    let status: string;
    if (error instanceof Refusal) {
      status = `403 Forbidden: ${error.answer}`;
      metrics.tunnelRefused(error.reason);
      this.#refusals.log(`${error.reason} ${text.slice(0, 300)}`, (suppressed) => {
        logger.warn({ target, reason: error.reason, detail: error.detail, suppressed }, 'egress refused');
      });
    } else if (error instanceof Unavailable) {
      status = `${error.status} ${error.message}`;
      metrics.tunnelRefused(error.reason);
      this.#refusals.log(error.reason, (suppressed) => {
        logger.info({ target, reason: error.reason, detail: error.message, suppressed }, 'egress not available');
      });
    } else {
      status = '500 the gateway failed; its log says why';
      metrics.tunnelRefused('unreachable');
      this.#refusals.log('failed', (suppressed) => {
        logger.error(
          { target, error: error instanceof Error ? error.stack : String(error), suppressed },
          'egress failed',
        );
      });
    }
    if (!socket.writable) {
      socket.destroy();
      return;
    }
    socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`, () => socket.destroy());
  }

  #track(socket: Socket): void {
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
  }
}

/** Connects to the first address of a target that answers. @throws Unavailable */
async function dialFirst(target: Extract<Target, { addresses: unknown }>, signal: AbortSignal): Promise<Socket> {
  let failure: unknown;
  for (const address of target.addresses) {
    try {
      return await dial(address, target.port, signal);
    } catch (error) {
      failure = error;
      if (signal.aborted) break;
    }
  }
  if (signal.aborted) throw new Unavailable(504, 'unreachable', 'the target did not answer in time');
  const code = (failure as NodeJS.ErrnoException).code;
  throw new Unavailable(502, 'unreachable', `the target cannot be reached${code === undefined ? '' : ` (${code})`}`);
}

function dial(address: string, port: number, signal: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(new Error('aborted'));
    const socket = connect({
      host: address,
      port,
      family: isIPv6(address) ? 6 : 4,
      allowHalfOpen: true,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: 30_000,
      // The host is an address: should Node.js ever want to resolve it, that is a mistake.
      lookup: (_name, _options, callback) => callback(new Error('the gate dials addresses only'), ''),
    });
    const give = (): void => {
      socket.destroy();
      reject(new Error('aborted'));
    };
    signal.addEventListener('abort', give, { once: true });
    socket.once('error', (error) => {
      signal.removeEventListener('abort', give);
      reject(error);
    });
    socket.once('connect', () => {
      signal.removeEventListener('abort', give);
      resolve(socket);
    });
  });
}
