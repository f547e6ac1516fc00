import { existingHost } from './existing-host';
import { HostClusterError } from './failure';
import type { Host } from './host';
import type { UpOptions } from './host-cluster';
import { HostCluster } from './host-cluster';
import { defaultName } from './plan';
import { checkSystem } from './prerequisites';

/** Which host, where the choice is not left to the environment. */
export interface ResolveHostOptions extends UpOptions {
  /** For a real node: the name of its cluster. @default $NESTLING_HOST_NAME, else 'host' */
  readonly name?: string;
  /** @default $NESTLING_HOST, else as `chooseHostKind` says */
  readonly kind?: Host['kind'];
  /** For an existing cluster: path of a kubeconfig. @default the first file of $KUBECONFIG, else ~/.kube/config */
  readonly kubeconfig?: string;
  /** For an existing cluster: its context. @default $NESTLING_HOST_CONTEXT, else the current one */
  readonly context?: string;
}

/**
 * Chooses the kind of host. An existing cluster is taken only when it is asked for: by kind, by kubeconfig or context,
 * by NESTLING_HOST=existing, or by NESTLING_HOST_CONTEXT. A KUBECONFIG alone is no such wish, as it may well be set for
 * a cluster on which nobody wants tests. Everything else is a real node.
 *
 * @throws HostClusterError when NESTLING_HOST has another value
 */
export function chooseHostKind(
  options: Pick<ResolveHostOptions, 'kind' | 'kubeconfig' | 'context'>,
  environment: NodeJS.ProcessEnv,
): Host['kind'] {
  if (options.kind) return options.kind;
  if (options.kubeconfig !== undefined || options.context !== undefined) return 'existing';
  const wish = environment['NESTLING_HOST'];
  if (wish === 'node' || wish === 'existing') return wish;
  if (wish !== undefined && wish !== '') {
    throw new HostClusterError(`NESTLING_HOST is ${JSON.stringify(wish)}`, 'set it to node or existing, or unset it');
  }
  return environment['NESTLING_HOST_CONTEXT'] ? 'existing' : 'node';
}

/**
 * The host cluster to work on: a real node of this machine, started when it does not run, or an existing cluster.
 *
 * @throws HostClusterError with the remedy when there is neither
 */
export async function resolveHost(options: ResolveHostOptions = {}): Promise<Host> {
  const { kubeconfig, context } = options;
  if (chooseHostKind(options, process.env) === 'existing') {
    return existingHost({ ...(kubeconfig !== undefined && { kubeconfig }), ...(context !== undefined && { context }) });
  }
  checkSystem(process.platform, process.getuid?.());
  return HostCluster.up({ ...options, name: options.name ?? defaultName() });
}
