import { findProgram, resolveBinaries } from '../../test/host-cluster';
import type { Host } from '../../test/host-cluster';
import type { RunningVirtualCluster } from '../../test/virtual-cluster';

/** What a person types to work in a virtual cluster that was left running. */
export function howToConnect({ kubeconfigPath, reachCommand }: RunningVirtualCluster): string {
  const forward = reachCommand === undefined ? '' : `  ${reachCommand} &\n`;
  return `To connect:\n${forward}  export KUBECONFIG=${kubeconfigPath}\n  kubectl get namespaces\n`;
}

/** A line that makes `kubectl` the test bed's own where the machine has none; empty where it has one. */
export async function kubectlAlias(host: Host): Promise<string> {
  if (host.kind === 'existing' || findProgram('kubectl') !== undefined) return '';
  const { kubectl } = await resolveBinaries(['kubectl'], () => undefined);
  return `kubectl is not on PATH; there is one here:\n  alias kubectl=${kubectl}\n`;
}

/** What a person types to have nothing of it left. */
export function howToRemove(host: Host, namespace: string): string {
  const virtual = `To remove the virtual cluster:\n  ${deleteNamespace(host, namespace)}\n`;
  if (host.kind === 'existing') return virtual;
  return `${virtual}To remove the host cluster with all in it:\n  npm run host -- down --name ${host.context}\n`;
}

/** The command that deletes a namespace of a host. */
export function deleteNamespace(host: Host, namespace: string): string {
  return `kubectl --kubeconfig ${host.kubeconfigPath} --context ${host.context} delete namespace ${namespace}`;
}
