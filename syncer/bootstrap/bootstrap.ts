import { setTimeout as sleep } from 'node:timers/promises';
import type { SyncerConfiguration } from '../configuration';
import type { Logger } from '../engine';
import type { KubeClient } from '../kube-client';
import { applyManifests } from './apply-manifests';
import { coreDNSManifests } from './core-dns';
import type { KubeconfigWriter } from './kubeconfig-writer';

const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 30_000;

/** What a virtual cluster is set up with. */
export interface BootstrapOptions {
  readonly configuration: SyncerConfiguration;
  /** Client of the virtual cluster. */
  readonly virtual: KubeClient;
  /** Writes the kubeconfig to the host. */
  readonly kubeconfigs: Pick<KubeconfigWriter, 'write'>;
  readonly logger: Logger;
  readonly signal?: AbortSignal;
}

/**
 * Sets up what a virtual cluster starts with: CoreDNS in it, and its kubeconfig on the host. Each is tried again until it
 * succeeds; the kubeconfig comes last, so that whoever waits for it finds a cluster with DNS on its way.
 *
 * @throws the signal's reason when told to stop
 */
export async function bootstrap(options: BootstrapOptions): Promise<void> {
  const { configuration, kubeconfigs, logger, signal, virtual } = options;
  await untilDone('CoreDNS cannot be installed', options, async () => {
    for (const { object, kept } of await applyManifests(virtual, coreDNSManifests(configuration), { signal })) {
      if (kept.length === 0) continue;
      const { kind, metadata } = object;
      logger.info(
        { kind, name: metadata?.name, fields: kept },
        'fields of CoreDNS that a tenant changed stay as they are',
      );
    }
  });
  await untilDone('the kubeconfig cannot be stored', options, () => kubeconfigs.write(signal));
}

async function untilDone(
  failure: string,
  { logger, signal }: BootstrapOptions,
  work: () => Promise<void>,
): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      signal?.throwIfAborted();
      // The first ones are expected: namespace kube-system is made while the API server is ready already.
      logger[attempt < 3 ? 'info' : 'warn']({ err: error, attempt }, `${failure} yet; trying again`);
      const pause = Math.min(FIRST_PAUSE_MS * 2 ** attempt, LONGEST_PAUSE_MS);
      await sleep(pause, undefined, signal ? { signal } : {});
    }
  }
}
