import type { SyncerConfiguration } from '../configuration';
import { CONFIG_MAP_RIGHTS } from './config-map';
import { ENDPOINT_SLICE_RIGHTS } from './endpoint-slice';
import type { HostRight } from './host-right';
import { INGRESS_RIGHTS } from './ingress';
import { NETWORK_POLICY_RIGHTS } from './network-policy';
import { PERSISTENT_VOLUME_RIGHTS } from './persistent-volume';
import { PERSISTENT_VOLUME_CLAIM_RIGHTS } from './persistent-volume-claim';
import { POD_RIGHTS } from './pod';
import { POD_DISRUPTION_BUDGET_RIGHTS } from './pod-disruption-budget';
import { RESOURCE_CLAIM_RIGHTS } from './resource-claim';
import { RESOURCE_METRICS_RIGHTS } from './resource-metrics';
import { PRIORITY_CLASS_RIGHTS } from './priority-class';
import { SECRET_RIGHTS } from './secret';
import { SERVICE_ACCOUNT_RIGHTS } from './service-account';
import { SERVICE_RIGHTS } from './service';

export type { HostRight } from './host-right';

/** The host's events about our objects, which are shown to tenants. */
const EVENT_RIGHTS: readonly HostRight[] = [{ apiGroup: '', resources: ['events'], verbs: ['get', 'list', 'watch'] }];

/** What is done with the host's nodes, in every mode but that of made-up ones. */
export const NODE_VIEW_RIGHTS: readonly HostRight[] = [viewRight('', 'nodes')];

const NODES_FIELD = 'sync.fromHost.nodes';

/** What of the configuration decides about rights. */
export type RightsConfiguration = Pick<SyncerConfiguration, 'sync' | 'hostServices'>;

/** Rights in the host namespace that kinds bring which can be switched on and off. */
function optionalRights({ sync: { fromHost, toHost }, hostServices }: RightsConfiguration): readonly HostRight[] {
  return [
    ...(toHost.persistentVolumeClaims.enabled ? PERSISTENT_VOLUME_CLAIM_RIGHTS : []),
    ...(fromHost.events.enabled ? EVENT_RIGHTS : []),
    ...(fromHost.metrics.enabled ? RESOURCE_METRICS_RIGHTS : []),
    ...(toHost.resourceClaims.enabled ? RESOURCE_CLAIM_RIGHTS : []),
    ...(toHost.ingresses.enabled ? INGRESS_RIGHTS : []),
    ...(toHost.networkPolicies.enabled ? NETWORK_POLICY_RIGHTS : []),
    ...toHost.customResources.filter(({ scope }) => scope === 'Namespaced').map(twinRight),
    ...fromHost.customResources
      .filter(({ namespaces }) => namespaces.some(({ host }) => host === undefined))
      .map(({ group, resource }) => viewRight(group, resource)),
    ...(toHost.endpointSlices.enabled ? ENDPOINT_SLICE_RIGHTS : []),
    ...(toHost.podDisruptionBudgets.enabled ? POD_DISRUPTION_BUDGET_RIGHTS : []),
    ...(toHost.serviceAccounts.enabled ? SERVICE_ACCOUNT_RIGHTS : []),
    // All Services of the host namespace can be read anyway.
    ...(hostServices.toVirtual.some(({ host, headless }) => host.namespace === undefined && headless)
      ? [viewRight('discovery.k8s.io', 'endpointslices')]
      : []),
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

/** A right beyond the host namespace, and the setting that asks for it. */
export interface WiderRight {
  /** Path of the setting in the syncer's document. */
  readonly field: string;
  readonly right: HostRight;
  /** The one other namespace that it is for; undefined: the whole host. */
  readonly namespace?: string;
}

/** What the syncer needs outside of its host namespace, and why. Empty unless a feature that is off by default asks for it. */
export function widerRights({ sync: { toHost, fromHost }, hostServices }: RightsConfiguration): readonly WiderRight[] {
  const definitions = [
    ...toHost.customResources.map((one, index) => ({ ...one, field: `sync.toHost.customResources[${index}]` })),
    ...fromHost.customResources.map((one, index) => ({ ...one, field: `sync.fromHost.customResources[${index}]` })),
  ];
  const view = (name: keyof typeof fromHost, isShown: boolean, rights: readonly HostRight[]): WiderRight[] =>
    isShown ? rights.map((right) => ({ field: `sync.fromHost.${name}`, right })) : [];
  return [
    ...definitions.map(({ field, group, resource }) => ({ field, right: definitionRight(`${resource}.${group}`) })),
    ...toHost.customResources.flatMap((one, index) =>
      one.scope === 'Cluster' ? [{ field: `sync.toHost.customResources[${index}]`, right: twinRight(one) }] : [],
    ),
    ...fromHost.customResources.flatMap(({ scope, group, resource, namespaces }, index): WiderRight[] => {
      const field = `sync.fromHost.customResources[${index}]`;
      const right = viewRight(group, resource);
      if (scope === 'Cluster') return [{ field, right }];
      return namespaces.flatMap(({ host }) => (host === undefined ? [] : [{ field, right, namespace: host }]));
    }),
    ...hostServices.toVirtual.flatMap(({ host: { namespace, name }, headless }, index): WiderRight[] => {
      if (namespace === undefined) return [];
      const field = `hostServices.toVirtual[${index}]`;
      const service = { ...viewRight('', 'services'), names: [name] };
      // They are found by a label, and their names are made up: RBAC has no way to give those of one Service.
      const slices = headless ? [viewRight('discovery.k8s.io', 'endpointslices')] : [];
      return [service, ...slices].map((right) => ({ field, right, namespace }));
    }),
    ...view('nodes', fromHost.nodes.mode !== 'fake', NODE_VIEW_RIGHTS),
    ...view('persistentVolumes', fromHost.persistentVolumes.enabled, PERSISTENT_VOLUME_RIGHTS),
    ...view('storageClasses', fromHost.storageClasses.enabled, [viewRight('storage.k8s.io', 'storageclasses')]),
    ...view('volumeAttributesClasses', fromHost.volumeAttributesClasses.enabled, [
      viewRight('storage.k8s.io', 'volumeattributesclasses'),
    ]),
    ...view('ingressClasses', fromHost.ingressClasses.enabled, [viewRight('networking.k8s.io', 'ingressclasses')]),
    ...view('runtimeClasses', fromHost.runtimeClasses.enabled, [viewRight('node.k8s.io', 'runtimeclasses')]),
    ...(toHost.priorityClasses.enabled
      ? PRIORITY_CLASS_RIGHTS.map((right) => ({ field: 'sync.toHost.priorityClasses', right }))
      : []),
    ...view('priorityClasses', fromHost.priorityClasses.enabled, [viewRight('scheduling.k8s.io', 'priorityclasses')]),
  ];
}

/**
 * Rights of the syncer outside of its host namespace, for kinds that have none. Empty unless a feature that is off by default asks
 * for them: then there is no ClusterRole.
 *
 * @param options.withoutNodes leaves out those on nodes, which several clusters may share
 */
export function syncerClusterRights(
  configuration: RightsConfiguration,
  { withoutNodes = false }: { readonly withoutNodes?: boolean } = {},
): readonly HostRight[] {
  const wide = widerRights(configuration).filter(({ namespace }) => namespace === undefined);
  return mergeRights(wide.filter(({ field }) => !withoutNodes || field !== NODES_FIELD).map(({ right }) => right));
}

/** Rights of the syncer in other namespaces of the host, whose custom resources or Services tenants see. Empty by default. */
export function syncerNamespaceRights(configuration: RightsConfiguration): ReadonlyMap<string, readonly HostRight[]> {
  const rights = new Map<string, HostRight[]>();
  for (const { namespace, right } of widerRights(configuration)) {
    if (namespace !== undefined) rights.set(namespace, [...(rights.get(namespace) ?? []), right]);
  }
  return new Map([...rights].map(([namespace, all]) => [namespace, mergeRights(all)]));
}

/** A custom resource of the tenant on the host; its status is only read. */
function twinRight({ group, resource }: { readonly group: string; readonly resource: string }): HostRight {
  return { apiGroup: group, resources: [resource], verbs: ['get', 'list', 'watch', 'create', 'patch', 'delete'] };
}

/** One definition, by its name. */
function definitionRight(name: string): HostRight {
  const verbs = ['get', 'list', 'watch'];
  return { apiGroup: 'apiextensions.k8s.io', resources: ['customresourcedefinitions'], verbs, names: [name] };
}

function viewRight(apiGroup: string, resource: string): HostRight {
  return { apiGroup, resources: [resource], verbs: ['get', 'list', 'watch'] };
}

/** One rule for all resources of a group that have the same verbs, and one for all objects that are named. */
function mergeRights(rights: readonly HostRight[]): readonly HostRight[] {
  const verbs = new Map<string, { apiGroup: string; resource: string; verbs: Set<string>; names: Set<string> }>();
  for (const { apiGroup, resources, verbs: granted, names = [] } of rights) {
    for (const resource of resources) {
      // Rights on named objects never join those on all.
      const key = `${apiGroup}/${resource}/${names.length > 0 ? 'named' : ''}`;
      const entry = verbs.get(key) ?? { apiGroup, resource, verbs: new Set(), names: new Set() };
      for (const verb of granted) entry.verbs.add(verb);
      for (const name of names) entry.names.add(name);
      verbs.set(key, entry);
    }
  }
  const rules = new Map<string, { apiGroup: string; resources: string[]; verbs: string[]; names?: string[] }>();
  for (const { apiGroup, resource, verbs: granted, names } of verbs.values()) {
    const sorted = [...granted].sort();
    const named = names.size > 0 ? { names: [...names].sort() } : {};
    const key = `${apiGroup}/${sorted.join(',')}/${named.names?.join(',') ?? ''}`;
    const rule = rules.get(key) ?? { apiGroup, resources: [], verbs: sorted, ...named };
    rule.resources.push(resource);
    rules.set(key, rule);
  }
  for (const rule of rules.values()) rule.resources.sort();
  return [...rules.entries()].sort(([one], [other]) => (one < other ? -1 : 1)).map(([, rule]) => rule);
}
