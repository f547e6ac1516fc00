import type { ResourceRequirements } from 'kubernetes-types/core/v1';
import type { ResourceAmounts } from '../spec';

/** Requests and limits as the container has them; copied, so that a patch of one container changes no other. */
export function containerResources({ requests, limits }: ResourceAmounts): ResourceRequirements {
  return { requests: { ...requests }, limits: { ...limits } };
}
