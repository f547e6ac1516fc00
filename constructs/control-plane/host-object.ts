import type { StatefulSet } from 'kubernetes-types/apps/v1';
import type { ConfigMap, Secret, Service, ServiceAccount } from 'kubernetes-types/core/v1';
import type { ClusterRole, ClusterRoleBinding, Role, RoleBinding } from 'kubernetes-types/rbac/v1';

/** A host object of the control plane as plain JSON. */
export type KubernetesObject =
  ConfigMap | Secret | Service | ServiceAccount | Role | RoleBinding | ClusterRole | ClusterRoleBinding | StatefulSet;
