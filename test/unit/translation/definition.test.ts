import {
  definitionProblem,
  hasStatusSubresource,
  isEstablished,
  virtualDefinition,
  withVersionOnly,
  type Definition,
} from '../../../syncer/translation';

const host: Definition = {
  metadata: {
    name: 'widgets.example.k8s.io',
    uid: 'u',
    labels: { helm: 'yes' },
    annotations: { 'api-approved.kubernetes.io': 'https://example.org/1', 'cert-manager.io/inject-ca-from': 'a/b' },
  },
  spec: {
    group: 'example.k8s.io',
    scope: 'Namespaced',
    names: { kind: 'Widget', plural: 'widgets' },
    versions: [
      { name: 'v1beta1', served: false, storage: true },
      { name: 'v1', served: true, storage: false, subresources: { status: {} } },
    ],
  },
  status: { conditions: [{ type: 'Established', status: 'True' }], storedVersions: ['v1beta1'] },
};
const withConversion = { ...host, spec: { ...host.spec, conversion: { strategy: 'Webhook' } } };
const expected = { kind: 'Widget', version: 'v1', scope: 'Namespaced' } as const;

describe('the copy of a definition', () => {
  test('is one version that is served and stored, without conversion and what others wrote of it', () => {
    expect(virtualDefinition(withConversion, 'v1')).toEqual({
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: {
        name: 'widgets.example.k8s.io',
        labels: { 'nestling.dev/from-host': 'true' },
        annotations: { 'api-approved.kubernetes.io': 'https://example.org/1' },
      },
      spec: {
        group: 'example.k8s.io',
        scope: 'Namespaced',
        names: { kind: 'Widget', plural: 'widgets' },
        versions: [{ name: 'v1', served: true, storage: true, subresources: { status: {} } }],
      },
    });
  });

  test('keeps versions that objects are stored in, unserved', () => {
    const actual = {
      ...virtualDefinition(host, 'v1beta1'),
      status: { storedVersions: ['v1beta1'] },
    };
    expect(virtualDefinition(host, 'v1', actual).spec.versions).toEqual([
      { name: 'v1', served: true, storage: true, subresources: { status: {} } },
      { name: 'v1beta1', served: false, storage: false },
    ]);
  });

  test('is the same from what is held of the definition of the host', () => {
    expect(virtualDefinition(withVersionOnly(withConversion, 'v1'), 'v1')).toEqual(virtualDefinition(host, 'v1'));
    expect(isEstablished(withVersionOnly(host, 'v1'))).toBe(true);
  });
});

test.each([
  [{}, undefined],
  [{ kind: 'Gadget' }, 'its kind is Widget, not Gadget'],
  [{ scope: 'Cluster' as const }, 'its scope is Namespaced, not Cluster'],
  [{ version: 'v1beta1' }, 'it does not serve version v1beta1'],
  [{ version: 'v2' }, 'it does not serve version v2'],
])('a definition is looked at for %j: %s', (change, problem) => {
  expect(definitionProblem(host, { ...expected, ...change })).toBe(problem);
});

test('the status is a subresource where the version says so', () => {
  expect(hasStatusSubresource(host, 'v1')).toBe(true);
  expect(hasStatusSubresource(host, 'v1beta1')).toBe(false);
});
