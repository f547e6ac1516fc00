import { controlPlaneNames, KUBERNETES_VERSION_KEY } from '../configuration';
import { resources } from '../kube-client';
import type { SecretPlace } from './certificates-secret';

/**
 * Records in Secret NAME-certs which version of Kubernetes runs, for the init container of a later one. It is recorded once it answers: a
 * version that never came up, for want of its image say, is no reason to refuse the former one.
 */
export async function recordVersion(place: SecretPlace, version: string): Promise<void> {
  const { client, namespace, clusterName, signal } = place;
  const { certificates: name } = controlPlaneNames(clusterName);
  const data = { [KUBERNETES_VERSION_KEY]: Buffer.from(version, 'utf8').toString('base64') };
  await client.patch(resources.secrets, { namespace, name, type: 'merge', signal }, { data });
}
