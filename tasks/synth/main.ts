/**
 * `npm run synth [-- --app COMMAND] [--output FOLDER]`: what `cdk8s synth` does with cdk8s.yaml, with wrong input told in
 * one error that names construct, property, value and remedy, and with nothing written then.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { parse } from 'yaml';
import { synthesizeInto, SynthesisError } from './run-app';

const USAGE = `usage: npm run synth [-- OPTIONS]

  --app <command>    the app to run (default: that of cdk8s.yaml)
  --output <folder>  where to write the manifests (default: that of cdk8s.yaml)
`;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      app: { type: 'string' },
      output: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(USAGE);
    return;
  }
  const project = parse(readFileSync('cdk8s.yaml', 'utf8')) as { app: string; output: string };
  const output = values.output ?? project.output;
  const files = await synthesizeInto(output, { command: values.app ?? project.app });
  for (const file of files) process.stdout.write(`${join(output, file)}\n`);
}

main().catch((error: unknown) => {
  // The app said itself what is wrong.
  if (!(error instanceof SynthesisError)) {
    const { code, message } = error as NodeJS.ErrnoException;
    process.stderr.write(
      code?.startsWith('ERR_PARSE_ARGS') ? `error: ${message}; see npm run synth -- --help\n` : `error: ${message}\n`,
    );
  }
  process.exitCode = 1;
});
