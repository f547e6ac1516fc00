import { isObject, type JsonObject } from './fields';
import { jsonEqual, objectChanges } from './json';
import { ANNOTATIONS } from './keys';
import { appliedKeys, metadataPatch } from './metadata-patch';
import { digits } from './names';
import type { ObjectMeta } from 'kubernetes-types/meta/v1';

/** Fields that are not content: what the object is, and what its own side says of it. */
const APART: ReadonlySet<string> = new Set(['apiVersion', 'kind', 'metadata', 'status']);
/** Hex digits of a content's digest: enough that no change of an object meets its own former state. */
const DIGEST_DIGITS = 16;

interface ObjectLike {
  readonly metadata?: ObjectMeta;
}

/**
 * The object with the annotations that {@link appliedPatch} compares by: a digest of all its content, and its keys that do not look
 * like ours. To be called last, on what will be written.
 */
export function withAppliedDigest<T extends ObjectLike>(wanted: T): T {
  const keys = appliedKeys(wanted.metadata);
  const annotations = {
    ...wanted.metadata?.annotations,
    [ANNOTATIONS.applied]: contentDigest(wanted),
    ...(keys !== '' && { [ANNOTATIONS.appliedKeys]: keys }),
  };
  return { ...wanted, metadata: { ...wanted.metadata, annotations } };
}

/**
 * JSON merge patch that makes an object what it should be, or undefined when it is.
 *
 * API servers fill in what a writer leaves out, and another minor fills in other fields. So a field that only the actual object
 * has was filled in if the wanted content is the one that was written last, by its digest; else it was taken away since, and goes.
 * Labels and annotations of others stay; those that were written by us go when they are wanted no more.
 *
 * @param wanted from {@link withAppliedDigest}
 */
export function appliedPatch<T extends ObjectLike>(wanted: T, actual: T): JsonObject | undefined {
  const metadata = metadataPatch(wanted.metadata, actual.metadata);
  const digest = wanted.metadata?.annotations?.[ANNOTATIONS.applied];
  const same = digest !== undefined && digest === actual.metadata?.annotations?.[ANNOTATIONS.applied];
  const [after, before] = [contentOf(wanted), contentOf(actual)];
  const changes = same ? drift(after, before) : objectChanges(after, before);
  if (metadata === undefined && Object.keys(changes).length === 0) return undefined;
  return { ...changes, ...(metadata && { metadata }) };
}

/**
 * JSON merge patch that makes an object exactly what it should be, or undefined when it is: fields that only the actual object has
 * go. For kinds whose API server fills in nothing that is not wanted. Labels and annotations of others stay.
 */
export function exactPatch<T extends ObjectLike>(wanted: T, actual: T): JsonObject | undefined {
  const metadata = metadataPatch(wanted.metadata, actual.metadata);
  const changes = objectChanges(contentOf(wanted), contentOf(actual));
  if (metadata === undefined && Object.keys(changes).length === 0) return undefined;
  return { ...changes, ...(metadata && { metadata }) };
}

/** Merge patch of the fields that the wanted object has and that differ. Lists go as a whole. */
function drift(wanted: JsonObject, present: unknown): JsonObject {
  const before = new Map(isObject(present) ? Object.entries(present) : []);
  const changes: [string, unknown][] = [];
  for (const [key, value] of Object.entries(wanted)) {
    const old = before.get(key);
    if (contains(old, value)) continue;
    changes.push([key, isObject(value) ? drift(value, old) : value]);
  }
  return Object.fromEntries(changes);
}

/** Whether `actual` is `wanted` with nothing but fields added to it. */
function contains(actual: unknown, wanted: unknown): boolean {
  if (isObject(wanted) && isObject(actual)) {
    return Object.entries(wanted).every(([key, value]) =>
      contains(Object.hasOwn(actual, key) ? actual[key] : undefined, value),
    );
  }
  if (Array.isArray(wanted) && Array.isArray(actual)) {
    return wanted.length === actual.length && wanted.every((element, index) => contains(actual[index], element));
  }
  return jsonEqual(actual, wanted) || (isObject(wanted) && Object.keys(wanted).length === 0 && actual == null);
}

/** An object without what every object has: type, metadata, and what its own side says of it. */
export function contentOf(object: ObjectLike): JsonObject {
  return Object.fromEntries(Object.entries(object).filter(([key]) => !APART.has(key)));
}

function contentDigest(object: ObjectLike): string {
  return digits(JSON.stringify(sorted(contentOf(object))), DIGEST_DIGITS);
}

/** The same value with the keys of all objects in one order; an object stays unlike any list. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (!isObject(value)) return value;
  const keys = Object.keys(value).sort();
  return { o: keys.map((key) => [key, sorted(value[key])]) };
}
