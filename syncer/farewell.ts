/** What a replica does when it is told to stop, beside stopping. */
export class Farewell {
  #say: (() => Promise<void>) | undefined;
  #over: Promise<void> | undefined;

  /** @param say must not reject */
  set(say: () => Promise<void>): void {
    this.#say = say;
  }

  /** It is told to stop. */
  begin(): void {
    this.#over ??= this.#say?.();
  }

  /** Resolves when it is done; at once where nothing was begun. */
  get over(): Promise<void> {
    return this.#over ?? Promise.resolve();
  }
}
