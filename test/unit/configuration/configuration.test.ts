import {
  cidrContains,
  clusterNameProblem,
  CONFIGURATION_DEFAULTS,
  ConfigurationError,
  controlPlaneNames,
  dnsNameProblem,
  imageProblem,
  parseCidr,
  RELEASE,
  serviceRangeProblem,
  type Cidr,
} from '../../../syncer/configuration';
import {
  configurationJsonSchema,
  formatConfiguration,
  parseConfiguration,
  resolveConfiguration,
} from '../../../syncer/configuration/document';

const HEAD = 'apiVersion: nestling.dev/v1alpha1\nkind: SyncerConfiguration\n';
const MINIMAL = `${HEAD}virtualCluster: {name: my-vc1}\n`;

function errorOf(text: string): string {
  try {
    parseConfiguration(text);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigurationError);
    return (error as Error).message;
  }
  throw new Error('the configuration was accepted');
}

describe('a configuration document', () => {
  test('needs only a name: everything else has a default', () => {
    expect(parseConfiguration(MINIMAL)).toEqual({
      apiVersion: 'nestling.dev/v1alpha1',
      kind: 'SyncerConfiguration',
      virtualCluster: { name: 'my-vc1', clusterDomain: 'cluster.local', version: '1.37.2', replicas: 1 },
      host: { workloadServiceAccount: 'my-vc1-workloads', helperImage: `ghcr.io/nestling-dev/syncer:${RELEASE}` },
      apiServer: { extraNames: [], kubeconfigs: [] },
      certificates: { lifetimeSeconds: 31_536_000 },
      network: { serviceCIDRs: [] },
      dns: { enabled: true, image: 'registry.k8s.io/coredns/coredns:v1.14.7', replicas: 1, forward: [] },
      hostServices: { toVirtual: [], toHost: [] },
      policy: {
        podSecurity: 'baseline',
        allowedCSIDrivers: [],
        toleratedTaints: [],
        alwaysPullImages: false,
        network: { isolated: false, allowedIngress: [], allowedEgress: [], dnsServers: [] },
      },
      scheduling: { scheduler: 'host' },
      services: { reservationSeconds: 60 },
      store: { embedded: true },
      logging: { level: 'info' },
      sync: {
        toHost: {
          persistentVolumeClaims: { enabled: true, deletionPolicy: 'Delete' },
          endpointSlices: { enabled: true, allowedRanges: [] },
          ingresses: { enabled: true, annotations: [], allowedHosts: [], allowedClasses: [] },
          networkPolicies: { enabled: true },
          podDisruptionBudgets: { enabled: true },
          serviceAccounts: {
            enabled: false,
            annotations: [
              'eks.amazonaws.com/role-arn',
              'eks.amazonaws.com/audience',
              'eks.amazonaws.com/sts-regional-endpoints',
              'eks.amazonaws.com/token-expiration',
              'iam.gke.io/gcp-service-account',
              'azure.workload.identity/*',
            ],
          },
          priorityClasses: { enabled: false, maximumValue: 1_000_000, maximumCount: 50 },
          resourceClaims: { enabled: false },
          customResources: [],
        },
        fromHost: {
          events: { enabled: true },
          nodes: { mode: 'fake', selector: {}, enforce: false },
          metrics: { enabled: true },
          persistentVolumes: { enabled: false },
          storageClasses: { enabled: false, selector: {} },
          volumeAttributesClasses: { enabled: false, selector: {} },
          ingressClasses: { enabled: false, selector: {} },
          runtimeClasses: { enabled: false, selector: {} },
          priorityClasses: { enabled: false, selector: {} },
          customResources: [],
        },
        patches: [],
      },
    });
  });

  test('keeps what it says', () => {
    const configuration = parseConfiguration(
      `${HEAD}virtualCluster: {name: a, clusterDomain: vc.example}\nhost: {workloadServiceAccount: pods}\n` +
        `apiServer: {extraNames: [api.example.com, "*.example.com", 192.0.2.1], kubeconfigServer: "https://api.example.com:6443"}\n` +
        `network: {serviceCIDRs: [10.96.0.0/16, "fd00:10:96::/112"]}\ndns: {enabled: false}\npolicy: {podSecurity: restricted, allowedCSIDrivers: [files.csi.example]}\n`,
    );
    expect(configuration.virtualCluster.clusterDomain).toBe('vc.example');
    expect(configuration.host.workloadServiceAccount).toBe('pods');
    expect(configuration.apiServer.extraNames).toEqual(['api.example.com', '*.example.com', '192.0.2.1']);
    expect(configuration.apiServer.kubeconfigServer).toBe('https://api.example.com:6443');
    expect(configuration.network.serviceCIDRs).toEqual(['10.96.0.0/16', 'fd00:10:96::/112']);
    expect(configuration.dns).toEqual({
      enabled: false,
      replicas: 1,
      image: CONFIGURATION_DEFAULTS.dnsImage,
      forward: [],
    });
    expect(configuration.policy).toMatchObject({ podSecurity: 'restricted', allowedCSIDrivers: ['files.csi.example'] });
  });

  test('has rules for annotations of Ingresses, each with what its action needs', () => {
    const rules = [
      { key: 'example.org/a', action: 'allow' },
      { key: 'example.org/b*', action: 'drop' },
      { key: 'example.org/c', action: 'rewrite', names: 'secretName' },
      { key: 'example.org/d', action: 'set', value: '' },
    ];
    const of = (annotations: unknown): string =>
      `${MINIMAL}sync: {toHost: {ingresses: {annotations: ${JSON.stringify(annotations)}}}}\n`;
    expect(parseConfiguration(of(rules)).sync.toHost.ingresses.annotations).toEqual([
      { ...rules[0], values: 'text' },
      ...rules.slice(1),
    ]);
    const message = errorOf(
      of([
        { key: '*', action: 'allow' },
        { key: 'nestling.dev/uid', action: 'drop' },
        { key: 'label.nestling.dev/*', action: 'drop' },
        { key: 'a/b*', action: 'set', value: 'x' },
        { key: 'a/b', action: 'rewrite' },
        { key: 'a/b', action: 'guess' },
        { key: 'a/b', action: 'drop', value: 'x' },
      ]),
    );
    const path = 'sync.toHost.ingresses.annotations';
    expect(message).toContain(`${path}[0].key: "*": is no key of an annotation`);
    expect(message).toContain(`${path}[1].key: "nestling.dev/uid": is a key by which the syncer knows its own objects`);
    expect(message).toContain(`${path}[2].key`);
    expect(message).toContain(`${path}[3].key: "a/b*": is several keys`);
    expect(message).toContain(`${path}[4].names`);
    expect(message).toContain(`${path}[5].action`);
    expect(message).toContain(`${path}[6].value`);
  });

  test('written and read again is the same', () => {
    const configuration = parseConfiguration(MINIMAL);
    const text = formatConfiguration(configuration);
    expect(parseConfiguration(text)).toEqual(configuration);
    expect(formatConfiguration(parseConfiguration(text))).toBe(text);
  });

  test('of another version or kind is refused with the ones that are read', () => {
    const message = errorOf('apiVersion: nestling.dev/v9\nkind: Other\nvirtualCluster: {name: a}\n');
    expect(message).toContain('apiVersion: "nestling.dev/v9": is not allowed: write nestling.dev/v1alpha1');
    expect(message).toContain('kind: "Other": is not allowed: write SyncerConfiguration');
  });

  test('that is empty, a list or no YAML is refused in a sentence', () => {
    expect(errorOf('')).toContain('the document: null: has the wrong type: give a map of fields');
    expect(errorOf('- a')).toContain('give a map of fields');
    expect(errorOf('a: [')).toContain('is not YAML');
    expect(errorOf(`${MINIMAL}dns: *missing\n`)).toContain('is not YAML');
    expect(errorOf(`${MINIMAL}${MINIMAL}`)).toContain('Map keys must be unique');
  });

  test('has all its faults named at once, each with field, value and remedy', () => {
    const message = errorOf(
      `${HEAD}virtualCluster: {name: My_VC}\nhost: {}\napiServer: {extraNames: [ok, "not ok"], kubeconfigServer: "http://x"}\n` +
        `network: {serviceCIDRs: [10.0.0.1/8]}\ndns: {replicas: 0, enabled: sometimes, image: "a b"}\npolicy: {podSecurity: high, allowedCSIDrivers: [ok.example, Files]}\n` +
        `services: {reservationSeconds: 1}\nlogging: {level: loud}\n`,
    );
    for (const line of [
      'virtualCluster.name: "My_VC": is no DNS label (RFC 1035): use lower-case letters',
      'apiServer.extraNames[1]: "not ok": is no DNS name: use labels of lower-case letters',
      'apiServer.kubeconfigServer: "http://x": is no server address: write https://',
      'network.serviceCIDRs[0]: "10.0.0.1/8": has bits set after its first 8: write the first address of the range',
      'dns.replicas: 0: must be at least 1; to have no DNS server, set dns.enabled to false',
      'dns.enabled: "sometimes": has the wrong type: give true or false',
      'dns.image: "a b": is no image reference: write registry/repository:tag',
      'policy.podSecurity: "high": is not allowed: write privileged or baseline or restricted',
      'policy.allowedCSIDrivers[1]: "Files": is no name of a CSI driver: write the name of its CSIDriver object',
      'services.reservationSeconds: 1: must be at least 5 seconds',
      'logging.level: "loud": is not allowed: write debug or info or warn or error',
    ]) {
      expect(message).toContain(line);
    }
  });

  test('with a missing name says what to give', () => {
    expect(errorOf(`${HEAD}virtualCluster: {}\n`)).toContain('virtualCluster.name: is missing: give a string');
    expect(errorOf(HEAD)).toContain('virtualCluster: is missing: give a map of fields');
  });

  test.each(['unknown', 'constructor', 'toString', '__proto__'])(
    'with the field %s is refused, at any depth',
    (key) => {
      expect(errorOf(`${MINIMAL}"${key}": 1\n`)).toContain(
        `${key}: 1: is not a known field: correct its spelling or remove it`,
      );
      expect(errorOf(`${MINIMAL}dns: {"${key}": 1}\n`)).toContain(`dns.${key}: 1: is not a known field`);
      expect(({} as Record<string, unknown>)['unknown']).toBeUndefined();
    },
  );

  test('keeps its errors short, however long the value is', () => {
    const line = errorOf(`${HEAD}virtualCluster: {name: a, clusterDomain: "${'x'.repeat(10_000)}"}\n`).split('\n')[1];
    expect(line?.length).toBeLessThan(250);
  });

  test('given as an object is not changed', () => {
    const input = { apiVersion: 'nestling.dev/v1alpha1', kind: 'SyncerConfiguration', virtualCluster: { name: 'a' } };
    const before = structuredClone(input);
    resolveConfiguration(input);
    expect(input).toEqual(before);
  });

  test('takes one range per address family', () => {
    expect(errorOf(`${MINIMAL}network: {serviceCIDRs: [10.0.0.0/16, 10.1.0.0/16]}\n`)).toContain(
      'has two ranges of one family',
    );
    expect(errorOf(`${MINIMAL}network: {serviceCIDRs: [10.0.0.0/16, "fd00::/112", "fd01::/112"]}\n`)).toContain(
      'more than two ranges',
    );
  });

  test('has a JSON schema that names its required fields and defaults', () => {
    const schema = configurationJsonSchema();
    expect(schema).toMatchObject({
      required: ['apiVersion', 'kind', 'virtualCluster'],
      additionalProperties: false,
      properties: {
        virtualCluster: { required: ['name'], properties: { clusterDomain: { default: 'cluster.local' } } },
      },
    });
    expect(() => JSON.stringify(schema)).not.toThrow();
  });
});

describe('names', () => {
  test('of clusters are labels of at most 52 characters', () => {
    expect(clusterNameProblem('a')).toBeUndefined();
    expect(clusterNameProblem('a'.repeat(52))).toBeUndefined();
    for (const name of ['', '-a', 'a-', '1a', 'A', 'a.b', 'a_b', 'a\n', 'ä'])
      expect(clusterNameProblem(name)).toContain('RFC 1035');
  });

  test('of clusters do not hold what separates the parts of host names', () => {
    const problem =
      'contains "-x-", which stands between the parts of host names of tenants\' objects: choose a name without it';
    for (const name of ['a-x-b', 'web-x-shop-x-my-vc1', 'a--x-b', 'a-x-x-b'])
      expect(clusterNameProblem(name)).toBe(problem);
    for (const name of ['x', 'x-a', 'a-x', 'a-xx-b', 'ax-b']) expect(clusterNameProblem(name)).toBeUndefined();
    expect(errorOf(`${HEAD}virtualCluster: {name: a-x-b}\n`)).toContain(`virtualCluster.name: "a-x-b": ${problem}`);
  });

  test('too long for a child name name that child', () => {
    const name = 'a'.repeat(53);
    expect(clusterNameProblem(name)).toBe(
      `has 53 characters, which makes its longest child name too long: label controller-revision-hash on pod ${name}-0 would be ` +
        `${name}-<10 characters>, 64 of at most 63; choose a name of at most 52 characters`,
    );
  });

  test('of DNS have labels of at most 63 characters and 253 in all', () => {
    expect(dnsNameProblem('cluster.local')).toBeUndefined();
    expect(dnsNameProblem(`${'a'.repeat(64)}.b`)).toContain('is no DNS name');
    expect(dnsNameProblem(Array(130).fill('a').join('.'))).toContain('at most 253');
    for (const name of ['', '.', 'a..b', '-a', 'a.', 'A']) expect(dnsNameProblem(name)).toBeDefined();
  });

  test('of images may have a port, a tag and a digest', () => {
    const digest = `sha256:${'0'.repeat(64)}`;
    for (const image of [
      'nginx',
      'docker.io/library/nginx:1.22',
      'localhost:5000/a/b',
      `r.example/a@${digest}`,
      `r.example/a:1@${digest}`,
    ]) {
      expect(imageProblem(image)).toBeUndefined();
    }
    for (const image of [
      '',
      'a b',
      'a:',
      'a/',
      'https://a/b',
      'a@sha256:12',
      'a:1:2/c',
      '-a',
      `a@${digest}@${digest}`,
    ]) {
      expect(imageProblem(image)).toContain('is no image reference');
    }
  });

  test('of host objects follow from the name of the cluster', () => {
    expect(controlPlaneNames('my-vc1')).toMatchObject({
      pod: 'my-vc1-0',
      anchor: 'my-vc1-anchor',
      certificates: 'my-vc1-certs',
      kubeconfig: 'vc-my-vc1',
      workloadServiceAccount: 'my-vc1-workloads',
    });
  });
});

describe('address ranges', () => {
  test.each([
    '10.96.0.0/16',
    '0.0.0.0/0',
    '192.0.2.1/32',
    '::/0',
    'fd00:10:96::/112',
    '::ffff:10.0.0.0/104',
    '2001:DB8::/32',
  ])('%s is one', (text) => {
    expect(typeof parseCidr(text)).toBe('object');
  });

  test.each([
    '',
    '10.0.0.0',
    '10.0.0.0/',
    '/8',
    '10.0.0/8',
    '10.0.0.0/08',
    '10.0.0.0/-1',
    '10.0.0.0/8/8',
    'fe80::%eth0/64',
    'a/8',
    ' 10.0.0.0/8',
  ])('"%s" is none, and the error shows what one looks like', (text) => {
    expect(parseCidr(text)).toContain('such as 10.96.0.0/16 or fd00:10:96::/112');
  });

  test('have no longer prefix than their family, and begin with their first address', () => {
    expect(parseCidr('10.0.0.0/33')).toBe('has a prefix of 33 bits: an IPv4 range has at most 32');
    expect(parseCidr('fd00::/129')).toBe('has a prefix of 129 bits: an IPv6 range has at most 128');
    expect(parseCidr('10.96.0.1/16')).toContain('has bits set after its first 16');
    expect(parseCidr('fd00::1/112')).toContain('has bits set after its first 112');
    expect(parseCidr('::ffff:10.0.0.1/104')).toContain('has bits set');
  });

  test('of services have at least eight addresses', () => {
    expect(serviceRangeProblem('10.0.0.0/29')).toBeUndefined();
    expect(serviceRangeProblem('10.0.0.0/30')).toContain('fewer than eight addresses');
    expect(serviceRangeProblem('fd00::/126')).toContain('a prefix of at most 125');
  });

  test('contain addresses of their own family only', () => {
    const range = parseCidr('10.96.0.0/16') as Cidr;
    expect(cidrContains(range, '10.96.255.255')).toBe(true);
    expect(cidrContains(range, '10.97.0.0')).toBe(false);
    expect(cidrContains(range, 'fd00::1')).toBe(false);
    expect(cidrContains(range, 'nonsense')).toBe(false);
    expect(cidrContains(parseCidr('fd00:10:96::/112') as Cidr, 'fd00:10:96:0:0:0:0:ff')).toBe(true);
  });
});
