import type { SyncerConfiguration } from '../configuration';
import type { EventRecorder, Logger, Metrics } from '../engine';
import type { KubeClient } from '../kube-client';
import type { Anchor, ClusterIdentity } from '../translation';
import type { HostVersion } from './host-version';

/** What every kind needs to know and to reach; made once at start. */
export interface KindEnvironment {
  /** The virtual cluster and the host namespace it lives in. */
  readonly identity: ClusterIdentity;
  /** Owner of every host object, so that deleting the virtual cluster leaves nothing. */
  readonly anchor: Anchor;
  /** When the virtual cluster was put to sleep last, in ms since the epoch: pods that ran then have no twins. @default never */
  readonly pausedAt?: number | undefined;
  readonly configuration: SyncerConfiguration;
  /** ClusterIP of the host Service in front of the virtual API server. */
  readonly apiServerIP: string;
  /** Version of the virtual API server, such as `v1.37.2`: what virtual nodes say of their kubelet. */
  readonly version: string;
  /** What the host's API server can take. */
  readonly hostVersion: HostVersion;
  readonly host: KubeClient;
  readonly virtual: KubeClient;
  /** Writes events about virtual objects, in the tenant's own names. */
  readonly events: EventRecorder;
  readonly logger: Logger;
  readonly metrics: Metrics;
}
