/** A program of the test bed: where its source is and where it can be downloaded. */
export interface BinarySource {
  /** Go module that has it. */
  readonly module: string;
  readonly version: string;
  /** Go package with its `main`. */
  readonly package: string;
  /** What `-X` sets at link time, without the module's own. */
  readonly linkVariables?: Readonly<Record<string, string>>;
  /** Where a release has it; absent where none has. */
  readonly release?: {
    readonly host: string;
    /** For an operating system and architecture in Go's names. */
    readonly path: (os: string, architecture: string) => string;
    /** Where the checksum is: a file of `HASH` or of lines `HASH  NAME`. */
    readonly checksumPath: (os: string, architecture: string) => string;
    /** Path of the program within the archive; absent where the download is the program. */
    readonly member?: (os: string, architecture: string) => string;
  };
}

/** Kubernetes of the host cluster, and of the control planes that are tried on it. */
export const KUBERNETES_VERSION = 'v1.37.2';
/** The store. */
export const ETCD_VERSION = 'v3.6.5';
/** What speaks etcd's protocol before a PostgreSQL database. */
export const KINE_VERSION = 'v0.14.12';
/** The cluster's DNS. */
export const COREDNS_VERSION = 'v1.14.7';
/** The nodes' container runtime; 2.1 is the first with image volumes. */
export const CONTAINERD_VERSION = 'v2.2.9';
/** The provisioner of the default StorageClass. */
export const LOCAL_PATH_VERSION = 'v0.0.30';
/** What gives the host metrics of its pods and nodes, where a test asks for it. */
export const METRICS_SERVER_VERSION = 'v0.9.0';

/** What plays nodes and their pods. */
export const KWOK_VERSION = 'v0.8.0';

/**
 * What issues certificates in a virtual cluster, where a test asks for it. The newest minor whose module has its programs: later ones
 * are modules of their own, which nobody publishes.
 */
export const CERT_MANAGER = { module: 'github.com/cert-manager/cert-manager', version: 'v1.11.5' } as const;

/**
 * Pulumi's engine, where a test asks for it: one of the newest versions whose module resolves, as later ones require a revision of a module
 * that only its repository has.
 */
export const PULUMI_VERSION = 'v3.255.0';

/** Minors of Kubernetes that API servers can be had in, and the patch version of each. */
export const KUBERNETES_MINORS = {
  '1.35': 'v1.35.4',
  '1.36': 'v1.36.3',
  '1.37': KUBERNETES_VERSION,
} as const;

/** A minor version of Kubernetes that is tried. */
export type KubernetesMinor = keyof typeof KUBERNETES_MINORS;

/** The minor of {@link KUBERNETES_VERSION}, which everything runs on that asks for no other. */
export const KUBERNETES_MINOR: KubernetesMinor = '1.37';

const component = 'k8s.io/component-base/version.';

function kubernetes(
  name: string,
  path = `cmd/${name}`,
  { released = true, version = KUBERNETES_VERSION as string } = {},
): BinarySource {
  const [major = '', minor = ''] = version.slice(1).split('.');
  const download = (os: string, architecture: string): string =>
    `/release/${version}/bin/${os}/${architecture}/${name}`;
  return {
    module: 'k8s.io/kubernetes',
    version,
    package: `k8s.io/kubernetes/${path}`,
    linkVariables: {
      [`${component}gitVersion`]: version,
      [`${component}gitMajor`]: major,
      [`${component}gitMinor`]: minor,
      [`${component}gitTreeState`]: 'clean',
    },
    ...(released && {
      release: { host: 'dl.k8s.io', path: download, checksumPath: (os, arch) => `${download(os, arch)}.sha256` },
    }),
  };
}

const etcdArchive = (os: string, architecture: string): string => `etcd-${ETCD_VERSION}-${os}-${architecture}`;
const etcdRelease = `/etcd-io/etcd/releases/download/${ETCD_VERSION}`;
const corednsArchive = (os: string, architecture: string): string =>
  `/coredns/coredns/releases/download/${COREDNS_VERSION}/coredns_${COREDNS_VERSION.slice(1)}_${os}_${architecture}.tgz`;

/** containerd has no release that one file of serves on every Linux: its programs are always built, static. */
function containerd(name: string): BinarySource {
  const module = 'github.com/containerd/containerd/v2';
  return {
    module,
    version: CONTAINERD_VERSION,
    package: `${module}/cmd/${name}`,
    linkVariables: { [`${module}/version.Version`]: CONTAINERD_VERSION },
  };
}

function certManager(name: string): BinarySource {
  return { ...CERT_MANAGER, package: `${CERT_MANAGER.module}/cmd/${name}` };
}

/** Every program that the test bed and the images made for it need. */
export const BINARIES = {
  'kube-apiserver': kubernetes('kube-apiserver'),
  'kube-controller-manager': kubernetes('kube-controller-manager'),
  'kube-scheduler': kubernetes('kube-scheduler'),
  kubelet: kubernetes('kubelet'),
  'kube-proxy': kubernetes('kube-proxy'),
  kubectl: kubernetes('kubectl'),
  agnhost: kubernetes('agnhost', 'test/images/agnhost', { released: false }),
  'dra-test-driver': kubernetes('dra-test-driver', 'test/e2e/dra/test-driver', { released: false }),
  containerd: containerd('containerd'),
  'containerd-shim-runc-v2': containerd('containerd-shim-runc-v2'),
  ctr: containerd('ctr'),
  etcd: {
    module: 'go.etcd.io/etcd/server/v3',
    version: ETCD_VERSION,
    package: 'go.etcd.io/etcd/server/v3',
    release: {
      host: 'github.com',
      path: (os, architecture) => `${etcdRelease}/${etcdArchive(os, architecture)}.tar.gz`,
      checksumPath: () => `${etcdRelease}/SHA256SUMS`,
      member: (os, architecture) => `${etcdArchive(os, architecture)}/etcd`,
    },
  },
  kine: {
    module: 'github.com/k3s-io/kine',
    version: KINE_VERSION,
    package: 'github.com/k3s-io/kine',
  },
  coredns: {
    module: 'github.com/coredns/coredns',
    version: COREDNS_VERSION,
    package: 'github.com/coredns/coredns',
    release: {
      host: 'github.com',
      path: corednsArchive,
      checksumPath: (os, architecture) => `${corednsArchive(os, architecture)}.sha256`,
      member: () => 'coredns',
    },
  },
  'local-path-provisioner': {
    module: 'github.com/rancher/local-path-provisioner',
    version: LOCAL_PATH_VERSION,
    package: 'github.com/rancher/local-path-provisioner',
  },
  'metrics-server': {
    module: 'sigs.k8s.io/metrics-server',
    version: METRICS_SERVER_VERSION,
    package: 'sigs.k8s.io/metrics-server/cmd/metrics-server',
  },
  kwok: { module: 'sigs.k8s.io/kwok', version: KWOK_VERSION, package: 'sigs.k8s.io/kwok/cmd/kwok' },
  'cert-manager-controller': certManager('controller'),
  'cert-manager-webhook': certManager('webhook'),
  'cert-manager-cainjector': certManager('cainjector'),
  pulumi: {
    module: 'github.com/pulumi/pulumi/pkg/v3',
    version: PULUMI_VERSION,
    package: 'github.com/pulumi/pulumi/pkg/v3/cmd/pulumi',
    linkVariables: { 'github.com/pulumi/pulumi/sdk/v3/go/common/version.Version': PULUMI_VERSION },
  },
} as const satisfies Record<string, BinarySource>;

/** The name of a program of the test bed. */
export type BinaryName = keyof typeof BINARIES;

/** All names, in the order in which they are built. */
export const BINARY_NAMES = Object.keys(BINARIES) as BinaryName[];

/** Programs of Kubernetes that can be had in several minors: what an API server without nodes consists of. */
const IN_SEVERAL_MINORS: ReadonlySet<BinaryName> = new Set([
  'kube-apiserver',
  'kube-controller-manager',
  'kube-scheduler',
]);

/** Where a program of a minor of Kubernetes comes from; for a program that goes with every minor, where that comes from. */
export function binarySource(name: BinaryName, minor: KubernetesMinor = KUBERNETES_MINOR): BinarySource {
  if (minor === KUBERNETES_MINOR || !IN_SEVERAL_MINORS.has(name)) return BINARIES[name];
  return kubernetes(name, undefined, { version: KUBERNETES_MINORS[minor] });
}
