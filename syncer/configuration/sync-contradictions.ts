import type { ConfigurationProblem } from './error';
import { parseJsonPath, type JsonPath } from './json-path';
import type { SyncerConfiguration } from './schema';

type Sync = SyncerConfiguration['sync'];

/** Settings of custom resources and field patches that are right by themselves and wrong together. */
export function syncContradictions({ sync }: SyncerConfiguration): ConfigurationProblem[] {
  return [
    ...nodes(sync),
    ...definedOnce(sync),
    ...references(sync),
    ...overlaps(sync),
    ...shownNamespaces(sync),
    ...patches(sync),
  ];
}

/** A selector of nodes where none is looked at, or none where it is. */
function nodes({ fromHost }: Sync): ConfigurationProblem[] {
  const { mode, selector, enforce } = fromHost.nodes;
  const field = 'sync.fromHost.nodes';
  const isEmpty = Object.keys(selector).length === 0;
  if (mode === 'selector') {
    const message = 'is empty: give labels of nodes, or set sync.fromHost.nodes.mode to all';
    return isEmpty ? [{ field: `${field}.selector`, value: selector, message }] : [];
  }
  const message = `has no effect, as ${field}.mode is ${mode}: set that to selector, or remove this`;
  return [
    ...(isEmpty ? [] : [{ field: `${field}.selector`, value: selector, message }]),
    ...(enforce ? [{ field: `${field}.enforce`, value: enforce, message }] : []),
  ];
}

/** One direction and one version for each definition: an object that went both ways would have two masters. */
function definedOnce({ toHost, fromHost }: Sync): ConfigurationProblem[] {
  const seen = new Map<string, string>();
  const entries = [
    ...toHost.customResources.map((one, index) => [`sync.toHost.customResources[${index}]`, one] as const),
    ...fromHost.customResources.map((one, index) => [`sync.fromHost.customResources[${index}]`, one] as const),
  ];
  return entries.flatMap(([field, { resource, group }]) => {
    const name = `${resource}.${group}`;
    const before = seen.get(name);
    if (before === undefined) {
      seen.set(name, field);
      return [];
    }
    return [{ field, value: name, message: `is at ${before} already: leave one of the two, with one version` }];
  });
}

function references({ toHost }: Sync): ConfigurationProblem[] {
  const problems: ConfigurationProblem[] = [];
  for (const [index, { references: list, scope }] of toHost.customResources.entries()) {
    for (const [at, { kind, path, namespacePath }] of list.entries()) {
      const field = `sync.toHost.customResources[${index}].references[${at}]`;
      if (kind === 'ServiceAccount' && !toHost.serviceAccounts.enabled) {
        const message = 'is not on the host: set sync.toHost.serviceAccounts.enabled to true';
        problems.push({ field: `${field}.kind`, value: kind, message });
      }
      const target =
        typeof kind === 'string'
          ? undefined
          : toHost.customResources.find((one) => one.group === kind.group && one.kind === kind.kind);
      if (typeof kind !== 'string' && target === undefined) {
        const message = 'is not synced to the host: add it to sync.toHost.customResources';
        problems.push({ field: `${field}.kind`, value: `${kind.kind}.${kind.group}`, message });
      }
      const clusterScoped = kind === 'self' ? scope === 'Cluster' : target?.scope === 'Cluster';
      if (namespacePath === undefined) {
        if (scope === 'Namespaced' || clusterScoped) continue;
        const message =
          'is needed, as an object without namespace has no namespace that its references could be in: add it';
        problems.push({ field: `${field}.namespacePath`, value: undefined, message });
      } else if (clusterScoped) {
        const message = 'is for objects that have a namespace: leave it out';
        problems.push({ field: `${field}.namespacePath`, value: namespacePath, message });
      } else if (!areBeside(path, namespacePath)) {
        const message = `has to be a field of the object that holds the name, ${path}: both paths differ in their last key only`;
        problems.push({ field: `${field}.namespacePath`, value: namespacePath, message });
      }
    }
  }
  return problems;
}

/** A field that two settings translate would be translated twice. */
function overlaps({ toHost }: Sync): ConfigurationProblem[] {
  return toHost.customResources.flatMap(({ references: list, labelSelectors, labelMaps }, index) => {
    const field = `sync.toHost.customResources[${index}]`;
    const namespaces = list.flatMap(({ namespacePath }, at) =>
      namespacePath === undefined ? [] : [[`${field}.references[${at}].namespacePath`, namespacePath] as const],
    );
    // Several names may stand beside one namespace.
    const first = namespaces.filter(([, path], at) => namespaces.findIndex(([, other]) => other === path) === at);
    const all = [
      ...list.map(({ path }, at) => [`${field}.references[${at}].path`, path] as const),
      ...first,
      ...labelSelectors.map((path, at) => [`${field}.labelSelectors[${at}]`, path] as const),
      ...labelMaps.map((path, at) => [`${field}.labelMaps[${at}]`, path] as const),
    ];
    return all.flatMap(([where, path], at) => {
      const before = all.slice(0, at).find(([, other]) => meet(path, other));
      if (before === undefined) return [];
      return [{ field: where, value: path, message: `leads to what ${before[0]} leads to: leave one of the two` }];
    });
  });
}

/** Whether one path can lead to what another leads to, or into it. */
function meet(one: string, other: string): boolean {
  const [a, b] = [parts(one), parts(other)];
  return a.every((part, at) => {
    const beside = b[at];
    return beside === undefined || 'every' in part || 'every' in beside || part.key === beside.key;
  });
}

/** Whether two paths lead to keys of the same object. */
function areBeside(one: string, other: string): boolean {
  const [a, b] = [parts(one), parts(other)];
  const last = b.at(-1);
  return (
    a.length === b.length &&
    last !== undefined &&
    'key' in last &&
    JSON.stringify(a.slice(0, -1)) === JSON.stringify(b.slice(0, -1)) &&
    JSON.stringify(a.at(-1)) !== JSON.stringify(last)
  );
}

function parts(text: string): JsonPath {
  const parsed = parseJsonPath(text);
  return 'path' in parsed ? parsed.path : [];
}

function shownNamespaces({ fromHost }: Sync): ConfigurationProblem[] {
  return fromHost.customResources.flatMap(({ scope, namespaces }, index): ConfigurationProblem[] => {
    const field = `sync.fromHost.customResources[${index}].namespaces`;
    if (scope === 'Cluster') {
      return namespaces.length === 0
        ? []
        : [{ field, value: namespaces, message: 'is for kinds with scope Namespaced: leave it out' }];
    }
    if (namespaces.length === 0) {
      return [{ field, value: namespaces, message: 'is empty: say which namespace of the host is shown in which one' }];
    }
    return namespaces.flatMap(({ virtual }, at) =>
      namespaces.findIndex((other) => other.virtual === virtual) === at
        ? []
        : [
            {
              field: `${field}[${at}].virtual`,
              value: virtual,
              message: 'shows another namespace already: give each its own',
            },
          ],
    );
  });
}

/** Built-in kinds that travel, by direction, and the setting that makes them; undefined where none is needed. */
const PATCHABLE = {
  toHost: {
    Pod: undefined,
    Service: undefined,
    ConfigMap: undefined,
    Secret: undefined,
    PersistentVolumeClaim: 'persistentVolumeClaims',
    EndpointSlice: 'endpointSlices',
    Ingress: 'ingresses',
    NetworkPolicy: 'networkPolicies',
    PodDisruptionBudget: 'podDisruptionBudgets',
    ServiceAccount: 'serviceAccounts',
    PriorityClass: 'priorityClasses',
    ResourceClaim: 'resourceClaims',
  },
  fromHost: {
    Node: 'nodes',
    StorageClass: 'storageClasses',
    VolumeAttributesClass: 'volumeAttributesClasses',
    IngressClass: 'ingressClasses',
    RuntimeClass: 'runtimeClasses',
    PriorityClass: 'priorityClasses',
  },
} as const;

/** Fields of Services that admission takes over from the host's twin: both sides have to agree on them. */
const ALLOCATED_FIELDS: ReadonlySet<string> = new Set([
  'type',
  'clusterIP',
  'clusterIPs',
  'ipFamilies',
  'ipFamilyPolicy',
  'healthCheckNodePort',
  'ports',
]);

function patches(sync: Sync): ConfigurationProblem[] {
  return sync.patches.flatMap(({ kind, group, direction, operations }, index): ConfigurationProblem[] => {
    const field = `sync.patches[${index}]`;
    const problem = unpatchable(sync, kind, group, direction);
    if (problem !== undefined) return [{ field: `${field}.kind`, value: kind, message: problem }];
    if (group !== undefined || kind !== 'Service') return [];
    return operations.flatMap(({ path }, at) => {
      const [first, second] = parts(path);
      const named = (part: JsonPath[number] | undefined): string | undefined =>
        part !== undefined && 'key' in part ? part.key : undefined;
      const whole = named(first) === 'spec' && (second === undefined || 'every' in second);
      if (!whole && !(named(first) === 'spec' && ALLOCATED_FIELDS.has(named(second) ?? ''))) return [];
      const message = "is given to tenants as the host's Service has it: a patch cannot change it";
      return [{ field: `${field}.operations[${at}].path`, value: path, message }];
    });
  });
}

function unpatchable(
  sync: Sync,
  kind: string,
  group: string | undefined,
  direction: 'toHost' | 'fromHost',
): string | undefined {
  if (group !== undefined) {
    const known = sync[direction].customResources.some((one) => one.group === group && one.kind === kind);
    return known
      ? undefined
      : `of ${group} is not synced in that direction: add it to sync.${direction}.customResources`;
  }
  const kinds = new Map<string, string | undefined>(Object.entries(PATCHABLE[direction]));
  if (!kinds.has(kind)) {
    return `is no kind that is synced ${direction === 'toHost' ? 'to' : 'from'} the host: write ${[...kinds.keys()].join(', ')}, or give the group of a custom resource`;
  }
  if (kind === 'Node') {
    return sync.fromHost.nodes.mode === 'fake'
      ? 'is made up, not of the host: set sync.fromHost.nodes.mode to real, all or selector'
      : undefined;
  }
  const setting = kinds.get(kind);
  const settings = sync[direction] as unknown as Readonly<Record<string, { readonly enabled?: boolean } | undefined>>;
  if (setting === undefined || settings[setting]?.enabled === true) return undefined;
  return `is not synced: set sync.${direction}.${setting}.enabled to true`;
}
