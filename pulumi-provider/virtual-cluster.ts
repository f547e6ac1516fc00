import type * as k8s from '@pulumi/kubernetes';
import { ComponentResource, type ComponentResourceOptions, type Output } from '@pulumi/pulumi';
import type { VirtualClusterArgs } from './args';
import { problemLine } from '../syncer/configuration';
import { registerCluster } from './cluster-resources';
import { wrongArguments } from './wrong-arguments';

/**
 * A virtual Kubernetes cluster in a namespace of the host cluster, which the `kubernetes` provider leads to. The same settings give the
 * same objects as the construct of that name.
 *
 * @example
 * const team = new k8s.core.v1.Namespace('team-a');
 * const cluster = new VirtualCluster('my-vc1', { namespace: team.metadata.name });
 * new k8s.core.v1.Namespace('shop', {}, { provider: cluster.provider });
 */
export class VirtualCluster extends ComponentResource {
  /** Address of the virtual API server, as the kubeconfig has it. */
  readonly endpoint: Output<string>;
  /** Kubeconfig of a cluster admin for clients outside of the host, a secret; there once the API server is ready. */
  readonly kubeconfig: Output<string>;
  /**
   * Provider for what lives in the virtual cluster. It waits for the API server, and is replaced only when the cluster is: another address or
   * certificate is an update.
   */
  readonly provider: k8s.Provider;
  /** Name of the virtual cluster. */
  readonly clusterName: string;
  /** Secret in the host namespace with the kubeconfigs, which the syncer writes. */
  readonly kubeconfigSecretName: string;

  /** @throws ResourceError for arguments that are wrong, all at once, each with its name, value and remedy */
  constructor(name: string, args: VirtualClusterArgs, options?: ComponentResourceOptions) {
    super('nestling:index:VirtualCluster', name, {}, options);
    const { endpoint, kubeconfig, provider, clusterName, kubeconfigSecretName } = registerCluster(
      this,
      name,
      args,
      (problems) => wrongArguments(this, problems.map(problemLine)),
    );
    this.endpoint = endpoint;
    this.kubeconfig = kubeconfig;
    this.provider = provider;
    this.clusterName = clusterName;
    this.kubeconfigSecretName = kubeconfigSecretName;
    this.registerOutputs({ endpoint, kubeconfig, provider });
  }
}
