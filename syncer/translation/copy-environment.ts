import type { Translation } from './context';
import type { CopyEnvironment, ReferredKind } from './fields';

/** Why an object cannot go to the host, as every translation says it. */
export type Refusal = Extract<Translation<never>, { readonly ok: false }>;

/**
 * What a copier notes during one translation: all that stands against the object. As it is, for tables that refer to nothing; kinds
 * whose objects name others extend it.
 */
export class RefusalCollector implements CopyEnvironment {
  readonly #problems: string[] = [];
  /** Whether all problems are the host's version: on a newer one there would be none. */
  #onlyHostTooOld = true;

  /** @param hostMinor see CopyEnvironment.hostMinor */
  constructor(readonly hostMinor?: number | undefined) {}

  reference(_kind: ReferredKind, name: string, _optional: boolean): string {
    return name;
  }

  refuse(path: string, why: string, hostTooOld = false): void {
    this.note(`${path} ${why}`, hostTooOld);
  }

  /** Adds a problem that is a sentence of its own. */
  note(problem: string, hostTooOld = false): void {
    this.#onlyHostTooOld &&= hostTooOld;
    this.#problems.push(problem);
  }

  /** What stands against the object; undefined when nothing does. */
  refusal(): Refusal | undefined {
    if (this.#problems.length === 0) return undefined;
    const reason = this.#onlyHostTooOld ? 'HostTooOld' : 'Unsupported';
    return { ok: false, reason, message: this.#problems.join('; ') };
  }
}
