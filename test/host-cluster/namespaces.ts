import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CommandOptions } from './command';
import { run } from './command';
import type { ClusterPlan, NodePlan } from './plan';
import { STATE_ROOT } from './plan';
import type { ProcessIdentity } from './process-identity';
import { isAlive } from './process-identity';
import { inCgroup, logTail, processEnvironment, ProcessEndedError, startDetached } from './processes';

/**
 * The kernel namespaces of a node (or of the switch between nodes). They belong to a process that only sleeps, not to
 * a mounted file: when the processes of a cluster are gone, so are its mounts, interfaces, routes and packet filters.
 */
export interface Namespaces {
  readonly holder: ProcessIdentity;
  readonly logFile: string;
}

/** What the holder's process becomes once its namespaces are set up. */
const HOLDER = ['sleep', 'infinity'];

/**
 * Commands that give a node directories of its own where programs have fixed paths: /var/lib (kubelet, containerd,
 * CNI), /var/log (pod logs) and /run (sockets). The state directory stays visible at its path.
 */
function nodeMounts(plan: ClusterPlan, node: NodePlan): string {
  const library = join(node.directory, 'var-lib');
  const state = join(library, plan.directory.slice('/var/lib/'.length));
  const log = join(node.directory, 'var-log');
  for (const directory of [state, log]) mkdirSync(directory, { recursive: true });
  return [
    // Volumes that a pod shares with the node propagate within these namespaces, and never out of them.
    'mount --make-rprivate /',
    `mount --bind '${plan.directory}' '${state}'`,
    `mount --rbind '${library}' /var/lib`,
    `mount --bind '${log}' /var/log`,
    'mount -t tmpfs -o mode=0755 run /run',
    'mkdir -p /run/lock /run/netns /var/lib/kubelet /var/lib/containerd',
    'mount --make-rshared /',
    `hostname '${node.name}'`,
  ].join(' && ');
}

async function whenSettled(
  name: string,
  holder: ProcessIdentity,
  logFile: string,
  signal?: AbortSignal,
): Promise<Namespaces> {
  for (;;) {
    signal?.throwIfAborted();
    if (!isAlive(holder)) throw new ProcessEndedError(`the setting up of namespaces for ${name}`, logTail(logFile));
    if (readFileSync(`/proc/${holder.pid}/comm`, 'utf8').trim() === HOLDER[0]) return { holder, logFile };
    await sleep(5);
  }
}

/** Makes the network, mount and host-name namespaces of a node. */
export async function createNodeNamespaces(
  plan: ClusterPlan,
  node: NodePlan,
  membershipFile: string,
  signal?: AbortSignal,
): Promise<Namespaces> {
  if (!plan.directory.startsWith('/var/lib/')) throw new Error(`${STATE_ROOT} must be below /var/lib`);
  const script = `${nodeMounts(plan, node)} && exec ${HOLDER.join(' ')}`;
  const logFile = join(plan.directory, 'logs', `${node.name}-namespaces.log`);
  const command = ['unshare', '--net', '--mount', '--uts', '/bin/sh', '-c', script];
  return whenSettled(node.name, startDetached(inCgroup(membershipFile, command), logFile), logFile, signal);
}

/** Makes the network namespace of the switch that connects the nodes with each other and with the machine. */
export async function createSwitchNamespace(
  plan: ClusterPlan,
  membershipFile: string,
  signal?: AbortSignal,
): Promise<Namespaces> {
  const logFile = join(plan.directory, 'logs', 'switch-namespaces.log');
  const command = ['unshare', '--net', ...HOLDER];
  return whenSettled('the switch', startDetached(inCgroup(membershipFile, command), logFile), logFile, signal);
}

/**
 * Wraps a command line so that it runs in namespaces. Not `ip netns exec`: that mounts another /sys, in which a
 * kubelet finds no cgroups.
 */
export function enter(namespaces: Namespaces, command: readonly string[], kinds: 'all' | 'net' = 'all'): string[] {
  const flags = kinds === 'net' ? ['--net'] : ['--net', '--mount', '--uts'];
  return ['nsenter', `--target=${namespaces.holder.pid}`, ...flags, '--', ...command];
}

/** Runs a command to its end in namespaces, as a member of the cluster's cgroup. */
export async function runIn(
  namespaces: Namespaces,
  membershipFile: string,
  command: readonly string[],
  options: CommandOptions & { kinds?: 'all' | 'net' } = {},
): Promise<string> {
  const { kinds = 'all', ...rest } = options;
  const [program = '', ...args] = inCgroup(membershipFile, enter(namespaces, command, kinds));
  return run(program, args, { environment: processEnvironment(), ...rest });
}
