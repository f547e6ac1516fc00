import type { ConfigMap } from 'kubernetes-types/core/v1';
import { resolveConfiguration } from '../../syncer/configuration/document';
import type { SyncerConfiguration, SyncerConfigurationInput } from '../../syncer/configuration';
import type { Leadership } from '../../syncer/election';
import { createLogger, EventRecorder, Metrics } from '../../syncer/engine';
import { createCaches, HostNodes, HostVersion, runKinds } from '../../syncer/kinds';
import type { Caches } from '../../syncer/kinds';
import { KubeClient, resources } from '../../syncer/kube-client';
import type { ClusterConnection } from '../../syncer/kube-client';
import { pausedAt } from '../../syncer/sleep';

/** A virtual cluster's name and host namespace in these tests. */
export const NAME = 'vc';
export const HOST_NAMESPACE = 'team-a';

/** Seconds until all caches have to be complete; a busy machine is slow. */
const SYNC_SECONDS = 90;

/** The kinds of the syncer, running in this process against two API servers. */
export interface InProcessSyncer {
  /** The syncer's own clients: their `requests` are what the syncer costs. */
  readonly host: KubeClient;
  readonly virtual: KubeClient;
  readonly caches: Caches;
  readonly metrics: Metrics;
  /** Resolves when all caches are complete. */
  synced(): Promise<void>;
  stop(): Promise<void>;
}

/** What a test's syncer is told. */
export type SyncerSettings = Partial<Pick<SyncerConfiguration, 'services'>> &
  Pick<SyncerConfigurationInput, 'sync' | 'scheduling' | 'policy' | 'hostServices'> & {
    /** The time of day that tokens are renewed by, in ms. @default Date.now */
    readonly now?: () => number;
    /** Waits until this syncer is the active one; the caches fill before. @default it is the only one */
    readonly lead?: (signal: AbortSignal) => Promise<Leadership>;
  };

/** Makes the host namespace with its anchor, once. */
export async function prepareHost(host: KubeClient): Promise<void> {
  await host.create(resources.namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: HOST_NAMESPACE } });
  await host.create(resources.configMaps, {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: `${NAME}-anchor`, namespace: HOST_NAMESPACE },
  });
}

/** The configuration that a test's syncer runs with. */
export function configurationOf(settings: Omit<SyncerSettings, 'now' | 'lead'>): SyncerConfiguration {
  return resolveConfiguration({
    apiVersion: 'nestling.dev/v1alpha1',
    kind: 'SyncerConfiguration',
    virtualCluster: { name: NAME },
    host: { workloadServiceAccount: 'default' },
    ...settings,
  });
}

/** Starts the kinds; several may run one after the other against the same servers, as after a restart. */
export async function startSyncer(
  connections: { host: ClusterConnection; virtual: ClusterConnection },
  { now, lead, ...settings }: SyncerSettings = {},
): Promise<InProcessSyncer> {
  const logger = createLogger({ level: 'error', name: 'syncer' });
  let leadership: Leadership | undefined;
  const beforeWrite = (): void => leadership?.check();
  const host = new KubeClient(connections.host, {
    userAgent: 'nestling-syncer',
    beforeWrite,
    onConnection: () => void hostVersion.refresh(),
  });
  const hostVersion = new HostVersion(host, logger);
  const virtual = new KubeClient(connections.virtual, {
    userAgent: 'nestling-syncer',
    fieldValidation: 'Ignore',
    beforeWrite,
  });
  const metrics = new Metrics();
  metrics.observeClient('host', host);
  metrics.observeClient('virtual', virtual);
  const identity = { name: NAME, hostNamespace: HOST_NAMESPACE };
  const anchor = await host.get<ConfigMap>(resources.configMaps, { name: `${NAME}-anchor`, namespace: HOST_NAMESPACE });
  const caches = createCaches({ identity, host, virtual, logger, metrics });
  const events = new EventRecorder(virtual, { component: 'nestling-syncer', logger, metrics });
  const environment = {
    identity,
    anchor: { name: `${NAME}-anchor`, uid: anchor.metadata?.uid ?? '' },
    pausedAt: pausedAt(anchor),
    configuration: configurationOf(settings),
    apiServerIP: '10.96.0.1',
    version: 'v1.37.2',
    hostVersion,
    host,
    virtual,
    events,
    logger,
    metrics,
  };
  await hostVersion.known();
  const stop = new AbortController();
  const hostNodes = new HostNodes(environment, caches);
  const kinds = async (): Promise<void> => {
    leadership = await lead?.(stop.signal);
    await runKinds(environment, caches, hostNodes, stop.signal, now);
  };
  const running = Promise.all([caches.run('host', stop.signal), caches.run('virtual', stop.signal), kinds()]);
  return {
    host,
    virtual,
    caches,
    metrics,
    synced: async () => {
      const limit = AbortSignal.timeout(SYNC_SECONDS * 1000);
      try {
        await Promise.all(caches.all().map((cache) => cache.whenSynced(limit)));
      } catch (error) {
        const missing = caches.all().flatMap((cache) => (cache.synced ? [] : [cache.name]));
        throw new Error(`not listed within ${SYNC_SECONDS} s: ${missing.join(', ')}`, { cause: error });
      }
    },
    stop: async () => {
      stop.abort();
      await running.catch((error: unknown) => {
        if (error !== stop.signal.reason) throw error; // it was never the active one
      });
      await leadership?.release();
      await events.close();
      await Promise.all([host.close(), virtual.close()]);
    },
  };
}
