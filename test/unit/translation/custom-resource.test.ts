import * as fc from 'fast-check';
import type { CustomResourceToHost } from '../../../syncer/configuration';
import { CustomResourceTranslator, type CustomResource } from '../../../syncer/translation';
import { anchor, identity } from './fixtures';

const kind = (change: Partial<CustomResourceToHost> = {}): CustomResourceToHost => ({
  group: 'example.org',
  version: 'v1',
  kind: 'Widget',
  resource: 'widgets',
  scope: 'Namespaced',
  references: [],
  labelSelectors: [],
  labelMaps: [],
  ...change,
});

const translator = (change: Partial<CustomResourceToHost> = {}, others: readonly CustomResourceToHost[] = []) =>
  new CustomResourceTranslator(kind(change), others, { identity, anchor });

const widget = (content: object, metadata: object = {}): CustomResource => ({
  apiVersion: 'example.org/v1',
  kind: 'Widget',
  metadata: { name: 'web', namespace: 'shop', uid: 'virtual-uid', generation: 3, ...metadata },
  ...content,
});

function translated(of: CustomResourceTranslator, object: CustomResource): CustomResource {
  const translation = of.translate(object);
  if (!translation.ok) throw new Error(translation.message);
  return translation.object;
}

describe('a custom resource on the host', () => {
  test('has the metadata of every twin, all of its content, and no status', () => {
    const virtual = widget(
      { spec: { a: 1 }, extra: ['x'], status: { phase: 'Ready' } },
      { labels: { app: 'web' }, annotations: { secret: 'x' }, finalizers: ['a/b'] },
    );
    const host = translated(translator(), virtual);
    expect(host).toEqual({
      apiVersion: 'example.org/v1',
      kind: 'Widget',
      metadata: expect.objectContaining({
        name: 'web-x-shop-x-my-vc',
        namespace: 'team-a',
        labels: {
          'label.nestling.dev/app': 'web',
          'nestling.dev/virtual-cluster': 'my-vc',
          'nestling.dev/namespace': 'shop',
        },
      }) as object,
      spec: { a: 1 },
      extra: ['x'],
    });
    expect(host.metadata).not.toHaveProperty('finalizers');
    expect(host.metadata?.annotations).not.toHaveProperty('secret');
  });

  test('names the twins of what it names, in its own namespace or the one beside the name', () => {
    const of = translator({
      references: [
        { path: 'spec.refs[*].name', kind: 'Secret', namespacePath: 'spec.refs[*].namespace' },
        { path: 'spec.names[*]', kind: 'ConfigMap' },
        { path: 'spec.parent', kind: 'self' },
      ],
    });
    const virtual = widget({
      spec: {
        refs: [{ name: 'a', namespace: 'other' }, { name: 'b' }, { name: '', namespace: 'other' }, {}],
        names: ['c', 'd'],
        parent: 'root',
      },
    });
    expect(translated(of, virtual)['spec']).toEqual({
      refs: [
        { name: 'a-x-other-x-my-vc', namespace: 'team-a' },
        { name: 'b-x-shop-x-my-vc' },
        { name: '', namespace: 'team-a' },
        {},
      ],
      names: ['c-x-shop-x-my-vc', 'd-x-shop-x-my-vc'],
      parent: 'root-x-shop-x-my-vc',
    });
    expect(of.references(virtual)).toEqual([
      { kind: 'Secret', namespace: 'other', name: 'a', optional: true },
      { kind: 'Secret', namespace: 'shop', name: 'b', optional: true },
      { kind: 'ConfigMap', namespace: 'shop', name: 'c', optional: true },
      { kind: 'ConfigMap', namespace: 'shop', name: 'd', optional: true },
    ]);
  });

  test('two names beside one namespace are both of that namespace', () => {
    const of = translator({
      references: [
        { path: 'spec.secret', kind: 'Secret', namespacePath: 'spec.namespace' },
        { path: 'spec.configMap', kind: 'ConfigMap', namespacePath: 'spec.namespace' },
      ],
    });
    const virtual = widget({ spec: { secret: 'a', configMap: 'b', namespace: 'other' } });
    expect(translated(of, virtual)['spec']).toEqual({
      secret: 'a-x-other-x-my-vc',
      configMap: 'b-x-other-x-my-vc',
      namespace: 'team-a',
    });
  });

  test('names objects without namespace by their own names on the host', () => {
    const engine = kind({ kind: 'Engine', resource: 'engines', scope: 'Cluster' });
    const of = translator({ references: [{ path: 'spec.engine', kind: { group: 'example.org', kind: 'Engine' } }] }, [
      engine,
    ]);
    expect(translated(of, widget({ spec: { engine: 'diesel' } }))['spec']).toEqual({
      engine: 'vcluster-diesel-x-team-a-x-my-vc',
    });
  });

  test("selects the tenant's own objects alone", () => {
    const of = translator({ labelSelectors: ['spec.selectors[*]'], labelMaps: ['spec.labels'] });
    const ours = { 'nestling.dev/virtual-cluster': 'my-vc', 'nestling.dev/namespace': 'shop' };
    const expressions = [{ key: 'app', operator: 'Exists' }];
    const virtual = widget({ spec: { selectors: [{}, { matchExpressions: expressions }], labels: { app: 'web' } } });
    expect(translated(of, virtual)['spec']).toEqual({
      selectors: [
        { matchLabels: ours },
        { matchLabels: ours, matchExpressions: [{ key: 'label.nestling.dev/app', operator: 'Exists' }] },
      ],
      labels: { 'label.nestling.dev/app': 'web', ...ours },
    });
  });

  test.each<[object, RegExp]>([
    [{ ref: { name: 5 } }, /spec\.ref\.name is no text where a name is expected/],
    [{ ref: { name: 'other/secret' } }, /spec\.ref\.name is "other\/secret", which is no name of an object; /],
    [{ ref: { name: '../secret' } }, /spec\.ref\.name is "\.\.\/secret"/],
    [{ ref: { name: 'A' } }, /spec\.ref\.name is "A"/],
    [{ ref: { name: 'a\nb' } }, /spec\.ref\.name is "a\\nb"/],
    [{ ref: { name: 'a..b' } }, /spec\.ref\.name is "a\.\.b"/],
    [{ ref: { name: 'a'.repeat(254) } }, /spec\.ref\.name is "a{64}…", which is no name/],
    [{ ref: { name: 'a', namespace: 'b/c' } }, /spec\.ref\.namespace is "b\/c", which is no name of a namespace; /],
    [{ ref: { name: 'a', namespace: 'b.c' } }, /spec\.ref\.namespace is "b\.c"/],
    [{ ref: { namespace: 'b/c' } }, /spec\.ref\.namespace is "b\/c"/],
    [{ ref: 'text' }, /spec\.ref is no object/],
    [{ ref: { name: 'a', namespace: {} } }, /spec\.ref\.namespace is no text where a namespace is expected/],
    [{ selector: 'app=web' }, /spec\.selector is no label selector/],
    [{ selector: { matchLabels: { app: 1 } } }, /spec\.selector is no label selector/],
    [{ selector: { matchFields: [] } }, /spec\.selector is no label selector/],
    [{ selector: { matchExpressions: ['x'] } }, /spec\.selector is no label selector/],
    [{ labels: { app: {} } }, /spec\.labels is no map of labels/],
  ])('is refused with %j', (spec, expected) => {
    const of = translator({
      references: [{ path: 'spec.ref.name', kind: 'Secret', namespacePath: 'spec.ref.namespace' }],
      labelSelectors: ['spec.selector'],
      labelMaps: ['spec.labels'],
    });
    expect(of.translate(widget({ spec }))).toMatchObject({
      ok: false,
      reason: 'Unsupported',
      message: expect.stringMatching(expected) as string,
    });
  });

  test('refers to nothing by what is no name', () => {
    const of = translator({
      references: [{ path: 'spec.refs[*].name', kind: 'Secret', namespacePath: 'spec.refs[*].namespace' }],
    });
    const refs = [{ name: 'a/b' }, { name: 'c', namespace: 'd/e' }, { name: 'f.g' }];
    expect(of.references(widget({ spec: { refs } })).map(({ name }) => name)).toEqual(['f.g']);
  });

  test('is refused when it is too deep, whatever else it is', () => {
    let deep: unknown = 1;
    for (let level = 0; level < 10_000; level++) deep = [deep];
    expect(
      translator({ references: [{ path: 'spec[*]', kind: 'Secret' }] }).translate(widget({ spec: deep })),
    ).toMatchObject({
      ok: false,
      message: expect.stringContaining('more than 256 levels') as string,
    });
  });

  test('is what it is but for the declared fields, whatever its keys are', () => {
    const key = fc.constantFrom('__proto__', 'constructor', 'toString', 'name', 'a');
    const value = fc.letrec<{ json: unknown }>((tie) => ({
      json: fc.oneof(
        { maxDepth: 4 },
        fc.oneof(fc.string(), fc.integer(), fc.boolean()),
        fc.array(tie('json'), { maxLength: 3 }),
        fc.array(fc.tuple(key, tie('json')), { maxLength: 3 }).map((entries) => Object.fromEntries(entries) as unknown),
      ),
    })).json;
    fc.assert(
      fc.property(value, (spec) => {
        const virtual = widget({ spec: { spec, secret: 'x' } });
        const before = JSON.stringify(virtual);
        const host = translated(translator({ references: [{ path: 'spec.secret', kind: 'Secret' }] }), virtual);
        expect(JSON.stringify(host['spec'])).toBe(JSON.stringify({ spec, secret: 'x-x-shop-x-my-vc' }));
        expect(JSON.stringify(virtual)).toBe(before);
      }),
    );
  });
});

describe("the host's status", () => {
  const of = translator({ references: [{ path: 'spec.secret', kind: 'Secret' }] });
  const virtual = widget({ spec: { secret: 'tls' } });
  const host = (status: unknown): CustomResource => ({
    metadata: { name: 'web-x-shop-x-my-vc', namespace: 'team-a', uid: 'host-uid', generation: 7 },
    status,
  });

  test('is told in the names of the tenant', () => {
    const status = {
      secretRef: { name: 'tls-x-shop-x-my-vc' },
      messages: ['Widget "web-x-shop-x-my-vc" (host-uid) in namespace "team-a" waits for tls-x-shop-x-my-vc'],
      other: 'tls-x-shop-x-my-vc-2',
      count: 3,
    };
    expect(of.virtualStatus(host(status), virtual, false)).toEqual({
      secretRef: { name: 'tls' },
      messages: ['Widget "web" (virtual-uid) in namespace "shop" waits for tls'],
      other: 'tls-x-shop-x-my-vc-2',
      count: 3,
    });
  });

  test('has the names of the tenant in its keys, too', () => {
    const status = JSON.parse(
      '{"tls-x-shop-x-my-vc": {"phase": "Ready"}, "team-a/web-x-shop-x-my-vc": 1, "phase": "x", "__proto__": {"a": 1}}',
    ) as unknown;
    expect(JSON.stringify(of.virtualStatus(host(status), virtual, false))).toBe(
      '{"tls":{"phase":"Ready"},"shop/web":1,"phase":"x","__proto__":{"a":1}}',
    );
  });

  test('keeps of two keys that become one the one that the host wrote so', () => {
    for (const keys of [
      ['tls', 'tls-x-shop-x-my-vc'],
      ['tls-x-shop-x-my-vc', 'tls'],
    ]) {
      const status = { secrets: Object.fromEntries(keys.map((key) => [key, key])) };
      expect(of.virtualStatus(host(status), virtual, false)).toEqual({ secrets: { tls: 'tls' } });
    }
    const status = { secrets: { 'tls-x-shop-x-my-vc': 'of the twin', tls: 'of another' } };
    expect(of.virtualStatus(host(status), virtual, false)).toEqual({ secrets: { tls: 'of another' } });
  });

  test('says what of the virtual object it was made for', () => {
    const status = (generation: number) => ({
      observedGeneration: generation,
      conditions: [{ type: 'Ready', observedGeneration: generation }, { type: 'Other' }],
    });
    expect(of.virtualStatus(host(status(7)), virtual, true)).toEqual({
      observedGeneration: 3,
      conditions: [{ type: 'Ready', observedGeneration: 3 }, { type: 'Other' }],
    });
    expect(of.virtualStatus(host(status(6)), virtual, true)).toMatchObject({ observedGeneration: 2 });
    expect(of.virtualStatus(host(status(6)), virtual, false)).toMatchObject({ observedGeneration: 6 });
  });

  test('that is none, or too deep, is not taken', () => {
    expect(of.virtualStatus(host(undefined), virtual, true)).toEqual({});
    expect(of.virtualStatus(host('text'), virtual, true)).toEqual({});
    let deep: unknown = {};
    for (let level = 0; level < 10_000; level++) deep = { deep };
    expect(of.virtualStatus(host(deep), virtual, true)).toBeUndefined();
  });
});
