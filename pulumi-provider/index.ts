export type { VirtualClusterArgs } from './args';
export { IngressSync, type IngressSyncArgs } from './ingress-sync';
export { NodeSyncPolicy, type NodeSyncPolicyArgs } from './node-sync-policy';
export { VirtualCluster } from './virtual-cluster';
