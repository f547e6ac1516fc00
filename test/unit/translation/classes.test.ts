import { resolveConfiguration } from '../../../syncer/configuration/document';
import {
  clusterScopedHostName,
  hostName,
  ownedBy,
  priorityClassNeedsRecreation,
  syncerClusterRights,
  syncerRights,
  tenantText,
  translatePriorityClass,
  translateServiceAccount,
} from '../../../syncer/translation';
import { checkRuntimeClass } from '../../../syncer/policy';
import { anchor, identity, podWith, refusal, translated, unwrap } from './fixtures';

const priorityClass = (value: number, more: object = {}) => ({
  metadata: { name: 'high', uid: 'u', labels: { app: 'x' }, annotations: { theirs: 'y' } },
  value,
  ...more,
});
const context = { identity, maximumValue: 1000 };
const sync = (input: object) =>
  resolveConfiguration({
    apiVersion: 'nestling.dev/v1alpha1',
    kind: 'SyncerConfiguration',
    virtualCluster: { name: 'my-vc' },
    sync: input,
  });

describe('a host PriorityClass', () => {
  test('is known as this virtual cluster’s, for nobody by default, with the tenant’s value and policy', () => {
    const host = unwrap(
      translatePriorityClass(
        priorityClass(7, { globalDefault: true, description: 'd', preemptionPolicy: 'Never' }),
        context,
      ),
    );
    expect(host).toEqual({
      apiVersion: 'scheduling.k8s.io/v1',
      kind: 'PriorityClass',
      metadata: {
        name: clusterScopedHostName(identity, 'high'),
        labels: {
          'label.nestling.dev/app': 'x',
          'nestling.dev/virtual-cluster': 'my-vc',
          'nestling.dev/host-namespace': 'team-a',
        },
        annotations: { 'nestling.dev/kind': 'PriorityClass', 'nestling.dev/name': 'high', 'nestling.dev/uid': 'u' },
      },
      value: 7,
      globalDefault: false,
      description: 'd',
      preemptionPolicy: 'Never',
    });
    expect(ownedBy(host, identity)).toEqual({ namespace: '', name: 'high', uid: 'u', kind: 'PriorityClass' });
  });

  test.each([
    ['of a cluster of the same name in another host namespace', { hostNamespace: 'team-b', name: 'my-vc' }],
    ['of another cluster in the same host namespace', { hostNamespace: 'team-a', name: 'other' }],
  ])('is not known as %s', (_title, other) => {
    expect(ownedBy(unwrap(translatePriorityClass(priorityClass(7), context)), other)).toBeUndefined();
  });

  test('is not ours under another name, of another kind, or with a namespace in its annotations', () => {
    const host = unwrap(translatePriorityClass(priorityClass(7), context));
    const { metadata } = host;
    for (const other of [
      { ...host, metadata: { ...metadata, name: 'system-node-critical' } },
      { ...host, kind: 'IngressClass' },
      {
        ...host,
        metadata: { ...metadata, annotations: { ...metadata?.annotations, 'nestling.dev/namespace': 'shop' } },
      },
    ]) {
      expect(ownedBy(other, identity)).toBeUndefined();
    }
  });

  test.each([
    [1000, 1000],
    [1001, 1000],
    [2_000_001_000, 1000],
    [-5, -5],
  ])('of value %i has %i where 1000 is the highest', (value, expected) => {
    expect(unwrap(translatePriorityClass(priorityClass(value), context)).value).toBe(expected);
  });

  test('is made anew for another value or policy, and not for what the API server fills in', () => {
    const [one, other] = [{ value: 1 }, { value: 1, preemptionPolicy: 'PreemptLowerPriority' }];
    expect(priorityClassNeedsRecreation(one, other)).toBe(false);
    expect(priorityClassNeedsRecreation({ value: 2 }, other)).toBe(true);
    expect(priorityClassNeedsRecreation({ value: 1, preemptionPolicy: 'Never' }, other)).toBe(true);
  });

  test('is refused with a field that is not known', () => {
    expect(refusal(translatePriorityClass(priorityClass(7, { overrides: 'x' }), context))).toContain(
      'overrides is a field',
    );
  });

  test('has the tenant’s name in texts', () => {
    const text = `no PriorityClass with name ${clusterScopedHostName(identity, 'high')} was found`;
    expect(tenantText(text, identity, [{ namespace: '', name: 'high' }])).toBe(
      'no PriorityClass with name high was found',
    );
  });
});

describe('a host ServiceAccount', () => {
  const account = {
    metadata: {
      name: 'app',
      namespace: 'shop',
      uid: 'u',
      annotations: {
        'eks.amazonaws.com/role-arn': 'arn:aws:iam::1:role/x',
        'azure.workload.identity/client-id': 'c',
        'example.org/other': 'x',
        'nestling.dev/uid': 'forged',
      },
    },
    secrets: [{ name: 's' }],
    imagePullSecrets: [{ name: 'p' }],
    automountServiceAccountToken: true,
  };

  test('has the annotations that are allowed, and no secrets, no pull secrets and no token', () => {
    const annotations = ['eks.amazonaws.com/role-arn', 'azure.workload.identity/*', 'n*'];
    const host = unwrap(translateServiceAccount(account, { identity, anchor, annotations }));
    expect(Object.keys(host).sort()).toEqual(['apiVersion', 'automountServiceAccountToken', 'kind', 'metadata']);
    expect(host).toMatchObject({
      automountServiceAccountToken: false,
      metadata: { name: hostName(identity, 'shop', 'app'), namespace: 'team-a' },
    });
    expect(host.metadata?.annotations).toEqual({
      'eks.amazonaws.com/role-arn': 'arn:aws:iam::1:role/x',
      'azure.workload.identity/client-id': 'c',
      'nestling.dev/kind': 'ServiceAccount',
      'nestling.dev/name': 'app',
      'nestling.dev/namespace': 'shop',
      'nestling.dev/uid': 'u',
    });
  });
});

describe('a pod that names a RuntimeClass', () => {
  const pod = podWith({
    runtimeClassName: 'sandboxed',
    overhead: { cpu: '250m' },
    nodeSelector: { sandbox: 'yes' },
    tolerations: [{ key: 'sandbox', operator: 'Exists' }],
  });

  test('keeps it with what its scheduling asks for, and leaves the overhead to the host', () => {
    const { spec } = translated(pod);
    expect(spec).toMatchObject({ runtimeClassName: 'sandboxed', nodeSelector: { sandbox: 'yes' } });
    expect(spec?.tolerations).toEqual([{ key: 'sandbox', operator: 'Exists' }]);
    expect(spec).not.toHaveProperty('overhead');
  });

  test('may name those only that tenants see, where they see some', () => {
    expect(checkRuntimeClass(pod, () => true)).toEqual([]);
    expect(checkRuntimeClass(podWith(), () => false)).toEqual([]);
    expect(checkRuntimeClass(pod, () => false).map(({ message }) => message)).toEqual([
      expect.stringContaining('spec.runtimeClassName is "sandboxed"'),
    ]);
  });
});

describe('rights', () => {
  const texts = (rights: ReturnType<typeof syncerRights>): string[] =>
    rights.flatMap(({ resources, verbs }) => resources.map((one) => `${one}: ${verbs.join(' ')}`));
  const all = 'create delete get list patch watch';

  test('on classes and accounts come with what needs them, and only then', () => {
    expect(syncerClusterRights(sync({}))).toEqual([]);
    expect(texts(syncerRights(sync({}))).filter((one) => one.startsWith('serviceaccounts'))).toEqual([]);
    expect(texts(syncerRights(sync({}))).filter((one) => one.startsWith('ingresses'))).toEqual([`ingresses: ${all}`]);
    const without = sync({ toHost: { ingresses: { enabled: false } } });
    expect(texts(syncerRights(without)).filter((one) => one.startsWith('ingresses'))).toEqual([]);
    const accounts = sync({ toHost: { serviceAccounts: { enabled: true } } });
    expect(texts(syncerRights(accounts))).toContain(`serviceaccounts: ${all}`);
    expect(syncerClusterRights(accounts)).toEqual([]);
    const down = sync({ toHost: { priorityClasses: { enabled: true } } });
    expect(texts(syncerClusterRights(down))).toEqual([`priorityclasses: ${all}`]);
    const enabled = { enabled: true };
    const up = sync({
      fromHost: { priorityClasses: enabled, runtimeClasses: enabled, volumeAttributesClasses: enabled },
    });
    expect(texts(syncerClusterRights(up)).sort()).toEqual([
      'priorityclasses: get list watch',
      'runtimeclasses: get list watch',
      'volumeattributesclasses: get list watch',
    ]);
  });

  test('in both directions at once are not to be had', () => {
    const both = { toHost: { priorityClasses: { enabled: true } }, fromHost: { priorityClasses: { enabled: true } } };
    expect(() => sync(both)).toThrow('sync.fromHost.priorityClasses.enabled');
    expect(() => sync({ toHost: { priorityClasses: { maximumValue: 5 } } })).toThrow('has no effect');
    expect(() => sync({ toHost: { priorityClasses: { maximumCount: 5 } } })).toThrow('has no effect');
    expect(() => sync({ toHost: { priorityClasses: { enabled: true, maximumValue: 1_000_000_001 } } })).toThrow(
      'at most',
    );
  });
});
