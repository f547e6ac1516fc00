import { apiVersionOf } from '../../../syncer/kube-client';
import type { AnyObject, ResourceType } from '../../../syncer/kube-client';

const GROUP = 'gateway.networking.k8s.io';
const type = (kind: string, resource: string): ResourceType => ({
  group: GROUP,
  version: 'v1',
  kind,
  resource,
  namespaced: true,
});

/** Kinds of the Gateway API that lead connections by the name in the TLS greeting. */
export const gatewayResources = { gateways: type('Gateway', 'gateways'), tlsRoutes: type('TLSRoute', 'tlsroutes') };

/** A Gateway, as far as a proxy for TLS reads it. */
export interface Gateway extends AnyObject {
  readonly spec: {
    readonly gatewayClassName: string;
    readonly listeners: readonly {
      readonly name: string;
      readonly port: number;
      readonly protocol: string;
      readonly hostname?: string;
      readonly tls?: { readonly mode?: 'Terminate' | 'Passthrough' };
      readonly allowedRoutes?: { readonly namespaces?: { readonly from?: 'All' | 'Same' | 'Selector' | 'None' } };
    }[];
  };
}

/** A TLSRoute with the defaults of its definition. */
export interface TlsRoute extends AnyObject {
  readonly spec: {
    readonly parentRefs?: readonly {
      readonly group: string;
      readonly kind: string;
      readonly name: string;
      readonly namespace?: string;
      readonly sectionName?: string;
    }[];
    readonly hostnames: readonly string[];
    readonly rules: readonly {
      readonly backendRefs: readonly {
        readonly group: string;
        readonly kind: string;
        readonly name: string;
        readonly namespace?: string;
        readonly port?: number;
      }[];
    }[];
  };
}

const text = (more: object = {}) => ({ type: 'string', minLength: 1, maxLength: 253, ...more });
const choice = (...values: string[]) => ({ type: 'string', enum: values, default: values[0] });
const list = (items: object, maxItems: number) => ({ type: 'array', minItems: 1, maxItems, items });
const object = (properties: object, ...required: string[]) => ({ type: 'object', properties, required });
const port = { type: 'integer', format: 'int32', minimum: 1, maximum: 65_535 };
const group = (value: string) => ({ type: 'string', maxLength: 253, default: value });
const HOST_NAME = String.raw`^(\*\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`;
const hostname = text({ pattern: HOST_NAME });

const gatewaySpec = object(
  {
    gatewayClassName: text(),
    listeners: list(
      object(
        {
          name: text(),
          hostname,
          port,
          protocol: text(),
          tls: object({ mode: choice('Terminate', 'Passthrough') }),
          allowedRoutes: object({ namespaces: object({ from: choice('Same', 'All', 'Selector', 'None') }) }),
        },
        'name',
        'port',
        'protocol',
      ),
      64,
    ),
  },
  'gatewayClassName',
  'listeners',
);

/** As Gateway API 1.5 has it, where TLSRoute is v1: fields, what is required, limits and defaults. */
const tlsRouteSpec = object(
  {
    hostnames: list(hostname, 16),
    parentRefs: {
      type: 'array',
      maxItems: 32,
      items: object(
        {
          group: group(GROUP),
          kind: text({ default: 'Gateway' }),
          name: text(),
          namespace: text(),
          port,
          sectionName: text(),
        },
        'name',
      ),
    },
    rules: list(
      object(
        {
          name: text(),
          backendRefs: list(
            object(
              {
                group: group(''),
                kind: text({ default: 'Service' }),
                name: text(),
                namespace: text(),
                port,
                weight: { type: 'integer', format: 'int32', minimum: 0, maximum: 1_000_000, default: 1 },
              },
              'name',
            ),
            16,
          ),
        },
        'backendRefs',
      ),
      1,
    ),
  },
  'hostnames',
  'rules',
);

function definition(of: ResourceType, spec: object): AnyObject {
  const schema = { openAPIV3Schema: object({ spec }, 'spec') };
  return {
    metadata: {
      name: `${of.resource}.${of.group}`,
      // Without it the API server takes no definition in a group of Kubernetes.
      annotations: { 'api-approved.kubernetes.io': 'unapproved, what a test needs of it' },
    },
    spec: {
      group: of.group,
      scope: 'Namespaced',
      names: { kind: of.kind, plural: of.resource, singular: of.kind.toLowerCase() },
      versions: [{ name: of.version, served: true, storage: true, schema }],
    },
  };
}

/** Definitions of these kinds, for a host without the Gateway API. */
export const gatewayDefinitions = [
  definition(gatewayResources.gateways, gatewaySpec),
  definition(gatewayResources.tlsRoutes, tlsRouteSpec),
];

/** A Gateway with one listener, which hands TLS on for routes of any namespace. */
export function passthroughGateway(
  at: { name: string; namespace: string },
  gatewayClass: string,
  listen: number,
): Gateway {
  return {
    apiVersion: apiVersionOf(gatewayResources.gateways),
    kind: gatewayResources.gateways.kind,
    metadata: at,
    spec: {
      gatewayClassName: gatewayClass,
      listeners: [
        {
          name: 'tls',
          port: listen,
          protocol: 'TLS',
          tls: { mode: 'Passthrough' },
          allowedRoutes: { namespaces: { from: 'All' } },
        },
      ],
    },
  };
}
