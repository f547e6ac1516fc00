import type { Pod, PodSpec } from 'kubernetes-types/core/v1';
import {
  hostName,
  isPinnedTo,
  ownedBy,
  podTokens,
  tokenSecretName,
  translatePod,
  translateTokens,
} from '../../../syncer/translation';
import { anchor, contextWith, identity, podWith, refusal, translated } from './fixtures';

/** What an API server and a ServiceAccount admission make of an ordinary pod. */
const tokenVolume = {
  name: 'kube-api-access-abcde',
  projected: {
    defaultMode: 420,
    sources: [
      { serviceAccountToken: { expirationSeconds: 3607, path: 'token' } },
      { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
      {
        downwardAPI: {
          items: [{ path: 'namespace', fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' } }],
        },
      },
    ],
  },
};

describe('a host pod', () => {
  const host = translated(
    podWith(
      {},
      { labels: { app: 'web', 'app.kubernetes.io/name': 'web' }, annotations: { 'istio.io/inject': 'true' } },
    ),
    { namespaceLabels: { env: 'prod' } },
  );

  test('carries our identity, the tenant’s labels under translated keys, and no annotation of the tenant', () => {
    expect(host.metadata).toEqual({
      name: 'web-x-shop-x-my-vc',
      namespace: 'team-a',
      labels: {
        'nestling.dev/virtual-cluster': 'my-vc',
        'nestling.dev/namespace': 'shop',
        'label.nestling.dev/app': 'web',
        [expect.stringMatching(/./) &&
        Object.keys(host.metadata?.labels ?? {}).find((key) => key.includes('/name-x-'))!]: 'web',
        'namespace-label.nestling.dev/env': 'prod',
      },
      annotations: {
        'nestling.dev/kind': 'Pod',
        'nestling.dev/name': 'web',
        'nestling.dev/namespace': 'shop',
        'nestling.dev/uid': 'pod-uid',
      },
      ownerReferences: [
        {
          apiVersion: 'v1',
          kind: 'ConfigMap',
          name: 'my-vc-anchor',
          uid: 'anchor-uid',
          blockOwnerDeletion: false,
          controller: false,
        },
      ],
    });
  });

  test('is known as ours, and under another name, namespace, cluster or kind is not', () => {
    expect(ownedBy(host, identity)).toEqual({ namespace: 'shop', name: 'web', uid: 'pod-uid', kind: 'Pod' });
    expect(ownedBy({ ...host, kind: 'PartialObjectMetadata' }, identity)).toBeDefined();
    expect(ownedBy({ ...host, kind: 'Service' }, identity)).toBeUndefined();
    expect(ownedBy(host, { ...identity, name: 'other' })).toBeUndefined();
    expect(ownedBy({ ...host, metadata: { ...host.metadata, name: 'web' } }, identity)).toBeUndefined();
    expect(ownedBy({ ...host, metadata: { ...host.metadata, namespace: 'team-b' } }, identity)).toBeUndefined();
    expect(ownedBy({ metadata: { name: 'x', namespace: 'team-a' } }, identity)).toBeUndefined();
  });

  test('cannot be made to carry our labels by the tenant', () => {
    const labels = { 'nestling.dev/virtual-cluster': 'other', 'nestling.dev/namespace': 'kube-system' };
    expect(translated(podWith({}, { labels })).metadata?.labels).toMatchObject({
      'nestling.dev/virtual-cluster': 'my-vc',
      'nestling.dev/namespace': 'shop',
    });
  });

  test('runs as the workload service account, without host token, classes, scheduler or service links of the host', () => {
    const { spec } = translated(
      podWith({
        serviceAccountName: 'admin',
        serviceAccount: 'admin',
        automountServiceAccountToken: true,
        enableServiceLinks: true,
        priorityClassName: 'system-node-critical',
        priority: 2000001000,
        preemptionPolicy: 'PreemptLowerPriority',
        schedulerName: 'mine',
        overhead: { cpu: '1' },
      }),
    );
    expect(spec).toMatchObject({
      serviceAccountName: 'my-vc-workloads',
      automountServiceAccountToken: false,
      enableServiceLinks: false,
    });
    for (const field of [
      'serviceAccount',
      'priorityClassName',
      'priority',
      'preemptionPolicy',
      'schedulerName',
      'overhead',
    ]) {
      expect(spec).not.toHaveProperty(field);
    }
  });

  test('may be evicted by the autoscaler when the virtual pod has a controller', () => {
    const owner = (kind: string, apiVersion: string): object => ({
      ownerReferences: [{ apiVersion, kind, name: 'a', uid: 'b', controller: true }],
    });
    const safe = 'cluster-autoscaler.kubernetes.io/safe-to-evict';
    const daemon = 'cluster-autoscaler.kubernetes.io/daemonset-pod';
    const annotations = (metadata: object): object => translated(podWith({}, metadata)).metadata?.annotations ?? {};
    expect(annotations(owner('Job', 'batch/v1'))).toMatchObject({ [safe]: 'true' });
    expect(annotations(owner('DaemonSet', 'apps/v1'))).toMatchObject({ [safe]: 'true', [daemon]: 'true' });
    expect(annotations({})).not.toHaveProperty([safe]);
  });
});

describe('node names', () => {
  const required = (terms: object[]): object => ({
    nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: terms } },
  });
  const pin = { key: 'metadata.name', operator: 'In', values: ['node-1'] };

  test('become a required affinity, so that the host’s scheduler and taints rule', () => {
    const { spec } = translated(podWith({ nodeName: 'node-1' }));
    expect(spec).not.toHaveProperty('nodeName');
    expect(spec?.affinity).toEqual(required([{ matchFields: [pin] }]));
  });

  test('narrow every term that is there, but none that matches nothing', () => {
    const zone = { key: 'zone', operator: 'Exists' };
    const affinity = required([{ matchExpressions: [zone] }, {}]);
    expect(translated(podWith({ nodeName: 'node-1', affinity })).spec?.affinity).toEqual(
      required([{ matchExpressions: [zone], matchFields: [pin] }, {}]),
    );
  });

  test('that a virtual scheduler chose are all that goes to the host of what the pod asked, but for the platform’s own labels', () => {
    const pod = podWith({
      nodeName: 'node-1',
      nodeSelector: { 'label-of-a': 'virtual-node' },
      affinity: { ...required([{}]), podAntiAffinity: {} },
      topologySpreadConstraints: [{ maxSkew: 1, topologyKey: 'rack', whenUnsatisfiable: 'DoNotSchedule' }],
      tolerations: [{ operator: 'Exists' }],
    });
    const before = structuredClone(pod);
    const { spec } = translated(pod, { scheduledInside: true, enforcedNodeSelector: { pool: 'a' } });
    expect(spec?.affinity).toEqual(required([{ matchFields: [pin] }]));
    expect(spec?.nodeSelector).toEqual({ pool: 'a' });
    expect(spec).not.toHaveProperty('topologySpreadConstraints');
    expect(spec).not.toHaveProperty('nodeName');
    expect(spec?.tolerations).toEqual([{ operator: 'Exists' }]);
    expect(pod).toEqual(before);
  });

  test('are known again in a host pod, whatever others added to its affinity', () => {
    const chosen = (nodeName?: string): Pod => translated(podWith({ nodeName }), { scheduledInside: true });
    expect(isPinnedTo('node-1', chosen('node-1'))).toBe(true);
    expect(isPinnedTo('node-2', chosen('node-1'))).toBe(false);
    expect(isPinnedTo('node-1', chosen())).toBe(false);
    const host = chosen('node-1');
    const spec = { ...host.spec, affinity: required([{ matchFields: [pin] }, {}]) } as PodSpec;
    expect(isPinnedTo('node-1', { ...host, spec })).toBe(true);
  });

  test('that no scheduler of the virtual cluster chose are marked by nothing: binding changes no host pod', () => {
    expect(translated(podWith({ nodeName: 'node-1' })).metadata).toEqual(translated(podWith()).metadata);
  });
});

describe('the environment of a container', () => {
  const env = (pod: Pod, changes = {}): Record<string, string | undefined> =>
    Object.fromEntries(
      (translated(pod, changes).spec?.containers[0]?.env ?? []).map(({ name, value }) => [name, value]),
    );

  test('names the API server of the virtual cluster', () => {
    expect(env(podWith())).toEqual({
      KUBERNETES_PORT: 'tcp://10.96.0.7:443',
      KUBERNETES_PORT_443_TCP: 'tcp://10.96.0.7:443',
      KUBERNETES_PORT_443_TCP_ADDR: '10.96.0.7',
      KUBERNETES_PORT_443_TCP_PORT: '443',
      KUBERNETES_PORT_443_TCP_PROTO: 'tcp',
      KUBERNETES_SERVICE_HOST: '10.96.0.7',
      KUBERNETES_SERVICE_PORT: '443',
      KUBERNETES_SERVICE_PORT_HTTPS: '443',
    });
  });

  const services = [
    {
      name: 'my-db',
      clusterIP: '10.96.0.9',
      ports: [
        { name: 'sql-main', port: 5432 },
        { name: 'dns', port: 53, protocol: 'UDP' },
      ],
    },
    { name: 'headless', clusterIP: 'None', ports: [{ port: 80 }] },
    { name: 'elsewhere', ports: [] },
    { name: 'kubernetes', clusterIP: '6.6.6.6', ports: [{ port: 80 }] },
  ];

  test('has the variables of the Services of its namespace, as a kubelet sets them', () => {
    const variables = env(podWith(), { services });
    expect(variables).toMatchObject({
      MY_DB_SERVICE_HOST: '10.96.0.9',
      MY_DB_SERVICE_PORT: '5432',
      MY_DB_SERVICE_PORT_SQL_MAIN: '5432',
      MY_DB_SERVICE_PORT_DNS: '53',
      MY_DB_PORT: 'tcp://10.96.0.9:5432',
      MY_DB_PORT_5432_TCP: 'tcp://10.96.0.9:5432',
      MY_DB_PORT_53_UDP: 'udp://10.96.0.9:53',
      MY_DB_PORT_53_UDP_PROTO: 'udp',
      MY_DB_PORT_53_UDP_PORT: '53',
      MY_DB_PORT_53_UDP_ADDR: '10.96.0.9',
      KUBERNETES_SERVICE_HOST: '10.96.0.7',
    });
    expect(Object.keys(variables).filter((name) => /HEADLESS|ELSEWHERE/.test(name))).toEqual([]);
  });

  test('has none of these when the pod wants no service links', () => {
    expect(Object.keys(env(podWith({ enableServiceLinks: false }), { services }))).not.toContain('MY_DB_SERVICE_HOST');
  });

  test('writes IPv6 addresses as a URL needs them', () => {
    expect(env(podWith(), { apiServerIP: 'fd00::7' })).toMatchObject({
      KUBERNETES_PORT: 'tcp://[fd00::7]:443',
      KUBERNETES_SERVICE_HOST: 'fd00::7',
    });
  });

  test('comes after these, can use them, and wins over them', () => {
    const own = [
      { name: 'URL', value: 'https://$(KUBERNETES_SERVICE_HOST)' },
      { name: 'KUBERNETES_SERVICE_PORT', value: '6443' },
    ];
    const container = { name: 'main', image: 'a', env: own };
    const { spec } = translated(podWith({ containers: [container], initContainers: [{ ...container, name: 'init' }] }));
    for (const { env: variables = [] } of [spec!.containers[0]!, spec!.initContainers![0]!]) {
      expect(variables.slice(-2)).toEqual(own);
      expect(variables.filter(({ name }) => name === 'KUBERNETES_SERVICE_PORT')).toEqual([own[1]]);
    }
  });
});

describe('DNS', () => {
  const dns = (spec: object, changes = {}): object => {
    const { dnsPolicy, dnsConfig } = translated(podWith(spec), changes).spec ?? {};
    return { dnsPolicy, dnsConfig };
  };

  test('is that of the virtual cluster, with what the user adds', () => {
    const dnsConfig = {
      nameservers: ['1.1.1.1', '10.96.0.10'],
      searches: ['example.com', 'cluster.local'],
      options: [{ name: 'ndots', value: '2' }, { name: 'edns0' }],
    };
    expect(dns({ dnsPolicy: 'ClusterFirst', dnsConfig })).toEqual({
      dnsPolicy: 'None',
      dnsConfig: {
        nameservers: ['10.96.0.10', '1.1.1.1'],
        searches: ['shop.svc.cluster.local', 'svc.cluster.local', 'cluster.local', 'example.com'],
        options: [{ name: 'ndots', value: '2' }, { name: 'edns0' }],
      },
    });
    expect(dns({})).toMatchObject({ dnsConfig: { options: [{ name: 'ndots', value: '5' }] } });
    expect(dns({ hostNetwork: true, dnsPolicy: 'ClusterFirstWithHostNet' })).toMatchObject({ dnsPolicy: 'None' });
  });

  test.each([
    { dnsPolicy: 'Default' },
    { dnsPolicy: 'None', dnsConfig: { nameservers: ['1.1.1.1'] } },
    { dnsPolicy: 'ClusterFirst', hostNetwork: true },
  ])('is left alone for %j, even before the cluster has a DNS', ({ hostNetwork, ...spec }) => {
    expect(dns({ ...spec, hostNetwork }, { dnsIP: undefined })).toEqual({ dnsConfig: undefined, ...spec });
  });

  test('that has no address yet makes a pod that needs it wait', () => {
    expect(refusal(translatePod(podWith(), contextWith({ dnsIP: undefined })))).toMatch(
      /^DNSNotReady: spec\.dnsPolicy/,
    );
  });

  test('that the cluster does without is the node’s, as a kubelet falls back to it; one that the tenant made is asked', () => {
    const without = { dnsEnabled: false, dnsIP: undefined };
    const dnsConfig = { options: [{ name: 'ndots', value: '2' }] };
    expect(dns({}, without)).toEqual({ dnsPolicy: 'Default' });
    expect(dns({ dnsPolicy: 'ClusterFirst', dnsConfig }, without)).toEqual({ dnsPolicy: 'Default', dnsConfig });
    expect(dns({ hostNetwork: true, dnsPolicy: 'ClusterFirst' }, without)).toEqual({ dnsPolicy: 'ClusterFirst' });
    expect(dns({}, { dnsEnabled: false })).toMatchObject({ dnsPolicy: 'None' });
  });
});

describe('the host name', () => {
  const hostname = (spec: object, name: string): string | undefined =>
    translated(podWith(spec, { name })).spec?.hostname;

  test('is the virtual pod’s name, or what it asks for', () => {
    expect(hostname({}, 'web-0')).toBe('web-0');
    expect(hostname({ hostname: 'db', subdomain: 'dbs' }, 'web-0')).toBe('db');
    expect(translated(podWith({ subdomain: 'dbs' })).spec).not.toHaveProperty('subdomain');
  });

  test('has at most 63 characters, as a kubelet cuts it', () => {
    expect(hostname({}, `${'a'.repeat(62)}-b`)).toBe('a'.repeat(62));
  });

  test('keeps the dots of a pod’s name, and what the pod asks for itself', () => {
    const seen = (spec: object): object => translated(podWith(spec, { name: 'a.b.c' })).spec ?? {};
    expect(seen({})).toMatchObject({ hostnameOverride: 'a.b.c' });
    expect(seen({})).not.toHaveProperty('hostname');
    expect(seen({ setHostnameAsFQDN: true })).not.toHaveProperty('setHostnameAsFQDN');
    expect(seen({ hostnameOverride: 'other.example' })).toMatchObject({ hostnameOverride: 'other.example' });
    expect(seen({ hostname: 'db' })).toMatchObject({ hostname: 'db' });
    expect(seen({ hostname: 'db' })).not.toHaveProperty('hostnameOverride');
  });

  test('is the node’s on the host network', () => {
    expect(hostname({ hostNetwork: true }, 'web-0')).toBeUndefined();
  });
});

describe('volumes', () => {
  test('of service account tokens mount the pod’s token Secret, each source a key of its own', () => {
    const pod = podWith({
      volumes: [
        tokenVolume,
        {
          name: 'two',
          projected: {
            sources: [
              { serviceAccountToken: { audience: 'vault', expirationSeconds: 600, path: 'vault/token' } },
              { serviceAccountToken: { audience: 'aws', path: 'aws' } },
            ],
          },
        },
      ],
    });
    const tokens = podTokens(pod);
    expect(tokens).toEqual([
      {
        volume: 'kube-api-access-abcde',
        audience: undefined,
        expirationSeconds: 3607,
        path: 'token',
        key: 'kube-api-access-abcde.0',
      },
      { volume: 'two', audience: 'vault', expirationSeconds: 600, path: 'vault/token', key: 'two.0' },
      { volume: 'two', audience: 'aws', expirationSeconds: 3600, path: 'aws', key: 'two.1' },
    ]);
    const name = tokenSecretName(identity, 'shop', 'web');
    expect(translated(pod).spec?.volumes?.[1]?.projected?.sources).toEqual([
      { secret: { name, items: [{ key: 'two.0', path: 'vault/token' }] } },
      { secret: { name, items: [{ key: 'two.1', path: 'aws' }] } },
    ]);
    const secret = translateTokens(pod, new Map([['two.0', 'jwt']]), { identity, anchor });
    expect(secret).toMatchObject({ type: 'Opaque', metadata: { name }, data: { 'two.0': 'and0' } });
    expect(ownedBy(secret, identity)).toEqual({
      namespace: 'shop',
      name: 'web',
      uid: 'pod-uid',
      kind: 'ServiceAccountToken',
    });
  });

  test.each([
    ['anybody, by default', {}, undefined],
    ['the group, with fsGroup', { securityContext: { fsGroup: 1000 } }, 0o600],
    ['the one user that all containers run as', { securityContext: { runAsUser: 1000 } }, 0o644],
  ])('of tokens are readable by %s', (_who, spec, mode) => {
    const volume = translated(podWith({ ...spec, volumes: [tokenVolume] })).spec?.volumes?.[0];
    expect(volume?.projected?.sources?.[0]?.secret?.items?.[0]?.mode).toBe(mode);
  });

  test('that are ephemeral mount the twin of the claim that the virtual cluster makes', () => {
    const pod = podWith({
      volumes: [{ name: 'scratch', ephemeral: { volumeClaimTemplate: { spec: { accessModes: ['ReadWriteOnce'] } } } }],
    });
    const translation = translatePod(pod, contextWith());
    expect(translation).toMatchObject({
      ok: true,
      references: [{ kind: 'PersistentVolumeClaim', namespace: 'shop', name: 'web-scratch', optional: false }],
    });
    expect(translated(pod).spec?.volumes).toEqual([
      { name: 'scratch', persistentVolumeClaim: { claimName: hostName(identity, 'shop', 'web-scratch') } },
    ]);
  });

  test('of plain types go as they are', () => {
    const volumes = [
      { name: 'empty', emptyDir: { medium: 'Memory', sizeLimit: '1Gi' } },
      { name: 'image', image: { reference: 'quay.io/a/b:1', pullPolicy: 'Always' } },
      { name: 'csi', csi: { driver: 'a.b', volumeAttributes: { __proto__: 'c' } } },
    ];
    expect(translated(podWith({ volumes })).spec?.volumes).toEqual(volumes);
  });
});

describe('hostile and malformed pods', () => {
  test.each([
    ['no object'],
    [{ containers: 'none' }],
    [{ containers: [null] }],
    [{ containers: [{ env: [{ valueFrom: { secretKeyRef: { name: { a: 1 } } } }] }] }],
    [{ volumes: [{ projected: { sources: [{ downwardAPI: { items: [{ fieldRef: { fieldPath: 5 } }] } }] } }] }],
    [
      {
        affinity: {
          podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [{ labelSelector: 'a', namespaces: 5 }] },
        },
      },
    ],
    [{ affinity: { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { a: 1 } } } }],
    [{ topologySpreadConstraints: [{ labelSelector: { matchExpressions: [{ key: 7 }] } }] }],
    [{ nodeSelector: { a: { b: {} } } }],
    [JSON.parse('{"__proto__": {"polluted": true}}') as object],
    [JSON.parse('{"constructor": {"prototype": {"polluted": true}}}') as object],
  ] as [unknown][])('are refused with the path: %j', (spec) => {
    const pod = { ...podWith(), spec } as unknown as Pod;
    expect(refusal(translatePod(pod, contextWith()))).toMatch(/^Unsupported: spec/);
    expect({}).not.toHaveProperty('polluted');
  });

  test('with odd keys in maps are carried unchanged', () => {
    const odd = JSON.parse('{"__proto__": "a", "constructor": "b", "toString": "c"}') as Record<string, string>;
    const host = translated(podWith({ nodeSelector: odd }, { labels: odd }), { namespaceLabels: odd });
    expect(JSON.stringify(host.spec?.nodeSelector)).toBe(JSON.stringify(odd));
    expect(host.metadata?.labels).toMatchObject({
      'label.nestling.dev/constructor': 'b',
      'label.nestling.dev/toString': 'c',
      'namespace-label.nestling.dev/constructor': 'b',
    });
    expect(Object.values(host.metadata?.labels ?? {}).filter((value) => value === 'a')).toHaveLength(2);
  });

  test('too deep to walk are refused, not walked', () => {
    let deep: object = {};
    for (let level = 0; level < 100_000; level++) deep = { deep };
    expect(refusal(translatePod(podWith(deep), contextWith()))).toMatch(/^Unsupported: spec\.deep is a field/);
    expect(refusal(translatePod(podWith({ nodeSelector: deep }), contextWith()))).toMatch(
      /^Unsupported: spec\.nodeSelector /,
    );
  });

  test('do not change, and translate the same twice', () => {
    const pod = podWith({ volumes: [tokenVolume], dnsConfig: { searches: ['a.b'] }, nodeName: 'n' });
    const before = JSON.stringify(pod);
    const [one, other] = [translated(pod), translated(pod)];
    expect(JSON.stringify(pod)).toBe(before);
    expect(JSON.stringify(one)).toBe(JSON.stringify(other));
  });
});
