export { PAUSED_AT_ANNOTATION, REPLICAS_ANNOTATION } from './annotations';
export { pause, pausedAt, WokenError } from './pause';
export type { SleepOptions } from './pause';
export { resume } from './resume';
