import { accessSync, constants, existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CommandError, run } from './command';
import { HostClusterError, InterruptedError } from './failure';
import type { Log } from './progress';
import { repeatWhileBusy } from './progress';

/** A program of the machine that a node needs, and the Debian package that has it. */
export interface Tool {
  readonly program: string;
  readonly debianPackage: string;
}

/** All programs of the machine that a node needs. */
export const NODE_TOOLS: readonly Tool[] = [
  { program: 'runc', debianPackage: 'runc' },
  { program: 'iptables', debianPackage: 'iptables' },
  { program: 'iptables-restore', debianPackage: 'iptables' },
  { program: 'nft', debianPackage: 'nftables' },
  { program: 'ip', debianPackage: 'iproute2' },
  { program: 'nsenter', debianPackage: 'util-linux' },
  { program: 'unshare', debianPackage: 'util-linux' },
  { program: 'mount', debianPackage: 'mount' },
];

/** Where distributions put the CNI plugins. */
const CNI_DIRECTORIES = ['/opt/cni/bin', '/usr/lib/cni', '/usr/libexec/cni'];
const CNI_PLUGINS = ['bridge', 'host-local', 'portmap', 'loopback'];
const CNI_PACKAGE = 'containernetworking-plugins';
/** Root's directories for programs: not on the path of every shell that root gets. */
const SYSTEM_PATH = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];
const POLICY_FILE = '/usr/sbin/policy-rc.d';

/** The search path for programs of the machine: the caller's and the system's directories. */
export function programPath(environment: NodeJS.ProcessEnv = process.env): string {
  return [...new Set([...(environment['PATH'] ?? '').split(':').filter(Boolean), ...SYSTEM_PATH])].join(':');
}

/** Where a program is; undefined when it is in no directory of the path. */
export function findProgram(program: string, path = programPath()): string | undefined {
  return path
    .split(':')
    .map((directory) => join(directory, program))
    .find((file) => {
      try {
        accessSync(file, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

/** The folder with the CNI plugins; undefined when none has all that a node needs. */
export function cniDirectory(): string | undefined {
  return CNI_DIRECTORIES.find((directory) => CNI_PLUGINS.every((plugin) => existsSync(join(directory, plugin))));
}

/** Names of the Debian packages that are missing for a node, sorted; the first sentence of any complaint. */
export function missingPackages(): string[] {
  const missing = NODE_TOOLS.filter(({ program }) => !findProgram(program)).map(({ debianPackage }) => debianPackage);
  if (!cniDirectory()) missing.push(CNI_PACKAGE);
  return [...new Set(missing)].sort();
}

/**
 * Makes sure that this machine can be a node: Linux, root, and the programs, installing missing ones with apt-get.
 *
 * @throws HostClusterError naming what is missing and the remedy
 */
export async function ensurePrerequisites(log: Log, signal?: AbortSignal): Promise<void> {
  checkSystem(process.platform, process.getuid?.());
  const missing = missingPackages();
  if (missing.length === 0) return;
  const aptGet = findProgram('apt-get');
  if (!aptGet) {
    throw new HostClusterError(
      `programs of the packages ${missing.join(', ')} (names in Debian) are missing and this machine has no apt-get`,
      "install them with this system's package manager, then run the command again",
    );
  }
  await install(aptGet, missing, log, signal);
  const still = missingPackages();
  if (still.length > 0) {
    throw new HostClusterError(
      `programs of the packages ${still.join(', ')} are missing although apt-get installed them`,
      'install them by hand and see that their programs are on PATH',
    );
  }
}

/**
 * Checks what no installation can mend.
 *
 * @throws HostClusterError unless the platform is Linux and the user is root
 */
export function checkSystem(platform: NodeJS.Platform, uid: number | undefined): void {
  const other = 'or name an existing cluster with KUBECONFIG and NESTLING_HOST_CONTEXT';
  if (platform !== 'linux') {
    throw new HostClusterError(
      `a real node needs Linux and this is ${platform}`,
      `run it on a Linux machine, ${other}`,
    );
  }
  if (uid !== 0) {
    throw new HostClusterError(
      `a real node needs root and this is user ${uid ?? 'unknown'}`,
      `run the command with sudo, ${other}`,
    );
  }
}

async function install(aptGet: string, packages: readonly string[], log: Log, signal?: AbortSignal): Promise<void> {
  log(`installing Debian packages: ${packages.join(', ')}`);
  const stop = repeatWhileBusy(log, 15, (seconds) => `still installing packages (${seconds} s)`);
  // The packages must bring programs, not a running containerd: this file is how Debian is told so.
  const ownPolicy = !existsSync(POLICY_FILE);
  if (ownPolicy) writeFileSync(POLICY_FILE, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  const environment = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', PATH: programPath() };
  const options = { environment };
  // Not ended by the signal: packages that are half installed are worse than a few seconds of patience.
  const args = ['-y', '--no-install-recommends', '-o', 'DPkg::Lock::Timeout=300', 'install', ...packages];
  try {
    try {
      await run(aptGet, args, options);
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
      log('refreshing the package lists');
      await run(aptGet, ['-o', 'DPkg::Lock::Timeout=300', 'update'], options);
      await run(aptGet, args, options);
    }
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    throw new HostClusterError(
      `apt-get could not install ${packages.join(', ')}: ${lastErrors(error.output)}`,
      `see why with: apt-get install ${packages.join(' ')}`,
      { cause: error },
    );
  } finally {
    stop();
    if (ownPolicy) rmSync(POLICY_FILE, { force: true });
  }
  if (signal?.aborted) throw new InterruptedError();
  log('Debian packages are installed');
}

/** What apt-get said was wrong, on one line. */
function lastErrors(output: string): string {
  const lines = output.split('\n').filter((line) => /^(E:|dpkg: error)/.test(line));
  return (lines.length > 0 ? lines : output.trim().split('\n')).slice(-3).join(' ').slice(0, 400);
}
