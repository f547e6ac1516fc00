import type { Secret } from 'kubernetes-types/core/v1';
import { controlPlaneLabels, controlPlaneNames } from '../configuration';
import { ApiError, type KubeClient, resources } from '../kube-client';
import { anchorReference } from '../translation';

/** One state of Secret NAME-certs. */
export interface SecretState {
  /** Undefined while there is no Secret. */
  readonly resourceVersion: string | undefined;
  /** Contents by key, decoded. Keys come from the host, so it is a map. */
  readonly values: ReadonlyMap<string, string>;
}

/** Which virtual cluster's Secret, and where. */
export interface SecretPlace {
  readonly client: KubeClient;
  readonly namespace: string;
  readonly clusterName: string;
  readonly signal?: AbortSignal | undefined;
}

/** Reads the keys and certificates that are there. */
export async function readCertificates({ client, namespace, clusterName, signal }: SecretPlace): Promise<SecretState> {
  try {
    const name = controlPlaneNames(clusterName).certificates;
    const secret = await client.get<Secret>(resources.secrets, { namespace, name, signal });
    return { resourceVersion: secret.metadata?.resourceVersion, values: decode(secret.data) };
  } catch (error) {
    if (ApiError.is(error, 'NotFound')) return { resourceVersion: undefined, values: new Map() };
    throw error;
  }
}

/**
 * Writes changed keys, only over the state that was read.
 *
 * @returns false when somebody else wrote in between: read again and decide anew
 * @throws ApiError for every other refusal
 */
export async function writeCertificates(
  place: SecretPlace,
  { resourceVersion }: SecretState,
  changes: ReadonlyMap<string, string>,
): Promise<boolean> {
  const { client, namespace, clusterName, signal } = place;
  const { certificates: name, anchor } = controlPlaneNames(clusterName);
  const data = encode(changes);
  try {
    if (resourceVersion !== undefined) {
      const body = { metadata: { resourceVersion }, data };
      await client.patch(resources.secrets, { namespace, name, type: 'merge', signal }, body);
      return true;
    }
    const owner = await client.get(resources.configMaps, { namespace, name: anchor, metadataOnly: true, signal });
    const secret: Secret = {
      apiVersion: 'v1',
      kind: 'Secret',
      type: 'Opaque',
      metadata: {
        name,
        namespace,
        labels: controlPlaneLabels(clusterName),
        ownerReferences: [anchorReference({ name: anchor, uid: owner.metadata?.uid ?? '' })],
      },
      data,
    };
    await client.create(resources.secrets, secret, { signal });
    return true;
  } catch (error) {
    if (ApiError.is(error, 'Conflict', 'AlreadyExists')) return false;
    throw error;
  }
}

function decode(data: Secret['data'] = {}): Map<string, string> {
  return new Map(Object.entries(data).map(([key, value]) => [key, Buffer.from(value, 'base64').toString('utf8')]));
}

function encode(values: ReadonlyMap<string, string>): Record<string, string> {
  return Object.fromEntries([...values].map(([key, value]) => [key, Buffer.from(value, 'utf8').toString('base64')]));
}
