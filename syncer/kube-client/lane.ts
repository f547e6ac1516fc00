import type { Readable } from 'node:stream';
import type { ClusterConnection } from './connection';

/** One HTTP request to the API server. */
export interface TransportRequest {
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array | undefined;
  /** Ends the request, and the body of its answer, at any time. */
  readonly signal: AbortSignal;
}

/** Head of an answer, and its body, which must be read to the end or destroyed. */
export interface TransportAnswer {
  readonly status: number;
  readonly headers: Record<string, string | string[] | undefined>;
  readonly body: Readable;
}

/** What a lane is made with. */
export interface LaneOptions {
  /** Connections that may be open at once. */
  readonly maxConnections: number;
  /** Called whenever a connection was opened. */
  readonly onConnection?: (() => void) | undefined;
}

/** Carries requests over some connections. */
export interface Lane {
  /** Connections that are open now. */
  readonly connections: number;
  send(request: TransportRequest): Promise<TransportAnswer>;
  /** Makes new connections for new requests; those that are open end with what they carry. */
  renew(connection: ClusterConnection): void;
  close(): void;
}
