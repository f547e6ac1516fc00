import * as fc from 'fast-check';
import type { NodeSelectorRequirement, NodeSelectorTerm, PodSpec } from 'kubernetes-types/core/v1';
import { podWith, refusal, contextWith, translated } from './fixtures';
import { translatePod } from '../../../syncer/translation';

const HOSTNAME = 'kubernetes.io/hostname';
const REQUIRED = 'requiredDuringSchedulingIgnoredDuringExecution';
const PREFERRED = 'preferredDuringSchedulingIgnoredDuringExecution';
const NAMES = ['a', 'b', 'c', 'd'];

const requiring = (...terms: object[]): object => ({
  affinity: { nodeAffinity: { [REQUIRED]: { nodeSelectorTerms: terms } } },
});
const named = (operator: string, ...values: string[]) => ({ key: HOSTNAME, operator, values });
const pin = (operator: string, name: string) => ({ key: 'metadata.name', operator, values: [name] });
const requiredOf = (spec: object, changes = {}): unknown =>
  translated(podWith(spec), changes).spec?.affinity?.nodeAffinity?.[REQUIRED]?.nodeSelectorTerms;

describe('the label of a node’s host name', () => {
  test('in a node selector becomes the node’s name', () => {
    const { spec } = translated(podWith({ nodeSelector: { [HOSTNAME]: 'node-1', disk: 'ssd' } }));
    expect(spec?.nodeSelector).toEqual({ disk: 'ssd' });
    expect(spec?.affinity).toEqual(requiring({ matchFields: [pin('In', 'node-1')] })['affinity' as never]);
    expect(translated(podWith({ nodeSelector: { [HOSTNAME]: 'node-1' } })).spec).not.toHaveProperty('nodeSelector');
  });

  test('in an affinity becomes one term for each name, beside all else that the term asks for', () => {
    const zone = { key: 'zone', operator: 'In', values: ['z'] };
    expect(
      requiredOf(requiring({ matchExpressions: [zone, named('In', 'a', 'b'), named('NotIn', 'c', 'd')] }, {})),
    ).toEqual([
      { matchExpressions: [zone], matchFields: [pin('NotIn', 'c'), pin('NotIn', 'd'), pin('In', 'a')] },
      { matchExpressions: [zone], matchFields: [pin('NotIn', 'c'), pin('NotIn', 'd'), pin('In', 'b')] },
      {},
    ]);
  });

  test('in a preference keeps its weight', () => {
    const preferred = [{ weight: 7, preference: { matchExpressions: [named('In', 'a', 'b')] } }];
    const { spec } = translated(podWith({ affinity: { nodeAffinity: { [PREFERRED]: preferred } } }));
    expect(spec?.affinity?.nodeAffinity?.[PREFERRED]).toEqual([
      { weight: 7, preference: { matchFields: [pin('In', 'a')] } },
      { weight: 7, preference: { matchFields: [pin('In', 'b')] } },
    ]);
  });

  test('stays where virtual nodes have the labels of the host’s', () => {
    const spec = { nodeSelector: { [HOSTNAME]: 'a' }, ...requiring({ matchExpressions: [named('In', 'a', 'b')] }) };
    expect(translated(podWith(spec), { realNodeLabels: true }).spec).toMatchObject(spec);
  });

  test('is refused with more names than the host’s pod may have terms', () => {
    const many = Array.from({ length: 65 }, (_, index) => `node-${index}`);
    const wide = { key: 'zone', operator: 'In', values: Array.from({ length: 400 }, (_, index) => `z${index}`) };
    for (const matchExpressions of [[named('In', ...many)], [named('NotIn', ...many)], [wide, named('In', 'a', 'b')]]) {
      expect(refusal(translatePod(podWith(requiring({ matchExpressions })), contextWith()))).toMatch(
        /^Unsupported: spec\.affinity\.nodeAffinity names too many nodes by kubernetes\.io\/hostname/,
      );
    }
    const unnamed = Array.from({ length: 200 }, () => ({ matchExpressions: [wide] }));
    expect(requiredOf(requiring(...unnamed))).toEqual(unnamed);
  });

  test('means the same nodes as before, for any pod', () => {
    const requirement = fc.oneof(
      fc.record({
        key: fc.constant(HOSTNAME),
        operator: fc.constantFrom('In', 'NotIn'),
        values: fc.array(fc.constantFrom(...NAMES), { minLength: 1, maxLength: 3 }),
      }),
      fc.record({ key: fc.constant(HOSTNAME), operator: fc.constantFrom('Exists', 'DoesNotExist') }),
      fc.record({ key: fc.constant('odd'), operator: fc.constantFrom('Exists', 'DoesNotExist') }),
    );
    const field = fc.record({
      key: fc.constant('metadata.name'),
      operator: fc.constantFrom('In', 'NotIn'),
      values: fc.constantFrom(...NAMES).map((name) => [name]),
    });
    const term = fc.record(
      { matchExpressions: fc.array(requirement, { maxLength: 4 }), matchFields: fc.array(field, { maxLength: 2 }) },
      { requiredKeys: [] },
    );
    const selector = fc.option(fc.constantFrom(...NAMES), { nil: undefined });
    fc.assert(
      fc.property(fc.array(term, { maxLength: 3 }), selector, (terms, chosen) => {
        const spec = {
          ...(terms.length > 0 && requiring(...terms)),
          ...(chosen !== undefined && { nodeSelector: { [HOSTNAME]: chosen } }),
        };
        const { spec: after } = translated(podWith(spec));
        // On the host the label is something else than the name.
        expect(NAMES.filter((name) => suits(after, name, `host-of-${name}`))).toEqual(
          NAMES.filter((name) => suits(spec as Partial<PodSpec>, name, name)),
        );
        expect(JSON.stringify(after).includes(`"${HOSTNAME}","operator":"In"`)).toBe(false);
      }),
    );
  });
});

describe('the nodes that all pods have to run on', () => {
  const enforcedNodeSelector = { pool: 'a' };

  test('are asked for beside what the tenant asks for, and win', () => {
    expect(translated(podWith(), { enforcedNodeSelector }).spec?.nodeSelector).toEqual({ pool: 'a' });
    const { spec } = translated(podWith({ nodeSelector: { pool: 'b', disk: 'ssd' } }), { enforcedNodeSelector });
    expect(spec?.nodeSelector).toEqual({ pool: 'a', disk: 'ssd' });
  });
});

/** Whether a node suits a pod, as Kubernetes documents selectors and affinities of nodes. */
function suits(spec: Partial<PodSpec> | undefined, name: string, hostname: string): boolean {
  const labels = new Map([[HOSTNAME, hostname], ...(NAMES.indexOf(name) % 2 === 1 ? [['odd', 'yes'] as const] : [])]);
  const fields = new Map([['metadata.name', name]]);
  const all = (requirements: NodeSelectorRequirement[] | undefined, values: ReadonlyMap<string, string>): boolean =>
    (requirements ?? []).every(({ key, operator, values: wanted = [] }) => {
      const value = values.get(key);
      if (operator === 'Exists') return value !== undefined;
      if (operator === 'DoesNotExist') return value === undefined;
      const isIn = value !== undefined && wanted.includes(value);
      return operator === 'In' ? isIn : !isIn;
    });
  const matches = (term: NodeSelectorTerm): boolean =>
    (term.matchExpressions?.length ?? 0) + (term.matchFields?.length ?? 0) > 0 &&
    all(term.matchExpressions, labels) &&
    all(term.matchFields, fields);
  const terms = spec?.affinity?.nodeAffinity?.[REQUIRED]?.nodeSelectorTerms;
  const selected = Object.entries(spec?.nodeSelector ?? {}).every(([key, value]) => labels.get(key) === value);
  return selected && (terms === undefined || terms.some(matches));
}
