export { DEFAULT_RESOURCES, DEFAULTS } from './defaults';
export type {
  CustomResourceFromHostProps,
  CustomResourceKind,
  CustomResourceReference,
  CustomResourceToHostProps,
  ReferredKind,
  ShownNamespace,
} from './custom-resource-sync';
export {
  Exposure,
  TlsPassthrough,
  type ExposureSpec,
  type GatewayReference,
  type IngressExposureProps,
  type LoadBalancerExposureProps,
  type NodePortExposureProps,
  type TlsRouteExposureProps,
} from './exposure';
export {
  FieldPatch,
  Rewrite,
  type FieldOperation,
  type FieldPatchMatch,
  type FieldPatchProps,
  type JsonValue,
  type Rewriting,
} from './field-patch';
export type {
  HostServiceReference,
  HostServicesProps,
  PublishedServiceProps,
  ShownServiceProps,
  VirtualServiceReference,
} from './host-services';
export { ImageSources, type ControlPlaneImages } from './image-sources';
export { Isolation, type IsolationLevel, type IsolationProps, type NetworkIsolationProps } from './isolation';
export { KubeconfigServer, type KubeconfigProps } from './kubeconfig';
export { KubernetesVersion, type VersionImages } from './kubernetes-version';
export {
  FAKE_NODES,
  HostNodes,
  type INodeSyncPolicy,
  type MatchingNodesProps,
  type SharedNodeObjects,
} from './node-sync-policy';
export { NetworkPeer, type PodsPeerProps } from './network-peer';
export { PodSecurityLevel } from './pod-security-level';
export type { DnsProps, VirtualClusterProps } from './props';
export { Cpu, cpuMillis, kibibytesOf, type CpuAmount } from './quantity';
export {
  ContainerDefaults,
  Quota,
  type ContainerDefaultsProps,
  type ContainerDefaultsSpec,
  type QuotaProps,
  type QuotaSpec,
} from './quota';
export { manifestProblems, manifestsText, type GivenManifest } from './manifests';
export { RELEASE } from './release';
export { resolveSpec, type ResolvedSpec, type SpecContext } from './resolve';
export { RightsScope } from './rights-scope';
export type { ContainerResources, ControlPlaneContainer, ControlPlaneResources } from './resources';
export { SleepSchedule, type SleepCronProps, type WorkingHours } from './sleep-schedule';
export type {
  DatabaseStoreSpec,
  EmbeddedStoreSpec,
  EtcdStoreSpec,
  ResourceAmounts,
  SleepScheduleSpec,
  StoreSpec,
  VirtualClusterSpec,
} from './spec';
export { Scheduler } from './scheduler';
export {
  Store,
  type EphemeralStoreProps,
  type EtcdStoreProps,
  type MysqlStoreProps,
  type PersistentStoreProps,
  type PostgresStoreProps,
} from './store';
export {
  sharedSyncProblems,
  type SharedPolicies,
  type IIngressSync,
  type IngressRules,
  type IngressSettings,
  type ClaimSyncProps,
  type EndpointSliceSyncProps,
  type IngressAnnotationNames,
  type IngressAnnotationRule,
  type IngressAnnotationValues,
  type NetworkPolicySyncProps,
  type PriorityClassSyncProps,
  type ServiceAccountSyncProps,
  type SyncFromHostProps,
  type SyncProps,
  type SyncToggle,
  type SyncToHostProps,
  type ViewProps,
} from './sync';
export { isEmbedded } from './external-store';
