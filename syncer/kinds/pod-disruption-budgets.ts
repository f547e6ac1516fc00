import type { PodDisruptionBudget } from 'kubernetes-types/policy/v1';
import { resources } from '../kube-client';
import { podDisruptionBudgetSteps } from '../policy';
import { isCounted } from '../translation';
import { withoutLastApplied } from './caches';
import type { Caches } from './caches';
import type { KindEnvironment } from './environment';
import { Twins } from './twins';

/**
 * PodDisruptionBudgets, so that who drains a node of the host has to keep to them. Each side's own disruption controller writes the
 * status of its side, from the same pods: nothing of it is brought back.
 */
export function podDisruptionBudgets(environment: KindEnvironment, caches: Caches): Twins<PodDisruptionBudget> {
  const type = resources.podDisruptionBudgets;
  return new Twins<PodDisruptionBudget>(environment, caches, {
    type,
    virtual: caches.of('virtual', type, { transform: withoutLastApplied }),
    host: caches.of('host', type),
    isReady: isCounted,
    ...podDisruptionBudgetSteps(environment),
    whenRefused: 'keep',
  });
}
