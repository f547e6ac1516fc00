import { isObject } from './fields';

/**
 * Fields that were sent to an API server and that its answer lacks: it drops those of features that are switched off, without
 * a word and whatever validation is asked for. Values are not compared: a server may spell them in another way, and others
 * may add to them.
 *
 * @returns paths such as `spec.containers[].resizePolicy`, each once
 */
export function unkeptFields(sent: unknown, kept: unknown, root: string): string[] {
  const found = new Set<string>();
  compare(sent, kept, root, found);
  return [...found];
}

function compare(sent: unknown, kept: unknown, path: string, found: Set<string>): void {
  if (Array.isArray(sent)) {
    if (Array.isArray(kept)) for (const [one, other] of pairs(sent, kept)) compare(one, other, `${path}[]`, found);
    return;
  }
  if (!isObject(sent) || !isObject(kept)) return;
  for (const [key, value] of Object.entries(sent)) {
    if (isZero(value)) continue;
    if (!Object.hasOwn(kept, key)) found.add(`${path}.${key}`);
    else compare(value, kept[key], `${path}.${key}`, found);
  }
}

/** Elements that belong together: by name where they have one, as others may be added in front; else by place, if none were. */
function pairs(sent: readonly unknown[], kept: readonly unknown[]): [unknown, unknown][] {
  const nameOf = (element: unknown): unknown => (isObject(element) ? element['name'] : undefined);
  if (sent.every((element) => typeof nameOf(element) === 'string')) {
    const byName = new Map(kept.map((element) => [nameOf(element), element]));
    return sent.map((element) => [element, byName.get(nameOf(element))]);
  }
  return sent.length === kept.length ? sent.map((element, index) => [element, kept[index]]) : [];
}

/** Whether a server may leave the value out as it says nothing. */
function isZero(value: unknown): boolean {
  if (Array.isArray(value)) return value.length === 0;
  if (isObject(value)) return Object.values(value).every(isZero);
  return value === undefined || value === null || value === '' || value === 0 || value === false;
}
