import { KubeClient } from '../../../syncer/kube-client';
import type { BenchHost } from '../bench-host';
import type { Figure } from '../figure';
import { PodWatch } from '../pod-watch';
import { Side } from '../side';
import { quantile } from '../statistics';

type Samples = Record<'create' | 'onHost' | 'back' | 'delete', number[]>;
const noSamples = (): Samples => ({ create: [], onHost: [], back: [], delete: [] });

/** (a) One pod after the other: what a person with `kubectl run` waits for. Directly and through the virtual cluster by turns. */
export async function oneAtATime(bench: BenchHost, rounds: number, samples = 50): Promise<Figure[]> {
  const direct = await bench.namespace();
  const cluster = await bench.launch('one');
  const host = await Side.open(bench.client, direct);
  const virtual = await Side.open(cluster.virtual, 'default');
  const twins = await PodWatch.start(
    new KubeClient(bench.client.connection, { userAgent: 'bench' }),
    cluster.namespace,
  );
  try {
    await pod(virtual, 'warm-up', twins);
    await pod(host, 'warm-up');
    const all = { host: [] as Samples[], virtual: [] as Samples[] };
    for (let round = 0; round < rounds; round += 1) {
      const [ofHost, ofVirtual] = [noSamples(), noSamples()];
      for (let sample = 0; sample < samples; sample += 1) {
        const name = `one-${round}-${sample}`;
        const turns = [
          async () => add(ofHost, await pod(host, name)),
          async () => add(ofVirtual, await pod(virtual, name, twins)),
        ];
        for (const turn of sample % 2 === 0 ? turns : turns.reverse()) await turn();
      }
      all.host.push(ofHost);
      all.virtual.push(ofVirtual);
    }
    const figure = (what: keyof Samples, share: number, title: string, limit?: number): Figure => ({
      id: `one/${what}/p${share * 100}`,
      title: `${title}, p${share * 100}`,
      unit: 'ms',
      values: all.virtual.map((of) => quantile(of[what], share)),
      ...(all.host[0]![what].length > 0 && { direct: all.host.map((of) => quantile(of[what], share)) }),
      ...(limit !== undefined && { limit }),
    });
    return [
      figure('create', 0.5, 'create → Running, one at a time', 2),
      figure('create', 0.99, 'create → Running, one at a time', 2.5),
      figure('onHost', 0.5, 'create → on the host'),
      figure('back', 0.5, 'Running on the host → Running for the tenant'),
      figure('delete', 0.5, 'delete → gone'),
      figure('delete', 0.99, 'delete → gone'),
    ];
  } finally {
    await Promise.all([host.close(), virtual.close(), twins.stop()]);
    await cluster.destroy();
    await bench.removeNamespace(direct);
  }
}

/** One pod's life. */
async function pod(side: Side, name: string, twins?: PodWatch): Promise<Partial<Record<keyof Samples, number>>> {
  const start = performance.now();
  await side.create(name);
  const running = await side.pods.when(name, 'running');
  const there = twins && (await twins.when(name, 'there'));
  const ran = twins && (await twins.when(name, 'running'));
  const end = performance.now();
  await side.delete(name);
  const gone = await side.pods.when(name, 'gone');
  return {
    create: running - start,
    delete: gone - end,
    ...(there !== undefined && { onHost: there - start }),
    ...(ran !== undefined && { back: running - ran }),
  };
}

function add(samples: Samples, one: Partial<Record<keyof Samples, number>>): void {
  for (const [what, value] of Object.entries(one)) samples[what as keyof Samples].push(value);
}
