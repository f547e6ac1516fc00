import { ApiObject } from 'cdk8s';
import type { ClusterRole, ClusterRoleBinding, PolicyRule, Role, RoleBinding } from 'kubernetes-types/rbac/v1';
import { controlPlaneNames } from '../syncer/configuration';
import { sleepAccountName } from './control-plane';
import type { VirtualCluster } from './virtual-cluster';

/** One right on the host: a rule of a role, as it is bound to an account. */
export interface RightOnHost {
  /** Who has it: the control plane, whose syncer acts for the tenant, the tenant's own pods, or the jobs of its sleep schedule. */
  readonly who: 'syncer' | 'tenant pods' | 'sleep schedule';
  /** Namespace of the host that it is for; undefined: the whole host. */
  readonly namespace: string | undefined;
  /** API group; empty for the core group. */
  readonly group: string;
  /** Resources, and subresources as `pods/log`. */
  readonly resources: readonly string[];
  /** Names of the only objects that it is for; empty: all. */
  readonly names: readonly string[];
  /** What it lets do, such as `get` and `create`. */
  readonly verbs: readonly string[];
  /** Kind and name of the role that gives it. */
  readonly role: string;
}

/** What a virtual cluster may do on its host. */
export interface RightsOnHost {
  /** Each right, in the order of the bindings that give them. */
  readonly rights: readonly RightOnHost[];
  /** The same as a table in Markdown, for a review. */
  readonly markdown: string;
}

/** Whose rights are looked for. */
export interface ClusterPlace {
  /** Name of the virtual cluster. */
  readonly name: string;
  /** Its host namespace. */
  readonly namespace: string;
}

type AnyRole = Role | ClusterRole;
type AnyBinding = RoleBinding | ClusterRoleBinding;

/**
 * What a virtual cluster's syncer and the pods of its tenant may do on the host: read off the very Roles and bindings that synthesis
 * writes, patches of them included, and off the ClusterRoles that it shares with others. Nothing else on the host has a
 * binding by this app; what somebody binds to its accounts by hand is not seen here.
 *
 * @throws Error when a binding names a role that the app does not make: what it gives is not known here
 */
export function rights(cluster: VirtualCluster): RightsOnHost {
  const objects = objectsBelow(cluster);
  return rightsBy(cluster, bindingsOf(objects), (binding) => roleOf(binding, objects, cluster));
}

/**
 * What a virtual cluster's syncer and the pods of its tenant may do, by Roles, ClusterRoles and their bindings as plain objects, such as a
 * running host has them: what somebody bound to its accounts by hand is seen here.
 *
 * @param objects bindings and roles, others are left out; a binding whose role is not among them gives nothing, as on the host
 */
export function rightsByObjects(place: ClusterPlace, objects: readonly object[]): RightsOnHost {
  const all = objects as readonly Record<string, unknown>[];
  return rightsBy(place, bindingsOf(all), (binding) => roleAmong(binding, all));
}

function rightsBy(
  place: ClusterPlace,
  bindings: readonly AnyBinding[],
  roleFor: (binding: AnyBinding) => AnyRole | undefined,
): RightsOnHost {
  const all = bindings.flatMap((binding) => {
    const who = subject(binding, place);
    const role = who === undefined ? undefined : roleFor(binding);
    return who === undefined || role === undefined ? [] : rightsOf(binding, who, role);
  });
  return { rights: all, markdown: table(place, all) };
}

function objectsBelow({ node }: Pick<VirtualCluster, 'node'>): Record<string, unknown>[] {
  return node
    .findAll()
    .filter((construct) => ApiObject.isApiObject(construct))
    .map((object) => (object as ApiObject).toJson() as Record<string, unknown>);
}

function bindingsOf(objects: readonly Record<string, unknown>[]): AnyBinding[] {
  return objects.filter(
    ({ kind }) => kind === 'RoleBinding' || kind === 'ClusterRoleBinding',
  ) as unknown as AnyBinding[];
}

function subject({ subjects = [] }: AnyBinding, place: ClusterPlace): RightOnHost['who'] | undefined {
  const has = (account: string): boolean =>
    subjects.some(
      ({ kind, name, namespace }) => kind === 'ServiceAccount' && name === account && namespace === place.namespace,
    );
  const { serviceAccount, workloadServiceAccount } = controlPlaneNames(place.name);
  if (has(workloadServiceAccount)) return 'tenant pods';
  if (has(sleepAccountName(place.name))) return 'sleep schedule';
  return has(serviceAccount) ? 'syncer' : undefined;
}

function roleAmong(binding: AnyBinding, objects: readonly Record<string, unknown>[]): AnyRole | undefined {
  const { kind, name } = binding.roleRef;
  return objects.find((object) => {
    const { metadata } = object as unknown as AnyRole;
    if (object['kind'] !== kind || metadata?.name !== name) return false;
    return kind === 'ClusterRole' || metadata?.namespace === binding.metadata?.namespace;
  }) as AnyRole | undefined;
}

function roleOf(binding: AnyBinding, objects: readonly Record<string, unknown>[], cluster: VirtualCluster): AnyRole {
  const { kind, name } = binding.roleRef;
  // Most are the cluster's own; the walk over the app is for those that are shared.
  const role = roleAmong(binding, objects) ?? roleAmong(binding, objectsBelow({ node: cluster.node.root.node }));
  if (role === undefined) {
    throw new Error(
      `${cluster.node.path}: ${binding.kind} ${binding.metadata?.name} names ${kind} ${name}, which this app does not make: add it to the app to have its rights listed`,
    );
  }
  return role;
}

function rightsOf(binding: AnyBinding, who: RightOnHost['who'], role: AnyRole): RightOnHost[] {
  const namespace = binding.kind === 'RoleBinding' ? binding.metadata?.namespace : undefined;
  return (role.rules ?? []).flatMap(({ apiGroups = [], resources = [], resourceNames = [], verbs }: PolicyRule) =>
    apiGroups.map((group) => ({
      who,
      namespace,
      group,
      resources,
      names: resourceNames,
      verbs,
      role: `${role.kind} ${role.metadata?.name}`,
    })),
  );
}

function table({ name, namespace: home }: ClusterPlace, all: readonly RightOnHost[]): string {
  const rows = all.map(({ who, namespace, group, resources, names, verbs, role }) => [
    who,
    namespace === undefined ? '**whole host**' : `namespace ${namespace}`,
    resources.map((resource) => (group === '' ? resource : `${resource}.${group}`)).join(', '),
    names.length === 0 ? 'all' : names.join(', '),
    verbs.join(', '),
    role,
  ]);
  const lines = [
    ['who', 'where', 'resources', 'objects', 'verbs', 'by'],
    ['---', '---', '---', '---', '---', '---'],
    ...rows,
  ];
  const without = all.some(({ who }) => who === 'tenant pods')
    ? []
    : [
        '',
        `Tenant pods run as ServiceAccount ${controlPlaneNames(name).workloadServiceAccount}, which has no rights, and get no token of it.`,
      ];
  return [
    `Rights of virtual cluster ${name} in namespace ${home} of the host`,
    '',
    ...lines.map((cells) => `| ${cells.join(' | ')} |`),
    ...without,
    '',
  ].join('\n');
}
