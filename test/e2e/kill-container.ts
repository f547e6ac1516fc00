import { readdirSync, readFileSync } from 'node:fs';
import type { Pod } from 'kubernetes-types/core/v1';
import { resources } from '../../syncer/kube-client';
import type { Host } from '../host-cluster';
import { eventually } from '../virtual-cluster';
import type { RunningVirtualCluster } from '../virtual-cluster';

/**
 * Kills the processes of one container of the control plane with -9 and waits until the kubelet has started it again.
 * Only on the test bed's own node, whose processes are processes of this machine.
 */
export async function killContainer(host: Host, cluster: RunningVirtualCluster, container: string): Promise<void> {
  if (host.kind !== 'node') throw new Error('containers can be killed on the test bed’s own node only');
  const state = async () => {
    const pod = await cluster.host.get<Pod>(resources.pods, {
      namespace: cluster.namespace,
      name: `${cluster.name}-0`,
    });
    return pod.status?.containerStatuses?.find(({ name }) => name === container);
  };
  const before = await state();
  const id = before?.containerID?.replace('containerd://', '');
  const processes = id === undefined ? [] : processesOf(id);
  if (processes.length === 0) throw new Error(`container ${container} of ${cluster.name}-0 does not run`);
  for (const pid of processes) process.kill(pid, 'SIGKILL');
  await eventually(`container ${container} runs again`, async () => {
    const now = await state();
    return now?.state?.running !== undefined && (now.restartCount ?? 0) > (before?.restartCount ?? 0);
  });
}

/** The processes in a container's cgroup, whose path ends with the container's id. */
function processesOf(containerID: string): number[] {
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cgroup`, 'utf8').includes(containerID);
      } catch {
        return false; // it has ended
      }
    })
    .map(Number);
}
