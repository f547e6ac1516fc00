import { type ChildProcess, spawn } from 'node:child_process';
import { createWriteStream, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Service, ServiceSpec } from 'kubernetes-types/core/v1';
import { AdmissionServer, ServiceAdmission, ServiceRanges } from '../../syncer/admission';
import { createLogger } from '../../syncer/engine';
import { type AnyObject, ApiError, KubeClient, resources } from '../../syncer/kube-client';
import {
  admissionConfiguration,
  POD_LAYOUT,
  serviceWebhook,
  STATIC_MANIFESTS,
} from '../../syncer/pki/api-server-configuration';
import {
  adoption,
  ANNOTATIONS,
  FieldPatches,
  hostName,
  reservationVerdict,
  translateService,
} from '../../syncer/translation';
import { resolveBinaries } from '../host-cluster/binaries';
import { Authority } from '../host-cluster/certificates';
import {
  apiServerCommand,
  type ControlPlaneLayout,
  controllerManagerCommand,
  createIdentity,
  etcdCommand,
} from '../host-cluster/control-plane';

const RANGE = '10.77.0.0/20';
const identity = { name: 'vc', hostNamespace: 'team-a' };
const anchorName = 'vc-anchor';
const httpPort = { name: 'http', port: 80, protocol: 'TCP', targetPort: 8080 };

/** What an operator changes of two Services; all others are as they are. */
const PATCHES = [
  {
    kind: 'Service',
    direction: 'toHost' as const,
    match: { namespaces: [], names: ['patched'], selector: {} },
    operations: [
      { op: 'set' as const, path: 'metadata.annotations["example.org/internal"]', value: 'true' },
      { op: 'set' as const, path: 'spec.sessionAffinity', value: 'ClientIP' },
    ],
  },
  {
    kind: 'Service',
    direction: 'toHost' as const,
    match: { namespaces: [], names: ['unpatchable'], selector: {} },
    operations: [{ op: 'set' as const, path: 'spec.sessionAffinity.mode', value: 'x' }],
  },
];

const directory = mkdtempSync(join(tmpdir(), 'nestling-service-admission-'));
const processes: { child: ChildProcess; stop: NodeJS.Signals }[] = [];
const logger = createLogger({ level: 'error', name: 'test' });

let host: KubeClient;
let virtual: KubeClient;
let admission: AdmissionServer;
let anchor: { name: string; uid: string };
let frontIP: string;

beforeAll(async () => {
  const binaries = await resolveBinaries(['etcd', 'kube-apiserver', 'kube-controller-manager'], () => undefined);
  const [etcdPort, etcdPeerPort, hostPort, virtualPort, managerPort] = (await freePorts(5)) as [
    number,
    number,
    number,
    number,
    number,
  ];
  const layout = (name: string, port: number): ControlPlaneLayout => ({
    name,
    directory: join(directory, name),
    address: '127.0.0.1',
    port,
    etcdPort,
    etcdPeerPort,
    serviceCIDR: RANGE,
    addresses: [],
    clusterDomain: 'cluster.local',
  });
  const hostLayout = layout('host', hostPort);
  const virtualLayout = layout('virtual', virtualPort);
  const hostIdentity = createIdentity(hostLayout);
  const virtualIdentity = createIdentity(virtualLayout);
  const authority = new Authority('admission');
  host = new KubeClient(hostIdentity.admin, { userAgent: 'nestling-test' });
  virtual = new KubeClient(virtualIdentity.admin, { userAgent: 'nestling-test' });

  start('etcd', etcdCommand(binaries.etcd, hostLayout), 'SIGKILL');
  const bare = ['--disable-admission-plugins=ServiceAccount', '--endpoint-reconciler-type=none', '--etcd-prefix'];
  start('host', [...apiServerCommand(binaries['kube-apiserver'], hostLayout, hostIdentity, bare), '/host'], 'SIGKILL');
  await ready(host);
  await host.create(resources.namespaces, object('Namespace', { name: 'team-a' }));
  const owner = await host.create(
    resources.configMaps,
    object('ConfigMap', { name: anchorName, namespace: identity.hostNamespace }),
  );
  anchor = { name: anchorName, uid: owner.metadata?.uid ?? '' };
  const front = await host.create<Service>(resources.services, {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: identity.name, namespace: identity.hostNamespace },
    spec: { ports: [{ port: 443, targetPort: 6443 }] },
  });
  frontIP = front.spec?.clusterIP ?? '';

  // In the pod's order: admission listens before its API server runs.
  const serving = authority.issue({ commonName: 'admission', addresses: ['127.0.0.1'] });
  const services = new ServiceAdmission({
    identity,
    anchor: () => anchor,
    host,
    virtual,
    ranges: new ServiceRanges(virtual, [RANGE], logger),
    patches: new FieldPatches(PATCHES, { kind: 'Service', direction: 'toHost' }, identity),
    logger,
  });
  admission = new AdmissionServer({
    port: 0,
    ...serving,
    path: 'secret',
    handlers: { services: services.review },
    logger,
  });
  const port = await admission.listen();
  const configuration = writeWebhook(port, authority.pem.certificate);
  const flags = [`--admission-control-config-file=${configuration}`, ...bare];
  start(
    'virtual',
    [...apiServerCommand(binaries['kube-apiserver'], virtualLayout, virtualIdentity, flags), '/virtual'],
    'SIGKILL',
  );
  await ready(virtual);
  await virtual.create(resources.namespaces, object('Namespace', { name: 'ns1' }));
  const manager = controllerManagerCommand(binaries['kube-controller-manager'], virtualLayout, virtualIdentity, [
    `--secure-port=${managerPort}`,
    '--bind-address=127.0.0.1',
  ]);
  start(
    'manager',
    manager.map((flag) =>
      flag.startsWith('--controllers=') ? '--controllers=resourcequota-controller,service-cidr-controller' : flag,
    ),
    'SIGKILL',
  );
});

afterAll(async () => {
  await Promise.all([host?.close(), virtual?.close()]);
  await Promise.all(processes.reverse().map(({ child, stop }) => stopProcess(child, stop)));
  await admission?.close();
  rmSync(directory, { recursive: true, force: true });
});

test('the API server’s own start works, and its own Service has the address of the host’s', async () => {
  const own = await eventually(() =>
    virtual.get<Service>(resources.services, { namespace: 'default', name: 'kubernetes' }),
  );
  expect(own.spec).toMatchObject({ clusterIP: frontIP, clusterIPs: [frontIP] });
  await expect(hostTwin('kubernetes', 'default')).rejects.toMatchObject({ reason: 'NotFound' });
});

test('a Service has the address of its twin at once, and keeps what its owner wrote', async () => {
  const stored = await create('plain', { selector: { app: 'web' } });
  const twin = await hostTwin('plain');
  expect(stored.spec?.clusterIP).toBeTruthy();
  expect(stored.spec).toMatchObject({
    clusterIP: twin.spec?.clusterIP,
    clusterIPs: twin.spec?.clusterIPs,
    ipFamilies: ['IPv4'],
    selector: { app: 'web' },
  });
  expect(stored.metadata?.annotations).toBeUndefined();
  expect(twin.metadata?.annotations?.[ANNOTATIONS.uid]).toBeUndefined();
  expect(Date.parse(twin.metadata?.annotations?.[ANNOTATIONS.reservation] ?? '')).toBeGreaterThan(Date.now() - 10_000);
  expect(reservationVerdict(twin, stored, Date.now(), 60)).toEqual({ verdict: 'adopt' });
  const adopted = await adopt(stored);
  expect(adopted.metadata?.annotations).toMatchObject({ [ANNOTATIONS.uid]: stored.metadata?.uid });
  expect(adopted.metadata?.annotations?.[ANNOTATIONS.reservation]).toBeUndefined();
  expect(adopted.spec?.clusterIP).toBe(stored.spec?.clusterIP);
});

test('a patch of the operator changes the twin alone, and one that does not fit refuses the Service', async () => {
  const stored = await create('patched');
  const twin = await hostTwin('patched');
  expect(twin.metadata?.annotations).toMatchObject({ 'example.org/internal': 'true' });
  expect(twin.spec?.sessionAffinity).toBe('ClientIP');
  expect(stored.metadata?.annotations).toBeUndefined();
  expect(stored.spec?.sessionAffinity).toBe('None');
  expect(stored.spec?.clusterIP).toBe(twin.spec?.clusterIP);
  const error = await refusal(create('unpatchable'));
  expect(error.message).toMatch(/the platform changes fields of this Service .*spec\.sessionAffinity is a text/);
  expectNoHostNames(error.message);
  await absentOnHost('unpatchable');
});

test('an address that the user gives is passed on; one that is taken on the host is refused in the tenant’s names', async () => {
  const stored = await create('fixed', { clusterIP: '10.77.1.99' });
  expect(stored.spec?.clusterIP).toBe('10.77.1.99');
  expect((await hostTwin('fixed')).spec?.clusterIP).toBe('10.77.1.99');
  await host.create<Service>(resources.services, {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'neighbour', namespace: 'default' },
    spec: { clusterIP: '10.77.1.100', ports: [{ port: 80 }] },
  });
  const error = await refusal(create('clash', { clusterIP: '10.77.1.100' }));
  expect(error).toMatchObject({ status: 422, reason: 'Invalid' });
  expect(error.message).toMatch(/Service "clash" is invalid: .*10\.77\.1\.100.* already allocated/);
  expectNoHostNames(error.message);
  await absentOnHost('clash');
});

test('node ports are equal, also one that the user chose, and one that is taken is refused', async () => {
  const stored = await create('ports', {
    type: 'NodePort',
    ports: [httpPort, { name: 'https', port: 443, nodePort: 30443 }],
  });
  const twin = await hostTwin('ports');
  expect(stored.spec?.ports?.map((port) => port.nodePort)).toEqual(twin.spec?.ports?.map((port) => port.nodePort));
  expect(stored.spec?.ports?.[0]?.nodePort).toBeGreaterThanOrEqual(30_000);
  expect(stored.spec?.ports?.[1]?.nodePort).toBe(30_443);
  const error = await refusal(create('ports-clash', { type: 'NodePort', ports: [{ port: 80, nodePort: 30_443 }] }));
  expect(error.message).toMatch(/Service "ports-clash" is invalid: .*30443.*already allocated/);
  expectNoHostNames(error.message);
});

test('a load balancer with local traffic has the host’s health check port', async () => {
  const stored = await create('balancer', { type: 'LoadBalancer', externalTrafficPolicy: 'Local' });
  const twin = await hostTwin('balancer');
  expect(stored.spec?.healthCheckNodePort).toBeGreaterThan(0);
  expect(stored.spec?.healthCheckNodePort).toBe(twin.spec?.healthCheckNodePort);
  expect(stored.spec?.ports?.[0]?.nodePort).toBe(twin.spec?.ports?.[0]?.nodePort);
});

test('generateName gets a name of upstream’s form, and a twin under it', async () => {
  const stored = await Promise.all(
    [0, 1, 2].map(() =>
      virtual.create<Service>(resources.services, service({ generateName: 'many-', namespace: 'ns1' })),
    ),
  );
  expect(new Set(stored.map((one) => one.metadata?.name)).size).toBe(3);
  for (const one of stored) {
    expect(one.metadata?.name).toMatch(/^many-[bcdfghjklmnpqrstvwxz2456789]{5}$/);
    expect(one.metadata?.generateName).toBe('many-');
    expect((await hostTwin(one.metadata?.name ?? '')).spec?.clusterIP).toBe(one.spec?.clusterIP);
  }
});

test('a dry run makes nothing, and has the host’s verdict', async () => {
  const before = await count();
  const stored = await virtual.create<Service>(resources.services, service({ name: 'dry', namespace: 'ns1' }), {
    dryRun: true,
  });
  expect(stored.spec?.clusterIP).toBeTruthy();
  await virtual.create<Service>(resources.services, service({ generateName: 'dry-', namespace: 'ns1' }), {
    dryRun: true,
  });
  expect(await count()).toBe(before);
  const taken = service(
    { name: 'dry', namespace: 'ns1' },
    { type: 'NodePort', ports: [{ port: 80, nodePort: 30_999 }] },
  );
  await host.create<Service>(resources.services, {
    ...service({ name: 'dry-neighbour', namespace: 'default' }),
    spec: { type: 'NodePort', ports: [{ port: 80, nodePort: 30_999 }] },
  });
  const error = await refusal(virtual.create<Service>(resources.services, taken, { dryRun: true }));
  expect(error.message).toContain('already allocated');
  expect(await count()).toBe(before + 1); // the neighbour
});

test('headless Services and aliases pass without the host', async () => {
  const before = requestsToHost();
  await create('headless', { clusterIP: 'None' });
  await virtual.create<Service>(resources.services, {
    ...service({ name: 'alias-only', namespace: 'ns1' }),
    spec: { type: 'ExternalName', externalName: 'example.com' },
  });
  expect(requestsToHost()).toBe(before);
});

test('a Service that the virtual cluster refuses leaves a reservation, which the next try takes over or the verdict removes', async () => {
  await virtual.create(resources.namespaces, object('Namespace', { name: 'full' }));
  await virtual.create(resources.resourceQuotas, {
    ...object('ResourceQuota', { name: 'none', namespace: 'full' }),
    spec: { hard: { services: '0' } },
  });
  await eventually(async () => {
    const quota = await virtual.get<AnyObject>(resources.resourceQuotas, { name: 'none', namespace: 'full' });
    if (!(quota['status'] as { hard?: object } | undefined)?.hard) throw new Error('quota is not counted yet');
  });
  const error = await refusal(create('web', {}, 'full'));
  expect(error).toMatchObject({ status: 403 });
  expect(error.message).toContain('exceeded quota: none');
  const left = await hostTwin('web', 'full');
  expect(reservationVerdict(left, undefined, Date.now(), 60)).toMatchObject({ verdict: 'wait' });
  expect(reservationVerdict(left, undefined, Date.now() + 61_000, 60)).toEqual({ verdict: 'remove' });

  await virtual.delete(resources.resourceQuotas, { name: 'none', namespace: 'full' });
  const stored = await eventually(() => create('web', {}, 'full'));
  const twin = await hostTwin('web', 'full');
  expect(twin.metadata?.uid).toBe(left.metadata?.uid);
  expect(stored.spec?.clusterIP).toBe(left.spec?.clusterIP);
  expect(twin.metadata?.annotations?.[ANNOTATIONS.reservation]).not.toBe(
    left.metadata?.annotations?.[ANNOTATIONS.reservation],
  );
});

test('a reservation that contradicts the next try is made anew', async () => {
  const abandoned = await reserveByHand('contrary', { ports: [httpPort] });
  const stored = await create('contrary', { type: 'NodePort', clusterIP: '10.77.2.2' });
  const twin = await hostTwin('contrary');
  expect(twin.metadata?.uid).not.toBe(abandoned.metadata?.uid);
  expect(stored.spec).toMatchObject({ type: 'NodePort', clusterIP: '10.77.2.2' });
  expect(twin.spec).toMatchObject({ type: 'NodePort', clusterIP: '10.77.2.2', ports: stored.spec?.ports });
});

test('what the host’s quota forbids is refused in the tenant’s names', async () => {
  // There is no controller manager on this host: the quota's status is written by hand.
  const quota = {
    ...object('ResourceQuota', { name: 'platform', namespace: 'team-a' }),
    spec: { hard: { 'services.loadbalancers': '0' } },
  };
  await host.create(resources.resourceQuotas, quota);
  const status = { hard: { 'services.loadbalancers': '0' }, used: { 'services.loadbalancers': '0' } };
  await host.patch(
    resources.resourceQuotas,
    { name: 'platform', namespace: 'team-a', subresource: 'status', type: 'merge' },
    { status },
  );
  const error = await eventually(() => refusal(create('costly', { type: 'LoadBalancer' })));
  expect(error).toMatchObject({ status: 403, reason: 'Forbidden' });
  expect(error.message).toMatch(/services "costly" is forbidden: exceeded quota: platform/);
  expectNoHostNames(error.message);
  await host.delete(resources.resourceQuotas, { name: 'platform', namespace: 'team-a' });
});

test('a name that is taken on the host by another’s object is refused and the object untouched', async () => {
  const name = hostName(identity, 'ns1', 'theirs');
  const before = await host.create<Service>(resources.services, service({ name, namespace: 'team-a' }));
  const error = await refusal(create('theirs'));
  expect(error).toMatchObject({ status: 409, reason: 'Conflict' });
  expect(error.message).toContain('services "theirs": its name on the host cluster is taken');
  expect(await hostTwin('theirs')).toEqual(before);
});

test('a name that exists is answered by the API server itself, and the twin stays', async () => {
  const stored = await create('twice');
  const adopted = await adopt(stored);
  const error = await refusal(create('twice', { type: 'NodePort' }));
  expect(error).toMatchObject({ status: 409, reason: 'AlreadyExists' });
  expect(error.message).toMatch(/services "twice" already exists$/);
  expect(await hostTwin('twice')).toEqual(adopted);
});

test('of parallel creates of one name one is stored, with its twin’s address, and the others exist already', async () => {
  const results = await Promise.allSettled([0, 1, 2, 3].map(() => create('race')));
  const stored = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  expect(stored).toHaveLength(1);
  for (const result of results) {
    if (result.status === 'rejected') expect(result.reason).toMatchObject({ status: 409, reason: 'AlreadyExists' });
  }
  expect((await hostTwin('race')).spec?.clusterIP).toBe(stored[0]?.spec?.clusterIP);
});

test('deleted and created at once: the leftover twin makes room, with the same address if it is asked for', async () => {
  const first = await create('again', { clusterIP: '10.77.3.3' });
  const twin = await adopt(first);
  await virtual.delete(resources.services, { name: 'again', namespace: 'ns1' });
  const second = await create('again', { clusterIP: '10.77.3.3' });
  const renewed = await hostTwin('again');
  expect(renewed.metadata?.uid).not.toBe(twin.metadata?.uid);
  expect([second.spec?.clusterIP, renewed.spec?.clusterIP]).toEqual(['10.77.3.3', '10.77.3.3']);
  expect(reservationVerdict(renewed, second, Date.now(), 60)).toEqual({ verdict: 'adopt' });
});

test('ExternalName → ClusterIP has the host’s address in the same answer', async () => {
  const alias = await virtual.create<Service>(resources.services, {
    ...service({ name: 'alias', namespace: 'ns1' }),
    spec: { type: 'ExternalName', externalName: 'example.com' },
  });
  // As the controller makes it afterwards.
  await host.create<Service>(resources.services, translated(alias));
  const dry = await update('alias', { type: 'ClusterIP', externalName: null, ports: [httpPort] }, true);
  expect(dry.spec?.type).toBe('ClusterIP');
  expect((await hostTwin('alias')).spec?.type).toBe('ExternalName');
  const changed = await update('alias', { type: 'ClusterIP', externalName: null, ports: [httpPort] });
  const twin = await hostTwin('alias');
  expect(changed.spec?.clusterIP).toBeTruthy();
  expect(twin.spec).toMatchObject({ type: 'ClusterIP', clusterIP: changed.spec?.clusterIP });
  expect(reservationVerdict(twin, alias, Date.now(), 60)).toMatchObject({ verdict: 'wait' });
  expect(reservationVerdict(twin, changed, Date.now(), 60)).toEqual({ verdict: 'adopt' });
  await adopt(changed);

  const back = await update('alias', { type: 'ExternalName', externalName: 'example.org' });
  expect(back.spec?.clusterIP).toBeUndefined();
  expect((await hostTwin('alias')).spec?.type).toBe('ClusterIP'); // the controller's to follow
});

test('ClusterIP → NodePort has the host’s ports in the same answer; its address stays', async () => {
  const stored = await create('exposed');
  await adopt(stored);
  const changed = await update('exposed', { type: 'NodePort' });
  const twin = await hostTwin('exposed');
  expect(changed.spec?.clusterIP).toBe(stored.spec?.clusterIP);
  expect(changed.spec?.ports?.[0]?.nodePort).toBeGreaterThanOrEqual(30_000);
  expect(twin.spec?.ports?.[0]?.nodePort).toBe(changed.spec?.ports?.[0]?.nodePort);
  await adopt(changed);
  const more = await update('exposed', { ports: [...(changed.spec?.ports ?? []), { name: 'https', port: 443 }] });
  expect(more.spec?.ports?.map((port) => port.nodePort)).toEqual(
    (await hostTwin('exposed')).spec?.ports?.map((port) => port.nodePort),
  );
  const error = await refusal(update('exposed', { ports: [{ ...httpPort, nodePort: 30_443 }] }));
  expect(error.message).toMatch(/Service "exposed" is invalid: .*already allocated/);
  expectNoHostNames(error.message);
});

test('an update that allocates makes a twin that is missing; other updates cost the host nothing', async () => {
  const stored = await create('lonely');
  const twin = await adopt(stored);
  await host.delete(resources.services, { name: twin.metadata?.name ?? '', namespace: 'team-a' });
  const before = requestsToHost();
  await update('lonely', { selector: { app: 'other' } });
  expect(requestsToHost()).toBe(before);
  const changed = await update('lonely', { type: 'NodePort' });
  const made = await hostTwin('lonely');
  expect(made.spec).toMatchObject({ clusterIP: stored.spec?.clusterIP, ports: changed.spec?.ports });
  expect(made.metadata?.annotations?.[ANNOTATIONS.uid]).toBe(stored.metadata?.uid);
});

test('an update to what the host has already allocated costs it one read', async () => {
  const stored = await create('followed');
  const twin = await adopt(stored);
  const { name = '', namespace = '' } = twin.metadata ?? {};
  const ahead = await host.patch<Service>(
    resources.services,
    { name, namespace, type: 'merge' },
    { spec: { type: 'NodePort' } },
  );
  const before = requestsToHost();
  const changed = await update('followed', { type: 'NodePort', ports: ahead.spec?.ports });
  expect(requestsToHost() - before).toBe(1);
  expect(changed.spec?.ports).toEqual(ahead.spec?.ports);
  expect((await hostTwin('followed')).metadata?.resourceVersion).toBe(ahead.metadata?.resourceVersion);
});

test('a plain create costs the host one request', async () => {
  const before = requestsToHost();
  await create('cheap');
  expect(requestsToHost() - before).toBe(1);
});

test('a server-side apply creates as well, and the same manifest again costs the host nothing', async () => {
  const manifest = service({ name: 'applied', namespace: 'ns1' }, { type: 'NodePort' });
  const options = { name: 'applied', namespace: 'ns1', type: 'apply' as const, fieldManager: 'someone' };
  const stored = await virtual.patch<Service>(resources.services, options, manifest);
  expect((await hostTwin('applied')).spec?.clusterIP).toBe(stored.spec?.clusterIP);
  expect((await hostTwin('applied')).spec?.ports?.[0]?.nodePort).toBe(stored.spec?.ports?.[0]?.nodePort);
  const before = requestsToHost();
  const again = await virtual.patch<Service>(resources.services, options, manifest);
  expect(again.spec).toEqual(stored.spec);
  expect(requestsToHost()).toBe(before);
});

test('a tenant’s own webhook that makes another type of it is followed', async () => {
  const authority = new Authority('tenant');
  const serving = authority.issue({ commonName: 'tenant', addresses: ['127.0.0.1'] });
  const tenants = new AdmissionServer({
    port: 0,
    ...serving,
    path: 'tenant',
    handlers: {
      types: () => Promise.resolve({ allowed: true, patch: [{ op: 'add', path: '/spec/type', value: 'NodePort' }] }),
    },
    logger,
  });
  const url = `https://127.0.0.1:${await tenants.listen()}/tenant/types`;
  const type = {
    group: 'admissionregistration.k8s.io',
    version: 'v1',
    resource: 'mutatingwebhookconfigurations',
    kind: 'MutatingWebhookConfiguration',
    namespaced: false,
  };
  await virtual.create(type, {
    ...object('MutatingWebhookConfiguration', { name: 'tenants' }, 'admissionregistration.k8s.io/v1'),
    webhooks: [
      {
        name: 'types.tenant.example',
        clientConfig: { url, caBundle: Buffer.from(authority.pem.certificate).toString('base64') },
        rules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['services'] }],
        objectSelector: { matchLabels: { change: 'type' } },
        sideEffects: 'None',
        admissionReviewVersions: ['v1'],
      },
    ],
  });
  try {
    const stored = await eventually(async () => {
      const made = await virtual.create<Service>(
        resources.services,
        service({ generateName: 'hooked-', namespace: 'ns1', labels: { change: 'type' } }),
      );
      if (made.spec?.type !== 'NodePort') throw new Error('the webhook is not active yet');
      return made;
    });
    const twin = await hostTwin(stored.metadata?.name ?? '');
    expect(twin.spec).toMatchObject({ type: 'NodePort', clusterIP: stored.spec?.clusterIP });
    expect(twin.spec?.ports?.[0]?.nodePort).toBe(stored.spec?.ports?.[0]?.nodePort);
  } finally {
    await virtual.delete(type, { name: 'tenants' });
    await tenants.close();
  }
});

test('an address outside the virtual cluster’s ranges gets a range of its own first', async () => {
  await host.create(resources.serviceCIDRs, {
    ...object('ServiceCIDR', { name: 'added-later' }, 'networking.k8s.io/v1'),
    spec: { cidrs: ['10.78.5.0/24'] },
  });
  // The host's controller manager would say so.
  const ready = {
    type: 'Ready',
    status: 'True',
    reason: 'Ready',
    message: '',
    lastTransitionTime: new Date().toISOString(),
  };
  await host.patch(
    resources.serviceCIDRs,
    { name: 'added-later', subresource: 'status', type: 'merge' },
    { status: { conditions: [ready] } },
  );
  const stored = await eventually(() => create('far', { clusterIP: '10.78.5.20' }));
  expect(stored.spec?.clusterIP).toBe('10.78.5.20');
  const added = await virtual.get<AnyObject>(resources.serviceCIDRs, { name: 'nestling-10-78-5-0-24' });
  expect(added['spec']).toEqual({ cidrs: ['10.78.5.0/24'] });
  const before = requestsToVirtual();
  await create('far-too', { clusterIP: '10.78.5.21' });
  expect(requestsToVirtual() - before).toBe(1);
});

test('while the host does not answer, a Service is refused in time with a clear message; the rest goes on', async () => {
  const running = processes[1];
  running?.child.kill('SIGSTOP');
  try {
    // A signal takes effect a little later.
    await eventually(async () => {
      const answered = await host.getText('/livez', { signal: AbortSignal.timeout(300) }).catch(() => undefined);
      if (answered !== undefined) throw new Error('the host still answers');
    });
    // Our words, so the answer came before the API server gave the webhook up.
    const error = await refusal(create('later'));
    expect(error).toMatchObject({ status: 503, reason: 'ServiceUnavailable' });
    expect(error.message).toMatch(/the host cluster has not answered/);
    await virtual.create(resources.configMaps, object('ConfigMap', { name: 'meanwhile', namespace: 'ns1' }));
  } finally {
    running?.child.kill('SIGCONT');
  }
  const stored = await eventually(() => create('later'));
  expect((await hostTwin('later')).spec?.clusterIP).toBe(stored.spec?.clusterIP);
});

test('without a host at all, a Service is refused with a clear message before the webhook’s time is up', async () => {
  const running = processes[1];
  if (running) await stopProcess(running.child, 'SIGKILL');
  const error = await refusal(create('never'));
  expect(error).toMatchObject({ status: 503, reason: 'ServiceUnavailable' });
  expect(error.message).toMatch(/the host cluster (cannot be reached|has not answered)/);
});

function service(metadata: NonNullable<Service['metadata']>, spec: ServiceSpec = {}): Service {
  return { apiVersion: 'v1', kind: 'Service', metadata, spec: { ports: [httpPort], ...spec } };
}

function create(name: string, spec: ServiceSpec = {}, namespace = 'ns1'): Promise<Service> {
  return virtual.create<Service>(resources.services, service({ name, namespace }, spec));
}

function update(name: string, spec: object, dryRun = false): Promise<Service> {
  return virtual.patch<Service>(resources.services, { name, namespace: 'ns1', type: 'merge', dryRun }, { spec });
}

function hostTwin(name: string, namespace = 'ns1'): Promise<Service> {
  const twin = { name: hostName(identity, namespace, name), namespace: identity.hostNamespace };
  return host.get<Service>(resources.services, twin);
}

async function absentOnHost(name: string): Promise<void> {
  await expect(hostTwin(name)).rejects.toMatchObject({ reason: 'NotFound' });
}

function translated(virtualService: Service, reservation?: string): Service {
  const translation = translateService(virtualService, { identity, anchor, reservation });
  if (!translation.ok) throw new Error(translation.message);
  return translation.object;
}

/** What the controller of Services does with a reservation. */
async function adopt(stored: Service): Promise<Service> {
  const twin = await hostTwin(stored.metadata?.name ?? '');
  const patch = adoption(twin, translated(stored), stored.metadata?.uid ?? '');
  const { name = '', namespace = '' } = twin.metadata ?? {};
  return host.patch<Service>(resources.services, { name, namespace, type: 'merge' }, patch);
}

function reserveByHand(name: string, spec: ServiceSpec): Promise<Service> {
  const reservation = new Date(Date.now() - 5_000).toISOString();
  return host.create<Service>(resources.services, translated(service({ name, namespace: 'ns1' }, spec), reservation));
}

async function refusal(attempt: Promise<unknown>): Promise<ApiError> {
  const outcome = await attempt.then(
    () => new Error('it was admitted'),
    (error: unknown) => error,
  );
  if (outcome instanceof ApiError) return outcome;
  throw outcome;
}

function expectNoHostNames(message: string): void {
  expect(message).not.toContain('-x-');
  expect(message).not.toContain('team-a');
  expect(message).not.toContain('nestling.dev/');
}

async function count(): Promise<number> {
  return (await host.list(resources.services)).items.length;
}

function requestsToHost(): number {
  return total(host);
}

function requestsToVirtual(): number {
  return total(virtual);
}

function total(client: KubeClient): number {
  return client.requests.entries().reduce((sum, { sent }) => sum + sent, 0);
}

function object(kind: string, metadata: NonNullable<AnyObject['metadata']>, apiVersion = 'v1'): AnyObject {
  return { apiVersion, kind, metadata };
}

/** The files that make the webhook part of the API server. */
function writeWebhook(admissionPort: number, certificateAuthority: string): string {
  const layout = { ...POD_LAYOUT, apiServerDirectory: directory, admissionPort };
  mkdirSync(join(directory, STATIC_MANIFESTS));
  const webhook = serviceWebhook(layout, { path: 'secret', certificateAuthority }, 'manifest');
  writeFileSync(join(directory, STATIC_MANIFESTS, 'service.yaml'), webhook);
  const file = join(directory, 'admission.yaml');
  writeFileSync(file, admissionConfiguration(layout, 'manifest'));
  return file;
}

function start(name: string, [program = '', ...args]: readonly string[], stop: NodeJS.Signals): void {
  const log = createWriteStream(join(directory, `${name}.log`));
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  child.stdout.pipe(log, { end: false });
  child.stderr.pipe(log, { end: false });
  processes.push({ child, stop });
}

async function stopProcess(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill(signal);
  await ended;
}

function ready(client: KubeClient): Promise<unknown> {
  return eventually(() => client.getText('/readyz'), 60_000);
}

async function eventually<T>(attempt: () => Promise<T>, timeoutMs = 20_000): Promise<T> {
  for (const until = Date.now() + timeoutMs; ;) {
    try {
      return await attempt();
    } catch (error) {
      if (Date.now() > until) throw error;
      await delay(100);
    }
  }
}

async function freePorts(amount: number): Promise<number[]> {
  const servers = Array.from({ length: amount }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map((server) => new Promise((resolve) => server.once('listening', resolve))));
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
