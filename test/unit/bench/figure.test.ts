import { compare, keeps, noise, ratioOf } from '../../bench/figure';
import type { Figure } from '../../bench/figure';
import { chart, markdown, missed } from '../../bench/report';
import { median, quantile, spread } from '../../bench/statistics';

const figure = (more: Partial<Figure>): Figure => ({ id: 'a', title: 'a thing', unit: 'ms', values: [10], ...more });

describe('statistics', () => {
  test('a quantile lies between the two values next to it', () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 2, 3])).toBe(2.5);
    expect(quantile([0, 10], 0.99)).toBeCloseTo(9.9);
    expect(() => median([])).toThrow('no values');
  });

  test('the spread is a share of the median', () => {
    expect(spread([10, 10, 10])).toBe(0);
    expect(spread([8, 10, 12])).toBeCloseTo(0.1);
  });
});

describe('a figure', () => {
  test('is the median of what each round’s ratio was, not a ratio of medians', () => {
    expect(ratioOf(figure({ values: [10, 40, 30], direct: [5, 10, 30] }))).toBe(2);
    expect(ratioOf(figure({}))).toBeUndefined();
  });

  test('keeps its promise by its ratio where there is one, else by its value', () => {
    expect(keeps(figure({ limit: 10 }))).toBe(true);
    expect(keeps(figure({ limit: 9 }))).toBe(false);
    expect(keeps(figure({ direct: [4], limit: 2 }))).toBe(false);
    expect(keeps(figure({}))).toBeUndefined();
  });
});

describe('two runs', () => {
  const old = [figure({ id: 'x', values: [10, 10, 10] }), figure({ id: 'gone' })];

  test('are compared by what both have; worse is what chance does not explain', () => {
    expect(compare(old, [figure({ id: 'x', values: [10.5] }), figure({ id: 'new' })])).toMatchObject([
      { id: 'x', change: 1.05, isWorse: false },
    ]);
    expect(compare(old, [figure({ id: 'x', values: [12] })])).toMatchObject([{ isWorse: true }]);
    expect(noise(figure({ values: [5, 10, 15] }))).toBe(0.5);
    expect(compare(old, [figure({ id: 'x', values: [7, 12, 17] })])).toMatchObject([{ isWorse: false }]);
  });

  test('more requests a second are better', () => {
    const at = (value: number): Figure[] => [figure({ id: 'y', unit: 'requests/s', values: [value] })];
    expect(compare(at(100), at(200))).toMatchObject([{ isWorse: false }]);
    expect(compare(at(100), at(50))).toMatchObject([{ isWorse: true }]);
  });
});

describe('a report', () => {
  const machine = {
    date: '2026-11-25',
    processors: '2 × x',
    memoryGiB: 24,
    system: 'Linux',
    node: 'v24',
    kubernetes: 'v1.37.2',
    loadBefore: 0.1,
  };
  const figures = [
    figure({ values: [30], direct: [10], limit: 2, title: 'pods < 10' }),
    figure({ values: [1], limit: 2 }),
  ];

  test('says what was missed, in the table and a line each', () => {
    const table = markdown({ machine, figures });
    expect(table).toContain('| pods < 10 | 30.0 ms | 10.0 ms | 3.00 × | 2.00 × **missed** |');
    expect(table).toContain('| a thing | 1.00 ms |  |  | 2.00 ms |');
    expect(missed(figures)).toEqual(['pods < 10: 3.00, at most 2.00 is promised']);
  });

  test('draws a bar for what has a ratio', () => {
    const drawn = chart({ machine, figures });
    expect(drawn.match(/<rect x=/g)).toHaveLength(1);
    expect(drawn).toContain('pods &lt; 10');
  });
});
