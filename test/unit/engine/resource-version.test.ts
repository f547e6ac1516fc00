import fc from 'fast-check';
import { compareResourceVersions } from '../../../syncer/engine';

test('decimal versions are ordered as numbers of any size', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: 1n }), fc.bigInt({ min: 1n }), (a, b) => {
      expect(Math.sign(compareResourceVersions(String(a), String(b)) as number)).toBe(a < b ? -1 : a > b ? 1 : 0);
    }),
  );
});

test('others are equal or cannot be compared', () => {
  expect(compareResourceVersions('abc', 'abc')).toBe(0);
  for (const odd of ['abc', '', '007', '-1', '1e3', undefined])
    expect(compareResourceVersions(odd, '5')).toBeUndefined();
  expect(compareResourceVersions(undefined, undefined)).toBeUndefined();
});
