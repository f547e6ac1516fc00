import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import {
  controlPlaneNames,
  controlPlanePod,
  ordinalOf,
  STORE_DATA_DIRECTORY,
  STORE_PEER_PORT,
  STORE_SETTINGS_KEY,
  storePeerURL,
  type SyncerConfiguration,
} from './configuration';
import { createLogger } from './engine';
import { podEnvironment } from './environment';
import { inClusterConnection, KubeClient } from './kube-client';
import { settleReplicas } from './other-replicas';
import { hasStoreMembers, initialise, listed, writeFiles } from './pki';
import { joinStore, mayBeAlone } from './store';

/** What the init container is told. */
export interface InitOptions {
  readonly configuration: SyncerConfiguration;
  /** Where the configuration was read from; the settings of a store with several members are beside it. */
  readonly settingsFile?: string | undefined;
  /** Directory that the control plane's files are written to. */
  readonly directory: string;
}

/** Settings of etcd that its members share, from the folder of the configuration. */
async function storeSettings(file: string | undefined): Promise<Record<string, unknown>> {
  if (file === undefined) {
    throw new Error('--configuration is missing: with several replicas the settings of the store are beside it');
  }
  return JSON.parse(await readFile(join(dirname(file), STORE_SETTINGS_KEY), 'utf8')) as Record<string, unknown>;
}

/** Makes or renews keys and certificates, and writes the files of the control plane's containers. */
export async function runInit({ configuration, directory, settingsFile }: InitOptions): Promise<void> {
  const logger = createLogger({ level: configuration.logging.level, name: 'init' });
  const client = new KubeClient(inClusterConnection(), { userAgent: 'nestling-init' });
  try {
    const namespace = podEnvironment('POD_NAMESPACE');
    const podIP = podEnvironment('POD_IP');
    const hostIP = podEnvironment('HOST_IP');
    const { serviceCIDRs, made } = await initialise({
      configuration,
      client,
      namespace,
      podIP,
      hostIP,
      directory,
      logger,
    });
    const podName = podEnvironment('POD_NAME');
    await settleReplicas({ configuration, client, namespace, podName, logger });
    if (hasStoreMembers(configuration)) {
      const { name } = configuration.virtualCluster;
      const content = await joinStore({
        client,
        namespace,
        secretName: controlPlaneNames(name).certificates,
        ordinal: ordinalOf(podName),
        peerURL: storePeerURL(name, namespace),
        memberName: (ordinal) => controlPlanePod(name, ordinal),
        podIP: listed(podIP)[0] ?? podIP,
        peerPort: STORE_PEER_PORT,
        settings: await storeSettings(settingsFile),
        logger,
      });
      await writeFiles(directory, new Map([[`etcd/${STORE_SETTINGS_KEY}`, content]]));
    } else if (configuration.store.embedded) {
      const { certificates: secretName } = controlPlaneNames(configuration.virtualCluster.name);
      await mayBeAlone({ client, namespace, secretName, dataDirectory: STORE_DATA_DIRECTORY });
    }
    const milliseconds = Math.round(process.uptime() * 1000);
    logger.info({ serviceCIDRs, made, milliseconds }, 'keys, certificates and configuration files are in place');
  } finally {
    await client.close();
  }
}
