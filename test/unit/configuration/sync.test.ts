import { ConfigurationError } from '../../../syncer/configuration';
import { resolveConfiguration } from '../../../syncer/configuration/document';

const certificate = { group: 'cert-manager.io', version: 'v1', kind: 'Certificate', resource: 'certificates' };

const resolve = (sync: object) =>
  resolveConfiguration({
    apiVersion: 'nestling.dev/v1alpha1',
    kind: 'SyncerConfiguration',
    virtualCluster: { name: 'vc' },
    sync,
  }).sync;

/** The problems of a configuration, as `field: message`. */
function problems(sync: object): readonly string[] {
  try {
    resolve(sync);
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    return error.problems.map(({ field, message }) => `${field}: ${message}`);
  }
  return [];
}

describe('nodes', () => {
  const nodes = (change: object) => problems({ fromHost: { nodes: change } });

  test('are fake unless something else is said', () => {
    expect(resolve({}).fromHost.nodes).toEqual({ mode: 'fake', selector: {}, enforce: false });
    for (const mode of ['fake', 'real', 'all']) expect(nodes({ mode })).toEqual([]);
    expect(nodes({ mode: 'selector', selector: { 'example.org/pool': 'gpu', zone: '' }, enforce: true })).toEqual([]);
  });

  test('need labels with mode selector, and have none with others', () => {
    expect(nodes({ mode: 'selector' })).toEqual([
      'sync.fromHost.nodes.selector: is empty: give labels of nodes, or set sync.fromHost.nodes.mode to all',
    ]);
    expect(nodes({ mode: 'real', selector: { a: 'b' }, enforce: true })).toEqual([
      'sync.fromHost.nodes.selector: has no effect, as sync.fromHost.nodes.mode is real: set that to selector, or remove this',
      'sync.fromHost.nodes.enforce: has no effect, as sync.fromHost.nodes.mode is real: set that to selector, or remove this',
    ]);
  });

  test.each([
    [{ 'a b': 'c' }, 'is no key of a label'],
    [{ '/a': 'c' }, 'is no key of a label'],
    [{ 'a/': 'c' }, 'is no key of a label'],
    [{ 'A/b': 'c' }, 'is no key of a label'],
    [{ ['x'.repeat(64)]: 'c' }, 'is no key of a label'],
    [{ a: 'b,c' }, 'has a value that no label has'],
    [{ a: '-b' }, 'has a value that no label has'],
    [{ a: 'x'.repeat(64) }, 'has a value that no label has'],
  ])('cannot be selected by %j', (selector, message) => {
    expect(nodes({ mode: 'selector', selector })).toEqual([expect.stringContaining(message)]);
  });
});

describe('custom resources', () => {
  test('need group, version, kind and plural name only', () => {
    expect(resolve({ toHost: { customResources: [certificate] } }).toHost.customResources).toEqual([
      { ...certificate, scope: 'Namespaced', references: [], labelSelectors: [], labelMaps: [] },
    ]);
  });

  test.each<[string, object, RegExp]>([
    ['a group of built-in kinds', { group: 'rbac.authorization.k8s.io' }, /\.group: is no group of custom resources/],
    ['the core group', { group: '' }, /\.group: is no group of custom resources/],
    ['a kind in lower case', { kind: 'certificate' }, /\.kind: is no kind/],
    ['a plural name with a slash', { resource: 'certificates/status' }, /\.resource: is no DNS label/],
    ['a bad path', { references: [{ path: 'a..b', kind: 'Secret' }] }, /references\[0\]\.path: is no path from/],
    ['a path into metadata', { labelMaps: ['metadata.labels'] }, /labelMaps\[0\]: is not in the content/],
    ['an unknown kind', { references: [{ path: 'a', kind: 'Node' }] }, /references\[0\]\.kind: is not a kind that can/],
    [
      'a service account that is not on the host',
      { references: [{ path: 'a', kind: 'ServiceAccount' }] },
      /references\[0\]\.kind: is not on the host: set sync\.toHost\.serviceAccounts/,
    ],
    [
      'a custom resource that is not on the host',
      { references: [{ path: 'a', kind: { group: 'cert-manager.io', kind: 'Issuer' } }] },
      /references\[0\]\.kind: is not synced to the host/,
    ],
    [
      'a namespace that is not beside the name',
      { references: [{ path: 'spec.ref.name', kind: 'Secret', namespacePath: 'spec.namespace' }] },
      /namespacePath: has to be a field of the object that holds the name/,
    ],
    [
      'a reference without namespace of a kind without namespace',
      { scope: 'Cluster', references: [{ path: 'spec.a', kind: 'Secret' }] },
      /namespacePath: is needed/,
    ],
    [
      'a field that would be translated twice',
      { references: [{ path: 'spec.refs[*].name', kind: 'Secret' }], labelMaps: ['spec.refs.x'] },
      /labelMaps\[0\]: leads to what sync\.toHost\.customResources\[0\]\.references\[0\]\.path leads to/,
    ],
  ])('%s is refused with the field', (_what, change, expected) => {
    expect(problems({ toHost: { customResources: [{ ...certificate, ...change }] } })).toEqual([
      expect.stringMatching(expected),
    ]);
  });

  test('go one way, in one version', () => {
    const shown = { ...certificate, namespaces: [{ virtual: 'shared' }] };
    expect(problems({ toHost: { customResources: [certificate] }, fromHost: { customResources: [shown] } })).toEqual([
      'sync.fromHost.customResources[0]: is at sync.toHost.customResources[0] already: leave one of the two, with one version',
    ]);
  });

  test('from the host need namespaces where they have some, each shown in its own', () => {
    const shown = (change: object) => problems({ fromHost: { customResources: [{ ...certificate, ...change }] } });
    expect(shown({})).toEqual([expect.stringContaining('namespaces: is empty')]);
    expect(shown({ scope: 'Cluster', namespaces: [{ virtual: 'a' }] })).toEqual([
      expect.stringContaining('is for kinds with scope Namespaced'),
    ]);
    expect(
      shown({
        namespaces: [
          { host: 'a', virtual: 'x' },
          { host: 'b', virtual: 'x' },
        ],
      }),
    ).toEqual([expect.stringContaining('namespaces[1].virtual: shows another namespace already')]);
    expect(shown({ namespaces: [{ host: 'a', virtual: 'x' }, { virtual: 'y' }] })).toEqual([]);
  });
});

describe('field patches', () => {
  const patch = (change: object) =>
    problems({ patches: [{ kind: 'Pod', operations: [{ op: 'remove', path: 'spec.hostname' }], ...change }] });

  test.each([
    'metadata.name',
    'metadata.namespace',
    'metadata.uid',
    'metadata.ownerReferences',
    'metadata',
    'metadata.labels',
    'metadata.labels[*]',
    'metadata[*]',
    'metadata["labels"]["nestling.dev/virtual-cluster"]',
    'metadata.annotations["label.nestling.dev/app"]',
    'metadata.labels.a.b',
    'apiVersion',
    'kind',
    'status.phase',
    '[*].name',
  ])('never touch %s', (path) => {
    expect(patch({ operations: [{ op: 'set', path, value: 'x' }] })).toEqual([
      expect.stringMatching(/^sync\.patches\[0\]\.operations\[0\]\.path: (cannot be changed|changes )/),
    ]);
  });

  test('set single labels and annotations, and any other field', () => {
    for (const path of [
      'metadata.labels.team',
      'metadata.annotations["a.example/b"]',
      'spec',
      'spec.a[*]',
      'data.metadata',
    ]) {
      expect(patch({ operations: [{ op: 'set', path, value: null }] })).toEqual([]);
    }
  });

  test.each<[object, RegExp]>([
    [{ op: 'move', path: 'spec.a' }, /\.op: is not an operation: write set,/],
    [{ op: 'set', path: 'spec.a' }, /\.value: is missing/],
    [
      { op: 'rewrite', path: 'spec.a', with: { function: 'eval' } },
      /\.with\.function: is not a function: write hostName/,
    ],
    [{ op: 'rewrite', path: 'spec.a', with: { function: 'prefix' } }, /\.with\.text: is missing/],
    [{ op: 'replaceText', path: 'spec.a', find: '', replacement: '' }, /\.find: is empty/],
    [{ op: 'remove', path: 'spec.a', value: 1 }, /\.value: is not a known field/],
  ])('%j is refused with the field', (operation, expected) => {
    expect(patch({ operations: [operation] })).toEqual([expect.stringMatching(expected)]);
  });

  test('are for kinds that are synced in that direction', () => {
    expect(patch({ kind: 'Deployment' })).toEqual([expect.stringContaining('is no kind that is synced to the host')]);
    expect(patch({ kind: 'Certificate', group: 'cert-manager.io' })).toEqual([
      expect.stringContaining('add it to sync.toHost.customResources'),
    ]);
    expect(patch({ kind: 'StorageClass', direction: 'fromHost' })).toEqual([
      expect.stringContaining('set sync.fromHost.storageClasses.enabled to true'),
    ]);
    expect(patch({ kind: 'ServiceAccount' })).toEqual([
      expect.stringContaining('set sync.toHost.serviceAccounts.enabled to true'),
    ]);
    expect(patch({ kind: 'Namespace', direction: 'fromHost' })).toEqual([
      expect.stringContaining('is no kind that is synced from the host: write Node, StorageClass'),
    ]);
    expect(patch({ kind: 'Node', direction: 'fromHost' })).toEqual([
      expect.stringContaining('is made up, not of the host: set sync.fromHost.nodes.mode to real, all or selector'),
    ]);
    expect(patch({ kind: 'Ingress' })).toEqual([]);
  });

  test.each(['spec.type', 'spec.clusterIP', 'spec.ports[*].nodePort', 'spec', 'spec[*]'])(
    'leave %s of Services, which tenants are given as the host has it',
    (path) => {
      expect(patch({ kind: 'Service', operations: [{ op: 'remove', path }] })).toEqual([
        expect.stringContaining('.operations[0].path: is given to tenants'),
      ]);
      expect(patch({ kind: 'Service', operations: [{ op: 'remove', path: 'spec.sessionAffinity' }] })).toEqual([]);
    },
  );
});
