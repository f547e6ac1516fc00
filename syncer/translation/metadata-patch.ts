import type { ObjectMeta } from 'kubernetes-types/meta/v1';
import type { JsonObject } from './fields';
import { mapPatch } from './json';
import { ANNOTATIONS, KEY_PREFIXES } from './keys';

const OUR_PREFIXES = ['nestling.dev/', ...Object.values(KEY_PREFIXES)];

/** Set by who makes or adopts an object, and never taken away because a translation does not know them. */
const KEPT: ReadonlySet<string> = new Set([ANNOTATIONS.uid, ANNOTATIONS.reservation]);

function isOurs(key: string): boolean {
  return !KEPT.has(key) && OUR_PREFIXES.some((prefix) => key.startsWith(prefix));
}

/** Merge patch of labels and annotations from what a host object has to what it should have; keys of others are left alone. */
export function metadataPatch(desired: ObjectMeta | undefined, actual: ObjectMeta | undefined): JsonObject | undefined {
  const labels = mapPatch(desired?.labels, actual?.labels, isOurs);
  const annotations = mapPatch(desired?.annotations, actual?.annotations, isOurs);
  if (labels === undefined && annotations === undefined) return undefined;
  return { ...(labels && { labels }), ...(annotations && { annotations }) };
}
