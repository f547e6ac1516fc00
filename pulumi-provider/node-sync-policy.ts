import { ComponentResource, type ComponentResourceOptions } from '@pulumi/pulumi';
import type { NodeSyncPolicyProps } from '../constructs/node-sync-policy';
import { sharedNodePolicy } from '../constructs/shared-policies';
import type { INodeSyncPolicy, SharedNodeObjects } from '../constructs/spec';
import { registerPolicy } from './shared-policy';

/** Which nodes several clusters see: what the construct of that name takes, all known at preview. */
export interface NodeSyncPolicyArgs extends Omit<NodeSyncPolicyProps, 'name'> {
  /**
   * Name of the ClusterRole, and of the ValidatingAdmissionPolicy where there is one. They have no namespace: two stacks for one host need
   * different ones. Changing it replaces them.
   *
   * @default - the name of the Pulumi resource
   */
  readonly name?: string;
}

/**
 * Which nodes the tenants of several clusters see. It makes on the host, once for all of them, what the construct of that name does; a
 * cluster that is given it is made after it and deleted before it. Values for one cluster are those of `NodeSyncPolicy` of `nestling`.
 *
 * @example
 * const gpu = new NodeSyncPolicy('gpu', { nodes: HostNodes.matching({ pool: 'gpu' }, { enforce: true }) });
 * new VirtualCluster('my-vc1', { namespace: 'team-a', sync: { fromHost: { nodes: gpu } } });
 */
export class NodeSyncPolicy extends ComponentResource implements INodeSyncPolicy {
  /** Name of the mode, as the syncer's configuration has it. */
  declare readonly mode: INodeSyncPolicy['mode'];
  /** Labels of the nodes, with `selector`. */
  declare readonly selector: Readonly<Record<string, string>>;
  /** Whether pods may run on no other nodes, with `selector`. */
  declare readonly enforce: boolean;
  /** What this component has made on the host. */
  declare readonly shared: SharedNodeObjects;

  /** @throws ResourceError for arguments that are wrong, all at once, each with its name, value and remedy */
  constructor(name: string, args: NodeSyncPolicyArgs, options?: ComponentResourceOptions) {
    super('nestling:index:NodeSyncPolicy', name, {}, options);
    Object.assign(this, registerPolicy(this, name, sharedNodePolicy(args.name ?? name, args.nodes)));
  }
}
