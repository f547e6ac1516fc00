import type { Logger as PinoLogger } from 'pino';
import type { AnyObject, KubeClient, KubeObject, ResourceType } from '../kube-client';

export type Logger = Pick<PinoLogger, 'debug' | 'info' | 'warn' | 'error'>;
export declare function createLogger(options: { level: 'debug' | 'info' | 'warn' | 'error'; name: string }): PinoLogger;

/** Time and chance, so that tests can hold both. */
export interface Clock {
  /** Milliseconds; only differences mean something. */
  now(): number;
  setTimer(callback: () => void, milliseconds: number): () => void;
}

export declare function objectKey(object: KubeObject): string;
export interface CacheChange<T> {
  type: 'added' | 'modified' | 'deleted';
  key: string;
  object: T;
  previous?: T;
}
export declare class ObjectCache<T extends KubeObject> {
  readonly name: string;
  constructor(name: string);
  readonly synced: boolean;
  readonly size: number;
  whenSynced(signal?: AbortSignal): Promise<void>;
  get(key: string): T | undefined;
  has(key: string): boolean;
  keys(): IterableIterator<string>;
  values(): IterableIterator<T>;
  addIndex(name: string, values: (object: T) => readonly string[]): void;
  byIndex(name: string, value: string): readonly T[];
  subscribe(listener: (change: CacheChange<T>) => void): () => void;
  observe(object: T): void;
}

export interface ReflectorOptions<T extends KubeObject> {
  client: KubeClient;
  type: ResourceType;
  cache: ObjectCache<T>;
  namespace?: string;
  labelSelector?: string;
  fieldSelector?: string;
  metadataOnly?: boolean;
  transform?: (object: T) => T;
  pageSize?: number;
  logger: Logger;
  metrics?: Metrics;
  clock?: Clock;
  random?: () => number;
}
export declare class Reflector<T extends KubeObject> {
  constructor(options: ReflectorOptions<T>);
  run(signal: AbortSignal): Promise<void>;
}

export interface WorkQueueOptions {
  name?: string;
  clock?: Clock;
  random?: () => number;
  baseDelayMs?: number;
  maxDelayMs?: number;
}
export declare class WorkQueue {
  constructor(options?: WorkQueueOptions);
  readonly length: number;
  readonly oldestAgeSeconds: number;
  add(key: string): void;
  addAfter(key: string, milliseconds: number): void;
  retry(key: string): void;
  forget(key: string): void;
  next(): Promise<string | undefined>;
  done(key: string): void;
  shutDown(): void;
}

export type ReconcileResult = { requeueAfterMs?: number } | void;
export interface ControllerOptions {
  name: string;
  cache?: ObjectCache<never>;
  waitFor?: readonly SyncedSource[];
  concurrency?: number;
  reconcile: (key: string, signal: AbortSignal) => Promise<ReconcileResult>;
  logger: Logger;
  metrics?: Metrics;
  clock?: Clock;
  random?: () => number;
}
export interface SyncedSource {
  readonly name: string;
  readonly synced: boolean;
  whenSynced(signal?: AbortSignal): Promise<void>;
}
export declare class Controller {
  constructor(options: ControllerOptions);
  readonly queue: WorkQueue;
  enqueue(key: string): void;
  enqueueAfter(key: string, milliseconds: number): void;
  run(signal: AbortSignal): Promise<void>;
}
export interface Pair<V, H> {
  key: string;
  virtual?: V;
  host?: H;
}
export interface PairControllerOptions<V extends KubeObject, H extends KubeObject> {
  name: string;
  virtual: ObjectCache<V>;
  host: ObjectCache<H>;
  virtualKeyOfHost: (host: H) => string | undefined;
  hostKeyOfVirtual: (virtualKey: string) => string;
  concurrency?: number;
  waitFor?: readonly SyncedSource[];
  reconcile: (pair: Pair<V, H>, signal: AbortSignal) => Promise<ReconcileResult>;
  logger: Logger;
  metrics?: Metrics;
  clock?: Clock;
  random?: () => number;
}
export declare class PairController<V extends KubeObject, H extends KubeObject> {
  constructor(options: PairControllerOptions<V, H>);
  enqueue(virtualKey: string): void;
  enqueueAfter(virtualKey: string, milliseconds: number): void;
  run(signal: AbortSignal): Promise<void>;
}

export declare class Metrics {
  constructor();
  /** Counts of a client's requests are read when metrics are scraped. @param cluster `virtual` or `host` */
  observeClient(cluster: string, client: KubeClient): void;
  text(): Promise<string>;
}
export declare class HealthServer {
  constructor(options: { metrics?: Metrics; logger?: Logger });
  /** A named condition of /readyz (and of /healthz with `live`): ok when the function returns undefined, else the reason why not. */
  addCheck(name: string, check: () => string | undefined, options?: { live?: boolean }): void;
  listen(port: number, host?: string): Promise<{ port: number }>;
  close(): Promise<void>;
}
export interface EventDetails {
  /** The object that the event is about, with its apiVersion and kind unless `type` is given. */
  object: KubeObject;
  type?: ResourceType;
  severity: 'Normal' | 'Warning';
  /** CamelCase, ≤ 128 characters. */
  reason: string;
  message: string;
  /** What was tried: CamelCase verb. @default 'Sync' */
  action?: string;
}
export declare class EventRecorder {
  constructor(client: KubeClient, options: { component: string; logger?: Logger; metrics?: Metrics; clock?: Clock });
  /** Never throws and never waits. */
  record(event: EventDetails): void;
  /** All that was accepted is written. */
  flush(): Promise<void>;
}
export type { AnyObject };
