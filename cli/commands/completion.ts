import type { Command } from 'commander';
import { COMMANDS } from '../command-table';
import { completionScript, SHELLS } from '../completion';
import type { Shell } from '../completion';
import type { Context } from '../context';
import { UsageFailure } from '../failure';
import { makeProgram } from '../program';

export function describe(command: Command): void {
  command.argument('<shell>', SHELLS.join(', ')).addHelpText(
    'after',
    `
  bash: source <(nestling completion bash)
  zsh:  nestling completion zsh > "\${fpath[1]}/_nestling"
  fish: nestling completion fish > ~/.config/fish/completions/nestling.fish`,
  );
}

export async function run({ output }: Context, [given]: readonly unknown[]): Promise<void> {
  const shell = SHELLS.find((one) => one === given);
  if (shell === undefined) throw new UsageFailure(`shell ${String(given)} is not known: write ${SHELLS.join(', ')}`);
  const modules = await Promise.all(
    Object.entries(COMMANDS).map(async ([name, entry]) => [name, await entry.load()] as const),
  );
  const program = makeProgram(new Map(modules), () => Promise.resolve());
  const commands = program.commands
    .filter((command) => COMMANDS[command.name()]?.hidden !== true)
    .map((command) => ({
      name: command.name(),
      summary: command.summary(),
      flags: [...command.options, { short: '-h', long: '--help', description: 'print this', required: false }].map(
        ({ short, long, description, required }) => ({
          names: [short, long].filter((name): name is string => typeof name === 'string'),
          description,
          takesValue: required,
        }),
      ),
    }));
  output.raw(completionScript(shell satisfies Shell, commands));
}
