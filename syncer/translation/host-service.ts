import type { Service, ServicePort, ServiceSpec } from 'kubernetes-types/core/v1';
import type { EndpointSlice } from 'kubernetes-types/discovery/v1';
import type { ObjectMeta } from 'kubernetes-types/meta/v1';
import type { Translation } from './context';
import { SERVICE_NAME, SLICE_MANAGER } from './endpoint-slice';
import { ANNOTATIONS, LABELS } from './keys';
import { digits, type ClusterIdentity } from './names';
import { hasSelector, translateService, type ServiceContext } from './service';

/** Where an object of the virtual cluster is. */
interface Place {
  readonly namespace: string;
  readonly name: string;
}

/** Fields of a Service that say how its address is reached, beside its ports. */
const REACHED_BY = [
  'clusterIP',
  'clusterIPs',
  'ipFamilies',
  'ipFamilyPolicy',
  'sessionAffinity',
  'sessionAffinityConfig',
  'internalTrafficPolicy',
  'publishNotReadyAddresses',
] as const;

/** Fields of a published Service that it has from the tenant's, beside its ports. */
const PUBLISHED = [
  'selector',
  'sessionAffinity',
  'sessionAffinityConfig',
  'internalTrafficPolicy',
  'trafficDistribution',
  'publishNotReadyAddresses',
  'ipFamilies',
  'ipFamilyPolicy',
] as const;

/**
 * What the virtual cluster shows of a Service of the host, by the name that the platform gives it: its addresses and ports, and
 * nothing of its pods, labels and annotations. It has the host's own ClusterIP, to which the proxies of the host's nodes forward
 * whoever asks. One of type NodePort or LoadBalancer is shown as the ClusterIP Service that it is, too.
 */
export function shownService({ spec = {} }: Service, { namespace, name }: Place): Service {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { namespace, name, labels: { [LABELS.view]: 'true' } },
    spec: spec.type === 'ExternalName' ? alias(spec) : reached(spec),
  };
}

function alias({ externalName = '', sessionAffinity }: ServiceSpec): ServiceSpec {
  return { type: 'ExternalName', externalName, ...(sessionAffinity === undefined ? {} : { sessionAffinity }) };
}

function reached(spec: ServiceSpec): ServiceSpec {
  return { ...picked(spec, REACHED_BY), type: 'ClusterIP', ports: (spec.ports ?? []).map(withoutNodePort) };
}

/** The fields that are set. */
function picked(spec: ServiceSpec, fields: readonly (keyof ServiceSpec)[]): ServiceSpec {
  return Object.fromEntries(fields.map((field) => [field, spec[field]]).filter(([, value]) => value !== undefined));
}

function withoutNodePort(port: ServicePort): ServicePort {
  const copy = { ...port };
  delete copy.nodePort;
  return copy;
}

/**
 * What the virtual cluster shows of an EndpointSlice of a headless Service of the host: its addresses with their host names, without
 * the pods and nodes that they belong to. It goes with the Service that shows it.
 *
 * @param service the virtual Service that shows the host's
 */
export function shownSlice(host: EndpointSlice, service: ObjectMeta): EndpointSlice {
  const { namespace = '', name = '', uid = '' } = service;
  const id = `${host.metadata?.namespace}/${host.metadata?.name}`;
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      namespace,
      name: `${name}-${digits(id)}`,
      labels: { [SERVICE_NAME]: name, [SLICE_MANAGER.label]: SLICE_MANAGER.value, [LABELS.view]: 'true' },
      ownerReferences: [{ apiVersion: 'v1', kind: 'Service', name, uid }],
    },
    addressType: host.addressType,
    endpoints: (host.endpoints ?? []).map(({ addresses, conditions, hostname, zone }) => ({
      addresses,
      ...(conditions && { conditions }),
      ...(hostname && { hostname }),
      ...(zone && { zone }),
    })),
    ports: host.ports ?? [],
  };
}

/** Kind that the host's Services under a name of the platform's choice say that they are: no virtual object is of it. */
const PUBLISHED_KIND = 'PublishedService';

/**
 * The host's Service under a name of the platform's choice for a Service of the tenant: with an address of its own, and the tenant's
 * pods behind it.
 *
 * @returns a refusal for a Service without selector, as tenants write where such Services lead: whoever calls the platform's name must not
 * be led to what only the host's pods reach
 */
export function publishService(service: Service, hostName: string, context: ServiceContext): Translation<Service> {
  if (!hasSelector(service) || service.spec?.type === 'ExternalName') {
    const message =
      'the platform publishes this Service on the host, and can do so only while it leads to pods by a selector: give it one, and another type than ExternalName';
    return { ok: false, reason: 'NotPublished', message };
  }
  const translation = translateService(service, context);
  if (!translation.ok) return translation;
  const { metadata = {}, spec = {} } = translation.object;
  const annotations = {
    ...metadata.annotations,
    [ANNOTATIONS.kind]: PUBLISHED_KIND,
    [ANNOTATIONS.publishedAs]: hostName,
  };
  return {
    ok: true,
    object: {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { ...metadata, name: hostName, annotations },
      spec: {
        ...picked(spec, PUBLISHED),
        type: 'ClusterIP',
        ports: (spec.ports ?? []).map(withoutNodePort),
        ...(spec.clusterIP === 'None' ? { clusterIP: 'None', clusterIPs: ['None'] } : {}),
      },
    },
    references: [],
  };
}

/** Whose Service the host's Service of a published name leads to. */
export interface Publication {
  readonly namespace: string;
  readonly name: string;
}

/**
 * Which Service of the tenant a Service of the host publishes, or undefined when it is not one that this virtual cluster made. Copies
 * of one under another name are none.
 */
export function publicationOf({ metadata }: Service, id: ClusterIdentity): Publication | undefined {
  const { labels, annotations } = metadata ?? {};
  const namespace = annotations?.[ANNOTATIONS.namespace];
  const name = annotations?.[ANNOTATIONS.name];
  if (metadata?.namespace !== id.hostNamespace || labels?.[LABELS.virtualCluster] !== id.name) return undefined;
  if (annotations?.[ANNOTATIONS.kind] !== PUBLISHED_KIND) return undefined;
  if (annotations[ANNOTATIONS.publishedAs] !== metadata.name) return undefined;
  return namespace === undefined || name === undefined ? undefined : { namespace, name };
}
