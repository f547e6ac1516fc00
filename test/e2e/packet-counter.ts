import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { HostCluster } from '../host-cluster';
import type { Host } from '../host-cluster';

const TABLE = 'e2e-packets';

/** Where packets are looked for. */
export interface Destination {
  readonly address: string;
  readonly port: number;
}

/** Counts what some pods send to some addresses, however it is answered. */
export interface PacketCounter {
  /** Packets so far, in the order of the destinations. */
  counts(): Promise<number[]>;
  /** Counts no more. */
  remove(): Promise<void>;
}

/**
 * Counts TCP packets of some pods on every node of the test bed, as they come in from the pods and before anything translates or drops
 * them. Only on the test bed's own nodes, whose network namespaces are on this machine.
 *
 * @param sources addresses of the pods: others, of tests that run beside this one, are not counted
 */
export async function countPackets(
  host: Host,
  sources: readonly string[],
  destinations: readonly Destination[],
): Promise<PacketCounter> {
  if (!(host instanceof HostCluster)) throw new Error('packets can be counted on the test bed’s own nodes only');
  const pids = host
    .processes()
    .filter(({ name, node }) => name === 'namespaces' && node !== 'switch')
    .map(({ pid }) => pid);
  const nft = async (...args: string[]): Promise<string[]> =>
    Promise.all(
      pids.map(async (pid) => {
        const command = [`--target=${pid}`, '--net', '--', 'nft', ...args];
        return (await promisify(execFile)('nsenter', command)).stdout;
      }),
    );
  const rules = destinations.map(
    ({ address, port }) => `ip saddr { ${sources.join(', ')} } ip daddr ${address} tcp dport ${port} counter`,
  );
  // Before connection tracking, which comes at -200, and so before kube-proxy's translation.
  const chain = `chain sent { type filter hook prerouting priority -400;\n${rules.join('\n')}\n}`;
  await nft(`table inet ${TABLE} {\n${chain}\n}`);
  return {
    async counts() {
      const outputs = await nft('list', 'table', 'inet', TABLE);
      const perNode = outputs.map((text) =>
        [...text.matchAll(/counter packets (\d+)/g)].map(([, count]) => Number(count)),
      );
      return destinations.map((_one, index) => perNode.reduce((sum, counts) => sum + (counts[index] ?? 0), 0));
    },
    async remove() {
      await nft('delete', 'table', 'inet', TABLE);
    },
  };
}
