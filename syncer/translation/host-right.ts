/** Verbs on resources that the syncer needs on the host (one rule of a Role or ClusterRole). */
export interface HostRight {
  readonly apiGroup: string;
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
  /** Names of the only objects that it is for. @default all */
  readonly names?: readonly string[];
}
