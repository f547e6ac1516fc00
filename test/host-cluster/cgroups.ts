import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { HostClusterError } from './failure';
import type { ClusterPlan } from './plan';

/** One mounted cgroup hierarchy. */
export interface Hierarchy {
  readonly directory: string;
  readonly version: 1 | 2;
  /** Version 1: its controllers, or `name=systemd`. Version 2: empty. */
  readonly controllers: readonly string[];
}

/** Reads the hierarchies out of the text of /proc/mounts. */
export function parseHierarchies(mounts: string): Hierarchy[] {
  const options = new Set(['rw', 'ro', 'nosuid', 'nodev', 'noexec', 'relatime', 'noatime', 'nsdelegate', 'seclabel']);
  return mounts.split('\n').flatMap((line): Hierarchy[] => {
    const [, directory, type, flags] = line.split(' ');
    if (directory === undefined || flags === undefined) return [];
    if (type === 'cgroup2') return [{ directory, version: 2, controllers: [] }];
    if (type !== 'cgroup') return [];
    return [{ directory, version: 1, controllers: flags.split(',').filter((flag) => !options.has(flag)) }];
  });
}

function hierarchies(): Hierarchy[] {
  const found = parseHierarchies(readFileSync('/proc/mounts', 'utf8'));
  if (found.length === 0) {
    throw new HostClusterError(
      'no cgroup hierarchy is mounted',
      'mount one at /sys/fs/cgroup or run where the kubelet could run',
    );
  }
  return found;
}

/** The hierarchy in which all processes of a cluster are kept together: they can neither leave it nor hide in it. */
function tracking(all: readonly Hierarchy[]): Hierarchy {
  const chosen =
    all.find(({ version }) => version === 2) ?? all.find(({ controllers }) => controllers[0] === 'pids') ?? all[0];
  if (!chosen) throw new Error('no cgroup hierarchy');
  return chosen;
}

/** The file that a process writes its number into to belong to the cluster. */
export function membershipFile(plan: ClusterPlan): string {
  return join(tracking(hierarchies()).directory, plan.cgroup, 'system', 'cgroup.procs');
}

/** Makes the cluster's cgroups: one per node for its pods, in every hierarchy, and one for the processes of the cluster itself. */
export function createCgroups(plan: ClusterPlan): void {
  const all = hierarchies();
  for (const hierarchy of all) {
    if (hierarchy.version === 2) enableControllers(hierarchy.directory);
    const root = join(hierarchy.directory, plan.cgroup);
    const children = [...(hierarchy === tracking(all) ? ['system'] : []), ...plan.nodes.map(({ name }) => name)];
    for (const directory of [root, ...children.map((child) => join(root, child))]) {
      mkdirSync(directory, { recursive: true });
      if (hierarchy.version === 2) enableControllers(directory);
      if (hierarchy.controllers.includes('cpuset')) inheritCpuset(directory);
    }
  }
}

/** Hands every controller that a version 2 cgroup has on to its children. */
function enableControllers(directory: string): void {
  const file = join(directory, 'cgroup.controllers');
  if (!existsSync(file) || directory.endsWith('/system')) return;
  for (const controller of readFileSync(file, 'utf8').split(/\s+/).filter(Boolean)) {
    try {
      writeFileSync(join(directory, 'cgroup.subtree_control'), `+${controller}`);
    } catch {
      // not delegated to us: the kubelet names the one that it misses
    }
  }
}

/** A new version 1 cpuset has neither CPUs nor memory nodes, and no process can join it before it has. */
function inheritCpuset(directory: string): void {
  for (const name of ['cpuset.cpus', 'cpuset.mems']) {
    const own = join(directory, name);
    if (existsSync(own) && readFileSync(own, 'utf8').trim() === '') {
      writeFileSync(own, readFileSync(join(directory, '..', name), 'utf8').trim());
    }
  }
}

/** A directory and everything below it, deepest first. */
function subtree(directory: string): string[] {
  let entries;
  try {
    entries = readdirSync(directory, { withFileTypes: true });
  } catch {
    return [];
  }
  return [
    ...entries.filter((entry) => entry.isDirectory()).flatMap((entry) => subtree(join(directory, entry.name))),
    directory,
  ];
}

/** The cgroup directories that exist for a cluster, deepest first. */
export function existingCgroups(cgroup: string): string[] {
  return hierarchies().flatMap(({ directory }) => subtree(join(directory, cgroup)));
}

/** The numbers of all processes that belong to a cluster: daemons, shims and pods. */
export function memberProcesses(cgroup: string): number[] {
  const pids = new Set<number>();
  for (const directory of existingCgroups(cgroup)) {
    try {
      for (const pid of readFileSync(join(directory, 'cgroup.procs'), 'utf8').split('\n'))
        if (pid !== '') pids.add(Number(pid));
    } catch {
      // removed meanwhile
    }
  }
  return [...pids];
}

/**
 * Ends every process that belongs to a cluster.
 *
 * @throws Error naming the processes that do not end within 20 s
 */
export async function killMembers(cgroup: string): Promise<void> {
  const deadline = performance.now() + 20_000;
  for (let pids = memberProcesses(cgroup); pids.length > 0; pids = memberProcesses(cgroup)) {
    if (performance.now() > deadline) throw new Error(`processes ${pids.join(', ')} of cgroup ${cgroup} do not end`);
    for (const pid of pids) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // ended meanwhile
      }
    }
    await sleep(20);
  }
}

/**
 * Removes a cluster's cgroups.
 *
 * @throws Error naming one that stays busy for 10 s
 */
export async function removeCgroups(cgroup: string): Promise<void> {
  const deadline = performance.now() + 10_000;
  for (;;) {
    const left = existingCgroups(cgroup).filter((directory) => {
      try {
        rmdirSync(directory);
        return false;
      } catch (error) {
        return (error as NodeJS.ErrnoException).code !== 'ENOENT';
      }
    });
    if (left.length === 0) return;
    if (performance.now() > deadline) throw new Error(`cgroup ${left[0]} stays busy`);
    await sleep(20);
  }
}
