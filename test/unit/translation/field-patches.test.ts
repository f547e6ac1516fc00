import type { Pod } from 'kubernetes-types/core/v1';
import type { FieldPatchRule } from '../../../syncer/configuration';
import { FieldPatches, hostPodPatch, hostPodResize, translatePod } from '../../../syncer/translation';
import { ANNOTATIONS } from '../../../syncer/translation/keys';
import { metadataPatch } from '../../../syncer/translation/metadata-patch';
import { contextWith } from './fixtures';

const identity = { name: 'vc', hostNamespace: 'team-a' };

type Operations = FieldPatchRule['operations'];

const rule = (operations: Operations, change: Partial<FieldPatchRule> = {}): FieldPatchRule => ({
  kind: 'Pod',
  direction: 'toHost',
  match: { namespaces: [], names: [], selector: {} },
  operations,
  ...change,
});

const patches = (...rules: FieldPatchRule[]) => new FieldPatches(rules, { kind: 'Pod', direction: 'toHost' }, identity);

const source = { metadata: { name: 'web', namespace: 'shop', labels: { app: 'web' } } };

function patched(operations: Operations, object: object): unknown {
  const result = patches(rule(operations)).apply(object as typeof source, source);
  if (!result.ok) throw new Error(result.message);
  return result.object;
}

describe('operations', () => {
  test('set, append, remove and replace what a path leads to', () => {
    const object = { spec: { a: 1, list: ['x'], drop: true, image: 'docker.io/app:1' } };
    expect(
      patched(
        [
          { op: 'set', path: 'spec.nodeSelector["example.org/pool"]', value: 'tenants' },
          { op: 'append', path: 'spec.list', value: 'y' },
          { op: 'append', path: 'spec.list', value: 'x' },
          { op: 'append', path: 'spec.tolerations', value: { operator: 'Exists' } },
          { op: 'remove', path: 'spec.drop' },
          { op: 'replaceText', path: 'spec.image', find: 'docker.io', replacement: '$&mirror' },
        ],
        object,
      ),
    ).toEqual({
      spec: {
        a: 1,
        list: ['x', 'y'],
        image: '$&mirror/app:1',
        nodeSelector: { 'example.org/pool': 'tenants' },
        tolerations: [{ operator: 'Exists' }],
      },
    });
    expect(object.spec.list).toEqual(['x']);
  });

  test('rewrite texts, and nothing where there is none', () => {
    const rewrite = (path: string, rewriting: Extract<Operations[number], { op: 'rewrite' }>['with']) =>
      ({ op: 'rewrite', path, with: rewriting }) as const;
    expect(
      patched(
        [
          rewrite('spec.images[*].name', { function: 'prefix', text: 'mirror.example/' }),
          rewrite('spec.suffixed', { function: 'suffix', text: '-x' }),
          rewrite('spec.secret', { function: 'hostName' }),
          rewrite('spec.none', { function: 'hostName' }),
          rewrite('spec.class', { function: 'map', values: { gold: 'ssd' } }),
          rewrite('spec.proto', { function: 'map', values: {}, otherwise: 'none' }),
        ],
        { spec: { images: [{ name: 'a' }, {}], suffixed: 's', secret: 'tls', class: 'gold', proto: 'toString' } },
      ),
    ).toEqual({
      spec: {
        images: [{ name: 'mirror.example/a' }, {}],
        suffixed: 's-x',
        secret: 'tls-x-shop-x-vc',
        class: 'ssd',
        proto: 'none',
      },
    });
  });

  test('that do not fit say which field is in the way, all at once', () => {
    const result = patches(
      rule([
        { op: 'set', path: 'spec.a.b', value: 1 },
        { op: 'append', path: 'spec.text', value: 1 },
        { op: 'rewrite', path: 'spec.number', with: { function: 'prefix', text: 'x' } },
      ]),
    ).apply({ spec: { a: 'text', text: 'x', number: 1 } } as object, source);
    expect(result).toMatchObject({ ok: false, reason: 'PatchFailed' });
    expect(result.ok ? '' : result.message).toMatch(
      /spec\.a is a text, so that there is no spec\.a\.b; spec\.text is a text where a list is expected; spec\.number is a number/,
    );
  });
});

describe('patches', () => {
  test('are for their kind, group and direction', () => {
    const set: Operations = [{ op: 'set', path: 'spec.x', value: 1 }];
    expect(patches(rule(set, { kind: 'Service' })).isEmpty).toBe(true);
    expect(patches(rule(set, { group: 'example.org' })).isEmpty).toBe(true);
    expect(patches(rule(set, { direction: 'fromHost' })).isEmpty).toBe(true);
    const kind = { kind: 'Pod', customGroup: 'example.org', direction: 'toHost' } as const;
    expect(new FieldPatches([rule(set, { group: 'example.org' })], kind, identity).isEmpty).toBe(false);
    expect(new FieldPatches([rule(set)], kind, identity).isEmpty).toBe(true);
  });

  test.each([
    [{ namespaces: ['shop'] }, true],
    [{ namespaces: ['other'] }, false],
    [{ names: ['web'] }, true],
    [{ names: ['db'] }, false],
    [{ selector: { app: 'web' } }, true],
    [{ selector: { app: 'db' } }, false],
    [{ namespaces: ['shop'], names: ['db'] }, false],
  ])('with match %j are done: %s', (match, done) => {
    const all = patches(
      rule([{ op: 'set', path: 'spec.x', value: 1 }], {
        match: { namespaces: [], names: [], selector: {}, ...match },
      }),
    );
    expect(all.apply<object>({}, source)).toEqual({ ok: true, object: done ? { spec: { x: 1 } } : {} });
    expect(all.digestFor(source) !== '').toBe(done);
  });

  test('take their labels and annotations away again when they are gone, and those of others stay', () => {
    const wanted = patched(
      [
        { op: 'set', path: 'metadata.labels.team', value: 'a' },
        { op: 'set', path: 'metadata.annotations["example.org/cost"]', value: '1' },
      ],
      { metadata: { labels: { 'nestling.dev/virtual-cluster': 'vc' }, annotations: {} } },
    ) as { metadata: { labels: Record<string, string>; annotations: Record<string, string> } };
    expect(wanted.metadata.labels).toEqual({ 'nestling.dev/virtual-cluster': 'vc', team: 'a' });
    const actual = { ...wanted.metadata, labels: { ...wanted.metadata.labels, foreign: 'x' } };
    expect(metadataPatch(wanted.metadata, actual)).toBeUndefined();
    const without = { labels: { 'nestling.dev/virtual-cluster': 'vc' }, annotations: {} };
    expect(metadataPatch(without, actual)).toEqual({
      labels: { team: null },
      annotations: { 'example.org/cost': null, [ANNOTATIONS.patched]: null },
    });
  });
});

describe('a patched pod', () => {
  const pod: Pod = {
    metadata: { name: 'web', namespace: 'shop', uid: 'u' },
    spec: { containers: [{ name: 'main', image: 'app:1' }] },
  };
  const all = patches(
    rule([
      { op: 'set', path: 'metadata.labels.team', value: 'a' },
      { op: 'rewrite', path: 'spec.containers[*].image', with: { function: 'prefix', text: 'mirror.example/' } },
      { op: 'append', path: 'spec.tolerations', value: { key: 'tenants', operator: 'Exists' } },
      { op: 'set', path: 'spec.containers[*].resources.limits.memory', value: '1Gi' },
    ]),
  );

  function onHost(virtual: Pod): Pod {
    const translation = translatePod(virtual, contextWith());
    if (!translation.ok) throw new Error(translation.message);
    const result = all.apply(translation.object, virtual);
    if (!result.ok) throw new Error(result.message);
    return result.object;
  }

  test('is left alone once it is there, and follows its virtual pod', () => {
    const host = onHost(pod);
    expect(hostPodPatch(pod, host, contextWith(), onHost(pod))).toBeUndefined();
    expect(hostPodResize(onHost(pod), host)).toBeUndefined();
    const updated = { ...pod, spec: { containers: [{ name: 'main', image: 'app:2' }] } };
    expect(hostPodPatch(updated, host, contextWith(), onHost(updated))).toMatchObject({
      spec: { containers: [{ name: 'main', image: 'mirror.example/app:2' }] },
    });
  });
});
