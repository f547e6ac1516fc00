/** Whether a pattern covers a key of an annotation: it is the key, or with a `*` at its end the key's beginning. */
export function keyMatches(pattern: string, key: string): boolean {
  return pattern.endsWith('*') ? key.startsWith(pattern.slice(0, -1)) : key === pattern;
}
