import { setTimeout as sleep } from 'node:timers/promises';
import type { ConfigMap, Secret, Service } from 'kubernetes-types/core/v1';
import { controlPlaneNames, KUBERNETES_VERSION_KEY, SERVICE_CIDR_KEY } from './configuration';
import type { SyncerConfiguration } from './configuration';
import type { Logger } from './engine';
import { ApiError, resources } from './kube-client';
import type { KubeClient } from './kube-client';
import { pausedAt } from './sleep';
import { memberOrdinals, membershipOf } from './store';
import type { Anchor, ClusterIdentity } from './translation';

/** What the syncer reads of its own control plane on the host, once, at start. */
export interface OwnObjects {
  readonly anchor: Anchor;
  /** When the virtual cluster was put to sleep last, in ms since the epoch; undefined: never. */
  readonly pausedAt: number | undefined;
  /** ClusterIP of the Service in front of the virtual API server. */
  readonly apiServerIP: string;
  /** That Service. */
  readonly service: Service;
  /** Service ranges that the virtual API server was started with. */
  readonly serviceCIDRs: readonly string[];
  /** Version of Kubernetes that ran last, as recorded; undefined at the first start. */
  readonly recordedVersion: string | undefined;
  /** Whether the store had several members, as far as the record says: with one replica it must have one. */
  readonly hadSeveralMembers: boolean;
}

/** Reads them, again and again while the host does not answer or does not have them yet, as only a human can help then. */
export async function ownObjects(
  host: KubeClient,
  { name, hostNamespace: namespace }: ClusterIdentity,
  configuration: SyncerConfiguration,
  logger: Logger,
  signal: AbortSignal,
): Promise<OwnObjects> {
  const names = controlPlaneNames(name);
  for (let attempt = 0; ; attempt += 1) {
    try {
      const [anchor, service, certificates] = await Promise.all([
        host.get<ConfigMap>(resources.configMaps, { namespace, name: names.anchor, metadataOnly: true, signal }),
        host.get<Service>(resources.services, { namespace, name: names.apiServerService, signal }),
        host.get<Secret>(resources.secrets, { namespace, name: names.certificates, signal }),
      ]);
      const apiServerIP = service.spec?.clusterIP;
      if (!apiServerIP) throw new Error(`Service ${namespace}/${names.apiServerService} has no clusterIP`);
      const kept = (key: string): string => Buffer.from(certificates.data?.[key] ?? '', 'base64').toString();
      const found = kept(SERVICE_CIDR_KEY);
      const explicit = configuration.network.serviceCIDRs;
      return {
        anchor: { name: names.anchor, uid: anchor.metadata?.uid ?? '' },
        pausedAt: pausedAt(anchor),
        apiServerIP,
        service,
        serviceCIDRs: explicit.length > 0 ? explicit : found.split(',').filter((range) => range !== ''),
        recordedVersion: kept(KUBERNETES_VERSION_KEY) || undefined,
        hadSeveralMembers: memberOrdinals(membershipOf(certificates.data)).some((ordinal) => ordinal !== 0),
      };
    } catch (error) {
      signal.throwIfAborted();
      const missing = ApiError.is(error, 'NotFound') ? ' (apply the manifests of the virtual cluster again)' : '';
      logger.warn({ err: error }, `the control plane's own objects cannot be read${missing}`);
      await sleep(Math.min(250 * 2 ** attempt, 10_000), undefined, { signal });
    }
  }
}

/** Milliseconds between two looks at an API server that is starting. */
const READY_INTERVAL_MS = 100;

/** Waits until the virtual API server is ready; nothing can be watched before. Returns its version, such as `v1.37.2`. */
export async function untilReady(virtual: KubeClient, logger: Logger, signal: AbortSignal): Promise<string> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await virtual.getText('/readyz', { signal });
      const { gitVersion } = JSON.parse(await virtual.getText('/version', { signal })) as { gitVersion: string };
      return gitVersion;
    } catch (error) {
      signal.throwIfAborted();
      if (attempt % 100 === 0) logger.warn({ err: error }, 'the virtual API server is not ready yet');
      await sleep(READY_INTERVAL_MS, undefined, { signal });
    }
  }
}
