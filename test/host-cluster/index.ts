export { HostClusterError, InterruptedError } from './failure';
export type { ProcessStatus, UpOptions } from './host-cluster';
export { HostCluster } from './host-cluster';
export { resolveBinaries } from './binaries';
export type { Log } from './progress';
export { standardErrorLog, withElapsedTime } from './progress';
export type { BinaryName } from './versions';
export { BINARY_NAMES, KUBERNETES_VERSION } from './versions';
