import type { Command } from 'commander';
import { resume } from '../../syncer/sleep';
import type { Flags } from '../command';
import type { Context } from '../context';
import { findCluster } from '../virtual-clusters';
import { waitReady } from '../wait-ready';
import { secondsOf } from './create';

export function describe(command: Command): void {
  command
    .argument('<name>', 'name of the virtual cluster')
    .option('--no-wait', 'do not wait until it answers')
    .option('--timeout <seconds>', 'how long to wait', '300');
}

export async function run(context: Context, [given]: readonly unknown[], flags: Flags): Promise<void> {
  const { output, progress, signal } = context;
  const timeoutSeconds = secondsOf(flags['timeout']);
  const host = await context.host();
  const { name, namespace, status } = await findCluster(host, String(given), signal);
  const { client } = host;
  await resume(client, { name, hostNamespace: namespace }, { log: (text) => progress.waiting(text), signal });
  const wait = flags['wait'] !== false;
  if (wait) await waitReady({ client, name, namespace, progress, signal, timeoutSeconds });
  output.result({ name, namespace, status: wait ? 'Running' : 'Starting', changed: status === 'Paused' }, () =>
    wait ? `virtual cluster ${name} is awake` : `virtual cluster ${name} wakes`,
  );
}
