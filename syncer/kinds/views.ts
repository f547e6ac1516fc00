import { Controller } from '../engine';
import type { ObjectCache } from '../engine';
import { ApiError } from '../kube-client';
import type { KubeObject, ResourceType } from '../kube-client';
import { appliedPatch, hasLabels, isView, viewOf, withAppliedDigest } from '../translation';
import type { Caches } from './caches';
import type { KindEnvironment } from './environment';
import { isOtherObject } from './refusals';
import { remove } from './removal';

/** A kind of cluster-scoped objects of the host that tenants see. */
export interface ViewKind<T extends KubeObject> {
  readonly type: ResourceType;
  /** Labels that a host object must have to be shown. */
  readonly selector: Readonly<Record<string, string>>;
  /** What the tenant sees of it. @default viewOf: all */
  readonly show?: (host: T) => T;
}

/**
 * Shows cluster-scoped objects of the host in the virtual cluster under their own names, and keeps them so: a tenant's changes to
 * a view are undone. An object of that name that the tenant made itself is left alone.
 */
export class Views<T extends KubeObject> {
  readonly #environment: KindEnvironment;
  readonly #kind: ViewKind<T>;
  readonly #controller: Controller;
  readonly host: ObjectCache<T>;
  readonly virtual: ObjectCache<T>;

  constructor(environment: KindEnvironment, caches: Caches, kind: ViewKind<T>) {
    this.#environment = environment;
    this.#kind = kind;
    this.host = caches.of<T>('host', kind.type, { scope: 'cluster' });
    this.virtual = caches.of<T>('virtual', kind.type);
    this.#controller = new Controller({
      name: `${kind.type.resource}-view`,
      cache: this.host,
      waitFor: [this.virtual],
      reconcile: (name) => this.#reconcile(name),
      logger: environment.logger,
      metrics: environment.metrics,
    });
    this.virtual.subscribe(({ key }) => this.#controller.enqueue(key));
  }

  run(signal: AbortSignal): Promise<void> {
    // Views whose host object went while nothing ran.
    for (const name of this.virtual.keys()) this.#controller.enqueue(name);
    return this.#controller.run(signal);
  }

  /** Whether tenants see the host's object of that name. */
  shows(name: string): boolean {
    const host = this.host.get(name);
    return host !== undefined && hasLabels(host, this.#kind.selector);
  }

  async #reconcile(name: string): Promise<void> {
    const { type, show = viewOf } = this.#kind;
    const client = this.#environment.virtual;
    const host = this.host.get(name);
    const actual = this.virtual.get(name);
    if (actual && !isView(actual)) return;
    if (!host || !hasLabels(host, this.#kind.selector)) {
      if (actual && !actual.metadata?.deletionTimestamp) await remove(client, type, actual);
      return;
    }
    if (actual?.metadata?.deletionTimestamp) return;
    const wanted = withAppliedDigest(show(host));
    if (!actual) {
      try {
        this.virtual.observe(await client.create<T>(type, wanted));
      } catch (error) {
        // The tenant's own, or one that the watch has not brought yet.
        if (!ApiError.is(error, 'AlreadyExists')) throw error;
      }
      return;
    }
    const patch = appliedPatch(wanted, actual);
    if (!patch) return;
    const uid = actual.metadata?.uid;
    try {
      const body = { ...patch, metadata: { ...(patch as KubeObject).metadata, uid } };
      this.virtual.observe(await client.patch<T>(type, { name, type: 'merge' }, body));
    } catch (error) {
      if (ApiError.is(error, 'NotFound') || isOtherObject(error)) return; // the watch tells soon
      if (!ApiError.is(error, 'Invalid')) throw error;
      // Most fields of classes cannot be changed: the view is made anew once this one is gone.
      await remove(client, type, actual);
    }
  }
}
