/** Verbs on resources that the syncer needs in the host namespace (one rule of a Role). */
export interface HostRight {
  readonly apiGroup: string;
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
}
