/**
 * `npm run bench`: synthesizes 1,000 virtual clusters in one app, first in one chart and then with a chart for each, and prints time, memory and
 * the machine. Fails when the first takes more than the project promises.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { availableParallelism, cpus, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { App, Chart } from 'cdk8s';
import { VirtualCluster } from '../../constructs';

const CLUSTERS = 1_000;
/** What is promised on two cores. */
const MOST_SECONDS = 20;
const MOST_MEBIBYTES = 1024;

const LAYOUTS: Readonly<
  Record<
    string,
    { readonly title: string; readonly isPromised: boolean; readonly declare: (app: App, team: string) => void }
  >
> = {
  'one-chart': {
    title: 'in one chart',
    isPromised: true,
    declare: (app, team) => {
      const chart = (app.node.tryFindChild('all') as Chart | undefined) ?? new Chart(app, 'all');
      new VirtualCluster(chart, team, { namespace: team });
    },
  },
  'chart-per-tenant': {
    // Its time grows with the square of the charts: cdk8s walks and validates the whole app for each of them.
    title: 'with a chart each (for comparison: cdk8s validates the whole app anew for each)',
    isPromised: false,
    declare: (app, team) => {
      new VirtualCluster(new Chart(app, team, { namespace: team }), 'vc');
    },
  },
};

/** Synthesizes in this process, which does nothing else: its memory is what it took. */
function measure({ title, isPromised, declare }: (typeof LAYOUTS)[string]): void {
  const outdir = mkdtempSync(join(tmpdir(), 'nestling-bench-'));
  try {
    const start = performance.now();
    const app = new App({ outdir });
    for (let index = 0; index < CLUSTERS; index++) declare(app, `team-${String(index).padStart(4, '0')}`);
    app.synth();
    const seconds = (performance.now() - start) / 1000;
    const usage = process.resourceUsage();
    // The compiler that runs this file is in both.
    const processor = (usage.userCPUTime + usage.systemCPUTime) / 1e6;
    const mebibytes = usage.maxRSS / 1024;
    const files = readdirSync(outdir);
    const written = files.reduce((sum, file) => sum + statSync(join(outdir, file)).size, 0) / 1024 ** 2;
    console.log(
      `${CLUSTERS} virtual clusters ${title}: ${seconds.toFixed(1)} s (${processor.toFixed(1)} s of a core), ` +
        `at most ${mebibytes.toFixed(0)} MiB of memory, ${files.length} file(s) of ${written.toFixed(0)} MiB`,
    );
    // Synthesis has one thread. On a machine that does nothing else both times are the same.
    if (isPromised && (Math.min(seconds, processor) > MOST_SECONDS || mebibytes > MOST_MEBIBYTES)) {
      console.error(`error: promised are at most ${MOST_SECONDS} s and ${MOST_MEBIBYTES} MiB`);
      process.exitCode = 1;
    }
  } finally {
    rmSync(outdir, { recursive: true, force: true });
  }
}

const layout = LAYOUTS[process.argv[2] ?? ''];
if (layout !== undefined) {
  measure(layout);
} else {
  const memory = (totalmem() / 1024 ** 3).toFixed(1);
  console.log(`${cpus()[0]?.model.trim()}, ${availableParallelism()} cores, ${memory} GiB, Node.js ${process.version}`);
  for (const name of Object.keys(LAYOUTS)) {
    const { status } = spawnSync(process.execPath, [...process.execArgv, __filename, name], { stdio: 'inherit' });
    if (status !== 0) process.exitCode = 1;
  }
}
