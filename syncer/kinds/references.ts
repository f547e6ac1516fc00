import type { ObjectCache, SyncedSource } from '../engine';
import type { KubeObject } from '../kube-client';
import type { Reference } from '../translation';

/** Name of the index that the caches of referring objects get. */
const INDEX = 'reference';

/** A cache of objects that refer to others. */
interface Referrers<T extends KubeObject> {
  readonly cache: ObjectCache<T>;
  readonly references: (object: T) => readonly Pick<Reference, 'kind' | 'namespace' | 'name'>[];
  /** Whether a change of an object may have changed its references. @default always */
  readonly mayDiffer?: (object: T, previous: T) => boolean;
  /**
   * For a type that the virtual cluster may lack: tells whether it is known to, so that the cache need not be waited for.
   *
   * @default the type is always there
   */
  readonly whenAbsent?: { readonly isAbsent: boolean; onAbsent(listener: () => void): void };
}

/**
 * Which virtual objects refer to which: what a kind needs to know whose objects are on the host only while they are in use. Every
 * kind whose objects refer to others adds its cache before anything runs.
 */
export class References {
  readonly #caches: ObjectCache<KubeObject>[] = [];
  readonly #sources: SyncedSource[] = [];
  /** Whether each cache of a type that may be missing tells all there is. */
  readonly #knowing: (() => boolean)[] = [];
  readonly #completed = new Set<() => void>();
  readonly #listeners = new Set<(kind: Reference['kind'], virtualKey: string) => void>();

  /** Caches that must be complete before absence of a reference means anything. */
  get sources(): readonly SyncedSource[] {
    return this.#sources;
  }

  /**
   * Whether all references are known, also those of types that the virtual cluster may lack. While they are not, an object without a
   * known reference may still have one, and must stay on the host.
   */
  get isComplete(): boolean {
    return this.#knowing.every((known) => known());
  }

  /** Calls back when {@link isComplete} may have become true. */
  onComplete(listener: () => void): void {
    this.#completed.add(listener);
  }

  /** Takes the references of a kind's objects into account. */
  add<T extends KubeObject>({ cache, references, mayDiffer = () => true, whenAbsent }: Referrers<T>): void {
    cache.addIndex(INDEX, (object) => references(object).map(indexValue));
    cache.subscribe(({ type, object, previous }) => {
      if (type === 'modified' && previous !== undefined && !mayDiffer(object, previous)) return;
      for (const { kind, namespace, name } of references(object)) this.#tell(kind, `${namespace}/${name}`);
      // What is not referred to any more.
      if (previous === undefined) return;
      for (const { kind, namespace, name } of references(previous)) this.#tell(kind, `${namespace}/${name}`);
    });
    this.#caches.push(cache as unknown as ObjectCache<KubeObject>);
    if (whenAbsent === undefined) {
      this.#sources.push(cache);
      return;
    }
    this.#knowing.push(() => cache.synced || whenAbsent.isAbsent);
    const complete = (): void => {
      for (const listener of this.#completed) listener();
    };
    cache.whenSynced().then(complete, () => undefined);
    whenAbsent.onAbsent(complete);
  }

  /** Whether any object refers to this one. */
  has(kind: Reference['kind'], virtualKey: string): boolean {
    return this.#caches.some((cache) => cache.byIndex(INDEX, `${kind}/${virtualKey}`).length > 0);
  }

  /** Calls back with each object whose references came, went or may have. */
  subscribe(listener: (kind: Reference['kind'], virtualKey: string) => void): void {
    this.#listeners.add(listener);
  }

  #tell(kind: Reference['kind'], virtualKey: string): void {
    for (const listener of this.#listeners) listener(kind, virtualKey);
  }
}

/** Objects of a cache that was added to {@link References} which refer to an object. */
export function referrersOf<T extends KubeObject>(
  cache: ObjectCache<T>,
  kind: Reference['kind'],
  virtualKey: string,
): readonly T[] {
  return cache.byIndex(INDEX, `${kind}/${virtualKey}`);
}

function indexValue({ kind, namespace, name }: Pick<Reference, 'kind' | 'namespace' | 'name'>): string {
  return `${kind}/${namespace}/${name}`;
}
