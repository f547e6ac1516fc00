import type { Logger } from '../engine';
import type { ClusterConnection, KubeClient } from '../kube-client';
import type { ClusterIdentity } from '../translation';
import { EgressGate } from './egress-gate';
import type { GateLimits } from './egress-gate';
import type { EgressFacts, PodDirectory, TenantObjects } from './facts';
import { HostApi } from './host-api';
import { HostUsage } from './host-usage';
import { KubeletEndpoints } from './kubelet-endpoints';
import { KubeletFacade } from './kubelet-facade';
import { noMetrics } from './metrics';
import type { GatewayMetrics } from './metrics';
import { createResolver } from './name-resolution';
import { ResourceMetricsApi } from './resource-metrics-api';
import { servingCertificateIssuer } from './serving-certificate';
import type { Resolve, TargetKind } from './target';
import { tenantMessage } from './tenant-message';
import type { TranslateMessage } from './tenant-message';

/** What the metrics API needs, and what virtual nodes say of their resources. */
export interface ResourceMetricsOptions {
  readonly identity: ClusterIdentity;
  /** Client of the host. */
  readonly host: Pick<KubeClient, 'listAll'>;
  /** Client of the virtual cluster. */
  readonly virtual: Pick<KubeClient, 'listAll'>;
  /** PEM of the authority that signed the virtual API server's certificate as a front proxy. */
  readonly frontProxyCA: string;
  /** The name by which the virtual API server knows the API's server: `NAME.NAMESPACE.svc`. */
  readonly service: string;
}

/** What the gateway needs. */
export interface GatewayOptions {
  /** Unix socket of the egress gate, as in the virtual API server's egress selector. Its folder must exist. */
  readonly socketPath: string;
  readonly facts: EgressFacts;
  readonly pods: PodDirectory;
  /** What virtual nodes and the metrics API tell of. */
  readonly tenant: TenantObjects;
  /** @default metrics are not served, and virtual nodes say so */
  readonly resourceMetrics?: ResourceMetricsOptions;
  /** The host's API server, for pods' log, exec, attach and portforward. */
  readonly host: ClusterConnection;
  /** PEM of the authority of kubelet serving certificates (`--kubelet-certificate-authority`) and of its key. */
  readonly kubeletCA: { readonly certificate: string; readonly key: string };
  /** PEM of the authority that signed the virtual API server's kubelet client certificate. */
  readonly clientCA: string;
  /** Port of the admission server on 127.0.0.1. @default 9443 */
  readonly admissionPort?: number;
  readonly logger: Logger;
  readonly metrics?: GatewayMetrics;
  /** Turns what the host says about a pod into the tenant's terms. @default tenantMessage */
  readonly translateMessage?: TranslateMessage;
  readonly limits?: GateLimits;
  /** Resolves host names. @default the pod's name servers */
  readonly resolve?: Resolve;
}

/**
 * What the virtual API server's connections go through: the egress gate, and behind it the kubelet of every virtual node.
 * Needs no cache to listen; callers wait for `facts.whenSynced`.
 */
export class Gateway {
  readonly #socketPath: string;
  readonly #gate: EgressGate;
  readonly #host: HostApi;

  constructor(options: GatewayOptions) {
    const { facts, logger, metrics = noMetrics, resourceMetrics, tenant } = options;
    this.#socketPath = options.socketPath;
    this.#host = new HostApi(options.host);
    const usage = resourceMetrics && new HostUsage(resourceMetrics);
    const facade = new KubeletFacade({
      facts,
      pods: options.pods,
      tenant,
      usage,
      host: this.#host,
      translateMessage: options.translateMessage ?? tenantMessage,
      logger,
      metrics,
    });
    const endpoints = new KubeletEndpoints({
      issue: servingCertificateIssuer(options.kubeletCA),
      clientCA: options.clientCA,
      accept: (socket, address) => facade.accept(socket, address),
      logger,
    });
    const metricsEndpoint =
      resourceMetrics && usage && metricsEndpointOf({ ...resourceMetrics, tenant, usage, logger }, options.kubeletCA);
    this.#gate = new EgressGate({
      facts,
      admissionPort: options.admissionPort ?? 9443,
      resolve: options.resolve ?? createResolver(),
      kubelet: (address) => endpoints.prepare(address),
      ...(metricsEndpoint && { metricsApi: (address) => metricsEndpoint.prepare(address) }),
      logger,
      metrics,
      ...(options.limits === undefined ? {} : { limits: options.limits }),
    });
  }

  /** Tunnels that are open now, by what they lead to. */
  get tunnels(): Readonly<Record<TargetKind, number>> {
    return this.#gate.tunnels;
  }

  /** @throws Error naming the socket's path and the remedy */
  listen(): Promise<void> {
    return this.#gate.listen(this.#socketPath);
  }

  /** Stops listening and breaks all tunnels: the API server's clients see their streams end. */
  async close(): Promise<void> {
    await this.#gate.close();
    this.#host.close();
  }
}

function metricsEndpointOf(
  options: ResourceMetricsOptions & {
    readonly tenant: TenantObjects;
    readonly usage: HostUsage;
    readonly logger: Logger;
  },
  authority: GatewayOptions['kubeletCA'],
): KubeletEndpoints {
  const api = new ResourceMetricsApi(options);
  return new KubeletEndpoints({
    issue: servingCertificateIssuer(authority, options.service),
    clientCA: options.frontProxyCA,
    accept: (socket) => api.accept(socket),
    logger: options.logger,
  });
}
