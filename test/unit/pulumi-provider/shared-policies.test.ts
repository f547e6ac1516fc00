import * as pulumi from '@pulumi/pulumi';
import { App, Chart } from 'cdk8s';
import {
  HostNodes,
  IngressSync as IngressSyncConstruct,
  NodeSyncPolicy as NodeSyncPolicyConstruct,
  VirtualCluster as VirtualClusterConstruct,
} from '../../../constructs';
import { IngressSync, NodeSyncPolicy, VirtualCluster } from '../../../pulumi-provider';
import { byIdentity, hostObjects, run } from './program';

const GPU = HostNodes.matching({ 'example.org/pool': 'gpu' }, { enforce: true });
const RULES = {
  allowedHosts: ['*.team-a.example.com'],
  allowedClasses: ['public'],
  annotations: [{ key: 'example.org/team', action: 'set', value: 'a' } as const],
};

function constructed(build: (chart: Chart) => void): Record<string, unknown>[] {
  const chart = new Chart(new App(), 'test');
  build(chart);
  return (chart.toJson() as Record<string, unknown>[]).sort(byIdentity);
}

describe('a policy as a component makes the same objects of the host as the construct', () => {
  test.each<[string, HostNodes]>([
    ['nodes in use', HostNodes.inUse()],
    ['all nodes', HostNodes.all()],
    ['matching nodes that are enforced', GPU],
  ])('%s', async (_, nodes) => {
    const { resources } = await run(() => new NodeSyncPolicy('nodes', { nodes }));
    const expected = constructed((chart) => new NodeSyncPolicyConstruct(chart, 'x', { nodes, name: 'nodes' }));
    expect(expected.length).toBeGreaterThan(0);
    expect(hostObjects(resources)).toEqual(expected);
  });

  test('rules for Ingresses', async () => {
    const { resources } = await run(() => new IngressSync('public', RULES));
    expect(hostObjects(resources)).toEqual(
      constructed((chart) => new IngressSyncConstruct(chart, 'x', { ...RULES, name: 'public' })),
    );
  });

  test('nothing for Ingresses that may claim everything', async () => {
    const { result, resources } = await run(() => new IngressSync('all'));
    expect(hostObjects(resources)).toEqual([]);
    expect(result.admissionPolicy).toBeUndefined();
  });
});

test('two clusters that share policies have the objects that they have as constructs, and come after the policies', async () => {
  const { resources } = await run(() => {
    const sync = {
      fromHost: { nodes: new NodeSyncPolicy('gpu', { nodes: GPU, name: 'gpu-nodes' }) },
      toHost: { ingresses: new IngressSync('public', RULES) },
    };
    for (const name of ['one', 'two']) new VirtualCluster(name, { namespace: `team-${name}`, sync });
  });
  const expected = constructed((chart) => {
    const sync = {
      fromHost: { nodes: new NodeSyncPolicyConstruct(chart, 'n', { nodes: GPU, name: 'gpu-nodes' }) },
      toHost: { ingresses: new IngressSyncConstruct(chart, 'i', { ...RULES, name: 'public' }) },
    };
    for (const name of ['one', 'two']) {
      new VirtualClusterConstruct(chart, name, { namespace: `team-${name}`, sync });
    }
  });
  expect(hostObjects(resources)).toEqual(expected);
  const order = resources.map(({ name }) => name);
  for (const policy of ['gpu-ClusterRole', 'gpu-ValidatingAdmissionPolicy', 'public-ValidatingAdmissionPolicy']) {
    expect(order.indexOf(policy)).toBeGreaterThanOrEqual(0);
    expect(order.indexOf(policy)).toBeLessThan(order.indexOf('one-stateful-set'));
  }
});

test('in a preview there are the same objects', async () => {
  const program = (): unknown => [new NodeSyncPolicy('gpu', { nodes: GPU }), new IngressSync('public', RULES)];
  const { resources } = await run(program, { preview: true });
  expect(hostObjects(resources)).toEqual(hostObjects((await run(program)).resources));
});

test.each<[string, () => unknown, string, RegExp]>([
  [
    'a name that is none',
    () => new NodeSyncPolicy('GPU nodes', { nodes: GPU }),
    'nestling:index:NodeSyncPolicy::GPU nodes',
    /name: "GPU nodes": /,
  ],
  [
    'no label to match',
    () => new NodeSyncPolicy('gpu', { nodes: HostNodes.matching({}) }),
    'nestling:index:NodeSyncPolicy::gpu',
    /nodes/,
  ],
  [
    'a host that is none',
    () => new IngressSync('public', { allowedHosts: ['*'] }),
    'nestling:index:IngressSync::public',
    /allowedHosts\[0\]: "\*": /,
  ],
])('%s is refused, with the component and the field', async (_, program, urn, text) => {
  const { result } = await run(() => {
    try {
      program();
    } catch (error) {
      return error;
    }
    return undefined;
  });
  expect(pulumi.ResourceError.isInstance(result)).toBe(true);
  expect((result as Error).message).toContain(`urn:pulumi:stack::project::${urn}:\n`);
  expect((result as Error).message).toMatch(text);
});
