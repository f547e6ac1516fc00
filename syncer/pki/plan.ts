import { isIP } from 'node:net';
import { controlPlaneNames, STORE_PEER_NAME, storeMemberHost, type SyncerConfiguration } from '../configuration';
import type { LeafRequest } from './certificate';

/** Certificate authorities of a virtual cluster; `NAME.crt` and `NAME.key` are their keys in Secret NAME-certs. */
export const AUTHORITIES = [
  /** The virtual cluster's own: API server, users, and what its controller manager signs. */
  'ca',
  'etcd-ca',
  'front-proxy-ca',
  /** Signs the virtual nodes' serving certificates. */
  'kubelet-ca',
  /** Signs the API server's certificate as a client of kubelets; apart from `ca`, which signs for tenants on request. */
  'kubelet-client-ca',
  /** Signs the serving certificate of the admission webhook. */
  'admission-ca',
] as const;

/** Name of a certificate authority. */
export type AuthorityName = (typeof AUTHORITIES)[number];

/** A certificate that must be there, and who signs it. */
export interface LeafPlan {
  /** `NAME.crt` and `NAME.key` are its keys in Secret NAME-certs. */
  readonly name: string;
  readonly authority: AuthorityName;
  readonly request: LeafRequest;
  /** It lives no shorter than this, in milliseconds, as who uses it cannot follow. @default 0 */
  readonly leastLifeMs?: number;
}

/** client-go looks every five minutes whether the files of a kubeconfig changed: it has a quarter of this hour to notice. */
const FOLLOWED_BY_CLIENT_GO_MS = 3_600_000;
/** Longer than any authority lives, which ends it. */
const AS_ITS_AUTHORITY_MS = 100 * 365 * 86_400_000;

/** Group whose members may do everything. */
const ADMINISTRATORS = 'system:masters';

/** Certificates that all replicas share, kept in Secret NAME-certs; see {@link sharedLeafs}. */
export const SHARED_LEAFS = [
  {
    name: 'etcd-server',
    authority: 'etcd-ca',
    // A member is a client of its peers, and of itself for its HTTP gateway.
    request: {
      commonName: 'etcd',
      dnsNames: ['localhost'],
      addresses: ['127.0.0.1', '::1'],
      usages: ['server', 'client'],
    },
  },
  {
    name: 'etcd-client',
    authority: 'etcd-ca',
    request: { commonName: 'kube-apiserver-etcd-client', usages: ['client'] },
  },
  {
    name: 'kubelet-client',
    authority: 'kubelet-client-ca',
    request: { commonName: 'kube-apiserver-kubelet-client', organizations: [ADMINISTRATORS], usages: ['client'] },
    // When it changes, kube-apiserver cuts every stream to a kubelet: each `logs -f` and `exec` of the tenants. The key never
    // leaves the pod and its authority signs nothing else, so it lives as long as that.
    leastLifeMs: AS_ITS_AUTHORITY_MS,
  },
  {
    name: 'front-proxy-client',
    authority: 'front-proxy-ca',
    request: { commonName: 'front-proxy-client', usages: ['client'] },
  },
  {
    name: 'controller-manager',
    authority: 'ca',
    request: { commonName: 'system:kube-controller-manager', usages: ['client'] },
    leastLifeMs: FOLLOWED_BY_CLIENT_GO_MS,
  },
  {
    name: 'scheduler',
    authority: 'ca',
    // Kubernetes gives this user what a scheduler needs, and nothing else.
    request: { commonName: 'system:kube-scheduler', usages: ['client'] },
    leastLifeMs: FOLLOWED_BY_CLIENT_GO_MS,
  },
  {
    name: 'syncer',
    authority: 'ca',
    request: { commonName: 'nestling-syncer', organizations: [ADMINISTRATORS], usages: ['client'] },
  },
  {
    name: 'admin',
    authority: 'ca',
    request: { commonName: 'kubernetes-admin', organizations: [ADMINISTRATORS], usages: ['client'] },
  },
  {
    name: 'admission',
    authority: 'admission-ca',
    request: {
      commonName: 'nestling-admission',
      dnsNames: ['localhost'],
      addresses: ['127.0.0.1'],
      usages: ['server'],
    },
  },
] as const satisfies readonly LeafPlan[];

/** Name of a shared certificate. */
export type SharedLeafName = (typeof SHARED_LEAFS)[number]['name'] | typeof STORE_PEER_NAME;

/** Whether the store has several members in the control plane's pods. */
export function hasStoreMembers({ store, virtualCluster }: SyncerConfiguration): boolean {
  return store.embedded && virtualCluster.replicas > 1;
}

/**
 * The certificates that a cluster's replicas share: where the store has several members, also the one that makes each a member. What
 * stands before a database reads its certificate once, so that lives as long as its authority: it is served inside the pod only, and its key
 * never leaves that.
 */
export function sharedLeafs(configuration: SyncerConfiguration, namespace: string): readonly LeafPlan[] {
  if (!configuration.store.embedded) {
    return SHARED_LEAFS.map((leaf) =>
      leaf.name === 'etcd-server' ? { ...leaf, leastLifeMs: AS_ITS_AUTHORITY_MS } : leaf,
    );
  }
  if (!hasStoreMembers(configuration)) return SHARED_LEAFS;
  const { name, replicas } = configuration.virtualCluster;
  const dnsNames = Array.from({ length: replicas }, (_, ordinal) => storeMemberHost(name, namespace, ordinal));
  const request: LeafRequest = { commonName: STORE_PEER_NAME, dnsNames, usages: ['server', 'client'] };
  return [...SHARED_LEAFS, { name: STORE_PEER_NAME, authority: 'etcd-ca', request }];
}

/** Where an API server can be reached. */
export interface ApiServerPlace {
  readonly configuration: SyncerConfiguration;
  /** Host namespace. */
  readonly namespace: string;
  /** ClusterIPs of host Service NAME. */
  readonly serviceIPs: readonly string[];
  /** Addresses of the pod. */
  readonly podIPs: readonly string[];
  /** Names and addresses that clients outside of the host's network call. @default none */
  readonly outside?: readonly string[];
}

/**
 * The API server's serving certificate. Every pod makes its own at its start: it names the pod's address, and replicas
 * that share one would take turns in replacing it.
 */
export function apiServerLeaf({
  configuration,
  namespace,
  serviceIPs,
  podIPs,
  outside = [],
}: ApiServerPlace): LeafPlan {
  const { clusterDomain, name } = configuration.virtualCluster;
  const further = [...configuration.apiServer.extraNames, ...outside];
  const service = controlPlaneNames(name).apiServerService;
  const addresses = further.filter((extra) => isIP(extra) !== 0);
  return {
    name: 'apiserver',
    authority: 'ca',
    request: {
      commonName: 'kube-apiserver',
      dnsNames: unique([
        'kubernetes',
        'kubernetes.default',
        'kubernetes.default.svc',
        `kubernetes.default.svc.${clusterDomain}`,
        service,
        `${service}.${namespace}`,
        `${service}.${namespace}.svc`,
        `${service}.${namespace}.svc.cluster.local`,
        'localhost',
        ...further.filter((extra) => isIP(extra) === 0),
      ]),
      addresses: unique(['127.0.0.1', '::1', ...serviceIPs, ...podIPs, ...addresses]),
      usages: ['server'],
    },
  };
}

function unique(values: readonly string[]): string[] {
  return [...new Set(values)];
}
