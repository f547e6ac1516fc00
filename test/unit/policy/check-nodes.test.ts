import type { Pod, PodSpec } from 'kubernetes-types/core/v1';
import { checkChosenNode, checkNodes } from '../../../syncer/policy';

const check = (spec: object): readonly string[] => {
  const pod: Pod = { metadata: { name: 'web' }, spec: { containers: [], ...spec } as PodSpec };
  const selector = { pool: 'a', size: '4', constructor: 'x' };
  return checkNodes(pod, { selector, has: (name) => name === 'node-a' }).map(({ message }) => message);
};
const requiring = (...nodeSelectorTerms: object[]) => ({
  affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms } } },
});
const expression = (key: string, operator: string, ...values: string[]) => ({
  matchExpressions: [{ key, operator, values }],
});
const name = (operator: string, value: string) => ({
  matchFields: [{ key: 'metadata.name', operator, values: [value] }],
});

test.each<[string, object]>([
  ['that asks for nothing', {}],
  ['that asks for the same labels and others', { nodeSelector: { pool: 'a', disk: 'ssd', toString: 'x' } }],
  ['on one of the nodes', { nodeName: 'node-a' }],
  ['pinned to one of the nodes', requiring(name('In', 'node-a'))],
  ['kept from other nodes', requiring(name('NotIn', 'node-b'))],
  ['that has an alternative', requiring(expression('pool', 'In', 'b'), expression('pool', 'In', 'a', 'b'))],
  ['that needs a larger one than smaller ones', requiring(expression('size', 'Gt', '3'))],
  ['that needs a smaller one than larger ones', requiring(expression('size', 'Lt', '5'))],
  ['that asks for the label to be there', requiring(expression('pool', 'Exists'))],
  ['that excludes others', requiring(expression('pool', 'NotIn', 'b'))],
  ['whose term matches nothing anywhere', requiring({})],
])('a pod %s may run', (_, spec) => {
  expect(check(spec)).toEqual([]);
});

test.each<[string, object, string]>([
  ['selects other nodes', { nodeSelector: { pool: 'b' } }, 'spec.nodeSelector["pool"] is "b"'],
  ['has an odd key', { nodeSelector: { constructor: 'y' } }, 'spec.nodeSelector["constructor"] is "y"'],
  ['names another node', { nodeName: 'node-b' }, 'spec.nodeName is "node-b"'],
  ['is pinned to another node', requiring(name('In', 'node-b')), 'is "metadata.name In node-b"'],
  ['needs other labels', requiring(expression('pool', 'In', 'b', 'c')), 'is "pool In b c"'],
  ['excludes them', requiring(expression('pool', 'NotIn', 'a')), 'is "pool NotIn a"'],
  ['must not have the label', requiring(expression('pool', 'DoesNotExist')), 'is "pool DoesNotExist"'],
  ['needs a larger one', requiring(expression('size', 'Gt', '4')), 'is "size Gt 4"'],
  ['needs a smaller one', requiring(expression('size', 'Lt', '4')), 'is "size Lt 4"'],
  ['compares texts', requiring(expression('pool', 'Gt', '4')), 'is "pool Gt 4"'],
  [
    'has no alternative that suits',
    requiring(expression('pool', 'In', 'b'), name('In', 'node-b')),
    'nodeSelectorTerms is "pool In b"',
  ],
  ['says much', requiring(expression('pool', 'In', ...'bcdefghi')), 'is "pool In b c d e f …"'],
])('a pod that %s is refused', (_, spec, message) => {
  const [first, ...more] = check(spec);
  expect(more).toEqual([]);
  expect(first).toContain(`${message}, which the baseline policy forbids; pods run on nodes with pool=a,size=4`);
});

test('a pod that is bound in the virtual cluster is on a node that the platform shows, whatever Nodes a tenant makes', () => {
  const on = (nodeName?: string): readonly string[] =>
    checkChosenNode(
      { spec: { containers: [], ...(nodeName !== undefined && { nodeName }) } },
      (one) => one === 'node-a',
    ).map(({ message }) => message);
  expect(on('node-a')).toEqual([]);
  expect(on()).toEqual([]);
  expect(on('constructor')).toEqual([
    'spec.nodeName is "constructor", which the baseline policy forbids; pods run on the nodes that the platform shows only: create the pod again, on one of those',
  ]);
});
