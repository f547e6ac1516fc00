import { setTimeout as sleep } from 'node:timers/promises';
import type { BenchHost } from '../bench-host';
import { controlPlaneProcesses } from '../control-plane-processes';
import type { Figure } from '../figure';
import { processMemory, processSeconds } from '../processes';

/** Seconds in which what starts late settles, and in which is measured. */
const SETTLE_SECONDS = 60;
const MEASURE_SECONDS = 60;

/** (f) What a control plane costs that nobody uses: memory and CPU of each of its processes. */
export async function idle(bench: BenchHost, rounds: number): Promise<Figure[]> {
  const cluster = await bench.launch('idle');
  try {
    await sleep(SETTLE_SECONDS * 1000);
    const processes = await controlPlaneProcesses(cluster);
    const measured = new Map<string, { resident: number; anonymous: number; milli: number }[]>();
    for (let round = 0; round < rounds; round += 1) {
      const before = new Map([...processes].map(([name, pid]) => [name, processSeconds(pid)]));
      const from = performance.now();
      await sleep(MEASURE_SECONDS * 1000);
      const seconds = (performance.now() - from) / 1000;
      for (const [name, pid] of processes) {
        const milli = ((processSeconds(pid) - before.get(name)!) / seconds) * 1000;
        measured.set(name, [...(measured.get(name) ?? []), { ...processMemory(pid), milli }]);
      }
    }
    const all = [...measured.values()];
    const sums = Array.from({ length: rounds }, (_, round) => ({
      resident: sum(all.map((of) => of[round]!.resident)),
      anonymous: sum(all.map((of) => of[round]!.anonymous)),
      milli: sum(all.map((of) => of[round]!.milli)),
    }));
    const figure = (
      id: string,
      title: string,
      of: readonly { resident: number; anonymous: number; milli: number }[],
      limits: { resident?: number; anonymous?: number; milli?: number } = {},
    ): Figure[] =>
      (
        [
          ['resident', 'RSS', 'MiB'],
          ['anonymous', 'anonymous memory', 'MiB'],
          ['milli', 'CPU', 'mCPU'],
        ] as const
      ).map(([what, word, unit]) => ({
        id: `idle/${id}/${what}`,
        title: `${title}, idle: ${word}`,
        unit,
        values: of.map((one) => one[what]),
        ...(limits[what] !== undefined && { limit: limits[what] }),
      }));
    return [
      ...figure('all', 'whole control plane', sums, { resident: 450, anonymous: 230, milli: 40 }),
      ...[...measured].flatMap(([name, of]) =>
        figure(name, name, of, name === 'syncer' ? { resident: 70, milli: 5 } : {}),
      ),
    ];
  } finally {
    await cluster.destroy();
  }
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
