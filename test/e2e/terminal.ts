import { execFile, spawn } from 'node:child_process';
import { promisify } from 'node:util';
import { eventually } from '../virtual-cluster';

/** How large a terminal is. */
export interface TerminalSize {
  readonly rows: number;
  readonly columns: number;
}

/** A program on a terminal of this machine, as a person has it in front of them. */
export interface Terminal {
  /** Types: what the keyboard would send. */
  type(keys: string): void;
  /** Waits until the screen has shown something since the last look, and looks. @returns the match */
  shows(what: string, pattern: RegExp): Promise<RegExpExecArray>;
  /** Makes the window larger or smaller; the program is told as by a terminal's window. */
  resize(size: TerminalSize): Promise<void>;
  /** The exit code of the program, once it has ended. */
  readonly ended: Promise<number | null>;
  /** Takes the terminal away. */
  close(): void;
}

const quoted = (argument: string): string => `'${argument.replaceAll("'", `'\\''`)}'`;
const stty = ({ rows, columns }: TerminalSize): string => `stty rows ${rows} columns ${columns}`;

/**
 * Starts a program on a terminal of its own: `script` of util-linux makes one, which every Linux has.
 *
 * @param command the program and its arguments
 */
export async function openTerminal(
  command: readonly string[],
  size: TerminalSize,
  environment: NodeJS.ProcessEnv = process.env,
): Promise<Terminal> {
  const line = `tty; ${stty(size)}; exec ${command.map(quoted).join(' ')}`;
  const child = spawn('script', ['--quiet', '--return', '--flush', '--command', line, '/dev/null'], {
    env: { ...environment, SHELL: '/bin/sh', TERM: 'xterm' },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  ended.catch(() => undefined); // told to whoever waits for it
  child.stdin.on('error', () => undefined);
  let screen = '';
  child.stdout.on('data', (chunk: Buffer) => (screen += chunk.toString()));
  const shows = (what: string, pattern: RegExp): Promise<RegExpExecArray> =>
    eventually(`the terminal shows ${what}`, () => {
      const match = pattern.exec(screen);
      if (!match) throw new Error(`it shows ${JSON.stringify(screen)}`);
      screen = screen.slice(match.index + match[0].length);
      return Promise.resolve(match);
    });
  const [device] = await shows('its device', /\/dev\/pts\/\d+/);
  return {
    type: (keys) => void child.stdin.write(keys),
    shows,
    resize: async ({ rows, columns }) => {
      await promisify(execFile)('stty', ['-F', device, 'rows', String(rows), 'columns', String(columns)]);
    },
    ended,
    close: () => void child.kill(),
  };
}
