import type { Pod, ServiceAccount } from 'kubernetes-types/core/v1';
import { resources } from '../../syncer/kube-client';
import { eventually } from '../virtual-cluster/eventually';
import { HOST_NAMESPACE } from './in-process-syncer';
import { TwoClusters } from './two-clusters';

const ROLE = 'eks.amazonaws.com/role-arn';
const type = resources.serviceAccounts;

let clusters: TwoClusters;

beforeAll(async () => {
  clusters = await TwoClusters.start();
  await clusters.stopSyncer();
  await clusters.startSyncer({ sync: { toHost: { serviceAccounts: { enabled: true } } } });
});

afterAll(async () => {
  await clusters?.stop();
});

const createAccount = (name: string, annotations: Record<string, string> = {}): Promise<ServiceAccount> =>
  clusters.virtual.create<ServiceAccount>(type, {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { name, namespace: 'default', annotations },
    imagePullSecrets: [{ name: 'registry' }],
  });

const twin = (name: string): Promise<ServiceAccount | undefined> => clusters.twin<ServiceAccount>(type, name);

const hostPod = (name: string): Promise<Pod> =>
  eventually(`pod ${name} is on the host`, () => clusters.twin<Pod>(resources.pods, name));

async function deletePod(name: string): Promise<void> {
  await clusters.virtual.delete(resources.pods, { namespace: 'default', name, gracePeriodSeconds: 0 });
  await clusters.gone(resources.pods, name);
}

test('an account is on the host while a pod uses it, with the identity of a cloud and nothing else', async () => {
  await createAccount('app', { [ROLE]: 'arn:aws:iam::1:role/app', 'example.org/other': 'x' });
  await clusters.createPod('user', { serviceAccountName: 'app' });
  const pod = await hostPod('user');
  expect(pod.spec).toMatchObject({
    serviceAccountName: clusters.hostNameOf('app'),
    automountServiceAccountToken: false,
  });
  const account = await twin('app');
  expect(account).toMatchObject({
    automountServiceAccountToken: false,
    metadata: { annotations: { [ROLE]: 'arn:aws:iam::1:role/app' } },
  });
  expect(account?.metadata?.annotations).not.toHaveProperty(['example.org/other']);
  expect(account?.imagePullSecrets ?? []).toEqual([]);
  expect(account?.secrets ?? []).toEqual([]);
  await clusters.virtual.patch(
    type,
    { namespace: 'default', name: 'app', type: 'merge' },
    {
      metadata: { annotations: { [ROLE]: null } },
    },
  );
  await eventually('the twin has lost the annotation that the account lost', async () => {
    const now = await twin('app');
    return now !== undefined && now.metadata?.annotations?.[ROLE] === undefined;
  });
  await deletePod('user');
  await eventually(
    'the account is gone from the host with its last pod',
    async () => (await twin('app')) === undefined,
  );
  expect(await clusters.virtualOne(type, 'app')).toBeDefined();
});

test('a pod that names none runs as the twin of its namespace’s default account', async () => {
  await clusters.createPod('plain');
  expect((await hostPod('plain')).spec?.serviceAccountName).toBe(clusters.hostNameOf('default'));
  await deletePod('plain');
});

test('no pod runs as an account of the host: one that has the twin’s name is not touched, and the pod waits', async () => {
  const name = clusters.hostNameOf('powerful');
  const theirs = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace: HOST_NAMESPACE } };
  await clusters.host.create(type, theirs);
  await createAccount('powerful');
  await clusters.createPod('greedy', { serviceAccountName: 'powerful' });
  await clusters.event('powerful', 'HostNameTaken');
  await clusters.createPod('modest', { serviceAccountName: 'app' });
  await hostPod('modest');
  await clusters.waiting(
    'greedy',
    'WaitingForHost',
    'serviceaccount "powerful" is not on the host: the name on the host is taken by a ServiceAccount that is not of this virtual cluster; use another name',
  );
  expect(await clusters.twin(resources.pods, 'greedy')).toBeUndefined();
  expect((await clusters.host.get(type, { namespace: HOST_NAMESPACE, name })).metadata?.annotations).toBeUndefined();
  await clusters.host.delete(type, { namespace: HOST_NAMESPACE, name });
  expect((await hostPod('greedy')).spec?.serviceAccountName).toBe(name);
  expect((await twin('powerful'))?.metadata?.annotations).toMatchObject({ 'nestling.dev/name': 'powerful' });
  await deletePod('greedy');
  await deletePod('modest');
});
