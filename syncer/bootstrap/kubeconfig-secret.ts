import type { Secret } from 'kubernetes-types/core/v1';
import { controlPlaneLabels, controlPlaneNames, type SyncerConfiguration } from '../configuration';
import { ApiError, type KubeClient, resources } from '../kube-client';
import { formatKubeconfig, type KeyPair } from '../pki';
import { type Anchor, anchorReference, type ClusterIdentity } from '../translation';

/** What Secret vc-NAME is made of. */
export interface KubeconfigSecretContent {
  readonly configuration: SyncerConfiguration;
  readonly identity: ClusterIdentity;
  /** Owner of the Secret. */
  readonly anchor: Anchor;
  /** PEM of the virtual cluster's authority. */
  readonly ca: string;
  /** Certificate and key of the virtual cluster's administrator. */
  readonly admin: KeyPair;
}

/**
 * Secret vc-NAME with a kubeconfig for the virtual cluster: the whole under `config`, its parts (PEM) under
 * `certificate-authority`, `client-certificate` and `client-key`.
 */
export function kubeconfigSecret({ configuration, identity, anchor, ca, admin }: KubeconfigSecretContent): Secret {
  const { name, hostNamespace } = identity;
  const names = controlPlaneNames(name);
  const server =
    configuration.apiServer.kubeconfigServer ?? `https://${names.apiServerService}.${hostNamespace}.svc:443`;
  const config = formatKubeconfig({
    name: `${name}.${hostNamespace}`,
    server,
    certificateAuthority: ca,
    user: `admin.${name}.${hostNamespace}`,
    client: admin,
  });
  const values = {
    config,
    'certificate-authority': ca,
    'client-certificate': admin.certificate,
    'client-key': admin.key,
  };
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    type: 'Opaque',
    metadata: {
      name: names.kubeconfig,
      namespace: hostNamespace,
      labels: controlPlaneLabels(name),
      ownerReferences: [anchorReference(anchor)],
    },
    data: Object.fromEntries(
      Object.entries(values).map(([key, value]) => [key, Buffer.from(value, 'utf8').toString('base64')]),
    ),
  };
}

/**
 * Makes Secret vc-NAME, or brings it up to date; an equal one is not written.
 *
 * @throws Error naming the Secret when one of that name is not the virtual cluster's, ApiError when the host refuses
 */
export async function applyKubeconfigSecret(
  host: KubeClient,
  content: KubeconfigSecretContent,
  signal?: AbortSignal,
): Promise<void> {
  const wanted = kubeconfigSecret(content);
  const { name = '', namespace = '' } = wanted.metadata ?? {};
  let there: Secret;
  try {
    there = await host.get<Secret>(resources.secrets, { name, namespace, signal });
  } catch (error) {
    if (!ApiError.is(error, 'NotFound')) throw error;
    await host.create(resources.secrets, wanted, { signal });
    return;
  }
  if (!isOurs(there, content)) {
    throw new Error(
      `Secret ${name} in namespace ${namespace} belongs to somebody else; delete or rename it, so that the kubeconfig of ` +
        `virtual cluster ${content.identity.name} can be stored there`,
    );
  }
  const { labels, ownerReferences } = wanted.metadata ?? {};
  if (includes(there, { data: wanted.data, metadata: { labels } }) && isOwned(there, content.anchor)) return;
  const body = {
    metadata: { resourceVersion: there.metadata?.resourceVersion, labels, ownerReferences },
    data: wanted.data,
  };
  await host.patch(resources.secrets, { name, namespace, type: 'merge', signal }, body);
}

function isOurs(secret: Secret, { identity, anchor }: KubeconfigSecretContent): boolean {
  return secret.metadata?.labels?.['nestling.dev/control-plane'] === identity.name || isOwned(secret, anchor);
}

function isOwned({ metadata }: Secret, { uid }: Anchor): boolean {
  return metadata?.ownerReferences?.some((owner) => owner.uid === uid) ?? false;
}

/** Whether every field of `part` is in `whole` with the same value. */
function includes(whole: unknown, part: unknown): boolean {
  if (typeof part !== 'object' || part === null) return whole === part;
  if (typeof whole !== 'object' || whole === null) return false;
  return Object.entries(part).every(([key, value]) => includes((whole as Record<string, unknown>)[key], value));
}
