import type { StatefulSet } from 'kubernetes-types/apps/v1';
import type { Container, LimitRange, ResourceQuota } from 'kubernetes-types/core/v1';
import { controlPlaneLabels, controlPlaneNames } from '../../syncer/configuration';
import { cpuMillis, kibibytesOf, type VirtualClusterSpec } from '../spec';
import type { KubernetesObject } from './host-object';

/** The quota of the host namespace: the tenant's, and what the control plane's own objects take; none where there is no limit. */
export function resourceQuota(
  spec: VirtualClusterSpec,
  controlPlane: readonly KubernetesObject[],
): readonly [] | readonly [ResourceQuota] {
  const { quota } = spec;
  if (!quota) return [];
  const own = ownNeeds(spec, controlPlane);
  const amounts = (tenant: Readonly<Record<string, number>>, unit: string): [string, string][] =>
    Object.entries(tenant).map(([resource, amount]) => [resource, `${amount + (own.get(resource) ?? 0)}${unit}`]);
  return [
    {
      apiVersion: 'v1',
      kind: 'ResourceQuota',
      metadata: {
        name: controlPlaneNames(spec.name).resourceQuota,
        namespace: spec.namespace,
        labels: controlPlaneLabels(spec.name),
      },
      spec: {
        hard: Object.fromEntries([
          ...amounts(quota.cpuMillis, 'm'),
          ...amounts(quota.kibibytes, 'Ki'),
          ...amounts(quota.counts, ''),
        ]),
      },
    },
  ];
}

/** What containers have that say nothing of it. */
export function limitRange(spec: VirtualClusterSpec): readonly [] | readonly [LimitRange] {
  const { containerDefaults } = spec;
  if (!containerDefaults) return [];
  const { requests, limits } = containerDefaults;
  return [
    {
      apiVersion: 'v1',
      kind: 'LimitRange',
      metadata: {
        name: controlPlaneNames(spec.name).limitRange,
        namespace: spec.namespace,
        labels: controlPlaneLabels(spec.name),
      },
      spec: {
        limits: [
          {
            type: 'Container',
            defaultRequest: { ...requests },
            ...(Object.keys(limits).length > 0 && { default: { ...limits } }),
          },
        ],
      },
    },
  ];
}

/** Pods beside those of the StatefulSet: a Job of the sleep schedule, and one that takes its place after a failure. */
const SPARE_PODS = 2;
/** ConfigMaps that Kubernetes makes in each namespace: its certificate authority. */
const FOREIGN_CONFIG_MAPS = 1;

/** What the control plane's own objects take of a quota, by resource. */
function ownNeeds(spec: VirtualClusterSpec, objects: readonly KubernetesObject[]): ReadonlyMap<string, number> {
  const count = (kind: string): number => objects.filter((object) => object.kind === kind).length;
  const set = objects.find((object): object is StatefulSet => object.kind === 'StatefulSet');
  const replicas = set?.spec?.replicas ?? 1;
  const { initContainers = [], containers = [] } = set?.spec?.template.spec ?? { containers: [] };
  const claims = set?.spec?.volumeClaimTemplates ?? [];
  const cpu = (of: 'requests' | 'limits') =>
    replicas * podNeed(initContainers, containers, ({ resources }) => cpuMillis(resources?.[of]?.['cpu'] ?? '0') ?? 0);
  const memory = (of: 'requests' | 'limits') =>
    replicas * podNeed(initContainers, containers, ({ resources }) => kibibytesOf(resources?.[of]?.['memory'] ?? '0'));
  const exposedByNode = spec.exposure.type === 'NodePort' || spec.exposure.type === 'LoadBalancer' ? 1 : 0;
  return new Map([
    ['requests.cpu', cpu('requests')],
    ['limits.cpu', cpu('limits')],
    ['requests.memory', memory('requests')],
    ['limits.memory', memory('limits')],
    [
      'requests.storage',
      replicas *
        claims.reduce((sum, { spec: of }) => sum + kibibytesOf(of?.resources?.requests?.['storage'] ?? '0'), 0),
    ],
    ['pods', replicas + SPARE_PODS],
    ['services', count('Service')],
    ['services.nodeports', exposedByNode],
    ['services.loadbalancers', spec.exposure.type === 'LoadBalancer' ? 1 : 0],
    ['persistentvolumeclaims', replicas * claims.length],
    // Initial manifests may be added later: there is room for theirs in any case.
    ['configmaps', count('ConfigMap') + FOREIGN_CONFIG_MAPS + (spec.manifests === undefined ? 1 : 0)],
    // Those of kubeconfigs the syncer makes.
    ['secrets', count('Secret') + 1 + spec.configuration.apiServer.kubeconfigs.length],
    ['count/ingresses.networking.k8s.io', count('Ingress')],
    ['count/networkpolicies.networking.k8s.io', count('NetworkPolicy')],
  ]);
}

/** As Kubernetes counts a pod: init containers run one by one, before the others run at once. */
function podNeed(
  initContainers: readonly Container[],
  containers: readonly Container[],
  need: (container: Container) => number,
): number {
  return Math.max(
    containers.reduce((sum, container) => sum + need(container), 0),
    ...initContainers.map(need),
  );
}
