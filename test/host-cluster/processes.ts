import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { HostClusterError, InterruptedError } from './failure';
import { programPath } from './prerequisites';
import type { ProcessIdentity } from './process-identity';
import { identify, isAlive } from './process-identity';

/** A process of the test bed died although it should run; the message carries the end of its log. */
export class ProcessEndedError extends HostClusterError {
  constructor(
    readonly processName: string,
    readonly logTail: string,
  ) {
    super(`${processName} ended early`, `mend what the end of its log names:\n${logTail}`);
    this.name = 'ProcessEndedError';
  }
}

/** The last lines of a log on one line each, without the noise of a help text. */
export function logTail(file: string, lines = 5): string {
  try {
    return readFileSync(file, 'utf8').trimEnd().split('\n').slice(-lines).join('\n').slice(-4000);
  } catch {
    return '(no log)';
  }
}

/**
 * The environment of every process of the test bed: nothing of the caller's but its search path.
 *
 * @param programs directory that comes before the search path
 */
export const processEnvironment = (programs?: string): NodeJS.ProcessEnv => ({
  PATH: programs === undefined ? programPath() : `${programs}:${programPath()}`,
  HOME: '/root',
  LANG: 'C.UTF-8',
});

/**
 * Wraps a command line so that the process belongs to a cgroup before it becomes the program.
 *
 * @param membershipFile `cgroup.procs` of that cgroup
 */
export function inCgroup(membershipFile: string, command: readonly string[]): string[] {
  return ['/bin/sh', '-c', 'echo $$ > "$1" || exit 125; shift; exec "$@"', 'sh', membershipFile, ...command];
}

/**
 * Starts a process that outlives this one and writes into a log file.
 *
 * @param programs directory in which it finds programs first
 * @returns its identity
 */
export function startDetached(command: readonly string[], logFile: string, programs?: string): ProcessIdentity {
  const [program, ...args] = command;
  if (program === undefined) throw new Error('no command');
  mkdirSync(dirname(logFile), { recursive: true });
  const log = openSync(logFile, 'a', 0o600);
  try {
    const child = spawn(program, args, {
      detached: true,
      stdio: ['ignore', log, log],
      cwd: '/',
      env: processEnvironment(programs),
    });
    child.on('error', () => undefined); // told below: it has no pid
    child.unref();
    const identity = child.pid === undefined ? undefined : identify(child.pid);
    if (!identity) throw new Error(`${program} could not be started`);
    return identity;
  } finally {
    closeSync(log);
  }
}

/**
 * Watches over processes: rejects as soon as one has ended, and never resolves.
 *
 * @param processes those that have to live
 * @param signal ends the watching, with an InterruptedError
 */
export async function whenOneEnds(
  processes: () => Iterable<ProcessIdentity & { name: string; node: string; logFile: string }>,
  signal: AbortSignal,
): Promise<never> {
  for (;;) {
    for (const each of processes()) {
      if (!isAlive(each)) throw new ProcessEndedError(`${each.name} of ${each.node}`, logTail(each.logFile, 20));
    }
    await sleep(100, undefined, { signal }).catch(() => {
      throw new InterruptedError();
    });
  }
}
