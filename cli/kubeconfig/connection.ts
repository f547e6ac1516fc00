import { readFileSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import type { ClusterConnection } from '../../syncer/kube-client';
import { Failure } from '../failure';
import type { ClusterEntry, UserEntry } from './document';
import { execCredential, type ExecCredential } from './exec-credential';
import type { Kubeconfig, Placed } from './kubeconfig';

/** A context of a kubeconfig with all that it leads to. */
export interface ResolvedContext {
  readonly name: string;
  /** Namespace that is meant where none is named; undefined where the context has none. */
  readonly namespace: string | undefined;
  readonly cluster: Placed<ClusterEntry>;
  readonly user: Placed<UserEntry> | undefined;
}

/**
 * The context that is meant: that of the flag, else the current one.
 *
 * @throws Failure where there is no kubeconfig, no such context, or its cluster or user is missing
 */
export function resolveContext(kubeconfig: Kubeconfig, given?: string): ResolvedContext {
  const where = `kubeconfig ${kubeconfig.files.join(', ')}`;
  const names = [...kubeconfig.contexts.keys()];
  const known = names.length > 0 ? `one of: ${names.slice(0, 20).join(', ')}` : undefined;
  const name = given ?? kubeconfig.currentContext;
  if (name === undefined) {
    throw new Failure(
      known === undefined
        ? `${where} is not there or has no context: name a kubeconfig with --kubeconfig or in KUBECONFIG`
        : `${where} has no current context: choose ${known}, with --context or kubectl config use-context`,
    );
  }
  const context = kubeconfig.contexts.get(name)?.entry;
  if (context === undefined) {
    throw new Failure(
      `${where} has no context ${JSON.stringify(name)}: ` +
        (known === undefined ? 'name another kubeconfig with --kubeconfig or in KUBECONFIG' : `choose ${known}`),
    );
  }
  const cluster = kubeconfig.clusters.get(context.cluster ?? '');
  if (cluster === undefined) {
    throw new Failure(
      `context ${name} of ${where} names cluster ${JSON.stringify(context.cluster ?? '')}, which is not there: mend it, or choose another with --context`,
    );
  }
  const user = context.user ? kubeconfig.users.get(context.user) : undefined;
  if (context.user && user === undefined) {
    throw new Failure(
      `context ${name} of ${where} names user ${JSON.stringify(context.user)}, who is not there: mend it, or choose another with --context`,
    );
  }
  return { name, namespace: context.namespace || undefined, cluster, user };
}

/** A connection, and how long its credentials are good for. */
export interface Credentials {
  readonly connection: ClusterConnection;
  /** Milliseconds since the epoch; undefined where nobody said. */
  readonly expires: number | undefined;
}

/**
 * How the cluster of a context is reached, and as whom. Runs a credential plugin where the context names one.
 *
 * @throws Failure for what is not supported, and for files and plugins that do not give what they should
 */
export async function credentialsOf(context: ResolvedContext): Promise<Credentials> {
  const { cluster, user } = context;
  const { server, ...rest } = cluster.entry;
  const refuse = (field: string, remedy: string): never => {
    throw new Failure(`context ${context.name}: ${field} is not supported: ${remedy}`);
  };
  if (!server) {
    throw new Failure(
      `context ${context.name}: its cluster has no server: mend ${cluster.file}, or choose another with --context`,
    );
  }
  if (rest['insecure-skip-tls-verify'] === true) {
    refuse('insecure-skip-tls-verify: true', 'put the certificate of its authority into certificate-authority-data');
  }
  if (rest['proxy-url']) refuse('proxy-url', 'reach the API server without a proxy, or through a tunnel');
  const who: UserEntry = user?.entry ?? {};
  if (who.username || who.password) refuse('username and password', 'use a token or a client certificate');
  if (who['auth-provider'])
    refuse(`auth-provider ${who['auth-provider'].name ?? ''}`, 'use the exec plugin of that provider');
  if (who.as) refuse('impersonation (as)', 'choose a context that has the rights itself, with --context');
  const userFolder = user?.folder ?? '.';
  let plugin: ExecCredential | undefined;
  if (who.exec) {
    plugin = await execCredential(who.exec, {
      context: context.name,
      folder: userFolder,
      cluster: { server, certificateAuthority: pem(cluster, 'certificate-authority') },
    });
  }
  const clientCertificate = plugin?.clientCertificate ?? pem(user, 'client-certificate');
  const clientKey = plugin?.clientKey ?? pem(user, 'client-key');
  if ((clientCertificate === undefined) !== (clientKey === undefined)) {
    const [has, lacks] =
      clientKey === undefined ? ['client-certificate', 'client-key'] : ['client-key', 'client-certificate'];
    throw new Failure(
      `context ${context.name}: its user has a ${has} and no ${lacks}: mend ${user?.file ?? 'the kubeconfig'}`,
    );
  }
  const certificateAuthority = pem(cluster, 'certificate-authority');
  const token = plugin?.token ?? (who.token || undefined);
  const tokenFile = plugin?.token === undefined && who.tokenFile ? absolute(who.tokenFile, userFolder) : undefined;
  const serverName = rest['tls-server-name'];
  return {
    connection: {
      server: server.replace(/\/+$/, ''),
      ...(certificateAuthority !== undefined && { certificateAuthority }),
      ...(clientCertificate !== undefined && { clientCertificate }),
      ...(clientKey !== undefined && { clientKey }),
      ...(tokenFile !== undefined && { tokenFile }),
      ...(token !== undefined && { token }),
      ...(serverName ? { serverName } : {}),
    },
    expires: plugin?.expires,
  };
}

type PemField = 'certificate-authority' | 'client-certificate' | 'client-key';

/** PEM text of a field: what is in the kubeconfig itself counts before the file, as for kubectl. */
function pem(placed: Placed<object> | undefined, field: PemField): string | undefined {
  const entry = (placed?.entry ?? {}) as Record<string, unknown>;
  const data = entry[`${field}-data`];
  if (typeof data === 'string' && data !== '') return Buffer.from(data, 'base64').toString('utf8');
  const file = entry[field];
  if (typeof file !== 'string' || file === '') return undefined;
  const path = absolute(file, placed?.folder ?? '.');
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new Failure(`${field} ${path}, which kubeconfig ${placed?.file} names, cannot be read: mend the kubeconfig`, {
      cause: error,
    });
  }
}

function absolute(path: string, folder: string): string {
  return isAbsolute(path) ? path : join(folder, path);
}
