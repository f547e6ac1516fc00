import {
  KUBERNETES_VERSION_KEY,
  rollingUpgradeProblem,
  SERVICE_CIDR_KEY,
  serviceWebhookWay,
  type SyncerConfiguration,
  upgradeProblem,
} from '../configuration';
import type { KubeClient } from '../kube-client';
import { type PodLayout, POD_LAYOUT } from './api-server-configuration';
import { apiServerAddresses } from './api-server-addresses';
import { apiServerService } from './api-server-service';
import { readCertificates } from './certificates-secret';
import { controlPlaneFiles } from './control-plane-files';
import { keptMaterial } from './kept-material';
import type { Material } from './material';
import { apiServerLeaf, sharedLeafs } from './plan';
import { lifetimesOf } from './renewal';
import { findServiceRanges, rangesHold } from './service-range';
import { writeFiles } from './write-files';

/** What the init container works with. */
export interface InitialiseOptions {
  readonly configuration: SyncerConfiguration;
  /** Client of the host cluster. */
  readonly client: KubeClient;
  /** Host namespace. */
  readonly namespace: string;
  /** Addresses of this pod, joined by commas. */
  readonly podIP: string;
  /** Addresses of the node that this pod is on, joined by commas. */
  readonly hostIP: string;
  /** Folder to write the containers' folders into. */
  readonly directory: string;
  readonly logger: InitialiseLogger;
  /** Places inside the pod that the files name. @default those of the control-plane pod */
  readonly layout?: Partial<PodLayout>;
  /** How long to wait for Service NAME, in seconds. @default 60 */
  readonly serviceWaitSeconds?: number;
  readonly signal?: AbortSignal;
  /** @default the clock */
  readonly now?: () => Date;
}

/** A version of Kubernetes that cannot follow on the one that ran, with the remedy. */
export class VersionError extends Error {
  override readonly name = 'VersionError';
}

/** Where init says what is odd; a pino logger is one. */
export interface InitialiseLogger {
  warn(fields: object, message: string): void;
}

/** What init found and did. */
export interface Initialised {
  /** The host's ranges of Service addresses. */
  readonly serviceCIDRs: readonly string[];
  /** What was made or renewed and why, one line each; empty when everything was there. */
  readonly made: readonly string[];
}

/**
 * The work of the init container: makes or renews keys and certificates in Secret NAME-certs, finds the host's service range,
 * and writes the files of the control plane's containers. Everything in the Secret is stored before a file is written;
 * it may run again, and in several pods at once.
 *
 * @throws Error naming what is missing or refused on the host, and the remedy
 */
export async function initialise(options: InitialiseOptions): Promise<Initialised> {
  const { configuration, client, namespace, signal, now = () => new Date() } = options;
  const clusterName = configuration.virtualCluster.name;
  const place = { client, namespace, clusterName, signal };
  const [service, firstState] = await Promise.all([
    apiServerService({ ...place, waitSeconds: options.serviceWaitSeconds }),
    readCertificates(place),
  ]);

  const { serviceIPs, outside } = apiServerAddresses(service, { configuration, hostIPs: listed(options.hostIP) });
  const lifetimes = lifetimesOf(configuration.certificates.lifetimeSeconds * 1000);
  let ranges: readonly string[] | undefined;
  const complete = async (kept: Material): Promise<void> => {
    checkVersion(configuration, kept);
    kept.complete(now(), lifetimes, sharedLeafs(configuration, namespace));
    ranges ??= await serviceRanges(options, serviceIPs, kept);
    kept.set(SERVICE_CIDR_KEY, ranges.join(','));
  };
  const material = await keptMaterial(place, complete, firstState);

  const leaf = apiServerLeaf({ configuration, namespace, serviceIPs, podIPs: listed(options.podIP), outside });
  const apiServer = material.issue(leaf, now(), lifetimes);
  const layout = { ...POD_LAYOUT, ...options.layout };
  await writeFiles(options.directory, controlPlaneFiles(material, apiServer, layout, configuration));
  return { serviceCIDRs: ranges ?? [], made: material.reasons };
}

/** The addresses of a list with commas. */
export function listed(addresses: string): string[] {
  return addresses.split(',').filter((address) => address !== '');
}

/**
 * Refuses a version that cannot run on what is stored, before anything of it starts. What tenants could read while the webhook was an
 * object of theirs is made anew when it is one no longer.
 */
function checkVersion({ virtualCluster: { replicas, version } }: SyncerConfiguration, material: Material): void {
  const stored = material.find(KUBERNETES_VERSION_KEY);
  if (stored === undefined) return;
  const problem = upgradeProblem(stored, version) ?? rollingUpgradeProblem(stored, version, replicas);
  if (problem !== undefined) throw new VersionError(`version ${version} ${problem}`);
  if (serviceWebhookWay(stored) === 'object' && serviceWebhookWay(version) !== 'object') material.renewAdmissionPath();
}

/** The configured ranges, else the stored ones while they fit, else what the host says. */
async function serviceRanges(
  { configuration, client, namespace, signal, logger }: InitialiseOptions,
  serviceIPs: readonly string[],
  material: Material,
): Promise<readonly string[]> {
  const clusterName = configuration.virtualCluster.name;
  const configured = configuration.network.serviceCIDRs;
  if (configured.length > 0) {
    const outside = serviceIPs.filter((address) => !rangesHold(configured, address));
    if (outside.length > 0) {
      logger.warn(
        { serviceCIDRs: configured, outside },
        `network.serviceCIDRs does not hold the address of Service ${clusterName}: give the host's own range`,
      );
    }
    return configured;
  }
  const stored = material.find(SERVICE_CIDR_KEY)?.split(',') ?? [];
  if (serviceIPs.every((address) => rangesHold(stored, address))) return stored;
  return findServiceRanges({ client, namespace, clusterName, serviceIPs, signal });
}
