/**
 * `npm test [-- SUITE...] [JEST ARGUMENTS]`: runs the suites one after the other and ends with one line,
 * `N passed, N failed[, N skipped]`, added up from jest's own reports (also in build/test-report.json).
 */
import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(__dirname, '..');
const reports = join(root, 'build', 'test-reports');

/** What jest is told for each suite; the order is that of a full run, cheapest first. */
const suites: Record<string, readonly string[]> = {
  unit: [],
  integration: ['--testTimeout=120000', '--maxWorkers=2'],
  // One host cluster, two cores: one file at a time.
  e2e: ['--testTimeout=300000', '--runInBand', `--globalSetup=${join(root, 'test/e2e/setup.ts')}`],
};

interface Counts {
  passed: number;
  failed: number;
  skipped: number;
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
    // Jest writes its JSON to the file and its progress to stderr; an interrupt reaches it through the terminal.
    const child = spawn(process.execPath, args, { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] });
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => child.kill(signal));
    child.on('exit', (code) => {
      process.stderr.write(`== ${suite}: ${((Date.now() - started) / 1000).toFixed(0)} s\n`);
      resolve(count(suite, report, code));
    });
  });
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
  const chosen = args.filter((argument) => argument in suites);
  const extra = args.filter((argument) => !(argument in suites));
  mkdirSync(reports, { recursive: true });
  const total: Counts = { passed: 0, failed: 0, skipped: 0 };
  for (const suite of chosen.length > 0 ? chosen : Object.keys(suites)) {
    const counts = await jest(suite, extra);
    total.passed += counts.passed;
    total.failed += counts.failed;
    total.skipped += counts.skipped;
  }
  writeFileSync(join(root, 'build', 'test-report.json'), JSON.stringify(total));
  const skipped = total.skipped > 0 ? `, ${total.skipped} skipped` : '';
  process.stdout.write(`${total.passed} passed, ${total.failed} failed${skipped}\n`);
  process.exitCode = total.failed > 0 ? 1 : 0;
}

void main();
