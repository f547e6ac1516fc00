import { spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import { InterruptedError } from './failure';

/** How a command is run. */
export interface CommandOptions {
  /** Working directory. @default the caller's */
  readonly directory?: string;
  /** Whole environment of the command. @default the caller's */
  readonly environment?: NodeJS.ProcessEnv;
  /** Text or stream for its standard input. @default none */
  readonly input?: string | Readable;
  /** Called with every line that it writes to standard error. */
  readonly onErrorLine?: (line: string) => void;
  /** Kills the command when aborted. */
  readonly signal?: AbortSignal | undefined;
}

/** A command that could not be started or ended with another code than 0; the message carries what it wrote. */
export class CommandError extends Error {
  constructor(
    readonly command: string,
    readonly code: number | string | null,
    readonly output: string,
  ) {
    super(`${command} ended with ${code ?? 'a signal'}${output.trim() === '' ? '' : `: ${output.trim()}`}`);
    this.name = 'CommandError';
  }
}

/**
 * Runs a command to its end and gives its standard output.
 *
 * @throws CommandError when it fails, InterruptedError when the signal aborted it
 */
export async function run(command: string, args: readonly string[], options: CommandOptions = {}): Promise<string> {
  if (options.signal?.aborted) throw new InterruptedError();
  const child = spawn(command, args, {
    cwd: options.directory,
    env: options.environment ?? process.env,
    stdio: [options.input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    // A group of its own: an interrupt typed at the terminal reaches us alone, and we end our commands in order.
    detached: true,
  });
  const { stdin, stdout, stderr } = child;
  if (!stdout || !stderr) throw new Error(`${command}: no pipes`);
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  let line = '';
  stdout.on('data', (chunk: Buffer) => out.push(chunk));
  stderr.on('data', (chunk: Buffer) => {
    err.push(chunk);
    if (!options.onErrorLine) return;
    const lines = (line + chunk.toString('utf8')).split('\n');
    line = lines.pop() ?? '';
    for (const complete of lines) options.onErrorLine(complete);
  });
  if (stdin) {
    stdin.on('error', () => undefined); // the command ended before it read all: its exit code tells why
    if (typeof options.input === 'string') stdin.end(options.input);
    else options.input?.pipe(stdin);
  }
  const kill = (): void => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    } catch {
      // it ended by itself
    }
  };
  options.signal?.addEventListener('abort', kill, { once: true });
  try {
    const code = await new Promise<number | string | null>((resolve) => {
      child.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
      child.on('close', resolve);
    });
    if (options.signal?.aborted) throw new InterruptedError();
    if (code !== 0) {
      throw new CommandError(`${command} ${args.join(' ')}`, code, Buffer.concat([...err, ...out]).toString('utf8'));
    }
    return Buffer.concat(out).toString('utf8');
  } finally {
    options.signal?.removeEventListener('abort', kill);
  }
}
