import * as k8s from '@pulumi/kubernetes';
import type { Output } from '@pulumi/pulumi';
import { Exposure, Store } from '../../../constructs';
import { VirtualCluster } from '../../../pulumi-provider';

/** The program of a preview: a namespace on the host and a cluster in it. Nothing in a preview is worth a volume. */
export function preview(pullRequest: string): { readonly kubeconfig: Output<string> } {
  const name = `preview-${pullRequest}`;
  const team = new k8s.core.v1.Namespace('namespace', { metadata: { name } });
  const { kubeconfig } = new VirtualCluster('preview', {
    namespace: team.metadata.name,
    store: Store.ephemeral(),
    exposure: Exposure.nodePort(),
  });
  return { kubeconfig };
}
