import { setTimeout as sleep } from 'node:timers/promises';
import { removeFormerWebhook, type WebhookGuard } from './admission';
import { serviceWebhookWay, type SyncerConfiguration } from './configuration';
import type { Logger } from './engine';
import type { KubeClient } from './kube-client';
import type { OwnObjects } from './own-objects';
import { correctOwnService } from './own-service';
import { recordVersion, SERVICE_WEBHOOK } from './pki';
import type { ClusterIdentity } from './translation';

const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 10_000;

/** What {@link settleVersion} needs. */
export interface VersionSettling {
  readonly identity: ClusterIdentity;
  readonly configuration: SyncerConfiguration;
  readonly own: OwnObjects;
  readonly host: KubeClient;
  readonly virtual: KubeClient;
  /** Keeps the Service webhook where the API server takes none from a file. */
  readonly guard: WebhookGuard | undefined;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

/**
 * What a version of Kubernetes needs before anything else is made in the virtual cluster: that every Service passes the webhook, and that
 * the version is recorded. Tried again until it succeeds.
 *
 * @throws the signal's reason when told to stop
 */
export async function settleVersion(settling: VersionSettling): Promise<void> {
  const { logger, signal } = settling;
  for (let attempt = 0; ; attempt++) {
    try {
      return await settle(settling);
    } catch (error) {
      signal.throwIfAborted();
      logger.warn({ err: error, attempt }, 'the version of the virtual cluster cannot be settled yet; trying again');
      await sleep(Math.min(FIRST_PAUSE_MS * 2 ** attempt, LONGEST_PAUSE_MS), undefined, { signal });
    }
  }
}

async function settle({ identity, configuration, own, host, virtual, guard, signal }: VersionSettling): Promise<void> {
  const { version } = configuration.virtualCluster;
  if (guard !== undefined) {
    await guard.inForce(signal);
    await correctOwnService(virtual, own.apiServerIP, signal);
  } else if (own.recordedVersion !== undefined && serviceWebhookWay(own.recordedVersion) === 'object') {
    await removeFormerWebhook(virtual, SERVICE_WEBHOOK, signal);
  }
  if (own.recordedVersion === version) return;
  const place = { client: host, namespace: identity.hostNamespace, clusterName: identity.name, signal };
  await recordVersion(place, version);
}
