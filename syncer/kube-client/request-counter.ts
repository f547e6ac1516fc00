/** Kubernetes' name of what a request does. */
export type Verb = 'get' | 'list' | 'watch' | 'create' | 'patch' | 'update' | 'delete' | 'raw';

/** How often one verb was used on one resource. */
export interface RequestCount {
  readonly verb: Verb;
  /** Resource, with its subresource if any: `pods`, `pods/binding`; the first path segment for raw requests. */
  readonly resource: string;
  /** Requests sent, retries included. */
  readonly sent: number;
  /** Requests that failed, by HTTP status code, `connection` without an answer. */
  readonly failed: ReadonlyMap<string, number>;
}

/** Counts every request that leaves a KubeClient: the budget of requests is tested and watched with it. */
export class RequestCounter {
  readonly #counts = new Map<string, { verb: Verb; resource: string; sent: number; failed: Map<string, number> }>();

  /** One more request goes out. */
  sent(verb: Verb, resource: string): void {
    this.#entry(verb, resource).sent++;
  }

  /** A request ended in an error. @param code HTTP status code, or `connection` */
  failed(verb: Verb, resource: string, code: string): void {
    const { failed } = this.#entry(verb, resource);
    failed.set(code, (failed.get(code) ?? 0) + 1);
  }

  /** Requests sent so far, all or those that match. */
  count(filter: { verb?: Verb; resource?: string } = {}): number {
    let total = 0;
    for (const entry of this.#counts.values()) {
      if (filter.verb !== undefined && filter.verb !== entry.verb) continue;
      if (filter.resource !== undefined && filter.resource !== entry.resource) continue;
      total += entry.sent;
    }
    return total;
  }

  /** All counts so far. */
  entries(): readonly RequestCount[] {
    return [...this.#counts.values()];
  }

  #entry(verb: Verb, resource: string) {
    const key = `${verb} ${resource}`;
    let entry = this.#counts.get(key);
    if (entry === undefined) {
      entry = { verb, resource, sent: 0, failed: new Map() };
      this.#counts.set(key, entry);
    }
    return entry;
  }
}
