export {
  Elector,
  type ElectorOptions,
  type ElectionTimes,
  ELECTION_TIMES,
  type Leadership,
  LostError,
} from './elector';
export { followLease } from './follow-lease';
export type { LeasePlace } from './lease';
export { LeaseLock, type LeaseLockOptions } from './lease-lock';
