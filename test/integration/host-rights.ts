import type { ClusterRole, PolicyRule, Role } from 'kubernetes-types/rbac/v1';
import { resolveConfiguration } from '../../syncer/configuration/document';
import type { SyncerConfigurationInput } from '../../syncer/configuration';
import { resources } from '../../syncer/kube-client';
import type { KubeClient } from '../../syncer/kube-client';
import { syncerClusterRights, syncerNamespaceRights, syncerRights } from '../../syncer/translation';
import type { HostRight } from '../../syncer/translation';
import { HOST_NAMESPACE, NAME } from './in-process-syncer';

const apiVersion = 'rbac.authorization.k8s.io/v1';
const roleRef = { apiGroup: 'rbac.authorization.k8s.io', name: 'syncer' };

const rule = ({ apiGroup, resources: kinds, verbs, names }: HostRight): PolicyRule => ({
  apiGroups: [apiGroup],
  resources: [...kinds],
  verbs: [...verbs],
  ...(names === undefined ? {} : { resourceNames: [...names] }),
});

/** Gives a user of the host what the syncer has by its configuration, and nothing more. */
export async function grantHostRights(
  host: KubeClient,
  user: string,
  sync: NonNullable<SyncerConfigurationInput['sync']>,
  hostServices: NonNullable<SyncerConfigurationInput['hostServices']> = {},
): Promise<void> {
  const configuration = resolveConfiguration({
    apiVersion: 'nestling.dev/v1alpha1',
    kind: 'SyncerConfiguration',
    virtualCluster: { name: NAME },
    sync,
    hostServices,
  });
  const subjects = [{ kind: 'User', name: user, apiGroup: 'rbac.authorization.k8s.io' }];
  const roles = new Map([[HOST_NAMESPACE, syncerRights(configuration)], ...syncerNamespaceRights(configuration)]);
  for (const [namespace, rights] of roles) {
    const metadata = { name: 'syncer', namespace };
    await host.create<Role>(resources.roles, { apiVersion, kind: 'Role', metadata, rules: rights.map(rule) });
    await host.create(resources.roleBindings, {
      apiVersion,
      kind: 'RoleBinding',
      metadata,
      roleRef: { ...roleRef, kind: 'Role' },
      subjects,
    });
  }
  const metadata = { name: 'syncer' };
  const rules = syncerClusterRights(configuration).map(rule);
  await host.create<ClusterRole>(resources.clusterRoles, { apiVersion, kind: 'ClusterRole', metadata, rules });
  await host.create(resources.clusterRoleBindings, {
    apiVersion,
    kind: 'ClusterRoleBinding',
    metadata,
    roleRef: { ...roleRef, kind: 'ClusterRole' },
    subjects,
  });
}
