/**
 * `npm test [-- SUITE...] [JEST ARGUMENTS]`: runs the suites one after the other and ends with one line,
 * `N passed, N failed[, N skipped]`, added up from jest's own reports (also in build/test-report.json).
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { KUBERNETES_PAIRS, type KubernetesPair } from '../syncer/configuration';

const root = join(__dirname, '..');
const reports = join(root, 'build', 'test-reports');

/** What jest is told for each suite; the order is that of a full run, cheapest first. */
const suites: Record<string, readonly string[]> = {
  // Jest's own five seconds are too few for a busy machine.
  unit: ['--testTimeout=60000'],
  integration: ['--testTimeout=120000', '--maxWorkers=2'],
  // One host cluster; each file has a virtual cluster of its own and mostly waits, so that two of them share the cores well.
  e2e: ['--testTimeout=300000', '--maxWorkers=2'],
  // Proofs that take their time: only when named, and one at a time, as some count what the whole host is asked for.
  long: ['--testTimeout=1800000', '--runInBand'],
  // Its programs take long to make: only when named.
  versions: ['--testTimeout=120000', '--maxWorkers=2'],
};
/** What a run that names no suite consists of. */
const DEFAULT_SUITES = ['unit', 'integration', 'e2e'];
/** Suites that need the host cluster. */
const ON_HOST: ReadonlySet<string> = new Set(['e2e', 'long']);

/** What the suite `versions` runs between API servers of two minors, beside its own files. */
const SKEWED_FILES = ['test/integration/kinds-', 'test/integration/pod-budget', 'test/integration/services-types'];
/** What it runs between those that stand between pairs that have all of them. */
const NEAR_FILES = ['pods', 'contents', 'claims'].map((kind) => `test/integration/kinds-${kind}.test.ts`);
/** Minors of Kubernetes that all suites run with where nothing else is said. */
const NEWEST = '1.37';

/** What the suite `versions` runs between a pair of minors. */
function filesOf({ host, virtual }: KubernetesPair): readonly string[] {
  const isFar = host !== virtual && (host === NEWEST || virtual === NEWEST);
  return isFar ? SKEWED_FILES : NEAR_FILES;
}

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

/**
 * @param suite whose options jest gets
 * @param extra options and files; without files all of the suite
 * @param name of the run and its report. @default the suite's
 * @param environment added to this process's
 */
function jest(
  suite: string,
  extra: readonly string[],
  name = suite,
  environment: Readonly<Record<string, string>> = {},
): Promise<Counts> {
  const report = join(reports, `${name.replaceAll(/[^\w.=,-]+/g, '-')}.json`);
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
  process.stderr.write(`\n== ${name}\n`);
  return new Promise((resolve) => {
    // Jest writes its JSON to the file and its progress to stderr.
    const child = spawn(process.execPath, args, {
      cwd: root,
      stdio: ['ignore', 'ignore', 'inherit'],
      env: { ...process.env, ...environment },
    });
    running = child;
    child.on('exit', (code) => {
      running = undefined;
      process.stderr.write(`== ${name}: ${((Date.now() - started) / 1000).toFixed(0)} s\n`);
      resolve(count(name, report, code));
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

/**
 * The suite `versions`: its own files, then the tests of pods and of the other kinds with a host and a virtual cluster of
 * different minors.
 */
async function acrossVersions(extra: readonly string[]): Promise<Counts> {
  const { KUBERNETES_MINORS, resolveBinaries, standardErrorLog } = await import('./host-cluster/index.js');
  const { testedVersions } = await import('./integration/tested-versions.js');
  const total: Counts = { passed: 0, failed: 0, skipped: 0 };
  const one = process.env['NESTLING_TEST_VERSIONS'];
  const files = extra.filter((argument) => /^(?:\.\/)?test\//.test(argument));
  const options = extra.filter((argument) => !files.includes(argument));
  const own = files.filter((file) => file.includes('test/versions/'));
  const skewed = files.filter((file) => !own.includes(file));
  const needed = Object.keys(KUBERNETES_MINORS) as (keyof typeof KUBERNETES_MINORS)[];
  try {
    const pairs = one
      ? [testedVersions(one)]
      : KUBERNETES_PAIRS.filter(({ host, virtual }) => host !== NEWEST || virtual !== NEWEST);
    for (const { host, virtual } of pairs) testedVersions(`host=${host},virtual=${virtual}`);
    for (const minor of needed) {
      const names = ['etcd', 'kube-apiserver', 'kube-controller-manager', 'kube-scheduler'] as const;
      await resolveBinaries(names, standardErrorLog, stop.signal, minor);
    }
    const runs = [
      ...(files.length > 0 && own.length === 0 ? [] : [() => jest('versions', [...options, ...own])]),
      ...(files.length > 0 && skewed.length === 0
        ? []
        : pairs.map((pair) => () => {
            const tests = skewed.length > 0 ? skewed : filesOf(pair);
            const skew = `host=${pair.host},virtual=${pair.virtual}`;
            return jest('versions', [...options, ...tests], `versions ${skew}`, { NESTLING_TEST_VERSIONS: skew });
          })),
    ];
    for (const run of runs) {
      add(total, await run());
      if (interrupted !== undefined) break;
    }
  } catch (error) {
    process.stderr.write(`error: ${error instanceof Error ? error.message : String(error)}\n`);
    total.failed += 1;
  }
  return total;
}

function add(total: Counts, more: Counts): void {
  total.passed += more.passed;
  total.failed += more.failed;
  total.skipped += more.skipped;
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
    if (ON_HOST.has(suite)) add(total, await onHost(() => jest(suite, extra)));
    else if (suite === 'versions') add(total, await acrossVersions(extra));
    else add(total, await jest(suite, extra));
    if (interrupted !== undefined) break;
  }
  writeFileSync(summary, JSON.stringify(total));
  const skipped = total.skipped > 0 ? `, ${total.skipped} skipped` : '';
  process.stdout.write(`${total.passed} passed, ${total.failed} failed${skipped}\n`);
  if (interrupted !== undefined) process.exitCode = 128 + constants.signals[interrupted];
  else process.exitCode = total.failed > 0 ? 1 : 0;
}

void main();
