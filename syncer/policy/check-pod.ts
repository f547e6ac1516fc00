import type { Pod } from 'kubernetes-types/core/v1';
import { BASELINE_RULES } from './baseline';
import { RESTRICTED_RULES } from './restricted';
import type { PolicyLevel, Violation } from './violation';
import { checkVolumes } from './volumes';

/** What a platform may allow beyond a level. */
export interface PodPolicyOptions {
  /**
   * Names of CSI drivers whose inline volumes are allowed. Not taken from the host's CSIDriver objects: Kubernetes has no
   * label that says which drivers are made for tenants, and reading those objects is a cluster-wide right.
   *
   * @default none
   */
  readonly allowedCSIDrivers?: readonly string[];
}

/**
 * Holds a **translated** pod to a Pod Security Standard (as of Kubernetes 1.37) and to the volume types of the level.
 * Looking at what the host will see, nothing that the translation adds or changes escapes. Ephemeral containers are
 * checked as part of the pod that they are added to.
 *
 * @param level `privileged` allows everything
 * @returns all violations; empty when the pod may go to the host
 */
export function checkPod(
  hostPod: Pod,
  level: PolicyLevel,
  { allowedCSIDrivers = [] }: PodPolicyOptions = {},
): Violation[] {
  if (level === 'privileged') return [];
  const rules = level === 'restricted' ? [...BASELINE_RULES, ...RESTRICTED_RULES] : BASELINE_RULES;
  return [...rules.flatMap((rule) => [...rule(hostPod)]), ...checkVolumes(hostPod, new Set(allowedCSIDrivers))];
}
