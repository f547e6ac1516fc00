import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { setImmediate as pause } from 'node:timers/promises';
import type { DebugQuery, DebugRegistry } from './debug-registry';
import { closeServer, listenOn } from './listening';
import type { Logger } from './logger';

/** The listener's only address: who reaches it is in the pod, or may `kubectl port-forward` to it. */
const LOOPBACK = '127.0.0.1';
const DEFAULT_LIMIT = 500;
const MAX_LIMIT = 10_000;
/** Objects written before others get their turn. */
const TURN = 100;

/**
 * Answers `/debug/objects`: every object of every kind on both sides, whether it is synced, and if not since when and
 * why. It shows tenants' names, so it listens on the loopback address only.
 */
export class DebugServer {
  readonly #server: Server;
  readonly #registry: DebugRegistry;

  constructor(options: { registry: DebugRegistry; logger?: Logger | undefined }) {
    this.#registry = options.registry;
    this.#server = createServer((request, response) => {
      this.#answer(request, response).catch((error: unknown) => {
        options.logger?.error({ err: error, path: request.url }, 'debug request failed');
        response.destroy();
      });
    });
    this.#server.requestTimeout = 10_000;
    this.#server.headersTimeout = 5_000;
    this.#server.maxConnections = 8;
  }

  /**
   * Starts to answer.
   * @param port 0 for any free one
   * @throws Error naming the port when it is taken
   */
  listen(port: number): Promise<{ port: number }> {
    const taken = `port ${port} for debugging is taken; stop what listens there`;
    return listenOn(this.#server, { port, host: LOOPBACK }, taken);
  }

  /** Stops answering and closes what is open. */
  close(): Promise<void> {
    return closeServer(this.#server);
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    // A browser that a page of somebody's leads here names that page's host.
    if (!/^(localhost|127\.0\.0\.1)(:\d+)?$/.test(request.headers.host ?? '')) {
      return refuse(response, 403, 'ask 127.0.0.1 or localhost');
    }
    if (request.method !== 'GET') return refuse(response, 405, 'only GET');
    const { pathname, searchParams } = new URL(request.url ?? '/', `http://${LOOPBACK}`);
    if (pathname !== '/debug/objects') return refuse(response, 404, 'only /debug/objects is here');
    const query = this.#query(searchParams);
    if (typeof query === 'string') return refuse(response, 400, query);
    await this.#list(response, query);
  }

  /** What the parameters ask for, or what is wrong with them. */
  #query(parameters: URLSearchParams): (DebugQuery & { limit: number }) | string {
    const known = ['kind', 'namespace', 'pending', 'limit'];
    for (const name of parameters.keys()) {
      if (!known.includes(name)) return `parameter ${name} is not known: use ${known.join(', ')}`;
    }
    const kind = parameters.get('kind') ?? undefined;
    const { kinds } = this.#registry;
    if (kind !== undefined && !kinds.includes(kind)) return `kind ${kind} is not known: use ${kinds.join(', ')}`;
    const pending = parameters.get('pending') ?? 'false';
    if (pending !== 'true' && pending !== 'false') return 'pending is true or false';
    const limit = Number(parameters.get('limit') ?? DEFAULT_LIMIT);
    if (!Number.isInteger(limit) || limit < 1 || limit > MAX_LIMIT) return `limit is a number from 1 to ${MAX_LIMIT}`;
    return { kind, namespace: parameters.get('namespace') ?? undefined, pending: pending === 'true', limit };
  }

  /** One object a line, as they come: the answer is never held as a whole. */
  async #list(response: ServerResponse, { limit, ...query }: DebugQuery & { limit: number }): Promise<void> {
    response.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'no-store' });
    response.write('{"objects":[');
    let count = 0;
    let truncated = false;
    for (const object of this.#registry.objects(query)) {
      if (count === limit) {
        truncated = true;
        break;
      }
      const taken = response.write(`${count === 0 ? '' : ','}\n${JSON.stringify(object)}`);
      count++;
      if (response.destroyed) return;
      if (!taken) await Promise.race([once(response, 'drain'), once(response, 'close')]);
      else if (count % TURN === 0) await pause();
    }
    response.end(`\n],"count":${count},"truncated":${truncated}}\n`);
  }
}

function refuse(response: ServerResponse, status: number, reason: string): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store' });
  response.end(`${reason}\n`);
}
