import { setTimeout as sleep } from 'node:timers/promises';
import type { Pod, Secret } from 'kubernetes-types/core/v1';
import {
  controlPlaneNames,
  controlPlanePod,
  ordinalOf,
  REPLICAS_ANNOTATION,
  REPLICAS_KEY,
  type SyncerConfiguration,
} from './configuration';
import type { Logger } from './engine';
import { ApiError, type KubeClient, resources } from './kube-client';

/** Milliseconds between two looks at a pod that has to go before this one starts. */
const LOOK_MS = 500;
/** Looks after which the log says again what is waited for. */
const TOLD_EVERY = 60;

/** What {@link settleReplicas} needs. */
export interface ReplicaSettling {
  readonly configuration: Pick<SyncerConfiguration, 'virtualCluster'>;
  /** Client of the host. */
  readonly client: KubeClient;
  /** Host namespace. */
  readonly namespace: string;
  /** This pod. */
  readonly podName: string;
  readonly logger: Pick<Logger, 'info'>;
  readonly signal?: AbortSignal;
}

/**
 * Keeps pods that were made for one replica and for several from running at the same time: one replica holds no elections, so its
 * controllers and its syncer would act beside the elected ones. The StatefulSet's controller makes the second and third pod before it renews
 * the first one, and renews it while those still end.
 *
 * - The second and third pod have a first one that was made for one replica renewed, and wait until it is gone.
 * - A single one waits until the second and third are gone.
 */
export async function settleReplicas(settling: ReplicaSettling): Promise<void> {
  const { configuration, podName } = settling;
  const { name, replicas } = configuration.virtualCluster;
  const recorded = await recordedReplicas(settling);
  if (replicas > 1) {
    if (ordinalOf(podName) !== 0) await firstRenewed(settling, controlPlanePod(name, 0));
    if (recorded !== replicas) await record(settling);
    return;
  }
  if (recorded === 1) return;
  for (let ordinal = 1; ordinal < recorded; ordinal++) await gone(settling, controlPlanePod(name, ordinal));
  await record(settling);
}

/** How many replicas ran last; one where nothing says otherwise. */
async function recordedReplicas({ client, configuration, namespace, signal }: ReplicaSettling): Promise<number> {
  const { certificates: name } = controlPlaneNames(configuration.virtualCluster.name);
  const { data } = await client.get<Secret>(resources.secrets, { namespace, name, signal });
  return Number(Buffer.from(data?.[REPLICAS_KEY] ?? '', 'base64').toString('utf8') || 1);
}

async function record({ client, configuration, namespace, signal }: ReplicaSettling): Promise<void> {
  const { name: clusterName, replicas } = configuration.virtualCluster;
  const { certificates: name } = controlPlaneNames(clusterName);
  const data = { [REPLICAS_KEY]: Buffer.from(String(replicas)).toString('base64') };
  await client.patch(resources.secrets, { namespace, name, type: 'merge', signal }, { data });
}

async function firstRenewed(settling: ReplicaSettling, name: string): Promise<void> {
  const { client, logger, namespace, signal } = settling;
  for (let look = 0; ; look++) {
    const first = await find(settling, name);
    // The one that comes will be as this one is.
    if (!first || first.metadata?.annotations?.[REPLICAS_ANNOTATION] !== undefined) return;
    const { deletionTimestamp, uid } = first.metadata ?? {};
    if (deletionTimestamp === undefined) {
      logger.info({ pod: name }, 'the first replica was made to be the only one: it is renewed before others start');
      try {
        await client.delete(resources.pods, { namespace, name, uid, signal });
      } catch (error) {
        if (!ApiError.is(error, 'NotFound', 'Conflict')) throw error;
      }
    }
    await pause(settling, look, name);
  }
}

async function gone(settling: ReplicaSettling, name: string): Promise<void> {
  for (let look = 0; await find(settling, name); look++) await pause(settling, look, name);
}

/** A pod of the control plane, which is no tenant's: those have other names. */
async function find({ client, namespace, signal }: ReplicaSettling, name: string): Promise<Pod | undefined> {
  try {
    return await client.get<Pod>(resources.pods, { namespace, name, metadataOnly: true, signal });
  } catch (error) {
    if (ApiError.is(error, 'NotFound')) return undefined;
    throw error;
  }
}

async function pause({ logger, signal }: ReplicaSettling, look: number, pod: string): Promise<void> {
  if (look % TOLD_EVERY === 0) logger.info({ pod }, 'waiting until a pod of a former number of replicas is gone');
  await sleep(LOOK_MS, undefined, signal ? { signal } : {});
}
