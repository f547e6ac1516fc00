import { isIP } from 'node:net';
import type { Service } from 'kubernetes-types/core/v1';
import type { SyncerConfiguration } from '../configuration';

/** Where an API server is reached, as the host has its Service now. */
export interface ApiServerAddresses {
  /** ClusterIPs of host Service NAME. */
  readonly serviceIPs: readonly string[];
  /** Names and addresses that clients outside of the host's network call: those of nodes or of a load balancer. */
  readonly outside: readonly string[];
  /** `https://HOST:PORT` for clients outside of the host's network; undefined where the Service has none, or none yet. */
  readonly outsideServer: string | undefined;
}

/** What the Service does not say. */
export interface ApiServerSurroundings {
  readonly configuration: Pick<SyncerConfiguration, 'apiServer'>;
  /** Addresses of the node that the control plane's pod is on. */
  readonly hostIPs: readonly string[];
}

/**
 * What host Service NAME says about where the API server is reached. It is asked instead of the configuration: a load
 * balancer's address and a node port are known only once the host has given them, and may change later.
 */
export function apiServerAddresses(
  { spec = {}, status }: Service,
  { configuration, hostIPs }: ApiServerSurroundings,
): ApiServerAddresses {
  const serviceIPs = spec.clusterIPs ?? (spec.clusterIP === undefined ? [] : [spec.clusterIP]);
  const [port] = spec.ports ?? [];
  const external = spec.externalIPs ?? [];
  if (spec.type === 'LoadBalancer') {
    const balancers = (status?.loadBalancer?.ingress ?? []).flatMap(({ ip, hostname }) => present(ip, hostname));
    const outside = [...balancers, ...external];
    return { serviceIPs, outside, outsideServer: server(outside[0], port?.port) };
  }
  if (spec.type === 'NodePort') {
    const nodes = [...present(configuration.apiServer.nodeAddress), ...hostIPs];
    return { serviceIPs, outside: [...nodes, ...external], outsideServer: server(nodes[0], port?.nodePort) };
  }
  return { serviceIPs, outside: external, outsideServer: server(external[0], port?.port) };
}

function server(host: string | undefined, port: number | undefined): string | undefined {
  if (host === undefined || port === undefined) return undefined;
  return `https://${isIP(host) === 6 ? `[${host}]` : host}:${port}`;
}

function present(...values: readonly (string | undefined)[]): string[] {
  return values.filter((value): value is string => value !== undefined && value !== '');
}
