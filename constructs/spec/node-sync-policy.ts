/** How {@link NodeSyncPolicy.nodesMatching} treats pods. */
export interface MatchingNodesProps {
  /**
   * Whether the tenant's pods run on the matching nodes only: each gets the labels as its node selector, and one that can only run on
   * other nodes is refused with an event. Without, pods may run on all nodes of the host.
   *
   * @default false
   */
  readonly enforce?: boolean;
}

/**
 * Which nodes a tenant sees, and how much of them. All but fake nodes need the right to read the host's nodes: a ClusterRole is made.
 *
 * Of a node of the host are shown its labels, taints, capacity, conditions and versions, not its addresses, provider id, annotations,
 * images and volumes; more of it can be hidden by a `FieldPatch` of kind `Node`. A taint that evicts (`NoExecute`) is shown as
 * `NoSchedule`, as the host evicts. Labels that a tenant adds to a node stay, Nodes that a tenant makes are left alone.
 */
export class NodeSyncPolicy {
  /** A node exists while one of the tenant's pods is on it; it has the host's name for it, and made-up capacity and labels. */
  static fake(): NodeSyncPolicy {
    return new NodeSyncPolicy('fake');
  }

  /** As {@link fake}, with the facts of the host's node. */
  static real(): NodeSyncPolicy {
    return new NodeSyncPolicy('real');
  }

  /** All nodes of the host, with or without pods of the tenant. */
  static allNodes(): NodeSyncPolicy {
    return new NodeSyncPolicy('all');
  }

  /**
   * The nodes of the host that have all of some labels. Unless enforced, pods can be on others, too: those are shown as by {@link fake}.
   *
   * @param selector labels that a node must have, such as `{ 'example.org/pool': 'gpu' }`; at least one
   */
  static nodesMatching(selector: Readonly<Record<string, string>>, props: MatchingNodesProps = {}): NodeSyncPolicy {
    return new NodeSyncPolicy('selector', { ...selector }, props.enforce ?? false);
  }

  private constructor(
    /** Name of the policy, as the syncer's configuration has it. */
    readonly mode: 'fake' | 'real' | 'all' | 'selector',
    /** Labels of the nodes, with `selector`. */
    readonly selector: Readonly<Record<string, string>> = {},
    /** Whether pods may run on no other nodes, with `selector`. */
    readonly enforce: boolean = false,
  ) {}
}
