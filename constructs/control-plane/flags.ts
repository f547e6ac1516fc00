/** Value of a command-line flag; undefined leaves the flag out. */
export type FlagValue = string | number | boolean | readonly string[] | undefined;

/** Flags of a program in the order given: `--name=value`, lists joined by commas. */
export function commandLine(flags: Readonly<Record<string, FlagValue>>): string[] {
  return Object.entries(flags).flatMap(([name, value]) =>
    value === undefined ? [] : [`--${name}=${typeof value === 'object' ? value.join(',') : value}`],
  );
}
