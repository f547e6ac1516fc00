// Loaded before a cdk8s app: what is wrong with its constructs is told without the stack of the library that found it.
const HEADING = 'Validation failed with the following errors:\n';

process.on('uncaughtException', (error) => {
  const message = error instanceof Error ? error.message : '';
  if (message.startsWith(HEADING)) {
    // One line each: `[PATH OF THE CONSTRUCT] PROPERTY: VALUE: what is wrong and the remedy`.
    const problems = message.slice(HEADING.length).split('\n');
    const [only = ''] = problems;
    process.stderr.write(
      problems.length === 1
        ? `error: ${only.trim()}\n`
        : `error: ${problems.length} properties of constructs are wrong:\n${problems.join('\n')}\n`,
    );
  } else {
    console.error(error);
  }
  process.exit(1);
});
