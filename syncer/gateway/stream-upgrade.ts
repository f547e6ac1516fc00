import { STATUS_CODES } from 'node:http';
import type { IncomingMessage, OutgoingHttpHeaders } from 'node:http';
import type { Socket } from 'node:net';
import type { HostApi, HostRequest } from './host-api';
import { splice } from './splice';

/** Headers of an upgrade that describe the protocol; nothing else of the caller reaches the host, above all no credentials. */
const REQUEST_HEADERS = [
  'upgrade',
  'x-stream-protocol-version',
  'sec-websocket-key',
  'sec-websocket-version',
  'sec-websocket-protocol',
  'sec-websocket-extensions',
];
const RESPONSE_HEADERS: ReadonlySet<string> = new Set([
  'upgrade',
  'x-stream-protocol-version',
  'x-accepted-stream-protocol-versions',
  'sec-websocket-accept',
  'sec-websocket-protocol',
  'sec-websocket-extensions',
]);

/** Neither SPDY nor WebSocket makes use of half-closed connections: one that stays so, in milliseconds, has been forgotten. */
const HALF_CLOSED_MS = 60_000;

/** Protocols of streams: those of exec, attach and port-forward. */
export function isStreamUpgrade(request: IncomingMessage): boolean {
  const protocol = request.headers.upgrade?.toLowerCase();
  return protocol === 'spdy/3.1' || protocol === 'websocket';
}

/** Headers that ask the host for the same upgrade. Repeated ones stay apart: older servers do not split them at commas. */
export function upgradeHeaders(request: IncomingMessage): OutgoingHttpHeaders {
  const headers: OutgoingHttpHeaders = { Connection: 'Upgrade' };
  for (const name of REQUEST_HEADERS) {
    const values = request.headersDistinct[name];
    if (values) headers[name] = values.length === 1 ? values[0] : values;
  }
  return headers;
}

/**
 * Asks the host for the same upgrade, passes its 101 on, and joins the two connections byte by byte.
 *
 * @returns 101 once the streams are joined, or the host's answer where it refused
 * @throws Error when the host cannot be reached or does not answer in time, or the caller has gone
 */
export async function joinStreams(
  host: HostApi,
  request: HostRequest,
  client: Socket,
  clientHead: Buffer,
): Promise<101 | IncomingMessage> {
  const gone = new AbortController();
  const abandon = (): void => gone.abort();
  client.once('close', abandon);
  if (client.destroyed) abandon();
  const exchange = await host.exchange(request, gone.signal);
  if (!('socket' in exchange)) return exchange.response;
  client.write(switchingProtocols(exchange.response));
  // Bytes that came with the headers belong to the streams.
  if (exchange.head.length > 0) client.write(exchange.head);
  if (clientHead.length > 0) exchange.socket.write(clientHead);
  // From here on a client that closes in an orderly way must leave the host time to flush.
  client.off('close', abandon);
  void splice(client, exchange.socket, { halfClosedIdleMs: HALF_CLOSED_MS });
  return 101;
}

function switchingProtocols(answer: IncomingMessage): string {
  const lines = [`HTTP/1.1 101 ${STATUS_CODES[101]}`, 'Connection: Upgrade'];
  for (let i = 0; i + 1 < answer.rawHeaders.length; i += 2) {
    const name = answer.rawHeaders[i] ?? '';
    if (RESPONSE_HEADERS.has(name.toLowerCase())) lines.push(`${name}: ${answer.rawHeaders[i + 1]}`);
  }
  return `${lines.join('\r\n')}\r\n\r\n`;
}
