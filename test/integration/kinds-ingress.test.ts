import type { Secret } from 'kubernetes-types/core/v1';
import type { Ingress, IngressClass } from 'kubernetes-types/networking/v1';
import { resources } from '../../syncer/kube-client';
import { eventually } from '../virtual-cluster/eventually';
import { HOST_NAMESPACE } from './in-process-syncer';
import { found, TwoClusters } from './two-clusters';

const NGINX = 'nginx.ingress.kubernetes.io';
const type = resources.ingresses;

let clusters: TwoClusters;

beforeAll(async () => {
  clusters = await TwoClusters.start();
  await clusters.stopSyncer();
  await clusters.startSyncer({
    sync: {
      toHost: { ingresses: { allowedHosts: ['shop.example.com', '*.team-a.example.com'] } },
      fromHost: { ingressClasses: { enabled: true, selector: { tenants: 'yes' } } },
    },
  });
  await clusters.host.create(resources.ingressClasses, ingressClass('public', { tenants: 'yes' }));
  await clusters.host.create(resources.ingressClasses, ingressClass('internal', {}));
  await eventually('IngressClass public is seen in the virtual cluster', () => classSeen('public'));
});

afterAll(async () => {
  await clusters?.stop();
});

const ingressClass = (name: string, labels: Record<string, string>): IngressClass => ({
  apiVersion: 'networking.k8s.io/v1',
  kind: 'IngressClass',
  metadata: { name, labels },
  spec: {
    controller: `example.org/${name}`,
    parameters: { apiGroup: 'example.org', kind: 'Parameters', name: 'p', scope: 'Namespace', namespace: 'ingress' },
  },
});

const classSeen = (name: string) => found(clusters.virtual.get<IngressClass>(resources.ingressClasses, { name }));

/** An Ingress of namespace `default` that leads all of a host to Service `web`. */
const ingressFor = (
  name: string,
  host: string,
  more: { annotations?: Record<string, string>; spec?: object } = {},
) => ({
  apiVersion: 'networking.k8s.io/v1',
  kind: 'Ingress',
  metadata: { name, namespace: 'default', annotations: more.annotations ?? {} },
  spec: {
    ingressClassName: 'public',
    rules: [
      {
        host,
        http: {
          paths: [{ path: '/', pathType: 'Prefix', backend: { service: { name: 'web', port: { number: 80 } } } }],
        },
      },
    ],
    ...more.spec,
  },
});

const create = (...parameters: Parameters<typeof ingressFor>) =>
  clusters.virtual.create<Ingress>(type, ingressFor(...parameters) as Ingress);
const patch = (name: string, body: object) =>
  clusters.virtual.patch<Ingress>(type, { namespace: 'default', name, type: 'merge' }, body);
const remove = (name: string) => clusters.virtual.delete(type, { namespace: 'default', name });

/** Waits until an Ingress has a twin, and until that is as expected. */
const onHost = (name: string, expected: object = {}): Promise<Ingress> =>
  eventually(`the twin of Ingress ${name} is as expected`, async () => {
    const twin = await clusters.twin<Ingress>(type, name);
    if (twin === undefined) return undefined;
    expect(twin).toMatchObject(expected);
    return twin;
  });

const notOnHost = (name: string): Promise<boolean> =>
  eventually(`Ingress ${name} has no twin`, async () => (await clusters.twin(type, name)) === undefined);

test('an Ingress is on the host with the names of twins, follows its changes and is removed with it', async () => {
  await create('whole', 'shop.example.com', { spec: { tls: [{ hosts: ['shop.example.com'], secretName: 'absent' }] } });
  const twinOf = (name: string): string => clusters.hostNameOf(name);
  const twin = await onHost('whole', {
    spec: {
      ingressClassName: 'public',
      rules: [{ host: 'shop.example.com', http: { paths: [{ backend: { service: { name: twinOf('web') } } }] } }],
      tls: [{ secretName: twinOf('absent') }],
    },
  });
  expect(twin.metadata?.ownerReferences).toHaveLength(1);
  await patch('whole', { spec: { tls: null, rules: [{ host: 'a.team-a.example.com' }] } });
  const changed = await onHost('whole', { spec: { rules: [{ host: 'a.team-a.example.com' }] } });
  expect(changed.spec).not.toHaveProperty('tls');
  expect(changed.metadata?.uid).toBe(twin.metadata?.uid);
  await remove('whole');
  await clusters.gone(type, 'whole');
});

test('the certificate of an Ingress is on the host while an Ingress uses it', async () => {
  const pem = Buffer.from('x').toString('base64');
  const secret: Secret = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'certificate', namespace: 'default' },
    type: 'kubernetes.io/tls',
    data: { 'tls.crt': pem, 'tls.key': pem },
  };
  await clusters.virtual.create(resources.secrets, secret);
  await create('secured', 'shop.example.com', {
    annotations: { [`${NGINX}/auth-secret`]: 'users' },
    spec: { tls: [{ hosts: ['shop.example.com'], secretName: 'certificate' }] },
  });
  const copy = await eventually('Secret certificate is on the host', () =>
    clusters.twin<Secret>(resources.secrets, 'certificate'),
  );
  expect(copy).toMatchObject({ type: 'kubernetes.io/tls', data: secret.data });
  await clusters.virtual.create(resources.secrets, { ...secret, metadata: { ...secret.metadata, name: 'users' } });
  await eventually('Secret users is on the host', () => clusters.twin(resources.secrets, 'users'));
  await patch('secured', { spec: { tls: null } });
  await eventually(
    'Secret certificate is gone from the host',
    async () => (await clusters.twin(resources.secrets, 'certificate')) === undefined,
  );
  expect(await clusters.twin(resources.secrets, 'users')).toBeDefined();
  await remove('secured');
  await eventually(
    'Secret users is gone from the host',
    async () => (await clusters.twin(resources.secrets, 'users')) === undefined,
  );
});

test('annotations go by rules, are taken away again, and the tenant is told which stay behind', async () => {
  const annotations = {
    [`${NGINX}/ssl-redirect`]: 'true',
    [`${NGINX}/proxy-body-size`]: '8m',
    'cert-manager.io/cluster-issuer': 'x',
  };
  await create('annotated', 'shop.example.com', { annotations });
  const twin = await onHost('annotated', {
    metadata: { annotations: { [`${NGINX}/ssl-redirect`]: 'true', [`${NGINX}/proxy-body-size`]: '8m' } },
  });
  expect(twin.metadata?.annotations).not.toHaveProperty(['cert-manager.io/cluster-issuer']);
  expect((await clusters.event('annotated', 'AnnotationsLeftOut')).message).toContain('cert-manager.io/cluster-issuer');
  // What a controller of the host adds is its own.
  await clusters.host.patch(
    type,
    { namespace: HOST_NAMESPACE, name: clusters.hostNameOf('annotated'), type: 'merge' },
    { metadata: { annotations: { 'controller.example.org/id': '7' } } },
  );
  await patch('annotated', { metadata: { annotations: { [`${NGINX}/proxy-body-size`]: null } } });
  await eventually('the annotation is gone from the twin, and only that', async () => {
    const now = (await clusters.twin<Ingress>(type, 'annotated'))?.metadata?.annotations ?? {};
    expect(now).not.toHaveProperty([`${NGINX}/proxy-body-size`]);
    expect(now).toMatchObject({ [`${NGINX}/ssl-redirect`]: 'true', 'controller.example.org/id': '7' });
    return true;
  });
  const { message } = await (async () => {
    await patch('annotated', { metadata: { annotations: { [`${NGINX}/server-snippet`]: 'return 200;' } } });
    return clusters.event('annotated', 'Unsupported');
  })();
  expect(message).toContain(`metadata.annotations[${NGINX}/server-snippet]`);
  await notOnHost('annotated');
  await remove('annotated');
});

const status = (ip: string | null) => ({ status: { loadBalancer: { ingress: ip === null ? null : [{ ip }] } } });
const shows = (name: string, ip: string | undefined) =>
  eventually(`Ingress ${name} has address ${ip}`, async () => {
    const virtual = await clusters.virtualOne<Ingress>(type, name);
    return virtual !== undefined && virtual.status?.loadBalancer?.ingress?.[0]?.ip === ip;
  });

/** Waits for the twin of an Ingress and gives it an address, as a controller of the host does. */
async function addressed(name: string, ip: string): Promise<void> {
  const { metadata } = await onHost(name);
  const at = { namespace: HOST_NAMESPACE, name: metadata?.name ?? '', subresource: 'status', type: 'merge' } as const;
  await clusters.host.patch(type, at, status(ip));
  await shows(name, ip);
}

test('addresses of the host come back, and a tenant’s own are overwritten', async () => {
  await create('addressed', 'shop.example.com');
  await addressed('addressed', '192.0.2.1');
  const own = { namespace: 'default', name: 'addressed', subresource: 'status', type: 'merge' } as const;
  await clusters.virtual.patch(type, own, status('198.51.100.1'));
  await shows('addressed', '192.0.2.1');
  expect((await onHost('addressed')).status).toMatchObject(status('192.0.2.1').status);
  const at = { ...own, namespace: HOST_NAMESPACE, name: clusters.hostNameOf('addressed') };
  await clusters.host.patch(type, at, status(null));
  await shows('addressed', undefined);
  await remove('addressed');
  await clusters.gone(type, 'addressed');
});

test('a host that is not allowed is refused with its path, and one that becomes so loses its twin and its address', async () => {
  await create('claiming', 'shop.example.com');
  await addressed('claiming', '192.0.2.1');
  await patch('claiming', { spec: { rules: [{ host: 'bank.example.com' }] } });
  expect((await clusters.event('claiming', 'PolicyViolation')).message).toContain(
    'spec.rules[0].host is "bank.example.com"',
  );
  await notOnHost('claiming');
  await shows('claiming', undefined);
  await patch('claiming', { spec: { rules: [{ host: 'b.team-a.example.com' }] } });
  await onHost('claiming', { spec: { rules: [{ host: 'b.team-a.example.com' }] } });
  await remove('claiming');
  await clusters.gone(type, 'claiming');
});

test('only classes that tenants see are served, as soon as they are; parameters of the host stay there', async () => {
  expect((await classSeen('public'))?.spec).toEqual({ controller: 'example.org/public' });
  await create('hidden-class', 'shop.example.com', { spec: { ingressClassName: 'internal' } });
  expect((await clusters.event('hidden-class', 'PolicyViolation')).message).toContain(
    'spec.ingressClassName is "internal"',
  );
  expect(await clusters.twin(type, 'hidden-class')).toBeUndefined();
  const at = { name: 'internal', type: 'merge' } as const;
  await clusters.host.patch(resources.ingressClasses, at, { metadata: { labels: { tenants: 'yes' } } });
  await onHost('hidden-class', { spec: { ingressClassName: 'internal' } });
  await clusters.host.patch(resources.ingressClasses, at, { metadata: { labels: { tenants: null } } });
  await notOnHost('hidden-class');
  await remove('hidden-class');
});

test('an Ingress without a class gets the default one that tenants see', async () => {
  const at = { name: 'public', type: 'merge' } as const;
  const isDefault = 'ingressclass.kubernetes.io/is-default-class';
  await create('too-early', 'shop.example.com', { spec: { ingressClassName: undefined } });
  expect((await clusters.event('too-early', 'PolicyViolation')).message).toContain('spec.ingressClassName is not set');
  await clusters.host.patch(resources.ingressClasses, at, { metadata: { annotations: { [isDefault]: 'true' } } });
  await eventually(
    'IngressClass public is the default one of the virtual cluster',
    async () => (await classSeen('public'))?.metadata?.annotations?.[isDefault] === 'true',
  );
  await eventually('an Ingress without a class is given the default one', async () => {
    const created = await create('by-default', 'shop.example.com', { spec: { ingressClassName: undefined } });
    if (created.spec?.ingressClassName === 'public') return true;
    await remove('by-default'); // the API server had not seen it yet
    return false;
  });
  await onHost('by-default', { spec: { ingressClassName: 'public' } });
  await clusters.host.patch(resources.ingressClasses, at, { metadata: { annotations: { [isDefault]: null } } });
  await eventually(
    'IngressClass public is not the default one of the virtual cluster any more',
    async () => (await classSeen('public'))?.metadata?.annotations?.[isDefault] === undefined,
  );
  await Promise.all(['too-early', 'by-default'].map(remove));
});

test('an Ingress of a class that the tenant made stays in the virtual cluster, without a word', async () => {
  await clusters.virtual.create(resources.ingressClasses, {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'IngressClass',
    metadata: { name: 'mine' },
    spec: { controller: 'example.org/mine' },
  });
  await eventually('the syncer knows class mine', async () =>
    clusters.syncer.caches.of('virtual', resources.ingressClasses).has('mine'),
  );
  await create('private', 'anything.example.com', { spec: { ingressClassName: 'mine' } });
  await create('leaving', 'shop.example.com');
  await addressed('leaving', '192.0.2.2');
  await patch('leaving', { spec: { ingressClassName: 'mine' } });
  await notOnHost('leaving');
  await shows('leaving', undefined);
  // The address that the tenant's own controller gives is no business of the syncer's.
  const own = { namespace: 'default', name: 'private', subresource: 'status', type: 'merge' } as const;
  await clusters.virtual.patch(type, own, status('10.0.0.1'));
  await create('after', 'shop.example.com');
  await onHost('after');
  expect(await clusters.twin(type, 'private')).toBeUndefined();
  expect(await clusters.events('private')).toEqual([]);
  await shows('private', '10.0.0.1');
  await Promise.all(['private', 'leaving', 'after'].map(remove));
});

test('an Ingress of somebody else that has the name on the host is never touched', async () => {
  const name = clusters.hostNameOf('taken');
  const theirs = { ...ingressFor(name, 'theirs.example.com'), metadata: { name, namespace: HOST_NAMESPACE } };
  await clusters.host.create(type, theirs);
  await create('taken', 'shop.example.com');
  await clusters.event('taken', 'HostNameTaken');
  await remove('taken');
  await eventually('Ingress taken is gone', async () => (await clusters.virtualOne(type, 'taken')) === undefined);
  expect(await clusters.twin<Ingress>(type, 'taken')).toMatchObject({
    spec: { rules: [{ host: 'theirs.example.com' }] },
  });
  await clusters.host.delete(type, { namespace: HOST_NAMESPACE, name });
});

test('what changed while no syncer ran is made good, and nothing is written when nothing changed', async () => {
  await create('kept', 'shop.example.com', { annotations: { [`${NGINX}/ssl-redirect`]: 'true' } });
  await create('orphaned', 'b.team-a.example.com');
  await Promise.all([onHost('kept'), onHost('orphaned')]);
  await clusters.stopSyncer();
  await remove('orphaned');
  await clusters.startSyncer({ sync: { toHost: { ingresses: { allowedHosts: ['shop.example.com'] } } } });
  await notOnHost('orphaned');
  await create('last', 'shop.example.com');
  await onHost('last');
  const { requests } = clusters.syncer.host;
  const written = (['create', 'patch', 'delete'] as const).map((verb) =>
    requests.count({ verb, resource: 'ingresses' }),
  );
  // Ingress last, nothing for Ingress kept, Ingress orphaned.
  expect(written).toEqual([1, 0, 1]);
  await Promise.all(['kept', 'last'].map(remove));
});
