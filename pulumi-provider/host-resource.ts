import * as k8s from '@pulumi/kubernetes';
import type { CustomResourceOptions, CustomResource } from '@pulumi/pulumi';

type ResourceClass = new (name: string, args: never, options?: CustomResourceOptions) => CustomResource;

/** The classes of the kinds that a control plane is made of, by API version and kind. */
const CLASSES: ReadonlyMap<string, ResourceClass> = new Map<string, ResourceClass>([
  ['v1 ConfigMap', k8s.core.v1.ConfigMap],
  ['v1 Secret', k8s.core.v1.Secret],
  ['v1 Service', k8s.core.v1.Service],
  ['v1 ServiceAccount', k8s.core.v1.ServiceAccount],
  ['apps/v1 StatefulSet', k8s.apps.v1.StatefulSet],
  ['batch/v1 CronJob', k8s.batch.v1.CronJob],
  ['networking.k8s.io/v1 Ingress', k8s.networking.v1.Ingress],
  ['networking.k8s.io/v1 NetworkPolicy', k8s.networking.v1.NetworkPolicy],
  ['policy/v1 PodDisruptionBudget', k8s.policy.v1.PodDisruptionBudget],
  ['rbac.authorization.k8s.io/v1 Role', k8s.rbac.v1.Role],
  ['rbac.authorization.k8s.io/v1 RoleBinding', k8s.rbac.v1.RoleBinding],
  ['rbac.authorization.k8s.io/v1 ClusterRole', k8s.rbac.v1.ClusterRole],
  ['rbac.authorization.k8s.io/v1 ClusterRoleBinding', k8s.rbac.v1.ClusterRoleBinding],
  ['v1 ResourceQuota', k8s.core.v1.ResourceQuota],
  ['v1 LimitRange', k8s.core.v1.LimitRange],
  ['admissionregistration.k8s.io/v1 ValidatingAdmissionPolicy', k8s.admissionregistration.v1.ValidatingAdmissionPolicy],
  [
    'admissionregistration.k8s.io/v1 ValidatingAdmissionPolicyBinding',
    k8s.admissionregistration.v1.ValidatingAdmissionPolicyBinding,
  ],
]);

/** The Pulumi resource of an object of the host: of the kind's own class, or a custom resource where the API has it from a definition. */
export function hostResource(
  name: string,
  args: { readonly apiVersion: string; readonly kind: string },
  options: CustomResourceOptions,
): CustomResource {
  const Class = CLASSES.get(`${args.apiVersion} ${args.kind}`) ?? k8s.apiextensions.CustomResource;
  return new (Class as new (name: string, args: object, options: CustomResourceOptions) => CustomResource)(
    name,
    args,
    options,
  );
}
