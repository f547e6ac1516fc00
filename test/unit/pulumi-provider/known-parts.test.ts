import * as fc from 'fast-check';
import { knownParts, partAt } from '../../../pulumi-provider/known-parts';

const later = (path: readonly (string | number)[]): string => `later: ${path.join('.')}`;

test('what two samples have in common is known, what differs comes later, by its path', () => {
  const of = (namespace: string) => ({
    kind: 'Role',
    metadata: { name: 'my-vc1', namespace },
    rules: [{ verbs: ['get'] }, { names: [`${namespace}-a`, 'b'] }],
  });
  expect(knownParts(of('one'), of('other'), later)).toEqual({
    kind: 'Role',
    metadata: { name: 'my-vc1', namespace: 'later: metadata.namespace' },
    rules: [{ verbs: ['get'] }, { names: ['later: rules.1.names.0', 'b'] }],
  });
});

test.each<[string, unknown, unknown]>([
  ['lists of other lengths', { a: [1] }, { a: [1, 2] }],
  ['maps with other keys', { a: { b: 1 } }, { a: { c: 1 } }],
  ['a list and a map', { a: [] }, { a: {} }],
  ['something and nothing', { a: null }, { a: {} }],
])('%s come later as a whole', (_, one, other) => {
  expect(knownParts(one, other, later)).toEqual({ a: 'later: a' });
});

test('a value that two equal samples make is that value, made anew, with keys that look odd', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const copy = knownParts(value, structuredClone(value), () => {
        throw new Error('everything is known');
      });
      expect(copy).toEqual(value);
      if (typeof value === 'object' && value !== null) expect(copy).not.toBe(value);
    }),
  );
});

test('a part is found by its path, and is undefined where the value has none', () => {
  const value = { rules: [{ names: ['a', 'b'] }] };
  expect(partAt(value, ['rules', 0, 'names', 1])).toBe('b');
  expect(partAt(value, ['rules', 1, 'names', 1])).toBeUndefined();
  expect(partAt(value, [])).toBe(value);
});
