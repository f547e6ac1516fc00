export { canonicalAddress, isNeverTenant } from './address';
export { checkEndpoints, type EndpointFacts, type EndpointVerdict } from './check-endpoints';
export { checkIngress, type IngressPolicy } from './check-ingress';
export { checkChosenNode, checkNodes, type EnforcedNodes } from './check-nodes';
export { checkPod, type PodPolicyOptions } from './check-pod';
export { checkRuntimeClass } from './check-runtime-class';
export { checkService } from './check-service';
export { checkTolerations, type TolerationPolicy } from './check-tolerations';
export type { PolicyLevel, Violation } from './violation';
