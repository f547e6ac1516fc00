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

/** The labels or annotations that a field patch has set, as {@link FieldPatches} notes them. */
function patchedKeys(actual: ObjectMeta | undefined, map: 'labels' | 'annotations'): ReadonlySet<string> {
  const noted = actual?.annotations?.[ANNOTATIONS.patched] ?? '';
  const prefix = `${map}/`;
  const keys = noted.split('\n').filter((entry) => entry.startsWith(prefix));
  return new Set(keys.map((entry) => entry.slice(prefix.length)));
}

/** Merge patch of labels and annotations from what a host object has to what it should have; keys of others are left alone. */
export function metadataPatch(desired: ObjectMeta | undefined, actual: ObjectMeta | undefined): JsonObject | undefined {
  const [patchedLabels, patchedAnnotations] = [patchedKeys(actual, 'labels'), patchedKeys(actual, 'annotations')];
  const labels = mapPatch(desired?.labels, actual?.labels, (key) => isOurs(key) || patchedLabels.has(key));
  const annotations = mapPatch(
    desired?.annotations,
    actual?.annotations,
    (key) => isOurs(key) || patchedAnnotations.has(key),
  );
  if (labels === undefined && annotations === undefined) return undefined;
  return { ...(labels && { labels }), ...(annotations && { annotations }) };
}
