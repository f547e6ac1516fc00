import type { PodDisruptionBudget } from 'kubernetes-types/policy/v1';
import type { ConfigMap, Pod, Service } from 'kubernetes-types/core/v1';
import type { Role } from 'kubernetes-types/rbac/v1';
import {
  Exposure,
  NodeSyncPolicy,
  Scheduler,
  SleepSchedule,
  Store,
  type VirtualClusterProps,
} from '../../../constructs';
import { checkPod } from '../../../syncer/policy';
import { containerOf, find, flag, podOf, propsError, statefulSetOf, synthesize } from './synthesized';

const one = synthesize();
const three = synthesize({ replicas: 3 });
const elsewhere = synthesize({
  replicas: 3,
  store: Store.etcd({ endpoints: ['https://etcd.example.com:2379'], secretName: 'etcd' }),
});
const inPostgres = synthesize({ replicas: 3, store: Store.postgres({ secretName: 'database' }) });

test('replicas are 1 or 3: other numbers do not compile, and are refused where they come from elsewhere', () => {
  // @ts-expect-error a majority of two is both
  const props: VirtualClusterProps = { replicas: 2 };
  expect(propsError(props)).toContain('replicas');
  expect(propsError(props)).toContain('must be 1 or 3');
});

test('one replica needs no election, no budget and no open port of the store', () => {
  expect(statefulSetOf(one).spec.replicas).toBe(1);
  expect(one.map(({ kind }) => kind)).not.toContain('PodDisruptionBudget');
  expect(flag(containerOf(one, 'kube-controller-manager'), 'leader-elect')).toBe('false');
  expect(JSON.stringify(find(one, 'Role', 'my-vc1'))).not.toContain('leases');
  expect(JSON.stringify(one)).not.toContain('etcd-peer');
  expect((find(one, 'Service', 'my-vc1') as unknown as Service).spec?.publishNotReadyAddresses).toBe(true);
});

test('three replicas: clients are led to ready ones only, nodes are drained one at a time, controllers and syncers elect', () => {
  const { replicas, podManagementPolicy, template } = statefulSetOf(three).spec;
  expect([replicas, podManagementPolicy]).toEqual([3, statefulSetOf(one).spec.podManagementPolicy]);
  expect((find(three, 'Service', 'my-vc1') as unknown as Service).spec?.publishNotReadyAddresses).toBe(false);
  const selector = statefulSetOf(three).spec.selector;
  expect((find(three, 'PodDisruptionBudget', 'my-vc1') as unknown as PodDisruptionBudget).spec).toEqual({
    maxUnavailable: 1,
    selector,
  });
  expect(template.spec?.affinity?.podAntiAffinity?.preferredDuringSchedulingIgnoredDuringExecution).toEqual([
    { weight: 100, podAffinityTerm: { topologyKey: 'kubernetes.io/hostname', labelSelector: selector } },
  ]);
  expect(flag(containerOf(three, 'kube-controller-manager'), 'leader-elect')).toBe('true');
  const scheduled = synthesize({
    replicas: 3,
    scheduler: Scheduler.virtual(),
    sync: {
      fromHost: {
        nodes: NodeSyncPolicy.allNodes(),
        storageClasses: { enabled: true },
        persistentVolumes: { enabled: true },
      },
    },
  });
  expect(flag(containerOf(scheduled, 'kube-scheduler'), 'leader-elect')).toBe('true');
  const rules = (find(three, 'Role', 'my-vc1') as unknown as Role).rules ?? [];
  const leases = rules.filter(({ apiGroups }) => apiGroups?.includes('coordination.k8s.io'));
  expect(leases).toEqual([
    { apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs: ['create'] },
    {
      apiGroups: ['coordination.k8s.io'],
      resources: ['leases'],
      resourceNames: ['my-vc1-store', 'my-vc1-syncer'],
      verbs: ['get', 'list', 'patch', 'watch'],
    },
  ]);
});

test('three members of the store find one another by DNS before they are ready, and let in who has a member’s certificate', () => {
  const service = find(three, 'Service', 'my-vc1-store') as unknown as Service;
  expect(service.spec).toMatchObject({ clusterIP: 'None', publishNotReadyAddresses: true });
  expect(service.spec?.ports).toContainEqual(expect.objectContaining({ name: 'etcd-peer', port: 2380 }));
  const etcd = containerOf(three, 'etcd');
  expect(etcd.args).toEqual(['--config-file=/etc/nestling/etcd.json']);
  expect(etcd.ports).toContainEqual({ name: 'etcd-peer', containerPort: 2380, protocol: 'TCP' });
  const { data = {} } = find(three, 'ConfigMap', 'my-vc1-configuration') as unknown as ConfigMap;
  expect(JSON.parse(data['etcd.json'] ?? '')).toMatchObject({
    'listen-client-urls': 'https://127.0.0.1:2379',
    'client-transport-security': { 'client-cert-auth': true, 'trusted-ca-file': '/etc/nestling/ca.crt' },
    'peer-transport-security': {
      'client-cert-auth': true,
      'trusted-ca-file': '/etc/nestling/ca.crt',
      'allowed-cn': ['etcd-peer'],
    },
  });
});

test('init sees the volume of each replica and of a single one, as it decides whether what is there is gone on with', () => {
  for (const manifests of [one, three]) {
    expect(containerOf(manifests, 'pki').volumeMounts).toContainEqual({ name: 'data', mountPath: '/var/lib/etcd' });
  }
});

test.each([
  ['in an etcd elsewhere', elsewhere],
  ['in PostgreSQL', inPostgres],
])('three replicas whose store is %s share it, and have no members', (_, manifests) => {
  expect(statefulSetOf(manifests).spec.replicas).toBe(3);
  expect(JSON.stringify(manifests)).not.toContain('etcd-peer');
  expect(podOf(manifests).containers.map(({ name }) => name)).not.toContain('etcd');
  expect(manifests.map(({ kind }) => kind)).toContain('PodDisruptionBudget');
});

test.each([
  ['in their pods', three],
  ['in PostgreSQL', inPostgres],
])('three replicas meet the Pod Security Standard restricted, with the store %s', (_, manifests) => {
  const pod: Pod = { apiVersion: 'v1', kind: 'Pod', ...statefulSetOf(manifests).spec.template };
  expect(checkPod(pod, 'restricted')).toEqual([]);
});

test('what three replicas cannot do with is refused with the remedy', () => {
  expect(propsError({ replicas: 3, store: Store.ephemeral() })).toMatch(
    /replicas: 3: is too many for Store\.ephemeral\(\).*choose Store\.persistent\(\), or 1/,
  );
  expect(propsError({ replicas: 3, sleep: SleepSchedule.outside({ from: '07:00', to: '19:00' }) })).toContain(
    'sleeps by a schedule',
  );
  expect(propsError({ replicas: 3, exposure: Exposure.nodePort() })).toMatch(/exposure\.address.* is not given/);
  expect(() =>
    synthesize({ replicas: 3, exposure: Exposure.nodePort({ address: 'nodes.example.com' }) }),
  ).not.toThrow();
});
