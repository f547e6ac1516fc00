import * as z from 'zod';
import { Exposure, TlsPassthrough } from '..';
import type {
  GatewayReference,
  IngressExposureProps,
  LoadBalancerExposureProps,
  NodePortExposureProps,
  TlsRouteExposureProps,
} from '..';
import { plainly, propsOf, valueType, withNamed, withProps, type Plain } from './value-types';

const texts = z.record(z.string(), z.string());
const port = z.int().optional();

/** Those with annotations of their own, by which they are known again. */
const CONTROLLERS = {
  ingressNginx: TlsPassthrough.ingressNginx,
  haproxyIngress: TlsPassthrough.haproxyIngress,
  haproxyTechnologies: TlsPassthrough.haproxyTechnologies,
};

const passthrough = valueType<TlsPassthrough, typeof TlsPassthrough>(
  TlsPassthrough,
  {
    ingressNginx: plainly(CONTROLLERS.ingressNginx),
    haproxyIngress: plainly(CONTROLLERS.haproxyIngress),
    haproxyTechnologies: plainly(CONTROLLERS.haproxyTechnologies),
    annotations: withNamed(
      ({ annotations }: { annotations: Record<string, string> }) => TlsPassthrough.annotations(annotations),
      {
        annotations: texts,
      },
    ),
  },
  {
    has: ({ annotations }) => typeof annotations === 'object',
    plain: ({ annotations }) => {
      const known = Object.entries(CONTROLLERS).find(([, make]) => sameTexts(make().annotations, annotations));
      return known === undefined ? { type: 'annotations', annotations } : { type: known[0] };
    },
    wrong: 'is no TlsPassthrough: use one of its factories, such as TlsPassthrough.ingressNginx()',
  },
);

/** How the virtual API server is reached. */
export const exposure = valueType<Exposure, typeof Exposure>(
  Exposure,
  {
    clusterIP: plainly(Exposure.clusterIP),
    nodePort: withProps<Exposure, NodePortExposureProps>(Exposure.nodePort, 'NodePortExposureProps', {
      port,
      address: z.string().optional(),
    }),
    loadBalancer: withProps<Exposure, LoadBalancerExposureProps>(Exposure.loadBalancer, 'LoadBalancerExposureProps', {
      annotations: texts.optional(),
      loadBalancerClass: z.string().optional(),
      sourceRanges: z.array(z.string()).optional(),
      host: z.string().optional(),
    }),
    ingress: withProps<Exposure, IngressExposureProps>(Exposure.ingress, 'IngressExposureProps', {
      host: z.string(),
      passthrough,
      className: z.string().optional(),
      port,
    }),
    tlsRoute: withProps<Exposure, TlsRouteExposureProps>(Exposure.tlsRoute, 'TlsRouteExposureProps', {
      host: z.string(),
      gateway: propsOf<GatewayReference>('GatewayReference', {
        name: z.string(),
        namespace: z.string().optional(),
        sectionName: z.string().optional(),
      }),
      port,
      apiVersion: z.enum(['v1', 'v1alpha3', 'v1alpha2']).optional(),
    }),
  },
  {
    has: ({ spec, reach }) => typeof spec?.type === 'string' && typeof reach === 'object',
    plain,
    wrong: 'is no Exposure: use one of its factories, such as Exposure.loadBalancer()',
  },
);

function plain({ spec, reach }: Exposure): Plain {
  switch (spec.type) {
    case 'ClusterIP':
      return { type: 'clusterIP' };
    case 'NodePort':
      return { type: 'nodePort', port: spec.port, address: reach.nodeAddress };
    case 'LoadBalancer': {
      const { annotations, loadBalancerClass, sourceRanges } = spec;
      return {
        type: 'loadBalancer',
        annotations: Object.keys(annotations).length === 0 ? undefined : annotations,
        loadBalancerClass,
        sourceRanges: sourceRanges.length === 0 ? undefined : sourceRanges,
        host: reach.host,
      };
    }
    case 'Ingress': {
      const { host, className, annotations } = spec;
      return {
        type: 'ingress',
        host,
        passthrough: TlsPassthrough.annotations(annotations),
        className,
        port: reach.port,
      };
    }
    case 'TLSRoute': {
      const { host, gateway, apiVersion } = spec;
      return { type: 'tlsRoute', host, gateway, port: reach.port, apiVersion };
    }
  }
}

function sameTexts(one: Readonly<Record<string, string>>, other: Readonly<Record<string, string>>): boolean {
  const keys = Object.keys(one);
  return keys.length === Object.keys(other).length && keys.every((key) => one[key] === other[key]);
}
