import type { ServiceAccount } from 'kubernetes-types/core/v1';
import type { ClusterRole, ClusterRoleBinding, PolicyRule, Role, RoleBinding } from 'kubernetes-types/rbac/v1';
import { controlPlaneLabels, controlPlaneNames } from '../../syncer/configuration';
import {
  clusterScopedHostName,
  NODE_VIEW_RIGHTS,
  syncerClusterRights,
  syncerNamespaceRights,
  syncerRights,
  type HostRight,
} from '../../syncer/translation';
import type { VirtualClusterSpec } from '../spec';
import { SHARED_LABELS } from './admission-policies';

/** The account of the control plane's pod; only its init container and the syncer get a token, by a volume of their own. */
export function controlPlaneServiceAccount(spec: VirtualClusterSpec): ServiceAccount {
  return {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: {
      name: controlPlaneNames(spec.name).serviceAccount,
      namespace: spec.namespace,
      labels: controlPlaneLabels(spec.name),
    },
    automountServiceAccountToken: false,
  };
}

/** The account that tenants' pods have on the host: it may do nothing, and no pod gets its token. */
export function workloadServiceAccount(spec: VirtualClusterSpec): ServiceAccount {
  return {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: {
      name: spec.configuration.host.workloadServiceAccount,
      namespace: spec.namespace,
      labels: controlPlaneLabels(spec.name, 'workloads'),
    },
    automountServiceAccountToken: false,
  };
}

/** What the control plane may do in its host namespace: its own start, and what the kinds that it syncs need. */
export function role(spec: VirtualClusterSpec): Role {
  return {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'Role',
    metadata: {
      name: controlPlaneNames(spec.name).serviceAccount,
      namespace: spec.namespace,
      labels: controlPlaneLabels(spec.name),
    },
    rules: [...startRights(spec), ...syncerRights(spec.configuration).map(policyRule)],
  };
}

/** Gives the control plane's account its role. */
export function roleBinding(spec: VirtualClusterSpec): RoleBinding {
  const { serviceAccount } = controlPlaneNames(spec.name);
  return {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'RoleBinding',
    metadata: { name: serviceAccount, namespace: spec.namespace, labels: controlPlaneLabels(spec.name) },
    ...grant(spec, 'Role', serviceAccount),
  };
}

/** What the syncer may do with objects that have no namespace, and to whom that is given; nothing where no chosen feature needs it. */
export function clusterRole(spec: VirtualClusterSpec): readonly [] | readonly [ClusterRole, ClusterRoleBinding] {
  const rights = syncerClusterRights(spec.configuration, { withoutNodes: spec.shared.nodes !== undefined });
  if (rights.length === 0) return [];
  const name = nameElsewhere(spec);
  const metadata = { name, labels: controlPlaneLabels(spec.name) };
  const apiVersion = 'rbac.authorization.k8s.io/v1';
  return [
    { apiVersion, kind: 'ClusterRole', metadata, rules: rights.map(policyRule) },
    {
      apiVersion,
      kind: 'ClusterRoleBinding',
      metadata,
      ...grant(spec, 'ClusterRole', name),
    },
  ];
}

/** Lets the syncers of all clusters that are bound to it read the host's nodes. */
export function nodeReaderRole(name: string): ClusterRole {
  return {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRole',
    metadata: { name, labels: { ...SHARED_LABELS } },
    rules: NODE_VIEW_RIGHTS.map(policyRule),
  };
}

/** Gives the cluster's syncer the role that it shares with others; nothing where it does not. */
export function nodeReaderBinding(
  spec: VirtualClusterSpec,
): readonly (readonly [id: string, object: ClusterRoleBinding])[] {
  const { nodes } = spec.shared;
  if (nodes === undefined) return [];
  const binding: ClusterRoleBinding = {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRoleBinding',
    metadata: {
      name: clusterScopedHostName({ name: spec.name, hostNamespace: spec.namespace }, 'nodes'),
      labels: controlPlaneLabels(spec.name),
    },
    ...grant(spec, 'ClusterRole', nodes.clusterRole),
  };
  return [['node-reader-binding', binding]];
}

/** What the syncer may do in other namespaces of the host, and to whom that is given; a Role and a RoleBinding each. */
export function namespaceRoles(spec: VirtualClusterSpec): readonly (readonly [Role, RoleBinding])[] {
  const name = nameElsewhere(spec);
  const apiVersion = 'rbac.authorization.k8s.io/v1';
  return [...syncerNamespaceRights(spec.configuration)].map(([namespace, rights]) => {
    const metadata = { name, namespace, labels: controlPlaneLabels(spec.name) };
    return [
      { apiVersion, kind: 'Role', metadata, rules: rights.map(policyRule) },
      {
        apiVersion,
        kind: 'RoleBinding',
        metadata,
        ...grant(spec, 'Role', name),
      },
    ] as const;
  });
}

/** Name of roles outside of the host namespace: shared with the clusters of all namespaces, so it says which one's they are. */
function nameElsewhere({ name, namespace }: VirtualClusterSpec): string {
  return clusterScopedHostName({ name, hostNamespace: namespace }, 'syncer');
}

/** What of a binding gives a role to the control plane's account. */
function grant(
  spec: VirtualClusterSpec,
  kind: 'Role' | 'ClusterRole',
  name: string,
): Pick<RoleBinding, 'roleRef' | 'subjects'> {
  const { serviceAccount } = controlPlaneNames(spec.name);
  return {
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind, name },
    subjects: [{ kind: 'ServiceAccount', name: serviceAccount, namespace: spec.namespace }],
  };
}

function policyRule({ apiGroup, resources, verbs, names }: HostRight): PolicyRule {
  const rule = { apiGroups: [apiGroup], resources: [...resources], verbs: [...verbs] };
  return names === undefined ? rule : { ...rule, resourceNames: [...names] };
}

/**
 * Rights on the cluster's own objects, each by name. What RBAC cannot name, as it does not exist yet (the kubeconfig Secret, the
 * dry runs of Services by which the init container finds the host's range), is within the rights on the kinds that are synced.
 */
function startRights(spec: VirtualClusterSpec): PolicyRule[] {
  const names = controlPlaneNames(spec.name);
  return [
    // The addresses for the certificate, and of default/kubernetes in the virtual cluster.
    { apiGroups: [''], resources: ['services'], resourceNames: [names.apiServerService], verbs: ['get'] },
    // The UID for owner references.
    { apiGroups: [''], resources: ['configmaps'], resourceNames: [names.anchor], verbs: ['get'] },
    {
      apiGroups: [''],
      resources: ['secrets'],
      resourceNames: [
        names.certificates,
        names.kubeconfig,
        ...spec.configuration.apiServer.kubeconfigs.map(({ secretName }) => secretName),
      ],
      verbs: ['get', 'update', 'patch'],
    },
    { apiGroups: ['apps'], resources: ['statefulsets'], resourceNames: [names.statefulSet], verbs: ['get'] },
    ...(spec.replicas === 1 ? [] : leaseRights(names)),
  ];
}

/** Which of several syncers is active, and which member of the store is being defragmented. */
function leaseRights({ storeLease, syncerLease }: ReturnType<typeof controlPlaneNames>): PolicyRule[] {
  const group = { apiGroups: ['coordination.k8s.io'], resources: ['leases'] };
  return [
    // RBAC knows no names of what does not exist yet.
    { ...group, verbs: ['create'] },
    { ...group, resourceNames: [storeLease, syncerLease], verbs: ['get', 'list', 'patch', 'watch'] },
  ];
}
