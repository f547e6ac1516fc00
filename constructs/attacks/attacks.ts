/*
 * Forty things that a tenant with all rights in its virtual cluster tries against the host, the platform and other tenants. Pure data:
 * what is attempted, what becomes of it, and what a tenant may do instead, which must go on working. It is the only list: docs/security.md
 * shows it to people, test/e2e/attacks.test.ts makes every attempt on a real node, and `nestling/testing` holds users' own
 * configurations to what of it shows before anything runs.
 */

/**
 * Where an attack has to be stopped: always, whatever the platform allows; from isolation `baseline` or `restricted` on; or where the
 * platform chose an option against it.
 */
export type StoppedAt = 'always' | 'baseline' | 'restricted' | 'option';

/** What of a platform's own settings an attempt needs to be one. */
export type AttackSetting = 'enforcedNodes' | 'shownRuntimeClasses' | 'cappedPriorities';

/**
 * An object as a tenant writes it, without namespace. `{cluster}` stands for the name of the virtual cluster, `{host}` for a host name
 * that the platform lets its Ingresses have, `{class}` for a class of Ingresses that it may use.
 */
export interface AttackManifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly [field: string]: unknown;
}

/** What becomes of an object. */
export type Outcome =
  /** The tenant's API server takes it, nothing of it is on the host, and an event of the object contains the text. */
  | { readonly outcome: 'refused'; readonly says: string }
  /** The tenant's API server does not take it; the answer contains the text. */
  | { readonly outcome: 'rejected'; readonly says: string }
  /**
   * It is on the host, without the fields of `without` (paths of keys) and with none of the texts of `nowhere` anywhere in it, whatever the
   * platform has set; and with these fields (of a list, each element is somewhere), as the platform of test/e2e/attacks.test.ts has it.
   */
  | {
      readonly outcome: 'onHost';
      readonly with?: object;
      readonly without?: readonly (readonly string[])[];
      readonly nowhere?: readonly string[];
    };

/** One object, and what becomes of it. */
export interface Attempt {
  readonly manifest: AttackManifest;
  readonly becomes: Outcome;
  /** What becomes of it says nothing of other configurations: the host's own state decides, or what the platform of the tests has set. */
  readonly onlyLive?: true;
}

/** An attack with its positive counterpart. */
export interface Attack {
  /** Stays the same for good. */
  readonly id: number;
  readonly title: string;
  readonly stoppedAt: StoppedAt;
  /** What stops it, in a sentence. */
  readonly how: string;
  readonly setting?: AttackSetting;
  /** Stopped at that level where the platform says which hosts the tenant's Ingresses may have. */
  readonly givenHosts?: true;
  /** Objects that are attacks. Empty where none is, and only what runs shows it. */
  readonly attempts: readonly Attempt[];
  /** What level restricted stops beside. */
  readonly atRestricted?: readonly Attempt[];
  /** Objects that look much the same and must work. */
  readonly legitimate: readonly Attempt[];
}

interface Fields {
  readonly [field: string]: unknown;
}

/** Meets the Pod Security Standard `restricted`. */
const careful = {
  securityContext: { runAsNonRoot: true, runAsUser: 1000, seccompProfile: { type: 'RuntimeDefault' } },
  terminationGracePeriodSeconds: 1,
};
const container = (more: Fields = {}): Fields => ({
  name: 'main',
  image: 'docker.io/library/busybox:1.35',
  command: ['sleep', '3600'],
  securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
  ...more,
});
const pod = (
  name: string,
  spec: Fields = {},
  metadata: Omit<AttackManifest['metadata'], 'name'> = {},
): AttackManifest => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, ...metadata },
  spec: { ...careful, containers: [container()], ...spec },
});
const withContext = (securityContext: Fields): Fields => ({ containers: [container({ securityContext })] });
const withVolume = (volume: Fields): Fields => ({ volumes: [{ name: 'data', ...volume }] });
const service = (
  name: string,
  spec: Fields,
  metadata: Omit<AttackManifest['metadata'], 'name'> = {},
): AttackManifest => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name, ...metadata },
  spec: { ports: [{ port: 80 }], ...spec },
});
const ingress = (
  name: string,
  host: string,
  { annotations, ...spec }: Fields & { readonly annotations?: Readonly<Record<string, string>> } = {},
  path = '/',
): AttackManifest => ({
  apiVersion: 'networking.k8s.io/v1',
  kind: 'Ingress',
  metadata: { name, ...(annotations && { annotations }) },
  spec: {
    ingressClassName: '{class}',
    rules: [
      {
        host,
        http: {
          paths: [
            { path, pathType: 'ImplementationSpecific', backend: { service: { name: 'web', port: { number: 80 } } } },
          ],
        },
      },
    ],
    ...spec,
  },
});
const refused = (manifest: AttackManifest, says: string): Attempt => ({
  manifest,
  becomes: { outcome: 'refused', says },
});
const rejected = (manifest: AttackManifest, says: string): Attempt => ({
  manifest,
  becomes: { outcome: 'rejected', says },
});
const onHost = (manifest: AttackManifest, rest: Omit<Outcome & { outcome: 'onHost' }, 'outcome'> = {}): Attempt => ({
  manifest,
  becomes: { outcome: 'onHost', ...rest },
});

const onlyLive = (attempt: Attempt): Attempt => ({ ...attempt, onlyLive: true });

/** Nothing but an emptyDir. */
const plainPod = (name: string): Attempt => onHost(pod(name, withVolume({ emptyDir: {} })));
/** Stands for a host name that the tenant may have. */
const OWN_HOST = '{host}';

/** All attacks, by id. */
export const ATTACKS: readonly Attack[] = [
  {
    id: 1,
    title: 'A directory of the node as a volume (hostPath)',
    stoppedAt: 'baseline',
    how: 'Volume types are a list of those that reach nothing outside of the tenant; the pod gets an event and no twin.',
    attempts: [refused(pod('a1-root', withVolume({ hostPath: { path: '/' } })), 'spec.volumes[0].hostPath')],
    legitimate: [plainPod('a1-plain')],
  },
  {
    id: 2,
    title: 'A directory of the node through a PersistentVolume of the tenant',
    stoppedAt: 'baseline',
    how: "Volumes are the host's: a PersistentVolume of the tenant never goes there, and a claim that names one is refused.",
    attempts: [
      refused(
        {
          apiVersion: 'v1',
          kind: 'PersistentVolumeClaim',
          metadata: { name: 'a2-node' },
          spec: {
            accessModes: ['ReadWriteOnce'],
            storageClassName: '',
            volumeName: 'a2-node',
            resources: { requests: { storage: '1Mi' } },
          },
        },
        'spec.volumeName',
      ),
    ],
    legitimate: [
      onHost({
        apiVersion: 'v1',
        kind: 'PersistentVolumeClaim',
        metadata: { name: 'a2-plain' },
        spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Mi' } } },
      }),
    ],
  },
  {
    id: 3,
    title: 'A privileged container',
    stoppedAt: 'baseline',
    how: 'Pod Security on the translated pod, all of its containers.',
    attempts: [
      refused(pod('a3-privileged', withContext({ privileged: true })), 'securityContext.privileged'),
      refused(
        pod('a3-init', { initContainers: [container({ name: 'before', securityContext: { privileged: true } })] }),
        'spec.initContainers[0].securityContext.privileged',
      ),
    ],
    legitimate: [plainPod('a3-plain')],
  },
  {
    id: 4,
    title: 'Added capabilities, an unmasked /proc, sysctls of the node',
    stoppedAt: 'baseline',
    how: 'Pod Security on the translated pod; privilege escalation is denied at level restricted.',
    attempts: [
      refused(pod('a4-capability', withContext({ capabilities: { add: ['SYS_ADMIN'] } })), 'capabilities.add[0]'),
      refused(
        pod('a4-sysctl', { securityContext: { sysctls: [{ name: 'kernel.msgmax', value: '1' }] } }),
        'sysctls[0].name',
      ),
      // Without a namespace of users of its own; with one, the Pod Security Standard lets it pass below restricted.
      rejected(pod('a4-proc', withContext({ procMount: 'Unmasked' })), 'hostUsers'),
    ],
    atRestricted: [
      refused(
        pod('a4-users-proc', {
          hostUsers: false,
          containers: [
            container({
              securityContext: {
                allowPrivilegeEscalation: false,
                capabilities: { drop: ['ALL'] },
                procMount: 'Unmasked',
              },
            }),
          ],
        }),
        'securityContext.procMount',
      ),
      refused(pod('a4-escalation', withContext({ allowPrivilegeEscalation: true })), 'allowPrivilegeEscalation'),
    ],
    legitimate: [
      onHost(
        pod('a4-plain', {
          containers: [
            container({
              securityContext: {
                allowPrivilegeEscalation: false,
                capabilities: { drop: ['ALL'], add: ['NET_BIND_SERVICE'] },
              },
            }),
          ],
        }),
      ),
    ],
  },
  {
    id: 5,
    title: 'The network, processes, memory or a port of the node',
    stoppedAt: 'baseline',
    how: 'Pod Security on the translated pod.',
    attempts: [
      refused(pod('a5-network', { hostNetwork: true }), 'spec.hostNetwork'),
      refused(pod('a5-processes', { hostPID: true }), 'spec.hostPID'),
      refused(pod('a5-memory', { hostIPC: true }), 'spec.hostIPC'),
      refused(
        pod('a5-port', { containers: [container({ ports: [{ containerPort: 80, hostPort: 80 }] })] }),
        'ports[0].hostPort',
      ),
    ],
    legitimate: [onHost(pod('a5-plain', { containers: [container({ ports: [{ containerPort: 80 }] })] }))],
  },
  {
    id: 6,
    title: 'A node by its name, past scheduler and taints (spec.nodeName)',
    stoppedAt: 'always',
    how: "The name becomes a node affinity: the host's scheduler places every pod.",
    attempts: [
      onHost(pod('a6-pinned', { nodeName: 'somewhere' }), {
        with: {
          spec: {
            affinity: {
              nodeAffinity: {
                requiredDuringSchedulingIgnoredDuringExecution: {
                  nodeSelectorTerms: [
                    { matchFields: [{ key: 'metadata.name', operator: 'In', values: ['somewhere'] }] },
                  ],
                },
              },
            },
          },
        },
        without: [['spec', 'nodeName']],
      }),
    ],
    legitimate: [onHost(pod('a6-plain', { nodeSelector: { 'kubernetes.io/os': 'linux' } }))],
  },
  {
    id: 7,
    title: 'Tolerations of the taints of control planes, or of every taint',
    stoppedAt: 'baseline',
    how: 'Only taints that Kubernetes sets by itself may be tolerated, and those that the platform names.',
    attempts: [
      refused(
        pod('a7-control-plane', {
          tolerations: [{ key: 'node-role.kubernetes.io/control-plane', operator: 'Exists', effect: 'NoSchedule' }],
        }),
        'spec.tolerations[0].key',
      ),
      refused(pod('a7-all', { tolerations: [{ operator: 'Exists' }] }), 'spec.tolerations[0]'),
    ],
    legitimate: [
      onHost(
        pod('a7-plain', {
          tolerations: [{ key: 'node.kubernetes.io/disk-pressure', operator: 'Exists', effect: 'NoSchedule' }],
        }),
      ),
    ],
  },
  {
    id: 8,
    title: 'Nodes of somebody else by selector or affinity',
    stoppedAt: 'option',
    how: 'With enforced nodes every pod gets the selector of the platform, and one that contradicts it is refused.',
    setting: 'enforcedNodes',
    attempts: [
      onlyLive(refused(pod('a8-other', { nodeSelector: { 'kubernetes.io/os': 'windows' } }), 'spec.nodeSelector')),
    ],
    legitimate: [onHost(pod('a8-plain'), { with: { spec: { nodeSelector: { 'kubernetes.io/os': 'linux' } } } })],
  },
  {
    id: 9,
    title: 'A priority of the system, or a huge one of its own, to preempt others',
    stoppedAt: 'baseline',
    how: 'System classes never reach the host; own classes only where the platform syncs them, lowered to its maximum.',
    setting: 'cappedPriorities',
    attempts: [
      onHost(pod('a9-system', { priorityClassName: 'system-node-critical' }), {
        with: { spec: { priority: 0 } },
        without: [['spec', 'priorityClassName']],
      }),
      onHost(pod('a9-huge', { priorityClassName: 'a9-huge' }), { with: { spec: { priority: 500 } } }),
    ],
    legitimate: [onHost(pod('a9-small', { priorityClassName: 'a9-small' }), { with: { spec: { priority: 7 } } })],
  },
  {
    id: 10,
    title: 'A weaker handler by a RuntimeClass of its own',
    stoppedAt: 'option',
    how: 'Where the platform shows RuntimeClasses, pods may have those and no others, whatever class of that name the tenant makes.',
    setting: 'shownRuntimeClasses',
    attempts: [onlyLive(refused(pod('a10-weak', { runtimeClassName: 'e2e-attacks-weak' }), 'spec.runtimeClassName'))],
    legitimate: [
      onHost(pod('a10-shown', { runtimeClassName: 'e2e-attacks-shown' }), {
        with: { spec: { runtimeClassName: 'e2e-attacks-shown' } },
      }),
    ],
  },
  {
    id: 11,
    title: 'A ServiceAccount of the host',
    stoppedAt: 'always',
    how: 'On the host every pod runs as an account without rights, and gets no token of the host.',
    attempts: [
      onHost(pod('a11-account', { serviceAccountName: 'a11', automountServiceAccountToken: true }), {
        with: { spec: { serviceAccountName: '{cluster}-workloads', automountServiceAccountToken: false } },
        nowhere: ['serviceAccountToken', '"serviceAccountName":"a11"', '"automountServiceAccountToken":true'],
      }),
    ],
    legitimate: [onHost(pod('a11-plain'), { with: { spec: { serviceAccountName: '{cluster}-workloads' } } })],
  },
  {
    id: 12,
    title: 'A token of the host in a projected volume',
    stoppedAt: 'always',
    how: "Tokens are the virtual cluster's own, with audience, lifetime and pod, and come to the host as a Secret of the pod.",
    attempts: [
      onHost(
        pod(
          'a12-token',
          withVolume({ projected: { sources: [{ serviceAccountToken: { path: 'token', audience: 'kubernetes' } }] } }),
        ),
        { nowhere: ['serviceAccountToken'] },
      ),
    ],
    legitimate: [
      onHost(pod('a12-plain', withVolume({ projected: { sources: [{ serviceAccountToken: { path: 'token' } }] } })), {
        nowhere: ['serviceAccountToken'],
      }),
    ],
  },
  {
    id: 13,
    title: 'Tokens of other pods in the annotations of pods on the host',
    stoppedAt: 'always',
    how: 'Tokens are in Secrets, which whoever lists pods does not see.',
    // Every JSON Web Token begins so.
    attempts: [onHost(pod('a13-token'), { nowhere: ['eyJ'] })],
    legitimate: [plainPod('a13-plain')],
  },
  {
    id: 14,
    title: 'A Secret of the control plane, or of another tenant, by its name',
    stoppedAt: 'always',
    how: 'Every reference is translated, from a table of all fields of the API: a name leads to objects of the tenant or to nothing.',
    attempts: [
      onHost(pod('a14-keys', withVolume({ secret: { secretName: '{cluster}-certs', optional: true } })), {
        nowhere: ['"{cluster}-certs"'],
      }),
      onHost(
        pod('a14-environment', {
          containers: [container({ envFrom: [{ secretRef: { name: 'vc-{cluster}', optional: true } }] })],
        }),
        { nowhere: ['"vc-{cluster}"'] },
      ),
      onHost(pod('a14-pull', { imagePullSecrets: [{ name: 'vc-{cluster}' }] }), { nowhere: ['"vc-{cluster}"'] }),
    ],
    legitimate: [
      onHost(pod('a14-plain', withVolume({ secret: { secretName: 'own' } })), {
        with: { spec: { volumes: [{ secret: { secretName: 'own-x-attacks-x-{cluster}' } }] } },
      }),
    ],
  },
  {
    id: 15,
    title: 'A name that becomes that of another object on the host',
    stoppedAt: 'always',
    how: 'Two objects never share a name on the host, and what is there without our marks and the UID is never touched.',
    attempts: [onHost(pod('a15-x-attacks-x-{cluster}'), { with: { metadata: { namespace: 'e2e-{cluster}' } } })],
    legitimate: [onHost(pod('a15'), { with: { metadata: { name: 'a15-x-attacks-x-{cluster}' } } })],
  },
  {
    id: 16,
    title: 'Forged marks of the syncer in labels and annotations',
    stoppedAt: 'always',
    how: "A tenant's keys below our prefix stay in the virtual cluster, or reach the host under other keys.",
    attempts: [
      onHost(
        pod(
          'a16-forged',
          {},
          {
            labels: {
              'nestling.dev/virtual-cluster': 'victim',
              'nestling.dev/control-plane': 'victim',
              'nestling.dev/egress-policy': 'tenant',
            },
            annotations: { 'nestling.dev/uid': 'forged', 'nestling.dev/name': 'forged' },
          },
        ),
        {
          with: {
            metadata: {
              labels: { 'nestling.dev/virtual-cluster': '{cluster}' },
              annotations: { 'nestling.dev/name': 'a16-forged' },
            },
          },
          without: [
            ['metadata', 'labels', 'nestling.dev/control-plane'],
            ['metadata', 'labels', 'nestling.dev/egress-policy'],
          ],
          nowhere: ['"nestling.dev/virtual-cluster":"victim"', '"nestling.dev/uid":"forged"'],
        },
      ),
    ],
    legitimate: [
      onHost(pod('a16-plain', {}, { labels: { app: 'web' } }), {
        with: { metadata: { labels: { 'label.nestling.dev/app': 'web' } } },
      }),
    ],
  },
  {
    id: 17,
    title: "Labels that the host's own policies and Services select",
    stoppedAt: 'always',
    how: "A tenant's label keys never stand on the host as they are.",
    attempts: [
      onHost(pod('a17-labels', {}, { labels: { app: 'controller', 'app.kubernetes.io/component': 'control-plane' } }), {
        without: [
          ['metadata', 'labels', 'app'],
          ['metadata', 'labels', 'app.kubernetes.io/component'],
          ['metadata', 'labels', 'nestling.dev/control-plane'],
        ],
      }),
    ],
    legitimate: [
      onHost(service('a17-plain', { selector: { app: 'controller' } }), {
        with: {
          spec: {
            selector: {
              'label.nestling.dev/app': 'controller',
              'nestling.dev/namespace': 'attacks',
              'nestling.dev/virtual-cluster': '{cluster}',
            },
          },
        },
      }),
    ],
  },
  {
    id: 18,
    title: "Annotations that drive the host's controllers",
    stoppedAt: 'baseline',
    how: 'Annotations of Ingresses go by a table of well-known ones and the rules of the platform; those of other kinds stay.',
    attempts: [
      onHost(pod('a18-pod', {}, { annotations: { 'sidecar.istio.io/inject': 'true' } }), { nowhere: ['istio'] }),
      onHost(
        service(
          'a18-service',
          { selector: { app: 'web' } },
          { annotations: { 'service.beta.kubernetes.io/aws-load-balancer-internal': 'false' } },
        ),
        { nowhere: ['aws-load-balancer'] },
      ),
      onHost(
        ingress('a18-ingress', OWN_HOST, {
          annotations: {
            'cert-manager.io/cluster-issuer': 'platform',
            'external-dns.alpha.kubernetes.io/hostname': 'bank.example.com',
            'argocd.argoproj.io/tracking-id': 'platform',
          },
        }),
        { nowhere: ['cert-manager', 'external-dns', 'argocd'] },
      ),
    ],
    legitimate: [
      onHost(ingress('a18-plain', OWN_HOST, { annotations: { 'nginx.ingress.kubernetes.io/ssl-redirect': 'true' } }), {
        with: { metadata: { annotations: { 'nginx.ingress.kubernetes.io/ssl-redirect': 'true' } } },
      }),
    ],
  },
  {
    id: 19,
    title: 'The traffic of any address by externalIPs (CVE-2020-8554)',
    stoppedAt: 'always',
    how: 'The field never goes to the host.',
    attempts: [
      onHost(service('a19-addresses', { selector: { app: 'web' }, externalIPs: ['203.0.113.9'] }), {
        without: [['spec', 'externalIPs']],
      }),
    ],
    legitimate: [onHost(service('a19-plain', { selector: { app: 'web' } }), { with: { spec: { type: 'ClusterIP' } } })],
  },
  {
    id: 20,
    title: 'An address of a load balancer that is meant for others',
    stoppedAt: 'always',
    how: 'loadBalancerIP never goes to the host, and status comes from there only.',
    attempts: [
      onHost(
        service('a20-address', { type: 'LoadBalancer', selector: { app: 'web' }, loadBalancerIP: '203.0.113.9' }),
        { without: [['spec', 'loadBalancerIP']] },
      ),
    ],
    legitimate: [
      onHost(service('a20-plain', { type: 'LoadBalancer', selector: { app: 'web' } }), {
        with: { spec: { type: 'LoadBalancer' } },
      }),
    ],
  },
  {
    id: 21,
    title: 'A Service that leads to the host: ExternalName, endpoints by hand',
    stoppedAt: 'baseline',
    how: "External names inside of the host's domain and endpoints that are no pods of the tenant do not go to the host.",
    attempts: [
      refused(
        service('a21-name', {
          type: 'ExternalName',
          externalName: 'kubernetes.default.svc.cluster.local',
          ports: undefined,
        }),
        'spec.externalName',
      ),
      refused(
        {
          apiVersion: 'discovery.k8s.io/v1',
          kind: 'EndpointSlice',
          metadata: { name: 'a21-slice', labels: { 'kubernetes.io/service-name': 'a21-handmade' } },
          addressType: 'IPv4',
          endpoints: [{ addresses: ['10.0.0.1'] }],
          ports: [{ port: 443, protocol: 'TCP' }],
        },
        'endpoints have 10.0.0.1',
      ),
    ],
    legitimate: [
      onHost(service('a21-plain', { type: 'ExternalName', externalName: 'example.org', ports: undefined }), {
        with: { spec: { externalName: 'example.org' } },
      }),
    ],
  },
  {
    id: 22,
    title: 'All node ports of the host, or a well-known one',
    stoppedAt: 'restricted',
    how: 'The quota of the host namespace lets tenants have none.',
    attempts: [
      onlyLive(rejected(service('a22-port', { type: 'NodePort', selector: { app: 'web' } }), 'exceeded quota')),
    ],
    legitimate: [onHost(service('a22-plain', { selector: { app: 'web' } }))],
  },
  {
    id: 23,
    title: "Another tenant's host name, or all, by an Ingress",
    stoppedAt: 'baseline',
    how: 'Hosts that the platform gave to the tenant, in rules and in TLS; at level restricted there are none without.',
    givenHosts: true,
    attempts: [
      refused(ingress('a23-foreign', 'bank.example.com'), 'spec.rules[0].host'),
      refused(ingress('a23-wildcard', '*.example.com'), 'spec.rules[0].host'),
      refused(ingress('a23-tls', OWN_HOST, { tls: [{ hosts: ['bank.example.com'] }] }), 'spec.tls[0].hosts[0]'),
      refused(
        ingress('a23-all', OWN_HOST, { defaultBackend: { service: { name: 'web', port: { number: 80 } } } }),
        'spec.defaultBackend',
      ),
    ],
    atRestricted: [onlyLive(refused(ingress('a23-unnamed', 'web.example.com'), 'spec.rules[0].host'))],
    legitimate: [onHost(ingress('a23-plain', OWN_HOST), { with: { spec: { rules: [{ host: OWN_HOST }] } } })],
  },
  {
    id: 24,
    title: "The ingress controller's configuration, written by annotations and paths",
    stoppedAt: 'baseline',
    how: 'Snippets are refused; each annotation that goes to the host has a grammar, and so have paths.',
    attempts: [
      refused(
        ingress('a24-snippet', OWN_HOST, {
          annotations: { 'nginx.ingress.kubernetes.io/configuration-snippet': 'return 200;' },
        }),
        'configuration-snippet',
      ),
      refused(
        ingress('a24-value', OWN_HOST, {
          annotations: { 'nginx.ingress.kubernetes.io/proxy-body-size': '1m;\n}\nlua_code' },
        }),
        'proxy-body-size',
      ),
      refused(ingress('a24-path', OWN_HOST, {}, '/a"; }'), 'paths[0].path'),
    ],
    legitimate: [
      onHost(
        ingress('a24-plain', OWN_HOST, { annotations: { 'nginx.ingress.kubernetes.io/proxy-body-size': '1m' } }, '/a'),
        {
          with: { metadata: { annotations: { 'nginx.ingress.kubernetes.io/proxy-body-size': '1m' } } },
        },
      ),
    ],
  },
  {
    id: 25,
    title: "Another tenant's ingress controller: its class, none, or the old annotation",
    stoppedAt: 'option',
    how: 'Where the platform names classes, Ingresses have one of those, and the first where they name none.',
    attempts: [
      onlyLive(refused(ingress('a25-class', OWN_HOST, { ingressClassName: 'bank' }), 'spec.ingressClassName')),
      onHost(ingress('a25-none', OWN_HOST, { ingressClassName: undefined }), {
        with: { spec: { ingressClassName: '{class}' } },
      }),
      // Read as the field.
      onlyLive(
        refused(
          ingress('a25-old', OWN_HOST, {
            ingressClassName: undefined,
            annotations: { 'kubernetes.io/ingress.class': 'bank' },
          }),
          'spec.ingressClassName',
        ),
      ),
    ],
    legitimate: [onHost(ingress('a25-plain', OWN_HOST), { with: { spec: { ingressClassName: '{class}' } } })],
  },
  {
    id: 26,
    title: 'A NetworkPolicy of its own that opens what the platform denies',
    stoppedAt: 'baseline',
    how: "Peers of a tenant's policies are held to what the platform allows; an allow-all leads to the tenant's own pods and the internet.",
    attempts: [
      onHost(
        {
          apiVersion: 'networking.k8s.io/v1',
          kind: 'NetworkPolicy',
          metadata: { name: 'a26-node' },
          spec: {
            podSelector: { matchLabels: { app: 'nobody' } },
            policyTypes: ['Egress'],
            egress: [{ to: [{ ipBlock: { cidr: '169.254.169.254/32' } }] }],
          },
        },
        { with: { spec: { policyTypes: ['Egress'] } }, without: [['spec', 'egress']] },
      ),
      onHost(
        {
          apiVersion: 'networking.k8s.io/v1',
          kind: 'NetworkPolicy',
          metadata: { name: 'a26-everything' },
          spec: { podSelector: { matchLabels: { app: 'nobody' } }, policyTypes: ['Egress'], egress: [{}] },
        },
        { with: { spec: { policyTypes: ['Egress'] } }, nowhere: ['"egress":[{}]', '"cidr":"0.0.0.0/0"}'] },
      ),
    ],
    legitimate: [
      onHost(
        {
          apiVersion: 'networking.k8s.io/v1',
          kind: 'NetworkPolicy',
          metadata: { name: 'a26-plain' },
          spec: {
            podSelector: { matchLabels: { app: 'nobody' } },
            policyTypes: ['Egress'],
            egress: [{ to: [{ ipBlock: { cidr: '203.0.113.0/24' } }] }],
          },
        },
        { with: { spec: { egress: [{ to: [{ ipBlock: { cidr: '203.0.113.0/24' } }] }] } } },
      ),
    ],
  },
  {
    id: 27,
    title: "The host's API server, kubelets, node ports, and the cloud's metadata service",
    stoppedAt: 'baseline',
    how: "The platform's network policies deny all addresses that are not public, link-local ones with them.",
    attempts: [],
    legitimate: [],
  },
  {
    id: 28,
    title: 'Commands in any pod of a node through nodes/proxy',
    stoppedAt: 'always',
    how: "The syncer has no right on nodes/proxy; it is itself the kubelet of virtual nodes and serves the tenant's own pods.",
    attempts: [],
    legitimate: [],
  },
  {
    id: 29,
    title: 'exec, logs and port-forward of a pod of somebody else',
    stoppedAt: 'always',
    how: "The gateway finds the host pod by the tenant's own pod and its UID; no path of the tenant's names a host pod.",
    attempts: [],
    legitimate: [],
  },
  {
    id: 30,
    title: 'What other tenants run, read off the node',
    stoppedAt: 'always',
    how: 'Fake nodes have made-up facts; the others show an allow-list, never images, volumes, addresses or annotations.',
    attempts: [],
    legitimate: [],
  },
  {
    id: 31,
    title: 'A forged status that steers the host',
    stoppedAt: 'always',
    how: 'Status travels upwards only, and what decides about addresses is read from the host.',
    attempts: [],
    legitimate: [],
  },
  {
    id: 32,
    title: "An image that another tenant's pod brought to the node",
    stoppedAt: 'restricted',
    how: "Every image is asked for at its registry, with the pod's own credentials.",
    attempts: [
      onHost(pod('a32-cached', { containers: [container({ imagePullPolicy: 'Never' })] }), {
        with: { spec: { containers: [{ imagePullPolicy: 'Always' }] } },
      }),
    ],
    legitimate: [
      onHost(pod('a32-plain', { containers: [container({ imagePullPolicy: 'Always' })] }), {
        with: { spec: { containers: [{ imagePullPolicy: 'Always' }] } },
      }),
    ],
  },
  {
    id: 33,
    title: 'Volumes that run code on the node: gitRepo, flexVolume, in-tree and inline CSI drivers',
    stoppedAt: 'baseline',
    how: 'Volume types are an allow-list; inline CSI drivers only by name.',
    attempts: [
      refused(pod('a33-git', withVolume({ gitRepo: { repository: 'https://example.org/x.git' } })), 'gitRepo'),
      refused(pod('a33-flex', withVolume({ flexVolume: { driver: 'example.org/x' } })), 'flexVolume'),
      refused(pod('a33-nfs', withVolume({ nfs: { server: '10.0.0.1', path: '/' } })), 'nfs'),
      refused(pod('a33-csi', withVolume({ csi: { driver: 'driver.example.org' } })), 'csi.driver'),
    ],
    legitimate: [
      onHost(
        pod(
          'a33-plain',
          withVolume({ downwardAPI: { items: [{ path: 'name', fieldRef: { fieldPath: 'metadata.name' } }] } }),
        ),
      ),
    ],
  },
  {
    id: 34,
    title: 'What was denied at creation, by an ephemeral container or a change afterwards',
    stoppedAt: 'always',
    how: 'The same policy looks at the whole pod again for everything that is added to it.',
    attempts: [],
    legitimate: [],
  },
  {
    id: 35,
    title: 'Floods of objects and of changes',
    stoppedAt: 'baseline',
    how: 'What no pod uses stays in the virtual cluster, whose store has a quota; writes about an object have a budget; a quota counts objects at level restricted.',
    attempts: [],
    legitimate: [],
  },
  {
    id: 36,
    title: 'Keys that mean something to JavaScript (__proto__, constructor)',
    stoppedAt: 'always',
    how: "A tenant's keys are plain data: nothing of a tenant's is merged deeply.",
    attempts: [
      onHost(
        pod(
          'a36-keys',
          { nodeSelector: { constructor: 'x', prototype: 'y' } },
          { labels: { constructor: 'x', toString: 'y' } },
        ),
        {
          with: {
            metadata: { labels: { 'label.nestling.dev/constructor': 'x', 'label.nestling.dev/toString': 'y' } },
            spec: { nodeSelector: { constructor: 'x', prototype: 'y' } },
          },
        },
      ),
    ],
    legitimate: [plainPod('a36-plain')],
  },
  {
    id: 37,
    title: 'A webhook or an aggregated API that makes the control plane call addresses of the host',
    stoppedAt: 'always',
    how: "The API server connects through the syncer's gate only, which lets it to the tenant's own pods and Services, as the host knows them.",
    attempts: [],
    legitimate: [],
  },
  {
    id: 38,
    title: "The account of the syncer, or a command in the control plane's pod",
    stoppedAt: 'always',
    how: "Every reference is translated, so none of a tenant's names the control plane's objects, and its pod is not in the virtual cluster.",
    attempts: [
      onHost(pod('a38-account', { serviceAccountName: '{cluster}' }), {
        with: { spec: { serviceAccountName: '{cluster}-workloads', automountServiceAccountToken: false } },
        nowhere: ['"serviceAccountName":"{cluster}"', '"automountServiceAccountToken":true'],
      }),
    ],
    legitimate: [plainPod('a38-plain')],
  },
  {
    id: 39,
    title: 'More rights of the syncer on the host than it needs',
    stoppedAt: 'always',
    how: 'Its Role lists the kinds and verbs that are enabled, in its own namespace; a ClusterRole is made for a chosen feature only.',
    attempts: [],
    legitimate: [],
  },
  {
    id: 40,
    title: "Another cluster's objects through a shared store",
    stoppedAt: 'always',
    how: 'Each virtual cluster has a store of its own, which listens inside of its pod only.',
    attempts: [],
    legitimate: [],
  },
];
