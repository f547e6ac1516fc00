import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { closeServer, listenOn } from './listening';
import type { Logger } from './logger';
import type { Metrics } from './metrics';

/** A condition: undefined when it is met, else why it is not. */
export type HealthCheck = () => string | undefined;

/**
 * Answers `/healthz` (restart me when this fails), `/readyz` (send me work when this succeeds) and `/metrics` over plain HTTP.
 * It shows names and numbers, nothing of tenants.
 */
export class HealthServer {
  readonly #checks = new Map<string, { check: HealthCheck; live: boolean }>();
  readonly #server: Server;
  readonly #metrics: Metrics | undefined;
  readonly #logger: Logger | undefined;

  constructor(options: { metrics?: Metrics | undefined; logger?: Logger | undefined } = {}) {
    this.#metrics = options.metrics;
    this.#logger = options.logger;
    this.#server = createServer((request, response) => {
      this.#answer(request, response).catch((error: unknown) => {
        this.#logger?.error({ err: error, path: request.url }, 'health request failed');
        send(response, 500, 'internal error\n');
      });
    });
    // Probes and scrapes are small; whoever is slower only holds a socket.
    this.#server.requestTimeout = 10_000;
    this.#server.headersTimeout = 5_000;
    this.#server.maxConnections = 64;
  }

  /** Adds a condition of `/readyz`, and with `live` of `/healthz` too. @throws Error when the name is taken */
  addCheck(name: string, check: HealthCheck, options: { live?: boolean } = {}): void {
    if (this.#checks.has(name)) throw new Error(`health check "${name}" exists already; choose another name`);
    this.#checks.set(name, { check, live: options.live ?? false });
  }

  /** Conditions of `/readyz` that are not met, with their reasons. */
  failing(): ReadonlyMap<string, string> {
    return this.#failing(false);
  }

  /**
   * Starts to answer.
   * @param port 0 for any free one
   * @returns the port
   * @throws Error naming the port when it is taken
   */
  listen(port: number, host?: string): Promise<{ port: number }> {
    const taken = `port ${port} for health and metrics is taken; stop what listens there or choose another`;
    return listenOn(this.#server, { port, host }, taken);
  }

  /** Stops answering and closes what is open. */
  close(): Promise<void> {
    return closeServer(this.#server);
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      send(response, 405, 'only GET\n');
      return;
    }
    const path = (request.url ?? '/').split('?', 1)[0];
    if (path === '/healthz' || path === '/readyz') this.#report(response, path === '/healthz');
    else if (path === '/metrics' && this.#metrics !== undefined) {
      send(response, 200, await this.#metrics.text(), this.#metrics.contentType);
    } else send(response, 404, 'not found\n');
  }

  #report(response: ServerResponse, live: boolean): void {
    const failing = this.#failing(live);
    const lines: string[] = [];
    for (const [name, { live: isLive }] of this.#checks) {
      if (live && !isLive) continue;
      const reason = failing.get(name);
      lines.push(reason === undefined ? `[+] ${name} ok` : `[-] ${name}: ${reason}`);
    }
    lines.push(failing.size === 0 ? 'ok' : 'not ok', '');
    send(response, failing.size === 0 ? 200 : 503, lines.join('\n'));
  }

  #failing(liveOnly: boolean): Map<string, string> {
    const failing = new Map<string, string>();
    for (const [name, { check, live }] of this.#checks) {
      if (liveOnly && !live) continue;
      let reason: string | undefined;
      try {
        reason = check();
      } catch (error) {
        this.#logger?.error({ err: error, check: name }, 'health check failed');
        reason = 'the check itself failed';
      }
      if (reason !== undefined) failing.set(name, reason);
    }
    return failing;
  }
}

function send(response: ServerResponse, status: number, body: string, type = 'text/plain; charset=utf-8'): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  response.writeHead(status, {
    'content-type': type,
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
  });
  response.end(body);
}
