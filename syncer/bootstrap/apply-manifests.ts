import {
  type AnyObject,
  ApiError,
  apiVersionOf,
  type KubeClient,
  type KubeObject,
  resources,
  type ResourceType,
} from '../kube-client';
import { withoutField } from './field-path';

/** Owner of the applied fields. */
const FIELD_MANAGER = 'nestling-bootstrap';

/** An object after it was applied. */
export interface AppliedManifest {
  /** As it is stored now. */
  readonly object: AnyObject;
  /** Paths of fields that somebody else has changed and keeps. */
  readonly kept: readonly string[];
}

/** Order of application: who waits for it comes later. */
const WAVES: ReadonlyMap<string, number> = new Map([
  ['Namespace', 0],
  // Addresses are given out while the rest is applied.
  ['Service', 1],
  ['Deployment', 3],
  ['DaemonSet', 3],
  ['StatefulSet', 3],
  ['Job', 3],
]);
const OTHER_KINDS = 2;

/**
 * Brings objects into a cluster by server-side apply, namespaces and Services first and workloads last. What is there already and
 * equal is not written. A field that somebody else has changed since stays theirs; all others follow the manifest.
 *
 * @param objects with apiVersion, kind and name
 * @returns the stored objects, in the order given
 * @throws TypeError for a kind that the client does not know, ApiError when the API server refuses an object
 */
export async function applyManifests(
  client: KubeClient,
  objects: readonly KubeObject[],
  { signal }: { readonly signal?: AbortSignal | undefined } = {},
): Promise<AppliedManifest[]> {
  const typed = objects.map((object) => ({
    object,
    type: typeOf(object),
    wave: WAVES.get(object.kind ?? '') ?? OTHER_KINDS,
  }));
  const applied = new Map<KubeObject, AppliedManifest>();
  for (const wave of [...new Set(typed.map((entry) => entry.wave))].sort()) {
    await Promise.all(
      typed
        .filter((entry) => entry.wave === wave)
        .map(async ({ object, type }) => applied.set(object, await applyManifest(client, type, object, { signal }))),
    );
  }
  return objects.map((object) => applied.get(object)!);
}

/**
 * Applies one object of a known type, as `applyManifests` does.
 *
 * @param options.fieldManager owner of the applied fields. @default that of what every virtual cluster has
 * @throws ApiError when the API server refuses it
 */
export async function applyManifest(
  client: Pick<KubeClient, 'patch'>,
  type: ResourceType,
  manifest: KubeObject,
  {
    fieldManager = FIELD_MANAGER,
    signal,
  }: { readonly fieldManager?: string; readonly signal?: AbortSignal | undefined },
): Promise<AppliedManifest> {
  const { name = '', namespace } = manifest.metadata ?? {};
  const kept: string[] = [];
  for (let body = manifest; ;) {
    try {
      const options = { name, namespace, type: 'apply', fieldManager, signal } as const;
      return { object: await client.patch<AnyObject>(type, options, body), kept };
    } catch (error) {
      const fields = conflictingFields(error);
      if (fields.length === 0) throw error;
      for (const field of fields) {
        const rest = withoutField(body, field);
        // Without progress the next attempt would end the same way.
        if (rest === undefined) throw error;
        body = rest;
        kept.push(field);
      }
    }
  }
}

/** Fields that another manager owns with another value. */
function conflictingFields(error: unknown): string[] {
  if (!ApiError.is(error, 'Conflict')) return [];
  return (error.details?.causes ?? []).flatMap(({ reason, field }) =>
    reason === 'FieldManagerConflict' && field !== undefined ? [field] : [],
  );
}

const knownTypes = new Map<string, ResourceType>(
  Object.values(resources).map((type) => [`${apiVersionOf(type)} ${type.kind}`, type]),
);

function typeOf({ apiVersion = '', kind = '', metadata }: KubeObject): ResourceType {
  const type = knownTypes.get(`${apiVersion} ${kind}`);
  if (type === undefined) {
    throw new TypeError(
      `${kind} "${metadata?.name ?? ''}": the kind ${apiVersion} ${kind} is not known; add it to the client's resources`,
    );
  }
  return type;
}
