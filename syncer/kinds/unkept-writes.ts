import { isDeepStrictEqual } from 'node:util';
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

  /**
   * The server answered a write. What its answer needs now came to nothing only as far as the write asked for it: an answer
   * shows what others have written meanwhile, too, and that is still to be done.
   *
   * @param sent the patch that was written
   * @param left the patch that the server's own answer would need now; undefined when it kept all
   */
  note(uid: string, write: string, sent: object, left: object | undefined): void {
    if (left === undefined || !contains(sent, left)) this.#left.get(uid)?.delete(write);
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

/** Whether a patch asks for nothing that the other one does not ask for. */
function contains(sent: unknown, left: unknown): boolean {
  if (!isMap(sent) || !isMap(left)) return isDeepStrictEqual(sent, left);
  return Object.entries(left).every(([key, value]) => Object.hasOwn(sent, key) && contains(sent[key], value));
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
