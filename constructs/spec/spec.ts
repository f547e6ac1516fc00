import type { SyncerConfiguration } from '../../syncer/configuration';
import type { ExposureSpec } from './exposure';
import type { ControlPlaneImages } from './image-sources';
import type { ContainerDefaultsSpec, QuotaSpec } from './quota';
import type { ControlPlaneContainer } from './resources';
import type { SharedPolicies } from './sync';

/** Requests and limits of a container, as Kubernetes writes them. */
export interface ResourceAmounts {
  readonly requests: { readonly cpu: string; readonly memory: string };
  readonly limits: { readonly cpu: string; readonly memory: string };
}

/** etcd in the control plane's own pod. */
export type EmbeddedStoreSpec = { readonly size: string; readonly quotaBytes: number } & (
  | { readonly type: 'persistent'; readonly storageClassName?: string; readonly retain: boolean }
  | { readonly type: 'ephemeral' }
);

/** A database of an SQL server behind kine. */
export interface DatabaseStoreSpec {
  readonly type: 'postgres' | 'mysql';
  readonly secretName: string;
  readonly secretKey: string;
}

/** An etcd outside of the control plane. */
export interface EtcdStoreSpec {
  readonly type: 'etcd';
  readonly endpoints: readonly string[];
  readonly secretName: string;
  readonly prefix: string;
}

/** The store's settings, resolved. */
export type StoreSpec = EmbeddedStoreSpec | DatabaseStoreSpec | EtcdStoreSpec;

/** When the cluster sleeps: cron's words, and the IANA name of the time zone. */
export interface SleepScheduleSpec {
  readonly sleep: string;
  readonly wake?: string;
  readonly timeZone: string;
}

/** A virtual cluster with all defaults applied and checked: plain data from which every host object follows. */
export interface VirtualClusterSpec {
  readonly name: string;
  /** Host namespace. */
  readonly namespace: string;
  readonly images: ControlPlaneImages;
  readonly store: StoreSpec;
  readonly resources: Readonly<Record<ControlPlaneContainer, ResourceAmounts>>;
  readonly exposure: ExposureSpec;
  /** What constructs have made on the host for several clusters. */
  readonly shared: SharedPolicies;
  /** Undefined: it never sleeps. */
  readonly sleep?: SleepScheduleSpec;
  /** What the tenant may have on the host; undefined for no limits. */
  readonly quota: QuotaSpec | undefined;
  /** What containers have that say nothing of it; undefined for nothing. */
  readonly containerDefaults: ContainerDefaultsSpec | undefined;
  /** Pods of the control plane. */
  readonly replicas: 1 | 3;
  /** What is to be applied in the virtual cluster; undefined: nothing was said of it. */
  readonly manifests?: readonly object[];
  /** The document that the syncer reads: its settings have no second copy here. */
  readonly configuration: SyncerConfiguration;
}
