import { controlPlaneLabels, controlPlaneNames } from './configuration';
import { Elector, followLease, LeaseLock, type Leadership } from './election';
import type { Logger } from './engine';
import { podEnvironment } from './environment';
import type { KubeClient } from './kube-client';
import type { OwnObjects } from './own-objects';
import { anchorReference, type ClusterIdentity } from './translation';

/** Longer than a member of the store may take for what it does alone, in milliseconds. */
const ALONE_MS = 600_000;

/** What several syncers of a virtual cluster agree on. */
export interface SyncerElection {
  /**
   * Waits until this syncer is the active one; `waiting` is told when another one is. When it is so no longer, the process ends: whatever it was about to write, another
   * one may be writing then.
   *
   * @throws the signal's reason when it aborts before
   */
  lead(waiting: () => void, signal: AbortSignal): Promise<Leadership>;
  /** Does what only one replica may do at a time, unless another one is at it. @returns whether it was done */
  whileAlone(work: () => Promise<void>, signal: AbortSignal): Promise<boolean>;
}

/** What {@link electionOf} needs. */
export interface ElectionContext {
  readonly identity: ClusterIdentity;
  /** Client of the host. */
  readonly host: KubeClient;
  readonly known: Promise<OwnObjects>;
  readonly logger: Logger;
}

/** The election among the syncers of a virtual cluster, by Leases in the host namespace. */
export function electionOf({
  identity: { hostNamespace, name },
  host,
  known,
  logger,
}: ElectionContext): SyncerElection {
  const names = controlPlaneNames(name);
  // A container that starts again is the same one, a pod that replaces another is not.
  const identity = `${podEnvironment('POD_NAME')}_${podEnvironment('POD_UID')}`;
  const place = async (lease: string) => ({
    client: host,
    namespace: hostNamespace,
    name: lease,
    identity,
    logger,
    metadata: { labels: controlPlaneLabels(name), ownerReferences: [anchorReference((await known).anchor)] },
  });
  return {
    lead: async (waiting, signal) => {
      const lease = await place(names.syncerLease);
      const elector = new Elector({ ...lease, waiting, follow: (take, ends) => followLease(lease, take, ends) });
      const leadership = await elector.lead(signal);
      leadership.lost.addEventListener('abort', () => {
        if (signal.aborted) return; // it stops anyway, and writes nothing any more
        logger.error({ err: leadership.lost.reason as Error }, 'this syncer is not the active one any more and ends');
        process.exit(1);
      });
      return leadership;
    },
    whileAlone: async (work, signal) =>
      new LeaseLock({ ...(await place(names.storeLease)), durationMs: ALONE_MS }).run(work, signal),
  };
}
