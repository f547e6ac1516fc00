import type { BenchHost } from '../bench-host';
import type { Figure } from '../figure';
import { Side } from '../side';

/** (e) From apply to an answering API server and to the first pod, with images present. */
export async function start(bench: BenchHost, rounds: number): Promise<Figure[]> {
  const answers: number[] = [];
  const pods: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const before = performance.now();
    const cluster = await bench.launch('start');
    try {
      answers.push(cluster.answeredAfterMs / 1000);
      const side = await Side.open(cluster.virtual, 'default');
      await side.create('first');
      pods.push(((await side.pods.when('first', 'running')) - before) / 1000);
      await side.close();
    } finally {
      await cluster.destroy();
    }
  }
  return [
    { id: 'start/answers', title: 'apply → API answers', unit: 's', values: answers, limit: 8 },
    { id: 'start/pod', title: 'apply → first pod Running (simulated node)', unit: 's', values: pods, limit: 10 },
  ];
}
