import type { ObjectMeta } from 'kubernetes-types/meta/v1';
import type { ClusterIdentity } from './names';

/** What a host object says about its virtual twin. */
export interface VirtualIdentity {
  readonly namespace: string;
  readonly name: string;
  /** Undefined while the object is only a reservation. */
  readonly uid: string | undefined;
  /** Kind of the virtual twin; `ServiceAccountToken` for the Secret that carries a pod's tokens (then name and uid are the pod's). */
  readonly kind: string;
}
export function ownedBy(
  _hostObject: { kind?: string; metadata?: ObjectMeta },
  _id: ClusterIdentity,
): VirtualIdentity | undefined {
  throw new Error('not yet');
}
