import type { Lease } from 'kubernetes-types/coordination/v1';
import type { LeasePlace } from '../../../syncer/election';
import { ApiError } from '../../../syncer/kube-client';

/** A Lease as an API server keeps it: whoever writes over a state that is not the newest is refused. */
export class StoredLease {
  #lease: Lease | undefined;
  #version = 0;
  readonly #listeners = new Set<(lease: Lease) => void>();
  /** Who is kept from the server, by their clients: their requests have no answer. */
  readonly cutOff = new Set<string>();
  /** Writes that were taken, by client. */
  readonly writes = new Map<string, number>();

  get holder(): string | undefined {
    return this.#lease?.spec?.holderIdentity;
  }

  get transitions(): number | undefined {
    return this.#lease?.spec?.leaseTransitions;
  }

  /** What another hand does. */
  change(spec: Lease['spec']): void {
    this.#put({ ...this.#lease, spec: { ...this.#lease?.spec, ...spec } });
  }

  remove(): void {
    this.#lease = undefined;
  }

  follow = (take: (lease: Lease) => void, signal: AbortSignal): Promise<void> => {
    if (this.#lease) take(this.#lease);
    this.#listeners.add(take);
    return new Promise((resolve) => {
      const end = (): void => {
        this.#listeners.delete(take);
        resolve();
      };
      if (signal.aborted) end();
      else signal.addEventListener('abort', end, { once: true });
    });
  };

  client(who: string): LeasePlace['client'] {
    const ask = async <T>(signal: AbortSignal | undefined, answer: () => T): Promise<T> => {
      if (!this.cutOff.has(who)) return answer();
      return new Promise((_, reject) => {
        const abort = (): void => reject(signal?.reason as Error);
        if (signal?.aborted) abort();
        else signal?.addEventListener('abort', abort, { once: true });
      });
    };
    const write = (lease: Lease): Lease => {
      this.writes.set(who, (this.writes.get(who) ?? 0) + 1);
      return this.#put(lease);
    };
    const refuse = (status: number, reason: string): never => {
      throw ApiError.fromStatus({ code: status, reason, message: reason });
    };
    const client = {
      get: (_: unknown, { signal }: { signal?: AbortSignal }) =>
        ask(signal, () => this.#lease ?? refuse(404, 'NotFound')),
      create: (_: unknown, lease: Lease, { signal }: { signal?: AbortSignal } = {}) =>
        ask(signal, () => (this.#lease ? refuse(409, 'AlreadyExists') : write(lease))),
      patch: (_: unknown, { signal }: { signal?: AbortSignal }, body: Lease) =>
        ask(signal, () => {
          const lease = this.#lease ?? refuse(404, 'NotFound');
          if (body.metadata?.resourceVersion !== lease.metadata?.resourceVersion) refuse(409, 'Conflict');
          return write({ ...lease, spec: { ...lease.spec, ...body.spec } });
        }),
    };
    return client as unknown as LeasePlace['client'];
  }

  #put(lease: Lease): Lease {
    this.#version += 1;
    this.#lease = { ...lease, metadata: { ...lease.metadata, resourceVersion: String(this.#version) } };
    for (const take of this.#listeners) take(this.#lease);
    return this.#lease;
  }
}
