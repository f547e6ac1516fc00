import { execFile } from 'node:child_process';

/** A program could not be started, or ended with an error; the message names it and shows the end of its output. */
export class CommandError extends Error {
  /** Whether the program itself is missing. */
  readonly missing: boolean;

  constructor(message: string, missing: boolean) {
    super(message);
    this.name = 'CommandError';
    this.missing = missing;
  }
}

const OUTPUT_SHOWN = 2000;

/**
 * Runs a program to its end without a shell.
 *
 * @returns its standard output.
 * @throws CommandError
 */
export async function run(
  program: string,
  args: readonly string[],
  options: { readonly cwd?: string; readonly env?: NodeJS.ProcessEnv } = {},
): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(program, args, { ...options, encoding: 'utf8', maxBuffer: 16 << 20 }, (error, stdout, stderr) => {
      if (!error) return resolve(stdout);
      const output = `${stdout}${stderr}`.trim().slice(-OUTPUT_SHOWN);
      const command = [program, ...args].join(' ');
      reject(new CommandError(`${command} failed: ${output || error.message}`, error.code === 'ENOENT'));
    });
  });
}
