import type { Pod } from 'kubernetes-types/core/v1';
import { resources } from '../../syncer/kube-client';
import type { KubeClient } from '../../syncer/kube-client';
import { ANNOTATIONS } from '../../syncer/translation';

/** Longest wait for a pod, or for a burst of them. */
const PATIENCE_MS = 600_000;

/** When something was first seen of a pod, in milliseconds of `performance.now`. */
export interface Seen {
  readonly there: number;
  running?: number;
  gone?: number;
}

/** Watches the pods of one namespace, as any client does, and remembers when what was seen. Host pods have the name of their virtual ones. */
export class PodWatch {
  readonly #seen = new Map<string, Seen>();
  readonly #stop = new AbortController();
  readonly #waiting = new Set<() => void>();
  #running: Promise<void> = Promise.resolve();
  #counts = { running: 0, gone: 0 };

  private constructor(
    private readonly client: KubeClient,
    private readonly namespace: string,
  ) {}

  static async start(client: KubeClient, namespace: string): Promise<PodWatch> {
    const watch = new PodWatch(client, namespace);
    const { metadata } = await client.list<Pod>(resources.pods, { namespace });
    watch.#running = watch.#run(metadata?.resourceVersion ?? '');
    return watch;
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  /** Forgets all pods, so that names can be used again. */
  forget(): void {
    this.#seen.clear();
    this.#counts = { running: 0, gone: 0 };
  }

  /** Waits until a pod was seen so, and tells when that was. */
  async when(name: string, what: keyof Seen): Promise<number> {
    await this.#until(`pod ${name} is ${what}`, () => this.#seen.get(name)?.[what] !== undefined);
    return this.#seen.get(name)?.[what] ?? 0;
  }

  /** Waits until so many pods were seen running, or gone. */
  untilCount(what: 'running' | 'gone', count: number): Promise<void> {
    return this.#until(`${count} pods are ${what}`, () => this.#counts[what] >= count);
  }

  async #until(what: string, isSo: () => boolean): Promise<void> {
    const deadline = performance.now() + PATIENCE_MS;
    const timer = setTimeout(() => this.#tell(), PATIENCE_MS);
    try {
      await this.#look(what, isSo, deadline);
    } finally {
      clearTimeout(timer);
    }
  }

  async #look(what: string, isSo: () => boolean, deadline: number): Promise<void> {
    while (!isSo()) {
      this.#stop.signal.throwIfAborted();
      if (performance.now() > deadline) {
        throw new Error(`not within ${PATIENCE_MS / 1000} s in namespace ${this.namespace}: ${what}`);
      }
      await new Promise<void>((resolve) => {
        const done = (): void => {
          this.#waiting.delete(done);
          resolve();
        };
        this.#waiting.add(done);
      });
    }
  }

  async #run(resourceVersion: string): Promise<void> {
    const { signal } = this.#stop;
    let last = resourceVersion;
    try {
      while (!signal.aborted) {
        const options = { namespace: this.namespace, resourceVersion: last, signal };
        for await (const { type, object } of this.client.watch<Pod>(resources.pods, options)) {
          last = object.metadata?.resourceVersion ?? last;
          if (type !== 'BOOKMARK') this.#note(object, type === 'DELETED', performance.now());
        }
      }
    } finally {
      this.#stop.abort();
      this.#tell();
    }
  }

  #note({ metadata, status }: Pod, isGone: boolean, now: number): void {
    const name = metadata?.annotations?.[ANNOTATIONS.name] ?? metadata?.name ?? '';
    const seen = this.#seen.get(name) ?? { there: now };
    this.#seen.set(name, seen);
    if (status?.phase === 'Running' && seen.running === undefined) {
      seen.running = now;
      this.#counts.running += 1;
    }
    if (isGone && seen.gone === undefined) {
      seen.gone = now;
      this.#counts.gone += 1;
    }
    this.#tell();
  }

  #tell(): void {
    for (const done of this.#waiting) done();
  }
}
