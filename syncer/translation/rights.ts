import type { SyncerConfiguration } from '../configuration';
import { CONFIG_MAP_RIGHTS } from './config-map';
import type { HostRight } from './host-right';
import { INGRESS_RIGHTS } from './ingress';
import { NETWORK_POLICY_RIGHTS } from './network-policy';
import { POD_RIGHTS } from './pod';
import { RESOURCE_CLAIM_RIGHTS } from './resource-claim';
import { SECRET_RIGHTS } from './secret';
import { SERVICE_RIGHTS } from './service';

export type { HostRight } from './host-right';

/** The host's events about our objects, which are shown to tenants. */
const EVENT_RIGHTS: readonly HostRight[] = [{ apiGroup: '', resources: ['events'], verbs: ['get', 'list', 'watch'] }];

/** What of the configuration decides about rights. */
export type RightsConfiguration = Pick<SyncerConfiguration, 'sync'>;

/** Rights in the host namespace that kinds bring which can be switched on and off. */
function optionalRights({ sync: { fromHost, toHost } }: RightsConfiguration): readonly HostRight[] {
  return [
    ...(fromHost.events.enabled ? EVENT_RIGHTS : []),
    ...(toHost.resourceClaims.enabled ? RESOURCE_CLAIM_RIGHTS : []),
    ...(toHost.ingresses.enabled ? INGRESS_RIGHTS : []),
    ...(toHost.networkPolicies.enabled ? NETWORK_POLICY_RIGHTS : []),
  ];
}

/** All rights of the syncer's Role in the host namespace, in a stable order, without duplicates. */
export function syncerRights(configuration: RightsConfiguration): readonly HostRight[] {
  return mergeRights([
    ...POD_RIGHTS,
    ...SERVICE_RIGHTS,
    ...CONFIG_MAP_RIGHTS,
    ...SECRET_RIGHTS,
    ...optionalRights(configuration),
  ]);
}

/**
 * Rights of the syncer outside of its host namespace, for kinds that have none. Empty unless a feature that is off by default asks
 * for them: then there is no ClusterRole.
 */
export function syncerClusterRights({ sync: { fromHost } }: RightsConfiguration): readonly HostRight[] {
  return mergeRights([
    ...(fromHost.storageClasses.enabled ? [viewRight('storage.k8s.io', 'storageclasses')] : []),
    ...(fromHost.ingressClasses.enabled ? [viewRight('networking.k8s.io', 'ingressclasses')] : []),
    ...(fromHost.runtimeClasses.enabled ? [viewRight('node.k8s.io', 'runtimeclasses')] : []),
    ...(fromHost.priorityClasses.enabled ? [viewRight('scheduling.k8s.io', 'priorityclasses')] : []),
  ]);
}

function viewRight(apiGroup: string, resource: string): HostRight {
  return { apiGroup, resources: [resource], verbs: ['get', 'list', 'watch'] };
}

/** One rule for all resources of a group that have the same verbs. */
function mergeRights(rights: readonly HostRight[]): readonly HostRight[] {
  const verbs = new Map<string, { apiGroup: string; resource: string; verbs: Set<string> }>();
  for (const { apiGroup, resources, verbs: granted } of rights) {
    for (const resource of resources) {
      const key = `${apiGroup}/${resource}`;
      const entry = verbs.get(key) ?? { apiGroup, resource, verbs: new Set() };
      for (const verb of granted) entry.verbs.add(verb);
      verbs.set(key, entry);
    }
  }
  const rules = new Map<string, { apiGroup: string; resources: string[]; verbs: string[] }>();
  for (const { apiGroup, resource, verbs: granted } of verbs.values()) {
    const sorted = [...granted].sort();
    const key = `${apiGroup}/${sorted.join(',')}`;
    const rule = rules.get(key) ?? { apiGroup, resources: [], verbs: sorted };
    rule.resources.push(resource);
    rules.set(key, rule);
  }
  for (const rule of rules.values()) rule.resources.sort();
  return [...rules.entries()].sort(([one], [other]) => (one < other ? -1 : 1)).map(([, rule]) => rule);
}
