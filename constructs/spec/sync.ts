import {
  CONFIGURATION_API_VERSION,
  CONFIGURATION_KIND,
  ConfigurationError,
  dnsNameProblem,
  problemLine,
  type ConfigurationProblem,
  type SyncerConfigurationInput,
} from '../../syncer/configuration';
import { resolveConfiguration } from '../../syncer/configuration/document';
import type { CustomResourceFromHostProps, CustomResourceToHostProps } from './custom-resource-sync';
import type { FieldPatchProps } from './field-patch';
import type { INodeSyncPolicy, SharedNodeObjects } from './node-sync-policy';

/** A kind that is synced or not. */
export interface SyncToggle {
  /**
   * Whether it is synced.
   *
   * @default - see the property that this is the value of
   */
  readonly enabled?: boolean;
}

/** A kind of the host's cluster-scoped objects that tenants see or not. */
export interface ViewProps {
  /**
   * Whether tenants see them. Needs the right to read them on the host: a ClusterRole is made.
   *
   * @default false
   */
  readonly enabled?: boolean;
  /**
   * Labels that an object of the host must have to be shown.
   *
   * @default - all are shown
   */
  readonly selector?: Readonly<Record<string, string>>;
}

/** How PersistentVolumeClaims are synced. */
export interface ClaimSyncProps {
  /**
   * Whether they are synced. Without, a pod with a claim is refused.
   *
   * @default true
   */
  readonly enabled?: boolean;
  /**
   * What becomes of the host's claim when the tenant deletes its own. `Retain` keeps it, also beyond the virtual cluster, and a
   * new claim of that name gets it again; claims of ephemeral volumes always go with their pods.
   *
   * @default 'Delete'
   */
  readonly deletionPolicy?: 'Delete' | 'Retain';
}

/** What the value of an annotation may be that is passed on. */
export type IngressAnnotationValues =
  'boolean' | 'number' | 'duration' | 'size' | 'word' | 'words' | 'path' | 'url' | 'cidrs' | 'json' | 'text' | 'any';

/** What the value of an annotation names: an object of the Ingress's own namespace; `NamespacedName` is NAME or NAMESPACE/NAME. */
export type IngressAnnotationNames =
  | 'secretName'
  | 'secretNamespacedName'
  | 'configMapName'
  | 'configMapNamespacedName'
  | 'serviceName'
  | 'serviceNamespacedName';

/** A rule for annotations of Ingresses. */
export type IngressAnnotationRule =
  | {
      /** The key, or with a `*` at its end all keys that begin so. */
      readonly key: string;
      /** The annotation is passed on to the host. */
      readonly action: 'allow';
      /**
       * What its value may be; an Ingress with another one is refused.
       *
       * @default 'text': one line without quotes, braces and what else could end a directive of a controller's configuration
       */
      readonly values?: IngressAnnotationValues;
    }
  | {
      /** The key, or with a `*` at its end all keys that begin so. */
      readonly key: string;
      /** The annotation stays in the virtual cluster, and the tenant is not told. */
      readonly action: 'drop';
    }
  | {
      /** The key, or with a `*` at its end all keys that begin so. */
      readonly key: string;
      /** The name in it is replaced by the one on the host; a Secret or ConfigMap is brought there. */
      readonly action: 'rewrite';
      /** What it names. */
      readonly names: IngressAnnotationNames;
    }
  | {
      /** The key. */
      readonly key: string;
      /** Every Ingress on the host has it. */
      readonly action: 'set';
      /** The value, whatever the tenant's Ingress says. */
      readonly value: string;
    };

/** What tenants' Ingresses may claim on the host, and which of their annotations go there. */
export interface IngressRules {
  /**
   * Rules for annotations; the first that matches decides. Then come those for well-known safe annotations of controllers, with
   * references in them translated. All others are left out, as annotations drive the host's controllers (cert-manager,
   * external-dns, the cloud); the tenant is told which by an event.
   *
   * @default - those for well-known annotations alone
   */
  readonly annotations?: readonly IngressAnnotationRule[];
  /**
   * Hosts that tenants' Ingresses may claim: names, or `*.` and a domain for all names below it. An Ingress with another host, with a
   * rule for every host, or with a default backend is refused.
   *
   * @default - every host; none with `podSecurity: restricted`
   */
  readonly allowedHosts?: readonly string[];
  /**
   * Names of IngressClasses that tenants' Ingresses may have. Those that name none get the first.
   *
   * @default - every class
   */
  readonly allowedClasses?: readonly string[];
}

/** How the Ingresses of one cluster are synced. */
export interface IngressSettings extends IngressRules {
  /**
   * Whether they are synced.
   *
   * @default true
   */
  readonly enabled?: boolean;
}

/** How the Ingresses of several clusters are synced: see `IngressSync`. */
export interface IIngressSync extends IngressRules {
  /** Name of the ValidatingAdmissionPolicy on the host that holds their Ingresses to it, too; undefined where all may be claimed. */
  readonly admissionPolicy: string | undefined;
}

/** How NetworkPolicies are synced. */
export interface NetworkPolicySyncProps {
  /**
   * Whether they are synced. Without, a NetworkPolicy of the tenant protects nothing.
   *
   * @default true
   */
  readonly enabled?: boolean;
  /**
   * Address ranges, such as `203.0.113.0/24`, that the tenant's policies can let its pods send to, beside its own pods. Policies
   * add up, so that a tenant's `egress: [{}]` would undo a deny of yours in the host namespace.
   *
   * @default - all addresses
   */
  readonly allowedEgress?: readonly string[];
  /**
   * Address ranges that the tenant's policies can let its pods receive from, beside its own pods.
   *
   * @default - all addresses
   */
  readonly allowedIngress?: readonly string[];
}

/** How EndpointSlices of Services without a selector are synced. */
export interface EndpointSliceSyncProps {
  /**
   * Whether they are synced. Without, such a Service leads nowhere on the host; its name still resolves in the virtual cluster.
   *
   * @default true
   */
  readonly enabled?: boolean;
  /**
   * Address ranges (CIDRs) that endpoints may lie in beside the virtual cluster's own pods, such as `203.0.113.0/28` of a database
   * outside of the host. What forwards to the Service on the host reaches them with its own rights: give what every tenant
   * may reach. Loopback, link-local and multicast addresses stay forbidden. With pod security `privileged` all others are allowed.
   *
   * @default - none
   */
  readonly allowedRanges?: readonly string[];
}

/** How ServiceAccounts are synced. */
export interface ServiceAccountSyncProps {
  /**
   * Whether each ServiceAccount that a pod uses has a twin on the host, which the pod runs as. The twin has no rights there and no pod
   * gets its token, but for what a cloud's webhook on the host mounts. Without, all pods run as one account without rights.
   *
   * @default false
   */
  readonly enabled?: boolean;
  /**
   * Keys of annotations that the twin has, or with a `*` at the end all keys that begin so.
   *
   * @default - those of the identities of AWS (`eks.amazonaws.com/role-arn` and others), Google Cloud
   * (`iam.gke.io/gcp-service-account`) and Azure (`azure.workload.identity/*`)
   */
  readonly annotations?: readonly string[];
}

/** How tenants' PriorityClasses are synced. */
export interface PriorityClassSyncProps {
  /**
   * Whether they are synced: pods that name one get its twin. Needs rights on all PriorityClasses of the host: a ClusterRole is made.
   * Twins have no owner on the host: they go with the tenant's class, not with the namespace. To remove what is left of a virtual
   * cluster that is gone, delete the PriorityClasses with its labels `nestling.dev/virtual-cluster` and `nestling.dev/host-namespace`.
   *
   * @default false
   */
  readonly enabled?: boolean;
  /**
   * Highest value that a class has on the host; higher ones are lowered to it. Pods of a higher value preempt those of a lower one,
   * other tenants' too, and pods without a class have 0.
   *
   * @default 1000000 (at most 1000000000, above which are the system's own)
   */
  readonly maximumValue?: number;
  /**
   * How many of them are on the host at a time, where no quota counts objects without namespace. The others wait in the virtual cluster
   * until one goes.
   *
   * @default 50
   */
  readonly maximumCount?: number;
}

/** What of the tenant's goes to the host, beside pods, Services, and the ConfigMaps and Secrets in use. */
export interface SyncToHostProps {
  /**
   * PersistentVolumeClaims.
   *
   * @default - enabled
   */
  readonly persistentVolumeClaims?: ClaimSyncProps;
  /**
   * EndpointSlices of Services without a selector.
   *
   * @default - enabled
   */
  readonly endpointSlices?: EndpointSliceSyncProps;
  /**
   * Ingresses: settings of this cluster, or an IngressSync that several share.
   *
   * @default - enabled
   */
  readonly ingresses?: IngressSettings | IIngressSync;
  /**
   * NetworkPolicies.
   *
   * @default - enabled, all addresses
   */
  readonly networkPolicies?: NetworkPolicySyncProps;
  /**
   * PodDisruptionBudgets: who drains a node of the host has to keep to them. A tenant can so hold a drain up for as long as it likes.
   *
   * @default - enabled
   */
  readonly podDisruptionBudgets?: SyncToggle;
  /**
   * ServiceAccounts that pods use, for the identity that a cloud's annotations give them.
   *
   * @default - disabled
   */
  readonly serviceAccounts?: ServiceAccountSyncProps;
  /**
   * PriorityClasses of the tenant. Contradicts `fromHost.priorityClasses`.
   *
   * @default - disabled
   */
  readonly priorityClasses?: PriorityClassSyncProps;
  /**
   * ResourceClaims (dynamic resource allocation).
   *
   * @default - disabled
   */
  readonly resourceClaims?: SyncToggle;
  /**
   * Custom resources; their definitions are copied from the host.
   *
   * @default - none
   */
  readonly customResources?: readonly CustomResourceToHostProps[];
}

/** What of the host's tenants see. */
export interface SyncFromHostProps {
  /**
   * The host's events about the tenant's objects, in the tenant's names.
   *
   * @default - enabled
   */
  readonly events?: SyncToggle;
  /**
   * Nodes: a value for this cluster, or a NodeSyncPolicy that several share.
   *
   * @default NodeSyncPolicy.fake()
   */
  readonly nodes?: INodeSyncPolicy;
  /**
   * What the tenant's pods use, from the host's metrics server, as metrics.k8s.io in the virtual cluster: for `kubectl top` and
   * HorizontalPodAutoscalers. It is there once the host has a metrics server; a node uses what the tenant's pods on it do. To be
   * disabled where the tenant brings a metrics API of its own.
   *
   * @default - enabled
   */
  readonly metrics?: SyncToggle;
  /**
   * Facts of the host's volumes behind the tenant's claims. Needs the right to read PersistentVolumes on the host.
   *
   * @default - disabled
   */
  readonly persistentVolumes?: SyncToggle;
  /**
   * StorageClasses. Claims may name those that are shown, and no others; without, any of the host.
   *
   * @default - disabled
   */
  readonly storageClasses?: ViewProps;
  /**
   * VolumeAttributesClasses, which change how fast the volume of a claim is, and what it costs. Claims may name those that are shown,
   * and no others; without, any of the host, or none where a selector limits the StorageClasses.
   *
   * @default - disabled
   */
  readonly volumeAttributesClasses?: ViewProps;
  /**
   * IngressClasses.
   *
   * @default - disabled
   */
  readonly ingressClasses?: ViewProps;
  /**
   * RuntimeClasses. Without, a pod's `runtimeClassName` goes to the host as it is, but the virtual API server refuses a pod that names a
   * RuntimeClass which the virtual cluster has not: the tenant makes one of that name. With, only those that are shown can be used.
   *
   * @default - disabled
   */
  readonly runtimeClasses?: ViewProps;
  /**
   * PriorityClasses; pods that name one keep it on the host.
   *
   * @default - disabled
   */
  readonly priorityClasses?: ViewProps;
  /**
   * Custom resources; their definitions are copied from the host.
   *
   * @default - none
   */
  readonly customResources?: readonly CustomResourceFromHostProps[];
}

/** What is synced between a virtual cluster and its host. */
export interface SyncProps {
  /**
   * From the virtual cluster to the host.
   *
   * @default - see SyncToHostProps
   */
  readonly toHost?: SyncToHostProps;
  /**
   * From the host to the virtual cluster.
   *
   * @default - see SyncFromHostProps
   */
  readonly fromHost?: SyncFromHostProps;
  /**
   * Changes of single fields of synced objects.
   *
   * @default - none
   */
  readonly patches?: readonly FieldPatchProps[];
}

/** The props as the syncer's document has them: they have its shape, so that every setting is named alike in both. */
export function syncDocument({ toHost, fromHost, ...rest }: SyncProps = {}): NonNullable<
  SyncerConfigurationInput['sync']
> {
  const ingresses = toHost?.ingresses;
  const nodes = fromHost?.nodes;
  // Constructs hold more than their settings.
  return structuredClone({
    ...rest,
    ...(toHost === undefined
      ? {}
      : { toHost: ingresses && isShared(ingresses) ? { ...toHost, ingresses: ingressRules(ingresses) } : toHost }),
    ...(fromHost === undefined
      ? {}
      : { fromHost: nodes === undefined ? fromHost : { ...fromHost, nodes: nodesDocument(nodes) } }),
  }) as NonNullable<SyncerConfigurationInput['sync']>;
}

/** What of the host's objects for several clusters a cluster uses. */
export interface SharedPolicies {
  /** Objects for nodes; undefined where the cluster makes its own. */
  readonly nodes?: SharedNodeObjects;
  /** Name of the ValidatingAdmissionPolicy of Ingresses; undefined where there is none. */
  readonly ingresses?: string;
}

/** The objects on the host that constructs in the props have made. */
export function sharedPolicies(sync: SyncProps | undefined): SharedPolicies {
  const ingresses = sync?.toHost?.ingresses;
  const policy = ingresses && isShared(ingresses) ? ingresses.admissionPolicy : undefined;
  const nodes = sync?.fromHost?.nodes?.shared;
  return {
    ...(nodes === undefined ? {} : { nodes }),
    ...(policy === undefined ? {} : { ingresses: policy }),
  };
}

/**
 * What is wrong with the settings of a construct that several clusters share: they are checked as a cluster's would be.
 *
 * @param name name of the objects on the host
 * @param prefix of the document's fields, and what takes its place in the construct's props
 */
export function sharedSyncProblems(name: string, sync: SyncProps, prefix: string, prop: string): string[] {
  const problems: ConfigurationProblem[] = [];
  const message = dnsNameProblem(name);
  if (message !== undefined) problems.push({ field: 'name', value: name, message });
  try {
    resolveConfiguration({
      apiVersion: CONFIGURATION_API_VERSION,
      kind: CONFIGURATION_KIND,
      virtualCluster: { name: 'any' },
      sync: syncDocument(sync),
    });
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    problems.push(...error.problems.map((problem) => ({ ...problem, field: problem.field.replace(prefix, prop) })));
  }
  return problems.map(problemLine);
}

function isShared(ingresses: IngressSettings | IIngressSync): ingresses is IIngressSync {
  return 'admissionPolicy' in ingresses;
}

function ingressRules({ annotations, allowedHosts, allowedClasses }: IngressRules): IngressRules {
  return {
    ...(annotations === undefined ? {} : { annotations }),
    ...(allowedHosts === undefined ? {} : { allowedHosts }),
    ...(allowedClasses === undefined ? {} : { allowedClasses }),
  };
}

function nodesDocument({
  mode,
  selector,
  enforce,
}: INodeSyncPolicy): Pick<INodeSyncPolicy, 'mode' | 'selector' | 'enforce'> {
  return { mode, selector, enforce };
}
