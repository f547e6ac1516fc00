import { Controller } from '../engine';
import type { ObjectCache } from '../engine';
import { ApiError } from '../kube-client';
import type { KubeObject, ResourceType } from '../kube-client';
import {
  appliedPatch,
  exactPatch,
  FieldPatches,
  hasLabels,
  isDeeperThan,
  isView,
  LABELS,
  MAX_DEPTH,
  objectChanges,
  viewOf,
  withAppliedDigest,
} from '../translation';
import type { Caches, CacheOptions } from './caches';
import type { KindEnvironment } from './environment';
import { exactly } from './exactly';
import { isOtherObject } from './refusals';
import { remove } from './removal';
import { UnkeptWrites } from './unkept-writes';
import { WriteBudget } from './write-budget';

/** A kind of the host's objects that tenants see. */
export interface ViewKind<T extends KubeObject> {
  readonly type: ResourceType;
  /** Labels that a host object must have to be shown. */
  readonly selector: Readonly<Record<string, string>>;
  /** What the tenant sees of it. @default viewOf: all */
  readonly show?: (host: T) => T;
  /** Whether it is a custom resource, which field patches name with its group. @default false */
  readonly custom?: boolean;
  /**
   * Whether fields that only the view has are taken away: right where both clusters have one definition of the kind, so that neither
   * fills in what the other does not.
   *
   * @default false
   */
  readonly exact?: boolean;
  /** For objects that have a namespace: that of the host, and the one that shows them. */
  readonly namespaces?: { readonly host: string; readonly virtual: string };
  /** How the status is written; undefined where it is not shown. @default it is not */
  readonly status?: () => 'subresource' | 'field' | undefined;
  /** How the caches are kept. @default as of kinds that are always there */
  readonly cache?: Pick<CacheOptions<T>, 'mayBeMissing'>;
}

/**
 * Shows objects of the host in the virtual cluster under their own names, and keeps them so: a tenant's changes to a view are
 * undone. An object of that name that the tenant made itself is left alone. Objects that a virtual cluster put on the host, this one
 * or another, are never shown.
 */
export class Views<T extends KubeObject> {
  readonly #environment: KindEnvironment;
  readonly #caches: Caches;
  readonly #kind: ViewKind<T>;
  readonly #patches: FieldPatches;
  readonly #controller: Controller;
  /** By the UID of the host's object: somebody may remove each view as soon as it is there. */
  readonly #budget = new WriteBudget();
  readonly #unkept = new UnkeptWrites();
  readonly host: ObjectCache<T>;
  readonly virtual: ObjectCache<T>;

  constructor(environment: KindEnvironment, caches: Caches, kind: ViewKind<T>) {
    this.#environment = environment;
    this.#caches = caches;
    this.#kind = kind;
    const { type, namespaces, custom, cache } = kind;
    this.#patches = new FieldPatches(
      environment.configuration.sync.patches,
      { kind: type.kind, customGroup: custom ? type.group : undefined, direction: 'fromHost' },
      environment.identity,
    );
    this.host = caches.of<T>('host', type, {
      ...cache,
      scope: namespaces === undefined ? 'cluster' : { namespace: namespaces.host },
    });
    this.virtual = caches.of<T>('virtual', type, cache);
    this.#controller = new Controller({
      name: `${type.resource}-view${namespaces === undefined ? '' : `-${namespaces.virtual}`}`,
      waitFor: [this.host, this.virtual, caches.virtual.namespaces],
      reconcile: (name) => this.#reconcile(name),
      logger: environment.logger,
      metrics: environment.metrics,
    });
    this.host.subscribe(({ type: change, object }) => {
      if (change === 'deleted') this.#budget.forget(object.metadata?.uid ?? '');
      this.#enqueue(object, namespaces?.host);
    });
    this.virtual.subscribe(({ type: change, object }) => {
      if (change === 'deleted') this.#unkept.forget(object.metadata?.uid ?? '');
      this.#enqueue(object, namespaces?.virtual);
    });
    caches.virtual.namespaces.subscribe(({ type: change, key }) => {
      if (change !== 'deleted' && key === namespaces?.virtual) this.enqueueAll();
    });
  }

  run(signal: AbortSignal): Promise<void> {
    // What the caches had before anybody listened, and views whose host object went while nothing ran.
    this.enqueueAll();
    return this.#controller.run(signal);
  }

  /** Asks for a look at all objects: something else that decides about them has changed. */
  enqueueAll(): void {
    const { namespaces } = this.#kind;
    for (const host of this.host.values()) this.#enqueue(host, namespaces?.host);
    for (const virtual of this.virtual.values()) this.#enqueue(virtual, namespaces?.virtual);
  }

  /** Whether tenants see the host's object of that name. */
  shows(name: string): boolean {
    const host = this.host.get(this.#key(name, this.#kind.namespaces?.host));
    return host !== undefined && this.#isShown(host);
  }

  #isShown(host: T): boolean {
    return hasLabels(host, this.#kind.selector) && host.metadata?.labels?.[LABELS.virtualCluster] === undefined;
  }

  #enqueue({ metadata: { name, namespace } = {} }: KubeObject, expected: string | undefined): void {
    if (name !== undefined && namespace === expected) this.#controller.enqueue(name);
  }

  #key(name: string, namespace: string | undefined): string {
    return namespace === undefined ? name : `${namespace}/${name}`;
  }

  async #reconcile(name: string): Promise<void> {
    const { type, namespaces } = this.#kind;
    const client = this.#environment.virtual;
    const host = this.host.get(this.#key(name, namespaces?.host));
    const actual = this.virtual.get(this.#key(name, namespaces?.virtual));
    if (actual && !isView(actual)) return;
    if (!host || !this.#isShown(host)) {
      if (actual && !actual.metadata?.deletionTimestamp) await remove(client, type, actual);
      return;
    }
    if (actual?.metadata?.deletionTimestamp) return;
    const wanted = this.#wanted(host);
    if (!wanted) return;
    const shown = await this.#show(name, host, wanted, actual);
    if (shown) await this.#showStatus(name, host, shown);
  }

  /** What tenants are to see; undefined, with a line in the log, where that cannot be made. */
  #wanted(host: T): T | undefined {
    const { type, show = viewOf, namespaces } = this.#kind;
    const about = { kind: type.resource, name: host.metadata?.name };
    if (isDeeperThan(host, MAX_DEPTH)) {
      this.#environment.logger.warn(about, `not shown to tenants: more than ${MAX_DEPTH} levels deep`);
      return undefined;
    }
    const patched = this.#patches.apply(show(host), host);
    if (!patched.ok) {
      this.#environment.logger.warn({ ...about, reason: patched.message }, 'not shown to tenants: a patch fails');
      return undefined;
    }
    const { object } = patched;
    const placed =
      namespaces === undefined
        ? object
        : { ...object, metadata: { ...object.metadata, namespace: namespaces.virtual } };
    return withAppliedDigest(placed);
  }

  /** @returns the view as it is then; undefined where the watch has to tell first */
  async #show(name: string, host: T, wanted: T, actual: T | undefined): Promise<T | undefined> {
    const { type, namespaces, exact } = this.#kind;
    const client = this.#environment.virtual;
    const place = namespaces === undefined ? {} : { namespace: namespaces.virtual };
    if (!actual) {
      // Its namespace is the tenant's to make.
      if (namespaces !== undefined && !this.#caches.virtual.namespaces.has(namespaces.virtual)) return undefined;
      if (this.#waits(name, host)) return undefined;
      try {
        const created = await client.create<T>(type, wanted);
        this.virtual.observe(created);
        return created;
      } catch (error) {
        // The tenant's own, or one that the watch has not brought yet.
        if (!ApiError.is(error, 'AlreadyExists')) throw error;
        return undefined;
      }
    }
    const difference = exact ? exactPatch : appliedPatch;
    const patch = difference(wanted, actual);
    const uid = actual.metadata?.uid ?? '';
    if (!patch || this.#unkept.has(uid, 'object', patch)) return actual;
    if (this.#waits(name, host)) return undefined;
    try {
      const changed = await client.patch<T>(type, { name, ...place, type: 'merge' }, exactly(actual, patch));
      this.#unkept.note(uid, 'object', patch, difference(wanted, changed));
      this.virtual.observe(changed);
      return changed;
    } catch (error) {
      if (ApiError.is(error, 'NotFound') || isOtherObject(error)) return undefined; // the watch tells soon
      if (!ApiError.is(error, 'Invalid')) throw error;
      // Most fields of classes cannot be changed: the view is made anew once this one is gone.
      await remove(client, type, actual);
      return undefined;
    }
  }

  /** Whether a view is written so often, as where a tenant's webhook or controller answers each write, that the next one has to wait. */
  #waits(name: string, { metadata }: T): boolean {
    const wait = this.#budget.take(metadata?.uid ?? '');
    if (wait > 0) this.#controller.enqueueAfter(name, wait);
    return wait > 0;
  }

  async #showStatus(name: string, host: T, shown: T): Promise<void> {
    const { type, namespaces, status } = this.#kind;
    const how = status?.();
    if (how === undefined) return;
    const [wanted, present] = [statusOf(host), statusOf(shown)];
    const changes = objectChanges(wanted, present);
    const uid = shown.metadata?.uid ?? '';
    if (Object.keys(changes).length === 0 || this.#unkept.has(uid, 'status', changes)) return;
    if (this.#waits(name, host)) return;
    const place = namespaces === undefined ? {} : { namespace: namespaces.virtual };
    const subresource = how === 'subresource' ? { subresource: 'status' } : {};
    try {
      const options = { name, ...place, ...subresource, type: 'merge' } as const;
      const changed = await this.#environment.virtual.patch<T>(type, options, exactly(shown, { status: changes }));
      const left = objectChanges(wanted, statusOf(changed));
      this.#unkept.note(uid, 'status', changes, Object.keys(left).length > 0 ? left : undefined);
      this.virtual.observe(changed);
    } catch (error) {
      if (!ApiError.is(error, 'NotFound') && !isOtherObject(error)) throw error; // the watch tells soon
    }
  }
}

function statusOf(object: KubeObject): Record<string, unknown> {
  const { status } = object as { readonly status?: unknown };
  return typeof status === 'object' && status !== null ? (status as Record<string, unknown>) : {};
}
