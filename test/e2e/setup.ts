import { resolveHost, standardErrorLog } from '../host-cluster';
import { provideImages } from '../virtual-cluster';

/**
 * Brings up the one host cluster that all end-to-end files share, and takes it down after the last one, unless it was
 * there before (`npm run host -- up`): then it stays, which makes repeated runs quick.
 */
export default async function setup(): Promise<() => Promise<void>> {
  const host = await resolveHost({ log: standardErrorLog });
  await provideImages(host, standardErrorLog);
  return async () => {
    if (!host.wasThere) await host.down();
  };
}
