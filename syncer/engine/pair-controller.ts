import type { KubeObject } from '../kube-client';
import type { Clock } from './clock';
import { Controller, type ReconcileResult } from './controller';
import type { Logger } from './logger';
import type { Metrics } from './metrics';
import type { ObjectCache, SyncedSource } from './object-cache';
import type { WorkQueue } from './work-queue';

/** Both sides of one object as the caches show them now. */
export interface Pair<V, H> {
  /** Key of the virtual object, whether it exists or not. */
  key: string;
  virtual?: V;
  host?: H;
}

/** Options of a PairController. */
export interface PairControllerOptions<V extends KubeObject, H extends KubeObject> {
  /** Kind that it synchronises, for logs and metrics, e.g. `pods`. */
  name: string;
  virtual: ObjectCache<V>;
  host: ObjectCache<H>;
  /** Key of the virtual object that a host object belongs to; undefined when it is none of ours. */
  virtualKeyOfHost: (host: H) => string | undefined;
  /** Key that the host object of a virtual one has. */
  hostKeyOfVirtual: (virtualKey: string) => string;
  /** Reconciliations at a time. @default 16 */
  concurrency?: number | undefined;
  /** Other caches that must be complete before any work is done. */
  waitFor?: readonly SyncedSource[] | undefined;
  /** Makes both sides agree; as `ControllerOptions.reconcile`. */
  reconcile: (pair: Pair<V, H>, signal: AbortSignal) => Promise<ReconcileResult>;
  /** How long, in milliseconds, work may go on after the signal. @default 5000 */
  drainMs?: number | undefined;
  logger: Logger;
  metrics?: Metrics | undefined;
  /** @default the system's clock */
  clock?: Clock | undefined;
  /** Source of jitter, in [0, 1). @default Math.random */
  random?: (() => number) | undefined;
}

/**
 * Works off pairs of a virtual and a host object. A change of either side is work for the virtual object's key; nothing
 * is done before both caches are complete, so that nothing is deleted because its other half was not read yet.
 */
export class PairController<V extends KubeObject, H extends KubeObject> {
  readonly #options: PairControllerOptions<V, H>;
  readonly #controller: Controller;

  constructor(options: PairControllerOptions<V, H>) {
    this.#options = options;
    const { virtual, host, hostKeyOfVirtual, virtualKeyOfHost, reconcile, waitFor = [] } = options;
    this.#controller = new Controller({
      name: options.name,
      cache: virtual,
      waitFor: [host, ...waitFor],
      concurrency: options.concurrency,
      drainMs: options.drainMs,
      logger: options.logger,
      metrics: options.metrics,
      clock: options.clock,
      random: options.random,
      objects: {
        *keys() {
          yield* virtual.keys();
          for (const object of host.values()) {
            const key = virtualKeyOfHost(object);
            if (key !== undefined) yield key;
          }
        },
        sides: (key) => {
          const object = host.get(hostKeyOfVirtual(key));
          // Another's object that only has the name is not the other side.
          const paired = object !== undefined && virtualKeyOfHost(object) === key;
          return { virtual: virtual.get(key), host: paired ? object : undefined };
        },
      },
      // The caches are read here and not when the key was queued: the newest state only.
      reconcile: (key, signal) => {
        const pair: Pair<V, H> = { key };
        const virtualObject = virtual.get(key);
        if (virtualObject !== undefined) pair.virtual = virtualObject;
        const hostObject = host.get(hostKeyOfVirtual(key));
        if (hostObject !== undefined) pair.host = hostObject;
        return reconcile(pair, signal);
      },
    });
  }

  /** Its queue, for tests and metrics. */
  get queue(): WorkQueue {
    return this.#controller.queue;
  }

  /** Asks for work on a virtual object's key. */
  enqueue(virtualKey: string): void {
    this.#controller.enqueue(virtualKey);
  }

  /** Asks for work on a virtual object's key after some milliseconds; an earlier time already set stays. */
  enqueueAfter(virtualKey: string, milliseconds: number): void {
    this.#controller.enqueueAfter(virtualKey, milliseconds);
  }

  /** Works until the signal aborts; see `Controller.run`. */
  async run(signal: AbortSignal): Promise<void> {
    const { host, virtualKeyOfHost } = this.#options;
    const enqueue = (object: H) => {
      const key = virtualKeyOfHost(object);
      if (key !== undefined) this.enqueue(key);
    };
    const unsubscribe = host.subscribe((change) => {
      enqueue(change.object);
      // Whoever changed by hand whose twin this is: its former owner has lost it.
      if (change.previous !== undefined) enqueue(change.previous);
    });
    // Host objects without a virtual one are work too; those that come later are heard above.
    for (const object of host.values()) enqueue(object);
    try {
      await this.#controller.run(signal);
    } finally {
      unsubscribe();
    }
  }
}
