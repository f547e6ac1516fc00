import { contains, parseBlock } from '../../host-cluster/ipv4';
import { interfaceAlias, conflictingRoute } from '../../host-cluster/network';
import { MAXIMUM_CLUSTERS, MAXIMUM_NODES, planCluster } from '../../host-cluster/plan';

const block = (text: string) => {
  const parsed = parseBlock(text);
  if (!parsed) throw new Error(text);
  return parsed;
};

test('the first cluster has the addresses that the documentation names', () => {
  const plan = planCluster({ name: 'host', nodes: 2, slot: 0 });
  expect(plan).toMatchObject({
    directory: '/var/lib/nestling-test/host',
    kubeconfigPath: '/var/lib/nestling-test/host/kubeconfig',
    cgroup: 'nestling-host',
    outerInterface: 'nestling0',
    outerAddress: '10.88.0.254',
    nodeCIDR: '10.88.0.0/24',
    podCIDR: '10.89.0.0/20',
    serviceCIDR: '10.90.0.0/20',
    apiServiceAddress: '10.90.0.1',
    dnsAddress: '10.90.0.10',
    server: 'https://10.88.0.1:6443',
  });
  expect(plan.nodes).toEqual([
    { name: 'node-1', address: '10.88.0.1', podCIDR: '10.89.0.0/23', directory: '/var/lib/nestling-test/host/node-1' },
    { name: 'node-2', address: '10.88.0.2', podCIDR: '10.89.2.0/23', directory: '/var/lib/nestling-test/host/node-2' },
  ]);
});

test('no two clusters share an address, and no two nodes a pod range', () => {
  const plans = Array.from({ length: MAXIMUM_CLUSTERS }, (_, slot) =>
    planCluster({ name: `c${slot}`, nodes: MAXIMUM_NODES, slot }),
  );
  const ranges = plans.flatMap((plan) => [
    plan.nodeCIDR,
    plan.serviceCIDR,
    ...plan.nodes.map(({ podCIDR }) => podCIDR),
  ]);
  ranges.forEach((one, index) => {
    for (const other of ranges.slice(index + 1)) {
      expect([one, other, contains(block(one), block(other)) || contains(block(other), block(one))]).toEqual([
        one,
        other,
        false,
      ]);
    }
  });
  for (const plan of plans) {
    for (const { podCIDR, address } of plan.nodes) {
      expect(contains(block(plan.podCIDR), block(podCIDR))).toBe(true);
      expect(contains(block(plan.nodeCIDR), block(address))).toBe(true);
    }
    for (const range of [plan.nodeCIDR, plan.podCIDR, plan.serviceCIDR]) {
      expect(contains(block('10.88.0.0/14'), block(range))).toBe(true);
    }
    expect(plan.outerInterface.length).toBeLessThanOrEqual(15);
  }
});

test.each([
  ['', 'name ""'],
  ['A', 'name "A"'],
  ['-a', 'name "-a"'],
  ['a'.repeat(41), 'name "aaaa'],
  ['../x', 'name "../x"'],
])('the name %j is refused', (name, message) => {
  expect(() => planCluster({ name, nodes: 1, slot: 0 })).toThrow(message);
  expect(() => planCluster({ name, nodes: 1, slot: 0 })).toThrow('use 1 to 40 lower-case letters, digits and hyphens');
});

test.each([0, -1, 1.5, MAXIMUM_NODES + 1, NaN])('%p nodes are refused', (nodes) => {
  expect(() => planCluster({ name: 'host', nodes, slot: 0 })).toThrow(
    `nodes ${nodes} is out of range; use a whole number from 1 to ${MAXIMUM_NODES}`,
  );
});

test.each(['10.88.0.0/15', '10.88.0.1/14', '10.90.0.0/14', '300.0.0.0/8', 'fd00::/8', 'x'])(
  'the network %s is refused',
  (network) => {
    expect(() => planCluster({ name: 'host', nodes: 1, slot: 0, network })).toThrow(`network "${network}" is not`);
  },
);

test('one cluster too many is refused with the remedy', () => {
  expect(() => planCluster({ name: 'host', nodes: 1, slot: MAXIMUM_CLUSTERS })).toThrow('stop a host cluster');
});

describe('routes of the machine', () => {
  const plan = planCluster({ name: 'host', nodes: 1, slot: 1 });
  const conflict = (dst: string) =>
    conflictingRoute(plan, [
      { dst: 'default', dev: 'eth0' },
      { dst, dev: 'tun0' },
    ])?.dst;

  test('one within our ranges would take our packets', () => {
    expect(conflict('10.88.1.0/24')).toBe('10.88.1.0/24');
    expect(conflict('10.89.17.3')).toBe('10.89.17.3');
    expect(conflict('10.90.16.0/21')).toBe('10.90.16.0/21');
  });

  test('a wider or another one would not', () => {
    expect(conflict('10.0.0.0/8')).toBeUndefined();
    expect(conflict('10.88.0.0/24')).toBeUndefined();
    expect(conflict('192.168.0.0/16')).toBeUndefined();
  });
});

test('an interface is marked with the whole name', () => {
  expect(interfaceAlias('a')).not.toBe(interfaceAlias('ab'));
});
