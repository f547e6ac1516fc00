/**
 * Deletes the previews whose time is over. What belongs to a preview is in its namespace, so that the namespace takes all with it.
 *
 * usage: node --import tsx examples/preview-environment/sweep.ts [--dry-run]
 */
import { CoreV1Api, KubeConfig } from '@kubernetes/client-node';
import { EXPIRES, PREVIEW } from './labels';

async function sweep(dryRun: boolean): Promise<void> {
  const config = new KubeConfig();
  config.loadFromDefault();
  const core = config.makeApiClient(CoreV1Api);
  const { items } = await core.listNamespace({ labelSelector: PREVIEW });
  for (const { metadata } of items) {
    const name = metadata?.name ?? '';
    const expires = Date.parse(metadata?.annotations?.[EXPIRES] ?? '');
    if (Number.isNaN(expires)) {
      console.log(`${name}: kept, as its annotation ${EXPIRES} is no time`);
    } else if (metadata?.deletionTimestamp !== undefined) {
      console.log(`${name}: on its way out`);
    } else if (expires > Date.now()) {
      console.log(`${name}: kept until ${new Date(expires).toISOString()}`);
    } else {
      if (!dryRun) await core.deleteNamespace({ name });
      console.log(`${name}: ${dryRun ? 'would be deleted' : 'deleted'}`);
    }
  }
}

sweep(process.argv.includes('--dry-run')).catch((error: unknown) => {
  console.error(`error: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
});
