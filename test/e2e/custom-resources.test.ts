import type { Pod, Secret } from 'kubernetes-types/core/v1';
import { FieldPatch } from '../../constructs';
import { KubeClient, resources } from '../../syncer/kube-client';
import type { AnyObject, ResourceType } from '../../syncer/kube-client';
import { hostName } from '../../syncer/translation';
import { resolveHost } from '../host-cluster';
import { eventually } from '../virtual-cluster';
import { Tenant } from './tenant';
import { useVirtualCluster } from './virtual-cluster';

const GROUP = 'e2e.nestling.example';
const SHARED = 'e2e-custom-shared';
const type = (kind: string): ResourceType => ({
  group: GROUP,
  version: 'v1',
  kind,
  resource: `${kind.toLowerCase()}s`,
  namespaced: true,
});
const [widgets, offers, gadgets] = [type('Widget'), type('Offer'), type('Gadget')];
const named = ({ group, version, kind, resource }: ResourceType) => ({ group, version, kind, resource });

// With a client of its own: the namespace has to be there before the virtual cluster, whose rights in it are made with it.
let host: KubeClient;

beforeAll(async () => {
  host = new KubeClient((await resolveHost({})).connection, { userAgent: 'nestling-test' });
  await host.create(resources.namespaces, { metadata: { name: SHARED } });
});

const cluster = useVirtualCluster('custom', {
  sync: {
    toHost: {
      customResources: [
        { ...named(widgets), references: [{ path: 'spec.secretName', kind: 'Secret' }] },
        // The host never has this one.
        named(gadgets),
      ],
    },
    fromHost: { customResources: [{ ...named(offers), namespaces: [{ host: SHARED, virtual: 'catalogue' }] }] },
    patches: [
      {
        kind: 'Pod',
        match: { namespaces: ['shop'] },
        operations: [
          FieldPatch.set('metadata.labels["example.org/cost-centre"]', 'tenants'),
          FieldPatch.set('metadata.annotations["example.org/note"]', 'set by the platform'),
          FieldPatch.append('spec.tolerations', { key: 'example.org/tenants', operator: 'Exists' }),
          FieldPatch.set('spec.nodeSelector["kubernetes.io/os"]', 'linux'),
        ],
      },
    ],
  },
});
const shop = new Tenant(cluster, 'shop');

afterAll(async () => {
  const removed = await Promise.allSettled([
    ...[widgets, offers].map(({ resource }) =>
      host.delete(resources.customResourceDefinitions, { name: `${resource}.${GROUP}` }),
    ),
    host.delete(resources.namespaces, { name: SHARED }),
  ]);
  await host.close();
  expect(removed.filter(({ status }) => status === 'rejected')).toEqual([]);
});

/** A definition with any content and a status of its own. */
function definition({ kind, resource }: ResourceType): AnyObject {
  const open = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
  const schema = { openAPIV3Schema: { type: 'object', properties: { spec: open, status: open } } };
  return {
    metadata: { name: `${resource}.${GROUP}` },
    spec: {
      group: GROUP,
      scope: 'Namespaced',
      names: { kind, plural: resource, singular: kind.toLowerCase() },
      versions: [{ name: 'v1', served: true, storage: true, subresources: { status: {} }, schema }],
    },
  };
}

beforeAll(async () => {
  for (const one of [widgets, offers]) await host.create(resources.customResourceDefinitions, definition(one));
  await shop.prepare();
});

test('a cluster is ready though its host lacks one of the kinds', async () => {
  const { name, namespace } = cluster.current;
  await eventually('the control plane is ready', async () => {
    const pod = await host.get<Pod>(resources.pods, { namespace, name: `${name}-0` });
    return pod.status?.conditions?.some(({ type: of, status }) => of === 'Ready' && status === 'True');
  });
});

test("a tenant's custom resource goes to the host with the Secret that it names, and its status comes back", async () => {
  const { namespace } = cluster.current;
  await eventually('the virtual cluster serves widgets', () => cluster.current.virtual.list(widgets));
  await shop.create<Secret>(resources.secrets, 'credentials', { data: { key: 'dmFsdWU=' } });
  await shop.create(widgets, 'web', { spec: { secretName: 'credentials', size: 3 } });
  const id = { name: cluster.current.name, hostNamespace: namespace };
  const [widget, secret] = [hostName(id, 'shop', 'web'), hostName(id, 'shop', 'credentials')];
  await eventually('both are on the host', async () => {
    const [one, other] = await Promise.all([
      shop.onHost<AnyObject>(widgets, 'web'),
      shop.onHost<Secret>(resources.secrets, 'credentials').catch(() => undefined),
    ]);
    expect(one['spec']).toEqual({ secretName: secret, size: 3 });
    expect(other?.data).toEqual({ key: 'dmFsdWU=' });
    return true;
  });
  const status = { ready: true, message: `${widget} uses Secret "${secret}"` };
  await host.patch(widgets, { name: widget, namespace, subresource: 'status', type: 'merge' }, { status });
  await eventually('the tenant sees the status in its own names', async () => {
    const seen = await shop.get<AnyObject>(widgets, 'web');
    expect(seen['status']).toEqual({ ready: true, message: 'web uses Secret "credentials"' });
    return true;
  });
  await cluster.current.virtual.delete(widgets, { namespace: 'shop', name: 'web' });
  await eventually('nothing of it is left on the host', async () => {
    const left = await Promise.allSettled([shop.onHost(widgets, 'web'), shop.onHost(resources.secrets, 'credentials')]);
    return left.every((one) => one.status === 'rejected');
  });
});

test('custom resources of another namespace of the host are seen, and changes of a tenant undone', async () => {
  const { virtual } = cluster.current;
  await host.create(offers, { metadata: { name: 'cheap', namespace: SHARED }, spec: { price: 1 } } as AnyObject);
  await virtual.create(resources.namespaces, { metadata: { name: 'catalogue' } });
  const at = { namespace: 'catalogue', name: 'cheap' };
  const shown = () =>
    eventually('offer cheap is shown as the host has it', async () => {
      expect((await virtual.get(offers, at))['spec']).toEqual({ price: 1 });
      return true;
    });
  await shown();
  await virtual.patch(offers, { ...at, type: 'merge' }, { spec: { price: 0, extra: true } });
  await shown();
});

test('patches of pods are seen on the host, and not in the virtual cluster', async () => {
  await shop.createPod('patched');
  await shop.phase('patched', 'Running');
  const twin = await shop.onHost<Pod>(resources.pods, 'patched');
  expect(twin).toMatchObject({
    metadata: {
      labels: { 'example.org/cost-centre': 'tenants' },
      annotations: { 'example.org/note': 'set by the platform' },
    },
    spec: { nodeSelector: { 'kubernetes.io/os': 'linux' } },
  });
  expect(twin.spec?.tolerations).toContainEqual({ key: 'example.org/tenants', operator: 'Exists' });
  const virtual = await shop.pod('patched');
  expect(virtual.metadata?.labels ?? {}).toEqual({});
  expect(virtual.metadata?.annotations ?? {}).toEqual({});
  expect(virtual.spec?.nodeSelector).toBeUndefined();
  expect(virtual.spec?.tolerations).not.toContainEqual(expect.objectContaining({ key: 'example.org/tenants' }));
  await shop.deletePod('patched');
});
