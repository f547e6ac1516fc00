import { RefusedObjects } from './refused-objects';

/**
 * What API servers did not take of the last write to an object: fields that an older server does not know, or that belong
 * to a feature which is switched off; and changes that it refused as a whole. Without this memory the difference would be
 * written again at every look, for ever.
 *
 * A write is compared with what is known to come to nothing: as soon as anything else differs, too, it is made again, once. What
 * was refused is tried again later, too, at a look that something else asks for: a quota may have been freed since.
 */
export class UnkeptWrites {
  /** By UID and kind of write; only where something was left. */
  readonly #left = new Map<string, Map<string, string>>();
  /** As above, what was refused. */
  readonly #refused = new Map<string, Map<string, string>>();
  readonly #retries = new RefusedObjects();

  /** Whether a patch is nothing but what the server did not take the last time. */
  has(uid: string, write: string, patch: object): boolean {
    const text = JSON.stringify(patch);
    if (this.#left.get(uid)?.get(write) === text) return true;
    return this.#refused.get(uid)?.get(write) === text && this.#retries.left(`${uid} ${write}`) > 0;
  }

  /** @param left the patch that the server's own answer would need now; undefined when it kept all */
  note(uid: string, write: string, left: object | undefined): void {
    if (left === undefined) this.#left.get(uid)?.delete(write);
    else put(this.#left, uid, write, left);
    this.#refused.get(uid)?.delete(write);
    this.#retries.forget(`${uid} ${write}`);
  }

  /** The server refused the whole patch. */
  refused(uid: string, write: string, patch: object): void {
    put(this.#refused, uid, write, patch);
    this.#retries.add(`${uid} ${write}`);
  }

  /** The object is gone. */
  forget(uid: string): void {
    for (const write of this.#refused.get(uid)?.keys() ?? []) this.#retries.forget(`${uid} ${write}`);
    this.#refused.delete(uid);
    this.#left.delete(uid);
  }
}

function put(writes: Map<string, Map<string, string>>, uid: string, write: string, patch: object): void {
  writes.set(uid, (writes.get(uid) ?? new Map<string, string>()).set(write, JSON.stringify(patch)));
}
