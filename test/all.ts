/**
 * `npm test [-- SUITE...] [JEST ARGUMENTS]`: runs the suites one after the other and ends with one line,
 * `N passed, N failed[, N skipped]`, added up from jest's own reports (also in build/test-report.json).
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';

const root = join(__dirname, '..');
const reports = join(root, 'build', 'test-reports');

/** What jest is told for each suite; the order is that of a full run, cheapest first. */
const suites: Record<string, readonly string[]> = {
  // Jest's own five seconds are too few for a busy machine.
  unit: ['--testTimeout=60000'],
  integration: ['--testTimeout=120000', '--maxWorkers=2'],
  // One host cluster, two cores: one file at a time.
  e2e: ['--testTimeout=300000', '--runInBand'],
  // Proofs that take their time: only when named.
  long: ['--testTimeout=1800000', '--runInBand'],
};
/** What a run that names no suite consists of. */
const DEFAULT_SUITES = ['unit', 'integration', 'e2e'];
/** Suites that need the host cluster. */
const ON_HOST: ReadonlySet<string> = new Set(['e2e', 'long']);

const USAGE = `usage: npm test [-- SUITE... | FILE...] [OPTIONS OF JEST]

  SUITE   ${Object.keys(suites).join(', ')}; ${DEFAULT_SUITES.join(', ')} when none is named

  npm run test:unit -- test/unit/pki -t 'leafs'    one folder, tests whose name matches
`;

interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

let running: ChildProcess | undefined;
const stop = new AbortController();
/** What ended the run before its time. */
let interrupted: NodeJS.Signals | undefined;

/** Lets the running suite clean up, and starts no other. */
function stopOn(signal: NodeJS.Signals): void {
  process.on(signal, () => {
    interrupted = signal;
    stop.abort();
    // A terminal sends an interrupt to the whole group, jest included.
    if (signal !== 'SIGINT' || !process.stdin.isTTY) running?.kill(signal);
  });
}

function jest(suite: string, extra: readonly string[]): Promise<Counts> {
  const report = join(reports, `${suite}.json`);
  rmSync(report, { force: true });
  const args = [
    '--experimental-vm-modules',
    '--disable-warning=ExperimentalWarning',
    join(root, 'node_modules/jest/bin/jest.js'),
    ...(extra.some((argument) => !argument.startsWith('-')) ? [] : [`test/${suite}/`]),
    '--json',
    `--outputFile=${report}`,
    ...(suites[suite] ?? []),
    ...extra,
  ];
  const started = Date.now();
  process.stderr.write(`\n== ${suite}\n`);
  return new Promise((resolve) => {
    // Jest writes its JSON to the file and its progress to stderr.
    const child = spawn(process.execPath, args, { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] });
    running = child;
    child.on('exit', (code) => {
      running = undefined;
      process.stderr.write(`== ${suite}: ${((Date.now() - started) / 1000).toFixed(0)} s\n`);
      resolve(count(suite, report, code));
    });
  });
}

/**
 * Runs the end-to-end suite on the one host cluster that its files share, and takes that down afterwards, however the run
 * ends, unless it was there before (`npm run host -- up`): then it stays, which makes repeated runs quick.
 */
async function onHost(run: () => Promise<Counts>): Promise<Counts> {
  const { resolveHost, standardErrorLog } = await import('./host-cluster/index.js');
  const { provideImages } = await import('./virtual-cluster/index.js');
  let down = (): Promise<void> => Promise.resolve();
  try {
    const host = await resolveHost({ log: standardErrorLog, signal: stop.signal });
    if (!host.wasThere) down = () => host.down(standardErrorLog);
    await provideImages(host, standardErrorLog);
    return interrupted === undefined ? await run() : { passed: 0, failed: 1, skipped: 0 };
  } catch (error) {
    process.stderr.write(`error: ${error instanceof Error ? error.message : String(error)}\n`);
    return { passed: 0, failed: 1, skipped: 0 };
  } finally {
    await down();
  }
}

/** Reads jest's report; a run that wrote none, or failed outside of any test, counts as one failure. */
function count(suite: string, report: string, code: number | null): Counts {
  try {
    const result = JSON.parse(readFileSync(report, 'utf8')) as {
      numPassedTests: number;
      numFailedTests: number;
      numPendingTests: number;
      numTodoTests: number;
      numRuntimeErrorTestSuites: number;
      numTotalTests: number;
    };
    let failed = result.numFailedTests + result.numRuntimeErrorTestSuites;
    if (failed === 0 && code !== 0) failed = 1;
    if (result.numTotalTests === 0) failed += 1;
    return { passed: result.numPassedTests, failed, skipped: result.numPendingTests + result.numTodoTests };
  } catch (error) {
    process.stderr.write(`${suite}: jest ended with code ${code} and wrote no report (${String(error)})\n`);
    return { passed: 0, failed: 1, skipped: 0 };
  }
}

async function main(): Promise<void> {
  const args = process.argv.slice(2);
  if (args.includes('--help') || args.includes('-h')) {
    process.stdout.write(USAGE);
    return;
  }
  const chosen = args.filter((argument) => Object.hasOwn(suites, argument));
  const extra = args.filter((argument) => !Object.hasOwn(suites, argument));
  const summary = join(root, 'build', 'test-report.json');
  rmSync(summary, { force: true }); // a run that is killed leaves none, rather than that of an earlier one
  mkdirSync(reports, { recursive: true });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) stopOn(signal);
  const total: Counts = { passed: 0, failed: 0, skipped: 0 };
  for (const suite of chosen.length > 0 ? chosen : DEFAULT_SUITES) {
    const counts = await (ON_HOST.has(suite) ? onHost(() => jest(suite, extra)) : jest(suite, extra));
    total.passed += counts.passed;
    total.failed += counts.failed;
    total.skipped += counts.skipped;
    if (interrupted !== undefined) break;
  }
  writeFileSync(summary, JSON.stringify(total));
  const skipped = total.skipped > 0 ? `, ${total.skipped} skipped` : '';
  process.stdout.write(`${total.passed} passed, ${total.failed} failed${skipped}\n`);
  if (interrupted !== undefined) process.exitCode = 128 + constants.signals[interrupted];
  else process.exitCode = total.failed > 0 ? 1 : 0;
}

void main();
