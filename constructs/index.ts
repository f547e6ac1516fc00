export {
  Cpu,
  Exposure,
  ImageSources,
  KubernetesVersion,
  PodSecurityLevel,
  Store,
  type ContainerResources,
  type ControlPlaneImages,
  type ControlPlaneResources,
  type CpuAmount,
  type DnsProps,
  type EphemeralStoreProps,
  type PersistentStoreProps,
  type VirtualClusterProps,
} from './spec';
export { VirtualCluster } from './virtual-cluster';
