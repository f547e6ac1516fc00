import { parseArgs } from 'node:util';
import { createLogger } from '../../../syncer/engine';
import { KubeClient } from '../../../syncer/kube-client';
import { run } from '../command';
import { readOwnKubeconfig } from '../kubeconfig';
import { enforce } from './enforcer';

/** `network-policy-enforcer --node NAME --kubeconfig FILE`: runs in the network namespace of that node until it is told to stop. */
async function main(): Promise<void> {
  const { values } = parseArgs({ options: { node: { type: 'string' }, kubeconfig: { type: 'string' } } });
  const { node, kubeconfig } = values;
  if (node === undefined || kubeconfig === undefined) throw new Error('give --node NAME and --kubeconfig FILE');
  const stop = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stop.abort());
  const client = new KubeClient(readOwnKubeconfig(kubeconfig), { userAgent: 'nestling-network-policy-enforcer' });
  try {
    await enforce(
      {
        node,
        client,
        apply: async (ruleset) => void (await run('nft', ['-f', '-'], { input: ruleset })),
        logger: createLogger({ level: 'info', name: 'network-policy-enforcer' }),
      },
      stop.signal,
    );
  } finally {
    await client.close();
  }
}

main().catch((error: unknown) => {
  process.stderr.write(`error: ${(error as Error).stack ?? String(error)}\n`);
  process.exitCode = 1;
});
