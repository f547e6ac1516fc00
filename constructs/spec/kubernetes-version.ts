import { KUBERNETES_VERSIONS, kubernetesVersionProblem } from '../../syncer/configuration';

/** Images of one Kubernetes version, by their public names. */
export interface VersionImages {
  /** The store. */
  readonly etcd: string;
  /** The store that stands before a database of PostgreSQL or MySQL. */
  readonly kine: string;
  /** The API server. */
  readonly kubeApiServer: string;
  /** The controllers. */
  readonly kubeControllerManager: string;
  /** The scheduler of a virtual cluster that has one of its own. */
  readonly kubeScheduler: string;
  /** The DNS server that is installed into the virtual cluster. */
  readonly coreDns: string;
}

/** What goes with every version: an upgrade of Kubernetes changes neither the store's program nor the DNS server's. */
const COMMON = {
  etcd: 'registry.k8s.io/etcd:3.6.5-0',
  kine: 'docker.io/rancher/kine:v0.14.12',
  coreDns: 'registry.k8s.io/coredns/coredns:v1.14.7',
} as const;

/** A version of Kubernetes that a virtual cluster can run. */
export class KubernetesVersion {
  /** Kubernetes 1.35, patch release 1.35.4. */
  static readonly V1_35 = KubernetesVersion.of('1.35.4');
  /** Kubernetes 1.36, patch release 1.36.3. */
  static readonly V1_36 = KubernetesVersion.of('1.36.3');
  /** Kubernetes 1.37, patch release 1.37.2. */
  static readonly V1_37 = KubernetesVersion.of('1.37.2');

  /** Every version that this release of Nestling runs, oldest first. */
  static get supported(): readonly string[] {
    return [...KUBERNETES_VERSIONS];
  }

  /**
   * A version by its number, for versions that come from elsewhere (a list of tenants, an environment variable).
   * Synthesis fails with the supported versions named if it is not one of them.
   *
   * @param version three numbers joined by dots, such as `1.37.2`
   */
  static of(version: string): KubernetesVersion {
    return new KubernetesVersion(version);
  }

  private constructor(
    /** Number of the version, such as `1.37.2`. */
    readonly version: string,
  ) {}

  /**
   * The version's images.
   *
   * @internal
   * @returns undefined if the version is not supported
   */
  get images(): VersionImages | undefined {
    if (kubernetesVersionProblem(this.version) !== undefined) return undefined;
    return {
      ...COMMON,
      kubeApiServer: `registry.k8s.io/kube-apiserver:v${this.version}`,
      kubeControllerManager: `registry.k8s.io/kube-controller-manager:v${this.version}`,
      kubeScheduler: `registry.k8s.io/kube-scheduler:v${this.version}`,
    };
  }
}
