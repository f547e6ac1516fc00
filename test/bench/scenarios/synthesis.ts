import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import type { Figure } from '../figure';
import { LAYOUTS } from '../synthesis';
import type { Synthesis } from '../synthesis';

const SIZES = [1, 10, 100, 1_000];
/** What is promised of 1,000 clusters in one chart, on two cores. */
const MOST_SECONDS = 20;
const MOST_MEBIBYTES = 1_024;

/** (h) Synthesis of 1 to 1,000 clusters, each in a process of its own. */
export function synthesis(rounds: number): Figure[] {
  return Object.keys(LAYOUTS).flatMap((layout) => {
    const title = layout === 'one-chart' ? 'in one chart' : 'with a chart each, which cdk8s validates anew for each';
    return SIZES.flatMap((size) => {
      const all = Array.from({ length: rounds }, () => run(layout, size));
      const isPromised = layout === 'one-chart' && size === 1_000;
      const clusters = `${size} virtual cluster${size === 1 ? '' : 's'}`;
      return [
        {
          id: `synthesis/${layout}/${size}/seconds`,
          title: `synthesis of ${clusters} ${title}`,
          unit: 's' as const,
          // It has one thread: where others take the machine's cores, what it took of one says more than the clock.
          values: all.map(({ seconds, processorSeconds }) => Math.min(seconds, processorSeconds)),
          ...(isPromised && { limit: MOST_SECONDS }),
        },
        {
          id: `synthesis/${layout}/${size}/memory`,
          title: `synthesis of ${clusters} ${title}: most memory`,
          unit: 'MiB' as const,
          values: all.map(({ mebibytes }) => mebibytes),
          ...(isPromised && { limit: MOST_MEBIBYTES }),
        },
      ];
    });
  });
}

function run(layout: string, clusters: number): Synthesis {
  const arguments_ = [...process.execArgv, join(__dirname, '..', 'synthesis.ts'), layout, String(clusters)];
  const { status, stdout } = spawnSync(process.execPath, arguments_, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (status !== 0) throw new Error(`synthesis of ${clusters} clusters (${layout}) ended with code ${status}`);
  return JSON.parse(stdout) as Synthesis;
}
