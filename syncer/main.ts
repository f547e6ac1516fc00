import { type CommandLine, type OptionForm, parseCommandLine, UsageError } from './command-line';
import { ConfigurationError } from './configuration';

const USAGE = `usage: syncer init [--configuration FILE] --directory DIRECTORY [FLAGS]
       syncer run --directory DIRECTORY [--configuration FILE] [FLAGS]
       syncer pause NAME
       syncer resume NAME
       syncer --print-schema

  init   checks the configuration, makes keys, certificates and the control plane's files, then exits
  run    synchronises the virtual cluster with its host namespace
  pause  scales the control plane of virtual cluster NAME to none and takes its tenant's pods from the host; all state stays
  resume gives the control plane its replicas back; the tenant's pods come back with it

  --configuration FILE     the SyncerConfiguration document (YAML or JSON); for run: instead of the one that init left
  --directory DIRECTORY    where init writes its files, and where run finds and renews them
  --print-configuration    writes the configuration, checked and with all defaults, and exits
  --print-schema           writes the JSON schema of the document and exits
  --help, -h               lists all flags of the document

Environment: POD_NAMESPACE, POD_NAME, POD_IP, HOST_IP (from the pod's own fields).

Each field of the document is a flag of the same name, which wins over the document:
`;

const OWN_OPTIONS: ReadonlyMap<string, OptionForm> = new Map([
  ['configuration', 'value'],
  ['directory', 'value'],
  ['help', 'switch'],
  ['print-configuration', 'switch'],
  ['print-schema', 'switch'],
]);

/** Flags to start: nothing else is decided here. */
async function main(): Promise<void> {
  const args = process.argv.slice(2);
  const own = parseCommandLine(args, OWN_OPTIONS);
  const [command] = own.words;
  if (command === 'run' && own.unknown.length === 0 && own.options.every(({ name }) => name === 'directory')) {
    // As every syncer starts: without the libraries that only checking takes.
    const { runSyncer } = await import('./run.js');
    return runSyncer({ directory: required(own, 'directory') });
  }
  if ((command === 'pause' || command === 'resume') && own.unknown.length === 0 && own.options.length === 0) {
    const [, name, ...rest] = own.words;
    if (name === undefined || rest.length > 0) throw new UsageError(`give the one virtual cluster: ${command} NAME`);
    const { runSleepCommand } = await import('./sleep-command.js');
    return runSleepCommand(command, name);
  }
  const settings = await import('./settings.js');
  const forms = new Map([...OWN_OPTIONS, ...settings.flagForms()]);
  const line = parseCommandLine(args, forms);
  const given = (name: string): boolean => line.options.some((option) => option.name === name);
  if (given('help')) return write(`${USAGE}\n${settings.settingsHelp()}`);
  settings.refuseUnknown(line.unknown, forms.keys());
  if (given('print-schema')) return write(settings.schemaText());
  if (line.words.length !== 1 || (command !== 'init' && command !== 'run')) {
    throw new UsageError(
      `unknown command "${line.words.join(' ')}": give init, run, pause or resume (--help lists all flags)`,
    );
  }
  const sources = {
    file: optional(line, 'configuration'),
    flags: line.options.filter(({ name }) => !OWN_OPTIONS.has(name)),
  };
  if (given('print-configuration') && command === 'init') {
    return write(settings.configurationText(await settings.loadConfiguration(sources)));
  }
  const directory = required(line, 'directory');
  if (command === 'init') {
    const configuration = await settings.loadConfiguration(sources);
    const { runInit } = await import('./init.js');
    return runInit({ configuration, directory, settingsFile: sources.file });
  }
  const configuration = await settings.loadRunningConfiguration(sources, directory);
  if (given('print-configuration')) return write(settings.configurationText(configuration));
  const { runSyncer } = await import('./run.js');
  return runSyncer({ directory, configuration });
}

function optional(line: CommandLine, name: string): string | undefined {
  const texts = line.options.filter((option) => option.name === name);
  if (texts.length > 1) throw new UsageError(`--${name} is given more than once`);
  return texts[0]?.text;
}

function required(line: CommandLine, name: string): string {
  const text = optional(line, name);
  if (text === undefined) throw new UsageError(`--${name} is missing (--help lists all flags)`);
  return text;
}

function write(text: string): Promise<void> {
  return new Promise((resolve) => process.stdout.write(text, () => resolve()));
}

/** Errors of the host's objects whose message is all there is to know; by name, as their room is not loaded to run. */
const TOLD: ReadonlySet<string> = new Set(['VersionError', 'MaterialError', 'SecondStoreError']);

main().catch((error: unknown) => {
  if ((error as { name?: string }).name === 'AbortError') process.exit(0); // told to stop while it started
  const expected =
    error instanceof UsageError || error instanceof ConfigurationError || TOLD.has((error as Error).name);
  const text = error instanceof Error ? ((expected ? undefined : error.stack) ?? error.message) : String(error);
  process.stderr.write(`error: ${text}\n`);
  process.exit(error instanceof UsageError ? 2 : 1);
});
