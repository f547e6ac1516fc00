/** How {@link HostNodes.matching} treats pods. */
export interface MatchingNodesProps {
  /**
   * Whether the tenant's pods run on the matching nodes only: each gets the labels as its node selector, and one that can only run on
   * other nodes is refused with an event. Without, pods may run on all nodes of the host.
   *
   * @default false
   */
  readonly enforce?: boolean;
}

/** Objects on the host that a NodeSyncPolicy has made once, for all clusters that use it. */
export interface SharedNodeObjects {
  /** Name of the ClusterRole by which nodes are read. */
  readonly clusterRole: string;
  /** Name of the ValidatingAdmissionPolicy that holds pods to the nodes; undefined where any may be used. */
  readonly admissionPolicy: string | undefined;
}

/** Which nodes a tenant sees: one of the values that `NodeSyncPolicy` has, or a `NodeSyncPolicy` that several clusters share. */
export interface INodeSyncPolicy {
  /** Name of the mode, as the syncer's configuration has it. */
  readonly mode: 'fake' | 'real' | 'all' | 'selector';
  /** Labels of the nodes, with `selector`. */
  readonly selector: Readonly<Record<string, string>>;
  /** Whether pods may run on no other nodes, with `selector`. */
  readonly enforce: boolean;
  /** Objects on the host that are there already; undefined where each cluster makes its own. */
  readonly shared: SharedNodeObjects | undefined;
}

/** Which nodes of the host are looked at. */
export class HostNodes implements INodeSyncPolicy {
  /** Those that a pod of the tenant is on. */
  static inUse(): HostNodes {
    return new HostNodes('real');
  }

  /** All, with or without pods of the tenant. */
  static all(): HostNodes {
    return new HostNodes('all');
  }

  /**
   * Those that have all of some labels. Unless enforced, pods can be on others, too: those are shown as made-up nodes.
   *
   * @param selector labels that a node must have, such as `{ 'example.org/pool': 'gpu' }`; at least one
   */
  static matching(selector: Readonly<Record<string, string>>, props: MatchingNodesProps = {}): HostNodes {
    return new HostNodes('selector', { ...selector }, props.enforce ?? false);
  }

  /** Each cluster that has this value makes what it needs on the host. */
  readonly shared = undefined;

  private constructor(
    /** Name of the mode, as the syncer's configuration has it. */
    readonly mode: 'real' | 'all' | 'selector',
    /** Labels of the nodes, with `selector`. */
    readonly selector: Readonly<Record<string, string>> = {},
    /** Whether pods may run on no other nodes, with `selector`. */
    readonly enforce: boolean = false,
  ) {}
}

/** Nodes that are made up. No node of the host is read for them. */
export const FAKE_NODES: INodeSyncPolicy = { mode: 'fake', selector: {}, enforce: false, shared: undefined };
