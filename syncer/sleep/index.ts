export { pausedAt, PAUSED_AT_ANNOTATION, REPLICAS_ANNOTATION } from './annotations';
export { pause } from './pause';
export type { SleepOptions } from './pause';
export { resume } from './resume';
