import { appliedPatch, exactPatch, withAppliedDigest } from '../../../syncer/translation';
import { ANNOTATIONS } from '../../../syncer/translation/keys';

type Thing = { metadata: { annotations?: Record<string, string>; labels?: Record<string, string> }; spec?: object };

const wanted = (spec: object): Thing => withAppliedDigest<Thing>({ metadata: { labels: {} }, spec });

describe('a twin', () => {
  test('that holds what was written, and what an API server added to it, is left alone', () => {
    const before = wanted({ rules: [{ host: 'a' }], tls: { name: 'x' } });
    const spec = { rules: [{ host: 'a', pathType: 'Prefix' }], tls: { name: 'x', mode: 'auto' }, policy: 'Cluster' };
    expect(appliedPatch(before, { ...before, spec })).toBeUndefined();
  });

  test('loses what its virtual object lost', () => {
    const before = wanted({ a: 1, b: 2, nested: { c: 3, d: 4 } });
    expect(appliedPatch(wanted({ a: 1, nested: { c: 3 } }), before)).toMatchObject({
      spec: { b: null, nested: { d: null } },
    });
  });

  test('gets back what somebody on the host changed, without touching what the API server added', () => {
    const before = wanted({ a: 1, nested: { c: 3 }, list: [1] });
    const spec = { a: 5, nested: { c: 3, added: true }, list: [1, 2], added: true };
    expect(appliedPatch(before, { ...before, spec })).toEqual({ spec: { a: 1, list: [1] } });
  });

  test('gets a new digest with new contents, so that the next look finds nothing to do', () => {
    const before = wanted({ a: 1 });
    const after = wanted({ a: 2 });
    const patch = appliedPatch(after, before) as { metadata: { annotations: Record<string, string> } };
    expect(patch.metadata.annotations[ANNOTATIONS.applied]).toBe(after.metadata.annotations?.[ANNOTATIONS.applied]);
    expect(appliedPatch(after, after)).toBeUndefined();
  });

  test('is the same whatever the order of its keys', () => {
    expect(wanted({ a: 1, b: { c: 1, d: 2 } }).metadata).toEqual(wanted({ b: { d: 2, c: 1 }, a: 1 }).metadata);
    expect(wanted({ a: ['x', 1] }).metadata).not.toEqual(wanted({ a: { x: 1 } }).metadata);
  });

  test('keeps labels and annotations of others', () => {
    const before = wanted({ a: 1 });
    const metadata = { annotations: { ...before.metadata.annotations, theirs: 'y' }, labels: { theirs: 'x' } };
    expect(appliedPatch(before, { ...before, metadata })).toBeUndefined();
  });

  test('loses labels and annotations that it was given and that are wanted no more, and none of others', () => {
    const given = (metadata: Thing['metadata']): Thing => withAppliedDigest<Thing>({ metadata, spec: { a: 1 } });
    const before = given({
      labels: { one: '1', two: '2' },
      annotations: { 'example.org/a': 'x', 'example.org/b': 'y' },
    });
    const metadata = {
      labels: { ...before.metadata.labels, theirs: 'x' },
      annotations: { ...before.metadata.annotations, theirs: 'y' },
    };
    const after = given({ labels: { one: '1' }, annotations: { 'example.org/b': 'y' } });
    const patch = appliedPatch(after, { ...before, metadata }) as Thing;
    expect(patch.metadata.labels).toEqual({ two: null });
    expect(patch.metadata.annotations).toEqual({
      'example.org/a': null,
      [ANNOTATIONS.appliedKeys]: 'labels=one,annotations=example.org/b',
    });
    expect(appliedPatch(given({}), after)).toMatchObject({
      metadata: { labels: { one: null }, annotations: { 'example.org/b': null, [ANNOTATIONS.appliedKeys]: null } },
    });
    expect(appliedPatch(after, after)).toBeUndefined();
  });

  test('whose fields have the names of object members is compared by its own fields alone', () => {
    const spec = JSON.parse('{"__proto__": {"a": 1}, "constructor": 2}') as object;
    expect(appliedPatch(wanted(spec), { metadata: {}, spec: {} })).toMatchObject({ spec: { constructor: 2 } });
    const patch = appliedPatch(wanted(spec), { metadata: {}, spec: {} });
    expect(Object.keys((patch?.['spec'] ?? {}) as object)).toEqual(['__proto__', 'constructor']);
  });
});

test('a view that is to be exact loses what only it has', () => {
  const shown: Thing = { metadata: { labels: { a: 'b' } }, spec: { a: 1, nested: { b: 2 } } };
  expect(exactPatch(shown, { ...shown, spec: { a: 1, nested: { b: 2, c: 3 }, d: 4 } })).toEqual({
    spec: { nested: { c: null }, d: null },
  });
  expect(exactPatch(shown, { ...shown, metadata: { labels: { a: 'b', own: 'x' } } })).toBeUndefined();
});
