/** Places inside the control-plane pod that configuration files name. */
export interface PodLayout {
  /** Folder in which the API server's container sees its files; absolute. */
  readonly apiServerDirectory: string;
  /** Unix socket of the egress gate. */
  readonly egressSocket: string;
  /** Port of the API server. */
  readonly apiServerPort: number;
  /** Port of the admission webhook on 127.0.0.1. */
  readonly admissionPort: number;
}

/** Places as the control-plane pod has them. */
export const POD_LAYOUT: PodLayout = {
  apiServerDirectory: '/etc/nestling',
  egressSocket: '/run/nestling/egress.sock',
  apiServerPort: 6443,
  admissionPort: 9443,
};

/** Folder of webhook manifests below the API server's. */
export const STATIC_MANIFESTS = 'admission';

/** Paths that the kubelet probes without credentials; everything else needs them. */
const ANONYMOUS_PATHS = ['/livez', '/readyz', '/healthz'];

/** Longest that the API server waits for the syncer's answer about a Service. */
const ADMISSION_TIMEOUT_SECONDS = 10;

/**
 * `--egress-selector-config-file`: nodes, webhooks and aggregated APIs are reached only through the syncer's gate, the store
 * directly.
 */
export function egressSelectorConfiguration({ egressSocket }: PodLayout): string {
  const gate = { proxyProtocol: 'HTTPConnect', transport: { uds: { udsName: egressSocket } } };
  return yaml({
    apiVersion: 'apiserver.k8s.io/v1beta1',
    kind: 'EgressSelectorConfiguration',
    egressSelections: [
      { name: 'cluster', connection: gate },
      { name: 'controlplane', connection: gate },
      { name: 'etcd', connection: { proxyProtocol: 'Direct' } },
    ],
  });
}

/** `--authentication-config`: anonymous requests reach the health paths only (the exact paths, no sub-paths). */
export function authenticationConfiguration(): string {
  return yaml({
    apiVersion: 'apiserver.config.k8s.io/v1',
    kind: 'AuthenticationConfiguration',
    anonymous: { enabled: true, conditions: ANONYMOUS_PATHS.map((path) => ({ path })) },
  });
}

/** `--admission-control-config-file`: webhooks from manifests, which tenants can neither see nor delete. */
export function admissionConfiguration({ apiServerDirectory }: PodLayout): string {
  return yaml({
    apiVersion: 'apiserver.config.k8s.io/v1',
    kind: 'AdmissionConfiguration',
    plugins: [
      {
        name: 'MutatingAdmissionWebhook',
        configuration: {
          apiVersion: 'apiserver.config.k8s.io/v1',
          kind: 'WebhookAdmissionConfiguration',
          staticManifestsDir: `${apiServerDirectory}/${STATIC_MANIFESTS}`,
        },
      },
    ],
  });
}

/** The webhook that gives every Service its host address before it is stored. */
export function serviceWebhook(
  { admissionPort }: PodLayout,
  { path, certificateAuthority }: { readonly path: string; readonly certificateAuthority: string },
): string {
  return yaml({
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'MutatingWebhookConfiguration',
    // The API server demands this suffix of manifests.
    metadata: { name: 'services.nestling.dev.static.k8s.io' },
    webhooks: [
      {
        name: 'services.nestling.dev',
        clientConfig: {
          url: `https://127.0.0.1:${admissionPort}/${path}/services`,
          caBundle: Buffer.from(certificateAuthority, 'utf8').toString('base64'),
        },
        rules: [
          {
            apiGroups: [''],
            apiVersions: ['v1'],
            resources: ['services'],
            operations: ['CREATE', 'UPDATE'],
            scope: 'Namespaced',
          },
        ],
        failurePolicy: 'Fail',
        matchPolicy: 'Equivalent',
        // A dry run reserves nothing on the host.
        sideEffects: 'NoneOnDryRun',
        // Webhooks of manifests run first. When a tenant's own webhook changes the Service after this one, the host has to
        // allocate for what is stored (a node port, say): otherwise both API servers would choose one.
        reinvocationPolicy: 'IfNeeded',
        timeoutSeconds: ADMISSION_TIMEOUT_SECONDS,
        admissionReviewVersions: ['v1'],
      },
    ],
  });
}

/** JSON, which is YAML: the syncer imports this room and needs no YAML library for anything else. */
function yaml(document: object): string {
  return `${JSON.stringify(document, undefined, 2)}\n`;
}
