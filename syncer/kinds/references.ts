import type { ObjectCache, SyncedSource } from '../engine';
import type { KubeObject } from '../kube-client';
import type { Reference } from '../translation';

/** Name of the index that the caches of referring objects get. */
const INDEX = 'reference';

/** Kinds that exist on the host only while something synced refers to them. */
export type ContentReference = 'ConfigMap' | 'Secret';

/** A cache of objects that refer to others. */
interface Referrers<T extends KubeObject> {
  readonly cache: ObjectCache<T>;
  readonly references: (object: T) => readonly Pick<Reference, 'kind' | 'namespace' | 'name'>[];
  /** Whether a change of an object may have changed its references. @default always */
  readonly mayDiffer?: (object: T, previous: T) => boolean;
}

/**
 * Which virtual objects refer to which: what a kind needs to know whose objects are on the host only while they are in use. Every
 * kind whose objects refer to others adds its cache before anything runs.
 */
export class References {
  readonly #caches: ObjectCache<KubeObject>[] = [];
  readonly #listeners = new Set<(kind: Reference['kind'], virtualKey: string) => void>();

  /** Caches that must be complete before absence of a reference means anything. */
  get sources(): readonly SyncedSource[] {
    return this.#caches;
  }

  /** Takes the references of a kind's objects into account. */
  add<T extends KubeObject>({ cache, references, mayDiffer = () => true }: Referrers<T>): void {
    cache.addIndex(INDEX, (object) => references(object).map(indexValue));
    cache.subscribe(({ type, object, previous }) => {
      if (type === 'modified' && previous !== undefined && !mayDiffer(object, previous)) return;
      for (const { kind, namespace, name } of references(object)) this.#tell(kind, `${namespace}/${name}`);
      // What is not referred to any more.
      if (previous === undefined) return;
      for (const { kind, namespace, name } of references(previous)) this.#tell(kind, `${namespace}/${name}`);
    });
    this.#caches.push(cache as unknown as ObjectCache<KubeObject>);
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
