import { CONTROL_PLANE_LABEL } from '../syncer/configuration';
import { ApiError } from '../syncer/kube-client';
import type { AnyObject, KubeClient } from '../syncer/kube-client';
import { FIELD_MANAGER, objectName, typed } from './apply';
import type { TypedObject } from './apply';
import { differenceLines, differences } from './differences';
import type { Difference } from './differences';

/** What applying settings would do to one host object. */
export interface Change extends TypedObject {
  readonly kind: 'made' | 'changed' | 'removed' | 'refused';
  /** With `changed`. */
  readonly fields: readonly Difference[];
  /** With `refused`: what the host says against it. */
  readonly reason: string;
  /** With `removed`: the object that is there. */
  readonly uid: string;
}

/** What to hold against the host. */
export interface Comparison {
  readonly client: KubeClient;
  /** Name of the virtual cluster. */
  readonly cluster: string;
  readonly objects: readonly AnyObject[];
  /** Objects that an earlier state of the settings had: those that are not in `objects` any more are to go. */
  readonly former: readonly AnyObject[];
  readonly signal: AbortSignal;
}

/**
 * What applying objects would change on the host, by a dry run of the apply itself: defaults, allocated values and what others own are as the
 * host has them, and do not count. Nothing is written.
 */
export async function changesOf({ client, cluster, objects, former, signal }: Comparison): Promise<readonly Change[]> {
  const wanted = await typed(client, objects, signal);
  const names = new Set(objects.map(identity));
  const gone = await typed(
    client,
    former.filter((object) => !names.has(identity(object))),
    signal,
  );
  const found = await Promise.all([
    ...wanted.map((one) => changeOf(client, one, signal)),
    ...gone.map((one) => removalOf(client, cluster, one, signal)),
  ]);
  return found.filter((change) => change !== undefined);
}

function identity({ apiVersion, kind, metadata }: AnyObject): string {
  return JSON.stringify([apiVersion?.split('/').slice(0, -1), kind, metadata?.namespace, metadata?.name]);
}

const NOTHING = { fields: [], reason: '', uid: '' } as const;

async function there(
  client: KubeClient,
  { object, type }: TypedObject,
  signal: AbortSignal,
): Promise<AnyObject | undefined> {
  const { name = '', namespace } = object.metadata ?? {};
  try {
    return await client.get(type, { name, namespace: type.namespaced ? namespace : undefined, signal });
  } catch (error) {
    if (ApiError.is(error, 'NotFound')) return undefined;
    throw error;
  }
}

async function changeOf(client: KubeClient, one: TypedObject, signal: AbortSignal): Promise<Change | undefined> {
  const host = await there(client, one, signal);
  if (host === undefined) return { ...one, ...NOTHING, kind: 'made' };
  const { object, type } = one;
  const { name = '', namespace } = object.metadata ?? {};
  const options = { name, namespace: type.namespaced ? namespace : undefined, fieldManager: FIELD_MANAGER, signal };
  try {
    const applied = await client.patch(type, { ...options, type: 'apply', force: true, dryRun: true }, object);
    const fields = differences(host, applied);
    return fields.length === 0 ? undefined : { ...one, ...NOTHING, kind: 'changed', fields };
  } catch (error) {
    if (!ApiError.is(error, 'Invalid')) throw error;
    return { ...one, ...NOTHING, kind: 'refused', reason: (error as ApiError).serverMessage };
  }
}

/** Only what says itself that it is the cluster's. */
async function removalOf(
  client: KubeClient,
  cluster: string,
  one: TypedObject,
  signal: AbortSignal,
): Promise<Change | undefined> {
  const { metadata } = (await there(client, one, signal)) ?? {};
  if (metadata?.labels?.[CONTROL_PLANE_LABEL] !== cluster) return undefined;
  return { ...one, ...NOTHING, kind: 'removed', uid: metadata.uid ?? '' };
}

/** Changes in lines for people. */
export function changeLines(changes: readonly Change[]): readonly string[] {
  return changes.flatMap(({ kind, object, fields, reason }) => {
    const name = objectName(object);
    switch (kind) {
      case 'made':
        return [`${name} is not there`];
      case 'removed':
        return [`${name} is there, and should not be`];
      case 'refused':
        return [`${name} cannot be changed so: ${reason}`];
      case 'changed':
        return [name, ...fields.flatMap(differenceLines).map((line) => `  ${line}`)];
    }
  });
}

/** Changes for programs. */
export function changeData(changes: readonly Change[]): readonly object[] {
  return changes.map(({ kind, object, fields, reason }) => ({
    change: kind,
    apiVersion: object.apiVersion,
    kind: object.kind,
    ...(object.metadata?.namespace !== undefined && { namespace: object.metadata.namespace }),
    name: object.metadata?.name,
    ...(kind === 'changed' && { fields }),
    ...(kind === 'refused' && { reason }),
  }));
}
