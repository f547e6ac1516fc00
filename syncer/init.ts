import type { SyncerConfiguration } from './configuration';
import { createLogger } from './engine';
import { podEnvironment } from './environment';
import { inClusterConnection, KubeClient } from './kube-client';
import { initialise } from './pki';

/** What the init container is told. */
export interface InitOptions {
  readonly configuration: SyncerConfiguration;
  /** Directory that the control plane's files are written to. */
  readonly directory: string;
}

/** Makes or renews keys and certificates, and writes the files of the control plane's containers. */
export async function runInit({ configuration, directory }: InitOptions): Promise<void> {
  const logger = createLogger({ level: configuration.logging.level, name: 'init' });
  const client = new KubeClient(inClusterConnection(), { userAgent: 'nestling-init' });
  try {
    const { serviceCIDRs, made } = await initialise({
      configuration,
      client,
      namespace: podEnvironment('POD_NAMESPACE'),
      podIP: podEnvironment('POD_IP'),
      hostIP: podEnvironment('HOST_IP'),
      directory,
      logger,
    });
    const milliseconds = Math.round(process.uptime() * 1000);
    logger.info({ serviceCIDRs, made, milliseconds }, 'keys, certificates and configuration files are in place');
  } finally {
    await client.close();
  }
}
