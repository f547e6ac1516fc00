import type { Secret } from 'kubernetes-types/core/v1';
import { CONTROL_PLANE_LABEL, controlPlaneLabels, controlPlaneNames, type SyncerConfiguration } from '../configuration';
import { ApiError, type KubeClient, resources } from '../kube-client';
import { formatKubeconfig, type KeyPair } from '../pki';
import { type Anchor, anchorReference, type ClusterIdentity } from '../translation';

/** Marks Secrets with a further kubeconfig, so that one that the configuration does not name any more is found. */
const FURTHER_KUBECONFIG_LABEL = 'nestling.dev/further-kubeconfig';

/** What the Secrets with kubeconfigs are made of. */
export interface KubeconfigContent {
  readonly configuration: Pick<SyncerConfiguration, 'apiServer'>;
  readonly identity: ClusterIdentity;
  /** Owner of the Secrets. */
  readonly anchor: Anchor;
  /** PEM of the virtual cluster's authority. */
  readonly ca: string;
  /** Certificate and key of the virtual cluster's administrator. */
  readonly admin: KeyPair;
  /** `https://HOST:PORT` for clients outside of the host's network, where there is one. */
  readonly outsideServer: string | undefined;
}

/**
 * The Secrets with kubeconfigs. Secret vc-NAME has the one for clients outside of the host under `config`, the one for clients
 * inside of it under `config-inside`, and the parts of both (PEM) under `certificate-authority`, `client-certificate` and
 * `client-key`; the others have what the configuration asks for under `config`, and the same parts.
 */
export function kubeconfigSecrets(content: KubeconfigContent): Secret[] {
  const { configuration, identity } = content;
  const names = controlPlaneNames(identity.name);
  const inside = `https://${names.apiServerService}.${identity.hostNamespace}.svc:443`;
  const outside = configuration.apiServer.kubeconfigServer ?? content.outsideServer ?? inside;
  const named = new Map([
    ['inside', inside],
    ['outside', outside],
  ]);
  const own = secret(content, names.kubeconfig, { config: outside, 'config-inside': inside });
  const further = configuration.apiServer.kubeconfigs.map(({ secretName, server }) => {
    const made = secret(content, secretName, { config: named.get(server) ?? server });
    return { ...made, metadata: { ...made.metadata, labels: { ...made.metadata?.labels, ...furtherLabel(identity) } } };
  });
  return [own, ...further];
}

const furtherLabel = ({ name }: ClusterIdentity) => ({ [FURTHER_KUBECONFIG_LABEL]: name });

/** @param servers addresses by the key of the kubeconfig that leads there */
function secret(content: KubeconfigContent, secretName: string, servers: Readonly<Record<string, string>>): Secret {
  const { identity, anchor, ca, admin } = content;
  const { name, hostNamespace } = identity;
  const configs = Object.entries(servers).map(([key, server]): [string, string] => [
    key,
    formatKubeconfig({
      name: `${name}.${hostNamespace}`,
      server,
      certificateAuthority: ca,
      user: `admin.${name}.${hostNamespace}`,
      client: admin,
    }),
  ]);
  const values: readonly [string, string][] = [
    ...configs,
    ['certificate-authority', ca],
    ['client-certificate', admin.certificate],
    ['client-key', admin.key],
  ];
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    type: 'Opaque',
    metadata: {
      name: secretName,
      namespace: hostNamespace,
      labels: controlPlaneLabels(name),
      ownerReferences: [anchorReference(anchor)],
    },
    data: Object.fromEntries(values.map(([key, value]) => [key, Buffer.from(value, 'utf8').toString('base64')])),
  };
}

/**
 * Makes the Secrets with kubeconfigs, or brings them up to date, and deletes those that the configuration does not name any
 * more; an equal one is not written. All are tried, the first failure is thrown.
 *
 * @throws Error naming the Secret when one of that name is not the virtual cluster's, ApiError when the host refuses
 */
export async function applyKubeconfigSecrets(
  host: KubeClient,
  content: KubeconfigContent,
  signal?: AbortSignal,
): Promise<void> {
  const wanted = kubeconfigSecrets(content);
  const applied = await Promise.allSettled(wanted.map((one) => applySecret(host, one, content, signal)));
  await deleteOthers(host, new Set(wanted.map(({ metadata }) => metadata?.name)), content, signal);
  for (const result of applied) if (result.status === 'rejected') throw result.reason;
}

async function deleteOthers(
  host: KubeClient,
  wanted: ReadonlySet<string | undefined>,
  content: KubeconfigContent,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { name, hostNamespace: namespace } = content.identity;
  const { items } = await host.list<Secret>(resources.secrets, {
    namespace,
    labelSelector: `${CONTROL_PLANE_LABEL}=${name},${FURTHER_KUBECONFIG_LABEL}=${name}`,
    metadataOnly: true,
    signal,
  });
  for (const found of items) {
    if (wanted.has(found.metadata?.name) || !isOwned(found, content.anchor)) continue;
    const { name: secretName = '', uid } = found.metadata ?? {};
    try {
      await host.delete(resources.secrets, { namespace, name: secretName, uid, signal });
    } catch (error) {
      if (!ApiError.is(error, 'NotFound', 'Conflict')) throw error;
    }
  }
}

async function applySecret(
  host: KubeClient,
  wanted: Secret,
  content: KubeconfigContent,
  signal: AbortSignal | undefined,
): Promise<void> {
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

function isOurs(secret: Secret, { identity, anchor }: KubeconfigContent): boolean {
  return secret.metadata?.labels?.[CONTROL_PLANE_LABEL] === identity.name || isOwned(secret, anchor);
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
