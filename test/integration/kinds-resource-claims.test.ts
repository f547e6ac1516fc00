import type { Pod } from 'kubernetes-types/core/v1';
import { resources } from '../../syncer/kube-client';
import type { ResourceClaim } from '../../syncer/translation';
import { eventually } from '../virtual-cluster/eventually';
import { HOST_NAMESPACE } from './in-process-syncer';
import { TwoClusters } from './two-clusters';

let clusters: TwoClusters;
const type = resources.resourceClaims;

beforeAll(async () => {
  clusters = await TwoClusters.start({ virtualControllers: ['resourceclaim-controller'] });
  await clusters.stopSyncer();
  await clusters.startSyncer({ sync: { toHost: { resourceClaims: { enabled: true } } } });
});

afterAll(async () => {
  await clusters?.stop();
});

const spec = {
  devices: {
    requests: [{ name: 'card', exactly: { deviceClassName: 'gpu.example.com' } }],
    config: [{ opaque: { driver: 'gpu.example.com', parameters: { kind: 'Sharing', strategy: 'none' } } }],
  },
};
const metadata = (name: string) => ({ name, namespace: 'default' });
const createClaim = (name: string) =>
  clusters.virtual.create<ResourceClaim>(type, {
    apiVersion: 'resource.k8s.io/v1',
    kind: 'ResourceClaim',
    metadata: metadata(name),
    spec,
  });
const using = (claim: object) => ({
  resourceClaims: [{ name: 'gpu', ...claim }],
  containers: [{ name: 'main', image: 'example.org/main:1', resources: { claims: [{ name: 'gpu' }] } }],
});
const twinOfClaim = (name: string) =>
  eventually(`ResourceClaim ${name} is on the host`, () => clusters.twin<ResourceClaim>(type, name));
const twinOfPod = (name: string) =>
  eventually(`pod ${name} is on the host`, () => clusters.twin<Pod>(resources.pods, name));

/** What the host's scheduler and its driver do. */
async function allocate(claim: ResourceClaim, pod: Pod): Promise<void> {
  const device = { driver: 'gpu.example.com', pool: 'node-1', device: 'gpu-0' };
  await clusters.host.patch<ResourceClaim>(
    type,
    { namespace: HOST_NAMESPACE, name: claim.metadata?.name ?? '', subresource: 'status', type: 'merge' },
    {
      status: {
        allocation: { devices: { results: [{ request: 'card', ...device }] } },
        devices: [{ ...device, data: { uuid: 'GPU-7' } }],
        reservedFor: [{ resource: 'pods', name: pod.metadata?.name, uid: pod.metadata?.uid }],
      },
    },
  );
}

const shows = (name: string, what: string, holds: (claim: ResourceClaim) => boolean) =>
  eventually(`ResourceClaim ${name} of the virtual cluster shows ${what}`, async () => {
    const claim = await clusters.virtualOne<ResourceClaim>(type, name);
    if (claim !== undefined && holds(claim)) return claim;
    throw new Error(JSON.stringify(claim));
  });

test('a claim goes to the host, for the pod that names it, and shows what it was given there', async () => {
  await createClaim('card');
  const claim = await twinOfClaim('card');
  expect(claim.spec).toMatchObject(spec);
  await clusters.createPod('user', using({ resourceClaimName: 'card' }));
  const twin = await twinOfPod('user');
  expect(twin.spec).toMatchObject({
    resourceClaims: [{ name: 'gpu', resourceClaimName: claim.metadata?.name }],
    containers: [{ resources: { claims: [{ name: 'gpu' }] } }],
  });
  await allocate(claim, twin);
  const seen = await shows('card', 'its allocation', ({ status }) => status?.reservedFor !== undefined);
  const pod = await clusters.virtualOne<Pod>(resources.pods, 'user');
  expect(seen.status).toEqual({
    allocation: { devices: { results: [expect.objectContaining({ device: 'gpu-0', pool: 'node-1' })] } },
    devices: [expect.objectContaining({ data: { uuid: 'GPU-7' } })],
    reservedFor: [{ resource: 'pods', name: 'user', uid: pod?.metadata?.uid }],
  });

  const status = { allocation: null, devices: null, reservedFor: null };
  const at = {
    namespace: HOST_NAMESPACE,
    name: claim.metadata?.name ?? '',
    subresource: 'status',
    type: 'merge',
  } as const;
  await clusters.host.patch(type, at, { status });
  await shows('card', 'that it was given back', ({ status: now }) => now?.allocation === undefined);
  await clusters.virtual.delete(type, metadata('card'));
  await clusters.gone(type, 'card');
});

test('a pod with a template waits for the claim that its controller makes, whose twin it then names', async () => {
  await clusters.createPod('templated', using({ resourceClaimTemplateName: 'cards' }));
  // There is no template yet. A pod that came later shows that this one had its turn.
  await clusters.createPod('later');
  await clusters.running('later');
  expect(await clusters.twin(resources.pods, 'templated')).toBeUndefined();
  await clusters.virtual.create(resources.resourceClaimTemplates, {
    apiVersion: 'resource.k8s.io/v1',
    kind: 'ResourceClaimTemplate',
    metadata: metadata('cards'),
    spec: { spec },
  });
  const twin = await twinOfPod('templated');
  const { items } = await clusters.virtual.list<ResourceClaim>(type, { namespace: 'default' });
  const [made] = items.filter(({ metadata: own }) => own?.name?.startsWith('templated-gpu-'));
  const claim = await twinOfClaim(made?.metadata?.name ?? '');
  expect(twin.spec).toMatchObject({ resourceClaims: [{ name: 'gpu', resourceClaimName: claim.metadata?.name }] });
  expect(twin.spec).not.toHaveProperty(['resourceClaims', 0, 'resourceClaimTemplateName']);
  await clusters.running('templated');
});

test('a claim of the host that has the name of a twin is never touched, and the tenant told', async () => {
  const at = { namespace: HOST_NAMESPACE, name: clusters.hostNameOf('taken') };
  const foreign = await clusters.host.create<ResourceClaim>(type, {
    apiVersion: 'resource.k8s.io/v1',
    kind: 'ResourceClaim',
    metadata: at,
    spec,
  });
  await createClaim('taken');
  await clusters.createPod('without-device', using({ resourceClaimName: 'taken' }));
  await clusters.event('taken', 'HostNameTaken');
  await clusters.virtual.delete(resources.pods, metadata('without-device'));
  await clusters.virtual.delete(type, metadata('taken'));
  await createClaim('after-taken');
  await clusters.createPod('with-device', using({ resourceClaimName: 'after-taken' }));
  await twinOfClaim('after-taken');
  const now = await clusters.host.get<ResourceClaim>(type, at);
  expect([now.metadata?.uid, now.metadata?.resourceVersion]).toEqual([
    foreign.metadata?.uid,
    foreign.metadata?.resourceVersion,
  ]);
});

test('a claim with access to the devices of others is refused, and the tenant told', async () => {
  const admin = { requests: [{ name: 'card', exactly: { deviceClassName: 'gpu.example.com', adminAccess: true } }] };
  await clusters.virtual.patch(
    resources.namespaces,
    { name: 'default', type: 'merge' },
    { metadata: { labels: { 'resource.kubernetes.io/admin-access': 'true' } } },
  );
  await clusters.virtual.create<ResourceClaim>(type, {
    apiVersion: 'resource.k8s.io/v1',
    kind: 'ResourceClaim',
    metadata: metadata('admin'),
    spec: { devices: admin },
  });
  const event = await clusters.event('admin', 'Unsupported');
  expect(event.message).toContain('spec.devices.requests[0].exactly.adminAccess');
  expect(await clusters.twin(type, 'admin')).toBeUndefined();
});

test('without the setting a pod with a claim is refused, with the setting’s name', async () => {
  await clusters.stopSyncer();
  await clusters.startSyncer();
  await clusters.createPod('without', using({ resourceClaimName: 'none' }));
  const event = await clusters.event('without', 'Unsupported');
  expect(event.message).toContain('sync.toHost.resourceClaims');
});
