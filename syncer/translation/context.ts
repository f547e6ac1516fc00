import type { ClusterIdentity } from './names';

/** The object on the host that owns everything the syncer makes: a ConfigMap of the control plane. */
export interface Anchor {
  readonly name: string;
  readonly uid: string;
}

/** What every translation needs. */
export interface ObjectContext {
  readonly identity: ClusterIdentity;
  readonly anchor: Anchor;
  /**
   * Minor version of the host's Kubernetes 1, such as 35: fields that it lacks do not go there (host-version.ts).
   *
   * @default undefined: not known, taken for the newest
   */
  readonly hostMinor?: number | undefined;
}

/** A Service of the pod's own virtual namespace, as far as service variables need it. */
export interface LinkedService {
  readonly name: string;
  /** First address; Services without one (`None`, ExternalName) may be left out or are skipped. */
  readonly clusterIP?: string | undefined;
  readonly ports: readonly { readonly name?: string; readonly port: number; readonly protocol?: string }[];
}

/** What a pod's translation needs to know besides the pod. */
export interface TranslationContext extends ObjectContext {
  /** DNS domain of the virtual cluster, such as `cluster.local`. */
  readonly clusterDomain: string;
  /** ClusterIP of the virtual cluster's API server (host Service NAME). */
  readonly apiServerIP: string;
  /** ClusterIP of the virtual cluster's DNS; undefined until it has one. */
  readonly dnsIP?: string | undefined;
  /**
   * Whether the virtual cluster is given a DNS, for which pods wait; else they do with what there is.
   *
   * @default true
   */
  readonly dnsEnabled?: boolean | undefined;
  /**
   * Image with the program that writes the /etc/hosts of pods with a subdomain, the syncer's own; undefined: `hostname -f` of
   * such a pod answers without a domain.
   */
  readonly helperImage?: string | undefined;
  /**
   * Whether ResourceClaims are synced, so that pods can have some.
   *
   * @default false
   */
  readonly resourceClaims?: boolean | undefined;
  /** ServiceAccount on the host that tenants' pods run as. */
  readonly workloadServiceAccount: string;
  /**
   * Name on the host of the PriorityClass that the pod names: its own where the virtual class is a view of the host's, that
   * of its twin where classes are synced to the host. Undefined: the pod goes without, as a class that only the virtual
   * cluster has says nothing on the host. Never of a `system-` class, which preempts other tenants: see {@link hostPriorityClass}.
   */
  readonly priorityClassName?: string | undefined;
  /**
   * Whether the virtual nodes have the labels of the host's, so that what a pod asks of `kubernetes.io/hostname` means the same there.
   *
   * @default false: the label is the node's name
   */
  readonly realNodeLabels?: boolean | undefined;
  /**
   * Whether a scheduler of the virtual cluster chooses the node of every pod: of what a pod asks of nodes, only that choice goes to the host.
   *
   * @default false: the host chooses
   */
  readonly scheduledInside?: boolean | undefined;
  /** Labels of the only nodes that pods may run on. @default any */
  readonly enforcedNodeSelector?: Readonly<Record<string, string>> | undefined;
  /** In which directions a NetworkPolicy of the tenant selects the pod, where the platform's own policies ask. @default none */
  readonly selectedFor?: Readonly<Record<'ingress' | 'egress', boolean>> | undefined;
  /** Whether the host's node asks the registry for each image, with the pod's credentials. @default false */
  readonly alwaysPullImages?: boolean | undefined;
  /** Labels of the pod's virtual Namespace. */
  readonly namespaceLabels: Readonly<Record<string, string>>;
  /** Services of the pod's virtual namespace. */
  readonly services: readonly LinkedService[];
}

/** An object of the same virtual cluster that the translated one needs on the host. Names are the tenant's. */
export interface Reference {
  readonly kind: 'ConfigMap' | 'Secret' | 'PersistentVolumeClaim' | 'ResourceClaim' | 'Service' | 'ServiceAccount';
  readonly namespace: string;
  readonly name: string;
  /** True if the pod starts without it. */
  readonly optional: boolean;
}

/** A host object, or why there is none: `reason` is a CamelCase word for events, `message` names fields and the tenant's names only. */
export type Translation<T> =
  | { readonly ok: true; readonly object: T; readonly references: readonly Reference[] }
  | { readonly ok: false; readonly reason: string; readonly message: string };
