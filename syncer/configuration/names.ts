import { isIP } from 'node:net';

/** Stands between the parts of a tenant's object's host name: `web-x-shop-x-my-vc1`. */
export const NAME_SEPARATOR = '-x-';

/** Longest name of a virtual cluster, in characters: its StatefulSet's pods carry a label of the name, a dash and ten more. */
export const MAX_NAME_LENGTH = 52;

/** Length of the hash that a StatefulSet puts after its name into the label `controller-revision-hash`, without the dash. */
const REVISION_HASH_LENGTH = 10;
const MAX_LABEL_LENGTH = 63;

/**
 * What is wrong with the name of a virtual cluster.
 *
 * @returns a sentence with the remedy, or undefined for a good name
 */
export function clusterNameProblem(name: string): string | undefined {
  if (name.length > MAX_NAME_LENGTH) {
    const child = `${name}-${'0'.repeat(REVISION_HASH_LENGTH)}`;
    return (
      `has ${name.length} characters, which makes its longest child name too long: label controller-revision-hash on pod ${name}-0 ` +
      `would be ${name}-<${REVISION_HASH_LENGTH} characters>, ${child.length} of at most ${MAX_LABEL_LENGTH}; ` +
      `choose a name of at most ${MAX_NAME_LENGTH} characters`
    );
  }
  if (!/^[a-z]([-a-z0-9]*[a-z0-9])?$/.test(name)) {
    return 'is no DNS label (RFC 1035): use lower-case letters, digits and dashes, begin with a letter and end with a letter or digit';
  }
  // Else objects of the control plane could have a name of the shape that tenants' objects have.
  if (name.includes(NAME_SEPARATOR)) {
    return `contains "${NAME_SEPARATOR}", which stands between the parts of host names of tenants' objects: choose a name without it`;
  }
  return undefined;
}

/**
 * What is wrong with a DNS name such as a cluster domain or a server name.
 *
 * @returns a sentence with the remedy, or undefined for a good name
 */
export function dnsNameProblem(name: string): string | undefined {
  if (name.length > 253) return `has ${name.length} characters: a DNS name has at most 253`;
  const labels = name.split('.');
  if (!labels.every((label) => label.length <= 63 && /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(label))) {
    return 'is no DNS name: use labels of lower-case letters, digits and dashes, at most 63 characters each, joined by dots';
  }
  return undefined;
}

/**
 * What is wrong with the address of a DNS server, as CoreDNS' `forward` takes it: an address, with a port if that is not 53.
 *
 * @returns a sentence with the remedy, or undefined for a good address
 */
export function dnsServerProblem(server: string): string | undefined {
  const [, bracketed, port] = /^\[([^\]]*)\](?::(\d+))?$/.exec(server) ?? /^([^:]*)(?::(\d+))?$/.exec(server) ?? [];
  const address = bracketed ?? server;
  if (isIP(address) !== 0 && (port === undefined || (Number(port) >= 1 && Number(port) <= 65_535))) return undefined;
  return 'is no address of a DNS server: write an IP address, with a port if it is not 53, such as 10.0.0.53 or [fd00::53]:5353';
}

/**
 * What is wrong with a DNS label such as the plural name of a kind.
 *
 * @returns a sentence with the remedy, or undefined for a good label
 */
export function dnsLabelProblem(label: string): string | undefined {
  return label.length <= 63 && /^[a-z]([-a-z0-9]*[a-z0-9])?$/.test(label)
    ? undefined
    : 'is no DNS label: use at most 63 lower-case letters, digits and dashes, begin with a letter and end with a letter or digit';
}

/**
 * What is wrong with the name of a namespace.
 *
 * @returns a sentence with the remedy, or undefined for a good name
 */
export function namespaceNameProblem(name: string): string | undefined {
  return name.length <= 63 && /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(name)
    ? undefined
    : 'is no name of a namespace: use at most 63 lower-case letters, digits and dashes, with a letter or digit at both ends';
}

/**
 * What is wrong with the name of a CSI driver, which is that of its CSIDriver object.
 *
 * @returns a sentence with the remedy, or undefined for a good name
 */
export function csiDriverNameProblem(name: string): string | undefined {
  return name.length <= 63 && dnsNameProblem(name) === undefined
    ? undefined
    : 'is no name of a CSI driver: write the name of its CSIDriver object, such as secrets-store.csi.k8s.io, at most 63 characters';
}

/**
 * What is wrong with the address of an API server as kubeconfigs have it.
 *
 * @returns a sentence with the remedy, or undefined for a good address
 */
export function serverURLProblem(value: string): string | undefined {
  return /^https:\/\/[^/?#@\s]+\/?$/.test(value) && URL.canParse(value)
    ? undefined
    : 'is no server address: write https://, a host name or address, and a port if it is not 443';
}

/** Addresses that a kubeconfig can have without saying which they are. */
export const KUBECONFIG_SERVERS = ['inside', 'outside'] as const;

/**
 * What is wrong with where a further kubeconfig leads to.
 *
 * @returns a sentence with the remedy, or undefined for a good one
 */
export function kubeconfigServerProblem(value: string): string | undefined {
  return (KUBECONFIG_SERVERS as readonly string[]).includes(value) || serverURLProblem(value) === undefined
    ? undefined
    : 'is no server address: write inside, outside, or https://, a host name or address, and a port if it is not 443';
}

/** Names of tenants' objects on the host are of this length where they are not of the shape `web-x-shop-x-my-vc1`. */
const HASHED_NAME_LENGTH = 63;

/**
 * What is wrong with the name of a Secret for a kubeconfig.
 *
 * @returns a sentence with the remedy, or undefined for a good name
 */
export function kubeconfigSecretProblem(name: string): string | undefined {
  if (name.includes(NAME_SEPARATOR) || name.length >= HASHED_NAME_LENGTH) {
    return `could be the host name of a tenant's object: choose one without "${NAME_SEPARATOR}" and with less than ${HASHED_NAME_LENGTH} characters`;
  }
  return dnsNameProblem(name);
}

/**
 * What is wrong with an image reference.
 *
 * @returns a sentence with the remedy, or undefined for a good reference
 */
export function imageProblem(image: string): string | undefined {
  const [path = '', ...digest] = image.split('@');
  const good =
    /^[a-z0-9][a-zA-Z0-9.-]*(:\d+)?(\/[a-z0-9]+([._-]+[a-z0-9]+)*)*(:[a-zA-Z0-9_][a-zA-Z0-9_.-]{0,127})?$/.test(path) &&
    (digest.length === 0 || (digest.length === 1 && /^sha256:[0-9a-f]{64}$/.test(digest[0] ?? '')));
  return good ? undefined : 'is no image reference: write registry/repository:tag or registry/repository@sha256:digest';
}

/** Names of the host objects that belong to one virtual cluster; all are in its host namespace. */
export interface ControlPlaneNames {
  /** StatefulSet of the control plane; its pod is this and `-0`. */
  readonly statefulSet: string;
  /** Pod of the control plane. */
  readonly pod: string;
  /** Headless Service that governs the StatefulSet. */
  readonly storeService: string;
  /** Service of the virtual API server: port 443. */
  readonly apiServerService: string;
  /** ConfigMap that owns everything the syncer creates. */
  readonly anchor: string;
  /** ConfigMap with the syncer's configuration under CONFIGURATION_KEY. */
  readonly configuration: string;
  /** ConfigMap with what is to be applied in the virtual cluster, where there is something. */
  readonly manifests: string;
  /** Secret with the cluster's keys and certificates, filled by the init container. */
  readonly certificates: string;
  /** Secret with the kubeconfig of the virtual cluster. */
  readonly kubeconfig: string;
  /** Lease of the active syncer, where there are several. */
  readonly syncerLease: string;
  /** Lease of the member of the store that is being defragmented, where there are several. */
  readonly storeLease: string;
  /** ServiceAccount, Role and RoleBinding of the control plane. */
  readonly serviceAccount: string;
  /** ServiceAccount of tenants' pods, where the configuration names no other. */
  readonly workloadServiceAccount: string;
  /** NetworkPolicies of the platform, where there are some. */
  readonly networkPolicies: {
    /** Denies tenants' pods everything that no other policy allows. */
    readonly deny: string;
    /** What tenants' pods receive, and send, that no policy of the tenant selects. */
    readonly ingress: string;
    readonly egress: string;
    /** What the control plane receives. */
    readonly controlPlane: string;
  };
  /** ResourceQuota and LimitRange of the host namespace, where there are some. */
  readonly resourceQuota: string;
  readonly limitRange: string;
}

/** Key of ConfigMap NAME-configuration that holds the document. */
export const CONFIGURATION_KEY = 'configuration.yaml';
/** Key of ConfigMap NAME-manifests that holds the objects, as a JSON list. */
export const MANIFESTS_KEY = 'manifests.json';
/** Name of the file, among the syncer's own, in which the init container leaves the checked configuration with its defaults, as JSON. */
export const CONFIGURATION_FILE = 'configuration.json';
/** Key of Secret NAME-certs that holds the service ranges, joined by a comma, as the API server's flag takes them. */
export const SERVICE_CIDR_KEY = 'service-cidr';

/** Key of Secret NAME-certs that holds the version of Kubernetes that ran last, such as `1.37.2`. */
export const KUBERNETES_VERSION_KEY = 'kubernetes-version';

/** The names of a virtual cluster's host objects, by the cluster's name. */
export function controlPlaneNames(name: string): ControlPlaneNames {
  return {
    statefulSet: name,
    pod: `${name}-0`,
    storeService: `${name}-store`,
    apiServerService: name,
    anchor: `${name}-anchor`,
    configuration: `${name}-configuration`,
    manifests: `${name}-manifests`,
    certificates: `${name}-certs`,
    kubeconfig: `vc-${name}`,
    syncerLease: `${name}-syncer`,
    storeLease: `${name}-store`,
    serviceAccount: name,
    workloadServiceAccount: `${name}-workloads`,
    networkPolicies: {
      deny: `${name}-deny`,
      ingress: `${name}-ingress`,
      egress: `${name}-egress`,
      controlPlane: `${name}-control-plane`,
    },
    resourceQuota: `${name}-quota`,
    limitRange: `${name}-container-defaults`,
  };
}

/** Key of Secret NAME-certs with how many replicas the control plane has, where it has had several. */
export const REPLICAS_KEY = 'replicas';
/** Annotation of the control plane's pods: how many replicas their configuration says. Absent: one. */
export const REPLICAS_ANNOTATION = 'nestling.dev/control-plane-replicas';
/** Key of ConfigMap NAME-configuration with the settings of etcd that all members share, where there are several. */
export const STORE_SETTINGS_KEY = 'etcd.json';
/** Folder of the store's volume. */
export const STORE_DIRECTORY = '/var/lib/etcd';
/** Folder of etcd's data on it: one of its own, as etcd wants mode 0700, and a volume's root belongs to the volume's group. */
export const STORE_DATA_DIRECTORY = `${STORE_DIRECTORY}/data`;
/** Who a member of the store is to the others, in its certificate. */
export const STORE_PEER_NAME = 'etcd-peer';
/** Port on which members of the store reach one another. */
export const STORE_PEER_PORT = 2380;

/** Name of a pod of the control plane. */
export function controlPlanePod(name: string, ordinal: number): string {
  return `${controlPlaneNames(name).statefulSet}-${ordinal}`;
}

/** The number at the end of a pod's name; NaN where there is none. */
export function ordinalOf(pod: string): number {
  return /-\d+$/.test(pod) ? Number(pod.slice(pod.lastIndexOf('-') + 1)) : Number.NaN;
}

/** DNS name of a member of the store, as the others call it and its certificate has it: that of its pod. */
export function storeMemberHost(name: string, namespace: string, ordinal: number): string {
  return `${controlPlanePod(name, ordinal)}.${controlPlaneNames(name).storeService}.${namespace}.svc`;
}

/** Addresses at which the members of a cluster's store reach one another, by the ordinals of their pods. */
export function storePeerURL(name: string, namespace: string): (ordinal: number) => string {
  return (ordinal) => `https://${storeMemberHost(name, namespace, ordinal)}:${STORE_PEER_PORT}`;
}
