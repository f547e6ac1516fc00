/** The Pod Security Standard that translated pods are held to. */
export type PolicyLevel = 'privileged' | 'baseline' | 'restricted';

/** One thing that the policy refuses. */
export interface Violation {
  /** Name of the rule; Pod Security rules have upstream's names, such as `hostNamespaces`. */
  readonly rule: string;
  /** The lowest level that forbids it. */
  readonly level: PolicyLevel;
  /** Path of the field, such as `spec.containers[0].securityContext.privileged`. */
  readonly field: string;
  /** A sentence with the field, the value and the tenant's remedy. */
  readonly message: string;
}

/**
 * A violation whose message is `FIELD is VALUE, which LEVEL forbids; REMEDY`.
 *
 * @param value undefined for a field that must be set and is not
 */
export function violation(rule: string, level: PolicyLevel, field: string, value: unknown, remedy: string): Violation {
  const state = value === undefined ? 'is not set' : `is ${JSON.stringify(value)}`;
  return { rule, level, field, message: `${field} ${state}, which the ${level} policy forbids; ${remedy}` };
}
