import type { Pod } from 'kubernetes-types/core/v1';
import { setTimeout as sleep } from 'node:timers/promises';
import { controlPlaneNames } from '../../../syncer/configuration';
import { resources } from '../../../syncer/kube-client';
import type { BenchHost } from '../bench-host';
import { controlPlaneProcesses } from '../control-plane-processes';
import type { Figure } from '../figure';
import { processMemory } from '../processes';
import { Side } from '../side';

const LIMITS: Readonly<Record<number, number>> = { 1_000: 120, 10_000: 450 };
const SETTLE_MS = 30_000;

/** (f) Memory of the syncer with many pods at rest, and how soon one that starts again is up to date. */
export async function manyPods(bench: BenchHost, sizes: readonly number[]): Promise<Figure[]> {
  const figures: Figure[] = [];
  const cluster = await bench.launch('many');
  const side = await Side.open(cluster.virtual, 'default');
  try {
    let made = 0;
    for (const size of sizes) {
      while (made < size) {
        // Not all at once, which is the bursts' to measure.
        const until = Math.min(size, made + 500);
        for (; made < until; made += 1) await side.create(`many-${made}`);
        await side.pods.untilCount('running', made);
      }
      await sleep(SETTLE_MS);
      const pid = (await controlPlaneProcesses(cluster)).get('syncer') ?? 0;
      figures.push({
        id: `many/${size}/memory`,
        title: `memory of the syncer (RSS) with ${size} pods`,
        unit: 'MiB',
        values: [processMemory(pid).resident],
        ...(LIMITS[size] !== undefined && { limit: LIMITS[size] }),
      });
      const { namespace, name, host } = cluster;
      const pod = await host.get<Pod>(resources.pods, { namespace, name: controlPlaneNames(name).pod });
      const id = pod.status?.containerStatuses?.find((container) => container.name === 'syncer')?.containerID;
      const from = performance.now();
      await bench.host.killContainer((id ?? '').replace('containerd://', ''));
      await side.create(`after-${size}`);
      const synced = (await side.pods.when(`after-${size}`, 'running')) - from;
      made += 1;
      figures.push({
        id: `many/${size}/restart`,
        title: `syncer killed with ${size} pods → a pod that is created then runs`,
        unit: 's',
        values: [synced / 1000],
        ...(size === 10_000 && { limit: 15 }),
      });
    }
    return figures;
  } finally {
    await side.close();
    await cluster.destroy();
  }
}
