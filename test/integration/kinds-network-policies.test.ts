import type { NetworkPolicy, NetworkPolicySpec } from 'kubernetes-types/networking/v1';
import type { Pod } from 'kubernetes-types/core/v1';
import { resources } from '../../syncer/kube-client';
import { selects } from '../host-cluster/network-policy/endpoints';
import { eventually } from '../virtual-cluster/eventually';
import { HOST_NAMESPACE, NAME } from './in-process-syncer';
import { TwoClusters } from './two-clusters';

let clusters: TwoClusters;

beforeAll(async () => {
  clusters = await TwoClusters.start();
});

afterAll(async () => {
  await clusters?.stop();
});

const type = resources.networkPolicies;
const OWN = { 'nestling.dev/virtual-cluster': NAME };
const DEFAULT = { ...OWN, 'nestling.dev/namespace': 'default' };

const policy = (name: string, spec: Partial<NetworkPolicySpec>): NetworkPolicy => ({
  apiVersion: 'networking.k8s.io/v1',
  kind: 'NetworkPolicy',
  metadata: { name, namespace: 'default' },
  spec: { podSelector: {}, ...spec },
});
const create = (name: string, spec: Partial<NetworkPolicySpec>): Promise<NetworkPolicy> =>
  clusters.virtual.create<NetworkPolicy>(type, policy(name, spec));
const change = (name: string, spec: object): Promise<NetworkPolicy> =>
  clusters.virtual.patch<NetworkPolicy>(type, { namespace: 'default', name, type: 'merge' }, { spec });
const twin = (name: string) => clusters.twin<NetworkPolicy>(type, name);

/** Waits until the twin has these fields; a list has just these elements. */
const twinIs = (name: string, spec: object): Promise<NetworkPolicy> =>
  eventually(`the twin of NetworkPolicy ${name} is ${JSON.stringify(spec)}`, async () => {
    const found = await twin(name);
    expect(found?.spec).toMatchObject(spec);
    return found;
  });

test('a policy has a twin on the host, which follows it and goes with it', async () => {
  await create('follows', {
    podSelector: { matchLabels: { app: 'web' } },
    ingress: [{ from: [{ podSelector: { matchLabels: { app: 'client' } } }], ports: [{ port: 'http' }] }],
  });
  const made = await twinIs('follows', {
    podSelector: { matchLabels: { ...DEFAULT, 'label.nestling.dev/app': 'web' } },
    policyTypes: ['Ingress'],
    ingress: [
      {
        from: [{ podSelector: { matchLabels: { ...DEFAULT, 'label.nestling.dev/app': 'client' } } }],
        ports: [{ port: 'http', protocol: 'TCP' }],
      },
    ],
  });
  await change('follows', { ingress: null, egress: [{}], policyTypes: ['Egress'] });
  const after = await twinIs('follows', { policyTypes: ['Egress'], egress: [{}] });
  expect(after.spec?.ingress).toBeUndefined();
  expect(after.metadata?.uid).toBe(made.metadata?.uid);
  await clusters.virtual.delete(type, { namespace: 'default', name: 'follows' });
  await clusters.gone(type, 'follows');
});

test('the twin selects the twins of the pods that the policy selects, by the labels of their namespaces too', async () => {
  await clusters.createPod('web', {}, { labels: { app: 'web' } });
  await clusters.running('web');
  await create('pods', {
    podSelector: { matchLabels: { app: 'web' } },
    ingress: [{ from: [{ namespaceSelector: { matchLabels: { team: 'a' } } }] }],
  });
  const made = await twinIs('pods', { policyTypes: ['Ingress'] });
  const labels = async () => (await clusters.twin<Pod>(resources.pods, 'web'))?.metadata?.labels ?? {};
  const peer = made.spec?.ingress?.[0]?.from?.[0]?.podSelector ?? {};
  expect(selects(made.spec?.podSelector ?? {}, await labels())).toBe(true);
  expect(selects(peer, await labels())).toBe(false);
  const labelled = (team: string | null) =>
    clusters.virtual.patch(
      resources.namespaces,
      { name: 'default', type: 'merge' },
      { metadata: { labels: { team } } },
    );
  await labelled('a');
  await eventually('the twin of pod web is among the peers', async () => selects(peer, await labels()));
  await labelled(null);
  await eventually('the twin of pod web is not among the peers', async () => !selects(peer, await labels()));
});

test('a twin that was changed or deleted on the host is as it should be again', async () => {
  await create('kept', { policyTypes: ['Ingress', 'Egress'] });
  const made = await twinIs('kept', { policyTypes: ['Ingress', 'Egress'] });
  const at = { namespace: HOST_NAMESPACE, name: made.metadata?.name ?? '' };
  await clusters.host.patch(type, { ...at, type: 'merge' }, { spec: { egress: [{}] } });
  await eventually('the rule that was added on the host is gone', async () => {
    const found = await twin('kept');
    return found?.spec?.egress === undefined && found?.metadata?.resourceVersion !== made.metadata?.resourceVersion;
  });
  await clusters.host.delete(type, at);
  await eventually('there is a new twin', async () => {
    const found = await twin('kept');
    return found !== undefined && found.metadata?.uid !== made.metadata?.uid;
  });
});

test('a policy of the host under the name of the twin is left alone, and the tenant is told', async () => {
  const name = clusters.hostNameOf('taken');
  const theirs = { ...policy(name, { egress: [{}] }), metadata: { name, namespace: HOST_NAMESPACE } };
  const before = await clusters.host.create<NetworkPolicy>(type, theirs);
  await create('taken', {});
  await clusters.event('taken', 'HostNameTaken');
  await change('taken', { podSelector: { matchLabels: { a: 'b' } } });
  await clusters.virtual.delete(type, { namespace: 'default', name: 'taken' });
  await create('after', {});
  await twinIs('after', { policyTypes: ['Ingress'] });
  expect((await twin('taken'))?.metadata?.resourceVersion).toBe(before.metadata?.resourceVersion);
});

test('a policy costs one create, one patch for a change and one delete, and nothing where nothing changed', async () => {
  await create('first', {});
  await twinIs('first', { policyTypes: ['Ingress'] });
  const writes = () =>
    (['create', 'patch', 'update', 'delete', 'get'] as const).map((verb) =>
      clusters.syncer.host.requests.count({ verb, resource: type.resource }),
    );
  const before = writes();
  await create('cheap', { egress: [{ to: [{ ipBlock: { cidr: '10.0.0.0/8' } }] }] });
  await twinIs('cheap', { policyTypes: ['Ingress', 'Egress'] });
  await clusters.virtual.patch(
    type,
    { namespace: 'default', name: 'cheap', type: 'merge' },
    { metadata: { annotations: { note: 'a' } } },
  );
  await change('cheap', { egress: [], policyTypes: ['Egress'] });
  await twinIs('cheap', { policyTypes: ['Egress'] });
  await clusters.virtual.delete(type, { namespace: 'default', name: 'cheap' });
  await clusters.gone(type, 'cheap');
  expect(writes().map((count, index) => count - (before[index] ?? 0))).toEqual([1, 1, 0, 1, 0]);
  expect(
    (['create', 'patch', 'update', 'delete'] as const).map((verb) =>
      clusters.syncer.virtual.requests.count({ verb, resource: type.resource }),
    ),
  ).toEqual([0, 0, 0, 0]);
});

test('after a restart the twins are held to the allowed ranges, and a policy that went meanwhile has none', async () => {
  await create('all', { egress: [{}], ingress: [{}] });
  await create('outside', { egress: [{ to: [{ ipBlock: { cidr: '11.0.0.0/8' } }] }] });
  await create('gone', {});
  await twinIs('all', { egress: [{}], ingress: [{}] });
  await twinIs('outside', { egress: [{}] });
  await twinIs('gone', {});
  await clusters.stopSyncer();
  await clusters.virtual.delete(type, { namespace: 'default', name: 'gone' });
  await clusters.startSyncer({ sync: { toHost: { networkPolicies: { allowedEgress: ['10.0.0.0/8'] } } } });
  await twinIs('all', {
    egress: [{ to: [{ podSelector: { matchLabels: OWN } }, { ipBlock: { cidr: '10.0.0.0/8' } }] }],
    ingress: [{}],
  });
  await eventually('the twin of outside lets nothing out', async () => {
    const { spec } = (await twin('outside')) ?? {};
    return spec?.egress === undefined && spec?.policyTypes?.includes('Egress');
  });
  await clusters.gone(type, 'gone');
});

describe('within bounds of the platform', () => {
  const CONTROL_PLANE = { podSelector: { matchLabels: { 'nestling.dev/control-plane': NAME } } };
  const internet = { ipBlock: { cidr: '0.0.0.0/0', except: ['10.0.0.0/8'] } };
  const network = {
    isolated: true,
    allowedIngress: [CONTROL_PLANE],
    allowedEgress: [CONTROL_PLANE, internet],
    dnsServers: [],
  };
  const DIRECTIONS = ['nestling.dev/ingress-policy', 'nestling.dev/egress-policy'] as const;
  const marks = async (pod: string) => {
    const labels = (await clusters.twin<Pod>(resources.pods, pod))?.metadata?.labels ?? {};
    return DIRECTIONS.map((key) => labels[key] === 'tenant');
  };
  const marked = (pod: string, expected: readonly boolean[]) =>
    eventually(`the twin of pod ${pod} is marked for ingress and egress: ${expected.join(', ')}`, async () => {
      expect(await marks(pod)).toEqual(expected);
      return true;
    });

  beforeAll(async () => {
    await clusters.stopSyncer();
    await clusters.startSyncer({ policy: { network } });
    for (const { metadata } of (await clusters.virtual.list(type, { namespace: 'default' })).items) {
      await clusters.virtual.delete(type, { namespace: 'default', name: metadata?.name ?? '' });
      await clusters.gone(type, metadata?.name ?? '');
    }
  });

  test('the host pods tell which of them a policy of the tenant selects, from their creation on and as it changes', async () => {
    await create('both', { podSelector: { matchLabels: { app: 'marked' } }, policyTypes: ['Ingress', 'Egress'] });
    await twinIs('both', { policyTypes: ['Ingress', 'Egress'] });
    await clusters.createPod('marked', {}, { labels: { app: 'marked' } });
    await clusters.createPod('other', {}, { labels: { app: 'other' } });
    await Promise.all([clusters.running('marked'), clusters.running('other')]);
    expect(await marks('marked')).toEqual([true, true]);
    expect(await marks('other')).toEqual([false, false]);
    await change('both', { policyTypes: ['Egress'] });
    await marked('marked', [false, true]);
    await change('both', { podSelector: { matchLabels: { app: 'other' } } });
    await marked('other', [false, true]);
    await marked('marked', [false, false]);
    await clusters.virtual.delete(type, { namespace: 'default', name: 'both' });
    await marked('other', [false, false]);
  });

  test('a policy costs one write for each pod that it selects, and none for others', async () => {
    const patches = () => clusters.syncer.host.requests.count({ verb: 'patch', resource: 'pods' });
    const before = patches();
    await create('one', { podSelector: { matchLabels: { app: 'marked' } } });
    await marked('marked', [true, false]);
    await create('same', { podSelector: { matchLabels: { app: 'marked' } } });
    await twinIs('same', { policyTypes: ['Ingress'] });
    await clusters.virtual.delete(type, { namespace: 'default', name: 'one' });
    await clusters.gone(type, 'one');
    expect(patches() - before).toBe(1);
  });

  test('rules for everyone let through whom the platform does, and name servers', async () => {
    await create('everyone', { egress: [{}], ingress: [{}] });
    const own = { podSelector: { matchLabels: OWN } };
    await twinIs('everyone', {
      ingress: [{ from: [own, CONTROL_PLANE] }],
      egress: [
        { to: [own, CONTROL_PLANE, internet] },
        {
          ports: [
            { port: 53, protocol: 'UDP' },
            { port: 53, protocol: 'TCP' },
          ],
        },
      ],
    });
  });
});
