import type { Readable } from 'node:stream';
import type { ClusterConnection } from './connection';
import type { AnyObject, KubeObject, ObjectList, WatchEvent } from './object';
import type {
  CreateOptions,
  DeleteOptions,
  GetOptions,
  ListOptions,
  PatchOptions,
  RawRequestOptions,
  WatchOptions,
} from './options';
import type { RequestCounter } from './request-counter';
import type { ResourceType } from './resource-type';

/** Options of a KubeClient. */
export interface KubeClientOptions {
  userAgent: string;
  /** @default the user agent up to the first `/` */
  fieldManager?: string;
  /** Longest that one call may take with its retries; watches and raw streams have none. @default 30 */
  timeoutSeconds?: number;
}

/** Answer to a raw request. The body must be read or destroyed. */
export interface RawResponse {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: Readable;
}

export declare class KubeClient {
  readonly requests: RequestCounter;
  readonly connection: ClusterConnection;
  constructor(connection: ClusterConnection, options: KubeClientOptions);
  get<T extends KubeObject = AnyObject>(type: ResourceType, options: GetOptions): Promise<T>;
  list<T extends KubeObject = AnyObject>(type: ResourceType, options?: ListOptions): Promise<ObjectList<T>>;
  listAll<T extends KubeObject = AnyObject>(type: ResourceType, options?: ListOptions): AsyncGenerator<ObjectList<T>>;
  create<T extends KubeObject = AnyObject>(type: ResourceType, object: T, options?: CreateOptions): Promise<T>;
  patch<T extends KubeObject = AnyObject>(type: ResourceType, options: PatchOptions, body: object): Promise<T>;
  delete(type: ResourceType, options: DeleteOptions): Promise<void>;
  watch<T extends KubeObject = AnyObject>(type: ResourceType, options: WatchOptions): AsyncIterable<WatchEvent<T>>;
  request(method: string, path: string, options?: RawRequestOptions): Promise<RawResponse>;
  getText(path: string, options?: RawRequestOptions): Promise<string>;
  close(): Promise<void>;
}
