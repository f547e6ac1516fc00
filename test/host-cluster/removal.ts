import { existsSync, readdirSync, readFileSync, rmdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { existingCgroups, killMembers, memberProcesses, removeCgroups } from './cgroups';
import { CommandError, run } from './command';
import { restoreKernelSettings } from './kernel-settings';
import { clusterInterfaces } from './network';
import { cgroupOf, checkName, directoryOf, STATE_ROOT } from './plan';
import { isAlive, sendSignal } from './process-identity';
import { readState, recordedNames } from './state';

/** Mount points of this process's view at or below a directory, deepest first. */
export function mountsBelow(directory: string, mountInfo: string): string[] {
  return mountInfo
    .split('\n')
    .map((line) =>
      (line.split(' ')[4] ?? '').replace(/\\([0-7]{3})/g, (_, octal: string) =>
        String.fromCharCode(parseInt(octal, 8)),
      ),
    )
    .filter((point) => point === directory || point.startsWith(`${directory}/`))
    .sort((a, b) => b.length - a.length);
}

const ownMounts = (directory: string): string[] => mountsBelow(directory, readFileSync('/proc/self/mountinfo', 'utf8'));

/** The recorded state, or nothing where it cannot be read: removal must work on any ruin. */
function stateOfRuin(name: string): ReturnType<typeof readState> {
  try {
    return readState(name);
  } catch {
    return undefined;
  }
}

/** Processes that run in the namespaces of a cluster or on its files, whatever their cgroup. */
function strayProcesses(directory: string): number[] {
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .map(Number)
    .filter((pid) => {
      try {
        return pid !== process.pid && mountsBelow(directory, readFileSync(`/proc/${pid}/mountinfo`, 'utf8')).length > 0;
      } catch {
        return false;
      }
    });
}

/**
 * Lists what is there of a cluster: processes, mounts, interfaces, routes, cgroups and files, one line each. Its
 * namespaces and packet filters live exactly as long as its processes.
 *
 * @returns an empty list when nothing is left
 */
export async function leftovers(name: string): Promise<string[]> {
  checkName(name);
  const directory = directoryOf(name);
  const cgroup = cgroupOf(name);
  const recorded = (stateOfRuin(name)?.processes ?? []).filter(isAlive).map(({ pid }) => pid);
  const pids = [...new Set([...memberProcesses(cgroup), ...recorded, ...strayProcesses(directory)])].sort(
    (a, b) => a - b,
  );
  const interfaces = await clusterInterfaces(name);
  const routes = await Promise.all(
    interfaces.map(async (device) => (await run('ip', ['route', 'show', 'dev', device])).split('\n').filter(Boolean)),
  );
  return [
    ...pids.map((pid) => `process ${pid} (${commandName(pid)})`),
    ...ownMounts(directory).map((point) => `mount ${point}`),
    ...interfaces.map((device) => `interface ${device}`),
    ...routes.flat().map((route) => `route ${route.trim()}`),
    ...existingCgroups(cgroup).map((path) => `cgroup ${path}`),
    ...(existsSync(directory) ? [`directory ${directory}`] : []),
    ...(existsSync(lockFileOf(name)) ? [`file ${lockFileOf(name)}`] : []),
  ];
}

function commandName(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
  } catch {
    return 'gone';
  }
}

/** The file that keeps two commands from working on one cluster at once. */
export const lockFileOf = (name: string): string => join(STATE_ROOT, `${name}.lock`);

/**
 * Removes all there is of a cluster, in whatever state it is. Does nothing when there is nothing.
 *
 * @throws Error naming what withstands
 */
export async function removeCluster(name: string): Promise<void> {
  checkName(name);
  const directory = directoryOf(name);
  const cgroup = cgroupOf(name);
  const state = stateOfRuin(name);
  // First the way in from outside: no request reaches half of a cluster. The routes go with the interface.
  for (const device of await clusterInterfaces(name)) {
    await run('ip', ['link', 'delete', device]).catch(async (error: unknown) => {
      if (!(error instanceof CommandError) || (await clusterInterfaces(name)).includes(device)) throw error;
    });
  }
  for (const each of state?.processes ?? []) sendSignal(each, 'SIGKILL');
  await killMembers(cgroup);
  // Mounts and namespaces are gone with the last process. Anything that is still mounted here was mounted by hand.
  for (const point of ownMounts(directory)) await run('umount', ['--lazy', point]);
  await removeCgroups(cgroup);
  await removeFiles(directory);
  if (state && recordedNames().length === 0) restoreKernelSettings(state.kernelSettings);
  try {
    rmdirSync(STATE_ROOT);
  } catch {
    // other clusters, or the lock of this command
  }
}

/** Removes the files; never through a mount, as that would remove what is mounted. */
async function removeFiles(directory: string): Promise<void> {
  const deadline = performance.now() + 10_000;
  for (;;) {
    const mounts = ownMounts(directory);
    if (mounts.length > 0) throw new Error(`${mounts[0]} is still mounted`);
    try {
      rmSync(directory, { recursive: true, force: true });
      return;
    } catch (error) {
      // A mount namespace is taken down after its last process has ended: its mount points are busy until then.
      if ((error as NodeJS.ErrnoException).code !== 'EBUSY' || performance.now() > deadline) throw error;
    }
    await sleep(50);
  }
}
