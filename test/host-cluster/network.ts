import { run } from './command';
import { HostClusterError } from './failure';
import { contains, parseBlock } from './ipv4';
import type { Namespaces } from './namespaces';
import { runIn } from './namespaces';
import type { ClusterPlan } from './plan';

/** What `ip -json route` says about a route, as far as it matters here. */
interface Route {
  readonly dst: string;
  readonly dev?: string;
  readonly type?: string;
}

/** The mark on our interfaces by which they are found when nothing else is known of a cluster. */
export const interfaceAlias = (name: string): string => `nestling-host-cluster:${name}`;

/**
 * Finds a route of the machine that would take packets away from a cluster's ranges. A wider route does not: ours are
 * more specific.
 */
export function conflictingRoute(plan: ClusterPlan, routes: readonly Route[]): Route | undefined {
  const ours = [plan.nodeCIDR, plan.podCIDR, plan.serviceCIDR].flatMap((text) => parseBlock(text) ?? []);
  return routes.find(({ dst }) => {
    const block = parseBlock(dst);
    return block !== undefined && ours.some((own) => contains(own, block));
  });
}

/**
 * Checks that the machine routes none of the cluster's addresses elsewhere.
 *
 * @throws HostClusterError naming the route and the remedy
 */
export async function checkRoutes(plan: ClusterPlan, network: string): Promise<void> {
  const routes = JSON.parse(await run('ip', ['-json', '-4', 'route', 'show', 'table', 'all'])) as Route[];
  const conflict = conflictingRoute(plan, routes);
  if (conflict) {
    throw new HostClusterError(
      `this machine already routes ${conflict.dst} through ${conflict.dev ?? conflict.type ?? 'another way'}, inside ${network}`,
      `name a free private /14 with: npm run host -- up --name ${plan.name} --network RANGE`,
    );
  }
}

interface Link {
  readonly ifname: string;
  readonly ifalias?: string;
}

async function links(): Promise<Link[]> {
  return JSON.parse(await run('ip', ['-json', 'link', 'show'])) as Link[];
}

/** The names of all interfaces of the machine. */
export async function interfaceNames(): Promise<string[]> {
  return (await links()).map(({ ifname }) => ifname);
}

/** The names of interfaces of the machine that belong to a cluster. */
export async function clusterInterfaces(name: string): Promise<string[]> {
  return (await links()).filter(({ ifalias }) => ifalias === interfaceAlias(name)).map(({ ifname }) => ifname);
}

/**
 * Connects nodes, switch and machine: a bridge in the switch's own namespace, where no packet filter is, with a veth
 * pair to each node and one to the machine; and routes between them for the pods of each node and for services.
 *
 * All routes of the machine go with its one interface, and nothing has a default route: a packet to an address that
 * does not exist goes nowhere.
 */
export async function connect(
  plan: ClusterPlan,
  theSwitch: Namespaces,
  nodes: readonly Namespaces[],
  membershipFile: string,
  signal?: AbortSignal,
): Promise<void> {
  const switchPid = theSwitch.holder.pid;
  const length = parseBlock(plan.nodeCIDR)?.length ?? 24;
  const batch = (namespaces: Namespaces, lines: readonly string[]): Promise<string> =>
    runIn(namespaces, membershipFile, ['ip', '-batch', '-'], { kinds: 'net', input: `${lines.join('\n')}\n`, signal });
  await batch(theSwitch, [
    'link set lo up',
    'link add switch type bridge stp_state 0 forward_delay 0',
    'link set switch up',
  ]);
  // The machine's end is made where it stays; the mark comes first, so that no unmarked interface is ever left.
  const machine = plan.outerInterface;
  const alias = interfaceAlias(plan.name);
  await run('ip', ['-batch', '-'], {
    input: [
      `link add ${machine} type veth peer name machine netns ${switchPid}`,
      `link set dev ${machine} alias ${alias}`,
      `addr add ${plan.outerAddress}/${length} dev ${machine}`,
      `link set ${machine} up`,
      // Both ranges whole: an address that no pod or service has must not follow the default route off the machine.
      `route add ${plan.serviceCIDR} via ${plan.nodes[0].address} dev ${machine}`,
      `route add ${plan.podCIDR} via ${plan.nodes[0].address} dev ${machine}`,
      ...plan.nodes.slice(1).map((node) => `route add ${node.podCIDR} via ${node.address} dev ${machine}`),
      '',
    ].join('\n'),
    signal,
  });
  await batch(theSwitch, ['link set machine master switch', 'link set machine up']);
  await Promise.all(
    plan.nodes.map(async (node, index) => {
      const namespaces = nodes[index];
      if (!namespaces) throw new Error(`no namespaces for ${node.name}`);
      await batch(namespaces, [
        'link set lo up',
        `link add eth0 type veth peer name ${node.name} netns ${switchPid}`,
        `addr add ${node.address}/${length} dev eth0`,
        'link set eth0 up',
        // A process of the node needs some route to a ClusterIP before kube-proxy's rules get to see its packets.
        `route add ${plan.serviceCIDR} dev eth0 src ${node.address}`,
        ...plan.nodes
          .filter((other) => other !== node)
          .map((other) => `route add ${other.podCIDR} via ${other.address} dev eth0`),
      ]);
      await batch(theSwitch, [`link set ${node.name} master switch`, `link set ${node.name} up`]);
      await runIn(
        namespaces,
        membershipFile,
        [
          '/bin/sh',
          '-c',
          'echo 1 > /proc/sys/net/ipv4/ip_forward; echo 1 > /proc/sys/net/bridge/bridge-nf-call-iptables',
        ],
        { kinds: 'net', signal },
      );
    }),
  );
}
