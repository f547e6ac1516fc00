import type { Toleration } from 'kubernetes-types/core/v1';
import { checkTolerations, type TolerationPolicy } from '../../../syncer/policy';

const messages = (tolerations: Toleration[], policy: Partial<TolerationPolicy> = {}): string[] =>
  checkTolerations(
    { spec: { containers: [], tolerations } },
    { level: 'baseline', toleratedTaints: [], ...policy },
  ).map(({ message }) => message);

test('taints that keep pods from nodes of the platform are not tolerated, and the tenant is told how to have one', () => {
  expect(
    messages([{ key: 'node-role.kubernetes.io/control-plane', operator: 'Exists', effect: 'NoSchedule' }]),
  ).toEqual([
    'spec.tolerations[0].key is "node-role.kubernetes.io/control-plane", which the baseline policy forbids; remove it, or ask the operator of the platform to allow the taint (policy.toleratedTaints)',
  ]);
  for (const all of [{ operator: 'Exists' }, { key: '', operator: 'Exists', effect: 'NoExecute' }]) {
    expect(messages([all])).toEqual([expect.stringContaining('spec.tolerations[0] is "of every taint"')]);
  }
});

test('taints that Kubernetes sets by itself are tolerated, as it gives pods such tolerations', () => {
  const names = ['not-ready', 'unreachable', 'disk-pressure', 'memory-pressure', 'pid-pressure', 'unschedulable'];
  expect(messages(names.map((name) => ({ key: `node.kubernetes.io/${name}`, operator: 'Exists' })))).toEqual([]);
  expect(messages([{ key: 'node.kubernetes.io/out-of-service', operator: 'Exists' }])).toHaveLength(1);
});

test('taints that the platform allows are tolerated, by key and by beginning, and a key of nothing is none of them', () => {
  const toleratedTaints = ['example.org/gpu', 'team-a/*'];
  expect(
    messages([{ key: 'example.org/gpu' }, { key: 'team-a/pool', operator: 'Exists' }], { toleratedTaints }),
  ).toEqual([]);
  expect(messages([{ key: 'example.org/gpu2' }], { toleratedTaints })).toHaveLength(1);
  expect(messages([{ operator: 'Exists' }], { toleratedTaints: ['*'] })).toHaveLength(1);
});

test('what a RuntimeClass of the host gave the pod stays, and nothing like it', () => {
  const given = [{ key: 'sandbox', operator: 'Equal', value: 'yes', effect: 'NoSchedule' }];
  expect(messages([{ key: 'sandbox', value: 'yes', effect: 'NoSchedule' }], { given })).toEqual([]);
  expect(messages([{ key: 'sandbox', operator: 'Exists', effect: 'NoSchedule' }], { given })).toHaveLength(1);
});

test('with podSecurity privileged every taint is tolerated', () => {
  expect(messages([{ operator: 'Exists' }], { level: 'privileged' })).toEqual([]);
});
