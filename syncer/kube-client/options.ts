/** Options that every request of a KubeClient takes. */
export interface RequestOptions {
  /** Ends the request early; it then rejects with the signal's reason. */
  signal?: AbortSignal | undefined;
}

/** Options of a read of one object. */
export interface GetOptions extends RequestOptions {
  name: string;
  namespace?: string | undefined;
  subresource?: string | undefined;
  /** Only `metadata` is fetched (PartialObjectMetadata). @default false */
  metadataOnly?: boolean | undefined;
}

/** Options of a list. */
export interface ListOptions extends RequestOptions {
  /** @default all namespaces */
  namespace?: string | undefined;
  labelSelector?: string | undefined;
  fieldSelector?: string | undefined;
  /** Objects per page. @default 500 */
  limit?: number | undefined;
  /** Token of the page before. */
  continue?: string | undefined;
  /** Oldest state that will do: empty for the newest (a quorum read), `0` for any. @default '' */
  resourceVersion?: string | undefined;
  metadataOnly?: boolean | undefined;
}

/** Options of a create; `name` only with a `subresource` (pods/binding, serviceaccounts/token). */
export interface CreateOptions extends RequestOptions {
  /** @default `metadata.namespace` of the object */
  namespace?: string | undefined;
  name?: string | undefined;
  subresource?: string | undefined;
  /** Everything but the storing happens. @default false */
  dryRun?: boolean | undefined;
}

/** How the server is to read a patch's body. */
export type PatchType = 'merge' | 'json' | 'strategic' | 'apply';

/** Options of a patch. */
export interface PatchOptions extends RequestOptions {
  name: string;
  namespace?: string | undefined;
  subresource?: string | undefined;
  type: PatchType;
  /** Server-side apply only: take fields over from other managers. @default false */
  force?: boolean | undefined;
  dryRun?: boolean | undefined;
  /** @default the client's */
  fieldManager?: string | undefined;
}

/** Options of a delete. */
export interface DeleteOptions extends RequestOptions {
  name: string;
  namespace?: string | undefined;
  /** Precondition: only the object with this UID; another one is a Conflict. */
  uid?: string | undefined;
  /** Precondition: only this state of the object; another one is a Conflict. */
  resourceVersion?: string | undefined;
  gracePeriodSeconds?: number | undefined;
  propagationPolicy?: 'Orphan' | 'Background' | 'Foreground' | undefined;
}

/** Options of a watch. */
export interface WatchOptions {
  /** @default all namespaces */
  namespace?: string | undefined;
  labelSelector?: string | undefined;
  fieldSelector?: string | undefined;
  /** State to go on from: of a list's metadata, or of the last event or bookmark. */
  resourceVersion: string;
  metadataOnly?: boolean | undefined;
  /** After this the server ends the watch. @default random, 300 to 600 */
  timeoutSeconds?: number | undefined;
  /** Silence after which the watch counts as dead (bookmarks come each minute). @default 180 */
  stallSeconds?: number | undefined;
  signal: AbortSignal;
}

/** Options of a raw request. */
export interface RawRequestOptions extends RequestOptions {
  query?: Readonly<Record<string, string | number | boolean | undefined>> | undefined;
  /** Sent as it is; set `content-type` in the headers. */
  body?: string | Uint8Array | undefined;
  headers?: Readonly<Record<string, string>> | undefined;
}
