import type { Pod } from 'kubernetes-types/core/v1';
import { violation, type Violation } from './violation';

/** Taints that keep ordinary pods off the nodes of the host's own control plane. */
const CONTROL_PLANE: ReadonlySet<string> = new Set([
  'node-role.kubernetes.io/control-plane',
  'node-role.kubernetes.io/master',
]);

/**
 * Tolerations that lead to nodes which no tenant should run on: of control-plane taints, and of all taints at once. Not
 * part of `checkPod`, as many charts of agents tolerate everything: for hosts whose taints separate tenants.
 */
export function checkTolerations(pod: Pod): Violation[] {
  const result: Violation[] = [];
  for (const [index, { key, operator }] of (pod.spec?.tolerations ?? []).entries()) {
    const field = `spec.tolerations[${index}].key`;
    if (!key && operator === 'Exists') {
      result.push(violation('tolerations', 'baseline', field, '', 'name the taints that the pod tolerates'));
    } else if (key && CONTROL_PLANE.has(key)) {
      result.push(violation('tolerations', 'baseline', field, key, 'remove the toleration'));
    }
  }
  return result;
}
