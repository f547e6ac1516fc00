export { canonicalAddress } from '../policy';
export { type GateLimits } from './egress-gate';
export type { EgressFacts, PlacedPod, PodDirectory, PodTwin, TenantObjects } from './facts';
export { Gateway, type GatewayOptions, type ResourceMetricsOptions } from './gateway';
export type { GatewayMetrics } from './metrics';
export { KUBELET_PORT, type RefusalReason, type TargetKind } from './target';
export { tenantMessage, type PodNames, type TranslateMessage } from './tenant-message';
