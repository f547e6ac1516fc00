import type * as k8s from '@pulumi/kubernetes';
import * as pulumi from '@pulumi/pulumi';
import { registerPlainCluster } from 'nestling/pulumi/plain';
import type { VirtualClusterArgs } from './arguments';

/**
 * A virtual Kubernetes cluster in a namespace of the host cluster, which the `provider` leads to.
 */
export class VirtualCluster extends pulumi.ComponentResource {
  /**
   * Address of the virtual API server, as the kubeconfig has it.
   */
  declare readonly endpoint: pulumi.Output<string>;
  /**
   * Kubeconfig of a cluster admin for clients outside of the host, a secret; there once the API server is ready.
   */
  declare readonly kubeconfig: pulumi.Output<string>;
  /**
   * Provider for what lives in the virtual cluster. It waits for the API server, and is replaced only when the cluster is.
   */
  declare readonly provider: k8s.Provider;

  constructor(name: string, args: VirtualClusterArgs, opts?: pulumi.ComponentResourceOptions) {
    super('nestling:index:VirtualCluster', name, {}, opts);
    const { endpoint, kubeconfig, provider } = registerPlainCluster(this, name, args);
    Object.assign(this, { endpoint, kubeconfig, provider });
    this.registerOutputs({ endpoint, kubeconfig, provider });
  }
}
