import type { Service, ServicePort, ServiceSpec } from 'kubernetes-types/core/v1';
import type { ObjectContext, Translation } from './context';
import { RefusalCollector } from './copy-environment';
import {
  Copier,
  dropped,
  list,
  object,
  plain,
  plainList,
  translatedMap,
  type CopyEnvironment,
  type Field,
  type JsonObject,
} from './fields';
import type { HostRight } from './host-right';
import { jsonEqual } from './json';
import { ANNOTATIONS } from './keys';
import { hostMatchLabels } from './labels';
import { hostMetadata } from './metadata';
import { metadataPatch } from './metadata-patch';

/** What the syncer does with services on the host. */
export const SERVICE_RIGHTS: readonly HostRight[] = [
  { apiGroup: '', resources: ['services'], verbs: ['get', 'list', 'watch', 'create', 'patch', 'delete'] },
];

/**
 * On Services with a selector, whose Endpoints the host's controller makes and labels like them. It leaves those behind where a Service
 * is made anew without selector, and the host would take them for hand-made ones and forward to their addresses for ever.
 */
const SKIP_MIRROR = { 'endpointslice.kubernetes.io/skip-mirror': 'true' };

/** What a Service's translation needs. */
export interface ServiceContext extends ObjectContext {
  /** UID of the virtual Service. @default its metadata.uid; admission has none */
  readonly uid?: string | undefined;
  /** RFC 3339 time at which admission reserved the host Service for a virtual one that does not exist yet. */
  readonly reservation?: string | undefined;
}

/** Every field of ServiceSpec; `selector` is set below. */
export const SERVICE_SPEC: Field<CopyEnvironment> = object({
  allocateLoadBalancerNodePorts: plain,
  clusterIP: plain,
  clusterIPs: plainList,
  externalIPs: dropped('a tenant could draw the traffic of any address to its pods (CVE-2020-8554)'),
  externalName: plain,
  externalTrafficPolicy: plain,
  healthCheckNodePort: plain,
  internalTrafficPolicy: plain,
  ipFamilies: plainList,
  ipFamilyPolicy: plain,
  loadBalancerClass: plain,
  loadBalancerIP: dropped('a tenant could take an address that was meant for another'),
  loadBalancerSourceRanges: plainList,
  ports: list(
    object({ appProtocol: plain, name: plain, nodePort: plain, port: plain, protocol: plain, targetPort: plain }),
  ),
  publishNotReadyAddresses: plain,
  selector: translatedMap,
  sessionAffinity: plain,
  sessionAffinityConfig: object({ clientIP: object({ timeoutSeconds: plain }) }),
  trafficDistribution: plain,
  type: plain,
});

/** Fields that the host's API server fills in: where the virtual Service says nothing, what the host has stays. */
const ALLOCATED: ReadonlySet<string> = new Set([
  'clusterIP',
  'clusterIPs',
  'ipFamilies',
  'ipFamilyPolicy',
  'healthCheckNodePort',
]);
/** Fields that the virtual Service decides alone. */
const OWNED = [...(SERVICE_SPEC.class === 'object' ? SERVICE_SPEC.fields.keys() : [])].filter(
  (field) => !ALLOCATED.has(field) && !['externalIPs', 'loadBalancerIP', 'ports'].includes(field),
);

/** Whether a Service's endpoints come from pods that it selects; else whoever wants writes them. */
export function hasSelector(service: Service): boolean {
  return Object.keys(service.spec?.selector ?? {}).length > 0;
}

/**
 * The host twin of a Service. Addresses and node ports go as the virtual Service says where it says something. A Service
 * without selector has none on the host either. Never call it for `default/kubernetes`, which stands for the API server.
 */
export function translateService(service: Service, context: ServiceContext): Translation<Service> {
  const environment = new RefusalCollector();
  const spec = new Copier(environment).copy(SERVICE_SPEC, service.spec ?? {}, ['spec']) as ServiceSpec;
  const refusal = environment.refusal();
  if (refusal) return refusal;
  const virtual = service.metadata;
  if (Object.keys(spec.selector ?? {}).length > 0) {
    spec.selector = hostMatchLabels(context.identity, virtual?.namespace ?? '', spec.selector);
  } else {
    delete spec.selector;
  }
  // On a ClusterIP Service it comes with externalIPs, and the API refuses it without.
  if (spec.type === undefined || spec.type === 'ClusterIP') delete spec.externalTrafficPolicy;
  const uid = context.uid ?? virtual?.uid;
  const metadata = hostMetadata('Service', virtual, context);
  if (spec.selector !== undefined) Object.assign(metadata.labels, SKIP_MIRROR);
  if (uid !== undefined) metadata.annotations[ANNOTATIONS.uid] = uid;
  if (context.reservation !== undefined) metadata.annotations[ANNOTATIONS.reservation] = context.reservation;
  return { ok: true, object: { apiVersion: 'v1', kind: 'Service', metadata, spec }, references: [] };
}

/**
 * Whether the host Service cannot become the desired one: its first address is fixed for its life, unless it gets none or
 * had none.
 */
export function serviceNeedsRecreation(desired: Service, actual: Service): boolean {
  const [wanted, present] = [desired.spec?.clusterIP, actual.spec?.clusterIP];
  if (desired.spec?.type === 'ExternalName' || actual.spec?.type === 'ExternalName') return false;
  return Boolean(wanted) && Boolean(present) && wanted !== present;
}

/**
 * Whether the host Service has to be made anew to lose its selector: the slices that the host's controllers made from it would
 * stay as they are, with addresses that belong to others by and by. They go with the Service that they were made for.
 */
export function losesSelector(desired: Service, actual: Service): boolean {
  return hasSelector(actual) && !hasSelector(desired);
}

/**
 * JSON merge patch for the host Service, or undefined when all fields that we own are equal. Lists go as a whole. It never
 * contains another first address, which the API refuses, or takes a selector away: see {@link serviceNeedsRecreation} and
 * {@link losesSelector}.
 *
 * @param desired what `translateService` returned
 */
export function hostServicePatch(desired: Service, actual: Service): object | undefined {
  const changes: JsonObject = {};
  const wanted = (desired.spec ?? {}) as ServiceSpec & JsonObject;
  const present = (actual.spec ?? {}) as ServiceSpec & JsonObject;
  for (const field of OWNED) {
    if (jsonEqual(wanted[field], present[field])) continue;
    if (field === 'selector' && losesSelector(desired, actual)) continue;
    changes[field] = mergeChange(wanted[field], present[field]);
  }
  if (!serviceNeedsRecreation(desired, actual)) {
    for (const field of ALLOCATED) {
      const value = wanted[field];
      const given = value !== undefined && value !== '' && value !== 0 && !(Array.isArray(value) && value.length === 0);
      if (given && !jsonEqual(value, present[field])) changes[field] = value;
    }
  }
  const ports = portsWithNodePorts(wanted, present);
  if (!jsonEqual(ports, present.ports)) changes['ports'] = ports ?? null;
  const metadata = metadataPatch(desired.metadata, actual.metadata);
  if (metadata === undefined && Object.keys(changes).length === 0) return undefined;
  return {
    ...(metadata && { metadata }),
    ...(Object.keys(changes).length > 0 && { spec: changes }),
  };
}

/** A value for a merge patch, which would merge two objects: keys that are gone must be null. */
function mergeChange(wanted: unknown, present: unknown): unknown {
  if (wanted === undefined) return null;
  const isMap = (value: unknown): value is JsonObject =>
    typeof value === 'object' && value !== null && !Array.isArray(value);
  if (!isMap(wanted) || !isMap(present)) return wanted;
  const gone = Object.keys(present).filter((key) => !Object.hasOwn(wanted, key));
  return Object.fromEntries([...Object.entries(wanted), ...gone.map((key): [string, null] => [key, null])]);
}

/** The desired ports, with node ports that the host gave where the virtual Service names none and its type has them. */
function portsWithNodePorts(wanted: ServiceSpec, present: ServiceSpec): ServicePort[] | undefined {
  if (!allocatesNodePorts(wanted)) return wanted.ports;
  const given = nodePorts(present);
  return wanted.ports?.map((port) => {
    const nodePort = port.nodePort || given.get(portKey(port));
    return nodePort === undefined ? port : { ...port, nodePort };
  });
}

/** Whether an API server gives each port a node port; a load balancer without them keeps only those that it names. */
function allocatesNodePorts({ type, allocateLoadBalancerNodePorts }: ServiceSpec): boolean {
  return type === 'NodePort' || (type === 'LoadBalancer' && allocateLoadBalancerNodePorts !== false);
}

/** A Service's ports differ in protocol or number. */
function portKey(port: ServicePort): string {
  return `${port.protocol ?? 'TCP'}/${port.port}`;
}

function nodePorts(spec: ServiceSpec | undefined): Map<string, number> {
  const result = new Map<string, number>();
  for (const port of spec?.ports ?? []) if (port.nodePort) result.set(portKey(port), port.nodePort);
  return result;
}

/**
 * What must be written back into the virtual Service: what the host allocated and the virtual Service lacks (`spec`, for
 * the object itself: admission does this, except for Services that it did not see), and the load balancer's addresses
 * (`status`, for its status subresource). Both are what stands under that key in a JSON merge patch; absent when there is
 * nothing to write.
 */
export function virtualServicePatch(
  host: Service,
  virtual: Service,
): { readonly spec?: object; readonly status?: object } {
  const spec = allocatedPatch(host.spec, virtual.spec);
  const status = statusPatch(host, virtual);
  return { ...(spec && { spec }), ...(status && { status }) };
}

function allocatedPatch(host: ServiceSpec | undefined, virtual: ServiceSpec | undefined): JsonObject | undefined {
  // While the types differ, what the host has belongs to the type that it had.
  if (host === undefined || virtual === undefined || host.type !== virtual.type || virtual.type === 'ExternalName') {
    return undefined;
  }
  const changes: JsonObject = {};
  if (host.clusterIP && !virtual.clusterIP) {
    changes['clusterIP'] = host.clusterIP;
    changes['clusterIPs'] = host.clusterIPs ?? [host.clusterIP];
    if (host.ipFamilies !== undefined) changes['ipFamilies'] = host.ipFamilies;
    if (host.ipFamilyPolicy !== undefined) changes['ipFamilyPolicy'] = host.ipFamilyPolicy;
  }
  if (host.healthCheckNodePort && !virtual.healthCheckNodePort && virtual.externalTrafficPolicy === 'Local') {
    changes['healthCheckNodePort'] = host.healthCheckNodePort;
  }
  const ports = portsWithNodePorts(virtual, host);
  if (!jsonEqual(ports, virtual.ports)) changes['ports'] = ports;
  return Object.keys(changes).length > 0 ? changes : undefined;
}

function statusPatch(host: Service, virtual: Service): JsonObject | undefined {
  const changes: JsonObject = {};
  const ingress = virtual.spec?.type === 'LoadBalancer' ? host.status?.loadBalancer?.ingress : undefined;
  if (!jsonEqual(ingress, virtual.status?.loadBalancer?.ingress)) {
    changes['loadBalancer'] = { ingress: ingress ?? null };
  }
  if (!jsonEqual(host.status?.conditions, virtual.status?.conditions)) {
    changes['conditions'] = host.status?.conditions ?? null;
  }
  return Object.keys(changes).length > 0 ? changes : undefined;
}
