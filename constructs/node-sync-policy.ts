import { Names } from 'cdk8s';
import { Construct } from 'constructs';
import { claimNames } from './claimed-names';
import { addHostObject, hostObjectName } from './host-objects';
import { sharedNameProblems } from './shared-names';
import { sharedNodePolicy } from './shared-policies';
import { FAKE_NODES, HostNodes, type INodeSyncPolicy, type MatchingNodesProps, type SharedNodeObjects } from './spec';

/** A {@link NodeSyncPolicy} that several clusters share. */
export interface NodeSyncPolicyProps {
  /** Which nodes of the host tenants see. */
  readonly nodes: HostNodes;
  /**
   * Name of the ClusterRole, and of the ValidatingAdmissionPolicy where there is one. They have no namespace: two apps for one host need
   * different ones.
   *
   * @default - from the construct's path
   */
  readonly name?: string;
}

/**
 * Which nodes a tenant sees, and how much of them.
 *
 * The static methods give a value for one cluster, which makes what it needs on the host by itself: nothing for {@link fake}, for the
 * others a ClusterRole that lets its syncer read nodes. As a construct the policy makes that ClusterRole once for all clusters that it is
 * given to. Where nodes are enforced it also makes a ValidatingAdmissionPolicy: the API server of the host then refuses every pod
 * of those clusters' syncers that may run elsewhere, whatever the syncer does.
 *
 * Of a node of the host are shown its labels, taints, capacity, conditions and versions, not its addresses, provider id, annotations,
 * images and volumes; more of it can be hidden by a `FieldPatch` of kind `Node`. A taint that evicts (`NoExecute`) is shown as
 * `NoSchedule`, as the host evicts. Labels that a tenant adds to a node stay, Nodes that a tenant makes are left alone.
 *
 * @example
 * const gpu = new NodeSyncPolicy(chart, 'gpu', { nodes: HostNodes.matching({ pool: 'gpu' }, { enforce: true }) });
 * new VirtualCluster(chart, 'my-vc1', { namespace: 'team-a', sync: { fromHost: { nodes: gpu } } });
 */
export class NodeSyncPolicy extends Construct implements INodeSyncPolicy {
  /** A node exists while one of the tenant's pods is on it; it has the host's name for it, and made-up capacity and labels. */
  static fake(): INodeSyncPolicy {
    return FAKE_NODES;
  }

  /** As {@link fake}, with the facts of the host's node. */
  static real(): INodeSyncPolicy {
    return HostNodes.inUse();
  }

  /** All nodes of the host, with or without pods of the tenant. */
  static allNodes(): INodeSyncPolicy {
    return HostNodes.all();
  }

  /** The nodes of the host that have all of some labels: see {@link HostNodes.matching}. */
  static nodesMatching(selector: Readonly<Record<string, string>>, props: MatchingNodesProps = {}): INodeSyncPolicy {
    return HostNodes.matching(selector, props);
  }

  /** Name of the mode, as the syncer's configuration has it. */
  readonly mode: INodeSyncPolicy['mode'];
  /** Labels of the nodes, with `selector`. */
  readonly selector: Readonly<Record<string, string>>;
  /** Whether pods may run on no other nodes, with `selector`. */
  readonly enforce: boolean;
  /** What this construct has made on the host. */
  readonly shared: SharedNodeObjects;

  constructor(scope: Construct, id: string, { nodes, name }: NodeSyncPolicyProps) {
    super(scope, id);
    const shared = name ?? Names.toDnsLabel(this);
    const { value, objects, problems } = sharedNodePolicy(shared, nodes);
    this.mode = value.mode;
    this.selector = value.selector;
    this.enforce = value.enforce;
    this.shared = value.shared;
    for (const object of objects) addHostObject(this, object.kind ?? '', object);
    claimNames(this, objects.map(hostObjectName));
    this.node.addValidation({ validate: () => [...problems, ...sharedNameProblems(this, shared)] });
  }
}
