import type { Command } from 'commander';
import type { Context } from './context';

/** Values of flags, by their names in camel case. */
export type Flags = Readonly<Record<string, unknown>>;

/** What a file in `commands/` exports. It imports nothing heavy at its top: completion loads all of them. */
export interface CommandModule {
  /** Adds the command's arguments, flags and examples. The flags that all commands have are there already. */
  describe(command: Command): void;
  /**
   * Does it.
   *
   * @param args positional arguments, in their order; a variadic one is a list
   * @returns the exit code. Nothing means 0
   * @throws Failure for what a person can act on
   */
  run(context: Context, args: readonly unknown[], flags: Flags): Promise<number | void>;
}
