/* eslint-disable @typescript-eslint/no-explicit-any -- the analyzer knows no other word for any value */
import type * as pulumi from '@pulumi/pulumi';

// Made from the settings that files have: npm run pulumi-schema

/**
 * What a virtual cluster is.
 */
export interface VirtualClusterArgs {
  /**
   * Name of the virtual cluster and prefix of its host objects. Cannot be changed after creation. Default: the name of the Pulumi resource.
   */
  name?: string;
  /**
   * Namespace of the host cluster that holds the control plane and the tenant's pods. Cannot be changed after creation.
   */
  namespace: pulumi.Input<string>;
  /**
   * Version of Kubernetes. Changing it by one minor upgrades the cluster, data kept: its pod is rolled, and starts with the store, then the API server, then the controllers. The pod refuses an older minor, and one that skips others, with the reason in its log. Default: KubernetesVersion.V1_37.
   */
  version?: string;
  /**
   * Replicas of the control plane. With 3, each has an API server, controllers and a syncer, of which one is active, and the store three members that lose nothing while two of them are there. It may go from 1 to 3 and back, data kept, while all replicas run; the API is away for the seconds that one pod takes to start. Not with Store.ephemeral(), whose members lose their data with their pods. Default: 1. One of 1, 3.
   */
  replicas?: number;
  /**
   * What the cluster's objects are kept in. Cannot be changed after creation. Default: Store.persistent().
   */
  store?: StoreSettings;
  /**
   * Where images come from. Default: ImageSources.upstream().
   */
  images?: ImageSourcesSettings;
  /**
   * Requests and limits of the control plane's containers. Default: see ControlPlaneResources.
   */
  resources?: ControlPlaneResourcesSettings;
  /**
   * The host's range of Service addresses, which the virtual cluster shares: one range, or one IPv4 and one IPv6 range joined by a comma, as kube-apiserver's flag --service-cluster-ip-range takes them. Cannot be changed after creation. Default: found by the control plane when it starts.
   */
  serviceCIDR?: pulumi.Input<string>;
  /**
   * DNS domain of the virtual cluster. Cannot be changed after creation. Default: 'cluster.local'.
   */
  clusterDomain?: string;
  /**
   * The virtual cluster's DNS server. Default: CoreDNS with one pod.
   */
  dns?: DnsSettings;
  /**
   * How far the tenant is kept apart from the host and from other tenants. Default: Isolation.baseline().
   */
  isolation?: IsolationSettings;
  /**
   * Pod Security Standard that tenants' pods must meet on the host. Default: that of `isolation`: PRIVILEGED with Isolation.trusted(), else BASELINE or RESTRICTED. One of privileged, baseline, restricted.
   */
  podSecurity?: string;
  /**
   * CSI drivers of the host that inline volumes of tenants' pods may use, by the names of their CSIDriver objects, such as secrets-store.csi.k8s.io. A driver works with its own rights on what a pod's volumeAttributes say, and is told the pod's name and ServiceAccount on the host: allow only those that were made for pods that nobody trusts. The host's objects are not asked which those are: Kubernetes has no label for it (security.openshift.io/csi-ephemeral-volume-profile is OpenShift's, whose own admission reads it), and reading them is a cluster-wide right. Default: none; every driver with PodSecurityLevel.PRIVILEGED.
   */
  allowedCSIDrivers?: string[];
  /**
   * Who decides on which node a tenant's pod runs. Default: Scheduler.host().
   */
  scheduler?: SchedulerSettings;
  /**
   * How the virtual API server is reached. Changing it leaves the tenant's pods alone. Default: Exposure.clusterIP().
   */
  exposure?: ExposureSettings;
  /**
   * Further Secrets with a kubeconfig in the host namespace, beside Secret vc-NAME. Default: none.
   */
  kubeconfigs?: KubeconfigSettings[];
  /**
   * How long certificates live, 2 minutes to 10 years. They renew by themselves in the last quarter of their life, and at most 90 days before its end; so do those in kubeconfigs: whoever copied one needs a new copy before it ends. Default: Duration.days(365).
   */
  certificateLifetime?: string;
  /**
   * Further DNS names and addresses under which clients reach the API server; its certificate is valid for them. Default: none beside those of Service NAME.
   */
  apiServerNames?: pulumi.Input<pulumi.Input<string>[]>;
  /**
   * When the cluster sleeps, to cost nothing but its volumes. Default: never.
   */
  sleep?: SleepScheduleSettings;
  /**
   * How far the rights of the cluster's syncer may reach on the host. With RightsScope.NAMESPACE, who may apply objects in the host namespace alone can make the cluster, and synthesis refuses each feature that needs more. Default: RightsScope.CLUSTER. One of namespace, cluster.
   */
  scope?: string;
  /**
   * Version of the host's Kubernetes, such as 1.36 or what its kubectl version says: synthesis then refuses a host that this release was not tested on with virtual clusters of version. Default: not known, and not checked.
   */
  hostVersion?: string;
  /**
   * What is synced between the virtual cluster and its host, and how. Default: everything that needs no rights outside of the host namespace, see SyncProps.
   */
  sync?: SyncSettings;
  /**
   * Objects that the platform puts into the virtual cluster, as plain manifests; addManifests and addChart of the construct add more. They are in ConfigMap NAME-manifests of the host namespace, Secrets among them too, at most 900 KiB together (over 256 KiB kubectl apply needs --server-side). The syncer watches it: a change needs no new pod. It applies them when the virtual cluster starts and whenever the set changes, namespaces and definitions first; what does not go yet is tried again, and what is refused stops nothing and is listed in ConfigMap kube-system/nestling-manifests of the virtual cluster and told there as an event. Fields that a tenant changes stay the tenant's, and so does a whole object that the tenant made. What is taken from the set is deleted, but for namespaces and definitions, with which the tenant's own would go; to delete the last ones leave an empty list, as without one nothing is done. Default: none.
   */
  manifests?: any[];
  /**
   * Services of the host that tenants reach by name, and Services of the tenant that have a name on the host. Default: none.
   */
  hostServices?: HostServicesSettings;
}

/**
 * What a virtual cluster keeps its objects in. Cannot be changed after creation.
 */
export interface StoreSettings {
  /**
   * One of persistent, ephemeral, postgres, mysql, etcd.
   */
  type: string;
  /**
   * Size of the volume. Cannot be changed after creation. Default: 5 GiB. With persistent, ephemeral.
   */
  size?: string;
  /**
   * Most that the database may have: at least 64 MiB, at most 45 % of the size, as defragmenting writes a second copy beside the first one and the log takes the rest, and 8 GiB. A store that is full takes no writes but deletes. Default: 40 % of the size, at most 8 GiB. With persistent, ephemeral.
   */
  quota?: string;
  /**
   * StorageClass of the volume. Cannot be changed after creation. Default: the host's default StorageClass. With persistent.
   */
  storageClassName?: string;
  /**
   * Whether the volume outlives the virtual cluster. Default: false. With persistent.
   */
  retain?: boolean;
  /**
   * Secret in the host namespace with the database's address, which the control plane's pod alone reads: tenants' pods cannot name it. Not made here. With postgres, mysql, etcd.
   */
  secretName?: string;
  /**
   * Key of the Secret whose value is the address: postgres://USER:PASSWORD@HOST:PORT/DATABASE?sslmode=verify-full. The user must be able to make tables in the database, which each virtual cluster needs for itself. Default: 'endpoint'. With postgres, mysql.
   */
  secretKey?: string;
  /**
   * Addresses of its members, such as https://etcd-0.example.com:2379. With etcd.
   */
  endpoints?: string[];
  /**
   * What all keys begin with: virtual clusters that share an etcd need different ones. Begins with a slash. Cannot be changed after creation. Default: /nestling/NAMESPACE/NAME. With etcd.
   */
  prefix?: string;
}

/**
 * Where the images of a virtual cluster come from.
 */
export interface ImageSourcesSettings {
  /**
   * One of upstream, mirror.
   */
  type: string;
  with?: ControlPlaneImagesSettings;
  /**
   * With mirror.
   */
  prefix?: string;
}

/**
 * The images of a control plane and of what it installs.
 */
export interface ControlPlaneImagesSettings {
  /**
   * The store.
   */
  etcd?: string;
  /**
   * The store that stands before a database of PostgreSQL or MySQL.
   */
  kine?: string;
  /**
   * The API server.
   */
  kubeApiServer?: string;
  /**
   * The controllers.
   */
  kubeControllerManager?: string;
  /**
   * The scheduler of a virtual cluster that has one of its own.
   */
  kubeScheduler?: string;
  /**
   * The DNS server that is installed into the virtual cluster.
   */
  coreDns?: string;
  /**
   * The syncer, of the same version as this package: it shares its code with the constructs.
   */
  syncer?: string;
}

/**
 * Resources of the control plane's containers. What is left out keeps its default. The CPU limits are for a namespace's quota and for noisy tenants, not for pacing: they are far above what a control plane uses once it runs, because throttling shows as slow starts and timeouts that nobody connects with a limit.
 */
export interface ControlPlaneResourcesSettings {
  /**
   * The store. Default: CPU 50m to 1, memory 96 MiB to 1 GiB.
   */
  etcd?: ContainerResourcesSettings;
  /**
   * The API server. Default: CPU 100m to 2, memory 320 MiB to 2 GiB.
   */
  kubeApiServer?: ContainerResourcesSettings;
  /**
   * The controllers. Default: CPU 25m to 1, memory 128 MiB to 512 MiB.
   */
  kubeControllerManager?: ContainerResourcesSettings;
  /**
   * The scheduler, with Scheduler.virtual(). Default: CPU 25m to 1, memory 64 MiB to 512 MiB.
   */
  kubeScheduler?: ContainerResourcesSettings;
  /**
   * The syncer; the init container that makes keys and certificates has the same. Default: CPU 25m to 1, memory 128 MiB to 1 GiB.
   */
  syncer?: ContainerResourcesSettings;
}

/**
 * What a container asks the host for, and the most it may take.
 */
export interface ContainerResourcesSettings {
  /**
   * CPU time that the host keeps free. Default: that of the container, as `ControlPlaneResources` says.
   */
  cpuRequest?: string;
  /**
   * Most CPU time; more is throttled. Default: that of the container, as `ControlPlaneResources` says.
   */
  cpuLimit?: string;
  /**
   * Memory that the host keeps free. Default: that of the container, as `ControlPlaneResources` says.
   */
  memoryRequest?: string;
  /**
   * Most memory; beyond it the container is restarted. Default: that of the container, as `ControlPlaneResources` says.
   */
  memoryLimit?: string;
}

export interface DnsSettings {
  /**
   * Whether CoreDNS is installed into the virtual cluster and its pods ask it. Without it they ask what the tenant puts behind Service kube-system/kube-dns, else the node's DNS, which knows no Service. Default: true.
   */
  enabled?: boolean;
  /**
   * Pods of CoreDNS, 1 to 50. Default: 1.
   */
  replicas?: number;
  /**
   * DNS servers that are asked for names outside of the virtual cluster, such as 10.0.0.53 or [fd00::53]:5353; at most 15. Pods of the tenant ask them by way of CoreDNS, which isolation lets send to port 53, and to others where it says so. The host cluster's own server would answer for the addresses of the host's Services: name those that tenants need in hostServices instead. Default: those of the resolv.conf of the node that CoreDNS is on.
   */
  forward?: string[];
}

/**
 * How far a tenant is kept apart from the host and from other tenants. A level sets defaults; each of them can be set by itself, here or by the property of the cluster that it is the default of. docs/security.md lists what each stops. Tenants share the kernel of their nodes on every level.
 */
export interface IsolationSettings {
  /**
   * One of trusted, baseline, restricted.
   */
  type: string;
  /**
   * The network. Default: see the level.
   */
  network?: NetworkIsolationSettings;
  /**
   * Keys of taints of the host's nodes that tenants' pods may tolerate, or with a * at the end all keys that begin so, beside those that Kubernetes sets by itself, such as node.kubernetes.io/unreachable. Default: none; every taint with Isolation.trusted().
   */
  toleratedTaints?: string[];
  /**
   * Whether each container on the host asks its registry for its image, with the pod's own credentials: else it can use an image that another tenant's pod brought to the node. Needs registries that can always be reached. Default: true with Isolation.restricted(), else false.
   */
  alwaysPullImages?: boolean;
  /**
   * How much of the host the tenant may have. Default: Quota.standard() with Isolation.restricted(), else Quota.none().
   */
  quota?: QuotaSettings;
  /**
   * What containers have that say nothing of it. Default: ContainerDefaults.of() with Isolation.restricted(), else ContainerDefaults.none().
   */
  containerDefaults?: ContainerDefaultsSettings;
}

export interface NetworkIsolationSettings {
  /**
   * Whether NetworkPolicies in the host namespace deny tenants' pods all that is not allowed. They bind where the host's network enforces NetworkPolicies. Default: true; with Isolation.trusted() false.
   */
  enabled?: boolean;
  /**
   * Who may send to tenants' pods, beside the tenant's own pods and control plane. With Isolation.baseline() these are added to the host's pods that no virtual cluster has (its ingress controllers, its monitoring) and to public addresses (load balancers that keep their clients' addresses); nodes of the host that forward for their node ports are in private ranges, and have to be named here. Default: none.
   */
  allowIngressFrom?: NetworkPeerSettings[];
  /**
   * Whom tenants' pods may send to, beside the tenant's own pods, its API server, DNS servers and public addresses. Default: none.
   */
  allowEgressTo?: NetworkPeerSettings[];
  /**
   * Whether tenants' pods may send to public addresses: all but private, shared, link-local, multicast and reserved ranges, and hostRanges. Default: true.
   */
  internet?: boolean;
  /**
   * Further ranges (CIDRs) that are no public addresses: nodes, pods and API server of the host where they are in none of the private ranges, such as nodes with public addresses and IPv6 pods. Default: none.
   */
  hostRanges?: string[];
  /**
   * Whom tenants' pods may ask at port 53, as the virtual cluster's DNS server has to forward what it does not know to those of its node. Default: every address: which servers a node asks, nobody knows here.
   */
  dnsServers?: NetworkPeerSettings[];
}

/**
 * Whom tenants' pods may talk to, or be talked to by, beside each other.
 */
export interface NetworkPeerSettings {
  /**
   * One of cidr, namespace, pods.
   */
  type: string;
  /**
   * With cidr.
   */
  range?: string;
  /**
   * With cidr.
   */
  except?: string[];
  /**
   * With namespace.
   */
  name?: string;
  /**
   * Namespace that they are in. Default: every namespace. With pods.
   */
  namespace?: string;
  /**
   * Labels that they have. Default: all pods. With pods.
   */
  labels?: Record<string, string>;
}

/**
 * How much of the host a tenant may have: a ResourceQuota in the host namespace. It counts all that is there, so give clusters that have one a namespace of their own.
 */
export interface QuotaSettings {
  /**
   * One of none, standard, of.
   */
  type: string;
  /**
   * CPU time that pods ask for. Default: no limit. With standard, of.
   */
  cpuRequests?: string;
  /**
   * CPU time that pods may use. Every container then needs a limit: limits can give one. Default: no limit. With standard, of.
   */
  cpuLimits?: string;
  /**
   * Memory that pods ask for. Default: no limit. With standard, of.
   */
  memoryRequests?: string;
  /**
   * Memory that pods may use. Every container then needs a limit: limits can give one. Default: no limit. With standard, of.
   */
  memoryLimits?: string;
  /**
   * Storage of claims, all together. Default: no limit. With standard, of.
   */
  storage?: string;
  /**
   * Pods that have not ended. Default: no limit. With standard, of.
   */
  pods?: number;
  /**
   * Services. Default: no limit. With standard, of.
   */
  services?: number;
  /**
   * Services with ports of the nodes, load balancers' too. Default: no limit. With standard, of.
   */
  nodePorts?: number;
  /**
   * Services with a load balancer. Default: no limit. With standard, of.
   */
  loadBalancers?: number;
  /**
   * PersistentVolumeClaims. Default: no limit. With standard, of.
   */
  persistentVolumeClaims?: number;
  /**
   * ConfigMaps on the host: those that pods use. Default: no limit. With standard, of.
   */
  configMaps?: number;
  /**
   * Secrets on the host: those that pods use, and one for each pod with a token. Default: no limit. With standard, of.
   */
  secrets?: number;
  /**
   * Ingresses. Default: no limit. With standard, of.
   */
  ingresses?: number;
  /**
   * NetworkPolicies. Default: no limit. With standard, of.
   */
  networkPolicies?: number;
}

/**
 * What containers on the host have that say nothing of it: a LimitRange in the host namespace.
 */
export interface ContainerDefaultsSettings {
  /**
   * One of none, of.
   */
  type: string;
  /**
   * CPU time that it asks for. Default: Cpu.millis(100). With of.
   */
  cpuRequest?: string;
  /**
   * Memory that it asks for. Default: Size.mebibytes(128). With of.
   */
  memoryRequest?: string;
  /**
   * CPU time that it may use. Default: no limit. With of.
   */
  cpuLimit?: string;
  /**
   * Memory that it may use. Default: no limit. With of.
   */
  memoryLimit?: string;
}

/**
 * Who decides on which node a tenant's pod runs.
 */
export interface SchedulerSettings {
  /**
   * One of host, virtual.
   */
  type: string;
}

/**
 * How the virtual API server is reached. Inside of the host it always is at Service NAME, whose ClusterIP stays the same when the exposure changes.
 */
export interface ExposureSettings {
  /**
   * One of clusterIP, nodePort, loadBalancer, ingress, tlsRoute.
   */
  type: string;
  /**
   * The port, in the host's range (30000 to 32767 where it was not changed). Default: one that the host chooses and keeps. With nodePort, ingress, tlsRoute.
   */
  port?: number;
  /**
   * Name or address of nodes in kubeconfigs for outside, and in the certificate. Further ones go into apiServerNames. Default: the address of the node that the control plane is on. With nodePort.
   */
  address?: string;
  /**
   * Annotations of the Service, which tell the host's cloud what kind of load balancer it should make. Default: none. With loadBalancer.
   */
  annotations?: Record<string, string>;
  /**
   * Whose load balancer it is. Cannot be changed while the Service is of this type. Default: the host's default. With loadBalancer.
   */
  loadBalancerClass?: string;
  /**
   * Address ranges (CIDRs) of clients that are let through, where the load balancer can tell. Default: all. With loadBalancer.
   */
  sourceRanges?: string[];
  /**
   * Name in kubeconfigs for outside, such as one that leads to the load balancer in your DNS; it is in the certificate. Default: the load balancer's address. With loadBalancer, ingress, tlsRoute.
   */
  host?: string;
  /**
   * How the controller is told to hand TLS on. With ingress.
   */
  passthrough?: TlsPassthroughSettings;
  /**
   * Class of the Ingress. Default: the host's default. With ingress.
   */
  className?: string;
  /**
   * The Gateway that the route belongs to. With tlsRoute.
   */
  gateway?: GatewayReferenceSettings;
  /**
   * Version of TLSRoute that the host has: v1 from Gateway API 1.5, v1alpha3 in 1.4, v1alpha2 before. Default: 'v1'. One of v1, v1alpha3, v1alpha2. With tlsRoute.
   */
  apiVersion?: string;
}

/**
 * How an Ingress controller is told to hand TLS on as it is.
 */
export interface TlsPassthroughSettings {
  /**
   * One of ingressNginx, haproxyIngress, haproxyTechnologies, annotations.
   */
  type: string;
  /**
   * With annotations.
   */
  annotations?: Record<string, string>;
}

/**
 * A Gateway of the host, as a route names it.
 */
export interface GatewayReferenceSettings {
  /**
   * Name of the Gateway. It needs a listener of protocol TLS and mode Passthrough that lets routes of the host namespace in.
   */
  name: string;
  /**
   * Its namespace. Default: the host namespace.
   */
  namespace?: string;
  /**
   * Which of its listeners. Default: all that fit.
   */
  sectionName?: string;
}

export interface KubeconfigSettings {
  /**
   * Name of the Secret, in the host namespace.
   */
  secretName: string;
  /**
   * Where it leads to. Default: KubeconfigServer.outside().
   */
  server?: KubeconfigServerSettings;
}

/**
 * Where a kubeconfig leads to.
 */
export interface KubeconfigServerSettings {
  /**
   * One of inside, outside, url.
   */
  type: string;
  /**
   * With url.
   */
  url?: string;
}

/**
 * When a virtual cluster sleeps: its control plane has no replica and the host none of its pods, while its store, volumes and Services stay. Two CronJobs of the host do it, with rights on this cluster's StatefulSet, anchor and on the namespace's pods. Pods of controllers come back as new ones, others start again on their node as after its restart (with `restartPolicy: Never`, they have failed). Applying the manifests again does not wake a cluster with one replica.
 */
export interface SleepScheduleSettings {
  /**
   * One of cron, outside.
   */
  type: string;
  /**
   * When it goes to sleep, as five fields of cron: 0 20 * * 1-5. With cron.
   */
  sleep?: string;
  /**
   * When it wakes, as five fields of cron. Default: it stays asleep until somebody wakes it. With cron.
   */
  wake?: string;
  /**
   * Time zone of both, by its IANA name, such as Europe/Berlin. Default: 'Etc/UTC'.
   */
  timeZone?: string;
  /**
   * When the day begins, HH:MM. With outside.
   */
  from?: string;
  /**
   * When it ends, HH:MM; before from for those who work through midnight. With outside.
   */
  to?: string;
  /**
   * Whether the cluster wakes on Saturdays and Sundays, too. Default: false. With outside.
   */
  weekends?: boolean;
}

export interface SyncSettings {
  /**
   * From the virtual cluster to the host. Default: see SyncToHostProps.
   */
  toHost?: SyncToHostSettings;
  /**
   * From the host to the virtual cluster. Default: see SyncFromHostProps.
   */
  fromHost?: SyncFromHostSettings;
  /**
   * Changes of single fields of synced objects. Default: none.
   */
  patches?: FieldPatchSettings[];
}

export interface SyncToHostSettings {
  /**
   * PersistentVolumeClaims. Default: enabled.
   */
  persistentVolumeClaims?: ClaimSyncSettings;
  /**
   * EndpointSlices of Services without a selector. Default: enabled.
   */
  endpointSlices?: EndpointSliceSyncSettings;
  /**
   * Ingresses: settings of this cluster, or an IngressSync that several share. Default: enabled.
   */
  ingresses?: IngressSettings;
  /**
   * NetworkPolicies. Default: enabled, all addresses.
   */
  networkPolicies?: NetworkPolicySyncSettings;
  /**
   * PodDisruptionBudgets: who drains a node of the host has to keep to them. A tenant can so hold a drain up for as long as it likes. Default: enabled.
   */
  podDisruptionBudgets?: SyncToggleSettings;
  /**
   * ServiceAccounts that pods use, for the identity that a cloud's annotations give them. Default: disabled.
   */
  serviceAccounts?: ServiceAccountSyncSettings;
  /**
   * PriorityClasses of the tenant. Contradicts fromHost.priorityClasses. Default: disabled.
   */
  priorityClasses?: PriorityClassSyncSettings;
  /**
   * ResourceClaims (dynamic resource allocation). Default: disabled.
   */
  resourceClaims?: SyncToggleSettings;
  /**
   * Custom resources; their definitions are copied from the host. Default: none.
   */
  customResources?: CustomResourceToHostSettings[];
}

export interface ClaimSyncSettings {
  /**
   * Whether they are synced. Without, a pod with a claim is refused. Default: true.
   */
  enabled?: boolean;
  /**
   * What becomes of the host's claim when the tenant deletes its own. Retain keeps it, also beyond the virtual cluster, and a new claim of that name gets it again; claims of ephemeral volumes always go with their pods. Default: 'Delete'. One of Delete, Retain.
   */
  deletionPolicy?: string;
}

export interface EndpointSliceSyncSettings {
  /**
   * Whether they are synced. Without, such a Service leads nowhere on the host; its name still resolves in the virtual cluster. Default: true.
   */
  enabled?: boolean;
  /**
   * Address ranges (CIDRs) that endpoints may lie in beside the virtual cluster's own pods, such as 203.0.113.0/28 of a database outside of the host. What forwards to the Service on the host reaches them with its own rights: give what every tenant may reach. Loopback, link-local and multicast addresses stay forbidden. With pod security privileged all others are allowed. Default: none.
   */
  allowedRanges?: string[];
}

export interface IngressSettings {
  /**
   * Whether they are synced. Default: true.
   */
  enabled?: boolean;
  /**
   * Rules for annotations; the first that matches decides. Then come those for well-known safe annotations of controllers, with references in them translated. All others are left out, as annotations drive the host's controllers (cert-manager, external-dns, the cloud); the tenant is told which by an event. Default: those for well-known annotations alone.
   */
  annotations?: IngressAnnotationRuleSettings[];
  /**
   * Hosts that tenants' Ingresses may claim: names, or *. and a domain for all names below it. An Ingress with another host, with a rule for every host, or with a default backend is refused. Default: every host; none with `podSecurity: restricted`.
   */
  allowedHosts?: string[];
  /**
   * Names of IngressClasses that tenants' Ingresses may have. Those that name none get the first. Default: every class.
   */
  allowedClasses?: string[];
}

/**
 * A rule for annotations of Ingresses.
 */
export interface IngressAnnotationRuleSettings {
  key: string;
  /**
   * One of allow, drop, rewrite, set.
   */
  action: string;
  /**
   * One of boolean, number, duration, size, word, words, path, url, cidrs, json, text, any. With allow.
   */
  values?: string;
  /**
   * One of secretName, secretNamespacedName, configMapName, configMapNamespacedName, serviceName, serviceNamespacedName. With rewrite.
   */
  names?: string;
  /**
   * With set.
   */
  value?: string;
}

export interface NetworkPolicySyncSettings {
  /**
   * Whether they are synced. Without, a NetworkPolicy of the tenant protects nothing. Default: true.
   */
  enabled?: boolean;
  /**
   * Address ranges, such as 203.0.113.0/24, that the tenant's policies can let its pods send to, beside its own pods. Policies add up, so that a tenant's egress: [{}] would undo a deny of yours in the host namespace. Default: all addresses.
   */
  allowedEgress?: string[];
  /**
   * Address ranges that the tenant's policies can let its pods receive from, beside its own pods. Default: all addresses.
   */
  allowedIngress?: string[];
}

/**
 * A kind that is synced or not.
 */
export interface SyncToggleSettings {
  /**
   * Whether it is synced. Default: see the property that this is the value of.
   */
  enabled?: boolean;
}

export interface ServiceAccountSyncSettings {
  /**
   * Whether each ServiceAccount that a pod uses has a twin on the host, which the pod runs as. The twin has no rights there and no pod gets its token, but for what a cloud's webhook on the host mounts. Without, all pods run as one account without rights. Default: false.
   */
  enabled?: boolean;
  /**
   * Keys of annotations that the twin has, or with a * at the end all keys that begin so. Default: those of the identities of AWS (`eks.amazonaws.com/role-arn` and others), Google Cloud (`iam.gke.io/gcp-service-account`) and Azure (`azure.workload.identity/*`).
   */
  annotations?: string[];
}

export interface PriorityClassSyncSettings {
  /**
   * Whether they are synced: pods that name one get its twin. Needs rights on all PriorityClasses of the host: a ClusterRole is made. Twins have no owner on the host: they go with the tenant's class, not with the namespace. To remove what is left of a virtual cluster that is gone, delete the PriorityClasses with its labels nestling.dev/virtual-cluster and nestling.dev/host-namespace. Default: false.
   */
  enabled?: boolean;
  /**
   * Highest value that a class has on the host; higher ones are lowered to it. Pods of a higher value preempt those of a lower one, other tenants' too, and pods without a class have 0. Default: 1000000 (at most 1000000000, above which are the system's own).
   */
  maximumValue?: number;
  /**
   * How many of them are on the host at a time, where no quota counts objects without namespace. The others wait in the virtual cluster until one goes. Default: 50.
   */
  maximumCount?: number;
}

export interface CustomResourceToHostSettings {
  /**
   * API group, such as cert-manager.io.
   */
  group: string;
  /**
   * Version, such as v1.
   */
  version: string;
  /**
   * Kind, such as Certificate.
   */
  kind: string;
  /**
   * Plural name, such as certificates.
   */
  resource: string;
  /**
   * The definition's scope. Cluster needs cluster-wide rights on the host. Default: 'Namespaced'. One of Namespaced, Cluster.
   */
  scope?: string;
  /**
   * Fields that hold names of objects. Default: none.
   */
  references?: CustomResourceReferenceSettings[];
  /**
   * Paths to label selectors (matchLabels, matchExpressions) of the tenant's objects. Default: none.
   */
  labelSelectors?: string[];
  /**
   * Paths to maps of labels that the tenant's objects must have, as spec.selector of a Service. Default: none.
   */
  labelMaps?: string[];
}

/**
 * A field of a custom resource that holds the name of another object.
 */
export interface CustomResourceReferenceSettings {
  /**
   * Where the name stands, such as spec.secretRefs[*].name; for paths see FieldPatch.
   */
  path: string;
  /**
   * What it is the name of: on the host it is replaced by the name of that object's twin. Secrets and ConfigMaps that are named so are on the host while they are.
   */
  kind: any;
  /**
   * Where the namespace of that object stands, beside the name: spec.secretRefs[*].namespace. Default: the namespace of the custom resource.
   */
  namespacePath?: string;
}

export interface SyncFromHostSettings {
  /**
   * The host's events about the tenant's objects, in the tenant's names. Default: enabled.
   */
  events?: SyncToggleSettings;
  /**
   * Nodes: a value for this cluster, or a NodeSyncPolicy that several share. Default: NodeSyncPolicy.fake().
   */
  nodes?: NodeSyncPolicySettings;
  /**
   * What the tenant's pods use, from the host's metrics server, as metrics.k8s.io in the virtual cluster: for kubectl top and HorizontalPodAutoscalers. It is there once the host has a metrics server; a node uses what the tenant's pods on it do. To be disabled where the tenant brings a metrics API of its own. Default: enabled.
   */
  metrics?: SyncToggleSettings;
  /**
   * Facts of the host's volumes behind the tenant's claims. Needs the right to read PersistentVolumes on the host. Default: disabled.
   */
  persistentVolumes?: SyncToggleSettings;
  /**
   * StorageClasses. Claims may name those that are shown, and no others; without, any of the host. Default: disabled.
   */
  storageClasses?: ViewSettings;
  /**
   * VolumeAttributesClasses, which change how fast the volume of a claim is, and what it costs. Claims may name those that are shown, and no others; without, any of the host, or none where a selector limits the StorageClasses. Default: disabled.
   */
  volumeAttributesClasses?: ViewSettings;
  /**
   * IngressClasses. Default: disabled.
   */
  ingressClasses?: ViewSettings;
  /**
   * RuntimeClasses. Without, a pod's runtimeClassName goes to the host as it is, but the virtual API server refuses a pod that names a RuntimeClass which the virtual cluster has not: the tenant makes one of that name. With, only those that are shown can be used. Default: disabled.
   */
  runtimeClasses?: ViewSettings;
  /**
   * PriorityClasses; pods that name one keep it on the host. Default: disabled.
   */
  priorityClasses?: ViewSettings;
  /**
   * Custom resources; their definitions are copied from the host. Default: none.
   */
  customResources?: CustomResourceFromHostSettings[];
}

/**
 * Which nodes the tenants of several clusters see. It makes on the host, once for all of them, what the construct of that name does; a cluster that is given it is made after it and deleted before it. Values for one cluster are those of `NodeSyncPolicy` of `nestling`.
 */
export interface NodeSyncPolicySettings {
  /**
   * One of fake, real, allNodes, nodesMatching.
   */
  type: string;
  /**
   * With nodesMatching.
   */
  selector?: Record<string, string>;
  /**
   * With nodesMatching.
   */
  enforce?: boolean;
}

export interface ViewSettings {
  /**
   * Whether tenants see them. Needs the right to read them on the host: a ClusterRole is made. Default: false.
   */
  enabled?: boolean;
  /**
   * Labels that an object of the host must have to be shown. Default: all are shown.
   */
  selector?: Record<string, string>;
}

export interface CustomResourceFromHostSettings {
  /**
   * API group, such as cert-manager.io.
   */
  group: string;
  /**
   * Version, such as v1.
   */
  version: string;
  /**
   * Kind, such as Certificate.
   */
  kind: string;
  /**
   * Plural name, such as certificates.
   */
  resource: string;
  /**
   * The definition's scope. Cluster needs cluster-wide rights on the host. Default: 'Namespaced'. One of Namespaced, Cluster.
   */
  scope?: string;
  /**
   * Labels that an object of the host must have to be shown. Default: all are shown.
   */
  selector?: Record<string, string>;
  /**
   * With scope Namespaced, which namespaces of the host are shown where. Default: none; a kind with scope `Namespaced` needs one.
   */
  namespaces?: ShownNamespaceSettings[];
}

/**
 * A namespace of the host whose objects tenants see.
 */
export interface ShownNamespaceSettings {
  /**
   * Namespace of the host. A Role and RoleBinding are made there, by which the syncer may read objects of the kind. Default: the host namespace of the virtual cluster.
   */
  host?: string;
  /**
   * Namespace of the virtual cluster that shows them, once the tenant makes it.
   */
  virtual: string;
}

/**
 * Changes of single fields. A path joins keys by dots; `[*]` stands for each element of a list or value of a map, `["key"]` for a key with other characters than letters, digits, `_`, `$` and `-`: `spec.containers[*].image`, `metadata.annotations["example.org/team"]`. What an object is (kind, name, namespace, owners, the syncer's own labels and annotations) and its status cannot be changed; of the metadata, single labels and annotations can. An object that a patch does not fit (a text where the path names a key of an object) does not go to the other side, which an event tells.
 */
export interface FieldPatchSettings {
  /**
   * Kind, such as Pod; it has to be one that is synced in that direction.
   */
  kind: string;
  /**
   * API group, for custom resources only. Default: a built-in kind.
   */
  group?: string;
  /**
   * Whether what goes to the host is changed, or what tenants see of the host's. Nothing of a change comes back. Default: 'toHost'. One of toHost, fromHost.
   */
  direction?: string;
  /**
   * Which objects. Default: all of the kind.
   */
  match?: FieldPatchMatchSettings;
  /**
   * What is done, in this order: see FieldPatch.
   */
  operations: FieldOperationSettings[];
}

/**
 * Which objects of a kind are changed; all conditions that are given have to be met.
 */
export interface FieldPatchMatchSettings {
  /**
   * Namespaces of the side that the objects come from. Default: all.
   */
  namespaces?: string[];
  /**
   * Names on the side that the objects come from. Default: all.
   */
  names?: string[];
  /**
   * Labels that the object must have. A tenant writes those of its own objects: protect nothing by them. Default: none.
   */
  selector?: Record<string, string>;
}

/**
 * One change of a field: see `FieldPatch`.
 */
export interface FieldOperationSettings {
  /**
   * One of set, append, remove, rewrite, replaceText.
   */
  op: string;
  path: string;
  /**
   * With set, append.
   */
  value?: any;
  /**
   * With rewrite.
   */
  with?: RewritingSettings;
  /**
   * With replaceText.
   */
  find?: string;
  /**
   * With replaceText.
   */
  replacement?: string;
}

/**
 * How a text is rewritten: see `Rewrite`.
 */
export interface RewritingSettings {
  /**
   * One of hostName, prefix, suffix, map.
   */
  function: string;
  /**
   * With prefix, suffix.
   */
  text?: string;
  /**
   * With map.
   */
  values?: Record<string, string>;
  /**
   * With map.
   */
  otherwise?: string;
}

export interface HostServicesSettings {
  /**
   * Services of the host that tenants' pods reach by a name, with the ClusterIP that they have on the host. One that is made anew is followed, one that goes is gone. What a tenant changes in one is undone; a Service of that name that the tenant made itself stays, and an event on it says so. Only pods reach them: the virtual API server does not, for a webhook or as a proxy. Default: none.
   */
  toVirtual?: ShownServiceSettings[];
  /**
   * Services of the tenant that have a name of your choice in the host namespace: a ClusterIP Service with the same ports and pods, with an address of its own. A Service of that name that somebody else made is left alone, and the tenant told. Default: none.
   */
  toHost?: PublishedServiceSettings[];
}

export interface ShownServiceSettings {
  /**
   * The Service of the host. It need not be there yet.
   */
  host: HostServiceReferenceSettings;
  /**
   * What it is called in the virtual cluster, once the tenant makes that namespace.
   */
  virtual: VirtualServiceReferenceSettings;
  /**
   * Whether the Service may be headless (clusterIP: None), so that its endpoints are shown: without, a headless one is not. The syncer may then read all EndpointSlices of that namespace, as RBAC cannot name those of one Service. Default: false.
   */
  headless?: boolean;
}

/**
 * A Service of the host cluster.
 */
export interface HostServiceReferenceSettings {
  /**
   * Namespace of the host. Another one than that of the virtual cluster gets a Role and a RoleBinding, by which the syncer may read this one Service there. Default: the host namespace of the virtual cluster.
   */
  namespace?: string;
  /**
   * Its name there.
   */
  name: string;
}

/**
 * A Service of the virtual cluster.
 */
export interface VirtualServiceReferenceSettings {
  /**
   * Namespace of the virtual cluster.
   */
  namespace: string;
  /**
   * Its name there.
   */
  name: string;
}

export interface PublishedServiceSettings {
  /**
   * The Service of the tenant. It needs a selector: tenants write where others lead. It need not be there yet.
   */
  virtual: VirtualServiceReferenceSettings;
  /**
   * What it is called in the host namespace of the virtual cluster.
   */
  host: PublishedServiceHostSettings;
}

export interface PublishedServiceHostSettings {
  name: string;
}
