import type { FieldPatches, Reference, Translation } from '../translation';
import type { Violation } from './violation';

/** What may go to the host of an object, undefined where nothing may, and what stands against the rest. */
export interface Restricted<T> {
  readonly object: T | undefined;
  readonly violations: readonly Violation[];
}

/** How objects of a kind go to the host. */
export interface TwinSteps<T> {
  /** The twin, or why there is none. */
  readonly translate: (virtual: T) => Translation<T>;
  /** What the policy has against a twin. @default nothing */
  readonly violations?: (wanted: T, virtual: T) => readonly Violation[];
  /** What the policy leaves of a twin of which it may refuse a part. @default all of it */
  readonly restrict?: (wanted: T, virtual: T) => Restricted<T>;
}

/** A twin, or why there is none. */
export type MadeTwin<T> =
  | {
      readonly ok: true;
      readonly object: T;
      /** Before the platform's patches. */
      readonly translated: T;
      readonly references: readonly Reference[];
      /** What stands against parts that were left out. */
      readonly violations: readonly Violation[];
    }
  | { readonly ok: false; readonly reason: string; readonly message: string };

/**
 * What the host gets of an object: it is translated, the platform's patches are applied, and what then stands there is held to the policy. The
 * syncer makes twins so, and `explain` of the constructs says what it would make.
 */
export function makeTwin<T extends object>(
  virtual: T,
  steps: TwinSteps<T>,
  patches: Pick<FieldPatches, 'apply'>,
): MadeTwin<T> {
  const translation = steps.translate(virtual);
  if (!translation.ok) return translation;
  const patched = patches.apply(translation.object, virtual);
  if (!patched.ok) return patched;
  const refused = steps.violations?.(patched.object, virtual) ?? [];
  const { object, violations } =
    refused.length > 0
      ? { object: undefined, violations: refused }
      : (steps.restrict?.(patched.object, virtual) ?? { object: patched.object, violations: [] });
  if (object === undefined) return { ok: false, reason: 'PolicyViolation', message: violationsText(violations) };
  return { ok: true, object, translated: translation.object, references: translation.references, violations };
}

/** What stands against an object, in one line. */
export function violationsText(violations: readonly Violation[]): string {
  return violations.map(({ message }) => message).join('; ');
}
