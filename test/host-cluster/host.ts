import type { ClusterConnection } from '../../syncer/kube-client';
import type { Log } from './progress';

/** A cluster on which virtual clusters are tried, whatever its kind. */
export interface Host {
  /** `node`: made here, in namespaces of this machine. `existing`: named by a kubeconfig. */
  readonly kind: 'node' | 'existing';
  readonly kubeconfigPath: string;
  /** The context of that file that is meant. */
  readonly context: string;
  /** How to reach it as the user of that context. */
  readonly connection: ClusterConnection;
  /** Whether `importImage` works; where it does not, images come from a registry. */
  readonly canImportImages: boolean;
  /** Whether it ran before it was asked for: then whoever asked should leave it running. */
  readonly wasThere: boolean;
  /** Brings an OCI archive to every node. @throws HostClusterError where `canImportImages` is false */
  importImage(archive: string): Promise<void>;
  /**
   * Kills the first process of a container with -9, as nothing inside the cluster can.
   *
   * @param id the container's, without `containerd://`
   * @throws HostClusterError where the nodes are not on this machine, or have no such container
   */
  killContainer(id: string): Promise<void>;
  /** Removes it, or does nothing to one that exists without us. */
  down(log?: Log): Promise<void>;
}
