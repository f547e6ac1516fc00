/**
 * What API servers did not keep of the last write to an object: fields that an older server does not know, or that belong
 * to a feature which is switched off. Without this memory the difference would be written again at every look, for ever.
 *
 * A write is compared with what it left to write: as soon as anything else differs, too, it is made again, once.
 */
export class UnkeptWrites {
  /** By UID and kind of write; only where something was left. */
  readonly #left = new Map<string, Map<string, string>>();

  /** Whether a patch is nothing but what the server did not keep the last time. */
  has(uid: string, write: string, patch: object): boolean {
    return this.#left.get(uid)?.get(write) === JSON.stringify(patch);
  }

  /** @param left the patch that the server's own answer would need now; undefined when it kept all */
  note(uid: string, write: string, left: object | undefined): void {
    if (left !== undefined) {
      const writes = this.#left.get(uid) ?? new Map<string, string>();
      this.#left.set(uid, writes.set(write, JSON.stringify(left)));
    } else {
      this.#left.get(uid)?.delete(write);
    }
  }

  /** The object is gone. */
  forget(uid: string): void {
    this.#left.delete(uid);
  }
}
