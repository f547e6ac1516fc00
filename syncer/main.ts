import { parseArgs } from 'node:util';

const USAGE = `usage: syncer init --configuration FILE --directory DIRECTORY
       syncer run --directory DIRECTORY

  init   checks the configuration, makes keys, certificates and the control plane's files, then exits
  run    synchronises the virtual cluster with its host namespace

  --configuration FILE     the SyncerConfiguration document (YAML)
  --directory DIRECTORY    where init writes its files, or where run finds the syncer's own

Environment: POD_NAMESPACE, POD_NAME, POD_IP (from the pod's own fields).
`;

/** Flags to start: nothing else is decided here. */
async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    options: {
      configuration: { type: 'string' },
      directory: { type: 'string' },
      help: { type: 'boolean', short: 'h' },
    },
    allowPositionals: true,
  });
  const [command, ...rest] = positionals;
  if (values.help) {
    process.stdout.write(USAGE);
    return;
  }
  if (rest.length > 0 || (command !== 'init' && command !== 'run')) {
    throw new UsageError(`unknown command "${positionals.join(' ')}"; give init or run`);
  }
  const { configuration, directory } = values;
  if (directory === undefined) throw new UsageError('--directory is missing');
  if (command === 'init') {
    if (configuration === undefined) throw new UsageError('--configuration is missing');
    const { runInit } = await import('./init.js');
    await runInit({ configuration, directory });
  } else {
    if (configuration !== undefined) throw new UsageError('run takes no --configuration: init has checked it');
    const { runSyncer } = await import('./run.js');
    await runSyncer({ directory });
  }
}

class UsageError extends Error {}

main().catch((error: unknown) => {
  if ((error as { name?: string }).name === 'AbortError') process.exit(0); // told to stop while it started
  if (error instanceof UsageError || (error as { code?: string }).code?.startsWith('ERR_PARSE_ARGS')) {
    process.stderr.write(`error: ${(error as Error).message}\n\n${USAGE}`);
    process.exit(2);
  }
  process.stderr.write(`error: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exit(1);
});
