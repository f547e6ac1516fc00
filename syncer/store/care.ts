import type { EtcdStatus } from './etcd-client';

/** Smallest database that is worth a defragmentation, in bytes. */
const MIN_SIZE_BYTES = 100 * 1024 * 1024;
/** Part of the database that is not in use from which on it is fragmented; size and part as OpenShift's etcd operator has them. */
const FRAGMENTED = 0.45;
/** Writes a second above which a store is busy. */
const BUSY_WRITES_PER_SECOND = 50;
/** Part of the quota from which on a store that is fragmented cannot wait until it is not busy. */
const URGENT = 0.8;
/** Part of the quota below which a store whose alarm went off takes writes again: less room would be gone at once. */
const ROOMY = 0.95;

/** What a look at the store leads to. */
export type StoreCare =
  | { readonly action: 'nothing' }
  /** The API server's next compaction and a quieter time will do. */
  | { readonly action: 'wait' }
  | { readonly action: 'defragment' }
  /**
   * No writes are taken. The API server's own compaction begins with a write, so that it cannot help: what is no longer current has to
   * be forgotten first.
   */
  | { readonly action: 'recover' };

/** What is known of a store. */
export interface StoreLook {
  readonly status: EtcdStatus;
  /** Writes a second since the look before; undefined at the first one. */
  readonly writesPerSecond: number | undefined;
}

/** What a store needs. A defragmentation stops the store for as long as it takes to copy what is in use. */
export function storeCare({ status, writesPerSecond }: StoreLook): StoreCare {
  if (status.outOfSpace) return { action: 'recover' };
  const { sizeBytes, inUseBytes, quotaBytes } = status;
  const fragmented = sizeBytes >= Math.min(MIN_SIZE_BYTES, quotaBytes / 2) && inUseBytes < sizeBytes * (1 - FRAGMENTED);
  if (!fragmented) return { action: 'nothing' };
  const quiet = writesPerSecond !== undefined && writesPerSecond <= BUSY_WRITES_PER_SECOND;
  return { action: quiet || sizeBytes >= quotaBytes * URGENT ? 'defragment' : 'wait' };
}

/** Whether so many bytes leave a store room for writes. */
export const leavesRoom = (bytes: number, { quotaBytes }: EtcdStatus): boolean => bytes < quotaBytes * ROOMY;
