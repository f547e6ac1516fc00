import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ConfigurationError } from '../../../syncer/configuration';
import { configurationJsonSchema, resolveConfiguration } from '../../../syncer/configuration/document';
import { configurationFields, fieldGroups, kebabCase, pathText } from '../../../syncer/configuration/fields';
import { type GivenFlag, withFlags } from '../../../syncer/configuration/flags';
import { configurationReference, flagHelp } from '../../../syncer/configuration/reference';

const SCHEMA = configurationJsonSchema();
const FIELDS = configurationFields(SCHEMA);
const DOCUMENT = {
  apiVersion: 'nestling.dev/v1alpha1',
  kind: 'SyncerConfiguration',
  virtualCluster: { name: 'my-vc1' },
};

type Pair = readonly [name: string, text: string];
const flags = (...pairs: readonly Pair[]): GivenFlag[] => pairs.map(([name, text]) => ({ name, text }));

function errorOf(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigurationError);
    return (error as Error).message;
  }
  throw new Error('nothing was wrong');
}

/** Every path of the document that holds a value, taken from the schema without the code under test. */
function leaves(schema: Record<string, unknown>, path: readonly string[] = []): string[] {
  const properties = schema['properties'] as Record<string, Record<string, unknown>> | undefined;
  if (properties === undefined) return [pathText(path)];
  return Object.entries(properties).flatMap(([name, inner]) => leaves(inner, [...path, name]));
}

describe('the fields of the document', () => {
  test('are all settings but the document’s own version and kind, each with a flag of its own', () => {
    const expected = leaves(SCHEMA).filter((path) => path !== 'apiVersion' && path !== 'kind');
    expect(FIELDS.map(({ path }) => pathText(path)).sort()).toEqual(expected.sort());
    expect(new Set(FIELDS.map(({ flag }) => flag)).size).toBe(FIELDS.length);
  });

  test.each(FIELDS.map((field) => [pathText(field.path), field] as const))(
    '%s has a description, and a default or says what its absence means or is required',
    (_, { description, default: standard, required, flag }) => {
      expect(description).toMatch(/^\S.*\.$/);
      expect(required || standard !== undefined || description.includes('Default: ')).toBe(true);
      expect(flag).toMatch(/^[a-z0-9]+(-[a-z0-9]+)*$/);
    },
  );

  test('have groups with descriptions', () => {
    for (const { path, description } of fieldGroups(SCHEMA)) {
      expect([pathText(path), description]).toEqual([pathText(path), expect.stringMatching(/^\S.*\.$/)]);
    }
  });

  test.each([
    ['serviceCIDRs', 'service-cidrs'],
    ['serviceCIDRsOfHost', 'service-cidrs-of-host'],
    ['podSecurity', 'pod-security'],
    ['allowedCSIDrivers', 'allowed-csi-drivers'],
    ['podIPSelector', 'pod-ip-selector'],
    ['dns', 'dns'],
    ['v1Beta', 'v1-beta'],
  ])('%s is %s in a flag', (name, flag) => {
    expect(kebabCase(name)).toBe(flag);
  });
});

describe('flags', () => {
  const apply = (...given: readonly Pair[]) => resolveConfiguration(withFlags(DOCUMENT, flags(...given), FIELDS));

  test('win over the document, which stays as it is', () => {
    const document = { ...DOCUMENT, dns: { replicas: 2, enabled: true } };
    const before = structuredClone(document);
    const changed = withFlags(document, flags(['dns-replicas', '5'], ['logging-level', 'debug']), FIELDS);
    expect(resolveConfiguration(changed)).toMatchObject({ dns: { replicas: 5 }, logging: { level: 'debug' } });
    expect(document).toEqual(before);
  });

  test('can say everything without a document', () => {
    const head = { apiVersion: DOCUMENT.apiVersion, kind: DOCUMENT.kind };
    const configuration = resolveConfiguration(withFlags(head, flags(['virtual-cluster-name', 'a']), FIELDS));
    expect(configuration.host.workloadServiceAccount).toBe('a-workloads');
  });

  test('take lists with commas, repeated, or empty', () => {
    expect(apply(['api-server-extra-names', 'a.example, b.example']).apiServer.extraNames).toEqual([
      'a.example',
      'b.example',
    ]);
    const ranges = [
      ['network-service-cidrs', '10.0.0.0/16'],
      ['network-service-cidrs', 'fd00::/112'],
    ] as const;
    expect(apply(...ranges).network.serviceCIDRs).toEqual(['10.0.0.0/16', 'fd00::/112']);
    expect(apply(['network-service-cidrs', '']).network.serviceCIDRs).toEqual([]);
  });

  test('of another type are refused by the schema, with the field’s path', () => {
    expect(errorOf(() => apply(['dns-replicas', 'many']))).toContain('dns.replicas: "many": has the wrong type');
    expect(errorOf(() => apply(['dns-enabled', 'maybe']))).toContain('dns.enabled: "maybe": has the wrong type');
    expect(errorOf(() => apply(['policy-pod-security', 'high']))).toContain(
      'policy.podSecurity: "high": is not allowed',
    );
  });

  test('that are given twice are refused', () => {
    expect(errorOf(() => apply(['dns-replicas', '1'], ['dns-replicas', '2']))).toContain(
      'dns.replicas: "2": is given more than once: give --dns-replicas once',
    );
  });

  test('take structures as JSON, whatever keys they have', () => {
    const schema = {
      properties: {
        a: { properties: { map: { type: 'object', additionalProperties: { type: 'string' }, description: 'M.' } } },
        list: { type: 'array', items: { type: 'object', properties: {} }, description: 'L.' },
      },
    };
    const fields = configurationFields(schema);
    expect(fields.map(({ flag, type }) => [flag, type])).toEqual([
      ['list', 'json'],
      ['a-map', 'json'],
    ]);
    const map = withFlags({}, flags(['a-map', '{"__proto__": "x"}'], ['list', '[{"b": 1}]']), fields) as {
      a: { map: object };
      list: unknown;
    };
    expect(Object.keys(map.a.map)).toEqual(['__proto__']);
    expect(map.list).toEqual([{ b: 1 }]);
    expect(errorOf(() => withFlags({}, flags(['a-map', '{b: 1}']), fields))).toContain('a.map: "{b: 1}": is not JSON');
  });

  test('leave a document that is no map to the schema', () => {
    expect(withFlags([1], flags(['dns-replicas', '1']), FIELDS)).toEqual([1]);
    expect(
      errorOf(() => resolveConfiguration(withFlags({ ...DOCUMENT, dns: 'x' }, flags(['dns-replicas', '1']), FIELDS))),
    ).toContain('dns: "x": has the wrong type: give a map of fields');
  });
});

describe('settings that contradict each other', () => {
  const resolve = (more: object) => () => resolveConfiguration({ ...DOCUMENT, ...more });

  test('tenants’ pods never run as the control plane', () => {
    expect(errorOf(resolve({ host: { workloadServiceAccount: 'my-vc1' } }))).toContain(
      'host.workloadServiceAccount: "my-vc1": is the account of the control plane',
    );
  });

  test('drivers are not listed where all are allowed', () => {
    const policy = (podSecurity: string) =>
      resolve({ policy: { podSecurity, allowedCSIDrivers: ['files.csi.example'] } });
    expect(errorOf(policy('privileged'))).toContain(
      'policy.allowedCSIDrivers: ["files.csi.example"]: has no effect, as podSecurity privileged allows every driver',
    );
    expect(policy('restricted')).not.toThrow();
  });

  test('the kubeconfig’s server has a name of the certificate', () => {
    const apiServer = (kubeconfigServer: string, ...extraNames: string[]) =>
      resolve({ apiServer: { kubeconfigServer, extraNames } });
    expect(errorOf(apiServer('https://api.example.com:6443', 'other.example.com', '*.com'))).toContain(
      'apiServer.kubeconfigServer: "https://api.example.com:6443": has a name that the API server\'s certificate is not valid for: ' +
        'add api.example.com to apiServer.extraNames',
    );
    for (const right of [
      apiServer('https://api.example.com', 'api.example.com'),
      apiServer('https://api.example.com', '*.example.com'),
      apiServer('https://my-vc1.team-a.svc:443'),
      apiServer('https://localhost:6443'),
      apiServer('https://192.0.2.7'),
      apiServer('https://[fd00::1]:6443'),
    ]) {
      expect(right).not.toThrow();
    }
  });
});

test.each([
  [
    { toHost: { priorityClasses: { enabled: true } }, fromHost: { priorityClasses: { enabled: true } } },
    'sync.fromHost.priorityClasses.enabled: true: contradicts sync.toHost.priorityClasses.enabled',
  ],
  [
    { toHost: { persistentVolumeClaims: { enabled: false } }, fromHost: { persistentVolumes: { enabled: true } } },
    'sync.fromHost.persistentVolumes.enabled: true: shows volumes of claims, and no claims are synced',
  ],
  [
    { toHost: { persistentVolumeClaims: { enabled: false, deletionPolicy: 'Retain' } } },
    'sync.toHost.persistentVolumeClaims.deletionPolicy: "Retain": has no effect, as sync.toHost.persistentVolumeClaims.enabled is false',
  ],
  [
    { toHost: { networkPolicies: { enabled: false, allowedEgress: [] } } },
    'sync.toHost.networkPolicies.allowedEgress: []: has no effect, as sync.toHost.networkPolicies.enabled is false',
  ],
  [
    { toHost: { networkPolicies: { allowedIngress: ['10.0.0.0/8', '10.0.0.1/8'] } } },
    'sync.toHost.networkPolicies.allowedIngress[1]: "10.0.0.1/8": has bits set after its first 8',
  ],
  [
    { fromHost: { storageClasses: { selector: { tier: 'gold' } } } },
    'sync.fromHost.storageClasses.selector: {"tier":"gold"}: has no effect, as sync.fromHost.storageClasses.enabled is false',
  ],
])('what is synced cannot be %j', (sync, message) => {
  expect(errorOf(() => resolveConfiguration({ ...DOCUMENT, sync }))).toContain(message);
});

test('a scheduler of the virtual cluster sees the nodes and volumes that it chooses among, and no devices', () => {
  const resolve = (sync: object) => () =>
    resolveConfiguration({ ...DOCUMENT, scheduling: { scheduler: 'virtual' }, sync });
  const fromHost = {
    nodes: { mode: 'all' },
    storageClasses: { enabled: true },
    persistentVolumes: { enabled: true },
  };
  const toHost = { persistentVolumeClaims: { enabled: false } };
  expect(resolve({ fromHost })).not.toThrow();
  expect(resolve({ toHost, fromHost: { nodes: { mode: 'selector', selector: { pool: 'a' } } } })).not.toThrow();
  for (const mode of ['fake', 'real']) {
    expect(errorOf(resolve({ fromHost: { ...fromHost, nodes: { mode } } }))).toContain(
      `scheduling.scheduler: "virtual": finds no node to choose, as with sync.fromHost.nodes.mode ${mode} a node is there only once a pod is on it: set that to all or selector`,
    );
  }
  expect(errorOf(resolve({ fromHost: { nodes: { mode: 'all' } } }))).toContain(
    'enable sync.fromHost.storageClasses and sync.fromHost.persistentVolumes, or disable sync.toHost.persistentVolumeClaims',
  );
  expect(errorOf(resolve({ fromHost, toHost: { resourceClaims: { enabled: true } } }))).toContain(
    'disable sync.toHost.resourceClaims',
  );
});

test('help shows every flag, with what it takes, its default and its bounds', () => {
  const text = flagHelp(fieldGroups(SCHEMA));
  for (const { flag } of FIELDS) expect(text).toMatch(new RegExp(`^    --${flag}[ [\\n]`, 'm'));
  expect(text).toContain('--policy-pod-security privileged|baseline|restricted\n');
  expect(text).toContain('--dns-enabled[=true|false]\n');
  expect(text).toContain('CoreDNS pods. (1 to 50; default 1)');
  expect(text.split('\n').filter((line) => line.length > 100)).toEqual([]);
});

test('the published reference and JSON schema are those of the code: else run npm run reference', () => {
  const docs = join(__dirname, '..', '..', '..', 'docs');
  const published = (name: string): string => readFileSync(join(docs, name), 'utf8');
  expect(published('configuration.md')).toBe(configurationReference(fieldGroups(SCHEMA)));
  expect(JSON.parse(published('configuration.schema.json'))).toEqual(JSON.parse(JSON.stringify(SCHEMA)));
});
