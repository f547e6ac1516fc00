import { spawn } from 'node:child_process';
import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import { Failure } from './failure';

/** A process that forwards a port while nobody looks. */
export interface BackgroundForward {
  readonly pid: number;
  readonly port: number;
  /** Argument that its process was started with, by which it is told from another one with the same pid later. */
  readonly id: string;
}

/** What a forward is for: one context of one kubeconfig. */
export interface ForwardKey {
  readonly files: readonly string[];
  readonly context: string;
}

/** Where the forwards that run are written down; only this user may look there. */
export function stateFolder(environment: NodeJS.ProcessEnv = process.env): string {
  return join(environment['XDG_STATE_HOME'] || join(environment['HOME'] || homedir(), '.local', 'state'), 'nestling');
}

/** The file in which a forward is written down. */
export function stateFile({ files, context }: ForwardKey): string {
  const digest = createHash('sha256')
    .update(JSON.stringify([files.map((file) => resolve(file)), context]))
    .digest('hex');
  return join(stateFolder(), `forward-${digest.slice(0, 24)}.json`);
}

/** The forward of a context, where its process runs. */
export function runningForward(key: ForwardKey): BackgroundForward | undefined {
  const known = readState(stateFile(key));
  return known !== undefined && isRunning(known) ? known : undefined;
}

/** What is written down, whether it runs or not. */
export function readState(file: string): BackgroundForward | undefined {
  try {
    const value = JSON.parse(readFileSync(file, 'utf8')) as Partial<BackgroundForward>;
    const { pid, port, id } = value;
    return typeof pid === 'number' && typeof port === 'number' && typeof id === 'string'
      ? { pid, port, id }
      : undefined;
  } catch {
    return undefined;
  }
}

/** Whether that very process runs: a pid alone may be somebody else's by now. */
function isRunning({ pid, id }: BackgroundForward): boolean {
  try {
    const file = `/proc/${pid}/cmdline`;
    const line = existsSync('/proc/self/cmdline')
      ? readFileSync(file, 'utf8')
      : execFileSync('ps', ['-o', 'command=', '-p', String(pid)], {
          encoding: 'utf8',
          stdio: ['ignore', 'pipe', 'ignore'],
        });
    return line.includes(id);
  } catch {
    return false;
  }
}

/** Where a forward leads to. */
export interface ForwardDestination {
  readonly name: string;
  readonly namespace: string;
  /** Context of the host. */
  readonly parent: string;
}

/**
 * Starts a process that forwards a port to the API server of a virtual cluster, and goes on when this one has ended.
 *
 * @param port 0: any that is free
 * @throws Failure with what the process says when it cannot
 */
export async function startForward(
  key: ForwardKey,
  destination: ForwardDestination,
  port: number,
  signal: AbortSignal,
): Promise<BackgroundForward> {
  const file = stateFile(key);
  mkdirSync(stateFolder(), { recursive: true, mode: 0o700 });
  const id = `forward-${randomBytes(8).toString('hex')}`;
  const { name, namespace, parent } = destination;
  const script = process.argv[1] ?? '';
  const log = openSync(file.replace(/\.json$/, '.log'), 'w', 0o600);
  const args = [...process.execArgv, script, 'forward', name, '--namespace', namespace, '--context', parent];
  const child = spawn(process.execPath, [...args, '--local-port', String(port), '--state', file, '--id', id], {
    detached: true,
    stdio: ['ignore', log, log, 'ipc'],
    // It stays when this folder goes, so files are named by their whole paths.
    cwd: '/',
    env: { ...process.env, KUBECONFIG: key.files.map((one) => resolve(one)).join(delimiter) },
  });
  closeSync(log);
  try {
    const answer = await new Promise<{ port?: number; error?: string }>((done, reject) => {
      const abort = (): void => reject(signal.reason as Error);
      signal.addEventListener('abort', abort, { once: true });
      if (signal.aborted) abort();
      child.once('message', (message) => done(message as { port?: number; error?: string }));
      child.once('error', reject);
      child.once('exit', (code) => done({ error: `the process that forwards a port ended with code ${code}` }));
    });
    if (answer.port === undefined) throw new Failure(answer.error ?? 'the process that forwards a port said nothing');
    const forward = { pid: child.pid ?? 0, port: answer.port, id };
    const partial = `${file}.${process.pid}.partial`;
    writeFileSync(partial, JSON.stringify(forward), { mode: 0o600 });
    renameSync(partial, file);
    return forward;
  } catch (error) {
    child.kill('SIGTERM');
    rmSync(file.replace(/\.json$/, '.log'), { force: true });
    throw error;
  } finally {
    child.removeAllListeners();
    if (child.connected) child.disconnect();
    child.unref();
  }
}

/** Stops the forward of a context, where one runs, and forgets it. @returns whether one ran */
export function stopForward(key: ForwardKey): boolean {
  const file = stateFile(key);
  const running = runningForward(key);
  if (running !== undefined) {
    try {
      process.kill(running.pid, 'SIGTERM');
    } catch {
      // It ended by itself meanwhile.
    }
  }
  rmSync(file, { force: true });
  rmSync(file.replace(/\.json$/, '.log'), { force: true });
  return running !== undefined;
}
