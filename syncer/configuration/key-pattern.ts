/** Name of a key, with a prefix or without, or its beginning and a star. */
const TAINT_KEY = /^[A-Za-z0-9][-A-Za-z0-9_./]*\*?$/;

/**
 * What is wrong with a pattern of keys of taints.
 *
 * @returns a sentence with the remedy, or undefined for a good one
 */
export function taintKeyProblem(pattern: string): string | undefined {
  return TAINT_KEY.test(pattern)
    ? undefined
    : 'is no key of a taint: write one, such as example.org/gpu, or the beginning of several and a * at the end';
}

/** Whether a pattern covers a key: it is the key, or with a `*` at its end the key's beginning. */
export function keyMatches(pattern: string, key: string): boolean {
  return pattern.endsWith('*') ? key.startsWith(pattern.slice(0, -1)) : key === pattern;
}
