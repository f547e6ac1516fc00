import type { ObjectMeta } from 'kubernetes-types/meta/v1';

export type { ObjectMeta };

/**
 * What every Kubernetes object has. It has no index signature on purpose, so that the interfaces of `kubernetes-types`
 * (Pod, Service …) are assignable to it and generic code can be used with them.
 */
export interface KubeObject {
  apiVersion?: string;
  kind?: string;
  metadata?: ObjectMeta;
}

/** An object whose kind is not known at compile time: any field may be read, as `unknown`. */
export interface AnyObject extends KubeObject {
  [field: string]: unknown;
}

/** One page of a list, as the API server answers it. Items of built-in kinds carry no `apiVersion` and `kind`. */
export interface ObjectList<T> {
  metadata: {
    /** State of the collection that the page shows; a watch goes on from here. */
    resourceVersion?: string;
    /** Token of the next page; absent or empty on the last one. */
    continue?: string;
    remainingItemCount?: number;
  };
  items: T[];
}

/** What a watch reports. `ERROR` events never get here: they end the watch with an `ApiError`. */
export interface WatchEvent<T> {
  /** `BOOKMARK` says only how far the watch got: its object has nothing but `metadata.resourceVersion`. */
  type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK';
  object: T;
}

/** Body of an answer that is not an object: errors, and deletes that are done. */
export interface Status {
  kind: 'Status';
  status?: string;
  message?: string;
  reason?: string;
  code?: number;
  details?: StatusDetails;
}

/** Machine-readable part of a `Status`. */
export interface StatusDetails {
  name?: string;
  group?: string;
  kind?: string;
  uid?: string;
  causes?: { reason?: string; message?: string; field?: string }[];
  /** Seconds to wait before trying again. */
  retryAfterSeconds?: number;
}
