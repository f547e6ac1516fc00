import { UsageFailure } from './failure';

/** A stream that text is written to, and what is known of it. */
export interface TextStream {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

/** How results are written. */
export type OutputFormat = 'text' | 'json';

/** Results of a command: on standard output, as text for people or as JSON for programs. */
export class Output {
  constructor(
    readonly format: OutputFormat,
    private readonly stdout: TextStream,
  ) {}

  /** Whether a person reads along on a terminal. */
  get isTerminal(): boolean {
    return this.stdout.isTTY === true;
  }

  /**
   * Writes the result of a command.
   *
   * @param data what `--output json` prints, on one go and indented by two
   * @param text what is printed otherwise; a last newline is added where it has none
   */
  result(data: unknown, text: () => string): void {
    if (this.format === 'json') return this.raw(`${JSON.stringify(data, undefined, 2)}\n`);
    const written = text();
    if (written !== '') this.raw(written.endsWith('\n') ? written : `${written}\n`);
  }

  /** Writes text as it is, in both formats: logs, kubeconfigs, manifests. */
  raw(text: string): void {
    this.stdout.write(text);
  }
}

/** @throws UsageFailure for another format */
export function outputFormat(value: string): OutputFormat {
  if (value === 'text' || value === 'json') return value;
  throw new UsageFailure(`--output ${value} is not known: write text or json`);
}

/** Lines with columns of equal width, as kubectl prints them. */
export function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = header.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => (row[column] ?? '').length)),
  );
  const last = header.length - 1;
  return [header, ...rows]
    .map((row) => row.map((cell, column) => (column === last ? cell : cell.padEnd(widths[column] ?? 0))).join('   '))
    .map((line) => `${line.trimEnd()}\n`)
    .join('');
}

/** A span of time as kubectl prints it: `45s`, `12m`, `3h12m`, `9d`. */
export function age(milliseconds: number): string {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  if (seconds < 120) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 180) return `${minutes}m`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return minutes % 60 === 0 ? `${hours}h` : `${hours}h${minutes % 60}m`;
  return `${Math.floor(hours / 24)}d`;
}
