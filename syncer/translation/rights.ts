/** Verbs on resources that the syncer needs in the host namespace (one rule of a Role). */
export interface HostRight {
  readonly apiGroup: string;
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
}
/** All rights of the syncer's Role, in a stable order, without duplicates. */
export function syncerRights(_configuration: object): readonly HostRight[] {
  throw new Error('not yet');
}
