import { median, spread } from './statistics';

export type Unit = 'ms' | 's' | 'MiB' | 'mCPU' | '%' | 'requests/s';

/** What one scenario measured of one thing. */
export interface Figure {
  /** Stays the same from run to run: by it two runs are compared. */
  readonly id: string;
  readonly title: string;
  readonly unit: Unit;
  /** One value a round. */
  readonly values: readonly number[];
  /** The same done directly on the host or with a bare API server, in the same rounds. @default nothing to compare with */
  readonly direct?: readonly number[];
  /** Most that is promised: of the ratio to `direct` where there is one, else of the value. @default nothing is */
  readonly limit?: number;
  /** What else a reader has to know. */
  readonly note?: string;
}

/** Median of the rounds' ratios to what was done directly; undefined where nothing was. */
export function ratioOf({ values, direct }: Figure): number | undefined {
  if (direct === undefined) return undefined;
  return median(values.map((value, round) => value / (direct[round] ?? Number.NaN)));
}

/** What is compared with the limit. */
export function judged(figure: Figure): number {
  return ratioOf(figure) ?? median(figure.values);
}

/** Whether it keeps what is promised; undefined where nothing is. */
export function keeps(figure: Figure): boolean | undefined {
  return figure.limit === undefined ? undefined : judged(figure) <= figure.limit;
}

/** The share by which two runs may differ although nothing changed, as far as the rounds of both tell; at least a tenth. */
export function noise(...figures: readonly Figure[]): number {
  const shares = figures.flatMap(({ values, direct }) => [spread(values), direct ? spread(direct) : 0]);
  return Math.max(0.1, 2 * Math.max(...shares));
}

/** How a figure changed from an older run to this one. */
export interface Comparison {
  readonly id: string;
  /** New by old, of the ratio to `direct` where there is one: machines differ, ratios less. */
  readonly change: number;
  /** Most that chance explains, as a share. */
  readonly noise: number;
  readonly isWorse: boolean;
}

/** Compares the figures that both runs have. */
export function compare(old: readonly Figure[], now: readonly Figure[]): readonly Comparison[] {
  const before = new Map(old.map((figure) => [figure.id, figure]));
  return now.flatMap((figure) => {
    const other = before.get(figure.id);
    if (other === undefined || judged(other) === 0) return [];
    const chance = noise(other, figure);
    const change = judged(figure) / judged(other);
    const worse = figure.unit === 'requests/s' ? 1 / change : change;
    return [{ id: figure.id, change, noise: chance, isWorse: worse > 1 + chance }];
  });
}
