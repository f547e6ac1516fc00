import type { SyncerConfiguration } from '../../syncer/configuration';
import type { ControlPlaneImages } from './image-sources';
import type { ControlPlaneContainer } from './resources';

/** Requests and limits of a container, as Kubernetes writes them. */
export interface ResourceAmounts {
  readonly requests: { readonly cpu: string; readonly memory: string };
  readonly limits: { readonly cpu: string; readonly memory: string };
}

/** The store's settings, resolved. */
export type StoreSpec = { readonly size: string; readonly quotaBytes: number } & (
  | { readonly type: 'persistent'; readonly storageClassName?: string; readonly retain: boolean }
  | { readonly type: 'ephemeral' }
);

/** A virtual cluster with all defaults applied and checked: plain data from which every host object follows. */
export interface VirtualClusterSpec {
  readonly name: string;
  /** Host namespace. */
  readonly namespace: string;
  readonly images: ControlPlaneImages;
  readonly store: StoreSpec;
  readonly resources: Readonly<Record<ControlPlaneContainer, ResourceAmounts>>;
  readonly exposure: { readonly type: 'ClusterIP' };
  /** The document that the syncer reads: its settings have no second copy here. */
  readonly configuration: SyncerConfiguration;
}
