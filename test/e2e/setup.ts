import { resolveHost } from '../host-cluster';

/**
 * Brings up the one host cluster that all end-to-end files share, and takes it down after the last one, unless it was
 * there before (`npm run host -- up`): then it stays, which makes repeated runs quick.
 */
export default async function setup(): Promise<() => Promise<void>> {
  const host = await resolveHost({ log: (text) => process.stderr.write(`${text}\n`) });
  return async () => {
    if (!host.wasThere) await host.down();
  };
}
