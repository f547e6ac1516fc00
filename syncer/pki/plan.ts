import { isIP } from 'node:net';
import { controlPlaneNames, type SyncerConfiguration } from '../configuration';
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
}

/** Group whose members may do everything. */
const ADMINISTRATORS = 'system:masters';

/** Certificates that all replicas share, kept in Secret NAME-certs. */
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
export type SharedLeafName = (typeof SHARED_LEAFS)[number]['name'];

/** Where an API server can be reached. */
export interface ApiServerPlace {
  readonly configuration: SyncerConfiguration;
  /** Host namespace. */
  readonly namespace: string;
  /** ClusterIPs of host Service NAME. */
  readonly serviceIPs: readonly string[];
  /** Addresses of the pod. */
  readonly podIPs: readonly string[];
}

/**
 * The API server's serving certificate. Every pod makes its own at its start: it names the pod's address, and replicas
 * that share one would take turns in replacing it.
 */
export function apiServerLeaf({ configuration, namespace, serviceIPs, podIPs }: ApiServerPlace): LeafPlan {
  const { clusterDomain, name } = configuration.virtualCluster;
  const { extraNames } = configuration.apiServer;
  const service = controlPlaneNames(name).apiServerService;
  const addresses = extraNames.filter((extra) => isIP(extra) !== 0);
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
        ...extraNames.filter((extra) => isIP(extra) === 0),
      ]),
      addresses: unique(['127.0.0.1', '::1', ...serviceIPs, ...podIPs, ...addresses]),
      usages: ['server'],
    },
  };
}

function unique(values: readonly string[]): string[] {
  return [...new Set(values)];
}
