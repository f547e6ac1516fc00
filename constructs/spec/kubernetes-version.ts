/** Images of one Kubernetes version, by their public names. */
export interface VersionImages {
  /** The store. */
  readonly etcd: string;
  /** The API server. */
  readonly kubeApiServer: string;
  /** The controllers. */
  readonly kubeControllerManager: string;
  /** The DNS server that is installed into the virtual cluster. */
  readonly coreDns: string;
}

/** Image set of every version that this release runs: the versions that its tests ran. */
const IMAGES: ReadonlyMap<string, VersionImages> = new Map([
  [
    '1.37.2',
    {
      etcd: 'registry.k8s.io/etcd:3.6.5-0',
      kubeApiServer: 'registry.k8s.io/kube-apiserver:v1.37.2',
      kubeControllerManager: 'registry.k8s.io/kube-controller-manager:v1.37.2',
      coreDns: 'registry.k8s.io/coredns/coredns:v1.14.7',
    },
  ],
]);

/** A version of Kubernetes that a virtual cluster can run. */
export class KubernetesVersion {
  /** Kubernetes 1.37, patch release 1.37.2. */
  static readonly V1_37 = KubernetesVersion.of('1.37.2');

  /** Every version that this release of Nestling runs, oldest first. */
  static get supported(): readonly string[] {
    return [...IMAGES.keys()];
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
    return IMAGES.get(this.version);
  }
}
