export type { VirtualClusterArgs } from './args';
export { VirtualCluster } from './virtual-cluster';
