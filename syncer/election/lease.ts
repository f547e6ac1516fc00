import type { Lease } from 'kubernetes-types/coordination/v1';
import type { OwnerReference } from 'kubernetes-types/meta/v1';
import { ApiError, type KubeClient, resources } from '../kube-client';

/** Which Lease, and whose it is. */
export interface LeasePlace {
  readonly client: Pick<KubeClient, 'get' | 'create' | 'patch'>;
  readonly namespace: string;
  readonly name: string;
  /** Labels and owner that the Lease is made with. */
  readonly metadata?: { readonly labels: Record<string, string>; readonly ownerReferences: OwnerReference[] };
}

/** The Lease as it is; undefined where there is none. */
export async function readLease(
  { client, namespace, name }: LeasePlace,
  signal?: AbortSignal,
): Promise<Lease | undefined> {
  try {
    return await client.get<Lease>(resources.leases, { namespace, name, signal });
  } catch (error) {
    if (ApiError.is(error, 'NotFound')) return undefined;
    throw error;
  }
}

/**
 * Makes the Lease, or writes over exactly the state that was read.
 *
 * @returns the Lease as it is then; undefined when somebody else was quicker
 */
export async function writeLease(
  { client, namespace, name, metadata }: LeasePlace,
  read: Lease | undefined,
  spec: NonNullable<Lease['spec']>,
  signal?: AbortSignal,
): Promise<Lease | undefined> {
  try {
    if (read === undefined) {
      const lease: Lease = {
        apiVersion: 'coordination.k8s.io/v1',
        kind: 'Lease',
        metadata: { name, namespace, ...metadata },
        spec,
      };
      return await client.create<Lease>(resources.leases, lease, { signal });
    }
    const { resourceVersion } = read.metadata ?? {};
    const options = { namespace, name, type: 'merge', signal } as const;
    return await client.patch<Lease>(resources.leases, options, { metadata: { resourceVersion }, spec });
  } catch (error) {
    if (ApiError.is(error, 'AlreadyExists', 'Conflict', 'NotFound')) return undefined;
    throw error;
  }
}

/** A moment as Leases have it: with microseconds. */
export function microTime(date: Date): string {
  return date.toISOString().replace('Z', '000Z');
}

/** Whether nobody holds the Lease. */
export function isFree(lease: Lease | undefined): boolean {
  return (lease?.spec?.holderIdentity ?? '') === '';
}
