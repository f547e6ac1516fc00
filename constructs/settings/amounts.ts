import { Duration, Size, SizeRoundingBehavior } from 'cdk8s';
import * as z from 'zod';
import { Cpu, type CpuAmount } from '..';

const SIZES = { Ki: Size.kibibytes, Mi: Size.mebibytes, Gi: Size.gibibytes, Ti: Size.tebibytes };
const SPANS = { s: Duration.seconds, m: Duration.minutes, h: Duration.hours, d: Duration.days };
const KIBIBYTES: Readonly<Record<string, number>> = { Ki: 1, Mi: 1024, Gi: 1024 ** 2, Ti: 1024 ** 3 };
const SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };

const NO_CPU = 'is no amount of CPU time: write cores such as "2" or "0.5", or thousandths such as "250m"';

const isA =
  (method: string) =>
  (value: unknown): boolean =>
    typeof (value as Record<string, unknown> | null | undefined)?.[method] === 'function';

/** A size as Kubernetes writes it: `10Gi`. */
export const size = z.codec(
  z.string().regex(/^\d+(?:Ki|Mi|Gi|Ti)$/, 'is no size: write a whole number and Ki, Mi, Gi or Ti, such as 10Gi'),
  z.custom<Size>(isA('toKibibytes'), 'is no Size: use one such as Size.gibibytes(10)'),
  {
    decode: (text) => SIZES[text.slice(-2) as keyof typeof SIZES](Number(text.slice(0, -2))),
    encode: (value) => largestUnit(value.toKibibytes({ rounding: SizeRoundingBehavior.FLOOR }), KIBIBYTES),
  },
);

/** A span of time: `365d`, `12h`, `30m`, `120s`. */
export const duration = z.codec(
  z.string().regex(/^\d+[smhd]$/, 'is no span of time: write a whole number and s, m, h or d, such as 365d'),
  z.custom<Duration>(isA('toSeconds'), 'is no Duration: use one such as Duration.days(365)'),
  {
    decode: (text) => SPANS[text.slice(-1) as keyof typeof SPANS](Number(text.slice(0, -1))),
    encode: (value) => largestUnit(value.toSeconds({ integral: false }), SECONDS),
  },
);

/** CPU time as Kubernetes writes it: `250m`, `2`, or a number of cores. */
export const cpu = z.codec(
  z.union([z.string().regex(/^\d+(?:m|\.\d{1,3})?$/, NO_CPU), z.number()]),
  z.custom<CpuAmount>((value) => typeof (value as CpuAmount | null | undefined)?.amount === 'string', NO_CPU),
  {
    decode: (given) => {
      const text = String(given);
      return text.endsWith('m') ? Cpu.millis(Number(text.slice(0, -1))) : Cpu.units(Number(text));
    },
    encode: ({ amount }) => amount,
  },
);

/** In the largest unit that keeps it whole. */
function largestUnit(amount: number, units: Readonly<Record<string, number>>): string {
  const fitting = Object.entries(units).filter(([, worth]) => amount % worth === 0);
  const [unit, worth] = fitting.at(-1) ?? Object.entries(units)[0] ?? ['', 1];
  return `${amount / worth}${unit}`;
}
