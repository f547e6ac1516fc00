import { startSyncer } from './in-process-syncer';
import type { SyncerSettings } from './in-process-syncer';
import type { ClusterConnection } from '../../syncer/kube-client';

/** What a syncer in a process of its own is told, in its one argument. */
export interface ChildOptions {
  readonly connections: { readonly host: ClusterConnection; readonly virtual: ClusterConnection };
  readonly settings: Omit<SyncerSettings, 'now'>;
}

/** Runs the kinds until it is killed; says `synced` once the caches are complete. */
async function main(): Promise<void> {
  const { connections, settings } = JSON.parse(process.argv[2] ?? '') as ChildOptions;
  const syncer = await startSyncer(connections, settings);
  await syncer.synced();
  process.stdout.write('synced\n');
}

void main();
