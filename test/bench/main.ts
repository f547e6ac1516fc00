/**
 * `npm run bench [-- --only NAMES] [--rounds N] [--sizes N,N] [--out DIRECTORY] [--compare OLD.json]`: what virtual clusters cost, on real API
 * servers, by turns with the same done directly on the host. Prints a table; `--out` keeps it, with JSON and a chart.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Interruption } from '../../tasks/demo/interruption';
import { InterruptedError, standardErrorLog, withElapsedTime } from '../host-cluster';
import type { Log } from '../host-cluster';
import { BenchHost } from './bench-host';
import { compare } from './figure';
import type { Figure } from './figure';
import { thisMachine } from './machine';
import { chart, markdown, missed } from './report';
import type { Run } from './report';
import { apiRequests } from './scenarios/api-requests';
import { bursts } from './scenarios/bursts';
import { idle } from './scenarios/idle';
import { manyPods } from './scenarios/many-pods';
import { oneAtATime } from './scenarios/one-at-a-time';
import { start } from './scenarios/start';
import { synthesis } from './scenarios/synthesis';

interface Choices {
  readonly rounds: number;
  readonly sizes: readonly number[];
}

/** Those that need a host cluster. */
const SCENARIOS: Readonly<Record<string, (bench: BenchHost, choices: Choices) => Promise<Figure[]>>> = {
  one: (bench, { rounds }) => oneAtATime(bench, rounds),
  bursts: (bench, { rounds, sizes }) => bursts(bench, rounds, sizes),
  api: (bench, { rounds }) => apiRequests(bench, Math.max(rounds, 5)),
  start: (bench, { rounds }) => start(bench, rounds),
  idle: (bench, { rounds }) => idle(bench, rounds),
  many: (bench, { sizes }) => manyPods(bench, sizes),
};

const NAMES = ['synthesis', ...Object.keys(SCENARIOS)];

const USAGE = `usage: npm run bench -- [options]

  --only NAMES     some of: ${NAMES.join(', ')}; default all
  --rounds N       how often each is done; the median counts; default 3
  --sizes N,N      pods of the bursts; default 500,1000
  --out DIRECTORY  writes results.json, README.md and ratios.svg there
  --compare FILE   results.json of another run: prints what changed, and fails when something is worse than chance explains
`;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      only: { type: 'string', default: NAMES.join(',') },
      rounds: { type: 'string', default: '3' },
      sizes: { type: 'string', default: '500,1000' },
      out: { type: 'string' },
      compare: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return void process.stdout.write(USAGE);
  const names = values.only.split(',');
  for (const name of names) {
    if (!NAMES.includes(name)) throw new Error(`--only: there is no "${name}"; give some of ${NAMES.join(', ')}`);
  }
  const choices = {
    rounds: positive('rounds', values.rounds),
    sizes: values.sizes.split(',').map((one) => positive('sizes', one)),
  };
  const old = values.compare === undefined ? undefined : (JSON.parse(readFileSync(values.compare, 'utf8')) as Run);

  const machine = thisMachine();
  const log = withElapsedTime(standardErrorLog);
  const figures: Figure[] = [];
  if (names.includes('synthesis')) {
    log('scenario synthesis');
    figures.push(...synthesis(choices.rounds));
  }
  const onHost = names.filter((name) => Object.hasOwn(SCENARIOS, name));
  if (onHost.length > 0) figures.push(...(await measureOnHost(onHost, choices, log)));
  const run: Run = { machine, figures };
  process.stdout.write(markdown(run));
  const promises = missed(figures);
  for (const line of promises) console.log(`missed: ${line}`);
  if (promises.length > 0) process.exitCode = 1;
  if (values.out !== undefined) {
    mkdirSync(values.out, { recursive: true });
    writeFileSync(join(values.out, 'results.json'), `${JSON.stringify(run, undefined, 1)}\n`);
    writeFileSync(join(values.out, 'README.md'), `# Benchmarks\n\n${markdown(run)}\n![Ratios](ratios.svg)\n`);
    writeFileSync(join(values.out, 'ratios.svg'), chart(run));
  }
  if (old) {
    const changes = compare(old.figures, figures);
    for (const { id, change, noise, isWorse } of changes) {
      console.log(`${isWorse ? 'WORSE' : '     '} ${id}: ${change.toFixed(2)} × (noise ${(noise * 100).toFixed(0)} %)`);
    }
    if (changes.some(({ isWorse }) => isWorse)) process.exitCode = 1;
  }
}

async function measureOnHost(names: readonly string[], choices: Choices, log: Log): Promise<Figure[]> {
  const interruption = new Interruption(log);
  const bench = await BenchHost.start(log, interruption.signal);
  const figures: Figure[] = [];
  try {
    for (const name of names) {
      log(`scenario ${name}`);
      figures.push(...(await interruption.during(SCENARIOS[name]!(bench, choices))));
    }
  } catch (error) {
    if (!(error instanceof InterruptedError)) throw error;
  } finally {
    await bench.stop(log);
    // The scenario may still be under way; nobody waits for it.
    if (interruption.exitCode !== undefined) process.exit(interruption.exitCode);
  }
  return figures;
}

function positive(flag: string, text: string): number {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 1)
    throw new Error(`--${flag} is "${text}"; give whole numbers of at least 1`);
  return number;
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
