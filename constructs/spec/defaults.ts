import { Size } from 'cdk8s';
import { Exposure } from './exposure';
import { ImageSources } from './image-sources';
import { Isolation } from './isolation';
import { KubernetesVersion } from './kubernetes-version';
import { Cpu } from './quantity';
import type { ContainerResources, ControlPlaneContainer } from './resources';
import { Store } from './store';

/**
 * What a virtual cluster has where its props say nothing. Settings that the syncer's configuration holds (DNS, cluster domain, Pod
 * Security) have their defaults there, the only copy: CONFIGURATION_DEFAULTS.
 */
export const DEFAULTS = {
  version: KubernetesVersion.V1_37,
  replicas: 1,
  store: Store.persistent(),
  persistentStoreSize: Size.gibibytes(5),
  ephemeralStoreSize: Size.gibibytes(2),
  images: ImageSources.upstream(),
  exposure: Exposure.clusterIP(),
  isolation: Isolation.baseline(),
} as const;

/** Requests and limits: the idle need measured plus a reserve, and a limit that a busy cluster of some hundred pods stays below. */
export const DEFAULT_RESOURCES: Readonly<Record<ControlPlaneContainer, Required<ContainerResources>>> = {
  etcd: {
    cpuRequest: Cpu.millis(50),
    cpuLimit: Cpu.units(1),
    memoryRequest: Size.mebibytes(96),
    memoryLimit: Size.gibibytes(1),
  },
  kubeApiServer: {
    cpuRequest: Cpu.millis(100),
    cpuLimit: Cpu.units(2),
    memoryRequest: Size.mebibytes(320),
    memoryLimit: Size.gibibytes(2),
  },
  kubeControllerManager: {
    cpuRequest: Cpu.millis(25),
    cpuLimit: Cpu.units(1),
    memoryRequest: Size.mebibytes(128),
    memoryLimit: Size.mebibytes(512),
  },
  kubeScheduler: {
    cpuRequest: Cpu.millis(25),
    cpuLimit: Cpu.units(1),
    memoryRequest: Size.mebibytes(64),
    memoryLimit: Size.mebibytes(512),
  },
  syncer: {
    cpuRequest: Cpu.millis(25),
    cpuLimit: Cpu.units(1),
    memoryRequest: Size.mebibytes(128),
    memoryLimit: Size.gibibytes(1),
  },
};
