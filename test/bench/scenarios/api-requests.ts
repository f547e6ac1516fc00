import type { ConfigMap } from 'kubernetes-types/core/v1';
import { KubeClient, resources } from '../../../syncer/kube-client';
import type { ClusterConnection } from '../../../syncer/kube-client';
import { startApiServer } from '../../host-cluster';
import type { BenchHost } from '../bench-host';
import type { Figure } from '../figure';
import { inFlight } from '../side';
import { median } from '../statistics';

const OBJECTS = 100;
const REQUESTS = 300;
const PARALLEL = [1, 16];
const VERBS = ['get', 'list', 'create'] as const;
type Verb = (typeof VERBS)[number];

/**
 * (d) Requests to the tenant's API server, against a bare kube-apiserver of the same version with upstream's default flags and a store of its own.
 * A second bare one, asked by turns with the first, shows what chance alone does: the noise of this run.
 */
export async function apiRequests(bench: BenchHost, rounds: number): Promise<Figure[]> {
  const cluster = await bench.launch('api');
  const bare = await Promise.all([startApiServer({ name: 'bare' }), startApiServer({ name: 'other' })]);
  const servers = [cluster.virtual.connection, ...bare.map(({ connection }) => connection)].map(
    (connection) => new Requests(connection),
  );
  try {
    await Promise.all(servers.map((server) => server.prepare()));
    const times = new Map<string, number[][]>();
    // The first round warms up connections and caches of all.
    for (let round = -1; round < rounds; round += 1) {
      for (const parallel of PARALLEL) {
        for (const verb of VERBS) {
          const order = servers.map((_, index) => (index + round + 1) % servers.length);
          const taken: number[] = [];
          for (const index of order) taken[index] = await servers[index]!.run(verb, parallel);
          const key = `${verb}/${parallel}`;
          if (round >= 0) times.set(key, [...(times.get(key) ?? []), taken]);
        }
      }
    }
    return [...times].map(([key, all]) => {
      const [verb, parallel] = key.split('/');
      const noise = Math.abs(median(all.map(([, one = 1, other = 1]) => other / one)) - 1);
      return {
        id: `api/${key}`,
        title: `${verb}, ${parallel} in parallel: latency (p50)`,
        unit: 'ms' as const,
        values: all.map(([virtual = 0]) => virtual),
        direct: all.map(([, one = 0]) => one),
        limit: Math.max(1.05, 1 + noise),
        note: `two bare API servers differed by ${(noise * 100).toFixed(1)} %`,
      };
    });
  } finally {
    await Promise.all(servers.map((server) => server.close()));
    await cluster.destroy();
    await Promise.all(bare.map((server) => server.stop()));
  }
}

/** Asks one API server. */
class Requests {
  readonly #client: KubeClient;
  #created = 0;

  constructor(connection: ClusterConnection) {
    this.#client = new KubeClient(connection, { userAgent: 'nestling-bench' });
  }

  async prepare(): Promise<void> {
    await this.#client.create(resources.namespaces, {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: 'bench' },
    });
    await inFlight(OBJECTS, (index) => this.#create(`object-${index}`));
  }

  /** Median of the latencies of some requests, in milliseconds. */
  async run(verb: Verb, parallel: number): Promise<number> {
    const latencies: number[] = [];
    await inFlight(
      REQUESTS,
      async (index) => {
        const from = performance.now();
        await this.#request(verb, index);
        latencies.push(performance.now() - from);
      },
      parallel,
    );
    return median(latencies);
  }

  close(): Promise<void> {
    return this.#client.close();
  }

  #request(verb: Verb, index: number): Promise<unknown> {
    switch (verb) {
      case 'get':
        return this.#client.get(resources.configMaps, { namespace: 'bench', name: `object-${index % OBJECTS}` });
      case 'list':
        // Not what `create` makes more and more of.
        return this.#client.list(resources.configMaps, { namespace: 'bench', labelSelector: 'is=listed' });
      case 'create':
        return this.#create(`created-${this.#created++}`, {});
    }
  }

  #create(name: string, labels: Readonly<Record<string, string>> = { is: 'listed' }): Promise<unknown> {
    return this.#client.create<ConfigMap>(resources.configMaps, {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name, namespace: 'bench', labels },
      data: { text: 'x'.repeat(1_000) },
    });
  }
}
