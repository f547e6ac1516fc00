import type { PodAffinityTerm } from 'kubernetes-types/core/v1';
import { hostLabelKey, hostNamespaceLabelKey, hostPriorityClass, translatePod } from '../../../syncer/translation';
import { contextWith, identity, podWith, refusal, translated } from './fixtures';

const REQUIRED = 'requiredDuringSchedulingIgnoredDuringExecution';
const PREFERRED = 'preferredDuringSchedulingIgnoredDuringExecution';
const ours = { 'nestling.dev/virtual-cluster': 'my-vc' };
const topologyKey = 'kubernetes.io/hostname';
const labelSelector = { matchLabels: { app: 'db' } };
const selected = { matchLabels: { 'label.nestling.dev/app': 'db', ...ours } };

describe('pod affinity', () => {
  const required = (term: object, metadata = {}): PodAffinityTerm =>
    translated(podWith({ affinity: { podAffinity: { [REQUIRED]: [{ topologyKey, ...term }] } } }, metadata)).spec!
      .affinity!.podAffinity![REQUIRED]![0]!;

  test('means pods of the own namespace of the own virtual cluster', () => {
    expect(required({ labelSelector })).toEqual({
      topologyKey,
      labelSelector: {
        ...selected,
        matchExpressions: [{ key: 'nestling.dev/namespace', operator: 'In', values: ['shop'] }],
      },
    });
  });

  test('means pods of the namespaces that are named', () => {
    expect(required({ labelSelector: {}, namespaces: ['a', 'b'] })).toEqual({
      topologyKey,
      labelSelector: {
        matchLabels: ours,
        matchExpressions: [{ key: 'nestling.dev/namespace', operator: 'In', values: ['a', 'b'] }],
      },
    });
  });

  test('finds namespaces by the copies of their labels on pods', () => {
    const namespaceSelector = {
      matchLabels: { 'kubernetes.io/metadata.name': 'a' },
      matchExpressions: [{ key: 'team', operator: 'Exists' }],
    };
    expect(required({ labelSelector, namespaceSelector }).labelSelector?.matchExpressions).toEqual([
      { key: hostNamespaceLabelKey('kubernetes.io/metadata.name'), operator: 'In', values: ['a'] },
      { key: hostNamespaceLabelKey('team'), operator: 'Exists' },
    ]);
  });

  test('with an empty namespace selector means all namespaces, named ones too', () => {
    const all = { topologyKey, labelSelector: selected };
    expect(required({ labelSelector, namespaceSelector: {} })).toEqual(all);
    expect(required({ labelSelector, namespaceSelector: {}, namespaces: ['a'] })).toEqual(all);
  });

  test('without a label selector matches no pod, as it did', () => {
    expect(required({ namespaces: ['a'] })).toEqual({ topologyKey });
  });

  test('keeps what matchLabelKeys and mismatchLabelKeys mean, once', () => {
    const labels = { hash: 'h1', tenant: 't1' };
    const keys = { matchLabelKeys: ['hash', 'absent'], mismatchLabelKeys: ['tenant'] };
    const merged = { ...labelSelector, matchExpressions: [{ key: 'hash', operator: 'In', values: ['h1'] }] };
    for (const selector of [labelSelector, merged]) {
      const term = required({ labelSelector: selector, ...keys }, { labels });
      expect(term).not.toHaveProperty('matchLabelKeys');
      expect(term.labelSelector?.matchExpressions).toEqual([
        { key: hostLabelKey('hash'), operator: 'In', values: ['h1'] },
        { key: hostLabelKey('tenant'), operator: 'NotIn', values: ['t1'] },
        { key: 'nestling.dev/namespace', operator: 'In', values: ['shop'] },
      ]);
    }
  });

  const both = { labelSelector, topologyKey, namespaces: ['a'], namespaceSelector: { matchLabels: { env: 'b' } } };
  const either = [
    { ...selected, matchExpressions: [{ key: 'nestling.dev/namespace', operator: 'In', values: ['a'] }] },
    {
      ...selected,
      matchExpressions: [
        { key: hostNamespaceLabelKey('env'), operator: 'In', values: ['b'] },
        { key: 'nestling.dev/namespace', operator: 'NotIn', values: ['a'] },
      ],
    },
  ].map((one) => ({ topologyKey, labelSelector: one }));

  test('that may be met in named or in selected namespaces is refused where one term cannot say it', () => {
    const pod = podWith({ affinity: { podAffinity: { [REQUIRED]: [both] } } });
    expect(refusal(translatePod(pod, contextWith()))).toMatch(
      `Unsupported: spec.affinity.podAffinity.${REQUIRED}[0] has both namespaces and namespaceSelector`,
    );
  });

  test('and becomes two terms where two say it', () => {
    const weighted = { [PREFERRED]: [{ weight: 7, podAffinityTerm: both }] };
    const { affinity } = translated(
      podWith({ affinity: { podAffinity: weighted, podAntiAffinity: { ...weighted, [REQUIRED]: [both] } } }),
    ).spec!;
    const twice = either.map((podAffinityTerm) => ({ weight: 7, podAffinityTerm }));
    expect(affinity?.podAffinity).toEqual({ [PREFERRED]: twice });
    expect(affinity?.podAntiAffinity).toEqual({ [PREFERRED]: twice, [REQUIRED]: either });
  });
});

test('topology spread counts the pods of the own namespace', () => {
  const constraint = { maxSkew: 1, topologyKey: 'zone', whenUnsatisfiable: 'DoNotSchedule' };
  const topologySpreadConstraints = [
    { ...constraint, labelSelector, matchLabelKeys: ['hash'], nodeTaintsPolicy: 'Honor' },
    constraint,
  ];
  const pod = podWith({ topologySpreadConstraints }, { labels: { hash: 'h1' } });
  expect(translated(pod).spec?.topologySpreadConstraints).toEqual([
    {
      ...constraint,
      nodeTaintsPolicy: 'Honor',
      labelSelector: {
        matchLabels: { ...selected.matchLabels, 'nestling.dev/namespace': 'shop' },
        matchExpressions: [{ key: hostLabelKey('hash'), operator: 'In', values: ['h1'] }],
      },
    },
    constraint,
  ]);
});

test('what concerns the host’s nodes stays', () => {
  const spec = {
    nodeSelector: { disk: 'ssd' },
    tolerations: [{ key: 'gpu', operator: 'Exists' }],
    affinity: {
      nodeAffinity: {
        [REQUIRED]: { nodeSelectorTerms: [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: ['n'] }] }] },
        [PREFERRED]: [{ weight: 1, preference: { matchExpressions: [{ key: 'a', operator: 'Exists' }] } }],
      },
    },
    runtimeClassName: 'gvisor',
    readinessGates: [{ conditionType: 'a/b' }],
    hostAliases: [{ ip: '1.2.3.4', hostnames: ['a'] }],
  };
  expect(translated(podWith(spec)).spec).toMatchObject(spec);
});

describe('a priority class', () => {
  const virtual = podWith({ priorityClassName: 'urgent', priority: 7, preemptionPolicy: 'Never' });

  test('is left out with all that it sets, unless the host has it', () => {
    const { spec } = translated(virtual);
    expect(Object.keys(spec ?? {})).not.toEqual(expect.arrayContaining([expect.stringMatching(/priority|preemption/)]));
  });

  test.each([
    ['host', 'urgent'],
    ['virtual', 'vcluster-urgent-x-team-a-x-my-vc'],
  ] as const)('of the %s is named %s, whose value the host sets', (origin, expected) => {
    const priorityClassName = hostPriorityClass(identity, 'urgent', origin);
    const { spec } = translated(virtual, { priorityClassName });
    expect(spec).toMatchObject({ priorityClassName: expected });
    expect(spec).not.toHaveProperty('priority');
    expect(spec).not.toHaveProperty('preemptionPolicy');
  });

  test('of the system never reaches the host', () => {
    for (const name of ['system-node-critical', 'system-cluster-critical', 'system-', '', undefined]) {
      for (const origin of ['host', 'virtual', undefined] as const) {
        expect(hostPriorityClass(identity, name, origin)).toBeUndefined();
      }
    }
    const context = { priorityClassName: 'system-node-critical' };
    expect(translated(podWith({ priorityClassName: 'system-node-critical' }), context).spec).not.toHaveProperty(
      'priorityClassName',
    );
  });
});
