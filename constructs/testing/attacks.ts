import { explain, type Explanation, type TenantManifest } from '../explain';
import { rights } from '../rights';
import type { VirtualCluster } from '../virtual-cluster';

/**
 * Where an attack has to be stopped: always, whatever the platform allows; from Pod Security `baseline` or `restricted` on; or where the
 * platform chose an option against it.
 */
export type StoppedAt = 'always' | 'baseline' | 'restricted' | 'option';

/** Something that a tenant may try, as far as its manifests and the host's roles tell whether it would succeed. */
export interface Attack {
  /** Number in docs/security.md. */
  readonly number: number;
  /** What is tried. */
  readonly title: string;
  /** Where it has to be stopped. */
  readonly stoppedAt: StoppedAt;
  /** How it succeeds on the host of a cluster; undefined where it is stopped. */
  readonly success: (cluster: VirtualCluster) => string | undefined;
}

/** A pod of a tenant, harmless but for what is given. */
function pod(
  spec: object,
  { containers = [{}], metadata = {} }: { containers?: object[]; metadata?: object } = {},
): TenantManifest {
  const harmless = { image: 'registry.example.com/web:1' };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'web', namespace: 'shop', ...metadata },
    spec: {
      ...spec,
      containers: containers.map((container, index) => ({ name: `c${index}`, ...harmless, ...container })),
    },
  } as TenantManifest;
}

const object = (apiVersion: string, kind: string, body: object, metadata: object = {}): TenantManifest => ({
  apiVersion,
  kind,
  metadata: { name: 'web', namespace: 'shop', ...metadata },
  ...body,
});

/** The attack succeeds where the object goes to the host at all. */
function mustBeRefused(number: number, title: string, stoppedAt: StoppedAt, ...manifests: TenantManifest[]): Attack {
  return {
    number,
    title,
    stoppedAt,
    success: (cluster) =>
      manifests.some((manifest) => explain(manifest, cluster).outcome === 'synced')
        ? 'the host gets the object'
        : undefined,
  };
}

/** The attack succeeds where the host's object has what it must not have. */
function mustNotHave(
  number: number,
  title: string,
  stoppedAt: StoppedAt,
  manifest: TenantManifest,
  isHarmful: (host: HostObject, explanation: Explanation, cluster: VirtualCluster) => boolean,
): Attack {
  return {
    number,
    title,
    stoppedAt,
    success: (cluster) => {
      const explanation = explain(manifest, cluster);
      if (explanation.outcome !== 'synced') return undefined;
      const host = explanation.hostObject as unknown as HostObject;
      return isHarmful(host, explanation, cluster) ? 'the host object has it' : undefined;
    },
  };
}

interface HostObject {
  readonly metadata: {
    readonly name: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly annotations: Readonly<Record<string, string>>;
  };
  readonly spec: Readonly<Record<string, unknown>>;
}

/** A value that a tenant wrote, anywhere in the spec of the host's object as a text of its own. */
const holds = ({ spec }: HostObject, value: string): boolean => JSON.stringify(spec).includes(JSON.stringify(value));

const volume = (source: object): TenantManifest => pod({ volumes: [{ name: 'v', ...source }] });
const security = (securityContext: object): TenantManifest => pod({}, { containers: [{ securityContext }] });
const ingress = (host: string | undefined, annotations: object = {}): TenantManifest => {
  const backend = { service: { name: 'web', port: { number: 80 } } };
  const http = { paths: [{ path: '/', pathType: 'Prefix', backend }] };
  return object(
    'networking.k8s.io/v1',
    'Ingress',
    { spec: { rules: [{ ...(host === undefined ? {} : { host }), http }] } },
    { annotations },
  );
};

const SECRET_OF_HOST = 'victim-credentials';
const FOREIGN = 'foreign.invalid';

/**
 * The attacks of docs/security.md that are decided before anything runs: by what becomes of a manifest, and by the roles on the host. Those
 * that need packets, a kubelet or a store are run against a running cluster by this project's own tests.
 */
export const ATTACKS: readonly Attack[] = [
  mustBeRefused(1, 'a hostPath volume', 'baseline', volume({ hostPath: { path: '/' } })),
  mustBeRefused(3, 'a privileged container', 'baseline', security({ privileged: true })),
  mustBeRefused(4, 'further capabilities', 'baseline', security({ capabilities: { add: ['SYS_ADMIN'] } })),
  mustBeRefused(4, 'an unmasked /proc', 'baseline', security({ procMount: 'Unmasked' })),
  mustBeRefused(
    4,
    'an unsafe sysctl',
    'baseline',
    pod({ securityContext: { sysctls: [{ name: 'kernel.msgmax', value: '1' }] } }),
  ),
  mustBeRefused(4, 'privilege escalation', 'restricted', security({ allowPrivilegeEscalation: true })),
  ...(['hostNetwork', 'hostPID', 'hostIPC'] as const).map((field) =>
    mustBeRefused(5, field, 'baseline', pod({ [field]: true })),
  ),
  mustBeRefused(
    5,
    'a port of the node',
    'baseline',
    pod({}, { containers: [{ ports: [{ containerPort: 80, hostPort: 80 }] }] }),
  ),
  mustNotHave(
    6,
    'a node by its name, past the scheduler',
    'always',
    pod({ nodeName: 'control-plane' }),
    ({ spec }) => spec['nodeName'] !== undefined,
  ),
  mustBeRefused(7, 'a toleration of every taint', 'baseline', pod({ tolerations: [{ operator: 'Exists' }] })),
  mustBeRefused(
    7,
    'a toleration of the control plane’s taint',
    'baseline',
    pod({ tolerations: [{ key: 'node-role.kubernetes.io/control-plane', operator: 'Exists', effect: 'NoSchedule' }] }),
  ),
  mustNotHave(
    9,
    'a priority of the system',
    'baseline',
    pod({ priorityClassName: 'system-node-critical', priority: 2_000_001_000 }),
    ({ spec }) => spec['priority'] !== undefined || String(spec['priorityClassName'] ?? '').startsWith('system-'),
  ),
  mustNotHave(
    11,
    'a ServiceAccount of the host',
    'always',
    pod({ serviceAccountName: 'vc', serviceAccount: 'vc' }),
    (host, _, cluster) => {
      const accounts = [cluster.serviceAccountName, 'vc'];
      return (
        accounts.includes(String(host.spec['serviceAccountName'])) ||
        accounts.includes(String(host.spec['serviceAccount']))
      );
    },
  ),
  mustNotHave(
    11,
    'a token of the host',
    'always',
    pod({ automountServiceAccountToken: true }),
    ({ spec }) => spec['automountServiceAccountToken'] !== false,
  ),
  mustNotHave(
    12,
    'a projected token of the host',
    'always',
    volume({ projected: { sources: [{ serviceAccountToken: { path: 'token' } }] } }),
    ({ spec }) => JSON.stringify(spec).includes('"serviceAccountToken"'),
  ),
  mustNotHave(
    14,
    'a Secret of the host in a volume',
    'always',
    volume({ secret: { secretName: SECRET_OF_HOST } }),
    (host) => holds(host, SECRET_OF_HOST),
  ),
  mustNotHave(
    14,
    'a Secret of the host in a variable',
    'always',
    pod(
      {},
      { containers: [{ env: [{ name: 'A', valueFrom: { secretKeyRef: { name: SECRET_OF_HOST, key: 'a' } } }] }] },
    ),
    (host) => holds(host, SECRET_OF_HOST),
  ),
  mustNotHave(
    14,
    'a Secret of the host to pull images',
    'always',
    pod({ imagePullSecrets: [{ name: SECRET_OF_HOST }] }),
    (host) => holds(host, SECRET_OF_HOST),
  ),
  {
    number: 15,
    title: 'two objects whose names on the host are one',
    stoppedAt: 'always',
    success: (cluster) => {
      const nameOf = (name: string, namespace: string) =>
        (explain(pod({}, { metadata: { name, namespace } }), cluster).hostObject as unknown as HostObject | undefined)
          ?.metadata.name;
      const one = nameOf('a-x-b', 'c');
      return one !== undefined && one === nameOf('a', 'b-x-c') ? `both are ${one}` : undefined;
    },
  },
  mustNotHave(
    16,
    'labels by which the syncer knows its own',
    'always',
    pod(
      {},
      { metadata: { labels: { 'nestling.dev/virtual-cluster': 'victim', 'nestling.dev/control-plane': 'victim' } } },
    ),
    ({ metadata }, _, cluster) =>
      metadata.labels['nestling.dev/virtual-cluster'] !== cluster.name ||
      'nestling.dev/control-plane' in metadata.labels,
  ),
  mustNotHave(
    17,
    'a label that a selector on the host looks for',
    'always',
    pod({}, { metadata: { labels: { app: 'victim' } } }),
    ({ metadata }) => 'app' in metadata.labels,
  ),
  mustNotHave(
    18,
    'an annotation that drives a controller of the host',
    'baseline',
    pod(
      {},
      { metadata: { annotations: { 'argocd.argoproj.io/tracking-id': 'victim', 'sidecar.istio.io/inject': 'false' } } },
    ),
    ({ metadata }) =>
      Object.keys(metadata.annotations).some((key) => key.startsWith('argocd.') || key.startsWith('sidecar.')),
  ),
  mustNotHave(
    19,
    'traffic of any address (CVE-2020-8554)',
    'baseline',
    object('v1', 'Service', { spec: { selector: { app: 'web' }, ports: [{ port: 443 }], externalIPs: ['192.0.2.1'] } }),
    ({ spec }) => spec['externalIPs'] !== undefined,
  ),
  mustNotHave(
    20,
    'an address of a load balancer that is meant for another',
    'baseline',
    object('v1', 'Service', { spec: { type: 'LoadBalancer', ports: [{ port: 443 }], loadBalancerIP: '192.0.2.1' } }),
    ({ spec }) => spec['loadBalancerIP'] !== undefined,
  ),
  mustBeRefused(
    21,
    'an ExternalName that leads into the host',
    'baseline',
    object('v1', 'Service', { spec: { type: 'ExternalName', externalName: 'kubernetes.default.svc.cluster.local' } }),
  ),
  mustBeRefused(23, 'the host name of another tenant', 'option', ingress(FOREIGN)),
  mustBeRefused(23, 'every host name', 'option', ingress(undefined)),
  mustBeRefused(
    24,
    'a snippet of an ingress controller’s configuration',
    'baseline',
    ingress('web.example.com', { 'nginx.ingress.kubernetes.io/configuration-snippet': 'return 200;' }),
  ),
  mustNotHave(
    26,
    'a policy that lets everything out',
    'baseline',
    object('networking.k8s.io/v1', 'NetworkPolicy', {
      spec: { podSelector: {}, policyTypes: ['Egress'], egress: [{}] },
    }),
    ({ spec }) => JSON.stringify(spec['egress']) === '[{}]',
  ),
  mustBeRefused(
    33,
    'a volume that is cloned by the kubelet (CVE-2024-10220)',
    'baseline',
    volume({ gitRepo: { repository: 'https://example.com/a' } }),
  ),
  mustBeRefused(
    33,
    'a volume by a program of the node',
    'baseline',
    volume({ flexVolume: { driver: 'example.com/a' } }),
  ),
  mustBeRefused(
    33,
    'an inline volume of an unknown driver',
    'baseline',
    volume({ csi: { driver: 'unknown.example.com' } }),
  ),
  {
    number: 28,
    title: 'every pod of a node by its kubelet (nodes/proxy)',
    stoppedAt: 'always',
    success: (cluster) => grantedTo(cluster, ({ resources }) => resources.includes('nodes/proxy')),
  },
  {
    number: 39,
    title: 'rights of the syncer beyond what its kinds need',
    stoppedAt: 'always',
    success: (cluster) =>
      grantedTo(
        cluster,
        ({ who, namespace, resources, verbs, group }) =>
          who === 'tenant pods' ||
          [group, ...resources, ...verbs].includes('*') ||
          (group === 'rbac.authorization.k8s.io' && verbs.some((verb) => !['get', 'list', 'watch'].includes(verb))) ||
          verbs.some((verb) => ['escalate', 'bind', 'impersonate'].includes(verb)) ||
          // Of the whole host, what holds data of others.
          (namespace === undefined &&
            resources.some((resource) => /^(secrets|configmaps|pods|serviceaccounts)\b/.test(resource))),
      ),
  },
];

function grantedTo(
  cluster: VirtualCluster,
  isHarmful: (right: ReturnType<typeof rights>['rights'][number]) => boolean,
): string | undefined {
  const right = rights(cluster).rights.find(isHarmful);
  return right && `${right.role} gives ${right.verbs.join(', ')} on ${right.resources.join(', ')} to the ${right.who}`;
}
