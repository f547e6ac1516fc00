import type { ClusterIdentity } from './names';

/** A host name that may occur in a text, and the virtual object it belongs to. */
export interface KnownName {
  readonly namespace: string;
  readonly name: string;
}
/** The text of the host (event, condition, refusal) with host names of the given virtual objects replaced by the tenant's. */
export function tenantText(_text: string, _id: ClusterIdentity, _known: Iterable<KnownName>): string {
  throw new Error('not yet');
}
