import type { KubeObject } from '../kube-client';
import type { ReflectorTarget } from './reflector';

/**
 * Hands on what a Reflector brings and keeps nothing of it, for objects that are many and read once. An object comes again after
 * a new list, changed or not.
 */
export class ObjectStream<T extends KubeObject> implements ReflectorTarget<T> {
  #transform: (object: T) => T = (object) => object;
  #synced = false;

  /**
   * @param name for logs and metrics, e.g. `host/events`
   * @param take gets each object that was listed, added or changed; must not throw
   */
  constructor(
    readonly name: string,
    private readonly take: (object: T) => void,
  ) {}

  /** Nothing is held. */
  readonly size = 0;

  get synced(): boolean {
    return this.#synced;
  }

  setTransform(transform: (object: T) => T): void {
    this.#transform = transform;
  }

  prepare(object: T): T {
    return this.#transform(object);
  }

  replace(objects: ReadonlyMap<string, T>): void {
    for (const object of objects.values()) this.take(object);
    this.#synced = true;
  }

  upsert(object: T): void {
    this.take(this.#transform(object));
  }

  remove(): void {}

  progress(): void {}
}
