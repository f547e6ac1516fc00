import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { ApiError } from './api-error';
import { BearerToken } from './bearer-token';
import type { ClusterConnection } from './connection';
import { ConnectionError } from './connection-error';
import type { TransportAnswer } from './lane';
import { LineSplitter } from './lines';
import type { AnyObject, KubeObject, ObjectList, Status, WatchEvent } from './object';
import type {
  CreateOptions,
  DeleteOptions,
  GetOptions,
  ListOptions,
  PatchOptions,
  PatchType,
  RawRequestOptions,
  WatchOptions,
} from './options';
import { RequestCounter, type Verb } from './request-counter';
import { apiVersionOf, resourcePath, type ResourceType } from './resource-type';
import { type LaneName, Transport } from './transport';

/** Options of a KubeClient. */
export interface KubeClientOptions {
  /** Who asks, as the API server's audit log and priority levels see it. */
  userAgent: string;
  /** Owner of the fields that writes set. @default the user agent up to the first `/` */
  fieldManager?: string;
  /**
   * What becomes of a field that the server does not know. `Strict`: the write is refused (`BadRequest` or `Invalid`).
   * `Ignore`: the field is left out silently, which is right where an older server gets what a newer one said.
   *
   * @default 'Strict'
   */
  fieldValidation?: 'Strict' | 'Ignore';
  /**
   * Called when a connection for watches was opened, for the first time and again: what answers may be another server now, of
   * another version. It must not throw.
   */
  onConnection?: () => void;
  /**
   * Called before anything is sent that may change something, each time; what it throws ends the call, as a ConnectionError. Raw
   * requests are not asked about.
   */
  beforeWrite?: () => void;
  /** Seconds that one call may take with its retries; watches and raw streams have no limit. @default 30 */
  timeoutSeconds?: number;
  /** Source of jitter, in [0, 1). @default Math.random */
  random?: () => number;
}

/** Answer to a raw request. The body must be read to its end or destroyed. */
export interface RawResponse {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: Readable;
}

/** Objects per page of a list: what client-go and kubectl take. */
const pageSize = 500;
/** Attempts of one call, the first included. */
const maxAttempts = 5;
/** Silence of a watch, in seconds, that means it is dead: bookmarks come about once a minute. */
const defaultStallSeconds = 180;
/** Longest answer taken, in bytes; a page of 500 large pods has about 10 MiB. */
const bodyLimit = 256 * 1024 * 1024;

const patchContentType: Record<PatchType, string> = {
  merge: 'application/merge-patch+json',
  json: 'application/json-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  // YAML is a superset of the JSON that is sent.
  apply: 'application/apply-patch+yaml',
};

interface Call {
  verb: Verb;
  method: string;
  /** Resource with subresource, for the counter. */
  counted: string;
  path: string;
  query?: Readonly<Record<string, string | number | boolean | undefined>>;
  accept: string;
  contentType?: string;
  body?: string;
  signal?: AbortSignal | undefined;
}

/**
 * Client of one API server: JSON over HTTP/2, for programs that make many small requests and hold many watches.
 *
 * A call is tried again, with jitter and within `timeoutSeconds`, when the server answers 429 (it did nothing then), when
 * nothing was sent, and, for reads, when the connection is lost or the server answers 503 or 504. Everything else is the
 * caller's decision. Failures are `ApiError` (the server answered) or `ConnectionError` (it did not); an aborted
 * signal rejects with its reason.
 */
export class KubeClient {
  /** What was sent so far, retries included. */
  readonly requests = new RequestCounter();
  readonly #transport: Transport;
  readonly #token: BearerToken;
  readonly #userAgent: string;
  readonly #fieldManager: string;
  readonly #fieldValidation: 'Strict' | 'Ignore';
  readonly #beforeWrite: (() => void) | undefined;
  readonly #timeout: number;
  readonly #random: () => number;
  readonly #closing = new AbortController();
  #connection: ClusterConnection;

  constructor(connection: ClusterConnection, options: KubeClientOptions) {
    this.#connection = connection;
    this.#transport = new Transport(connection, options.onConnection);
    this.#token = new BearerToken(connection);
    this.#userAgent = options.userAgent;
    this.#fieldManager = options.fieldManager ?? (options.userAgent.split('/')[0] as string);
    this.#fieldValidation = options.fieldValidation ?? 'Strict';
    this.#beforeWrite = options.beforeWrite;
    this.#timeout = (options.timeoutSeconds ?? 30) * 1000;
    this.#random = options.random ?? Math.random;
  }

  /** How the API server is reached, and as whom. */
  get connection(): ClusterConnection {
    return this.#connection;
  }

  /**
   * Goes on with another client certificate. The API server asks at each request whether the one of the connection is valid
   * still, so requests go over new connections; what is under way, watches too, stays on the old ones until it ends.
   */
  renewCredentials(credentials: { readonly clientCertificate: string; readonly clientKey: string }): void {
    this.#connection = { ...this.#connection, ...credentials };
    this.#transport.renew(this.#connection);
  }

  /** Connections open now: normally at most one for calls and one for watches. */
  get connections(): number {
    return this.#transport.connections;
  }

  /** Reads one object. */
  async get<T extends KubeObject = AnyObject>(type: ResourceType, options: GetOptions): Promise<T> {
    return this.#json<T>({
      verb: 'get',
      method: 'GET',
      counted: counted(type, options.subresource),
      path: resourcePath(type, place(options)),
      accept: accept('PartialObjectMetadata', options.metadataOnly),
      signal: options.signal,
    });
  }

  /** Reads one page of a list. */
  async list<T extends KubeObject = AnyObject>(type: ResourceType, options: ListOptions = {}): Promise<ObjectList<T>> {
    const page = await this.#json<ObjectList<T>>({
      verb: 'list',
      method: 'GET',
      counted: type.resource,
      path: resourcePath(type, place({ namespace: options.namespace })),
      query: {
        limit: options.limit ?? pageSize,
        continue: options.continue,
        // A continue token names the state itself; the server refuses both at once.
        resourceVersion: options.continue === undefined ? nonEmpty(options.resourceVersion) : undefined,
        labelSelector: nonEmpty(options.labelSelector),
        fieldSelector: nonEmpty(options.fieldSelector),
      },
      accept: accept('PartialObjectMetadataList', options.metadataOnly),
      signal: options.signal,
    });
    // Go encodes a nil slice as null.
    page.items ??= [];
    page.metadata ??= {};
    return page;
  }

  /**
   * Reads a list page by page; all pages show the same state.
   * @throws ApiError `Expired` when a page took so long that the state is gone: what was yielded is then incomplete, start again
   */
  async *listAll<T extends KubeObject = AnyObject>(
    type: ResourceType,
    options: ListOptions = {},
  ): AsyncGenerator<ObjectList<T>, void, undefined> {
    let token = options.continue;
    do {
      const page = await this.list<T>(type, { ...options, continue: token });
      yield page;
      token = nonEmpty(page.metadata.continue);
    } while (token !== undefined);
  }

  /** Creates an object, or posts to a subresource. Unknown fields are refused (`BadRequest`), unless the client ignores them. */
  async create<T extends KubeObject = AnyObject>(
    type: ResourceType,
    object: T,
    options: CreateOptions = {},
  ): Promise<T> {
    const body =
      options.subresource === undefined ? { apiVersion: apiVersionOf(type), kind: type.kind, ...object } : object;
    return this.#json<T>({
      verb: 'create',
      method: 'POST',
      counted: counted(type, options.subresource),
      path: resourcePath(type, place({ ...options, namespace: options.namespace ?? object.metadata?.namespace })),
      query: this.#writeQuery(options),
      accept: 'application/json',
      contentType: 'application/json',
      body: JSON.stringify(body),
      signal: options.signal,
    });
  }

  /** Changes an object. Unknown fields are refused (`BadRequest` or `Invalid`), unless the client ignores them. */
  async patch<T extends KubeObject = AnyObject>(type: ResourceType, options: PatchOptions, body: object): Promise<T> {
    return this.#json<T>({
      verb: 'patch',
      method: 'PATCH',
      counted: counted(type, options.subresource),
      path: resourcePath(type, place(options)),
      query: {
        ...this.#writeQuery(options),
        force: options.type === 'apply' && options.force === true ? true : undefined,
      },
      accept: 'application/json',
      contentType: patchContentType[options.type],
      body: JSON.stringify(body),
      signal: options.signal,
    });
  }

  /** Deletes an object, or asks for its deletion where it has finalizers or a grace period. */
  async delete(type: ResourceType, options: DeleteOptions): Promise<void> {
    const preconditions =
      options.uid !== undefined || options.resourceVersion !== undefined
        ? { uid: options.uid, resourceVersion: options.resourceVersion }
        : undefined;
    await this.#json<Status>({
      verb: 'delete',
      method: 'DELETE',
      counted: type.resource,
      path: resourcePath(type, place({ name: options.name, namespace: options.namespace })),
      // The answer may be the whole object; its metadata is enough.
      accept: accept('PartialObjectMetadata', true),
      contentType: 'application/json',
      body: JSON.stringify({
        apiVersion: 'v1',
        kind: 'DeleteOptions',
        preconditions,
        gracePeriodSeconds: options.gracePeriodSeconds,
        propagationPolicy: options.propagationPolicy,
      }),
      signal: options.signal,
    });
  }

  /**
   * Changes since a state, bookmarks included. It ends without error when the server ends it (it does after
   * `timeoutSeconds`) and when the signal aborts: go on with the resourceVersion of the last event.
   * @throws ApiError when the server refuses or sends an ERROR event: `Expired` or `Gone` mean that a new list is needed
   * @throws ConnectionError when the connection is lost, or silent for `stallSeconds`
   */
  async *watch<T extends KubeObject = AnyObject>(
    type: ResourceType,
    options: WatchOptions,
  ): AsyncGenerator<WatchEvent<T>, void, undefined> {
    // Spread, so that watches begun together do not all begin again together.
    const timeoutSeconds = options.timeoutSeconds ?? Math.round(300 + 300 * this.#random());
    const call: Call = {
      verb: 'watch',
      method: 'GET',
      counted: type.resource,
      path: resourcePath(type, place({ namespace: options.namespace })),
      query: {
        watch: true,
        allowWatchBookmarks: true,
        resourceVersion: options.resourceVersion,
        timeoutSeconds,
        labelSelector: nonEmpty(options.labelSelector),
        fieldSelector: nonEmpty(options.fieldSelector),
      },
      accept: accept('PartialObjectMetadata', options.metadataOnly),
      signal: options.signal,
    };
    const stall = (options.stallSeconds ?? defaultStallSeconds) * 1000;
    const what = describe(call);
    const abort = new AbortController();
    const unlink = linkAbort(abort, [options.signal, this.#closing.signal]);
    const stalled = () =>
      abort.abort(new ConnectionError(`${what}: nothing came for ${stall / 1000} s`, { code: 'STALLED' }));
    const timer = setTimeout(stalled, stall);
    try {
      const answer = await this.#send('stream', call, abort.signal);
      const lines = new LineSplitter();
      for await (const chunk of answer.body as AsyncIterable<Uint8Array>) {
        for (const line of lines.push(chunk)) yield watchEvent<T>(line, what);
        // After the events: the time that the consumer takes is not the server's silence.
        timer.refresh();
      }
      // A last line without newline is an event cut in two: it comes again when the watch goes on.
    } catch (error) {
      if (options.signal.aborted) return;
      if (error instanceof ApiError) throw error;
      this.requests.failed('watch', type.resource, 'connection');
      const { reason } = abort.signal as { reason: unknown };
      throw reason instanceof ConnectionError ? reason : ConnectionError.from(error, what);
    } finally {
      clearTimeout(timer);
      unlink();
      // Also when the consumer leaves early: resets the stream, the connection stays.
      abort.abort();
    }
  }

  /**
   * Sends any request and hands out the body as a stream: for proxies, logs and probes. One attempt, no time limit,
   * no interpretation of the status.
   * @param path starts with `/`; the caller encodes it
   */
  async request(method: string, path: string, options: RawRequestOptions = {}): Promise<RawResponse> {
    const counts = path.split('/', 2)[1] ?? '';
    const what = `${method} ${this.connection.server}${path}`;
    this.requests.sent('raw', counts);
    try {
      const answer = await this.#transport.send('stream', {
        method,
        path: path + queryString(options.query),
        headers: { ...this.#headers('*/*'), ...options.headers },
        body: options.body,
        signal: options.signal ?? this.#closing.signal,
      });
      return answer;
    } catch (error) {
      if (options.signal?.aborted === true) throw options.signal.reason as Error;
      this.requests.failed('raw', counts, 'connection');
      throw ConnectionError.from(error, what);
    }
  }

  /** Reads a text such as `/readyz?verbose` or `/metrics`. @throws ApiError for a status that is not 2xx */
  async getText(path: string, options: RawRequestOptions = {}): Promise<string> {
    const query = options.query === undefined ? {} : { query: options.query };
    return this.#call(
      {
        verb: 'raw',
        method: 'GET',
        counted: path.split(/[/?]/, 2)[1] ?? '',
        path,
        ...query,
        accept: '*/*',
        signal: options.signal,
      },
      options.headers,
    );
  }

  /** Ends every request and watch and closes the connections. */
  close(): Promise<void> {
    this.#closing.abort(new ConnectionError(`the client of ${this.connection.server} was closed`, { code: 'CLOSED' }));
    this.#transport.close();
    return Promise.resolve();
  }

  #writeQuery(options: { dryRun?: boolean | undefined; fieldManager?: string | undefined }) {
    return {
      fieldValidation: this.#fieldValidation,
      fieldManager: options.fieldManager ?? this.#fieldManager,
      dryRun: options.dryRun === true ? 'All' : undefined,
    };
  }

  async #json<T>(call: Call): Promise<T> {
    const text = await this.#call(call);
    try {
      return JSON.parse(text) as T;
    } catch (error) {
      throw new ConnectionError(`${describe(call)}: the answer is not JSON: ${text.slice(0, 200)}`, {
        code: 'UNKNOWN',
        cause: error,
      });
    }
  }

  /** One call with its retries and its time limit. */
  async #call(call: Call, headers?: Readonly<Record<string, string>>): Promise<string> {
    const abort = new AbortController();
    const what = describe(call);
    const end = performance.now() + this.#timeout;
    const timer = setTimeout(() => {
      abort.abort(new ConnectionError(`${what}: no answer within ${this.#timeout / 1000} s`, { code: 'TIMEOUT' }));
    }, this.#timeout);
    const unlink = linkAbort(abort, [call.signal, this.#closing.signal]);
    try {
      for (let attempt = 1; ; attempt++) {
        try {
          return await this.#attempt(call, abort.signal, headers);
        } catch (error) {
          if (abort.signal.aborted) {
            const reason: unknown = abort.signal.reason;
            if (reason instanceof ConnectionError) this.requests.failed(call.verb, call.counted, 'connection');
            throw reason;
          }
          if (!(error instanceof ApiError)) this.requests.failed(call.verb, call.counted, 'connection');
          const failure = error instanceof ApiError ? error : ConnectionError.from(error, what);
          const delay = attempt < maxAttempts ? this.#retryDelay(call, failure, attempt) : undefined;
          if (delay === undefined || performance.now() + delay > end) throw failure;
          await sleep(delay, undefined, { signal: abort.signal }).catch(() => {
            throw abort.signal.reason as Error;
          });
        }
      }
    } finally {
      clearTimeout(timer);
      unlink();
    }
  }

  /** Milliseconds until the next attempt; undefined when there must be none. */
  #retryDelay(call: Call, failure: ApiError | ConnectionError, attempt: number): number | undefined {
    const read = call.method === 'GET';
    let wait: number;
    if (failure instanceof ApiError) {
      if (failure.status === 401 && attempt === 1 && this.#token.refresh()) return 0;
      const again =
        // An eviction is refused with 429 while a disruption budget forbids it: no overload, and not ours to wait for.
        (failure.status === 429 && !call.counted.endsWith('/eviction')) ||
        (read && (failure.status === 503 || (failure.status === 504 && failure.retryAfterSeconds !== undefined)));
      if (!again) return undefined;
      wait = (failure.retryAfterSeconds ?? 0) * 1000 || 100 * 3 ** (attempt - 1);
    } else {
      if (!failure.transient || !(read || failure.neverSent)) return undefined;
      // 0.1, 0.3, 0.9, 2.7 s: a restart of the API server on the same machine takes one to four seconds.
      wait = 100 * 3 ** (attempt - 1);
    }
    return wait * (1 + 0.5 * this.#random());
  }

  async #attempt(call: Call, signal: AbortSignal, headers?: Readonly<Record<string, string>>): Promise<string> {
    if (call.method !== 'GET') this.#beforeWrite?.();
    const answer = await this.#send('unary', call, signal, headers);
    return readText(answer.body, bodyLimit, call);
  }

  /** Sends once, counts, and turns a status that is not 2xx into an ApiError. */
  async #send(
    lane: LaneName,
    call: Call,
    signal: AbortSignal,
    headers?: Readonly<Record<string, string>>,
  ): Promise<TransportAnswer> {
    this.requests.sent(call.verb, call.counted);
    const contentType = call.contentType === undefined ? {} : { 'content-type': call.contentType };
    const answer = await this.#transport.send(lane, {
      method: call.method,
      path: call.path + queryString(call.query),
      headers: { ...this.#headers(call.accept), ...contentType, ...headers },
      body: call.body,
      signal,
    });
    if (answer.status >= 200 && answer.status < 300) return answer;
    const body = await readText(answer.body, bodyLimit, call);
    this.requests.failed(call.verb, call.counted, String(answer.status));
    const retryAfter = answer.headers['retry-after'];
    throw ApiError.fromAnswer(
      answer.status,
      body,
      typeof retryAfter === 'string' ? retryAfter : undefined,
      `${call.verb} ${call.path}: `,
    );
  }

  #headers(acceptType: string): Record<string, string> {
    const token = this.#token.get();
    return {
      'user-agent': this.#userAgent,
      accept: acceptType,
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    };
  }
}

function watchEvent<T>(line: string, what: string): WatchEvent<T> {
  let event: { type?: unknown; object?: unknown };
  try {
    event = JSON.parse(line) as typeof event;
  } catch (error) {
    throw new ConnectionError(`${what}: an event is not JSON: ${line.slice(0, 200)}`, {
      code: 'UNKNOWN',
      cause: error,
    });
  }
  switch (event.type) {
    case 'ADDED':
    case 'MODIFIED':
    case 'DELETED':
    case 'BOOKMARK':
      return event as WatchEvent<T>;
    case 'ERROR':
      throw ApiError.fromStatus((event.object ?? {}) as Partial<Status>, `${what}: `);
    default:
      throw new ConnectionError(`${what}: an event has the unknown type ${JSON.stringify(event.type)}`, {
        code: 'UNKNOWN',
      });
  }
}

function accept(as: string, metadataOnly: boolean | undefined): string {
  return metadataOnly === true ? `application/json;as=${as};g=meta.k8s.io;v=v1` : 'application/json';
}

function counted(type: ResourceType, subresource: string | undefined): string {
  return subresource === undefined ? type.resource : `${type.resource}/${subresource}`;
}

function describe(call: Call): string {
  return `${call.verb} ${call.path}`;
}

/** Leaves out what is undefined, which the types of optional fields do not allow. */
function place(options: {
  namespace?: string | undefined;
  name?: string | undefined;
  subresource?: string | undefined;
}) {
  return {
    ...(options.namespace === undefined ? {} : { namespace: options.namespace }),
    ...(options.name === undefined ? {} : { name: options.name }),
    ...(options.subresource === undefined ? {} : { subresource: options.subresource }),
  };
}

function nonEmpty(text: string | undefined): string | undefined {
  return text === '' ? undefined : text;
}

function queryString(query: Call['query']): string {
  if (query === undefined) return '';
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) parameters.append(name, String(value));
  }
  const text = parameters.toString();
  return text === '' ? '' : `?${text}`;
}

async function readText(body: AsyncIterable<Uint8Array>, limit: number, call: Call): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    chunks.push(chunk);
    size += chunk.length;
    if (size > limit) {
      throw new ConnectionError(`${describe(call)}: the answer is longer than ${limit} bytes`, { code: 'TOO_LONG' });
    }
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** Aborts a controller when one of the signals does. Unlike AbortSignal.any it leaves nothing behind on long-lived signals. */
function linkAbort(controller: AbortController, signals: readonly (AbortSignal | undefined)[]): () => void {
  const undo: (() => void)[] = [];
  for (const signal of signals) {
    if (signal === undefined) continue;
    if (signal.aborted) controller.abort(signal.reason);
    const listener = () => controller.abort(signal.reason);
    signal.addEventListener('abort', listener, { once: true });
    undo.push(() => signal.removeEventListener('abort', listener));
  }
  return () => undo.forEach((remove) => remove());
}
