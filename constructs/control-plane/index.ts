import type { VirtualClusterSpec } from '../spec';
import { anchor, certificatesSecret, configurationMap } from './configuration';
import { admissionBindings } from './admission-policies';
import { disruptionBudgets } from './disruption-budget';
import { apiServerRoutes } from './exposure';
import {
  clusterRole,
  controlPlaneServiceAccount,
  namespaceRoles,
  nodeReaderBinding,
  role,
  roleBinding,
  workloadServiceAccount,
} from './rbac';
import { networkPolicies } from './network-policies';
import { sleepObjects } from './sleep';
import { limitRange, resourceQuota } from './quota';
import { apiServerService, storeService } from './services';
import type { KubernetesObject } from './host-object';
import { MANIFESTS_ID, manifestsMap } from './manifests';
import { statefulSet } from './stateful-set';

export { ingressAdmissionPolicy, nodesAdmissionPolicy } from './admission-policies';
export { nodeReaderRole } from './rbac';
export type { KubernetesObject } from './host-object';
export { API_SERVER_SERVICE_PORT, PORTS } from './ports';
export { sleepAccountName } from './sleep';
export { MANIFESTS_ID, manifestsMap } from './manifests';
export { CONFIGURATION_HASH_ANNOTATION } from './stateful-set';

/**
 * All host objects of a virtual cluster by an id that stays the same for good, in an order in which they can be applied one after
 * the other: what the pod needs comes before it.
 */
export function controlPlaneObjects(spec: VirtualClusterSpec): ReadonlyMap<string, KubernetesObject> {
  const [clusterWide, clusterWideBinding] = clusterRole(spec);
  const [containerDefaults] = limitRange(spec);
  const objects: readonly (readonly [string, KubernetesObject])[] = [
    ...(containerDefaults === undefined ? [] : ([['container-defaults', containerDefaults]] as const)),
    ['anchor', anchor(spec)],
    ['configuration', configurationMap(spec)],
    ...(spec.manifests === undefined ? [] : ([[MANIFESTS_ID, manifestsMap(spec, spec.manifests)]] as const)),
    ['certificates', certificatesSecret(spec)],
    ['service-account', controlPlaneServiceAccount(spec)],
    ['workload-service-account', workloadServiceAccount(spec)],
    ['role', role(spec)],
    ['role-binding', roleBinding(spec)],
    ...(clusterWide === undefined ? [] : ([['cluster-role', clusterWide]] as const)),
    ...(clusterWideBinding === undefined ? [] : ([['cluster-role-binding', clusterWideBinding]] as const)),
    ...nodeReaderBinding(spec),
    ...admissionBindings(spec),
    ...namespaceRoles(spec).flatMap(([one, binding]): [string, KubernetesObject][] => [
      [`role-in-${one.metadata?.namespace}`, one],
      [`role-binding-in-${one.metadata?.namespace}`, binding],
    ]),
    ...networkPolicies(spec),
    ['api-server-service', apiServerService(spec)],
    ...apiServerRoutes(spec),
    ['store-service', storeService(spec)],
    ...disruptionBudgets(spec),
    ['stateful-set', statefulSet(spec)],
    ...sleepObjects(spec),
  ];
  const [quota] = resourceQuota(
    spec,
    objects.map(([, object]) => object),
  );
  // Last: until the host has counted what is there, a new quota lets nothing in.
  return new Map([...objects, ...(quota === undefined ? [] : ([['quota', quota]] as const))]);
}
