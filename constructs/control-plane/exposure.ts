import type { Service } from 'kubernetes-types/core/v1';
import type { Ingress } from 'kubernetes-types/networking/v1';
import { controlPlaneLabels, controlPlaneNames } from '../../syncer/configuration';
import type { ExposureSpec, VirtualClusterSpec } from '../spec';
import type { KubernetesObject, TlsRoute } from './host-object';
import { API_SERVER_SERVICE_PORT } from './ports';

type Metadata = TlsRoute['metadata'];

/** What of the Service makes it reachable from outside; a route of a proxy leads to its ClusterIP. */
export function exposedService(exposure: ExposureSpec): Partial<NonNullable<Service['spec']>> {
  if (exposure.type === 'NodePort') return { type: 'NodePort' };
  if (exposure.type !== 'LoadBalancer') return { type: 'ClusterIP' };
  const { loadBalancerClass, sourceRanges } = exposure;
  return {
    type: 'LoadBalancer',
    ...(loadBalancerClass === undefined ? {} : { loadBalancerClass }),
    ...(sourceRanges.length === 0 ? {} : { loadBalancerSourceRanges: [...sourceRanges] }),
  };
}

/** The route by which a proxy of the host leads clients to the virtual API server, by the name in their TLS greeting. */
export function apiServerRoutes(
  spec: VirtualClusterSpec,
): readonly (readonly [id: string, object: KubernetesObject])[] {
  const { exposure } = spec;
  const name = controlPlaneNames(spec.name).apiServerService;
  const metadata = { name, namespace: spec.namespace, labels: controlPlaneLabels(spec.name) };
  if (exposure.type === 'Ingress') return [['api-server-ingress', ingress(exposure, name, metadata)]];
  if (exposure.type === 'TLSRoute') return [['api-server-tls-route', tlsRoute(exposure, name, metadata)]];
  return [];
}

function ingress(
  { annotations, className, host }: ExposureSpec & { type: 'Ingress' },
  name: string,
  metadata: Metadata,
): Ingress {
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'Ingress',
    metadata: { ...metadata, annotations: { ...annotations } },
    spec: {
      ...(className === undefined ? {} : { ingressClassName: className }),
      rules: [
        {
          host,
          http: {
            paths: [
              {
                path: '/',
                pathType: 'ImplementationSpecific',
                backend: { service: { name, port: { name: 'https' } } },
              },
            ],
          },
        },
      ],
    },
  };
}

function tlsRoute(
  { apiVersion, gateway, host }: ExposureSpec & { type: 'TLSRoute' },
  name: string,
  metadata: Metadata,
): TlsRoute {
  const { namespace, sectionName } = gateway;
  const parent = {
    group: 'gateway.networking.k8s.io',
    kind: 'Gateway',
    name: gateway.name,
    ...(namespace === undefined ? {} : { namespace }),
    ...(sectionName === undefined ? {} : { sectionName }),
  };
  return {
    apiVersion: `gateway.networking.k8s.io/${apiVersion}`,
    kind: 'TLSRoute',
    metadata,
    spec: {
      parentRefs: [parent],
      hostnames: [host],
      rules: [{ backendRefs: [{ name, port: API_SERVER_SERVICE_PORT }] }],
    },
  };
}
