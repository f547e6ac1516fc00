import type { Pod } from 'kubernetes-types/core/v1';
import { controlPlaneNames } from '../../syncer/configuration';
import { resources } from '../../syncer/kube-client';
import type { RunningVirtualCluster } from '../virtual-cluster';
import { podProcesses } from './processes';

/** The programs of a control plane that run on this machine, with their process ids. */
export async function controlPlaneProcesses({
  host,
  namespace,
  name,
}: RunningVirtualCluster): Promise<ReadonlyMap<string, number>> {
  const pod = await host.get<Pod>(resources.pods, { namespace, name: controlPlaneNames(name).pod });
  return podProcesses(pod.metadata?.uid ?? '');
}
