import type { ResourceType } from './resource-type';

function core(resource: string, kind: string, namespaced = true): ResourceType {
  return { group: '', version: 'v1', resource, kind, namespaced };
}

function grouped(group: string, resource: string, kind: string, namespaced = true): ResourceType {
  return { group, version: 'v1', resource, kind, namespaced };
}

/** The built-in kinds that the project reads or writes. */
export const resources = {
  pods: core('pods', 'Pod'),
  services: core('services', 'Service'),
  endpoints: core('endpoints', 'Endpoints'),
  configMaps: core('configmaps', 'ConfigMap'),
  secrets: core('secrets', 'Secret'),
  serviceAccounts: core('serviceaccounts', 'ServiceAccount'),
  persistentVolumeClaims: core('persistentvolumeclaims', 'PersistentVolumeClaim'),
  persistentVolumes: core('persistentvolumes', 'PersistentVolume', false),
  events: core('events', 'Event'),
  resourceQuotas: core('resourcequotas', 'ResourceQuota'),
  limitRanges: core('limitranges', 'LimitRange'),
  nodes: core('nodes', 'Node', false),
  namespaces: core('namespaces', 'Namespace', false),
  deployments: grouped('apps', 'deployments', 'Deployment'),
  statefulSets: grouped('apps', 'statefulsets', 'StatefulSet'),
  daemonSets: grouped('apps', 'daemonsets', 'DaemonSet'),
  replicaSets: grouped('apps', 'replicasets', 'ReplicaSet'),
  jobs: grouped('batch', 'jobs', 'Job'),
  cronJobs: grouped('batch', 'cronjobs', 'CronJob'),
  endpointSlices: grouped('discovery.k8s.io', 'endpointslices', 'EndpointSlice'),
  ingresses: grouped('networking.k8s.io', 'ingresses', 'Ingress'),
  ingressClasses: grouped('networking.k8s.io', 'ingressclasses', 'IngressClass', false),
  networkPolicies: grouped('networking.k8s.io', 'networkpolicies', 'NetworkPolicy'),
  serviceCIDRs: grouped('networking.k8s.io', 'servicecidrs', 'ServiceCIDR', false),
  podDisruptionBudgets: grouped('policy', 'poddisruptionbudgets', 'PodDisruptionBudget'),
  storageClasses: grouped('storage.k8s.io', 'storageclasses', 'StorageClass', false),
  volumeAttributesClasses: grouped('storage.k8s.io', 'volumeattributesclasses', 'VolumeAttributesClass', false),
  priorityClasses: grouped('scheduling.k8s.io', 'priorityclasses', 'PriorityClass', false),
  resourceClaims: grouped('resource.k8s.io', 'resourceclaims', 'ResourceClaim'),
  resourceClaimTemplates: grouped('resource.k8s.io', 'resourceclaimtemplates', 'ResourceClaimTemplate'),
  runtimeClasses: grouped('node.k8s.io', 'runtimeclasses', 'RuntimeClass', false),
  mutatingWebhookConfigurations: grouped(
    'admissionregistration.k8s.io',
    'mutatingwebhookconfigurations',
    'MutatingWebhookConfiguration',
    false,
  ),
  customResourceDefinitions: grouped(
    'apiextensions.k8s.io',
    'customresourcedefinitions',
    'CustomResourceDefinition',
    false,
  ),
  apiServices: grouped('apiregistration.k8s.io', 'apiservices', 'APIService', false),
  leases: grouped('coordination.k8s.io', 'leases', 'Lease'),
  roles: grouped('rbac.authorization.k8s.io', 'roles', 'Role'),
  roleBindings: grouped('rbac.authorization.k8s.io', 'rolebindings', 'RoleBinding'),
  clusterRoles: grouped('rbac.authorization.k8s.io', 'clusterroles', 'ClusterRole', false),
  clusterRoleBindings: grouped('rbac.authorization.k8s.io', 'clusterrolebindings', 'ClusterRoleBinding', false),
} as const satisfies Record<string, ResourceType>;
