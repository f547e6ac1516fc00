import { createServer } from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { constants, deflateRawSync, deflateSync } from 'node:zlib';
import type { KeyPair } from '../../syncer/pki';

/** A kubelet at the edge of the network: logs that a test writes, and streams of exec and port-forward over SPDY/3.1. */
export interface KubeletStandIn {
  readonly port: number;
  /** `METHOD PATH?QUERY` of every request, in order. */
  readonly requests: string[];
  /** Answers `/containerLogs/…`. */
  onLogs: (request: IncomingMessage, response: ServerResponse) => void;
  /** What a command writes, by its arguments and all of its standard input. */
  onExec: (
    command: readonly string[],
    input: Buffer,
  ) => { readonly output: string; readonly error?: string; readonly exitCode?: number };
  close(): Promise<void>;
}

/** Starts one on 127.0.0.1. */
export async function startKubeletStandIn(serving: KeyPair, clientCA: string): Promise<KubeletStandIn> {
  const server = createServer({
    ...{ cert: serving.certificate, key: serving.key, ca: clientCA },
    ...{ requestCert: true, rejectUnauthorized: true },
  });
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  const requests: string[] = [];
  const standIn: KubeletStandIn = {
    port: 0,
    requests,
    onLogs: (_request, response) => response.end(),
    onExec: () => ({ output: '' }),
    close: () => {
      sockets.forEach((socket) => socket.destroy());
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
  server.on('request', (request, response) => {
    requests.push(`${request.method} ${request.url}`);
    if (request.url?.startsWith('/containerLogs/')) standIn.onLogs(request, response);
    else response.writeHead(404).end();
  });
  server.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) => {
    requests.push(`${request.method} ${request.url}`);
    socket.on('error', () => undefined);
    const url = new URL(request.url ?? '', 'https://node');
    const offered = request.headers['x-stream-protocol-version'] ?? '';
    const exec = url.pathname.startsWith('/exec/');
    const version = exec ? (offered.includes('v5.') ? 'v5.channel.k8s.io' : 'v4.channel.k8s.io') : 'portforward.k8s.io';
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: ${version}\r\n\r\n`,
    );
    const connection = new SpdyConnection(socket);
    if (exec) serveExec(connection, url.searchParams, standIn);
    else servePortForward(connection);
    connection.read(head);
    socket.on('data', (chunk: Buffer) => connection.read(chunk));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return Object.assign(standIn, { port: (server.address() as AddressInfo).port });
}

/** Streams come in the order in which kubectl opens them: error, then input and output as asked for. */
function serveExec(connection: SpdyConnection, query: URLSearchParams, standIn: KubeletStandIn): void {
  const kinds = ['status', ...['input', 'output', 'error'].filter((kind) => query.get(kind) === '1')];
  const streams = new Map<string, number>();
  const input: Buffer[] = [];
  const run = (): void => {
    const { output, error = '', exitCode = 0 } = standIn.onExec(query.getAll('command'), Buffer.concat(input));
    for (const [kind, text] of Object.entries({ output, error })) {
      const stream = streams.get(kind);
      if (stream !== undefined) connection.data(stream, Buffer.from(text), true);
    }
    const details = { causes: [{ reason: 'ExitCode', message: String(exitCode) }] };
    const status =
      exitCode === 0
        ? { status: 'Success' }
        : { status: 'Failure', reason: 'NonZeroExitCode', message: `exit ${exitCode}`, details };
    connection.data(streams.get('status') ?? 0, Buffer.from(JSON.stringify({ metadata: {}, ...status })), true);
  };
  connection.onStream = (id) => {
    streams.set(kinds[streams.size] ?? 'unexpected', id);
    if (streams.size === kinds.length && !kinds.includes('input')) run();
  };
  connection.onData = (id, chunk, last) => {
    if (id !== streams.get('input')) return;
    input.push(chunk);
    if (last) run();
  };
}

/** Sends back what comes, on the second stream of each pair (the first carries errors). */
function servePortForward(connection: SpdyConnection): void {
  const errors: number[] = [];
  const pairs = new Map<number, number>();
  let opened = 0;
  connection.onStream = (id) => {
    if ((opened += 1) % 2 === 1) errors.push(id);
    else pairs.set(id, errors.shift() ?? 0);
  };
  connection.onData = (id, chunk, last) => {
    const error = pairs.get(id);
    if (error === undefined) return;
    connection.data(id, chunk, last);
    if (last) connection.data(error, Buffer.alloc(0), true);
  };
}

enum Frame {
  SynStream = 1,
  SynReply = 2,
  Ping = 6,
}

/** The server's side of SPDY/3.1, as much of it as streams need. Header blocks are not read. */
class SpdyConnection {
  onStream: (id: number) => void = () => undefined;
  onData: (id: number, chunk: Buffer, last: boolean) => void = () => undefined;
  #rest = Buffer.alloc(0);
  #replied = false;

  constructor(private readonly socket: Socket) {}

  read(chunk: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, chunk]);
    while (this.#rest.length >= 8) {
      const length = this.#rest.readUIntBE(5, 3);
      if (this.#rest.length < 8 + length) return;
      const frame = this.#rest.subarray(0, 8 + length);
      this.#rest = this.#rest.subarray(8 + length);
      const first = frame.readUInt32BE(0);
      const last = (frame.readUInt8(4) & 1) === 1;
      if (first < 0x80000000) this.onData(first, Buffer.from(frame.subarray(8)), last);
      else if ((first & 0xffff) === Frame.Ping) this.socket.write(frame);
      else if ((first & 0xffff) === Frame.SynStream) this.#accept(frame.readUInt32BE(8) & 0x7fffffff);
    }
  }

  /** Sends data and, with `last`, ends the stream. */
  data(id: number, chunk: Buffer, last: boolean): void {
    const header = Buffer.alloc(8);
    header.writeUInt32BE(id, 0);
    header.writeUInt8(last ? 1 : 0, 4);
    header.writeUIntBE(chunk.length, 5, 3);
    this.socket.write(Buffer.concat([header, chunk]));
  }

  #accept(id: number): void {
    // No headers, compressed: one zlib stream for the whole connection, of which the first block carries the beginning.
    const compress = this.#replied ? deflateRawSync : deflateSync;
    const headers = compress(Buffer.alloc(4), { finishFlush: constants.Z_SYNC_FLUSH });
    this.#replied = true;
    const frame = Buffer.alloc(12);
    frame.writeUInt32BE(0x80030000 + Frame.SynReply, 0);
    frame.writeUIntBE(4 + headers.length, 5, 3);
    frame.writeUInt32BE(id, 8);
    this.socket.write(Buffer.concat([frame, headers]));
    this.onStream(id);
  }
}
