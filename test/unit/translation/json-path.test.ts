import * as fc from 'fast-check';
import { jsonPath, type JsonPath, type JsonPathPart } from '../../../syncer/configuration';
import { editAt, isDeeperThan, visitAt } from '../../../syncer/translation';

/** Keys that JSON text can have and that mean something to JavaScript. */
const tricky = fc.constantFrom('__proto__', 'constructor', 'prototype', 'toString', 'length', 'a', 'b', 'c');
const json = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 5 },
    fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.constant(null)),
    fc.array(tie('value'), { maxLength: 4 }),
    fc
      .array(fc.tuple(tricky, tie('value')), { maxLength: 4 })
      .map((entries) => JSON.parse(JSON.stringify(Object.fromEntries(entries))) as unknown),
  ),
})).value;
const paths: fc.Arbitrary<JsonPath> = fc.array(
  fc.oneof(
    tricky.map((key): JsonPathPart => ({ key })),
    fc.constant<JsonPathPart>({ every: true }),
  ),
  { minLength: 1, maxLength: 5 },
);

/** What stands at a place, by own keys alone. */
function at(root: unknown, place: readonly (string | number)[]): unknown {
  return place.reduce<unknown>((node, key) => {
    if (typeof node !== 'object' || node === null || !Object.hasOwn(node, key)) throw new Error(`no own ${key}`);
    return (node as Record<string | number, unknown>)[key];
  }, root);
}

describe('visiting', () => {
  test('finds values of the JSON text alone, each where it says', () => {
    fc.assert(
      fc.property(json, paths, (value, path) => {
        for (const { value: found, place } of visitAt(value, path)) {
          expect(place).toHaveLength(path.length);
          expect(at(value, place)).toBe(found);
        }
      }),
    );
  });

  test('goes through lists and maps', () => {
    const value = { spec: { refs: [{ name: 'a' }, {}, { name: 'b' }], map: { x: { name: 'c' } } } };
    const names = (path: string) => visitAt(value, jsonPath(path)).map(({ value: found }) => found);
    expect(names('spec.refs[*].name')).toEqual(['a', 'b']);
    expect(names('spec.map[*].name')).toEqual(['c']);
    expect(names('spec.none.name')).toEqual([]);
  });

  test('tells of a value in the way', () => {
    const mismatches: unknown[] = [];
    const onMismatch = (place: unknown, value: unknown) => mismatches.push([place, value]);
    visitAt({ spec: { ref: 'text' } }, jsonPath('spec.ref.name'), { onMismatch });
    expect(mismatches).toEqual([[['spec', 'ref'], 'text']]);
  });
});

describe('editing', () => {
  test('gives what was put there, leaves the source, and nothing of JavaScript is touched', () => {
    fc.assert(
      fc.property(json, paths, fc.string(), (value, path, text) => {
        const before = JSON.stringify(value);
        const edited = editAt(value, path, () => text, { create: true });
        expect(JSON.stringify(value)).toBe(before);
        for (const { value: found } of visitAt(edited, path)) expect(found).toBe(text);
        for (const { place } of visitAt(value, path)) expect(at(edited, place)).toBe(text);
        expect(Object.keys(Object.prototype)).toEqual([]);
        expect(({} as Record<string, unknown>)['a']).toBeUndefined();
        // All that is not at the path is as it was.
        const undone = editAt(edited, path, () => undefined);
        expect(JSON.stringify(undone)).toBe(JSON.stringify(editAt(undone, path, () => undefined)));
      }),
    );
  });

  test('makes a key that JavaScript knows otherwise into plain data', () => {
    const edited = editAt({}, jsonPath('spec.__proto__.polluted'), () => true, { create: true });
    expect(JSON.stringify(edited)).toBe('{"spec":{"__proto__":{"polluted":true}}}');
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });

  test('that changes nothing gives the same object', () => {
    fc.assert(
      fc.property(json, paths, (value, path) => {
        expect(editAt(value, path, (found) => found)).toBe(value);
      }),
    );
  });

  test('makes objects for keys, and nothing for elements that are not there', () => {
    const set = (value: unknown, path: string) => editAt(value, jsonPath(path), () => 1, { create: true });
    expect(set({}, 'a.b')).toEqual({ a: { b: 1 } });
    expect(set({}, 'a[*].b')).toEqual({});
    expect(set({ a: [{}, { b: 2 }] }, 'a[*].b')).toEqual({ a: [{ b: 1 }, { b: 1 }] });
  });

  test('takes away fields and elements', () => {
    const removed = (value: unknown, path: string) => editAt(value, jsonPath(path), () => undefined);
    expect(removed({ a: { b: 1, c: 2 } }, 'a.b')).toEqual({ a: { c: 2 } });
    expect(removed({ a: [1, 2] }, 'a[*]')).toEqual({ a: [] });
    expect(removed({ a: 1 }, 'b.c')).toEqual({ a: 1 });
  });
});

describe('the depth of a value', () => {
  const nested = (levels: number): unknown => {
    let value: unknown = 'leaf';
    for (let level = 0; level < levels; level++) value = level % 2 === 0 ? [value] : { a: value };
    return value;
  };

  test('is told at the limit', () => {
    expect(isDeeperThan(nested(256), 256)).toBe(false);
    expect(isDeeperThan(nested(257), 256)).toBe(true);
    expect(isDeeperThan('leaf', 0)).toBe(false);
    expect(isDeeperThan({}, 1)).toBe(false);
  });

  test('costs no stack', () => {
    expect(isDeeperThan(nested(100_000), 256)).toBe(true);
    expect(isDeeperThan(nested(100_000), 200_000)).toBe(false);
  });
});
