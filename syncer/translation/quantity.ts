/** `1.5Gi`, `500M`, `1e3`: https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity */
const QUANTITY = /^([+-]?)(\d{0,40})(?:\.(\d{0,40}))?(?:([KMGTPE]i)|([numkMGTPE])|[eE]([+-]?\d{1,2}))?$/;
const BINARY = ['Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'];
const DECIMAL = new Map([
  ['n', -9],
  ['u', -6],
  ['m', -3],
  ['k', 3],
  ['M', 6],
  ['G', 9],
  ['T', 12],
  ['P', 15],
  ['E', 18],
]);
/** Decimal places that are told apart: all digits after the point that are read, times the smallest exponent. */
const PLACES = 150;

/** How two quantities of the API compare: below 0, 0 or above 0; undefined when one is none. */
export function compareQuantities(one: string | undefined, other: string | undefined): number | undefined {
  const [a, b] = [exactly(one), exactly(other)];
  if (a === undefined || b === undefined) return undefined;
  return a < b ? -1 : a > b ? 1 : 0;
}

/** A quantity in billionths, rounded towards zero; undefined when it is none. */
export function inNanos(text: string | undefined): bigint | undefined {
  const value = exactly(text);
  return value === undefined ? undefined : value / 10n ** BigInt(PLACES - 9);
}

/** A quantity in units of 10^-PLACES. */
function exactly(text: string | undefined): bigint | undefined {
  const match = QUANTITY.exec(text ?? '');
  if (match === null) return undefined;
  const [, sign = '', whole = '', fraction = '', binary, decimal, exponent] = match;
  if (whole === '' && fraction === '') return undefined;
  const power = decimal === undefined ? Number(exponent ?? 0) : (DECIMAL.get(decimal) ?? 0);
  const factor = binary === undefined ? 1n : 1024n ** BigInt(BINARY.indexOf(binary) + 1);
  const value = BigInt(whole + fraction) * factor * 10n ** BigInt(PLACES - fraction.length + power);
  return sign === '-' ? -value : value;
}
