import { inspect, isDeepStrictEqual } from 'node:util';

/** What the demo claims; each claim is printed with its outcome, and one that fails makes the demo fail. */
export class Expectations {
  readonly #failed: string[] = [];

  /** Compares and prints; a failure shows both values and does not stop the demo. */
  equal(claim: string, actual: unknown, expected: unknown): void {
    this.#report(
      claim,
      isDeepStrictEqual(actual, expected) ? undefined : `expected ${inspect(expected)}, found ${inspect(actual)}`,
    );
  }

  /** A time with what it should be at most: printed, but no failure, as a loaded machine says nothing about the claim. */
  within(claim: string, actual: number, target: number): void {
    process.stdout.write(
      `  ${actual <= target ? 'ok  ' : 'slow'} ${claim}: ${actual.toFixed(1)} s (target: ${target} s)\n`,
    );
  }

  /** A number that must not be larger than a bound. */
  atMost(claim: string, actual: number, bound: number, unit: string): void {
    const text = `${claim}: ${actual.toFixed(1)} ${unit} (at most ${bound})`;
    this.#report(text, actual <= bound ? undefined : `${actual.toFixed(1)} ${unit} is more than ${bound} ${unit}`);
  }

  /** A text in which something must be found. */
  contains(claim: string, text: string, part: string): void {
    this.#report(claim, text.includes(part) ? undefined : `expected ${inspect(part)} in:\n${text}`);
  }

  get failed(): readonly string[] {
    return this.#failed;
  }

  #report(claim: string, difference: string | undefined): void {
    process.stdout.write(`  ${difference === undefined ? 'ok  ' : 'FAIL'} ${claim}\n`);
    if (difference === undefined) return;
    this.#failed.push(`${claim}: ${difference}`);
    process.stdout.write(`       ${difference.replaceAll('\n', '\n       ')}\n`);
  }
}
