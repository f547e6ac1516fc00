import type { Duration } from 'cdk8s';
import type { Exposure } from './exposure';
import type { HostServicesProps } from './host-services';
import type { ImageSources } from './image-sources';
import type { Isolation } from './isolation';
import type { KubeconfigProps } from './kubeconfig';
import type { KubernetesVersion } from './kubernetes-version';
import type { RightsScope } from './rights-scope';
import type { PodSecurityLevel } from './pod-security-level';
import type { ControlPlaneResources } from './resources';
import type { Scheduler } from './scheduler';
import type { SleepSchedule } from './sleep-schedule';
import type { Store } from './store';
import type { SyncProps } from './sync';

/** The virtual cluster's own DNS server. */
export interface DnsProps {
  /**
   * Whether CoreDNS is installed into the virtual cluster and its pods ask it. Without it they ask what the tenant puts behind
   * Service `kube-system/kube-dns`, else the node's DNS, which knows no Service.
   *
   * @default true
   */
  readonly enabled?: boolean;
  /**
   * Pods of CoreDNS, 1 to 50.
   *
   * @default 1
   */
  readonly replicas?: number;
  /**
   * DNS servers that are asked for names outside of the virtual cluster, such as `10.0.0.53` or `[fd00::53]:5353`; at most 15. Pods of
   * the tenant ask them by way of CoreDNS, which `isolation` lets send to port 53, and to others where it says so. The host cluster's own
   * server would answer for the addresses of the host's Services: name those that tenants need in `hostServices` instead.
   *
   * @default - those of the resolv.conf of the node that CoreDNS is on
   */
  readonly forward?: readonly string[];
}

/** What a virtual cluster is. Everything has a default. */
export interface VirtualClusterProps {
  /**
   * Name of the virtual cluster and prefix of its host objects: a DNS-1035 label of at most 52 characters without `-x-`, one
   * of its kind in the namespace. Cannot be changed after creation.
   *
   * @default - the construct's id
   */
  readonly name?: string;
  /**
   * Namespace of the host cluster that holds the control plane and the tenant's pods. Cannot be changed after creation.
   *
   * @default - the chart's namespace; synthesis fails if it has none
   */
  readonly namespace?: string;
  /**
   * Version of Kubernetes. Changing it by one minor upgrades the cluster, data kept: its pod is rolled, and starts with the store, then
   * the API server, then the controllers. The pod refuses an older minor, and one that skips others, with the reason in its log.
   *
   * @default KubernetesVersion.V1_37
   */
  readonly version?: KubernetesVersion;
  /**
   * Replicas of the control plane. With 3, each has an API server, controllers and a syncer, of which one is active, and the store three
   * members that lose nothing while two of them are there. It may go from 1 to 3 and back, data kept, while all replicas run; the API is away
   * for the seconds that one pod takes to start. Not with Store.ephemeral(), whose members lose their data with their pods.
   *
   * @default 1
   */
  readonly replicas?: 1 | 3;
  /**
   * What the cluster's objects are kept in. Cannot be changed after creation.
   *
   * @default Store.persistent()
   */
  readonly store?: Store;
  /**
   * Where images come from.
   *
   * @default ImageSources.upstream()
   */
  readonly images?: ImageSources;
  /**
   * Requests and limits of the control plane's containers.
   *
   * @default - see ControlPlaneResources
   */
  readonly resources?: ControlPlaneResources;
  /**
   * The host's range of Service addresses, which the virtual cluster shares: one range, or one IPv4 and one IPv6 range joined by
   * a comma, as kube-apiserver's flag `--service-cluster-ip-range` takes them. Cannot be changed after creation.
   *
   * @default - found by the control plane when it starts
   */
  readonly serviceCIDR?: string;
  /**
   * DNS domain of the virtual cluster. Cannot be changed after creation.
   *
   * @default 'cluster.local'
   */
  readonly clusterDomain?: string;
  /**
   * The virtual cluster's DNS server.
   *
   * @default - CoreDNS with one pod
   */
  readonly dns?: DnsProps;
  /**
   * How far the tenant is kept apart from the host and from other tenants.
   *
   * @default Isolation.baseline()
   */
  readonly isolation?: Isolation;
  /**
   * Pod Security Standard that tenants' pods must meet on the host.
   *
   * @default - that of `isolation`: PRIVILEGED with Isolation.trusted(), else BASELINE or RESTRICTED
   */
  readonly podSecurity?: PodSecurityLevel;
  /**
   * CSI drivers of the host that inline volumes of tenants' pods may use, by the names of their CSIDriver objects, such as
   * `secrets-store.csi.k8s.io`. A driver works with its own rights on what a pod's `volumeAttributes` say, and is told the
   * pod's name and ServiceAccount on the host: allow only those that were made for pods that nobody trusts. The host's objects
   * are not asked which those are: Kubernetes has no label for it (`security.openshift.io/csi-ephemeral-volume-profile` is
   * OpenShift's, whose own admission reads it), and reading them is a cluster-wide right.
   *
   * @default - none; every driver with PodSecurityLevel.PRIVILEGED
   */
  readonly allowedCSIDrivers?: readonly string[];
  /**
   * Who decides on which node a tenant's pod runs.
   *
   * @default Scheduler.host()
   */
  readonly scheduler?: Scheduler;
  /**
   * How the virtual API server is reached. Changing it leaves the tenant's pods alone.
   *
   * @default Exposure.clusterIP()
   */
  readonly exposure?: Exposure;
  /**
   * Further Secrets with a kubeconfig in the host namespace, beside Secret vc-NAME.
   *
   * @default - none
   */
  readonly kubeconfigs?: readonly KubeconfigProps[];
  /**
   * How long certificates live, 2 minutes to 10 years. They renew by themselves in the last quarter of their life, and at most 90
   * days before its end; so do those in kubeconfigs: whoever copied one needs a new copy before it ends.
   *
   * @default Duration.days(365)
   */
  readonly certificateLifetime?: Duration;
  /**
   * Further DNS names and addresses under which clients reach the API server; its certificate is valid for them.
   *
   * @default - none beside those of Service NAME
   */
  readonly apiServerNames?: readonly string[];
  /**
   * When the cluster sleeps, to cost nothing but its volumes.
   *
   * @default - never
   */
  readonly sleep?: SleepSchedule;
  /**
   * How far the rights of the cluster's syncer may reach on the host. With `RightsScope.NAMESPACE`, who may apply objects in the host
   * namespace alone can make the cluster, and synthesis refuses each feature that needs more.
   *
   * @default RightsScope.CLUSTER
   */
  readonly scope?: RightsScope;
  /**
   * Version of the host's Kubernetes, such as `1.36` or what its `kubectl version` says: synthesis then refuses a host that this release
   * was not tested on with virtual clusters of `version`.
   *
   * @default - not known, and not checked
   */
  readonly hostVersion?: string;
  /**
   * What is synced between the virtual cluster and its host, and how.
   *
   * @default - everything that needs no rights outside of the host namespace, see SyncProps
   */
  readonly sync?: SyncProps;
  /**
   * Objects that the platform puts into the virtual cluster, as plain manifests; `addManifests` and `addChart` of the construct add more.
   * They are in ConfigMap NAME-manifests of the host namespace, Secrets among them too, at most 900 KiB together (over 256 KiB `kubectl
   * apply` needs `--server-side`). The syncer watches it: a change needs no new pod. It applies them when the virtual cluster starts and
   * whenever the set changes, namespaces and definitions first; what does not go yet is tried again, and what is refused stops nothing and
   * is listed in ConfigMap `kube-system/nestling-manifests` of the virtual cluster and told there as an event. Fields that a tenant changes stay
   * the tenant's, and so does a whole object that the tenant made. What is taken from the set is deleted, but for namespaces and definitions, with
   * which the tenant's own would go; to delete the last ones leave an empty list, as without one nothing is done.
   *
   * @default - none
   */
  readonly manifests?: readonly object[];
  /**
   * Services of the host that tenants reach by name, and Services of the tenant that have a name on the host.
   *
   * @default - none
   */
  readonly hostServices?: HostServicesProps;
}
