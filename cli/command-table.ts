import type { CommandModule } from './command';

/** A command, and where its code is. */
export interface CommandEntry {
  /** One line for `--help`. */
  readonly summary: string;
  /** Not in `--help`: what the program calls itself. */
  readonly hidden?: boolean;
  load(): Promise<CommandModule>;
}

/** All commands in the order of `--help`. A file is loaded only when its command is called. */
export const COMMANDS: Readonly<Record<string, CommandEntry>> = {
  list: { summary: 'list virtual clusters', load: () => import('./commands/list.js') },
};
