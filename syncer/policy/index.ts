export { checkPod, type PolicyLevel, type Violation } from './check-pod';
export { checkService } from './check-service';
