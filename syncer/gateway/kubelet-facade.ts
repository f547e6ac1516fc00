import { STATUS_CODES, createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Logger } from '../engine';
import { streamContainerLog } from './container-logs';
import type { EgressFacts, PodDirectory, TenantObjects } from './facts';
import { refusedByHost } from './host-answer';
import type { HostApi, HostRequest } from './host-api';
import { hostQuery } from './host-query';
import type { HostUsage } from './host-usage';
import { parseKubeletCall } from './kubelet-call';
import type { KubeletCall, PlainAnswer } from './kubelet-call';
import type { GatewayMetrics } from './metrics';
import { answerNodeQuery, parseNodeQuery } from './node-query';
import { QuietLog } from './quiet-log';
import { isStreamUpgrade, joinStreams, upgradeHeaders } from './stream-upgrade';
import type { PodNames, TranslateMessage } from './tenant-message';

/** What the façade needs. */
export interface KubeletFacadeOptions {
  readonly facts: EgressFacts;
  readonly pods: PodDirectory;
  readonly tenant: TenantObjects;
  /** What pods use; undefined where metrics are not served. */
  readonly usage: HostUsage | undefined;
  readonly host: HostApi;
  readonly translateMessage: TranslateMessage;
  readonly logger: Logger;
  readonly metrics: GatewayMetrics;
}

/** Subresources of the host's pods, by the kubelet's name for them. */
const SUBRESOURCES = { containerLogs: 'log', exec: 'exec', attach: 'attach', portForward: 'portforward' } as const;

/** A call whose pod was found: what to ask the host, and the names to answer in. */
interface HostCall {
  readonly call: KubeletCall['call'];
  readonly request: HostRequest;
  readonly names: PodNames;
}

/**
 * The kubelet of every virtual node: takes decrypted connections of the virtual API server and turns its calls into
 * requests to subresources of the host's pods.
 *
 * The caller is the API server, but what it asks may be any tenant's wish (`nodes/NAME/proxy` passes paths and headers on
 * unchanged). So a pod counts only if the host's own facts know it as a twin on the very node that was addressed, and of
 * the request nothing travels on but what is listed here.
 */
export class KubeletFacade {
  readonly #options: KubeletFacadeOptions;
  // A command's arguments stand in the request line: as much room for them as Go's servers give.
  readonly #server = createServer({ maxHeaderSize: 1024 * 1024, noDelay: true });
  readonly #addresses = new WeakMap<Socket, string>();
  readonly #failures = new QuietLog();

  constructor(options: KubeletFacadeOptions) {
    this.#options = options;
    // Longer than the API server keeps an idle connection (90 s), so that it is never the façade that closes one in use.
    this.#server.keepAliveTimeout = 120_000;
    this.#server.on('request', (request, response) => void this.#serve(request, response));
    this.#server.on('upgrade', (request, socket, head) => void this.#serveUpgrade(request, socket, head));
    this.#server.on('clientError', (_error, socket) => {
      if (!socket.writable || socket.errored) socket.destroy();
      else socket.end(plainResponse({ status: 400, text: 'malformed request' }), () => socket.destroy());
    });
  }

  /** Serves a decrypted connection that was made to a virtual node's address. */
  accept(socket: Socket, address: string): void {
    this.#addresses.set(socket, address);
    this.#server.emit('connection', socket);
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    request.resume();
    let label = 'other';
    const finish = ({ status, text, type = 'text/plain; charset=utf-8' }: PlainAnswer): void => {
      this.#options.metrics.kubeletRequest(label, status);
      if (response.headersSent || response.destroyed) return void response.destroy();
      response.writeHead(status, { 'Content-Type': type }).end(text);
    };
    try {
      const query = parseNodeQuery(request.method ?? '', request.url ?? '');
      if (query !== undefined) {
        label = query;
        return finish(await answerNodeQuery(query, this.#nodeOf(request), this.#options));
      }
      const call = this.#resolve(request, false);
      if ('status' in call) return finish(call);
      label = call.call;
      if (call.call !== 'containerLogs') return finish({ status: 400, text: 'Upgrade request required' });
      const outcome = await streamContainerLog(this.#options.host, call.request, response);
      if (typeof outcome === 'number') this.#options.metrics.kubeletRequest(label, outcome);
      else finish(await this.#refused(outcome, call));
    } catch (error) {
      // A caller who has gone is no failure.
      if (!response.destroyed) finish(this.#failed(error, label));
    }
  }

  async #serveUpgrade(request: IncomingMessage, duplex: Duplex, head: Buffer): Promise<void> {
    const socket = duplex as Socket;
    socket.on('error', () => undefined);
    let label = 'other';
    const finish = (answer: PlainAnswer): void => {
      this.#options.metrics.kubeletRequest(label, answer.status);
      if (socket.writable) socket.end(plainResponse(answer), () => socket.destroy());
      else socket.destroy();
    };
    try {
      const call = this.#resolve(request, true);
      if ('status' in call) return finish(call);
      label = call.call;
      if (call.call === 'containerLogs' || !isStreamUpgrade(request)) {
        return finish({
          status: 400,
          text: 'this cannot be upgraded: SPDY/3.1 or websocket, for exec, attach and portForward',
        });
      }
      const outcome = await joinStreams(this.#options.host, call.request, socket, head);
      if (outcome === 101) this.#options.metrics.kubeletRequest(label, 101);
      else finish(await this.#refused(outcome, call));
    } catch (error) {
      if (!socket.destroyed) finish(this.#failed(error, label));
    }
  }

  /** The request to the host that a call stands for, or the answer where there is no such pod on this node. */
  #resolve(request: IncomingMessage, upgrade: boolean): HostCall | PlainAnswer {
    const method = request.method ?? '';
    const call = parseKubeletCall(method, request.url ?? '');
    if ('status' in call) return call;
    const node = this.#nodeOf(request);
    const twin = this.#options.pods.resolve(call.namespace, call.pod);
    const uid = 'uid' in call ? call.uid : undefined;
    if (
      twin === undefined ||
      node === undefined ||
      twin.nodeName !== node ||
      (uid !== undefined && twin.virtualUID !== undefined && uid !== twin.virtualUID)
    ) {
      return {
        status: 404,
        text: call.call === 'containerLogs' ? `pod "${call.pod}" does not exist` : 'pod does not exist',
      };
    }
    if ('container' in call && call.container === twin.hiddenContainer) {
      return { status: 404, text: `container not found in pod "${call.pod}"` };
    }
    const query = hostQuery(call);
    if (!(query instanceof URLSearchParams)) return query;
    const websocket = request.headers.upgrade?.toLowerCase() === 'websocket';
    return {
      call: call.call,
      names: { host: twin, virtual: { namespace: call.namespace, name: call.pod } },
      request: {
        // A WebSocket begins with GET by its standard; SPDY with POST, which is what the host's RBAC calls `create`.
        method: upgrade && !websocket ? 'POST' : 'GET',
        namespace: twin.namespace,
        pod: twin.name,
        subresource: SUBRESOURCES[call.call],
        query,
        headers: upgrade ? upgradeHeaders(request) : { Accept: '*/*', 'Accept-Encoding': 'identity' },
        upgrade,
      },
    };
  }

  /** The virtual node that a request was made to, while there is one at its address. */
  #nodeOf(request: IncomingMessage): string | undefined {
    const address = this.#addresses.get(request.socket);
    return address === undefined ? undefined : this.#options.facts.nodeByAddress(address);
  }

  async #refused(response: IncomingMessage, call: HostCall): Promise<PlainAnswer> {
    const answer = await refusedByHost(response, call.names, this.#options.translateMessage);
    if (answer.status >= 500) {
      const { logger } = this.#options;
      this.#failures.log(`${call.call} ${response.statusCode}`, (suppressed) => {
        const { namespace, pod, subresource } = call.request;
        logger.warn(
          {
            pod: `${namespace}/${pod}`,
            subresource,
            status: response.statusCode,
            message: answer.hostMessage,
            suppressed,
          },
          'the host refused a request of the kubelet façade',
        );
      });
    }
    return answer;
  }

  #failed(error: unknown, label: string): PlainAnswer {
    const message = error instanceof Error ? error.message : String(error);
    this.#failures.log(`${label} ${(error as NodeJS.ErrnoException).code ?? message}`, (suppressed) => {
      this.#options.logger.warn({ call: label, error: message, suppressed }, 'a request of the kubelet façade failed');
    });
    return { status: 502, text: 'the host cluster cannot be reached; try again' };
  }
}

function plainResponse({ status, text }: PlainAnswer): string {
  return [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Error'}`,
    'Content-Type: text/plain; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(text)}`,
    'Connection: close',
    '',
    text,
  ].join('\r\n');
}
