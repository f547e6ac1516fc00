import type { Size } from 'cdk8s';
import type { CpuAmount } from './quantity';

/** What a container asks the host for, and the most it may take. */
export interface ContainerResources {
  /**
   * CPU time that the host keeps free.
   *
   * @default - that of the container, as {@link ControlPlaneResources} says
   */
  readonly cpuRequest?: CpuAmount;
  /**
   * Most CPU time; more is throttled.
   *
   * @default - that of the container, as {@link ControlPlaneResources} says
   */
  readonly cpuLimit?: CpuAmount;
  /**
   * Memory that the host keeps free.
   *
   * @default - that of the container, as {@link ControlPlaneResources} says
   */
  readonly memoryRequest?: Size;
  /**
   * Most memory; beyond it the container is restarted.
   *
   * @default - that of the container, as {@link ControlPlaneResources} says
   */
  readonly memoryLimit?: Size;
}

/**
 * Resources of the control plane's containers. What is left out keeps its default.
 *
 * The CPU limits are for a namespace's quota and for noisy tenants, not for pacing: they are far above what a control plane
 * uses once it runs, because throttling shows as slow starts and timeouts that nobody connects with a limit.
 */
export interface ControlPlaneResources {
  /**
   * The store.
   *
   * @default - CPU 50m to 1, memory 96 MiB to 1 GiB
   */
  readonly etcd?: ContainerResources;
  /**
   * The API server.
   *
   * @default - CPU 100m to 2, memory 320 MiB to 2 GiB
   */
  readonly kubeApiServer?: ContainerResources;
  /**
   * The controllers.
   *
   * @default - CPU 25m to 1, memory 128 MiB to 512 MiB
   */
  readonly kubeControllerManager?: ContainerResources;
  /**
   * The scheduler, with `Scheduler.virtual()`.
   *
   * @default - CPU 25m to 1, memory 64 MiB to 512 MiB
   */
  readonly kubeScheduler?: ContainerResources;
  /**
   * The syncer; the init container that makes keys and certificates has the same.
   *
   * @default - CPU 25m to 1, memory 128 MiB to 1 GiB
   */
  readonly syncer?: ContainerResources;
}

/** A container of the control plane. */
export type ControlPlaneContainer = keyof ControlPlaneResources;
