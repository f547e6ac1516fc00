import { compareQuantities } from '../../../syncer/translation/quantity';

describe('quantities', () => {
  test.each([
    ['1Gi', '1024Mi'],
    ['1Gi', '1073741824'],
    ['1.5Gi', '1536Mi'],
    ['1G', '1e9'],
    ['0.5', '500m'],
    ['1k', '1000'],
    ['.5', '5e-1'],
    ['1E', '1000000000000000000'],
    ['1n', '0.000000001'],
  ])('%s and %s are one', (one, other) => {
    expect(compareQuantities(one, other)).toBe(0);
    expect(compareQuantities(other, one)).toBe(0);
  });

  test.each([
    ['1G', '1Gi'],
    ['9223372036854775806', '9223372036854775807'],
    ['1', '1.000000001'],
    ['-1', '0'],
    ['999m', '1'],
  ])('%s is less than %s', (less, more) => {
    expect(compareQuantities(less, more)).toBe(-1);
    expect(compareQuantities(more, less)).toBe(1);
  });

  test.each([[undefined], [''], ['.'], ['1Kib'], ['Gi'], ['1e'], ['1e999'], ['0x1'], [' 1']])('%j is none', (text) => {
    expect(compareQuantities(text, '1')).toBeUndefined();
    expect(compareQuantities('1', text)).toBeUndefined();
  });
});
