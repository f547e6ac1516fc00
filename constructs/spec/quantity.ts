import { SizeRoundingBehavior, type Size } from 'cdk8s';

/** An amount of CPU time; `Cpu` of cdk8s-plus fits too. */
export interface CpuAmount {
  /** As Kubernetes writes it: `250m`, or a number of cores. */
  readonly amount: string;
}

/** An amount of CPU time. */
export class Cpu implements CpuAmount {
  /** Thousandths of a core. */
  static millis(amount: number): Cpu {
    return new Cpu(`${amount}m`);
  }

  /** Whole cores. */
  static units(amount: number): Cpu {
    return new Cpu(`${amount}`);
  }

  private constructor(
    /** As Kubernetes writes it. */
    readonly amount: string,
  ) {}
}

/** Thousandths of a core in an amount, or undefined if it is no positive amount of CPU time. */
export function cpuMillis(amount: string): number | undefined {
  const match = /^(?:(\d+)m|(\d+(?:\.\d{1,3})?))$/.exec(amount);
  const millis = match === null ? 0 : match[1] !== undefined ? Number(match[1]) : Math.round(Number(match[2]) * 1000);
  return millis > 0 ? millis : undefined;
}

/** A size as Kubernetes writes it, in the largest unit that keeps it whole. */
export function sizeQuantity(size: Size): string {
  const kibibytes = sizeKibibytes(size);
  if (kibibytes % (1024 * 1024) === 0) return `${kibibytes / (1024 * 1024)}Gi`;
  return kibibytes % 1024 === 0 ? `${kibibytes / 1024}Mi` : `${kibibytes}Ki`;
}

/** Kibibytes in a size as {@link sizeQuantity} writes it; 0 for anything else. */
export function kibibytesOf(quantity: string): number {
  const match = /^(\d+)(Ki|Mi|Gi)$/.exec(quantity);
  const [amount, unit] = [Number(match?.[1] ?? 0), match?.[2] ?? 'Ki'];
  return amount * (unit === 'Gi' ? 1024 * 1024 : unit === 'Mi' ? 1024 : 1);
}

/** A size in kibibytes, rounded down. */
export function sizeKibibytes(size: Size): number {
  return size.toKibibytes({ rounding: SizeRoundingBehavior.FLOOR });
}
