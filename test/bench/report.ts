import { judged, keeps, ratioOf } from './figure';
import type { Figure } from './figure';
import type { Machine } from './machine';
import { median, spread } from './statistics';

/** A run as it is kept: what `--compare` reads. */
export interface Run {
  readonly machine: Machine;
  readonly figures: readonly Figure[];
}

const number = (value: number): string =>
  value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);

const withSpread = (values: readonly number[], unit: string): string =>
  `${number(median(values))} ${unit}${values.length > 1 ? ` ± ${(spread(values) * 100).toFixed(0)} %` : ''}`;

/** The run as a table for people. */
export function markdown({ machine, figures }: Run): string {
  const rows = figures.map((figure) => {
    const ratio = ratioOf(figure);
    const kept = keeps(figure);
    return [
      figure.title + (figure.note === undefined ? '' : ` (${figure.note})`),
      withSpread(figure.values, figure.unit),
      figure.direct ? withSpread(figure.direct, figure.unit) : '',
      ratio === undefined ? '' : `${ratio.toFixed(2)} ×`,
      figure.limit === undefined
        ? ''
        : `${number(figure.limit)}${ratio === undefined ? ` ${figure.unit}` : ' ×'}${kept ? '' : ' **missed**'}`,
    ];
  });
  const head = ['measure', 'virtual cluster', 'directly', 'ratio', 'at most'];
  return [
    `${machine.date}, ${machine.processors}, ${machine.memoryGiB} GiB, ${machine.system}, Node.js ${machine.node}, Kubernetes ${machine.kubernetes}; load before: ${machine.loadBefore.toFixed(2)}.`,
    '',
    ...[head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`),
    '',
  ].join('\n');
}

const ROW = 26;
const LEFT = 430;
const WIDTH = 900;
const BAR = WIDTH - LEFT - 80;

/** Ratios to what was done directly, as bars: shorter is better, and the line is where both are equal. */
export function chart({ figures }: Run): string {
  const bars = figures.flatMap((figure) => {
    const ratio = ratioOf(figure);
    return ratio === undefined ? [] : [{ title: figure.title, ratio, limit: figure.limit, kept: keeps(figure) }];
  });
  const most = Math.max(1, ...bars.flatMap(({ ratio, limit }) => [ratio, limit ?? 0]));
  const x = (ratio: number): number => LEFT + (ratio / most) * BAR;
  const height = ROW * bars.length + 20;
  const lines = bars.map(({ title, ratio, limit, kept }, row) => {
    const y = 10 + row * ROW;
    const mark =
      limit === undefined ? '' : `<line x1="${x(limit)}" x2="${x(limit)}" y1="${y}" y2="${y + 18}" stroke="#b33"/>`;
    return (
      `<text x="${LEFT - 8}" y="${y + 13}" text-anchor="end">${escape(title)}</text>` +
      `<rect x="${LEFT}" y="${y}" width="${x(ratio) - LEFT}" height="18" fill="${kept === false ? '#d66' : '#48a'}"/>` +
      `<text x="${x(ratio) + 5}" y="${y + 13}">${ratio.toFixed(2)} ×</text>${mark}`
    );
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" font-family="sans-serif" font-size="12">`,
    `<rect width="100%" height="100%" fill="#fff"/>`,
    `<line x1="${x(1)}" x2="${x(1)}" y1="0" y2="${height}" stroke="#999" stroke-dasharray="3"/>`,
    ...lines,
    '</svg>',
    '',
  ].join('\n');
}

const escape = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');

/** The figures that miss what is promised, a line each. */
export function missed(figures: readonly Figure[]): string[] {
  return figures
    .filter((figure) => keeps(figure) === false)
    .map((figure) => `${figure.title}: ${number(judged(figure))}, at most ${number(figure.limit ?? 0)} is promised`);
}
