import type { KubeObject } from '../kube-client';
import { compareResourceVersions } from './resource-version';

/** Key of an object in caches and queues: `namespace/name`, or `name` for what has no namespace. */
export function objectKey(object: KubeObject): string {
  const name = object.metadata?.name ?? '';
  const namespace = object.metadata?.namespace;
  return namespace === undefined || namespace === '' ? name : `${namespace}/${name}`;
}

/** One change of a cache. */
export interface CacheChange<T> {
  type: 'added' | 'modified' | 'deleted';
  key: string;
  /** The new state; for `deleted` the last one known. */
  object: T;
  /** The state before, of the same object (same UID); with `modified` only. */
  previous?: T;
}

/** Something that work can wait for. */
export interface SyncedSource {
  readonly name: string;
  readonly synced: boolean;
  whenSynced(signal?: AbortSignal): Promise<void>;
}

/** Values of an object under which an index finds it. */
export type IndexFunction<T> = (object: T) => readonly string[];

interface Index<T> {
  values: IndexFunction<T>;
  keys: Map<string, Set<string>>;
}

/**
 * Last known state of all objects of one kind in one cluster, kept by a Reflector. Objects in it are shared: they must
 * never be changed.
 */
export class ObjectCache<T extends KubeObject> implements SyncedSource {
  readonly #objects = new Map<string, T>();
  readonly #indexes = new Map<string, Index<T>>();
  readonly #listeners = new Set<(change: CacheChange<T>) => void>();
  readonly #waiters = new Set<() => void>();
  readonly #onListenerError: (error: unknown, key: string) => void;
  #transform: (object: T) => T = (object) => object;
  #synced = false;
  /** The watch has reported all changes up to here. */
  #progress: string | undefined;

  /**
   * @param name for logs and metrics, e.g. `host pods`
   * @param options.onListenerError hears what listeners and index functions throw: one object that a listener cannot
   *   take must not stop the others. @default a process warning
   */
  constructor(
    readonly name: string,
    options: { onListenerError?: (error: unknown, key: string) => void } = {},
  ) {
    this.#onListenerError =
      options.onListenerError ??
      ((error, key) => process.emitWarning(`listener of cache ${name} failed for ${key}: ${String(error)}`));
  }

  /** Whether the first list is complete. From then on absence means that the object does not exist. */
  get synced(): boolean {
    return this.#synced;
  }

  /** Objects held. */
  get size(): number {
    return this.#objects.size;
  }

  /** Resolves once the first list is complete. @throws the signal's reason when it aborts first */
  whenSynced(signal?: AbortSignal): Promise<void> {
    if (this.#synced) return Promise.resolve();
    return new Promise((resolve, reject) => {
      if (signal?.aborted === true) {
        reject(signal.reason as Error);
        return;
      }
      const aborted = () => {
        this.#waiters.delete(ready);
        reject(signal?.reason as Error);
      };
      const ready = () => {
        signal?.removeEventListener('abort', aborted);
        resolve();
      };
      this.#waiters.add(ready);
      signal?.addEventListener('abort', aborted, { once: true });
    });
  }

  /** The object with this key (see `objectKey`). */
  get(key: string): T | undefined {
    return this.#objects.get(key);
  }

  /** Whether there is an object with this key. */
  has(key: string): boolean {
    return this.#objects.has(key);
  }

  /** Keys of all objects. */
  keys(): MapIterator<string> {
    return this.#objects.keys();
  }

  /** All objects. */
  values(): MapIterator<T> {
    return this.#objects.values();
  }

  /**
   * Adds an index over present and future objects. The function must depend on the object alone.
   * @throws Error when the name is taken
   */
  addIndex(name: string, values: IndexFunction<T>): void {
    if (this.#indexes.has(name))
      throw new Error(`cache ${this.name} already has an index "${name}"; choose another name`);
    const index: Index<T> = { values, keys: new Map() };
    this.#indexes.set(name, index);
    for (const [key, object] of this.#objects) this.#addTo(index, key, object);
  }

  /** Objects that an index holds under a value. @throws Error for an unknown index */
  byIndex(name: string, value: string): readonly T[] {
    const index = this.#indexes.get(name);
    if (index === undefined) throw new Error(`cache ${this.name} has no index "${name}"; add it with addIndex`);
    const found: T[] = [];
    for (const key of index.keys.get(value) ?? []) found.push(this.#objects.get(key) as T);
    return found;
  }

  /**
   * Hears every change from now on, after it happened, in order and synchronously. An object that was replaced by another
   * of the same name is reported as deleted, then added.
   * @returns a function that ends it
   */
  subscribe(listener: (change: CacheChange<T>) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * Puts the answer to a write in at once, so that the next reconcile sees it. The answer is ignored when the cache has this
   * state or a newer one, and when the watch is past it without the object being here: it is gone again then. Answers
   * whose resource version cannot be ordered are taken only for unknown objects; the watch brings the others.
   */
  observe(object: T): void {
    const key = objectKey(object);
    const version = object.metadata?.resourceVersion;
    const current = this.#objects.get(key);
    if (current === undefined) {
      const passed = compareResourceVersions(version, this.#progress);
      if (passed !== undefined && passed <= 0) return;
    } else {
      const order = compareResourceVersions(version, current.metadata?.resourceVersion);
      if (order === undefined || order <= 0) return;
    }
    this.#put(key, this.#transform(object), current);
  }

  /** For the Reflector: what becomes of objects before they are held. It must not change its argument. */
  setTransform(transform: (object: T) => T): void {
    this.#transform = transform;
  }

  /** For the Reflector: the watch reports a state. A state older than the one held is ignored. */
  upsert(object: T): void {
    const key = objectKey(object);
    const current = this.#objects.get(key);
    this.progress(object.metadata?.resourceVersion);
    if (current !== undefined) {
      const order = compareResourceVersions(object.metadata?.resourceVersion, current.metadata?.resourceVersion);
      if (order !== undefined && order <= 0) return;
    }
    this.#put(key, this.#transform(object), current);
  }

  /**
   * For the Reflector: the watch reports that an object is gone. It wins over everything known of that object, but
   * not over a newer object of the same name.
   */
  remove(object: T): void {
    const key = objectKey(object);
    const current = this.#objects.get(key);
    this.progress(object.metadata?.resourceVersion);
    if (current === undefined) return;
    if (current.metadata?.uid !== object.metadata?.uid) {
      const order = compareResourceVersions(current.metadata?.resourceVersion, object.metadata?.resourceVersion);
      if (order !== undefined && order > 0) return;
    }
    this.#delete(key, current);
  }

  /**
   * For the Reflector: a complete list. Reports only differences; what is not in it is deleted, except objects that
   * were observed after the list's state. Makes the cache synced.
   * @param objects by key
   * @param version the list's resourceVersion
   */
  replace(objects: ReadonlyMap<string, T>, version: string | undefined): void {
    // A list that is older than what the watch saw comes from a store that was restored: nothing held counts any more.
    const order = compareResourceVersions(version, this.#progress);
    const restored = order !== undefined && order < 0;
    this.#progress = version;
    for (const [key, current] of [...this.#objects]) {
      if (objects.has(key)) continue;
      const ahead = compareResourceVersions(current.metadata?.resourceVersion, version);
      if (!restored && ahead !== undefined && ahead > 0) continue;
      this.#delete(key, current);
    }
    for (const [key, object] of objects) {
      const current = this.#objects.get(key);
      if (current !== undefined) {
        const newer = compareResourceVersions(object.metadata?.resourceVersion, current.metadata?.resourceVersion);
        if (newer === 0 && current.metadata?.uid === object.metadata?.uid) continue;
        if (newer !== undefined && newer < 0 && !restored) continue;
      }
      this.#put(key, object, current);
    }
    if (this.#synced) return;
    this.#synced = true;
    for (const ready of this.#waiters) ready();
    this.#waiters.clear();
  }

  /** For the Reflector: a listed object, ready for `replace`. */
  prepare(object: T): T {
    return this.#transform(object);
  }

  /** For the Reflector: the watch got this far (events and bookmarks). */
  progress(version: string | undefined): void {
    if (version !== undefined) this.#progress = version;
  }

  #put(key: string, object: T, current: T | undefined): void {
    if (current !== undefined && current.metadata?.uid !== object.metadata?.uid) {
      this.#delete(key, current);
      current = undefined;
    }
    this.#objects.set(key, object);
    for (const index of this.#indexes.values()) {
      if (current !== undefined) this.#removeFrom(index, key, current);
      this.#addTo(index, key, object);
    }
    this.#report(
      current === undefined ? { type: 'added', key, object } : { type: 'modified', key, object, previous: current },
    );
  }

  #delete(key: string, current: T): void {
    this.#objects.delete(key);
    for (const index of this.#indexes.values()) this.#removeFrom(index, key, current);
    this.#report({ type: 'deleted', key, object: current });
  }

  #addTo(index: Index<T>, key: string, object: T): void {
    for (const value of this.#valuesOf(index, key, object)) {
      const keys = index.keys.get(value);
      if (keys === undefined) index.keys.set(value, new Set([key]));
      else keys.add(key);
    }
  }

  #removeFrom(index: Index<T>, key: string, object: T): void {
    for (const value of this.#valuesOf(index, key, object)) {
      const keys = index.keys.get(value);
      if (keys?.delete(key) === true && keys.size === 0) index.keys.delete(value);
    }
  }

  #valuesOf(index: Index<T>, key: string, object: T): readonly string[] {
    try {
      return index.values(object);
    } catch (error) {
      this.#onListenerError(error, key);
      return [];
    }
  }

  #report(change: CacheChange<T>): void {
    for (const listener of this.#listeners) {
      try {
        listener(change);
      } catch (error) {
        this.#onListenerError(error, change.key);
      }
    }
  }
}
