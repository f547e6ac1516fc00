import { Resolver } from 'node:dns/promises';
import type { Resolve } from './target';

/** Name lookups under way at once; more wait for nobody and are refused. */
const CONCURRENT_LOOKUPS = 32;
/** Most addresses of one name that are looked at. */
const MOST_ADDRESSES = 32;

/**
 * Makes the gate's resolver: A and AAAA records from the pod's name servers.
 *
 * It asks DNS itself instead of calling `dns.lookup`, whose four threads a tenant could occupy with names that are slow to
 * answer (the threads serve the whole process), and which would also read /etc/hosts and try the host's search domains.
 *
 * @param servers `ADDRESS[:PORT]` of name servers. Default: those of /etc/resolv.conf
 */
export function createResolver(servers?: readonly string[]): Resolve {
  let running = 0;
  return async (name, signal) => {
    if (running >= CONCURRENT_LOOKUPS) throw new Error(`${CONCURRENT_LOOKUPS} names are being looked up already`);
    signal.throwIfAborted();
    running += 1;
    const resolver = new Resolver({ timeout: 2_000, tries: 2 });
    if (servers) resolver.setServers(servers);
    const cancel = (): void => resolver.cancel();
    signal.addEventListener('abort', cancel, { once: true });
    try {
      const answers = await Promise.allSettled([resolver.resolve4(name), resolver.resolve6(name)]);
      const addresses = answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []));
      if (addresses.length === 0) {
        const failed = answers.find((answer) => answer.status === 'rejected');
        throw failed ? failed.reason : new Error('no A or AAAA record');
      }
      if (addresses.length > MOST_ADDRESSES) throw new Error(`more than ${MOST_ADDRESSES} addresses`);
      return addresses;
    } finally {
      signal.removeEventListener('abort', cancel);
      running -= 1;
    }
  };
}
