import { Api } from './api';
import { HostClusterError } from './failure';
import { HostCluster } from './host-cluster';
import { leftovers } from './removal';
import { readState } from './state';

/** A table whose columns are as wide as their widest cell. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows) row.forEach((cell, index) => (widths[index] = Math.max(widths[index] ?? 0, cell.length)));
  return rows
    .map(
      (row) =>
        `${row
          .map((cell, index) => cell.padEnd(widths[index] ?? 0))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('');
}

interface NodeList {
  readonly items: readonly {
    readonly metadata: { readonly name: string };
    readonly status: {
      readonly conditions: readonly { readonly type: string; readonly status: string }[];
      readonly nodeInfo: { readonly kubeletVersion: string };
    };
  }[];
}

/**
 * Describes one host cluster, or all of this machine.
 *
 * @returns the text, and whether all that is described is well
 * @throws HostClusterError when the named one is not there
 */
export async function describeStatus(name?: string): Promise<{ text: string; healthy: boolean }> {
  const names = name === undefined ? HostCluster.names() : [name];
  if (names.length === 0) return { text: 'no host cluster runs; start one with: npm run host -- up\n', healthy: true };
  const parts = [];
  for (const each of names) parts.push(await describe(each));
  return { text: parts.map(({ text }) => text).join('\n'), healthy: parts.every(({ healthy }) => healthy) };
}

async function describe(name: string): Promise<{ text: string; healthy: boolean }> {
  const state = readState(name);
  if (!state) {
    const left = await leftovers(name);
    if (left.length === 0) {
      throw new HostClusterError(
        `host cluster ${name} does not run`,
        `start it with: npm run host -- up --name ${name}`,
      );
    }
    const remedy = `remove it with: npm run host -- down --name ${name}`;
    return {
      text: `host cluster ${name}: a ruin; ${remedy}\n${left.map((line) => `  ${line}\n`).join('')}`,
      healthy: false,
    };
  }
  const { plan } = state;
  if (state.phase !== 'running') {
    return {
      text: `host cluster ${name}: not ready (being started, or left by a start that was killed)\n`,
      healthy: false,
    };
  }
  const cluster = HostCluster.attach(name);
  const nodes = await nodeStates(cluster);
  const processes = cluster.processes();
  const healthy = processes.every(({ alive }) => alive) && plan.nodes.every((node) => nodes.get(node.name)?.ready);
  const text = [
    `host cluster ${name}: ${healthy ? 'running' : 'BROKEN'} since ${state.createdAt}\n`,
    table([
      ['  server', plan.server],
      ['  services', plan.serviceCIDR],
      ['  DNS', plan.dnsAddress],
      ['  this machine', `${plan.outerAddress} on ${plan.outerInterface}`],
      ['  kubeconfig', plan.kubeconfigPath],
      ['  logs', `${plan.directory}/logs`],
    ]),
    '\n',
    table([
      ['  NODE', 'STATUS', 'VERSION', 'ADDRESS', 'PODS'],
      ...plan.nodes.map((node) => {
        const found = nodes.get(node.name);
        return [
          `  ${node.name}`,
          found?.ready ? 'Ready' : 'NotReady',
          found?.version ?? '-',
          node.address,
          node.podCIDR,
        ];
      }),
    ]),
    '\n',
    table([
      ['  PROCESS', 'NODE', 'PID', 'STATE'],
      ...processes.map((each) => [
        `  ${each.name}`,
        each.node,
        String(each.pid),
        each.alive ? 'running' : `ENDED, see ${each.logFile}`,
      ]),
    ]),
  ].join('');
  return { text, healthy };
}

async function nodeStates(cluster: HostCluster): Promise<Map<string, { ready: boolean; version: string }>> {
  const api = new Api(cluster.connection);
  try {
    const list = JSON.parse(await api.text('GET', '/api/v1/nodes', { timeoutMilliseconds: 5000 })) as NodeList;
    return new Map(
      list.items.map(({ metadata, status }) => [
        metadata.name,
        {
          ready: status.conditions.some(({ type, status: value }) => type === 'Ready' && value === 'True'),
          version: status.nodeInfo.kubeletVersion,
        },
      ]),
    );
  } catch {
    return new Map(); // the table shows its nodes as not ready
  } finally {
    api.close();
  }
}
