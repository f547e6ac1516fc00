import type { Service, ServicePort } from 'kubernetes-types/core/v1';
import { type JsonPatchOperation, set } from './json-patch';

/** Whether an API server gives the Service a cluster IP (and what comes with one): not to headless ones and aliases. */
export function needsAddress(service: Service): boolean {
  return needsClusterIP(service) && service.spec?.clusterIP !== 'None' && service.spec?.clusterIPs?.[0] !== 'None';
}

/**
 * The new object of an update with what the API server will carry over from the old one, as clients may leave out the
 * values that were allocated for them (upstream's patchAllocatedValues).
 *
 * @returns a copy; the arguments are not changed
 */
export function withAllocatedValues(old: Service, updated: Service): Service {
  const before = old.spec ?? {};
  const spec = { ...updated.spec };
  if (needsClusterIP(old) && needsClusterIP(updated)) {
    if (!spec.clusterIP && before.clusterIP !== undefined) spec.clusterIP = before.clusterIP;
    if (!spec.clusterIPs?.length && before.clusterIPs?.length) spec.clusterIPs = before.clusterIPs;
  }
  if (usesNodePorts(old) && usesNodePorts(updated)) spec.ports = withNodePorts(before.ports ?? [], spec.ports ?? []);
  if (usesHealthCheckPort(old) && usesHealthCheckPort(updated) && !spec.healthCheckNodePort) {
    if (before.healthCheckNodePort) spec.healthCheckNodePort = before.healthCheckNodePort;
  }
  return { ...updated, spec };
}

/**
 * Whether an update makes the API server allocate an address or a port: then the host has to allocate it first.
 *
 * @param updated the new object, after {@link withAllocatedValues}
 */
export function updateAllocates(old: Service, updated: Service): boolean {
  if (!needsAddress(updated)) return false;
  // A headless Service stays headless: its "None" cannot be changed, and the API server says so.
  if (needsClusterIP(old) && !needsAddress(old)) return false;
  return (
    !needsClusterIP(old) ||
    allocatesSecondAddress(old, updated) ||
    allocatesNodePort(old, updated) ||
    (usesHealthCheckPort(updated) && !usesHealthCheckPort(old))
  );
}

/**
 * The changes that give a virtual Service what the host has allocated for its twin.
 *
 * @param virtual the object under admission
 * @param host the stored twin
 */
export function allocationPatch(virtual: Service, host: Service): JsonPatchOperation[] {
  const [have, given] = [virtual.spec ?? {}, host.spec ?? {}];
  const patch: JsonPatchOperation[] = [];
  const copy = (field: 'clusterIP' | 'clusterIPs' | 'ipFamilies' | 'ipFamilyPolicy' | 'healthCheckNodePort'): void => {
    const value = given[field];
    if (value === undefined || value === '' || value === 0) return;
    if (JSON.stringify(value) !== JSON.stringify(have[field])) patch.push(set(value, 'spec', field));
  };
  copy('clusterIP');
  copy('clusterIPs');
  copy('ipFamilies');
  copy('ipFamilyPolicy');
  copy('healthCheckNodePort');
  const byPort = new Map((given.ports ?? []).map((port) => [portKey(port), port.nodePort ?? 0]));
  (have.ports ?? []).forEach((port, index) => {
    const nodePort = byPort.get(portKey(port)) ?? 0;
    if (nodePort !== 0 && nodePort !== port.nodePort) patch.push(set(nodePort, 'spec', 'ports', index, 'nodePort'));
  });
  return patch;
}

function needsClusterIP(service: Service): boolean {
  return service.spec?.type !== 'ExternalName';
}

function usesNodePorts(service: Service): boolean {
  const { type, allocateLoadBalancerNodePorts } = service.spec ?? {};
  return type === 'NodePort' || (type === 'LoadBalancer' && allocateLoadBalancerNodePorts !== false);
}

function usesHealthCheckPort(service: Service): boolean {
  return service.spec?.type === 'LoadBalancer' && service.spec.externalTrafficPolicy === 'Local';
}

/** Missing node ports by the port's name, except numbers that another of the new ports has taken over. */
function withNodePorts(old: readonly ServicePort[], updated: readonly ServicePort[]): ServicePort[] {
  const kept = new Set(updated.map((port) => port.nodePort ?? 0));
  const byName = new Map(old.map((port) => [port.name ?? '', port.nodePort ?? 0]));
  return updated.map((port) => {
    const nodePort = byName.get(port.name ?? '') ?? 0;
    return port.nodePort || nodePort === 0 || kept.has(nodePort) ? port : { ...port, nodePort };
  });
}

function allocatesSecondAddress(old: Service, updated: Service): boolean {
  const [before, after] = [old.spec ?? {}, updated.spec ?? {}];
  if ((before.ipFamilies?.length ?? 0) > 1) return false;
  if ((after.ipFamilies?.length ?? 0) > 1 || (after.clusterIPs?.length ?? 0) > 1) return true;
  // A PreferDualStack Service that found one family is not upgraded when it is written again.
  return (after.ipFamilyPolicy ?? before.ipFamilyPolicy) !== before.ipFamilyPolicy && isDualStack(after.ipFamilyPolicy);
}

function isDualStack(policy: string | undefined): boolean {
  return policy === 'PreferDualStack' || policy === 'RequireDualStack';
}

function allocatesNodePort(old: Service, updated: Service): boolean {
  const { type, ports = [] } = updated.spec ?? {};
  if (type !== 'NodePort' && type !== 'LoadBalancer') return false;
  const held = new Set((old.spec?.ports ?? []).map((port) => port.nodePort ?? 0));
  const automatic = usesNodePorts(updated);
  return ports.some((port) => (port.nodePort ? !held.has(port.nodePort) : automatic));
}

/** What tells the ports of one Service apart. */
function portKey(port: ServicePort): string {
  return `${port.protocol ?? 'TCP'}/${port.port}/${port.name ?? ''}`;
}
