import type { Input } from '@pulumi/pulumi';
import type { VirtualClusterProps } from '../constructs/spec';

/**
 * What a virtual cluster is: everything that the construct takes, under the same names and with the same defaults.
 *
 * What is an `Input` may be an output of another resource. All other things decide which objects there are, or are checked against one
 * another, and have to be known at preview: their types take no outputs.
 */
export interface VirtualClusterArgs extends Omit<VirtualClusterProps, 'namespace' | 'serviceCIDR' | 'apiServerNames'> {
  /**
   * Name of the virtual cluster, as for the construct. Cannot be changed after creation.
   *
   * @default - the name of the Pulumi resource
   */
  readonly name?: string;
  /** Namespace of the host cluster that holds the control plane and the tenant's pods. Cannot be changed after creation. */
  readonly namespace: Input<string>;
  /**
   * The host's range of Service addresses, as for the construct. Cannot be changed after creation.
   *
   * @default - found by the control plane when it starts
   */
  readonly serviceCIDR?: Input<string>;
  /**
   * Further DNS names and addresses under which clients reach the API server.
   *
   * @default - none beside those of Service NAME
   */
  readonly apiServerNames?: Input<readonly Input<string>[]>;
}

/** The arguments that may be known later than the others. */
export type LaterProps = Pick<VirtualClusterProps, 'namespace' | 'serviceCIDR' | 'apiServerNames'>;
