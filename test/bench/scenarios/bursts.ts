import type { Deployment } from 'kubernetes-types/apps/v1';
import { resources } from '../../../syncer/kube-client';
import type { BenchHost } from '../bench-host';
import { SIMULATED_POD } from '../bench-host';
import { controlPlaneProcesses } from '../control-plane-processes';
import type { Figure } from '../figure';
import { machineSeconds, processMemory, processSeconds } from '../processes';
import { Side } from '../side';

/** What a burst took. */
interface Burst {
  /** Seconds from the first request until all pods run for whoever made them. */
  readonly running: number;
  /** Seconds from the first deletion until all are gone for whoever deleted them. */
  readonly gone: number;
  /** CPU seconds of the whole machine until all ran. */
  readonly machine: number;
  /** CPU seconds of the syncer from the first request until all were gone. */
  readonly syncer?: number;
  /** Resident memory of the syncer while all run, in MiB. */
  readonly memory?: number;
}

const LABELS = { app: 'burst' };

/** (b) Many pods at once, as bare pods and as a Deployment; directly and through the virtual cluster by turns. */
export async function bursts(bench: BenchHost, rounds: number, sizes: readonly number[]): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const size of sizes) {
    for (const [way, make, remove] of [
      ['pods', (side: Side) => side.createMany(size), (side: Side) => side.deleteMany(size)],
      ['deployment', (side: Side) => createDeployment(side, size), (side: Side) => deleteDeployment(side, size)],
    ] as const) {
      // A cluster and a namespace of its own each: nothing is left of one burst when the next comes.
      const direct = await bench.namespace();
      const cluster = await bench.launch('burst');
      const host = await Side.open(bench.client, direct);
      const virtual = await Side.open(cluster.virtual, 'default');
      try {
        const syncer = (await controlPlaneProcesses(cluster)).get('syncer');
        if (syncer === undefined) throw new Error(`control plane ${cluster.name} has no syncer`);
        await virtual.createMany(1).then(() => virtual.deleteMany(1));
        const all = { host: [] as Burst[], virtual: [] as Burst[] };
        for (let round = 0; round < rounds; round += 1) {
          const turns = [
            async () => all.host.push(await burst(host, make, remove)),
            async () => all.virtual.push(await burst(virtual, make, remove, syncer)),
          ];
          for (const turn of round % 2 === 0 ? turns : turns.reverse()) await turn();
        }
        figures.push(...figuresOf(size, way, all));
      } finally {
        await Promise.all([host.close(), virtual.close()]);
        await cluster.destroy();
        await bench.removeNamespace(direct);
      }
    }
  }
  return figures;
}

async function burst(
  side: Side,
  make: (side: Side) => Promise<void>,
  remove: (side: Side) => Promise<void>,
  syncer?: number,
): Promise<Burst> {
  const before = { machine: machineSeconds(), syncer: syncer === undefined ? 0 : processSeconds(syncer) };
  const start = performance.now();
  await make(side);
  const running = performance.now();
  const machine = machineSeconds() - before.machine;
  const memory = syncer === undefined ? undefined : processMemory(syncer).resident;
  const end = performance.now();
  await remove(side);
  const gone = performance.now();
  return {
    running: (running - start) / 1000,
    gone: (gone - end) / 1000,
    machine,
    ...(syncer !== undefined && { syncer: processSeconds(syncer) - before.syncer }),
    ...(memory !== undefined && { memory }),
  };
}

function figuresOf(
  size: number,
  way: 'pods' | 'deployment',
  all: { readonly host: readonly Burst[]; readonly virtual: readonly Burst[] },
): Figure[] {
  const what = way === 'pods' ? `${size} pods at once` : `a Deployment of ${size} pods`;
  const id = `burst/${way}/${size}`;
  const of = (side: readonly Burst[], value: (one: Burst) => number): number[] => side.map(value);
  return [
    {
      id: `${id}/running`,
      title: `${what} until all run for the tenant`,
      unit: 's',
      values: of(all.virtual, ({ running }) => running),
      direct: of(all.host, ({ running }) => running),
      ...(size === 1_000 && way === 'pods' && { limit: 2 }),
    },
    {
      id: `${id}/gone`,
      title: `${what} deleted until all are gone`,
      unit: 's',
      values: of(all.virtual, ({ gone }) => gone),
      direct: of(all.host, ({ gone }) => gone),
    },
    {
      id: `${id}/machine`,
      title: `CPU of the whole machine per pod, ${what}`,
      unit: 'ms',
      values: of(all.virtual, ({ machine }) => (machine * 1000) / size),
      direct: of(all.host, ({ machine }) => (machine * 1000) / size),
    },
    {
      id: `${id}/syncer`,
      title: `CPU of the syncer, ${what} created, run and deleted`,
      unit: 's',
      values: of(all.virtual, ({ syncer = Number.NaN }) => syncer),
      ...(size === 1_000 && way === 'pods' && { limit: 15 }),
    },
    {
      id: `${id}/memory`,
      title: `memory of the syncer (RSS) at the end of ${what}`,
      unit: 'MiB',
      values: of(all.virtual, ({ memory = Number.NaN }) => memory),
    },
  ];
}

async function createDeployment({ client, namespace, pods }: Side, replicas: number): Promise<void> {
  await client.create<Deployment>(resources.deployments, {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'burst', namespace },
    spec: {
      replicas,
      selector: { matchLabels: LABELS },
      template: { metadata: { labels: LABELS }, spec: SIMULATED_POD },
    },
  });
  await pods.untilCount('running', replicas);
}

async function deleteDeployment({ client, namespace, pods }: Side, replicas: number): Promise<void> {
  await client.delete(resources.deployments, { namespace, name: 'burst', propagationPolicy: 'Background' });
  await pods.untilCount('gone', replicas);
  pods.forget();
}
