import type { Command } from 'commander';
import { pause } from '../../syncer/sleep';
import type { Context } from '../context';
import { findCluster } from '../virtual-clusters';

export function describe(command: Command): void {
  command
    .argument('<name>', 'name of the virtual cluster')
    .addHelpText(
      'after',
      '\nIts control plane and the pods of its tenants go from the host; volumes and all state stay.',
    );
}

export async function run(
  { host: openHost, output, progress, signal }: Context,
  [given]: readonly unknown[],
): Promise<void> {
  const host = await openHost();
  const { name, namespace, status } = await findCluster(host, String(given), signal);
  progress.waiting(`putting virtual cluster ${namespace}/${name} to sleep`);
  // Also one that is paused: an interrupted pause goes on.
  await pause(host.client, { name, hostNamespace: namespace }, { log: (text) => progress.waiting(text), signal });
  signal.throwIfAborted();
  output.result(
    { name, namespace, status: 'Paused', changed: status !== 'Paused' },
    () => `virtual cluster ${name} is paused: nestling resume ${name} wakes it`,
  );
}
