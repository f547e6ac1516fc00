import type { Command } from 'commander';
import type { Flags } from '../command';
import { disconnect } from '../connection';
import type { Context } from '../context';
import { removeCluster } from '../remove-cluster';
import { contextName, findCluster, findLeftOver } from '../virtual-clusters';
import type { FoundCluster } from '../virtual-clusters';
import { NotFound } from '../virtual-clusters';
import { secondsOf } from './create';

export function describe(command: Command): void {
  command
    .argument('<name>', 'name of the virtual cluster')
    .option('--no-wait', 'do not wait until all is gone')
    .option('--keep-claims', 'keep the volumes of the tenant and of the store')
    .option('--keep-namespace', 'keep the namespace, also if nestling create made it')
    .option('--ignore-not-found', 'one that is not there is no error')
    .option('--timeout <seconds>', 'how long to wait', '300');
}

export async function run(context: Context, [given]: readonly unknown[], flags: Flags): Promise<void> {
  const { output, progress, signal } = context;
  const timeoutSeconds = secondsOf(flags['timeout']);
  const host = await context.host();
  let found: Pick<FoundCluster, 'name' | 'namespace'>;
  try {
    found = await findCluster(host, String(given), signal);
  } catch (error) {
    if (!(error instanceof NotFound)) throw error;
    // An interrupted deletion: the StatefulSet goes first, the anchor last. By a namespace what is left is found without either.
    const namespace = host.givenNamespace ?? (await findLeftOver(host, String(given), signal));
    if (namespace === undefined) {
      if (flags['ignoreNotFound'] !== true) throw error;
      output.result({ name: String(given), deleted: false }, () => `virtual cluster ${String(given)} is not there`);
      return;
    }
    found = { name: String(given), namespace };
  }
  const { name, namespace } = found;
  await disconnect(host, contextName(name, namespace, host.context.name));
  const removed = await removeCluster({
    client: host.client,
    name,
    namespace,
    progress,
    signal,
    keepClaims: flags['keepClaims'] === true,
    deleteNamespace: flags['keepNamespace'] === true || flags['wait'] === false ? 'never' : 'if empty',
    wait: flags['wait'] !== false,
    timeoutSeconds,
  });
  if (removed.deleted.length === 0 && flags['ignoreNotFound'] !== true) throw new NotFound(name, namespace);
  if (removed.namespaceKept !== undefined) progress.note(`namespace ${namespace} stays: ${removed.namespaceKept}`);
  const { keptClaims, namespaceDeleted } = removed;
  output.result({ name, namespace, deleted: true, keptClaims, namespaceDeleted }, () =>
    [
      `virtual cluster ${name} is ${flags['wait'] === false ? 'being deleted' : 'deleted'} from namespace ${namespace}${namespaceDeleted ? ', which is gone, too' : ''}`,
      ...(keptClaims.length > 0 ? [`kept claims: ${keptClaims.join(', ')}`] : []),
    ].join('\n'),
  );
}
