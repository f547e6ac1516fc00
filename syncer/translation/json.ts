import { isObject, type JsonObject } from './fields';

/** Absent, null and empty are one: API servers leave out what is empty. */
function isAbsent(value: unknown): boolean {
  return value === null || value === undefined || (Array.isArray(value) && value.length === 0);
}

/** Whether two JSON values mean the same to an API server. Both come from typed API objects, whose depth is the schema's. */
export function jsonEqual(one: unknown, other: unknown): boolean {
  if (one === other || (isAbsent(one) && isAbsent(other))) return true;
  if (Array.isArray(one) && Array.isArray(other)) {
    return one.length === other.length && one.every((element, index) => jsonEqual(element, other[index]));
  }
  if (!isObject(one) || !isObject(other)) return false;
  const own = (object: JsonObject, key: string): unknown => (Object.hasOwn(object, key) ? object[key] : undefined);
  return [...new Set([...Object.keys(one), ...Object.keys(other)])].every((key) =>
    jsonEqual(own(one, key), own(other, key)),
  );
}

/**
 * Merge patch from one map of strings to another, or undefined when equal.
 *
 * @param ours which of the keys that only `actual` has are to be removed; others belong to somebody else
 */
export function mapPatch(
  desired: Readonly<Record<string, unknown>> | undefined,
  actual: Readonly<Record<string, unknown>> | undefined,
  ours: (key: string) => boolean = () => true,
): JsonObject | undefined {
  const wanted = new Map(Object.entries(desired ?? {}));
  const present = new Map(Object.entries(actual ?? {}));
  const changes: [string, unknown][] = [];
  for (const [key, value] of wanted) if (present.get(key) !== value) changes.push([key, value]);
  for (const key of present.keys()) if (!wanted.has(key) && ours(key)) changes.push([key, null]);
  // fromEntries makes own properties of any key, `__proto__` too.
  return changes.length > 0 ? (Object.fromEntries(changes) as JsonObject) : undefined;
}

/** Merge patch from one JSON object to another, objects inside of it too; lists go as a whole. */
export function objectChanges(wanted: JsonObject, present: unknown): JsonObject {
  const before = new Map(isObject(present) ? Object.entries(present) : []);
  const changes: [string, unknown][] = [];
  for (const [key, value] of Object.entries(wanted)) {
    const old = before.get(key);
    before.delete(key);
    if (jsonEqual(value, old)) continue;
    changes.push([key, isObject(value) ? objectChanges(value, old) : value]);
  }
  for (const key of before.keys()) changes.push([key, null]);
  return Object.fromEntries(changes);
}
