import { mkdtempSync, rmSync } from 'node:fs';
import { createServer as createHttpsServer, request as httpsRequest } from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { connect } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import type { TLSSocket } from 'node:tls';
import { Gateway } from '../../../syncer/gateway';
import type { Node } from 'kubernetes-types/core/v1';
import type { EgressFacts, GatewayOptions, PlacedPod, PodTwin, TenantObjects } from '../../../syncer/gateway';
import { Issuer, createAuthority } from '../../../syncer/pki';
import type { KeyPair } from '../../../syncer/pki';

const validity = { notBefore: new Date(Date.now() - 60_000), notAfter: new Date(Date.now() + 86_400_000) };

export const kubeletCA = createAuthority('kubelet-ca', validity);
export const clientCA = createAuthority('kubelet-client-ca', validity);
export const hostCA = createAuthority('host-ca', validity);

/** A client certificate for kubelets, as the API server has it. */
export const clientCertificate = (by: KeyPair = clientCA): KeyPair =>
  new Issuer(by).issue({ commonName: 'kube-apiserver-kubelet-client', usages: ['client'] }, validity);

export const NODE = 'fd6e:6573:746c:696e:1:2:3:4';
export const OTHER_NODE = 'fd6e:6573:746c:696e:5:6:7:8';

/** What the host's API server was asked. */
export interface HostRequestRecord {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly rawHeaders: readonly string[];
}

/** A stand-in for the host's API server: HTTPS with a recording of what it was asked. */
export interface HostStandIn {
  readonly url: string;
  readonly requests: HostRequestRecord[];
  onRequest: (request: IncomingMessage, response: ServerResponse) => void;
  onUpgrade: (request: IncomingMessage, socket: Socket, head: Buffer) => void;
  close(): Promise<void>;
}

export async function startHost(): Promise<HostStandIn> {
  const serving = new Issuer(hostCA).issue(
    { commonName: 'host', addresses: ['127.0.0.1'], usages: ['server'] },
    validity,
  );
  const server = createHttpsServer({ cert: serving.certificate, key: serving.key, allowHalfOpen: true });
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  const requests: HostRequestRecord[] = [];
  const record = ({ method = '', url = '', headers, rawHeaders }: IncomingMessage): void => {
    requests.push({ method, url, headers, rawHeaders });
  };
  const standIn: HostStandIn = {
    url: '',
    requests,
    onRequest: (_request, response) => response.writeHead(500).end(),
    onUpgrade: (_request, socket) => socket.destroy(),
    close: () => {
      sockets.forEach((socket) => socket.destroy());
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
  server.on('request', (request, response) => {
    record(request);
    standIn.onRequest(request, response);
  });
  server.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) => {
    record(request);
    socket.on('error', () => undefined);
    standIn.onUpgrade(request, socket, head);
  });
  return Object.assign(standIn, { url: `https://127.0.0.1:${await listening(server)}` });
}

/** Listens on a free port of the loopback address, or of another. */
export async function listening(server: Server, host = '127.0.0.1'): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  return (server.address() as AddressInfo).port;
}

/** A folder that is gone after the test file. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'gateway-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Lines that were logged. */
export interface LogLine {
  readonly level: string;
  readonly details: Record<string, unknown>;
  readonly message: string;
}

export function recordingLogger(): { logger: GatewayOptions['logger']; lines: LogLine[] } {
  const lines: LogLine[] = [];
  const at =
    (level: string) =>
    (details: unknown, message: unknown): void => {
      lines.push({ level, details: details as Record<string, unknown>, message: String(message) });
    };
  const logger = { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
  return { logger: logger as unknown as GatewayOptions['logger'], lines };
}

/** Facts and pods that a test can change. */
export class TestFacts implements EgressFacts, TenantObjects {
  readonly nodes = new Map([
    [NODE, 'host-1'],
    [OTHER_NODE, 'host-2'],
  ]);
  readonly podIPs = new Set<string>();
  readonly serviceIPs = new Set<string>();
  readonly pods = new Map<string, PodTwin>();
  /** Pods with twins, by the twin's node. */
  readonly placed = new Map<string, PlacedPod[]>();
  readonly virtualNodes: Node[] = [];
  known = true;
  whenSynced?: (signal: AbortSignal) => Promise<void>;
  nodeByAddress = (address: string): string | undefined => this.nodes.get(address);
  isTenantPodIP = (address: string): boolean => this.podIPs.has(address);
  isTenantServiceIP = (address: string): boolean => this.serviceIPs.has(address);
  resolve = (namespace: string, name: string): PodTwin | undefined => this.pods.get(`${namespace}/${name}`);
  placedPods = (node?: string): PlacedPod[] =>
    node === undefined ? [...this.placed.values()].flat() : (this.placed.get(node) ?? []);
  placedPod = (namespace: string, name: string): PlacedPod | undefined =>
    this.placedPods().find(({ pod: { metadata } }) => metadata?.namespace === namespace && metadata.name === name);
  ownNodes = (): Node[] => this.virtualNodes;
}

let sockets = 0;

export function makeGateway(
  folder: string,
  more: Partial<GatewayOptions> & Pick<GatewayOptions, 'facts' | 'pods' | 'host'> & { readonly facts: TestFacts },
): {
  gateway: Gateway;
  socketPath: string;
  lines: LogLine[];
} {
  const { logger, lines } = recordingLogger();
  const socketPath = join(folder, `egress-${(sockets += 1)}.sock`);
  const gateway = new Gateway({
    ...{ socketPath, kubeletCA, clientCA: clientCA.certificate, logger, tenant: more.facts },
    ...more,
  });
  return { gateway, socketPath, lines };
}

/** Sends CONNECT as kube-apiserver does. */
export function openTunnel(
  socketPath: string,
  target: string,
): Promise<{ status: number; text: string; socket: Socket }> {
  return new Promise((resolve, reject) => {
    const socket = connect({ path: socketPath, allowHalfOpen: true });
    socket.on('error', reject);
    socket.write(`CONNECT ${target} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`);
    let received = '';
    const read = (chunk: Buffer): void => {
      received += chunk.toString('latin1');
      const end = received.indexOf('\r\n\r\n');
      if (end < 0) return;
      socket.off('data', read);
      socket.pause();
      const rest = received.slice(end + 4);
      if (rest !== '') socket.unshift(Buffer.from(rest, 'latin1'));
      const [, status, text = ''] = /^HTTP\/1\.1 (\d+) ?(.*)/.exec(received) ?? [];
      resolve({ status: Number(status), text, socket });
    };
    socket.on('data', read);
    socket.on('close', () => reject(new Error(`closed after ${JSON.stringify(received)}`)));
  });
}

/** Opens a tunnel to a node and speaks TLS through it, verifying the node's certificate for its address. */
export async function connectToKubelet(
  socketPath: string,
  address = NODE,
  client: KeyPair | null = clientCertificate(),
): Promise<TLSSocket> {
  const { status, text, socket } = await openTunnel(socketPath, `[${address}]:10250`);
  if (status !== 200) throw new Error(`${status} ${text}`);
  return new Promise((resolve, reject) => {
    const tls = connectTls({
      socket,
      host: address,
      servername: '',
      ca: kubeletCA.certificate,
      ...(client ? { cert: client.certificate, key: client.key } : {}),
    });
    tls.once('secureConnect', () => resolve(tls));
    tls.once('error', reject);
  });
}

/** One request to the kubelet of a node over a tunnel of its own. */
export async function kubeletRequest(
  socketPath: string,
  path: string,
  options: { method?: string; headers?: Record<string, string>; address?: string } = {},
): Promise<{ response: IncomingMessage; body: Promise<string> }> {
  const connection = await connectToKubelet(socketPath, options.address);
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const request = httpsRequest({
      createConnection: () => connection,
      method: options.method ?? 'GET',
      path,
      headers: { Host: 'node', ...options.headers },
    });
    request.on('response', resolve).on('error', reject).end();
  });
  const body = (async () => {
    let text = '';
    for await (const chunk of response as AsyncIterable<Buffer>) text += chunk.toString('latin1');
    return text;
  })();
  body.catch(() => undefined);
  return { response, body };
}

/** Waits until a condition holds. */
export async function until(condition: () => boolean, what: string): Promise<void> {
  for (let i = 0; i < 3_000; i++) {
    if (condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error(`not within 30 s: ${what}`);
}
