import { setTimeout as sleep } from 'node:timers/promises';
import type { StatefulSet } from 'kubernetes-types/apps/v1';
import { controlPlaneNames, ordinalOf, storePeerURL, type SyncerConfiguration } from './configuration';
import type { Logger } from './engine';
import { podEnvironment } from './environment';
import { ApiError, type KubeClient, resources } from './kube-client';
import { type EtcdClient, SecondStoreError, StoreMembers } from './store';
import type { ClusterIdentity } from './translation';

/** Milliseconds that leaving may take: less than the store outlives the order to stop. */
const LEAVE_MS = 10_000;
const PAUSE_MS = 300;
/** Milliseconds between two looks at members that a single replica should not have. */
const LOOK_MS = 5_000;
/** Milliseconds after the first look, at which the store may just be starting: the syncer waits for the outcome. */
const FIRST_LOOK_MS = 1_000;

/** What {@link ReplicatedStore} needs. */
export interface ReplicatedStoreOptions {
  readonly configuration: SyncerConfiguration;
  readonly identity: ClusterIdentity;
  /** This replica's member. */
  readonly etcd: EtcdClient;
  /** Client of the host. */
  readonly host: KubeClient;
  readonly logger: Logger;
}

/** The members of the store as the replicas of the control plane come and go. */
export class ReplicatedStore {
  readonly #options: ReplicatedStoreOptions;
  readonly #members: StoreMembers;

  constructor(options: ReplicatedStoreOptions) {
    this.#options = options;
    const { etcd, host, identity, logger } = options;
    this.#members = new StoreMembers({
      etcd,
      client: host,
      namespace: identity.hostNamespace,
      secretName: controlPlaneNames(identity.name).certificates,
      peerURL: storePeerURL(identity.name, identity.hostNamespace),
      logger,
    });
  }

  /** Keeps the members; by the active syncer. */
  run(signal: AbortSignal): Promise<void> {
    return this.#members.run(this.#options.host, signal);
  }

  /**
   * When this pod is told to stop: sends the members away that the StatefulSet does not want any more, as long as a majority of all is there.
   * Each replica does so, as all of them may be told at once. Never rejects.
   */
  async leave(): Promise<void> {
    const { logger } = this.#options;
    const limit = AbortSignal.timeout(LEAVE_MS);
    try {
      const wanted = await this.#wantedReplicas(limit);
      if (wanted === undefined || wanted >= this.#options.configuration.virtualCluster.replicas) return;
      const own = ordinalOf(podEnvironment('POD_NAME'));
      for (let attempt = 0; !limit.aborted; attempt++) {
        try {
          return await this.#members.sendAway(wanted, own, limit);
        } catch (error) {
          // This one may be away itself by now.
          logger.info({ err: error, attempt }, 'members that are not wanted any more cannot be sent away yet');
        }
        await sleep(PAUSE_MS, undefined, { signal: limit });
      }
    } catch (error) {
      logger.warn({ err: error }, 'whether the store has members that are not wanted any more could not be settled');
    }
  }

  /**
   * With one replica, after there were several: makes sure that the store has one member, and says what is to be done where it cannot have.
   * While this is not resolved, what the store holds may not be what the virtual cluster holds: nothing may be derived from it.
   */
  async becomeOne(signal: AbortSignal): Promise<void> {
    const { configuration, identity, logger } = this.#options;
    const { replicas } = configuration.virtualCluster;
    for (let look = 0; !signal.aborted; look++) {
      try {
        const others = await this.#members.settle(signal);
        if (others.length === 0) return;
        await this.#members.sendAway(replicas, 0, signal);
        continue;
      } catch (error) {
        if (signal.aborted) return;
        const message =
          'the store does not answer as one of several members without a majority: nothing is lost; set replicas to 3 again, wait ' +
          `until StatefulSet ${identity.name} has three ready pods, then set replicas to 1`;
        // At a start it does not answer yet either.
        if (error instanceof SecondStoreError) {
          if (look % 12 === 0) logger.error({ err: error }, error.message);
        } else if (look % 12 === 6) logger.error({ err: error }, message);
      }
      await sleep(look === 0 ? FIRST_LOOK_MS : LOOK_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  /** How many replicas the host wants; undefined where the members are to stay as they are. */
  async #wantedReplicas(signal: AbortSignal): Promise<number | undefined> {
    const { host, identity } = this.#options;
    const name = controlPlaneNames(identity.name).statefulSet;
    try {
      const place = { namespace: identity.hostNamespace, name, signal };
      const { metadata, spec } = await host.get<StatefulSet>(resources.statefulSets, place);
      // Deleted: all goes. None: it is paused, and comes back as it was.
      return metadata?.deletionTimestamp !== undefined || spec?.replicas === 0 ? undefined : spec?.replicas;
    } catch (error) {
      if (ApiError.is(error, 'NotFound')) return undefined;
      throw error;
    }
  }
}
