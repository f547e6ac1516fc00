import type { Node, Pod, Volume } from 'kubernetes-types/core/v1';
import { resources } from '../../syncer/kube-client';
import type { ResourceType } from '../../syncer/kube-client';
import { ANNOTATIONS } from '../../syncer/translation';
import type { ResourceClaim } from '../../syncer/translation';
import { resolveHost } from '../host-cluster';
import { eventually } from '../virtual-cluster';
import { BUSYBOX, idle, Tenant } from './tenant';
import { useVirtualCluster } from './virtual-cluster';

/** What runs in pods here needs a node with a newer runtime than most distributions have, and a driver of devices. */
const DRIVER = 'test-driver.cdi.k8s.io';
const NGINX = 'docker.io/library/nginx:1.22';
const CLAIMS = resources.resourceClaims;

const cluster = useVirtualCluster('images', { sync: { toHost: { resourceClaims: { enabled: true } } } });
const shop = new Tenant(cluster, 'shop');

beforeAll(async () => {
  await shop.prepare();
  const { items } = await shop.cluster.host.list<Node>(resources.nodes);
  const runtimes = items.map(({ status }) => status?.nodeInfo?.containerRuntimeVersion ?? '');
  const old = runtimes.filter((runtime) => /^containerd:\/\/(1\.|2\.0\.)/.test(runtime));
  if (old.length === 0) return;
  const host = await resolveHost({});
  const remedy = host.kind === 'node' ? 'it was started by an older checkout: npm run host -- down' : 'use newer nodes';
  throw new Error(`nodes with ${old.join()} have no image volumes; ${remedy}`);
});

/** A volume whose contents are those of an image; a type of this minor, of which the types of the API know nothing. */
const imageVolume = (name: string, reference: string): Volume =>
  ({ name, image: { reference, pullPolicy: 'IfNotPresent' } }) as Volume;

describe('a volume that is an image', () => {
  const page = 'usr/share/nginx/html/index.html';

  afterAll(() => shop.deletePod('reader'));

  test('has the image’s files in the running container, whole or one folder of them, and nobody can write there', async () => {
    await shop.createPod('reader', {
      containers: [
        idle('main', {
          volumeMounts: [
            { name: 'site', mountPath: '/whole' },
            { name: 'site', mountPath: '/pages', subPath: 'usr/share/nginx/html' },
          ],
        }),
      ],
      volumes: [imageVolume('site', NGINX)],
    });
    await shop.ready('reader', 120);
    // Busybox itself has no such file.
    expect(await shop.shell('reader', `test ! -e /${page} && cat /whole/${page}`)).toContain('<html>');
    expect(await shop.shell('reader', 'cat /pages/index.html')).toContain('<html>');
    expect(await shop.shell('reader', 'ls /pages')).toBe('index.html');
    expect(await shop.shell('reader', 'touch /whole/mine 2>&1 || true')).toContain('Read-only file system');
    expect(await shop.shell('reader', 'touch /pages/mine 2>&1 || true')).toContain('Read-only file system');
  });

  test('is the same volume on the host, and which image that is can be read on both sides', async () => {
    const [virtual, twin] = [await shop.pod('reader'), await shop.onHost<Pod>(resources.pods, 'reader')];
    for (const pod of [virtual, twin]) {
      expect(pod.spec?.volumes).toContainEqual(imageVolume('site', NGINX));
      const mounts = pod.spec?.containers[0]?.volumeMounts;
      expect(mounts).toContainEqual(expect.objectContaining({ name: 'site', mountPath: '/whole' }));
      expect(mounts).toContainEqual(expect.objectContaining({ mountPath: '/pages', subPath: 'usr/share/nginx/html' }));
    }
    // The host's kubelet says what it mounted; the tenant sees just that.
    const seen = (pod: Pod): unknown =>
      pod.status?.containerStatuses?.[0]?.volumeMounts?.filter(({ name }: { name: string }) => name === 'site');
    expect(seen(twin)).toHaveLength(2);
    expect(seen(virtual)).toEqual(seen(twin));
  });

  test('of an image that is not to be had keeps its pod waiting, and the tenant sees why', async () => {
    const missing = { name: 'site', image: { reference: 'registry.example/none:1', pullPolicy: 'Never' } };
    await shop.createPod('waiting', {
      containers: [idle('main', { volumeMounts: [{ name: 'site', mountPath: '/site' }] })],
      volumes: [missing],
    });
    const waiting = await shop.until(
      'waiting',
      'says what it waits for',
      ({ status }) => /ErrImageNeverPull|ImagePull/.test(status?.containerStatuses?.[0]?.state?.waiting?.reason ?? ''),
      120,
    );
    expect(waiting.status?.containerStatuses?.[0]?.state?.waiting?.message).toContain('registry.example/none:1');
    await shop.deletePod('waiting');
  });
});

describe('a claim of a device', () => {
  const spec = {
    devices: {
      requests: [{ name: 'card', exactly: { deviceClassName: DRIVER } }],
      config: [{ requests: ['card'], opaque: { driver: DRIVER, parameters: { tenant: 'shop' } } }],
    },
  };
  const create = (type: ResourceType, name: string, content: object): Promise<object> =>
    shop.create(type, name, content);
  const using = (claim: object): object => ({
    resourceClaims: [{ name: 'card', ...claim }],
    containers: [
      idle('with', { image: BUSYBOX, resources: { claims: [{ name: 'card' }] } as object }),
      idle('without'),
    ],
  });
  const claims = async (): Promise<readonly ResourceClaim[]> => {
    const { virtual } = shop.cluster;
    return (await virtual.list<ResourceClaim>(CLAIMS, { namespace: shop.namespace })).items;
  };
  const allocated = (name: string): Promise<ResourceClaim> =>
    eventually(`ResourceClaim ${name} shows which device it got, and for which pod`, async () => {
      const claim = await shop.get<ResourceClaim>(CLAIMS, name);
      if (claim.status?.allocation && claim.status.reservedFor?.length) return claim;
      throw new Error(JSON.stringify(claim.status));
    });

  /** What the driver puts into the environment of containers that have a device, and of no other. */
  const variables = async (pod: string, container: string): Promise<Record<string, string>> => {
    const environment = await shop.environment({ pod, container });
    return Object.fromEntries([...environment].filter(([name]) => /^(user|admin|claim)_/.test(name)));
  };
  /** The driver names a variable after the claim that it knows, which is the host's. */
  const ofDriver = (twin: ResourceClaim): Record<string, string> => ({
    user_tenant: 'shop',
    admin_class: 'all',
    [`claim_${(twin.metadata?.name ?? '').replace(/[^a-zA-Z0-9]/g, '_')}_card`]: 'true',
  });

  test('gives a pod a device of the host by the host’s class, and the container what the driver has for it', async () => {
    await create(CLAIMS, 'mine', { spec });
    await shop.createPod('direct', using({ resourceClaimName: 'mine' }));
    const pod = await shop.ready('direct', 120);
    const [claim, twin] = [await allocated('mine'), await shop.onHost<ResourceClaim>(CLAIMS, 'mine')];
    expect(twin.metadata?.annotations?.[ANNOTATIONS.uid]).toBe(claim.metadata?.uid);
    expect(claim.status?.allocation).toEqual(twin.status?.allocation);
    expect(claim.status?.allocation).toMatchObject({
      devices: { results: [{ request: 'card', driver: DRIVER, pool: pod.spec?.nodeName }] },
    });
    expect(claim.status?.reservedFor).toEqual([{ resource: 'pods', name: 'direct', uid: pod.metadata?.uid }]);
    expect(await variables('direct', 'with')).toEqual(ofDriver(twin));
    expect(await variables('direct', 'without')).toEqual({});
  });

  test('is given back when no pod uses it, and gone from the host with the tenant’s', async () => {
    await shop.deletePod('direct');
    await eventually('ResourceClaim mine shows that no device is its any more', async () => {
      const { status } = await shop.get<ResourceClaim>(CLAIMS, 'mine');
      if (status?.allocation === undefined && !status?.reservedFor?.length) return true;
      throw new Error(JSON.stringify(status));
    });
    await shop.cluster.virtual.delete(CLAIMS, { namespace: shop.namespace, name: 'mine' });
    await eventually('ResourceClaim mine is on neither side', async () => {
      const { items } = await shop.cluster.host.list<ResourceClaim>(CLAIMS, { namespace: shop.cluster.namespace });
      const left = [...items, ...(await claims())].map(({ metadata }) => metadata?.name);
      if (left.length > 0) throw new Error(left.join());
      return true;
    });
  });

  test('is made for each pod from a template, with a device of its own, and goes with the pod', async () => {
    await create(resources.resourceClaimTemplates, 'cards', { spec: { spec } });
    const names = ['first', 'second'];
    for (const name of names) await shop.createPod(name, using({ resourceClaimTemplateName: 'cards' }));
    const devices = new Set<unknown>();
    for (const name of names) {
      const pod = await shop.ready(name, 120);
      const made = (pod.status as { resourceClaimStatuses?: { resourceClaimName?: string }[] } | undefined)
        ?.resourceClaimStatuses?.[0]?.resourceClaimName;
      const claim = await allocated(made ?? '');
      const twin = await shop.onHost<ResourceClaim>(CLAIMS, made ?? '');
      expect(claim.metadata?.ownerReferences).toMatchObject([{ kind: 'Pod', name, uid: pod.metadata?.uid }]);
      expect(await variables(name, 'with')).toEqual(ofDriver(twin));
      const { results } = (claim.status?.allocation as { devices: { results: { device: string }[] } }).devices;
      devices.add(results[0]?.device);
    }
    expect(devices.size).toBe(names.length);
    for (const name of names) await shop.deletePod(name);
    await eventually('no claim is on either side', async () => {
      const { items } = await shop.cluster.host.list<ResourceClaim>(CLAIMS, { namespace: shop.cluster.namespace });
      const left = [...items, ...(await claims())].map(({ metadata }) => metadata?.name);
      if (left.length > 0) throw new Error(left.join());
      return true;
    });
  });
});
