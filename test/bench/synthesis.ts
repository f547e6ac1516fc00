/** Synthesizes virtual clusters in one app, in a process that does nothing else: `synthesis.ts LAYOUT CLUSTERS`. Prints what it took, as JSON. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App, Chart } from 'cdk8s';
import { VirtualCluster } from '../../constructs';

/** What a synthesis took. */
export interface Synthesis {
  readonly seconds: number;
  /** Of a core; the compiler that runs this file is in both this and the memory. */
  readonly processorSeconds: number;
  /** Most memory at once (RSS). */
  readonly mebibytes: number;
}

/** Ways to lay clusters out in an app. */
export const LAYOUTS: Readonly<Record<string, (app: App, team: string) => void>> = {
  'one-chart': (app, team) => {
    const chart = (app.node.tryFindChild('all') as Chart | undefined) ?? new Chart(app, 'all');
    new VirtualCluster(chart, team, { namespace: team });
  },
  // Its time grows with the square of the charts: cdk8s walks and validates the whole app for each of them.
  'chart-per-tenant': (app, team) => {
    new VirtualCluster(new Chart(app, team, { namespace: team }), 'vc');
  },
};

function synthesize(declare: (app: App, team: string) => void, clusters: number): Synthesis {
  const outdir = mkdtempSync(join(tmpdir(), 'nestling-bench-'));
  try {
    const start = performance.now();
    const app = new App({ outdir });
    for (let index = 0; index < clusters; index++) declare(app, `team-${String(index).padStart(4, '0')}`);
    app.synth();
    const seconds = (performance.now() - start) / 1000;
    const usage = process.resourceUsage();
    return {
      seconds,
      processorSeconds: (usage.userCPUTime + usage.systemCPUTime) / 1e6,
      mebibytes: usage.maxRSS / 1024,
    };
  } finally {
    rmSync(outdir, { recursive: true, force: true });
  }
}

if (require.main === module) {
  const [layout = '', clusters] = process.argv.slice(2);
  console.log(JSON.stringify(synthesize(LAYOUTS[layout]!, Number(clusters))));
}
