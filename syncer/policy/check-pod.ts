import type { Pod } from 'kubernetes-types/core/v1';

/** The Pod Security Standard that translated pods are held to. */
export type PolicyLevel = 'privileged' | 'baseline' | 'restricted';
/** One thing that the policy refuses. */
export interface Violation {
  /** Name of the rule, such as `hostNamespaces`. */
  readonly rule: string;
  /** The level that forbids it. */
  readonly level: PolicyLevel;
  /** Path of the field, such as `spec.containers[0].securityContext.privileged`. */
  readonly field: string;
  /** A sentence with the field, the value and the tenant's remedy. */
  readonly message: string;
}
export function checkPod(_hostPod: Pod, _level: PolicyLevel): Violation[] {
  throw new Error('not yet');
}
