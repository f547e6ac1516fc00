import { spawn } from 'node:child_process';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { HostCluster, resolveBinaries } from '../host-cluster';
import type { Host } from '../host-cluster';
import { eventually } from '../virtual-cluster';

/** A server on a node of the test bed, at its own addresses and at some that are added. */
export interface NodeServer {
  readonly port: number;
  stop(): Promise<void>;
}

/** What runs a command in the network of a node of the test bed: its first words. */
export function insideNode(host: Host): readonly string[] {
  if (!(host instanceof HostCluster)) throw new Error('only the test bed’s own nodes have a network on this machine');
  const holder = host.processes().find(({ name, node }) => name === 'namespaces' && node !== 'switch');
  if (!holder) throw new Error('the test bed has no node');
  return [`--target=${holder.pid}`, '--net', '--'];
}

/**
 * Listens on a node of the test bed and gives it addresses beside its own, by which it plays what is beyond the node: a cloud's metadata
 * service, a server on the internet. Only on the test bed's own nodes, whose network namespaces are on this machine.
 *
 * @param addresses IPv4 addresses that the test bed has no other use for
 */
export async function serveOnNode(host: Host, port: number, addresses: readonly string[]): Promise<NodeServer> {
  const inside = insideNode(host);
  const change = (what: 'add' | 'del') =>
    Promise.all(
      addresses.map((address) =>
        promisify(execFile)('nsenter', [...inside, 'ip', 'address', what, `${address}/32`, 'dev', 'lo']),
      ),
    );
  const { agnhost } = await resolveBinaries(['agnhost'], () => undefined);
  const ended = new AbortController();
  const server = spawn('nsenter', [...inside, agnhost, 'netexec', `--http-port=${port}`, '--udp-port=-1'], {
    stdio: 'ignore',
  });
  server.once('exit', () => ended.abort());
  server.once('error', () => ended.abort());
  const stop = async (): Promise<void> => {
    server.kill('SIGKILL');
    if (!ended.signal.aborted) await new Promise((resolve) => ended.signal.addEventListener('abort', resolve));
    await change('del');
  };
  try {
    await change('add');
    await eventually(`a server on the node answers at port ${port}`, async () => {
      ended.signal.throwIfAborted();
      const command = [...inside, agnhost, 'connect', `${addresses[0] ?? '127.0.0.1'}:${port}`, '--timeout=1s'];
      return (await promisify(execFile)('nsenter', command)) !== undefined;
    });
  } catch (error) {
    await stop();
    throw error;
  }
  return { port, stop };
}
