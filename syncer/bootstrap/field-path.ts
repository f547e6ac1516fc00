/**
 * Field paths as server-side apply writes them in conflicts, for example
 * `.spec.template.spec.containers[name="coredns"].image` or `.metadata.labels.app.kubernetes.io/name`.
 */

/**
 * A copy of an object without one field.
 *
 * @param path of the field, from a conflict
 * @returns undefined when the object has no such field, or the path cannot be read
 */
export function withoutField<T extends object>(object: T, path: string): T | undefined {
  const copy = structuredClone(object);
  return remove(copy, path) ? copy : undefined;
}

/** Removes what a path leads to; keys may hold dots, so the object itself says where one ends. */
function remove(value: unknown, path: string): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (path.startsWith('.')) return removeKey(value, path.slice(1));
  if (path.startsWith('[') && Array.isArray(value)) return removeItem(value, path);
  return false;
}

function removeKey(value: object, path: string): boolean {
  for (const key of Object.keys(value)) {
    if (!path.startsWith(key)) continue;
    const rest = path.slice(key.length);
    if (rest === '') {
      delete (value as Record<string, unknown>)[key];
      return true;
    }
    if (remove((value as Record<string, unknown>)[key], rest)) return true;
  }
  return false;
}

function removeItem(list: unknown[], path: string): boolean {
  const end = path.indexOf(']');
  if (end < 0) return false;
  const position = list.findIndex(matcher(path.slice(1, end)));
  if (position < 0) return false;
  const rest = path.slice(end + 1);
  if (rest !== '') return remove(list[position], rest);
  list.splice(position, 1);
  return true;
}

/** What `[name="a",port=1]`, `[="value"]` or `[3]` selects. */
function matcher(selector: string): (item: unknown, index: number) => boolean {
  if (/^\d+$/.test(selector)) return (_, index) => index === Number(selector);
  if (selector.startsWith('=')) return (item) => JSON.stringify(item) === selector.slice(1);
  const wanted = [...selector.matchAll(/([^=,]+)=("(?:[^"\\]|\\.)*"|[^,]+)/g)];
  return (item) =>
    wanted.length > 0 &&
    typeof item === 'object' &&
    item !== null &&
    wanted.every(([, key = '', value]) => JSON.stringify((item as Record<string, unknown>)[key]) === value);
}
