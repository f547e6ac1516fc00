/**
 * Who decides on which node a tenant's pod runs.
 */
export class Scheduler {
  /** The host's scheduler chooses; the virtual pod follows. It knows what is free on each node, and the tenant needs to see none. */
  static host(): Scheduler {
    return new Scheduler('host');
  }

  /**
   * A kube-scheduler of the virtual cluster's own chooses, among the nodes that `NodeSyncPolicy.allNodes()` or
   * `NodeSyncPolicy.nodesMatching()` shows: labels that a tenant puts on a node, pod affinity, topology spread, preemption and schedulers
   * that a tenant brings work as in any cluster. The host runs the pod on that node or nowhere: its taints, quota and capacity still hold, and
   * where they are in the way the pod waits, with an event and a condition. Of what other tenants take of a node this scheduler knows nothing.
   *
   * Where claims are synced, `sync.fromHost.storageClasses` and `sync.fromHost.persistentVolumes` have to be, too. Not together
   * with `sync.toHost.resourceClaims`.
   */
  static virtual(): Scheduler {
    return new Scheduler('virtual');
  }

  private constructor(
    /** Name of the choice, as the syncer's configuration has it. */
    readonly mode: 'host' | 'virtual',
  ) {}
}
