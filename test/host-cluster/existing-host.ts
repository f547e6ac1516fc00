import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import type { KubeConfig } from '@kubernetes/client-node';
import type { ClusterConnection } from '../../syncer/kube-client';
import { Api, StatusError } from './api';
import { HostClusterError } from './failure';
import type { Host } from './host';

/** How long an existing cluster may take to answer. */
const ANSWER_MILLISECONDS = 10_000;

/** Which existing cluster. */
export interface ExistingHostOptions {
  /** Path of a kubeconfig. @default the first file of $KUBECONFIG, else ~/.kube/config */
  readonly kubeconfig?: string;
  /** Its context. @default $NESTLING_HOST_CONTEXT, else the current one */
  readonly context?: string;
}

/** The kubeconfig that is meant. */
export function kubeconfigFile(given: string | undefined, environment: NodeJS.ProcessEnv = process.env): string {
  return given ?? environment['KUBECONFIG']?.split(delimiter).find(Boolean) ?? join(homedir(), '.kube', 'config');
}

/**
 * Finds an existing cluster and checks that it answers.
 *
 * @throws HostClusterError naming the file, context or server, and the remedy
 */
export async function existingHost(options: ExistingHostOptions = {}): Promise<Host> {
  const kubeconfigPath = kubeconfigFile(options.kubeconfig);
  if (!existsSync(kubeconfigPath)) {
    throw new HostClusterError(
      `kubeconfig ${kubeconfigPath} does not exist`,
      'name one in KUBECONFIG, or use a real node (Linux and root)',
    );
  }
  // Loaded here and not above: it takes more than half a second, which nobody else should wait for.
  const client = await import('@kubernetes/client-node');
  const config = new client.KubeConfig();
  try {
    config.loadFromFile(kubeconfigPath);
  } catch (error) {
    throw new HostClusterError(
      `kubeconfig ${kubeconfigPath} cannot be read (${(error as Error).message})`,
      'mend it or name another in KUBECONFIG',
      { cause: error },
    );
  }
  const context = options.context ?? (process.env['NESTLING_HOST_CONTEXT'] || config.getCurrentContext());
  if (!config.getContextObject(context)) {
    const known = config.getContexts().map(({ name }) => name);
    throw new HostClusterError(
      `kubeconfig ${kubeconfigPath} has no context ${JSON.stringify(context ?? '')}`,
      known.length > 0
        ? `set NESTLING_HOST_CONTEXT to one of: ${known.join(', ')}`
        : 'name a kubeconfig with a context in KUBECONFIG',
    );
  }
  config.setCurrentContext(context);
  const connection = await connectionOf(config, kubeconfigPath, context);
  await checkAnswer(connection, kubeconfigPath, context);
  return {
    kind: 'existing',
    kubeconfigPath,
    context,
    connection,
    canImportImages: false,
    wasThere: true,
    importImage: (archive) =>
      Promise.reject(
        new HostClusterError(
          `image archive ${archive} cannot be imported into the existing cluster of context ${context}`,
          "load it with that cluster's own tool (such as kind load image-archive) or push it to a registry",
        ),
      ),
    killContainer: (id) =>
      Promise.reject(
        new HostClusterError(
          `container ${id} cannot be killed from here: the nodes of context ${context} are other machines`,
          'use a real node of this machine (NESTLING_HOST=node) for what kills containers',
        ),
      ),
    down: () => Promise.resolve(),
  };
}

async function connectionOf(config: KubeConfig, kubeconfigPath: string, context: string): Promise<ClusterConnection> {
  const cluster = config.getCurrentCluster();
  if (!cluster) {
    throw new HostClusterError(
      `context ${context} of kubeconfig ${kubeconfigPath} names a cluster that the file does not have`,
      'mend the file or set NESTLING_HOST_CONTEXT to another context',
    );
  }
  // This resolves files, tokens and credential plugins alike.
  const options: { ca?: unknown; cert?: unknown; key?: unknown; headers?: Record<string, string> } = {};
  await config.applyToHTTPSOptions(options as Parameters<typeof config.applyToHTTPSOptions>[0]);
  const text = (value: unknown): string | undefined =>
    Buffer.isBuffer(value) ? value.toString('utf8') : typeof value === 'string' ? value : undefined;
  const [certificateAuthority, clientCertificate, clientKey] = [options.ca, options.cert, options.key].map(text);
  const token = /^Bearer (.+)$/.exec(options.headers?.['Authorization'] ?? '')?.[1];
  return {
    server: cluster.server,
    ...(certificateAuthority && { certificateAuthority }),
    ...(clientCertificate && { clientCertificate }),
    ...(clientKey && { clientKey }),
    ...(token && { token }),
    ...(cluster.tlsServerName && { serverName: cluster.tlsServerName }),
  };
}

async function checkAnswer(connection: ClusterConnection, kubeconfigPath: string, context: string): Promise<void> {
  const api = new Api(connection);
  try {
    await api.text('GET', '/version', { timeoutMilliseconds: ANSWER_MILLISECONDS });
  } catch (error) {
    const where = `${connection.server} (context ${context} of ${kubeconfigPath})`;
    if (error instanceof StatusError) {
      throw new HostClusterError(
        `host cluster ${where} refuses the credentials (status ${error.status})`,
        'renew them or set NESTLING_HOST_CONTEXT to another context',
        { cause: error },
      );
    }
    const reason = (error as NodeJS.ErrnoException).code ?? (error as Error).message;
    throw new HostClusterError(
      `host cluster ${where} does not answer (${reason})`,
      'start it, mend the kubeconfig, or set NESTLING_HOST_CONTEXT to another context',
      { cause: error },
    );
  } finally {
    api.close();
  }
}
