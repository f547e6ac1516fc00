import type { ConfigMap, Secret } from 'kubernetes-types/core/v1';
import type { JsonObject } from './fields';
import { mapPatch } from './json';
import { metadataPatch } from './metadata-patch';

/**
 * JSON merge patch that makes a host ConfigMap or Secret what it should be; undefined when it is, and `recreate` when the
 * API lets nobody change it (immutable contents, another type): then it must be deleted and created.
 */
export function hostDataPatch<T extends ConfigMap | Secret>(desired: T, actual: T): object | 'recreate' | undefined {
  const changes: JsonObject = {};
  const [wanted, present] = [desired as JsonObject, actual as JsonObject];
  for (const field of ['data', 'binaryData']) {
    const patch = mapPatch(wanted[field] as JsonObject | undefined, present[field] as JsonObject | undefined);
    if (patch !== undefined) changes[field] = patch;
  }
  if ((wanted['type'] ?? undefined) !== (present['type'] ?? undefined)) return 'recreate';
  const immutable = [wanted['immutable'] === true, present['immutable'] === true];
  if (immutable[1] && (Object.keys(changes).length > 0 || !immutable[0])) return 'recreate';
  if (immutable[0] !== immutable[1]) changes['immutable'] = immutable[0];
  const metadata = metadataPatch(desired.metadata, actual.metadata);
  if (metadata !== undefined) changes['metadata'] = metadata;
  return Object.keys(changes).length > 0 ? changes : undefined;
}
