import type { ObjectMeta } from 'kubernetes-types/meta/v1';
import type { JsonObject } from './fields';
import { mapPatch } from './json';
import { ANNOTATIONS, KEY_PREFIXES } from './keys';

const OUR_PREFIXES = ['nestling.dev/', ...Object.values(KEY_PREFIXES)];

/** Set by who makes or adopts an object, and never taken away because a translation does not know them. */
const KEPT: ReadonlySet<string> = new Set([ANNOTATIONS.uid, ANNOTATIONS.reservation]);

/** The two maps of metadata, as {@link appliedKeys} names them. Keys of neither contain `=` or `,`. */
const MAPS = ['labels', 'annotations'] as const;

function hasOurPrefix(key: string): boolean {
  return OUR_PREFIXES.some((prefix) => key.startsWith(prefix));
}

function isOurs(key: string): boolean {
  return !KEPT.has(key) && hasOurPrefix(key);
}

/**
 * Value of the annotation by which a later {@link metadataPatch} knows the keys that are written now and do not look like ours;
 * empty when there are none.
 */
export function appliedKeys(metadata: ObjectMeta | undefined): string {
  return MAPS.flatMap((map) =>
    Object.keys(metadata?.[map] ?? {})
      .filter((key) => !hasOurPrefix(key))
      .sort()
      .map((key) => `${map}=${key}`),
  ).join(',');
}

/**
 * Merge patch of labels and annotations from what a host object has to what it should have; keys of others are left alone, those
 * that we wrote, or a field patch did, are taken away when they are wanted no more.
 */
export function metadataPatch(desired: ObjectMeta | undefined, actual: ObjectMeta | undefined): JsonObject | undefined {
  const written = new Set(actual?.annotations?.[ANNOTATIONS.appliedKeys]?.split(','));
  const patched = new Set(actual?.annotations?.[ANNOTATIONS.patched]?.split('\n'));
  const patches = MAPS.map((map) => {
    const ours = (key: string): boolean => isOurs(key) || written.has(`${map}=${key}`) || patched.has(`${map}/${key}`);
    return [map, mapPatch(desired?.[map], actual?.[map], ours)] as const;
  }).filter(([, patch]) => patch !== undefined);
  return patches.length > 0 ? Object.fromEntries(patches) : undefined;
}
