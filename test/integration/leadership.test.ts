import { connect, createServer, type Server, type Socket } from 'node:net';
import type { Lease } from 'kubernetes-types/coordination/v1';
import type { Pod } from 'kubernetes-types/core/v1';
import { Elector, followLease, type Leadership } from '../../syncer/election';
import { createLogger } from '../../syncer/engine';
import { type ClusterConnection, KubeClient, resources } from '../../syncer/kube-client';
import { eventually } from '../virtual-cluster/eventually';
import { HOST_NAMESPACE, startSyncer, type InProcessSyncer } from './in-process-syncer';
import { TwoClusters } from './two-clusters';

/** A way to an API server that can be cut: what is on it, and what tries, gets no answer. */
class Wire {
  readonly #open = new Set<Socket>();
  #server: Server | undefined;
  #cut = false;

  async to({ server, ...connection }: ClusterConnection): Promise<ClusterConnection> {
    const { hostname, port } = new URL(server);
    this.#server = createServer((near) => {
      const far = connect(Number(port), hostname);
      for (const [one, other] of [
        [near, far],
        [far, near],
      ] as const) {
        this.#open.add(one);
        one.on('data', (chunk: Buffer) => void (this.#cut || other.write(chunk)));
        one.on('error', () => one.destroy());
        one.on('close', () => other.destroy());
      }
    });
    await new Promise<void>((resolve) => this.#server?.listen(0, '127.0.0.1', resolve));
    return { ...connection, server: `https://127.0.0.1:${(this.#server.address() as { port: number }).port}` };
  }

  cut(): void {
    this.#cut = true;
  }

  async close(): Promise<void> {
    for (const socket of this.#open) socket.destroy();
    await new Promise((resolve) => (this.#server ? this.#server.close(resolve) : resolve(undefined)));
  }
}

/** One of several syncers: its engine reaches both API servers at all times, its elector the host by a wire. */
class Replica {
  readonly wire = new Wire();
  leadership: Leadership | undefined;
  #client: KubeClient | undefined;
  #syncer: InProcessSyncer | undefined;

  constructor(readonly identity: string) {}

  get syncer(): InProcessSyncer {
    if (!this.#syncer) throw new Error(`${this.identity} does not run`);
    return this.#syncer;
  }

  async start({ servers: { host, virtual } }: TwoClusters): Promise<void> {
    const client = new KubeClient(await this.wire.to(host.connection), { userAgent: this.identity });
    this.#client = client;
    const logger = createLogger({ level: 'error', name: this.identity });
    const place = { client, namespace: HOST_NAMESPACE, name: 'vc-syncer', identity: this.identity, logger };
    const elector = new Elector({ ...place, follow: (take, signal) => followLease(place, take, signal) });
    this.#syncer = await startSyncer(
      { host: host.connection, virtual: virtual.connection },
      { lead: async (signal) => (this.leadership = await elector.lead(signal)) },
    );
    await this.#syncer.synced();
  }

  /** Writes that it has sent so far, to both sides. */
  writes(): string[] {
    const writing = new Set<string>(['create', 'patch', 'update', 'delete']);
    return [this.syncer.host, this.syncer.virtual].flatMap(({ requests }) =>
      requests
        .entries()
        .flatMap(({ resource, sent, verb }) => (writing.has(verb) && sent > 0 ? [`${verb} ${resource}: ${sent}`] : [])),
    );
  }

  async stop(): Promise<void> {
    await this.#syncer?.stop();
    await this.#client?.close();
    await this.wire.close();
  }
}

let clusters: TwoClusters;
let replicas: Replica[] = [];

beforeAll(async () => {
  clusters = await TwoClusters.start();
  await clusters.stopSyncer();
});
beforeEach(async () => {
  replicas = ['vc-0', 'vc-1'].map((identity) => new Replica(identity));
  for (const replica of replicas) await replica.start(clusters);
});
afterEach(async () => {
  // The active one last: its end makes another one active.
  for (const replica of replicas.sort(
    (one, other) => Number(one.leadership !== undefined) - Number(other.leadership !== undefined),
  )) {
    await replica.stop();
  }
});
afterAll(() => clusters?.stop());

const holder = async (): Promise<string | undefined> =>
  (await clusters.host.get<Lease>(resources.leases, { namespace: HOST_NAMESPACE, name: 'vc-syncer' })).spec
    ?.holderIdentity;

/** Whose host pod is there once, for exactly the virtual pod of that name. */
async function twinsOf(name: string): Promise<readonly Pod[]> {
  const { items } = await clusters.host.list<Pod>(resources.pods, { namespace: HOST_NAMESPACE });
  return items.filter(({ metadata }) => metadata?.name === clusters.hostNameOf(name));
}

function roles(): { active: Replica; waiting: Replica } {
  const [active] = replicas.filter(({ leadership }) => leadership !== undefined);
  const [waiting] = replicas.filter(({ leadership }) => leadership === undefined);
  if (!active || !waiting) throw new Error('not exactly one of two syncers is active');
  return { active, waiting };
}

test('of two syncers one is active and the other writes nothing; one that cannot renew its Lease writes nothing from then on, and the other takes over', async () => {
  await eventually('one is active', async () => (await holder()) !== undefined && roles());
  const { active, waiting } = roles();
  await clusters.createPod('before');
  await clusters.running('before');
  expect(waiting.writes()).toEqual([]);

  active.wire.cut();
  await eventually('the other one is active', async () => (await holder()) === waiting.identity && waiting.leadership);
  // It has long ended, although it reaches both API servers as before.
  expect(active.leadership?.lost.aborted).toBe(true);
  const written = active.writes();
  await clusters.createPod('after');
  await clusters.running('after');
  await clusters.virtual.delete(resources.pods, { namespace: 'default', name: 'before', gracePeriodSeconds: 0 });
  await clusters.gone(resources.pods, 'before');
  expect(active.writes()).toEqual(written);
  expect(await twinsOf('after')).toHaveLength(1);
  await clusters.virtual.delete(resources.pods, { namespace: 'default', name: 'after', gracePeriodSeconds: 0 });
  await clusters.gone(resources.pods, 'after');
});

test('a syncer that is stopped hands over: what happened in between is made up for by the next one', async () => {
  await eventually('one is active', async () => (await holder()) !== undefined && roles());
  const { active, waiting } = roles();
  await clusters.createPod('stays');
  await clusters.running('stays');
  await clusters.createPod('goes');
  await clusters.running('goes');
  const [before] = await twinsOf('stays');

  const stopping = active.stop();
  await clusters.virtual.delete(resources.pods, { namespace: 'default', name: 'goes', gracePeriodSeconds: 0 });
  await clusters.createPod('comes');
  await stopping;
  replicas = [waiting];
  await clusters.running('comes');
  await clusters.gone(resources.pods, 'goes');
  expect((await twinsOf('stays')).map(({ metadata }) => metadata?.uid)).toEqual([before?.metadata?.uid]);
  for (const name of ['stays', 'comes']) {
    await clusters.virtual.delete(resources.pods, { namespace: 'default', name, gracePeriodSeconds: 0 });
    await clusters.gone(resources.pods, name);
  }
});
