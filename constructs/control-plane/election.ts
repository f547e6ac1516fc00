import type { VirtualClusterSpec } from '../spec';

/** How an upstream program finds one among the replicas that works; the times are those of the syncers. */
export function electionFlags({ replicas }: Pick<VirtualClusterSpec, 'replicas'>) {
  // With one replica an election would only delay its start, and write all the time.
  if (replicas === 1) return { 'leader-elect': false };
  return {
    'leader-elect': true,
    'leader-elect-lease-duration': '10s',
    'leader-elect-renew-deadline': '7s',
    'leader-elect-retry-period': '2s',
  };
}
