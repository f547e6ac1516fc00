import type { PodDisruptionBudget } from 'kubernetes-types/policy/v1';
import { controlPlaneLabels, controlPlaneNames, controlPlaneSelector } from '../../syncer/configuration';
import type { VirtualClusterSpec } from '../spec';

/** Nodes are drained one replica at a time: the store needs a majority of its members. Nothing with one replica, which it could only block. */
export function disruptionBudgets(
  spec: VirtualClusterSpec,
): readonly (readonly [id: string, object: PodDisruptionBudget])[] {
  if (spec.replicas === 1) return [];
  const budget: PodDisruptionBudget = {
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata: {
      name: controlPlaneNames(spec.name).statefulSet,
      namespace: spec.namespace,
      labels: controlPlaneLabels(spec.name),
    },
    spec: { maxUnavailable: 1, selector: { matchLabels: controlPlaneSelector(spec.name) } },
  };
  return [['disruption-budget', budget]];
}
