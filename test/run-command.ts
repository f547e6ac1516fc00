import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:os';
import { join } from 'node:path';

const ROOT = join(__dirname, '..');

/** How a command ended, and all it said. */
export interface CommandResult {
  /** As a shell tells it: 128 and the signal's number for one that a signal ended. */
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A command under way. */
export interface RunningCommand {
  readonly child: ChildProcess;
  readonly ended: Promise<CommandResult>;
  /** What it has said so far. */
  output(): { readonly stdout: string; readonly stderr: string };
  /** Resolves once this was printed to stdout or stderr. @throws Error when the command ends without it */
  said(text: string): Promise<void>;
}

/**
 * Starts a command at the root of the repository as a user would, in a process group of its own.
 *
 * @param environment beside this process's own, from which what chooses a host is taken away
 */
export function startCommand(
  command: readonly [string, ...string[]],
  environment: NodeJS.ProcessEnv = {},
): RunningCommand {
  const { NESTLING_HOST, NESTLING_HOST_CONTEXT, NESTLING_HOST_NAME, KUBECONFIG, ...inherited } = process.env;
  void [NESTLING_HOST, NESTLING_HOST_CONTEXT, NESTLING_HOST_NAME, KUBECONFIG];
  const [program, ...args] = command;
  const child = spawn(program, args, {
    cwd: ROOT,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...inherited, ...environment },
  });
  const output = { stdout: '', stderr: '' };
  const listeners = new Set<() => void>();
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (chunk: string) => {
      output[name] += chunk;
      for (const listener of listeners) listener();
    });
  }
  const ended = once(child, 'close').then(([code, signal]) => ({
    exitCode: (code as number | null) ?? 128 + constants.signals[signal as NodeJS.Signals],
    ...output,
  }));
  return {
    child,
    ended,
    output: () => ({ ...output }),
    said: (text) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          if (!output.stdout.includes(text) && !output.stderr.includes(text)) return;
          listeners.delete(look);
          resolve();
        };
        listeners.add(look);
        ended.then(
          () => reject(new Error(`the command ended without saying ${text}:\n${output.stdout}${output.stderr}`)),
          reject,
        );
        look();
      }),
  };
}

/** Runs a command to its end. */
export const runCommand = (
  command: readonly [string, ...string[]],
  environment?: NodeJS.ProcessEnv,
): Promise<CommandResult> => startCommand(command, environment).ended;

/** A task of the repository, as its npm script runs it. */
export const task = (file: string, ...args: string[]): [string, ...string[]] => [
  process.execPath,
  'tasks/run.mjs',
  file,
  ...args,
];
