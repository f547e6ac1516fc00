/** Why objects of a kind are not on the host, for those that wait for them. */
export class KnownRefusals {
  /** By key of the virtual object; only while it is there and refused. */
  readonly #messages = new Map<string, string>();
  readonly #listeners = new Set<(virtualKey: string) => void>();

  /** Why the object is not on the host, in the tenant's words; undefined when nothing is known against it. */
  of(virtualKey: string): string | undefined {
    return this.#messages.get(virtualKey);
  }

  /** The object was refused. */
  note(virtualKey: string, message: string): void {
    if (this.#messages.get(virtualKey) === message) return;
    this.#messages.set(virtualKey, message);
    for (const listener of this.#listeners) listener(virtualKey);
  }

  /** The host has the object, or it is gone. */
  forget(virtualKey: string): void {
    this.#messages.delete(virtualKey);
  }

  /** Calls back when another reason is known. */
  onChange(listener: (virtualKey: string) => void): void {
    this.#listeners.add(listener);
  }
}
