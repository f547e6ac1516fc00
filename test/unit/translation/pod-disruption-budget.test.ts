import type {
  PodDisruptionBudget,
  PodDisruptionBudgetSpec,
  PodDisruptionBudgetStatus,
} from 'kubernetes-types/policy/v1';
import { isCounted, translatePodDisruptionBudget } from '../../../syncer/translation';
import { anchor, identity, refusal, unwrap } from './fixtures';

const budget = (spec: PodDisruptionBudgetSpec, status?: Partial<PodDisruptionBudgetStatus>): PodDisruptionBudget => ({
  metadata: { name: 'web', namespace: 'shop', uid: 'u', generation: 2, labels: { app: 'web' } },
  spec,
  ...(status && { status: status as PodDisruptionBudgetStatus }),
});
const host = (spec: PodDisruptionBudgetSpec, status?: Partial<PodDisruptionBudgetStatus>): PodDisruptionBudget =>
  unwrap(translatePodDisruptionBudget(budget(spec, status), { identity, anchor }));

const OURS = { 'nestling.dev/virtual-cluster': 'my-vc', 'nestling.dev/namespace': 'shop' };

test('a budget is its twin’s, with all marks of one', () => {
  expect(host({ minAvailable: 1 })).toEqual({
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata: {
      name: 'web-x-shop-x-my-vc',
      namespace: 'team-a',
      labels: { 'label.nestling.dev/app': 'web', ...OURS },
      annotations: {
        'nestling.dev/kind': 'PodDisruptionBudget',
        'nestling.dev/name': 'web',
        'nestling.dev/namespace': 'shop',
        'nestling.dev/uid': 'u',
      },
      ownerReferences: [expect.objectContaining({ name: 'my-vc-anchor' })],
    },
    spec: { minAvailable: 1 },
  });
});

describe('the selector', () => {
  test('selects pods of its own namespace and cluster only', () => {
    const selector = {
      matchLabels: { app: 'web', 'nestling.dev/virtual-cluster': 'other' },
      matchExpressions: [{ key: 'tier', operator: 'In', values: ['a', 'b'] }],
    };
    const { matchLabels = {}, matchExpressions } = host({ selector }).spec?.selector ?? {};
    expect(matchLabels).toMatchObject({ 'label.nestling.dev/app': 'web', ...OURS });
    expect(Object.keys(matchLabels)).toHaveLength(4);
    expect(matchExpressions).toEqual([{ key: 'label.nestling.dev/tier', operator: 'In', values: ['a', 'b'] }]);
  });

  test('that is empty selects all pods of the namespace, and one that is missing none', () => {
    expect(host({ selector: {} }).spec?.selector).toEqual({ matchLabels: OURS });
    expect(host({}).spec).not.toHaveProperty('selector');
  });
});

describe('the count', () => {
  test.each([0, 3])('of at least %d pods goes as it is, whatever was counted', (minAvailable) => {
    expect(host({ minAvailable }, { expectedPods: 9, desiredHealthy: 7 }).spec).toEqual({ minAvailable });
  });

  test.each([{ minAvailable: '50%' }, { maxUnavailable: 1 }, { maxUnavailable: '10%' }, { maxUnavailable: 0 }])(
    'of %j is what the virtual cluster worked out',
    (spec) => {
      expect(host(spec, { expectedPods: 4, desiredHealthy: 2 }).spec).toEqual({ minAvailable: 2 });
      expect(host(spec, { expectedPods: 1, desiredHealthy: 0 }).spec).toEqual({ minAvailable: 0 });
    },
  );

  test('of a share of no pods allows no eviction, as in the virtual cluster', () => {
    expect(host({ maxUnavailable: 1 }, { expectedPods: 0, desiredHealthy: 0 }).spec).toEqual({ maxUnavailable: 0 });
    expect(host({ minAvailable: '50%' }).spec).toEqual({ maxUnavailable: 0 });
  });

  test('is known once the present state was counted', () => {
    expect(isCounted(budget({ minAvailable: 1 }))).toBe(true);
    expect(isCounted(budget({}))).toBe(true);
    for (const spec of [{ minAvailable: '50%' }, { maxUnavailable: 1 }]) {
      expect(isCounted(budget(spec))).toBe(false);
      expect(isCounted(budget(spec, { observedGeneration: 1 }))).toBe(false);
      expect(isCounted(budget(spec, { observedGeneration: 2 }))).toBe(true);
    }
  });
});

test('the policy for unhealthy pods is kept', () => {
  expect(host({ unhealthyPodEvictionPolicy: 'AlwaysAllow' }).spec).toEqual({
    unhealthyPodEvictionPolicy: 'AlwaysAllow',
  });
});

test('a field that is not known refuses the budget with its path', () => {
  const spec = { selector: { matchFields: [] } } as PodDisruptionBudgetSpec;
  expect(refusal(translatePodDisruptionBudget(budget(spec), { identity, anchor }))).toMatch(
    /^Unsupported: spec\.selector\.matchFields is a field/,
  );
});
