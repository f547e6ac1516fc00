export { canonicalAddress, isNeverTenant } from './address';
export { checkEndpoints, type EndpointFacts, type EndpointVerdict } from './check-endpoints';
export { checkIngress, type IngressPolicy } from './check-ingress';
export { checkChosenNode, checkNodes, type EnforcedNodes } from './check-nodes';
export { checkPod, type PodPolicyOptions } from './check-pod';
export { checkRuntimeClass } from './check-runtime-class';
export { checkService } from './check-service';
export { checkTolerations, type TolerationPolicy } from './check-tolerations';
export {
  configMapSteps,
  endpointSliceSteps,
  ingressContext,
  ingressSteps,
  networkPolicySteps,
  podDisruptionBudgetSteps,
  priorityClassSteps,
  resourceClaimSteps,
  secretSteps,
  serviceAccountSteps,
  serviceSteps,
  type EndpointKnowledge,
  type ShownClasses,
} from './kind-steps';
export { makeTwin, violationsText, type MadeTwin, type Restricted, type TwinSteps } from './make-twin';
export {
  claimProblem,
  nodeViolations,
  podContext,
  podSteps,
  tolerationViolations,
  type PodFacts,
  type PodKnowledge,
  type RuntimeClassKnowledge,
} from './pod-steps';
export type { PolicyLevel, Violation } from './violation';
