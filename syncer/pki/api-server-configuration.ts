import type { ServiceWebhookWay } from '../configuration';

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

/** Name of the Service webhook. */
export const SERVICE_WEBHOOK = 'services.nestling.dev';

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

/**
 * `--admission-control-config-file`: webhooks from manifests, which tenants can neither see nor delete, where the API server's version
 * reads them.
 */
export function admissionConfiguration({ apiServerDirectory }: PodLayout, way: ServiceWebhookWay): string {
  const apiVersion = 'apiserver.config.k8s.io/v1';
  const kind = 'AdmissionConfiguration';
  if (way === 'object') return yaml({ apiVersion, kind, plugins: [] });
  return yaml({
    apiVersion,
    kind,
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

/** What a webhook's caller must know of the admission server. */
export interface AdmissionAccess {
  /** First segment of its paths. */
  readonly path: string;
  /** PEM of the authority of its certificate. */
  readonly certificateAuthority: string;
}

/**
 * The webhook that gives every Service its host address before it is stored, as the API server shows it: with every field that it would
 * add itself, so that a change by a tenant can be told from those.
 */
export function serviceWebhook(
  { admissionPort }: PodLayout,
  { path, certificateAuthority }: AdmissionAccess,
  way: ServiceWebhookWay,
): string {
  return yaml({
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'MutatingWebhookConfiguration',
    // The API server demands the suffix of manifests, and refuses it for objects.
    metadata: { name: way === 'object' ? SERVICE_WEBHOOK : `${SERVICE_WEBHOOK}.static.k8s.io` },
    webhooks: [
      {
        name: SERVICE_WEBHOOK,
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
        namespaceSelector: {},
        objectSelector: {},
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
