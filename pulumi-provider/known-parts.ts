/** Where something is in a value made of maps and lists. */
export type Path = readonly (string | number)[];

/**
 * A value of which some parts are known later than others: the parts that two samples of it have in common stay as they are, the others
 * come from a function. So a preview shows all that does not depend on what it cannot know yet.
 *
 * @param one the value for some choice of what is not known
 * @param other the value for a choice that differs from that in every part; equal to `one` where everything is known
 * @param later gives the part at a path, once it is known
 */
export function knownParts(one: unknown, other: unknown, later: (path: Path) => unknown, path: Path = []): unknown {
  // Maps and lists are made anew: whoever changes a resource's arguments, as transforms do, changes nothing else.
  if (Array.isArray(one) && Array.isArray(other) && one.length === other.length) {
    return Array.from(one, (item: unknown, index) =>
      knownParts(item, (other as unknown[])[index], later, [...path, index]),
    );
  }
  if (isMap(one) && isMap(other) && sameKeys(one, other)) {
    return Object.fromEntries(
      Object.entries(one).map(([key, value]) => [key, knownParts(value, other[key], later, [...path, key])]),
    );
  }
  return Object.is(one, other) ? one : later(path);
}

/** The part of a value at a path. */
export function partAt(value: unknown, path: Path): unknown {
  return path.reduce<unknown>((part, key) => (part as Record<string | number, unknown> | undefined)?.[key], value);
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function sameKeys(one: object, other: object): boolean {
  const keys = Object.keys(one);
  return keys.length === Object.keys(other).length && keys.every((key) => Object.hasOwn(other, key));
}
