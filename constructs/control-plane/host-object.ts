import type { StatefulSet } from 'kubernetes-types/apps/v1';
import type { CronJob } from 'kubernetes-types/batch/v1';
import type { ConfigMap, LimitRange, ResourceQuota, Secret, Service, ServiceAccount } from 'kubernetes-types/core/v1';
import type {
  ValidatingAdmissionPolicy,
  ValidatingAdmissionPolicyBinding,
} from 'kubernetes-types/admissionregistration/v1';
import type { Ingress, NetworkPolicy } from 'kubernetes-types/networking/v1';
import type { PodDisruptionBudget } from 'kubernetes-types/policy/v1';
import type { ClusterRole, ClusterRoleBinding, Role, RoleBinding } from 'kubernetes-types/rbac/v1';

/** A TLSRoute of the Gateway API, as far as it is made here. */
export interface TlsRoute {
  readonly apiVersion: string;
  readonly kind: 'TLSRoute';
  readonly metadata: { readonly name: string; readonly namespace: string; readonly labels: Record<string, string> };
  readonly spec: {
    readonly parentRefs: readonly {
      readonly group: string;
      readonly kind: string;
      readonly name: string;
      readonly namespace?: string;
      readonly sectionName?: string;
    }[];
    readonly hostnames: readonly string[];
    readonly rules: readonly { readonly backendRefs: readonly { readonly name: string; readonly port: number }[] }[];
  };
}

/** A host object of the control plane as plain JSON. */
export type KubernetesObject =
  | ConfigMap
  | Secret
  | Service
  | Ingress
  | NetworkPolicy
  | ResourceQuota
  | LimitRange
  | TlsRoute
  | ServiceAccount
  | Role
  | RoleBinding
  | ClusterRole
  | ClusterRoleBinding
  | ValidatingAdmissionPolicy
  | ValidatingAdmissionPolicyBinding
  | PodDisruptionBudget
  | StatefulSet
  | CronJob;
