import type { Service } from 'kubernetes-types/core/v1';
import type { Ingress } from 'kubernetes-types/networking/v1';
import { type Gateway, gatewayResources, type TlsRoute } from './gateway-api';

/** What a proxy goes by: the objects of the cluster as they are now, and which of them are its own. */
export interface RoutingObjects {
  /** Class of the Ingresses that are this proxy's. */
  readonly ingressClass: string;
  /** Class of the Gateways that are this proxy's. */
  readonly gatewayClass: string;
  /** Port that it listens on. */
  readonly port: number;
  readonly ingresses: Iterable<Ingress>;
  readonly gateways: Iterable<Gateway>;
  readonly tlsRoutes: Iterable<TlsRoute>;
  readonly services: Iterable<Service>;
}

/** Where a connection goes, and which object says so. */
export interface Route {
  /** `Ingress NAMESPACE/NAME` or `TLSRoute NAMESPACE/NAME`. */
  readonly by: string;
  /** Cluster address of the Service. */
  readonly address: string;
  readonly port: number;
}

interface Backend {
  readonly by: string;
  readonly namespace: string;
  readonly name: string;
  /** Number or name. */
  readonly port: number | string;
}

/** See https://kubernetes.github.io/ingress-nginx/user-guide/nginx-configuration/annotations/#ssl-passthrough */
const PASSTHROUGH = 'nginx.ingress.kubernetes.io/ssl-passthrough';

/** The way of a connection with this name in its greeting; undefined where no object gives it one. */
export function routeOf(serverName: string, objects: RoutingObjects): Route | undefined {
  for (const backend of [...ingressBackends(serverName, objects), ...tlsRouteBackends(serverName, objects)]) {
    const service = [...objects.services].find(
      ({ metadata }) => metadata?.namespace === backend.namespace && metadata.name === backend.name,
    );
    const port = service?.spec?.ports?.find(
      (one) => backend.port === (typeof backend.port === 'number' ? one.port : one.name),
    );
    const address = service?.spec?.clusterIP;
    if (port !== undefined && address !== undefined && address !== 'None') {
      return { by: backend.by, address, port: port.port };
    }
  }
  return undefined;
}

/** As ingress-nginx with `--enable-ssl-passthrough`: the name decides alone, and leads to where `/` would. */
function ingressBackends(serverName: string, { ingressClass, ingresses }: RoutingObjects): Backend[] {
  return [...ingresses].flatMap(({ metadata, spec }) => {
    if (spec?.ingressClassName !== ingressClass || metadata?.annotations?.[PASSTHROUGH] !== 'true') return [];
    const { namespace = '', name = '' } = metadata;
    const paths = (spec.rules ?? []).filter(({ host }) => host === serverName).flatMap(({ http }) => http?.paths ?? []);
    return paths.flatMap(({ path, backend: { service } }) => {
      const port = service?.port?.name ?? service?.port?.number;
      if (path !== '/' || service === undefined || port === undefined) return [];
      return [{ by: `Ingress ${namespace}/${name}`, namespace, name: service.name, port }];
    });
  });
}

/** A TLSRoute counts where a Gateway of ours lets it in: https://gateway-api.sigs.k8s.io/api-types/tlsroute/ */
function tlsRouteBackends(serverName: string, { gatewayClass, port, gateways, tlsRoutes }: RoutingObjects): Backend[] {
  const ours = [...gateways].filter(({ spec }) => spec.gatewayClassName === gatewayClass);
  return [...tlsRoutes].flatMap(({ metadata, spec }) => {
    const { namespace = '', name = '' } = metadata ?? {};
    const isIn = (spec.parentRefs ?? []).some((parent) =>
      ours.some((gateway) => {
        if (parent.group !== gatewayResources.gateways.group || parent.kind !== gatewayResources.gateways.kind)
          return false;
        const home = gateway.metadata?.namespace;
        if (parent.name !== gateway.metadata?.name || (parent.namespace ?? namespace) !== home) return false;
        return gateway.spec.listeners.some((listener) => {
          const from = listener.allowedRoutes?.namespaces?.from ?? 'Same';
          return (
            listener.port === port &&
            listener.protocol === 'TLS' &&
            listener.tls?.mode === 'Passthrough' &&
            (parent.sectionName ?? listener.name) === listener.name &&
            (listener.hostname ?? serverName) === serverName &&
            (from === 'All' || (from === 'Same' && home === namespace))
          );
        });
      }),
    );
    const backend = spec.rules[0]?.backendRefs[0];
    if (!isIn || !spec.hostnames.includes(serverName)) return [];
    if (backend?.port === undefined || backend.group !== '' || backend.kind !== 'Service') return [];
    // In another namespace it would need a ReferenceGrant, which nobody here can give.
    if ((backend.namespace ?? namespace) !== namespace) return [];
    return [{ by: `TLSRoute ${namespace}/${name}`, namespace, name: backend.name, port: backend.port }];
  });
}
