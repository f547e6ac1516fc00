import type { Counter as PromCounter, Gauge as PromGauge, Histogram as PromHistogram } from 'prom-client';
import Counter from 'prom-client/lib/counter';
import Gauge from 'prom-client/lib/gauge';
import Histogram from 'prom-client/lib/histogram';
import Registry from 'prom-client/lib/registry';
import type { KubeClient } from '../kube-client';
import { DebugRegistry } from './debug-registry';

/** What Metrics reads of a queue when it is scraped. */
export interface MeasuredQueue {
  readonly length: number;
  readonly delayed: number;
  readonly inFlight: number;
  readonly oldestAgeSeconds: number;
}

/** What Metrics reads of a cache when it is scraped. */
export interface MeasuredCache {
  readonly name: string;
  readonly size: number;
  readonly synced: boolean;
}

/** From one write on a quiet cluster (5 ms) to a minute, beyond which only "too long" matters. */
const latencyBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

/** The option by which prom-client calls back at each scrape, with the metric as `this`. */
const onScrape = <M>(collect: ((metric: M) => void) | undefined): { collect?: (this: M) => void } =>
  collect === undefined
    ? {}
    : {
        collect() {
          collect(this);
        },
      };

/** The process's Prometheus metrics. Label values never come from tenants: their number is bounded by the code. */
export class Metrics {
  /** For metrics of other rooms. */
  readonly registry = new Registry();
  /** What is behind the numbers, object by object. */
  readonly objects: DebugRegistry;
  readonly #queues = new Map<string, MeasuredQueue>();
  readonly #caches = new Set<MeasuredCache>();
  readonly #clients = new Map<string, KubeClient>();
  readonly #latency: PromHistogram<'kind'>;
  readonly #reconciles: PromCounter<'kind'>;
  readonly #errors: PromCounter<'kind' | 'reason'>;
  readonly #lists: PromCounter<'cache' | 'again'>;
  readonly #events: PromCounter<'outcome'>;

  constructor(options: { objects?: DebugRegistry } = {}) {
    this.objects = options.objects ?? new DebugRegistry();
    this.#latency = new Histogram({
      name: 'nestling_sync_latency_seconds',
      help: 'Time from the first notice of a change to the success of its synchronisation.',
      labelNames: ['kind'],
      buckets: latencyBuckets,
      registers: [this.registry],
    });
    this.#reconciles = this.counter('nestling_reconciles_total', 'Reconciliations begun.', ['kind']);
    this.#errors = this.counter('nestling_reconcile_errors_total', 'Reconciliations that failed, by reason.', [
      'kind',
      'reason',
    ]);
    this.#lists = this.counter(
      'nestling_lists_total',
      'Complete lists read into a cache; `again` when it was synced before.',
      ['cache', 'again'],
    );
    this.#events = this.counter('nestling_events_total', 'Events for tenants, by what became of them.', ['outcome']);

    const queue = (name: string, help: string, value: (queue: MeasuredQueue) => number) =>
      this.gauge(name, help, ['kind'], (gauge) => {
        for (const [kind, measured] of this.#queues) gauge.set({ kind }, value(measured));
      });
    queue('nestling_queue_depth', 'Objects waiting for a worker.', (measured) => measured.length);
    queue(
      'nestling_queue_delayed',
      'Objects waiting for their time (back-off or schedule).',
      (measured) => measured.delayed,
    );
    queue('nestling_queue_in_flight', 'Objects being worked on.', (measured) => measured.inFlight);
    queue(
      'nestling_oldest_unsynced_seconds',
      'Age of the oldest change that is neither synchronised nor refused yet; 0 when all are.',
      (measured) => measured.oldestAgeSeconds,
    );
    this.gauge(
      'nestling_refused_objects',
      'Objects of which tenants were told why they do not take effect, or not all of them.',
      ['kind'],
      (gauge) => {
        for (const kind of this.#queues.keys()) gauge.set({ kind }, this.objects.refusals(kind));
      },
    );
    this.gauge('nestling_cache_objects', 'Objects held by a cache.', ['cache'], (gauge) => {
      for (const cache of this.#caches) gauge.set({ cache: cache.name }, cache.size);
    });
    this.gauge('nestling_cache_synced', 'Whether a cache has had its first complete list.', ['cache'], (gauge) => {
      for (const cache of this.#caches) gauge.set({ cache: cache.name }, cache.synced ? 1 : 0);
    });
    this.gauge('nestling_api_connections', 'Open connections to an API server.', ['cluster'], (gauge) => {
      for (const [cluster, client] of this.#clients) gauge.set({ cluster }, client.connections);
    });
    // Counted by the clients themselves; a counter is written anew from theirs at each scrape.
    this.counter(
      'nestling_api_requests_total',
      'Requests sent to an API server, retries included.',
      ['cluster', 'verb', 'resource'],
      (counter) => {
        counter.reset();
        for (const [cluster, client] of this.#clients) {
          for (const { verb, resource, sent } of client.requests.entries())
            counter.inc({ cluster, verb, resource }, sent);
        }
      },
    );
    this.counter(
      'nestling_api_request_errors_total',
      'Requests to an API server that failed, by status code.',
      ['cluster', 'verb', 'resource', 'code'],
      (counter) => {
        counter.reset();
        for (const [cluster, client] of this.#clients) {
          for (const { verb, resource, failed } of client.requests.entries()) {
            for (const [code, count] of failed) counter.inc({ cluster, verb, resource, code }, count);
          }
        }
      },
    );
    this.gauge('process_resident_memory_bytes', 'Resident memory.', [], (gauge) =>
      gauge.set(process.memoryUsage.rss()),
    );
    this.gauge('process_start_time_seconds', 'Unix time of the start.', [], (gauge) =>
      gauge.set(performance.timeOrigin / 1000),
    );
    this.counter('process_cpu_seconds_total', 'Processor time used.', [], (counter) => {
      const { user, system } = process.cpuUsage();
      counter.reset();
      counter.inc((user + system) / 1e6);
    });
  }

  /** A new counter. @param collect called at each scrape */
  counter<L extends string>(
    name: string,
    help: string,
    labelNames: readonly L[],
    collect?: (counter: PromCounter<L>) => void,
  ): PromCounter<L> {
    return new Counter<L>({
      name,
      help,
      labelNames: [...labelNames],
      registers: [this.registry],
      ...onScrape(collect),
    });
  }

  /** A new gauge. @param collect called at each scrape */
  gauge<L extends string>(
    name: string,
    help: string,
    labelNames: readonly L[],
    collect?: (gauge: PromGauge<L>) => void,
  ): PromGauge<L> {
    return new Gauge<L>({
      name,
      help,
      labelNames: [...labelNames],
      registers: [this.registry],
      ...onScrape(collect),
    });
  }

  /** Shows a client's request counts. @param cluster `virtual` or `host` */
  observeClient(cluster: string, client: KubeClient): void {
    this.#clients.set(cluster, client);
  }

  /** Shows a controller's queue. */
  observeQueue(kind: string, queue: MeasuredQueue): void {
    this.#queues.set(kind, queue);
  }

  /** Shows a cache's size. */
  observeCache(cache: MeasuredCache): void {
    this.#caches.add(cache);
  }

  /** A reconciliation begins. */
  reconciling(kind: string): void {
    this.#reconciles.inc({ kind });
  }

  /** A reconciliation succeeded, so long after its object was first queued. */
  reconciled(kind: string, milliseconds: number): void {
    this.#latency.observe({ kind }, milliseconds / 1000);
  }

  /** A reconciliation failed. @param reason from a bounded set */
  failed(kind: string, reason: string): void {
    this.#errors.inc({ kind, reason });
  }

  /** A cache got a complete list. */
  listed(cache: string, again: boolean): void {
    this.#lists.inc({ cache, again: String(again) });
  }

  /** An event for a tenant was written, folded into another, dropped, or failed. */
  event(outcome: 'written' | 'folded' | 'dropped' | 'failed'): void {
    this.#events.inc({ outcome });
  }

  /** All metrics in Prometheus' text format. */
  text(): Promise<string> {
    return this.registry.metrics();
  }

  /** Content type of `text`. */
  get contentType(): string {
    return this.registry.contentType;
  }
}
