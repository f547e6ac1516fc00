/** How an option takes its value: always, only as `=true` or `=false` (or the next argument), or never. */
export type OptionForm = 'value' | 'boolean' | 'switch';

/** What a command line says. */
export interface CommandLine {
  /** Arguments that are no options. */
  readonly words: readonly string[];
  /** Options in their order, without dashes; a switch's text is `true`. */
  readonly options: readonly { readonly name: string; readonly text: string }[];
  /** Options that are not known, without dashes and values. */
  readonly unknown: readonly string[];
}

/** A command line that cannot be followed; the usage helps. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** Reads `--name value` and `--name=value`. @throws UsageError for an option without its value, or a switch with one */
export function parseCommandLine(args: readonly string[], forms: ReadonlyMap<string, OptionForm>): CommandLine {
  const words: string[] = [];
  const options: { name: string; text: string }[] = [];
  const unknown: string[] = [];
  for (let at = 0; at < args.length; at++) {
    const argument = args[at] as string;
    if (!argument.startsWith('-')) {
      words.push(argument);
      continue;
    }
    const equals = argument.indexOf('=');
    const spelled = equals < 0 ? argument : argument.slice(0, equals);
    const name = spelled === '-h' ? 'help' : spelled.startsWith('--') ? spelled.slice(2) : '';
    const next = args[at + 1];
    let text = equals < 0 ? undefined : argument.slice(equals + 1);
    switch (forms.get(name)) {
      case undefined:
        unknown.push(spelled.replace(/^-+/, ''));
        continue;
      case 'switch':
        if (text !== undefined) throw new UsageError(`${spelled} takes no value`);
        text = 'true';
        break;
      case 'boolean':
        if (text === undefined && (next === 'true' || next === 'false')) {
          text = next;
          at++;
        }
        text ??= 'true';
        break;
      case 'value':
        if (text === undefined && (next === undefined || next.startsWith('--'))) {
          throw new UsageError(`${spelled} needs a value: write ${spelled}=VALUE`);
        }
        if (text === undefined) at++;
        text ??= next as string;
        break;
    }
    options.push({ name, text });
  }
  return { words, options, unknown };
}

/** The name that takes the fewest changed letters to write, if that is few enough to be a slip. */
export function nearest(name: string, names: Iterable<string>): string | undefined {
  let best: string | undefined;
  let least = Math.max(2, Math.floor(name.length / 3)) + 1;
  for (const candidate of names) {
    const distance = editDistance(name, candidate, least);
    if (distance >= least) continue;
    least = distance;
    best = candidate;
  }
  return best;
}

/** Letters to add, remove or replace to make one text of another; `limit` when it is that many or more. */
function editDistance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) >= limit) return limit;
  let row = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let i = 1; i <= a.length; i++) {
    const above = row;
    row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (above[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1);
      row.push(Math.min(replaced, (above[j] as number) + 1, (row[j - 1] as number) + 1));
    }
  }
  return Math.min(limit, row[b.length] as number);
}
