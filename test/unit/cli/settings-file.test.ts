import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App, Chart, Duration, Size } from 'cdk8s';
import { stringify } from 'yaml';
import { plainForm, propsFromPlain, readSettings } from '../../../cli/settings-file';
import {
  ContainerDefaults,
  Cpu,
  Exposure,
  FieldPatch,
  ImageSources,
  IngressSync,
  Isolation,
  KubeconfigServer,
  KubernetesVersion,
  NetworkPeer,
  NodeSyncPolicy,
  PodSecurityLevel,
  Quota,
  Rewrite,
  RightsScope,
  Scheduler,
  SleepSchedule,
  Store,
  TlsPassthrough,
  type VirtualClusterProps,
} from '../../../constructs';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'nestling-settings-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

/** Every property, none of which may be missing here. */
const EVERYTHING: Required<VirtualClusterProps> = {
  name: 'my-vc1',
  namespace: 'team-a',
  version: KubernetesVersion.V1_36,
  replicas: 3,
  store: Store.persistent({
    size: Size.gibibytes(10),
    quota: Size.mebibytes(512),
    storageClassName: 'fast',
    retain: true,
  }),
  images: ImageSources.mirror('registry.example.com/mirror').with({ etcd: 'registry.example.com/etcd:1' }),
  resources: {
    etcd: { cpuRequest: Cpu.millis(50), cpuLimit: Cpu.units(2), memoryLimit: Size.gibibytes(2) },
    syncer: {},
  },
  serviceCIDR: '10.96.0.0/12',
  clusterDomain: 'cluster.test',
  dns: { enabled: true, replicas: 2, forward: ['10.0.0.53'] },
  isolation: Isolation.restricted({
    network: {
      enabled: true,
      internet: false,
      hostRanges: ['203.0.113.0/24'],
      allowIngressFrom: [NetworkPeer.namespace('ingress'), NetworkPeer.pods({ namespace: 'a', labels: { b: 'c' } })],
      allowEgressTo: [NetworkPeer.cidr('198.51.100.0/24', ['198.51.100.7/32']), NetworkPeer.pods({})],
      dnsServers: [NetworkPeer.cidr('10.0.0.53/32')],
    },
    toleratedTaints: ['example.org/*'],
    alwaysPullImages: false,
    quota: Quota.standard({ pods: 300, memoryLimits: Size.gibibytes(64), cpuLimits: Cpu.units(8) }),
    containerDefaults: ContainerDefaults.of({ cpuRequest: Cpu.millis(250), memoryLimit: Size.gibibytes(1) }),
  }),
  podSecurity: PodSecurityLevel.BASELINE,
  allowedCSIDrivers: ['secrets-store.csi.k8s.io'],
  scheduler: Scheduler.virtual(),
  exposure: Exposure.ingress({
    host: 'a.example.com',
    passthrough: TlsPassthrough.ingressNginx(),
    className: 'public',
    port: 8443,
  }),
  kubeconfigs: [
    { secretName: 'one', server: KubeconfigServer.inside() },
    { secretName: 'two', server: KubeconfigServer.url('https://a.example.com:8443') },
    { secretName: 'three' },
  ],
  certificateLifetime: Duration.days(90),
  apiServerNames: ['b.example.com'],
  sleep: SleepSchedule.outside({ from: '07:00', to: '20:00', timeZone: 'Europe/Berlin' }),
  scope: RightsScope.CLUSTER,
  hostVersion: '1.36',
  sync: {
    toHost: {
      persistentVolumeClaims: { enabled: true, deletionPolicy: 'Retain' },
      endpointSlices: { allowedRanges: ['203.0.113.0/28'] },
      ingresses: {
        allowedHosts: ['*.example.com'],
        allowedClasses: ['public'],
        annotations: [
          { key: 'a/*', action: 'allow', values: 'any' },
          { key: 'b', action: 'drop' },
          { key: 'c', action: 'rewrite', names: 'secretName' },
          { key: 'd', action: 'set', value: 'e' },
        ],
      },
      networkPolicies: { allowedEgress: ['203.0.113.0/24'], allowedIngress: [] },
      podDisruptionBudgets: { enabled: false },
      serviceAccounts: { enabled: true, annotations: ['eks.amazonaws.com/*'] },
      priorityClasses: { enabled: true, maximumValue: 10, maximumCount: 2 },
      resourceClaims: { enabled: false },
      customResources: [
        {
          group: 'example.org',
          version: 'v1',
          kind: 'Widget',
          resource: 'widgets',
          scope: 'Namespaced',
          references: [
            { path: 'spec.secretName', kind: 'Secret' },
            {
              path: 'spec.other',
              kind: { group: 'example.org', kind: 'Gadget' },
              namespacePath: 'spec.otherNamespace',
            },
          ],
          labelSelectors: ['spec.selector'],
          labelMaps: ['spec.labels'],
        },
      ],
    },
    fromHost: {
      events: { enabled: true },
      nodes: NodeSyncPolicy.nodesMatching({ pool: 'gpu' }, { enforce: true }),
      metrics: { enabled: false },
      persistentVolumes: { enabled: true },
      storageClasses: { enabled: true, selector: { a: 'b' } },
      volumeAttributesClasses: { enabled: true },
      ingressClasses: { enabled: true },
      runtimeClasses: { enabled: true },
      priorityClasses: { enabled: false },
      customResources: [
        {
          group: 'example.org',
          version: 'v1',
          kind: 'Gadget',
          resource: 'gadgets',
          selector: { shown: 'yes' },
          namespaces: [{ host: 'shared', virtual: 'gadgets' }],
        },
      ],
    },
    patches: [
      {
        kind: 'Pod',
        direction: 'toHost',
        match: { namespaces: ['a'], names: ['b'], selector: { c: 'd' } },
        operations: [
          FieldPatch.set('spec.nodeSelector', { pool: 'tenants' }),
          FieldPatch.append('spec.tolerations', { key: 'x', operator: 'Exists' }),
          FieldPatch.remove('metadata.annotations["x"]'),
          FieldPatch.rewrite('spec.containers[*].image', Rewrite.prefix('mirror/')),
          FieldPatch.rewrite('spec.priorityClassName', Rewrite.map({ a: 'b' }, 'c')),
          FieldPatch.replaceText('spec.hostname', 'a', 'b'),
        ],
      },
    ],
  },
  manifests: [{ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'apps' } }],
  hostServices: {
    toVirtual: [
      { host: { namespace: 'shared', name: 'db' }, virtual: { namespace: 'default', name: 'db' }, headless: true },
    ],
    toHost: [{ virtual: { namespace: 'default', name: 'web' }, host: { name: 'team-a-web' } }],
  },
};

test('every property comes through YAML and JSON as it was', async () => {
  const plain = plainForm(EVERYTHING, 'props');
  for (const [name, text] of [
    ['everything.yaml', stringify(plain)],
    ['everything.json', JSON.stringify(plain)],
  ] as const) {
    const props = propsFromPlain(await readSettings(file(name, text)), name);
    expect(Object.keys(props).sort()).toEqual(Object.keys(EVERYTHING).sort());
    expect(props).toEqual(EVERYTHING);
  }
});

/** Values of each class, by what a file says. */
const VALUES: readonly (readonly [property: keyof VirtualClusterProps, plain: unknown, value: unknown])[] = [
  ['version', '1.37', KubernetesVersion.V1_37],
  ['version', 'v1.36.3', KubernetesVersion.V1_36],
  ['store', 'persistent', Store.persistent()],
  ['store', 'ephemeral', Store.ephemeral()],
  ['store', { type: 'ephemeral', size: '4Gi' }, Store.ephemeral({ size: Size.gibibytes(4) })],
  ['store', { type: 'postgres', secretName: 'db' }, Store.postgres({ secretName: 'db' })],
  ['store', { type: 'mysql', secretName: 'db', secretKey: 'dsn' }, Store.mysql({ secretName: 'db', secretKey: 'dsn' })],
  [
    'store',
    { type: 'etcd', endpoints: ['https://e:2379'], secretName: 'e' },
    Store.etcd({ endpoints: ['https://e:2379'], secretName: 'e' }),
  ],
  ['images', 'upstream', ImageSources.upstream()],
  ['images', { type: 'upstream', with: { syncer: 'a:b' } }, ImageSources.upstream().with({ syncer: 'a:b' })],
  ['exposure', 'clusterIP', Exposure.clusterIP()],
  ['exposure', 'nodePort', Exposure.nodePort()],
  ['exposure', { type: 'nodePort', port: 30443, address: 'n' }, Exposure.nodePort({ port: 30443, address: 'n' })],
  ['exposure', 'loadBalancer', Exposure.loadBalancer()],
  [
    'exposure',
    {
      type: 'loadBalancer',
      annotations: { a: 'b' },
      loadBalancerClass: 'c',
      sourceRanges: ['10.0.0.0/8'],
      host: 'h.x',
    },
    Exposure.loadBalancer({
      annotations: { a: 'b' },
      loadBalancerClass: 'c',
      sourceRanges: ['10.0.0.0/8'],
      host: 'h.x',
    }),
  ],
  [
    'exposure',
    { type: 'ingress', host: 'h.x', passthrough: { type: 'annotations', annotations: { a: 'b' } }, port: 443 },
    Exposure.ingress({ host: 'h.x', passthrough: TlsPassthrough.annotations({ a: 'b' }) }),
  ],
  ...(['haproxyIngress', 'haproxyTechnologies'] as const).map(
    (name) =>
      [
        'exposure',
        { type: 'ingress', host: 'h.x', passthrough: name, port: 443 },
        Exposure.ingress({ host: 'h.x', passthrough: TlsPassthrough[name]() }),
      ] as const,
  ),
  [
    'exposure',
    { type: 'tlsRoute', host: 'h.x', gateway: { name: 'g' }, port: 443, apiVersion: 'v1alpha2' },
    Exposure.tlsRoute({ host: 'h.x', gateway: { name: 'g' }, apiVersion: 'v1alpha2' }),
  ],
  ['isolation', 'trusted', Isolation.trusted()],
  ['isolation', { type: 'baseline', quota: 'none' }, Isolation.baseline({ quota: Quota.none() })],
  [
    'isolation',
    { type: 'baseline', containerDefaults: 'none', quota: { type: 'of', pods: 3 } },
    Isolation.baseline({ containerDefaults: ContainerDefaults.none(), quota: Quota.of({ pods: 3 }) }),
  ],
  ['scheduler', 'host', Scheduler.host()],
  ['sleep', { type: 'cron', sleep: '0 20 * * *', timeZone: 'Etc/UTC' }, SleepSchedule.cron({ sleep: '0 20 * * *' })],
  ['certificateLifetime', '36h', Duration.hours(36)],
  ['sync', { fromHost: { nodes: 'fake' } }, { fromHost: { nodes: NodeSyncPolicy.fake() } }],
  ['sync', { fromHost: { nodes: 'real' } }, { fromHost: { nodes: NodeSyncPolicy.real() } }],
  ['sync', { fromHost: { nodes: 'allNodes' } }, { fromHost: { nodes: NodeSyncPolicy.allNodes() } }],
];

test.each(VALUES)('%s: %j is what the factory makes, and is written so again', (property, plain, value) => {
  const props = propsFromPlain({ [property]: plain }, 'test');
  expect(props[property]).toEqual(value);
  const again = plainForm(props, 'test');
  expect(propsFromPlain(again, 'test')).toEqual(props);
  if (property !== 'version') expect(again).toEqual({ [property]: plain });
});

test('a TypeScript file gives the same as YAML', async () => {
  const code = file(
    'vc.ts',
    `import { Size } from 'cdk8s';
     import { Exposure, Store, type VirtualClusterProps } from 'nestling';
     enum Team { A = 'team-a' }
     const size: number = 7;
     export default {
       namespace: Team.A,
       store: Store.persistent({ size: Size.gibibytes(size) }),
       exposure: Exposure.nodePort(),
     } satisfies VirtualClusterProps;`,
  );
  const data = file('vc.yaml', 'namespace: team-a\nstore: { type: persistent, size: 7Gi }\nexposure: nodePort\n');
  expect(await readSettings(code)).toEqual(await readSettings(data));
});

const wrong: readonly (readonly [what: string, name: string, text: string, message: RegExp])[] = [
  [
    'an unknown field',
    'a.yaml',
    'exposrue: nodePort',
    /a\.yaml cannot be used:\n {2}exposrue: "nodePort": is not a known field/,
  ],
  [
    'an unknown factory',
    'b.yaml',
    'store: floppy',
    /store: "floppy": is not allowed: write persistent or ephemeral, or a map with type postgres or mysql or etcd$/m,
  ],
  [
    'an unknown type',
    'c.yaml',
    'store: { type: floppy }',
    /store\.type: "floppy": is not known: write persistent or ephemeral or postgres/,
  ],
  [
    'a wrong setting',
    'd.yaml',
    'store: { type: persistent, size: 5 GB }',
    /store\.size: "5 GB": is no size: write a whole number and Ki, Mi, Gi/,
  ],
  [
    'a setting of another type',
    'e.yaml',
    'store: { type: ephemeral, retain: true }',
    /store\.retain: true: is not a known field/,
  ],
  ['a missing setting', 'f.yaml', 'exposure: { type: ingress, host: a.b }', /exposure\.passthrough: is missing/],
  [
    'a version that is a number',
    'g.yaml',
    'version: 1.30',
    /version: 1\.3: .*write it as a text|version: 1\.3: has the wrong type: give a string/,
  ],
  ['a wrong number of replicas', 'h.json', '{"replicas": 2}', /replicas: 2: is not allowed: write 1 or 3/],
  [
    'a field deep inside',
    'i.yaml',
    'sync: { toHost: { customResources: [{ group: 1 }] } }',
    /sync\.toHost\.customResources\[0\]\.group: 1: has the wrong type: give a string/,
  ],
  ['a doubled key', 'j.yaml', 'name: a\nname: b', /j\.yaml cannot be used:\n.*is not YAML/],
  ['a list', 'k.yaml', '- a', /the document: .*give a map of fields/],
  [
    'a class where TypeScript has a text',
    'l.ts',
    'export default { store: "persistent" }',
    /store: "persistent": is no Store: use one of its factories/,
  ],
  ['no default export', 'm.ts', 'export const a = 1;', /m\.ts has no default export/],
  ['code that throws', 'n.ts', 'throw new Error("no tenant");', /n\.ts does not run: no tenant/],
  ['code that cannot be read', 'o.ts', 'export default {', /o\.ts does not run: /],
];

test.each(wrong)('tells of %s', async (_, name, text, message) => {
  await expect(readSettings(file(name, text))).rejects.toThrow(message);
});

test('tells of a file that is not there, and of one of no known kind', async () => {
  await expect(readSettings(join(folder, 'none.yaml'))).rejects.toThrow(/none\.yaml is not there: check its name/);
  await expect(readSettings(join(folder, 'none.ts'))).rejects.toThrow(/none\.ts is not there: check its name/);
  await expect(readSettings(file('vc.toml', ''))).rejects.toThrow(/no known ending: name it \.ts, \.yaml/);
});

test('an empty file says nothing', async () => {
  expect(await readSettings(file('empty.yaml', '# nothing yet\n'))).toEqual({});
});

test('keys that objects have by themselves are data', async () => {
  const text =
    'sync: { patches: [{ kind: Pod, operations: [{ op: set, path: a, value: { "__proto__": { polluted: 1 } } }] }] }';
  await readSettings(file('proto.yaml', text)).catch(() => undefined);
  expect(({} as { polluted?: number }).polluted).toBeUndefined();
  await expect(readSettings(file('proto2.yaml', '"__proto__": { polluted: 1 }'))).rejects.toThrow(
    /__proto__: .*is not a known field/,
  );
});

test('constructs that several clusters share are refused, with the reason', () => {
  const chart = new Chart(new App(), 'c');
  const nodes = new NodeSyncPolicy(chart, 'nodes', { nodes: NodeSyncPolicy.allNodes() as never });
  expect(() => plainForm({ sync: { fromHost: { nodes } } }, 'vc.ts')).toThrow(
    /sync\.fromHost\.nodes: .*several clusters share/,
  );
  const ingresses = new IngressSync(chart, 'ingresses', { allowedHosts: ['*.example.com'] });
  expect(() => plainForm({ sync: { toHost: { ingresses } } }, 'vc.ts')).toThrow(/sync\.toHost\.ingresses/);
});
