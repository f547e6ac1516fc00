import type { JsonPath } from '../configuration';
import { isObject, type JsonObject } from './fields';

/** Where a value stands: keys and indexes from the root on. */
export type Place = readonly (string | number)[];

/** A value that a path leads to. */
export interface Found {
  readonly value: unknown;
  readonly place: Place;
  /** The object or list that holds it. */
  readonly parent: JsonObject | readonly unknown[];
}

/** Makes a new value of the one that stands at a path, undefined where none does; undefined takes it away. */
export type Edit = (value: unknown, place: Place) => unknown;

/** How {@link editAt} goes. */
export interface EditOptions {
  /** Whether objects are made for keys on the way that are not there. @default false */
  readonly create?: boolean;
  /** Hears of a value in the way that has nothing inside: a text, say, where the path names a key of it. @default nothing is done */
  readonly onMismatch?: (place: Place, value: unknown) => void;
}

/**
 * Every value that a path leads to, in order. Only own keys count, so that nothing outside of the JSON value is ever found; the depth
 * of the walk is the path's, never the value's.
 */
export function visitAt(root: unknown, path: JsonPath, options: Pick<EditOptions, 'onMismatch'> = {}): Found[] {
  const found: Found[] = [];
  visit(root, path, 0, [], found, options);
  return found;
}

function visit(
  node: unknown,
  path: JsonPath,
  at: number,
  place: Place,
  found: Found[],
  options: Pick<EditOptions, 'onMismatch'>,
): void {
  const part = path[at];
  if (part === undefined || node === undefined || node === null) return;
  if (!isObject(node) && !('every' in part && Array.isArray(node))) return options.onMismatch?.(place, node);
  for (const key of keysOf(node, part)) {
    const inner = [...place, key];
    const value = (node as Record<string | number, unknown>)[key];
    if (value === undefined) continue;
    if (at === path.length - 1) found.push({ value, place: inner, parent: node });
    else visit(value, path, at + 1, inner, found, options);
  }
}

/** Own keys of an object, or indexes of a list, that a part names and that are there. */
function keysOf(node: JsonObject | unknown[], part: JsonPath[number]): readonly (string | number)[] {
  if ('every' in part) return Array.isArray(node) ? node.map((_, index) => index) : Object.keys(node);
  return Object.hasOwn(node, part.key) ? [part.key] : [];
}

/** A copy of a JSON value with other values at a path; the value itself where nothing changes. What is not on the path is shared. */
export function editAt(root: unknown, path: JsonPath, edit: Edit, options: EditOptions = {}): unknown {
  return editNode(root, path, 0, [], edit, options);
}

function editNode(node: unknown, path: JsonPath, at: number, place: Place, edit: Edit, options: EditOptions): unknown {
  const part = path[at];
  if (part === undefined) return edit(node, place);
  const last = at === path.length - 1;
  if (node === undefined || node === null) {
    // There is nothing that `[*]` could mean.
    if (options.create !== true || path.slice(at).some((later) => 'every' in later)) return node;
    node = {};
  }
  if ('every' in part && Array.isArray(node)) {
    const edited = node.map((value: unknown, index) => editNode(value, path, at + 1, [...place, index], edit, options));
    if (edited.every((value, index) => value === (node as unknown[])[index])) return node;
    return last ? edited.filter((value) => value !== undefined) : edited;
  }
  if (!isObject(node)) {
    options.onMismatch?.(place, node);
    return node;
  }
  if ('every' in part) {
    const entries = Object.entries(node);
    const edited = entries.map(([key, value]): [string, unknown] => [
      key,
      editNode(value, path, at + 1, [...place, key], edit, options),
    ]);
    if (edited.every(([, value], index) => value === entries[index]?.[1])) return node;
    return Object.fromEntries(edited.filter(([, value]) => value !== undefined));
  }
  const before = Object.hasOwn(node, part.key) ? node[part.key] : undefined;
  if (before === undefined && options.create !== true) return node;
  const after = editNode(before, path, at + 1, [...place, part.key], edit, options);
  if (after === before) return node;
  return after === undefined ? without(node, part.key) : { ...node, [part.key]: after };
}

/** As a spread and a computed key above, `fromEntries` makes own properties of any key, `__proto__` too. */
function without(object: JsonObject, key: string): JsonObject {
  return Object.fromEntries(Object.entries(object).filter(([name]) => name !== key));
}

/** Levels of objects and lists that an object of an untyped kind may have: far above any use, far below what exhausts a stack. */
export const MAX_DEPTH = 256;

/** Whether a JSON value has more levels of objects and lists than a limit. Its own depth costs no stack. */
export function isDeeperThan(value: unknown, limit: number): boolean {
  let level: unknown[] = [value];
  for (let depth = 0; ; depth++) {
    const inner: unknown[] = [];
    for (const one of level) {
      if (typeof one !== 'object' || one === null) continue;
      if (depth === limit) return true;
      for (const element of Array.isArray(one) ? (one as unknown[]) : Object.values(one)) {
        if (typeof element === 'object' && element !== null) inner.push(element);
      }
    }
    if (inner.length === 0) return false;
    level = inner;
  }
}
