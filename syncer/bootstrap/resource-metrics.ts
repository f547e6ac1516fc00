import { setTimeout as sleep } from 'node:timers/promises';
import type { Service } from 'kubernetes-types/core/v1';
import type { EndpointSlice } from 'kubernetes-types/discovery/v1';
import type { Logger } from '../engine';
import type { KubeClient, KubeObject } from '../kube-client';
import { ApiError, resources } from '../kube-client';
import { RESOURCE_METRICS, RESOURCE_METRICS_ADDRESS, RESOURCE_METRICS_SERVICE } from '../translation';
import { applyManifests } from './apply-manifests';

const LOOK_MS = 60_000;
/** Time until what failed is tried again, in milliseconds. */
const RETRY_MS = 5_000;

const PORT = 443;
const API_SERVICE = `${RESOURCE_METRICS.version}.${RESOURCE_METRICS.group}`;

/** Of an APIService, what is read here. */
interface ApiService extends KubeObject {
  readonly spec?: { readonly service?: { readonly namespace?: string; readonly name?: string } };
}

/** What the metrics API is registered with. */
export interface ResourceMetricsOptions {
  /** Whether the tenant is to have it. */
  readonly enabled: boolean;
  /** PEM of the authority that signs the certificate of the API's server. */
  readonly certificateAuthority: string;
  readonly host: Pick<KubeClient, 'getText'>;
  readonly virtual: KubeClient;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  /** Time between two looks whether the host has a metrics server by now, in milliseconds. @default a minute */
  readonly lookMs?: number;
}

/**
 * Registers metrics.k8s.io in the virtual cluster once the host has it: an API that is registered and never answers would be a
 * nuisance in every discovery. Where the host loses it later, it stays, and its answers say so. One that the tenant has
 * registered itself stays the tenant's; ours goes where it is switched off.
 *
 * @returns when that is done, or when told to stop
 */
export async function registerResourceMetrics(options: ResourceMetricsOptions): Promise<void> {
  const { enabled, logger, signal, lookMs = LOOK_MS } = options;
  let waiting = false;
  for (;;) {
    let pause = RETRY_MS;
    try {
      if (!enabled) return await unregister(options);
      if (await hostHasMetrics(options)) return await register(options);
      if (!waiting) logger.info('the host has no metrics server: metrics.k8s.io waits for one');
      waiting = true;
      pause = lookMs;
    } catch (error) {
      if (signal.aborted) return;
      logger.warn({ err: error }, 'metrics.k8s.io cannot be set up yet; trying again');
    }
    await sleep(pause, undefined, { signal, ref: false }).catch(() => undefined);
    if (signal.aborted) return;
  }
}

async function hostHasMetrics({ host, signal }: ResourceMetricsOptions): Promise<boolean> {
  try {
    await host.getText(`/apis/${RESOURCE_METRICS.group}/${RESOURCE_METRICS.version}`, { signal });
    return true;
  } catch (error) {
    if (ApiError.is(error, 'NotFound', 'ServiceUnavailable')) return false;
    throw error;
  }
}

async function register({ virtual, logger, certificateAuthority, signal }: ResourceMetricsOptions): Promise<void> {
  const found = await registered(virtual, signal);
  if (found !== undefined && !isOurs(found)) {
    logger.info('the tenant serves metrics.k8s.io itself');
    return;
  }
  await applyManifests(virtual, resourceMetricsManifests(certificateAuthority), { signal });
  logger.info('metrics.k8s.io is set up');
}

async function unregister({ virtual, signal }: ResourceMetricsOptions): Promise<void> {
  const found = await registered(virtual, signal);
  if (found === undefined || !isOurs(found)) return;
  const { namespace, name } = RESOURCE_METRICS_SERVICE;
  for (const [type, options] of [
    [resources.apiServices, { name: API_SERVICE }],
    [resources.endpointSlices, { namespace, name }],
    [resources.services, { namespace, name }],
  ] as const) {
    try {
      await virtual.delete(type, { ...options, signal });
    } catch (error) {
      if (!ApiError.is(error, 'NotFound')) throw error;
    }
  }
}

async function registered(virtual: KubeClient, signal: AbortSignal): Promise<ApiService | undefined> {
  try {
    return await virtual.get<ApiService>(resources.apiServices, { name: API_SERVICE, signal });
  } catch (error) {
    if (ApiError.is(error, 'NotFound')) return undefined;
    throw error;
  }
}

function isOurs({ spec }: ApiService): boolean {
  const { namespace, name } = RESOURCE_METRICS_SERVICE;
  return spec?.service?.namespace === namespace && spec.service.name === name;
}

/**
 * What the virtual API server finds the syncer's metrics API by: an address that only the gateway understands. The Service has a
 * selector, which no pod meets, so that it stays without endpoints on the host, and with ours alone in the virtual cluster.
 *
 * @param certificateAuthority PEM of the authority that signs the certificate of the API's server
 */
export function resourceMetricsManifests(certificateAuthority: string): KubeObject[] {
  const { group, version } = RESOURCE_METRICS;
  const port = { name: 'https', port: PORT, protocol: 'TCP' };
  const service: Service = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { ...RESOURCE_METRICS_SERVICE },
    spec: {
      clusterIP: 'None',
      selector: { 'nestling.dev/served-by': 'syncer' },
      ports: [{ ...port, targetPort: PORT }],
    },
  };
  const endpoints: EndpointSlice = {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      ...RESOURCE_METRICS_SERVICE,
      labels: {
        'kubernetes.io/service-name': RESOURCE_METRICS_SERVICE.name,
        'endpointslice.kubernetes.io/managed-by': 'metrics.nestling.dev',
      },
    },
    addressType: 'IPv6',
    endpoints: [{ addresses: [RESOURCE_METRICS_ADDRESS], conditions: { ready: true } }],
    ports: [port],
  };
  const apiService = {
    apiVersion: 'apiregistration.k8s.io/v1',
    kind: 'APIService',
    metadata: { name: API_SERVICE },
    spec: {
      group,
      version,
      // As metrics-server registers itself.
      groupPriorityMinimum: 100,
      versionPriority: 100,
      service: { ...RESOURCE_METRICS_SERVICE, port: PORT },
      caBundle: Buffer.from(`${certificateAuthority.trim()}\n`, 'utf8').toString('base64'),
    },
  };
  return [service, endpoints, apiService];
}
