import { Chart, App } from 'cdk8s';
import {
  explain,
  FieldPatch,
  NodeSyncPolicy,
  PodSecurityLevel,
  VirtualCluster,
  type Explanation,
  type TenantManifest,
  type VirtualClusterProps,
} from '../../../constructs';
import { chartInTeamA } from './synthesized';

const cluster = (props: VirtualClusterProps = {}): VirtualCluster =>
  new VirtualCluster(chartInTeamA(), 'my-vc1', props);

const manifest = (apiVersion: string, kind: string, body: object): TenantManifest => ({
  apiVersion,
  kind,
  metadata: { name: 'web', namespace: 'shop' },
  ...body,
});
const pod = (spec: object = {}, metadata: object = {}): TenantManifest =>
  manifest('v1', 'Pod', {
    metadata: { name: 'web', namespace: 'shop', ...metadata },
    spec: { containers: [{ name: 'web', image: 'nginx' }], ...spec },
  });

/** What is said of one field. */
function field({ fields }: Explanation, path: string) {
  const found = fields.filter((one) => one.path === path);
  if (found.length !== 1)
    throw new Error(`${found.length} fields ${path}; there are ${fields.map((one) => one.path).join(', ')}`);
  return found[0];
}

describe('a pod', () => {
  const vc = cluster();

  test('becomes one in the host namespace, under its translated name', () => {
    const { outcome, hostObject, fields } = explain(pod(), vc);
    expect(outcome).toBe('synced');
    expect(hostObject).toMatchObject({
      kind: 'Pod',
      metadata: { name: 'web-x-shop-x-my-vc1', namespace: 'team-a' },
      spec: { serviceAccountName: 'my-vc1-workloads', automountServiceAccountToken: false },
    });
    // Each field of the tenant's is spoken of, once.
    const own = fields.filter(({ change }) => change !== 'added').map(({ path }) => path);
    expect(own).toEqual([
      'metadata.name',
      'metadata.namespace',
      'spec.containers[name=web].name',
      'spec.containers[name=web].image',
    ]);
  });

  test('keeps what means the same, changes names of other objects, and says what it needs', () => {
    const explanation = explain(
      pod({
        containers: [{ name: 'web', image: 'nginx', envFrom: [{ secretRef: { name: 'keys' } }] }],
        volumes: [{ name: 'conf', configMap: { name: 'conf', optional: true } }],
      }),
      vc,
    );
    expect(field(explanation, 'spec.containers[name=web].image')).toMatchObject({ change: 'kept', host: 'nginx' });
    expect(field(explanation, 'spec.containers[name=web].envFrom[0].secretRef.name')).toEqual({
      path: 'spec.containers[name=web].envFrom[0].secretRef.name',
      change: 'changed',
      virtual: 'keys',
      host: 'keys-x-shop-x-my-vc1',
      rule: 'the name of a Secret: that of its twin on the host',
    });
    expect(explanation.needs).toEqual([
      { kind: 'Secret', namespace: 'shop', name: 'keys', hostName: 'keys-x-shop-x-my-vc1', optional: false },
      { kind: 'ConfigMap', namespace: 'shop', name: 'conf', hostName: 'conf-x-shop-x-my-vc1', optional: true },
    ]);
  });

  test('has its labels under other keys, ours cannot be taken', () => {
    const labels = { app: 'web', 'nestling.dev/virtual-cluster': 'other' };
    const explanation = explain(pod({}, { labels, annotations: { 'sidecar.istio.io/inject': 'true' } }), vc);
    expect(field(explanation, 'metadata.labels.app')).toMatchObject({
      change: 'changed',
      hostPath: 'metadata.labels["label.nestling.dev/app"]',
      host: 'web',
    });
    const theirs = explanation.fields.filter(({ path }) => path === 'metadata.labels["nestling.dev/virtual-cluster"]');
    expect(theirs.map(({ change, virtual, host }) => [change, virtual, host])).toEqual([
      ['changed', 'other', 'other'],
      ['added', undefined, 'my-vc1'],
    ]);
    expect(field(explanation, 'metadata.annotations["sidecar.istio.io/inject"]')).toMatchObject({ change: 'left out' });
  });

  test('is refused for what the policy or a virtual cluster forbids, in the words of the event', () => {
    const { outcome, reason, hostObject, fields, text } = explain(pod({ hostNetwork: true }), vc);
    expect(outcome).toBe('refused');
    expect(reason).toBe('PolicyViolation: spec.hostNetwork is true, which the baseline policy forbids; remove it');
    expect([hostObject, fields]).toEqual([undefined, []]);
    expect(text).toBe(`Pod shop/web is refused: ${reason}\n`);
    expect(explain(pod({ newField: 1 }), vc).reason).toMatch(/^Unsupported: spec\.newField /);
  });

  test('is held to the level of its cluster', () => {
    const privileged = cluster({ podSecurity: PodSecurityLevel.PRIVILEGED });
    expect(explain(pod({ hostNetwork: true }), privileged).outcome).toBe('synced');
    expect(explain(pod(), cluster({ podSecurity: PodSecurityLevel.RESTRICTED })).outcome).toBe('refused');
  });

  test('runs on enforced nodes only', () => {
    const nodes = NodeSyncPolicy.nodesMatching({ pool: 'gpu' }, { enforce: true });
    const enforced = cluster({ sync: { fromHost: { nodes } } });
    expect(field(explain(pod(), enforced), 'spec.nodeSelector.pool')).toMatchObject({ change: 'added', host: 'gpu' });
    expect(explain(pod({ nodeSelector: { pool: 'web' } }), enforced).outcome).toBe('refused');
  });

  test('shows what a patch of the platform did', () => {
    const operations = [
      FieldPatch.set('spec.priorityClassName', 'tenants'),
      FieldPatch.replaceText('spec.containers[*].image', 'nginx', 'mirror/nginx'),
    ];
    const explanation = explain(pod(), cluster({ sync: { patches: [{ kind: 'Pod', operations }] } }));
    for (const [path, host] of [
      ['spec.priorityClassName', 'tenants'],
      ['spec.containers[name=web].image', 'mirror/nginx'],
    ] as const) {
      expect(field(explanation, path)).toMatchObject({
        host,
        rule: 'set by a field patch of the platform (sync.patches)',
      });
    }
  });

  test('takes facts of the running cluster where they are given', () => {
    const { hostObject } = explain(pod(), vc, { apiServerIP: '10.96.7.7', dnsIP: '10.96.8.8' });
    expect(hostObject).toMatchObject({ spec: { dnsConfig: { nameservers: ['10.96.8.8'] } } });
    expect(JSON.stringify(hostObject)).toContain('{"name":"KUBERNETES_SERVICE_HOST","value":"10.96.7.7"}');
  });
});

describe('other kinds', () => {
  const vc = cluster();

  test('a workload stays, and its pods are explained', () => {
    const template = { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'web', image: 'nginx' }] } };
    const deployment = explain(manifest('apps/v1', 'Deployment', { spec: { template } }), vc);
    expect(deployment.outcome).toBe('stays');
    expect(deployment.pod?.hostObject).toMatchObject({ metadata: { name: 'web-abcde-x-shop-x-my-vc1' } });
    const statefulSet = explain(manifest('apps/v1', 'StatefulSet', { spec: { template } }), vc);
    expect(statefulSet.pod?.hostObject).toMatchObject({ metadata: { name: 'web-0-x-shop-x-my-vc1' } });
    const job = explain(manifest('batch/v1', 'CronJob', { spec: { jobTemplate: { spec: { template } } } }), vc);
    expect(job.pod?.outcome).toBe('synced');
    expect(deployment.text).toContain(
      'each of its pods:\n  Pod shop/web-abcde becomes Pod team-a/web-abcde-x-shop-x-my-vc1',
    );
  });

  test('a Service selects only pods of its own namespace, and draws no foreign traffic', () => {
    const explanation = explain(
      manifest('v1', 'Service', {
        spec: { selector: { app: 'web' }, ports: [{ port: 80 }], externalIPs: ['192.0.2.1'] },
      }),
      vc,
    );
    expect(explanation.hostObject).toMatchObject({
      spec: {
        selector: {
          'label.nestling.dev/app': 'web',
          'nestling.dev/virtual-cluster': 'my-vc1',
          'nestling.dev/namespace': 'shop',
        },
      },
    });
    expect(field(explanation, 'spec.externalIPs[0]')).toMatchObject({
      change: 'left out',
      rule: 'a tenant could draw the traffic of any address to its pods (CVE-2020-8554)',
    });
  });

  test('an Ingress is held to the hosts of its tenant', () => {
    const ingress = (host: string) =>
      manifest('networking.k8s.io/v1', 'Ingress', {
        spec: {
          rules: [
            {
              host,
              http: {
                paths: [{ path: '/', pathType: 'Prefix', backend: { service: { name: 'web', port: { number: 80 } } } }],
              },
            },
          ],
        },
      });
    const limited = cluster({ sync: { toHost: { ingresses: { allowedHosts: ['*.team-a.example.com'] } } } });
    expect(explain(ingress('www.team-a.example.com'), limited).outcome).toBe('synced');
    expect(explain(ingress('www.team-b.example.com'), limited)).toMatchObject({
      outcome: 'refused',
      reason: expect.stringContaining('spec.rules[0].host is "www.team-b.example.com"'),
    });
    const off = cluster({ sync: { toHost: { ingresses: { enabled: false } } } });
    expect(explain(ingress('a.b'), off)).toMatchObject({
      outcome: 'stays',
      reason: 'sync.toHost.ingresses.enabled is false',
    });
  });

  test.each([
    ['v1', 'ConfigMap', { data: { a: 'b' } }, 'synced'],
    ['v1', 'Secret', { data: {} }, 'synced'],
    [
      'v1',
      'PersistentVolumeClaim',
      { spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } } },
      'synced',
    ],
    [
      'policy/v1',
      'PodDisruptionBudget',
      { spec: { minAvailable: 1, selector: { matchLabels: { app: 'web' } } } },
      'synced',
    ],
    ['networking.k8s.io/v1', 'NetworkPolicy', { spec: { podSelector: {}, policyTypes: ['Ingress'] } }, 'synced'],
    ['v1', 'ServiceAccount', {}, 'stays'],
    ['resource.k8s.io/v1', 'ResourceClaim', { spec: {} }, 'stays'],
    ['scheduling.k8s.io/v1', 'PriorityClass', { value: 1 }, 'stays'],
    ['rbac.authorization.k8s.io/v1', 'Role', {}, 'stays'],
    ['example.org/v1', 'Widget', { spec: {} }, 'stays'],
  ])('%s %s', (apiVersion, kind, body, outcome) => {
    const explanation = explain(manifest(apiVersion, kind, body), vc);
    expect(explanation.outcome).toBe(outcome);
    expect(explanation.hostObject === undefined).toBe(outcome !== 'synced');
  });

  test('those that are switched on go to the host', () => {
    const custom = { group: 'example.org', version: 'v1', kind: 'Widget', resource: 'widgets' };
    const all = cluster({
      sync: {
        toHost: {
          serviceAccounts: { enabled: true },
          resourceClaims: { enabled: true },
          priorityClasses: { enabled: true, maximumValue: 10 },
          customResources: [{ ...custom, references: [{ path: 'spec.secret', kind: 'Secret' }] }],
        },
      },
    });
    expect(explain(manifest('v1', 'ServiceAccount', {}), all).outcome).toBe('synced');
    expect(explain(manifest('resource.k8s.io/v1', 'ResourceClaim', { spec: {} }), all).outcome).toBe('synced');
    const priority = explain(manifest('scheduling.k8s.io/v1', 'PriorityClass', { value: 1000 }), all);
    expect(field(priority, 'value')).toMatchObject({ change: 'changed', virtual: 1000, host: 10 });
    const widget = explain(manifest('example.org/v1', 'Widget', { spec: { secret: 'keys' } }), all);
    expect(field(widget, 'spec.secret')).toMatchObject({ change: 'changed', host: 'keys-x-shop-x-my-vc1' });
  });
});

test('a pod with a claim is refused where the platform has none, as the syncer refuses it', () => {
  const volumes = [{ name: 'data', persistentVolumeClaim: { claimName: 'data' } }];
  const without = cluster({ sync: { toHost: { persistentVolumeClaims: { enabled: false } } } });
  expect(explain(pod({ volumes }), without)).toMatchObject({
    outcome: 'refused',
    reason: expect.stringContaining(
      'Unsupported: persistentvolumeclaim "data": the platform does not provide',
    ) as string,
  });
  expect(explain(pod({ volumes }), cluster()).outcome).toBe('synced');
});

describe('an EndpointSlice', () => {
  const slice = (...addresses: string[]) => ({
    ...manifest('discovery.k8s.io/v1', 'EndpointSlice', {
      addressType: 'IPv4',
      endpoints: addresses.map((address) => ({ addresses: [address] })),
      ports: [{ port: 80, protocol: 'TCP' }],
    }),
  });

  test('leads to the tenant’s own pods, and to ranges that the platform gives', () => {
    const vc = cluster({ sync: { toHost: { endpointSlices: { allowedRanges: ['203.0.113.0/24'] } } } });
    const facts = { podAddresses: ['10.1.0.7'] };
    expect(explain(slice('10.1.0.7', '203.0.113.9'), vc, facts)).toMatchObject({
      outcome: 'synced',
      reason: 'only of a Service without a selector',
    });
    expect(explain(slice('10.1.0.8'), vc, facts)).toMatchObject({
      outcome: 'refused',
      reason: expect.stringContaining('PolicyViolation: endpoints have 10.1.0.8') as string,
    });
  });

  test('is left without what may not be there', () => {
    const { outcome, reason, hostObject } = explain(slice('10.1.0.7', '10.1.0.8'), cluster(), {
      podAddresses: ['10.1.0.7'],
    });
    expect(outcome).toBe('synced');
    expect(reason).toContain('left out: endpoints have 10.1.0.8');
    expect(JSON.stringify(hostObject)).not.toContain('10.1.0.8');
  });

  test('stays where the platform syncs none', () => {
    const none = cluster({ sync: { toHost: { endpointSlices: { enabled: false } } } });
    expect(explain(slice('10.1.0.7'), none)).toMatchObject({
      outcome: 'stays',
      reason: 'sync.toHost.endpointSlices.enabled is false',
    });
  });
});

test('hostile keys are plain data', () => {
  const labels = JSON.parse('{"__proto__": "a", "constructor": "b"}') as object;
  const { outcome } = explain(pod({}, { labels }), cluster());
  expect(outcome).toBe('synced');
  expect(({} as Record<string, unknown>)['a']).toBeUndefined();
});

test('what is no manifest, and what is no cluster, is said', () => {
  expect(() => explain({ kind: 'Pod' }, cluster())).toThrow('the manifest has no apiVersion or no kind');
  const wrong = new VirtualCluster(new Chart(new App(), 'test'), 'NO');
  expect(() => explain(pod(), wrong)).toThrow('test/NO is no cluster yet:');
});
