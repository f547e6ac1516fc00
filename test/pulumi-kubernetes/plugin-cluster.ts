import type * as k8s from '@pulumi/kubernetes';
import { ComponentResource, type ComponentResourceOptions, type Inputs, type Output } from '@pulumi/pulumi';
import { version } from '../../pulumi-plugin/package.json';

/** The component as programs in other languages have it: made by the plugin. */
export class PluginCluster extends ComponentResource {
  declare readonly endpoint: Output<string>;
  declare readonly kubeconfig: Output<string>;
  declare readonly provider: Output<k8s.Provider>;

  constructor(name: string, args: Inputs, options: ComponentResourceOptions) {
    const outputs = { endpoint: undefined, kubeconfig: undefined, provider: undefined };
    super('nestling:index:VirtualCluster', name, { ...args, ...outputs }, { version, ...options }, true);
  }
}
