import type { Secret } from 'kubernetes-types/core/v1';
import { controlPlaneNames } from '../syncer/configuration';
import { ApiError, resources } from '../syncer/kube-client';
import { stopForward } from './background-forward';
import { Failure } from './failure';
import type { HostCluster } from './host';
import { changeKubeconfig, fileForNewEntries } from './kubeconfig';
import type { Kubeconfig, KubeconfigChange } from './kubeconfig';
import { connectionOf } from './connected-context';
import type { ConnectedContext } from './connected-context';

/** What a kubeconfig of a virtual cluster is made of. PEM texts. */
export interface VirtualCredentials {
  /** Address that its own kubeconfig has. */
  readonly server: string;
  readonly certificateAuthority: string;
  readonly clientCertificate: string;
  readonly clientKey: string;
}

/**
 * Reads the kubeconfig Secret of a virtual cluster.
 *
 * @throws Failure when it is not there yet or lacks something, ApiError where the user may not read it
 */
export async function virtualCredentials(
  { client }: HostCluster,
  name: string,
  namespace: string,
  signal?: AbortSignal,
): Promise<VirtualCredentials> {
  const secretName = controlPlaneNames(name).kubeconfig;
  let secret: Secret;
  try {
    secret = await client.get<Secret>(resources.secrets, { namespace, name: secretName, signal });
  } catch (error) {
    if (!ApiError.is(error, 'NotFound')) throw error;
    throw new Failure(
      `Secret ${namespace}/${secretName} with the kubeconfig is not there: see nestling describe ${name} -n ${namespace}`,
    );
  }
  const text = (key: string): string => Buffer.from(secret.data?.[key] ?? '', 'base64').toString('utf8');
  const { parse } = await import('yaml');
  const config = parse(text('config')) as { clusters?: { cluster?: { server?: string } }[] } | null;
  const server = config?.clusters?.[0]?.cluster?.server;
  const found = {
    certificateAuthority: text('certificate-authority'),
    clientCertificate: text('client-certificate'),
    clientKey: text('client-key'),
  };
  if (server === undefined || Object.values(found).includes('')) {
    throw new Failure(
      `Secret ${namespace}/${secretName} has no whole kubeconfig: wait until its cluster is ready, or see nestling logs ${name} -n ${namespace}`,
    );
  }
  return { server, ...found };
}

const base64 = (text: string): string => Buffer.from(text, 'utf8').toString('base64');

/** Entries of a kubeconfig that lead to a virtual cluster. */
export function kubeconfigEntries(name: string, credentials: VirtualCredentials) {
  return {
    cluster: {
      name,
      cluster: { server: credentials.server, 'certificate-authority-data': base64(credentials.certificateAuthority) },
    },
    user: {
      name,
      user: {
        'client-certificate-data': base64(credentials.clientCertificate),
        'client-key-data': base64(credentials.clientKey),
      },
    },
    context: { name, context: { cluster: name, user: name, namespace: 'default' } },
  };
}

/** A kubeconfig with nothing but a virtual cluster, as text. */
export async function kubeconfigText(name: string, credentials: VirtualCredentials): Promise<string> {
  const { stringify } = await import('yaml');
  const { cluster, user, context } = kubeconfigEntries(name, credentials);
  const document = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [cluster],
    users: [user],
    contexts: [context],
    'current-context': name,
  };
  return stringify(document, { lineWidth: 0 });
}

/** Puts a virtual cluster into a kubeconfig, remembers what was current there, and makes it current. */
export async function mergeContext(
  kubeconfig: Kubeconfig,
  credentials: VirtualCredentials,
  connected: Omit<ConnectedContext, 'previous'>,
  name: string,
): Promise<void> {
  await changeKubeconfig(fileForNewEntries(kubeconfig.files), (change) => {
    const entries = kubeconfigEntries(name, credentials);
    const known = connectionOf(change.find('contexts', name));
    // Of two connections one after the other, the second would lead back to the first: what came before both is meant.
    const current = change.currentContext;
    const before = current === undefined ? undefined : connectionOf(change.find('contexts', current));
    const previous = current === name ? known?.previous : (before?.previous ?? current);
    const extension = { ...connected, ...(previous !== undefined && { previous }) };
    change.put('clusters', entries.cluster);
    change.put('users', entries.user);
    const extensions = [{ name: 'nestling', extension }];
    change.put('contexts', { name, context: { ...entries.context.context, extensions } });
    change.setCurrentContext(name);
  });
}

/** What a disconnection did. */
export interface Disconnected {
  /** Whether the kubeconfig had the context. */
  readonly removed: boolean;
  /** The context that is current now. */
  readonly current: string | undefined;
  /** Whether a process that forwarded a port was stopped. */
  readonly stopped: boolean;
}

/** Takes a virtual cluster from the kubeconfig files, makes current what was so before, and stops the process that forwards its port. */
export async function disconnect({ kubeconfig }: Pick<HostCluster, 'kubeconfig'>, name: string): Promise<Disconnected> {
  const { files } = kubeconfig;
  const placed = kubeconfig.contexts.get(name);
  let removed = false;
  let current = kubeconfig.currentContext;
  if (placed !== undefined) {
    await changeKubeconfig(placed.file, (change) => {
      const previous = connectionOf(change.find('contexts', name))?.previous;
      removed = change.remove('contexts', name);
      change.remove('clusters', name);
      change.remove('users', name);
      if (change.currentContext === name) restore(change, previous, kubeconfig);
      current = change.currentContext;
    });
  }
  const stopped = stopForward({ files, context: name });
  return { removed, current, stopped };
}

function restore(change: KubeconfigChange, previous: string | undefined, { contexts }: Kubeconfig): void {
  // What was current may have been taken away since.
  const there = previous !== undefined && (contexts.has(previous) || change.find('contexts', previous) !== undefined);
  change.setCurrentContext(there ? previous : undefined);
}
