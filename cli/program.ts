import { Command, CommanderError, Option } from 'commander';
import { RELEASE } from '../syncer/configuration';
import type { CommandModule } from './command';
import { COMMANDS } from './command-table';
import type { Context } from './context';
import { EXIT, Interrupted } from './failure';
import type { HostCluster, HostFlags } from './host';
import { Output, outputFormat } from './output';
import { progressOn } from './progress';

/** Flags with a value that may come before the command's name, as kubectl allows. */
const VALUE_FLAGS = new Set(['--kubeconfig', '--context', '-n', '--namespace', '-o', '--output']);

/**
 * Runs one command line.
 *
 * @param args without program and script
 * @returns the exit code
 */
export async function runProgram(args: readonly string[]): Promise<number> {
  // A reader that went away (`| head`) is no failure.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : EXIT.failed));
  const name = commandName(args);
  const loaded = name !== undefined && Object.hasOwn(COMMANDS, name) ? await COMMANDS[name]?.load() : undefined;
  let exitCode: number = EXIT.ok;
  const program = makeProgram(
    new Map(loaded && name !== undefined ? [[name, loaded]] : []),
    async (command, commandArgs, flags) => {
      exitCode = await runCommand(command, commandArgs, flags);
    },
  );
  try {
    await program.parseAsync([...args], { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    // Help and version were asked for; all else is a command line that cannot be meant.
    return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  }
  return exitCode;
}

/** The command that a line names: the first word that is neither a flag nor the value of one. */
function commandName(args: readonly string[]): string | undefined {
  for (let i = 0; i < args.length; i++) {
    const word = args[i] ?? '';
    if (VALUE_FLAGS.has(word)) i++;
    else if (!word.startsWith('-')) return word === 'help' ? args[i + 1] : word;
  }
  return undefined;
}

type Action = (module: CommandModule, args: readonly unknown[], flags: Record<string, unknown>) => Promise<void>;

/** @param modules commands whose flags are known; of the others, only the names are */
export function makeProgram(modules: ReadonlyMap<string, CommandModule>, action: Action): Command {
  const program = new Command('nestling')
    .description('Virtual Kubernetes clusters on a host cluster.')
    .version(RELEASE, '-v, --version', 'print the version')
    .usage('COMMAND [flags]')
    .helpOption('-h, --help', 'print what there is')
    .helpCommand('help [COMMAND]', 'print what a command does and takes')
    .addHelpText('after', '\nnestling create my-vc1 && nestling connect my-vc1 && kubectl get namespaces')
    .showSuggestionAfterError()
    .exitOverride()
    // What comes after a command is that command's, `--` and all behind it, too.
    .enablePositionalOptions()
    .configureOutput({ writeErr: (text) => process.stderr.write(text) });
  addHostOptions(program);
  for (const [name, entry] of Object.entries(COMMANDS)) {
    const command = program
      .command(name, { hidden: entry.hidden === true })
      .summary(entry.summary)
      .description(sentence(entry.summary))
      .helpOption('-h, --help', 'print this')
      .showSuggestionAfterError()
      .exitOverride();
    const module = modules.get(name);
    if (module === undefined) continue;
    addHostOptions(command);
    module.describe(command);
    command.action(async () =>
      action(module, command.processedArgs as unknown[], { ...program.opts(), ...command.opts() }),
    );
  }
  return program;
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}

function addHostOptions(command: Command): void {
  command
    .addOption(
      new Option('--kubeconfig <file>', 'kubeconfig of the host cluster; else $KUBECONFIG, else ~/.kube/config'),
    )
    .addOption(new Option('--context <name>', 'its context; else the current one'))
    .addOption(new Option('-n, --namespace <namespace>', 'namespace of the host cluster'))
    .addOption(new Option('-o, --output <format>', 'text or json; else text'));
}

async function runCommand(
  module: CommandModule,
  args: readonly unknown[],
  flags: Record<string, unknown>,
): Promise<number> {
  const progress = progressOn(process.stderr);
  const stop = new AbortController();
  let handedOver = false;
  const interrupt = (signal: NodeJS.Signals): void => {
    if (handedOver && signal === 'SIGINT') return;
    // Whoever asks twice does not want to wait for what is cleaned up.
    if (stop.signal.aborted) process.exit(EXIT.interrupted);
    stop.abort(new Interrupted(signal === 'SIGINT' ? 'interrupted' : 'ended by a signal'));
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, interrupt);
  let host: Promise<HostCluster> | undefined;
  try {
    const { kubeconfig, context, namespace } = flags as HostFlags;
    const hostFlags: HostFlags = {
      ...(kubeconfig !== undefined && { kubeconfig }),
      ...(context !== undefined && { context }),
      ...(namespace !== undefined && { namespace }),
    };
    const given: Context = {
      output: new Output(outputFormat(String(flags['output'] ?? 'text')), process.stdout),
      progress,
      stderr: process.stderr,
      signal: stop.signal,
      hostFlags,
      handOver: async (work) => {
        handedOver = true;
        try {
          return await work();
        } finally {
          handedOver = false;
        }
      },
      host: () => (host ??= import('./host.js').then(({ openHost }) => openHost(hostFlags))),
    };
    const code = await module.run(given, args, flags);
    progress.clear();
    return code ?? EXIT.ok;
  } catch (error) {
    progress.clear();
    const { explainError } = await import('./explain-error.js');
    const failure = explainError(error, await host?.catch(() => undefined));
    process.stderr.write(`error: ${failure.message}\n`);
    if (process.env['NESTLING_DEBUG'] === '1') process.stderr.write(`${String((error as Error).stack)}\n`);
    return failure.exitCode;
  } finally {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.off(signal, interrupt);
    await (await host?.catch(() => undefined))?.client.close();
  }
}
