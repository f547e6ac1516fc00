/** One step of a JSON patch (RFC 6902); admission needs no others. */
export interface JsonPatchOperation {
  op: 'add' | 'remove';
  /** JSON pointer; made by {@link jsonPointer}. */
  path: string;
  value?: unknown;
}

/** A JSON pointer (RFC 6901) to a member: every segment is escaped, so that `/` and `~` in a key stay in the key. */
export function jsonPointer(...segments: readonly (string | number)[]): string {
  return segments.map((segment) => `/${String(segment).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}

/** Sets a member, whether it is there or not; what contains it must be there. */
export function set(value: unknown, ...segments: readonly (string | number)[]): JsonPatchOperation {
  return { op: 'add', path: jsonPointer(...segments), value };
}
