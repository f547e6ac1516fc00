import { KubeClient } from '../syncer/kube-client';
import { connectionOf } from './connected-context';
import { credentialsOf, kubeconfigFiles, readKubeconfig, resolveContext } from './kubeconfig';
import type { Kubeconfig, ResolvedContext } from './kubeconfig';

/** Flags that say which cluster is the host. */
export interface HostFlags {
  readonly kubeconfig?: string;
  readonly context?: string;
  readonly namespace?: string;
}

/** The host cluster of a command. */
export interface HostCluster {
  readonly client: KubeClient;
  readonly kubeconfig: Kubeconfig;
  readonly context: ResolvedContext;
  /** The namespace of the flag; undefined: none was given. */
  readonly givenNamespace: string | undefined;
  /** The namespace that kubectl would mean: that of the flag, else of the context, else `default`. */
  readonly namespace: string;
  /** The server's address, for messages. */
  readonly server: string;
}

/** Seconds that a call to the host may take with its retries: a person waits. */
const TIMEOUT_SECONDS = 15;

/**
 * The host cluster that flags, $KUBECONFIG and the current context name. Where that context leads to a virtual cluster, the host of it.
 *
 * @throws Failure for what is wrong with the kubeconfig
 */
export async function openHost(flags: HostFlags): Promise<HostCluster> {
  const files = kubeconfigFiles(flags.kubeconfig);
  const kubeconfig = await readKubeconfig(files, flags.kubeconfig !== undefined);
  // Who is connected to a virtual cluster means its host: `list` and `delete` go on as before. Its own name leads into it.
  const current = kubeconfig.contexts.get(kubeconfig.currentContext ?? '')?.entry;
  const context = resolveContext(kubeconfig, flags.context ?? connectionOf(current)?.parent);
  const { connection } = await credentialsOf(context);
  return {
    client: new KubeClient(connection, { userAgent: 'nestling-cli', timeoutSeconds: TIMEOUT_SECONDS }),
    kubeconfig,
    context,
    givenNamespace: flags.namespace,
    namespace: flags.namespace ?? context.namespace ?? 'default',
    server: connection.server,
  };
}
