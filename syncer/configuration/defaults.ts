/** The document's version; a change that an older syncer cannot read gets a new one. */
export const CONFIGURATION_API_VERSION = 'nestling.dev/v1alpha1';
/** The document's kind. */
export const CONFIGURATION_KIND = 'SyncerConfiguration';

/** Pod Security Standards that the syncer can hold translated pods to, from least to most strict. */
export const POD_SECURITY_LEVELS = ['privileged', 'baseline', 'restricted'] as const;
/** Pod Security Standard of translated pods. */
export type PodSecurity = (typeof POD_SECURITY_LEVELS)[number];
/** Who decides on which node a tenant's pod runs: the host's scheduler, or one inside of the virtual cluster. */
export const SCHEDULERS = ['host', 'virtual'] as const;
/** What the syncer logs: records of this level and above. */
export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const;

/** Version of this package: the syncer's image has the same one, since constructs and syncer share one translation core. */
export const RELEASE = '0.1.0';

/** Values that a configuration has where it says nothing: their only copy, for the constructs too. */
export const CONFIGURATION_DEFAULTS = {
  clusterDomain: 'cluster.local',
  kubernetesVersion: '1.37.2',
  replicas: 1,
  helperImage: `ghcr.io/nestling-dev/syncer:${RELEASE}`,
  storeIsEmbedded: true,
  certificateLifetimeSeconds: 365 * 86_400,
  dnsEnabled: true,
  dnsImage: 'registry.k8s.io/coredns/coredns:v1.14.7',
  dnsReplicas: 1,
  podSecurity: 'baseline',
  scheduler: 'host',
  reservationSeconds: 60,
  logLevel: 'info',
  maximumPriority: 1_000_000,
  maximumPriorityClasses: 50,
} as const;
