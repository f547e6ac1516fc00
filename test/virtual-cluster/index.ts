export { exec } from './exec';
export type { ExecResult } from './exec';
export { contentsOf, launch, synthesize } from './launch';
export type { LaunchOptions, RunningVirtualCluster } from './launch';
export { eventually } from './eventually';
export { provideImages } from './images';
