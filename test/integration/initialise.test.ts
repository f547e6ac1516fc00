import { type ChildProcess, spawn } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createServer as createHttpServer, type Server } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { connect as connectTls } from 'node:tls';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { MutatingWebhookConfiguration } from 'kubernetes-types/admissionregistration/v1';
import type { ConfigMap, Secret, Service } from 'kubernetes-types/core/v1';
import { parse } from 'yaml';
import { etcdFlags } from '../../constructs/control-plane/etcd';
import { type FlagValue, commandLine } from '../../constructs/control-plane/flags';
import { kubeApiServerFlags } from '../../constructs/control-plane/kube-api-server';
import { kubeControllerManagerFlags } from '../../constructs/control-plane/kube-controller-manager';
import { role, roleBinding } from '../../constructs/control-plane/rbac';
import { type EmbeddedStoreSpec, resolveSpec, type VirtualClusterSpec } from '../../constructs/spec';
import {
  applyKubeconfigSecrets,
  applyManifests,
  bootstrap,
  type BootstrapOptions,
  coreDNSManifests,
  KubeconfigWriter,
} from '../../syncer/bootstrap';
import { parseConfiguration } from '../../syncer/configuration/document';
import { type AnyObject, type ClusterConnection, KubeClient, resources } from '../../syncer/kube-client';
import { CertificateKeeper, initialise, type InitialiseOptions, SHARED_LEAFS } from '../../syncer/pki';
import { type RunningApiServer, startApiServer } from '../host-cluster/api-server';
import { resolveBinaries } from '../host-cluster/binaries';
import { standardErrorLog } from '../host-cluster/progress';

const name = 'vc';
const namespace = 'team-a';
const userAgent = 'nestling-test';
const podIP = '192.0.2.10';
const hostIP = '192.0.2.99';
const root = mkdtempSync(join(tmpdir(), 'nestling-initialise-'));
const silent = { warn: () => undefined };

let server: RunningApiServer;
let admin: KubeClient;
let init: KubeClient;
let spec: VirtualClusterSpec;
let serviceIP: string;

beforeAll(async () => {
  const resolved = resolveSpec({ name, namespace }, { id: name });
  if (!resolved.ok) throw new Error(JSON.stringify(resolved.problems));
  spec = resolved.spec;
  server = await startApiServer({ name: 'initialise' });
  admin = new KubeClient(server.connection, { userAgent });
  serviceIP = await prepareNamespace(namespace);
  init = new KubeClient(server.connectionFor(`system:serviceaccount:${namespace}:${name}`), { userAgent });
}, 120_000);

afterAll(async () => {
  await Promise.all([admin?.close(), init?.close()]);
  await server?.stop();
  rmSync(root, { recursive: true, force: true });
}, 120_000);

/** Makes in a host namespace what the manifests declare and init needs. @returns the ClusterIP of Service NAME */
async function prepareNamespace(hostNamespace: string, leaveOut: readonly string[] = []): Promise<string> {
  const inNamespace = { ...spec, namespace: hostNamespace };
  await admin.create(resources.namespaces, { metadata: { name: hostNamespace } });
  await admin.create(resources.roles, role(inNamespace));
  await admin.create(resources.roleBindings, roleBinding(inNamespace));
  await admin.create(resources.configMaps, { metadata: { name: `${name}-anchor`, namespace: hostNamespace } });
  if (!leaveOut.includes('secret')) {
    await admin.create(resources.secrets, { metadata: { name: `${name}-certs`, namespace: hostNamespace } });
  }
  if (leaveOut.includes('service')) return '';
  const service = await admin.create<Service>(resources.services, {
    metadata: { name, namespace: hostNamespace },
    spec: { ports: [{ port: 443, targetPort: 6443 }] },
  });
  return service.spec?.clusterIP ?? '';
}

/** A client with the rights of the control plane's account in a namespace. */
async function initClient(hostNamespace: string): Promise<KubeClient> {
  return new KubeClient(server.connectionFor(`system:serviceaccount:${hostNamespace}:${name}`), { userAgent });
}

function options(directory: string, more: Partial<InitialiseOptions> = {}): InitialiseOptions {
  const { configuration } = spec;
  return {
    configuration,
    client: init,
    namespace,
    podIP,
    hostIP,
    directory: join(root, directory),
    logger: silent,
    ...more,
  };
}

const certificates = (hostNamespace = namespace) =>
  admin.get<Secret>(resources.secrets, { namespace: hostNamespace, name: `${name}-certs` });
const read = (...path: string[]) => readFileSync(join(root, ...path), 'utf8');

describe('initialise', () => {
  test('two at once agree', async () => {
    const [one, two] = await Promise.all([initialise(options('one')), initialise(options('two'))]);
    expect(one.serviceCIDRs).toEqual(['10.96.0.0/16']);
    expect(two.serviceCIDRs).toEqual(['10.96.0.0/16']);
    for (const file of ['etcd/ca.crt', 'kube-apiserver/ca.crt', 'syncer/admin.key', 'syncer/admission-path']) {
      expect(read('one', file)).toBe(read('two', file));
    }
    const { data = {} } = await certificates();
    expect(Buffer.from(data['service-cidr'] ?? '', 'base64').toString()).toBe('10.96.0.0/16');
    expect(Buffer.from(data['ca.key'] ?? '', 'base64').toString()).toBe(read('one/kube-controller-manager/ca.key'));
    expect(statSync(join(root, 'one/kube-apiserver/sa.key')).mode & 0o777).toBe(0o640);
  });

  test('again: nothing is asked but the two reads, nothing is written', async () => {
    const before = await certificates();
    const client = await initClient(namespace);
    const { made } = await initialise(options('again', { client }));
    expect(made).toEqual([]);
    expect(client.requests.entries().map(({ verb, resource, sent }) => [verb, resource, sent])).toEqual([
      ['get', 'services', 1],
      ['get', 'secrets', 1],
    ]);
    await client.close();
    expect((await certificates()).metadata?.resourceVersion).toBe(before.metadata?.resourceVersion);
  });

  test('a year later the leafs are new and the authorities are not', async () => {
    const old = 'team-old';
    await prepareNamespace(old);
    const client = await initClient(old);
    await initialise(options('old', { client, namespace: old }));
    const before = await certificates(old);
    const now = () => new Date(Date.now() + 300 * 86_400_000);
    const { made } = await initialise(options('old', { client, namespace: old, now }));
    await client.close();
    expect(made).toContainEqual(expect.stringMatching(/^admin: valid until /));
    const after = await certificates(old);
    expect(after.data?.['ca.crt']).toBe(before.data?.['ca.crt']);
    expect(after.data?.['sa.key']).toBe(before.data?.['sa.key']);
    expect(after.data?.['admin.crt']).not.toBe(before.data?.['admin.crt']);
  });

  test('configured ranges win over found ones', async () => {
    const configuration = { ...spec.configuration, network: { serviceCIDRs: ['10.96.0.0/15'] } };
    expect((await initialise(options('configured', { configuration }))).serviceCIDRs).toEqual(['10.96.0.0/15']);
    const warnings: object[] = [];
    const logger = { ...silent, warn: (fields: object) => void warnings.push(fields) };
    configuration.network.serviceCIDRs = ['10.7.0.0/16'];
    await initialise(options('configured', { configuration, logger }));
    expect(warnings).toEqual([{ serviceCIDRs: ['10.7.0.0/16'], outside: [serviceIP] }]);
    // Stored ranges that do not hold the Service's address are found anew.
    expect((await initialise(options('configured'))).serviceCIDRs).toEqual(['10.96.0.0/16']);
  });

  test('without a Secret it makes one that goes with the anchor; it waits for a Service that comes late', async () => {
    const late = 'team-late';
    await prepareNamespace(late, ['secret', 'service']);
    const client = await initClient(late);
    const running = initialise(options('late', { client, namespace: late }));
    await delay(300);
    await admin.create<Service>(resources.services, {
      metadata: { name, namespace: late },
      spec: { ports: [{ port: 443 }] },
    });
    await running;
    await client.close();
    const anchor = await admin.get(resources.configMaps, { namespace: late, name: `${name}-anchor` });
    const secret = await certificates(late);
    expect(secret.metadata?.ownerReferences).toMatchObject([{ kind: 'ConfigMap', uid: anchor.metadata?.uid }]);
    expect(secret.metadata?.labels).toMatchObject({ 'nestling.dev/control-plane': name });
  });

  test('what is missing for good is named', async () => {
    const empty = 'team-empty';
    await prepareNamespace(empty, ['service']);
    const client = await initClient(empty);
    const waiting = initialise(options('empty', { client, namespace: empty, serviceWaitSeconds: 0.5 }));
    await expect(waiting).rejects.toThrow(
      "Service vc in namespace team-empty did not appear within 0.5 s; apply the virtual cluster's manifests in full",
    );
    await admin.create<Service>(resources.services, {
      metadata: { name, namespace: empty },
      spec: { clusterIP: 'None', ports: [{ port: 443 }] },
    });
    await expect(initialise(options('empty', { client, namespace: empty }))).rejects.toThrow(
      'Service vc in namespace team-empty has no ClusterIP (type ClusterIP, clusterIP "None")',
    );
    await client.close();
  });
});

describe('a control plane that runs from the files', () => {
  const reviews: { path: string; operation: string; service: string }[] = [];
  const connects: string[] = [];
  const processes: ChildProcess[] = [];
  const servers: Server[] = [];
  let port: number;
  let etcdPort: number;
  let virtual: KubeClient;
  let anonymous: KubeClient;

  beforeAll(async () => {
    const names = ['etcd', 'kube-apiserver', 'kube-controller-manager'] as const;
    const binaries = await resolveBinaries(names, standardErrorLog);
    const [etcd, peer, metrics, apiServer, admission, manager] = (await freePorts(6)) as [
      number,
      number,
      number,
      number,
      number,
      number,
    ];
    port = apiServer;
    etcdPort = etcd;
    const egressSocket = join(root, 'egress.sock');
    const apiServerDirectory = join(root, 'pod/kube-apiserver');
    const layout = { apiServerDirectory, egressSocket, apiServerPort: port, admissionPort: admission };
    await initialise(options('pod', { layout }));

    servers.push(await startProxy(egressSocket), await startWebhook(admission));
    const start = (program: keyof typeof binaries, flags: Readonly<Record<string, FlagValue>>) => {
      const own = join(root, 'pod', program);
      const args = commandLine(flags).map((flag) =>
        flag
          .replaceAll('/etc/nestling', own)
          .replaceAll('$(POD_NAME)', 'vc-0')
          .replaceAll('$(POD_IP)', podIP)
          .replaceAll('$(SERVICE_CIDR)', '10.96.0.0/16'),
      );
      const log = openSync(join(root, `${program}.log`), 'a');
      processes.push(spawn(binaries[program], args, { stdio: ['ignore', log, log] }));
      closeSync(log);
    };
    mkdirSync(join(root, 'data'), { mode: 0o700 });
    start('etcd', {
      ...etcdFlags(spec.store as EmbeddedStoreSpec),
      'data-dir': join(root, 'data'),
      'listen-client-urls': `https://127.0.0.1:${etcd}`,
      'advertise-client-urls': `https://127.0.0.1:${etcd}`,
      'listen-peer-urls': `https://127.0.0.1:${peer}`,
      'initial-advertise-peer-urls': `https://127.0.0.1:${peer}`,
      'initial-cluster': `$(POD_NAME)=https://127.0.0.1:${peer}`,
      'listen-metrics-urls': `http://127.0.0.1:${metrics}`,
      'unsafe-no-fsync': true,
    });
    start('kube-apiserver', {
      ...kubeApiServerFlags(spec),
      'secure-port': port,
      'bind-address': '127.0.0.1',
      'etcd-servers': `https://127.0.0.1:${etcd}`,
    });
    virtual = new KubeClient(adminConnection(), { userAgent });
    anonymous = new KubeClient(
      { server: `https://127.0.0.1:${port}`, certificateAuthority: read('pod/syncer/ca.crt') },
      { userAgent },
    );
    await eventually(async () => {
      const log = () => names.map((program) => read(`${program}.log`).slice(-2000)).join('\n');
      if (processes.some(({ exitCode }) => exitCode !== null)) return log();
      expect(await virtual.getText('/readyz')).toBe('ok');
      return undefined;
    }).then((log) => expect(log).toBeUndefined());
    // Last: it gives up when the API server takes over ten seconds, and here nobody starts it again.
    start('kube-controller-manager', {
      ...kubeControllerManagerFlags({ replicas: 1 }),
      'secure-port': manager,
      'bind-address': '127.0.0.1',
    });
  }, 120_000);

  afterAll(async () => {
    await Promise.all([virtual?.close(), anonymous?.close()]);
    await Promise.all(processes.map(end));
    for (const running of servers) {
      running.closeAllConnections();
      running.close();
    }
  }, 120_000);

  function adminConnection(): ClusterConnection {
    return {
      server: `https://127.0.0.1:${port}`,
      certificateAuthority: read('pod/syncer/ca.crt'),
      clientCertificate: read('pod/syncer/admin.crt'),
      clientKey: read('pod/syncer/admin.key'),
    };
  }

  /** Stands in for the egress gate. */
  async function startProxy(socketPath: string): Promise<Server> {
    const proxy = createHttpServer();
    proxy.on('connect', (request, client) => {
      connects.push(request.url ?? '');
      const [host = '', target = ''] = (request.url ?? '').split(':');
      const upstream = connect(Number(target), host, () => client.write('HTTP/1.1 200 Connection established\r\n\r\n'));
      upstream.on('error', () => client.destroy());
      client.on('error', () => upstream.destroy());
      upstream.pipe(client).pipe(upstream);
    });
    await new Promise<void>((resolve) => proxy.listen(socketPath, resolve));
    return proxy;
  }

  /** Stands in for the syncer's admission: every Service in namespace `fixed` gets a certain address. */
  async function startWebhook(admission: number): Promise<Server> {
    const webhook = createHttpsServer(
      { cert: read('pod/syncer/admission.crt'), key: read('pod/syncer/admission.key') },
      (request, response) => {
        const chunks: Buffer[] = [];
        request.on('data', (chunk: Buffer) => chunks.push(chunk));
        request.on('end', () => {
          const review = JSON.parse(Buffer.concat(chunks).toString()).request;
          const path = (request.url ?? '').split('?')[0] ?? '';
          reviews.push({ path, operation: review.operation, service: `${review.namespace}/${review.name}` });
          const patch = [
            { op: 'add', path: '/spec/clusterIP', value: '10.96.77.7' },
            { op: 'add', path: '/spec/clusterIPs', value: ['10.96.77.7'] },
          ];
          const change =
            review.namespace === 'fixed'
              ? { patchType: 'JSONPatch', patch: Buffer.from(JSON.stringify(patch)).toString('base64') }
              : {};
          response.setHeader('content-type', 'application/json');
          response.end(
            JSON.stringify({
              apiVersion: 'admission.k8s.io/v1',
              kind: 'AdmissionReview',
              response: { uid: review.uid, allowed: true, ...change },
            }),
          );
        });
      },
    );
    await new Promise<void>((resolve) => webhook.listen(admission, '127.0.0.1', resolve));
    return webhook as unknown as Server;
  }

  test('the administrator is let in, others only to the health paths', async () => {
    const status = async (path: string) => {
      const answer = await anonymous.request('GET', path);
      answer.body.resume();
      return answer.status;
    };
    expect(await status('/livez')).toBe(200);
    expect(await status('/readyz')).toBe(200);
    expect(await status('/healthz')).toBe(200);
    expect(await status('/api')).toBe(401);
    expect(await status('/version')).toBe(401);
    expect(await status('/livez/ping')).toBe(401);
    await virtual.list(resources.nodes);
  });

  test('the syncer’s certificate is an administrator’s, too', async () => {
    const [clientCertificate, clientKey] = [read('pod/syncer/client.crt'), read('pod/syncer/client.key')];
    const syncer = new KubeClient({ ...adminConnection(), clientCertificate, clientKey }, { userAgent });
    const { status } = (await syncer.create<AnyObject>(
      {
        group: 'authentication.k8s.io',
        version: 'v1',
        resource: 'selfsubjectreviews',
        kind: 'SelfSubjectReview',
        namespaced: false,
      },
      { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' },
    )) as { status?: { userInfo: { username: string; groups: string[] } } };
    expect(status?.userInfo).toMatchObject({
      username: 'nestling-syncer',
      groups: ['system:masters', 'system:authenticated'],
    });
    await syncer.close();
  });

  test('every Service passes the webhook, the API server’s own as well, by way of the socket', async () => {
    await virtual.create(resources.namespaces, { metadata: { name: 'fixed' } });
    const service = await virtual.create<Service>(resources.services, {
      metadata: { name: 'web', namespace: 'fixed' },
      spec: { ports: [{ port: 80 }] },
    });
    expect(service.spec?.clusterIP).toBe('10.96.77.7');
    const path = `/${read('pod/syncer/admission-path')}/services`;
    expect(reviews).toContainEqual({ path, operation: 'CREATE', service: 'fixed/web' });
    await eventually(async () =>
      expect(reviews).toContainEqual({ path, operation: 'CREATE', service: 'default/kubernetes' }),
    );
    expect(new Set(connects)).toEqual(new Set([`127.0.0.1:${new URL(webhookUrl()).port}`]));
    const hooks = {
      group: 'admissionregistration.k8s.io',
      version: 'v1',
      resource: 'mutatingwebhookconfigurations',
      kind: 'MutatingWebhookConfiguration',
      namespaced: false,
    };
    expect((await virtual.list(hooks)).items).toEqual([]);
  });

  function webhookUrl(): string {
    const { webhooks } = parse(read('pod/kube-apiserver/admission/service.yaml')) as MutatingWebhookConfiguration;
    return webhooks?.[0]?.clientConfig.url ?? '';
  }

  test('the controller manager works: root certificate for pods, tokens that the API server accepts', async () => {
    const bundle = await eventually(() =>
      virtual.get<ConfigMap>(resources.configMaps, { namespace: 'default', name: 'kube-root-ca.crt' }),
    );
    expect(bundle.data?.['ca.crt']).toBe(read('pod/syncer/ca.crt'));
    const account = await eventually(() =>
      virtual.get(resources.serviceAccounts, { namespace: 'default', name: 'default' }),
    );
    const { status } = (await virtual.create<AnyObject>(
      resources.serviceAccounts,
      { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: {} },
      { namespace: 'default', name: account.metadata?.name, subresource: 'token' },
    )) as { status?: { token: string } };
    const { server: address, certificateAuthority } = adminConnection();
    const pod = new KubeClient(
      { server: address, certificateAuthority: certificateAuthority!, token: status!.token },
      { userAgent },
    );
    expect(JSON.parse(await pod.getText('/version'))).toMatchObject({ major: '1' });
    await pod.close();
  });

  test('CoreDNS: the Service first, once more writes nothing, a tenant’s change stays', async () => {
    const manifests = coreDNSManifests(spec.configuration);
    const versions = async () =>
      // A Deployment's resourceVersion moves with the status that its controller writes.
      (await applyManifests(virtual, manifests)).map(({ object: { metadata } }) =>
        metadata?.generation === undefined ? metadata?.resourceVersion : `generation ${metadata.generation}`,
      );
    const first = await versions();
    expect(await versions()).toEqual(first);

    const place = { namespace: 'kube-system', name: 'coredns' };
    const scale = { ...place, type: 'merge', fieldManager: 'tenant' } as const;
    await virtual.patch(resources.deployments, scale, { spec: { replicas: 3 } });
    await virtual.patch(resources.configMaps, scale, { data: { Corefile: 'of the tenant' } });
    const configuration = {
      ...spec.configuration,
      dns: { ...spec.configuration.dns, image: 'example.com/coredns:v9' },
    };
    const applied = await applyManifests(virtual, coreDNSManifests(configuration));
    expect(applied.flatMap(({ kept }) => kept).sort()).toEqual(['.data.Corefile', '.spec.replicas']);
    const deployment = await virtual.get<AnyObject>(resources.deployments, place);
    expect(deployment['spec']).toMatchObject({
      replicas: 3,
      template: { spec: { containers: [{ image: 'example.com/coredns:v9' }] } },
    });
    const { data } = await virtual.get<ConfigMap>(resources.configMaps, place);
    expect(data).toEqual({ Corefile: 'of the tenant' });
  });

  test('the kubeconfig Secret: made once, kept up to date, another’s is left alone', async () => {
    const configuration = parseConfiguration(
      JSON.stringify({
        apiVersion: 'nestling.dev/v1alpha1',
        kind: 'SyncerConfiguration',
        virtualCluster: { name },
        apiServer: { kubeconfigServer: `https://127.0.0.1:${port}` },
      }),
    );
    const owner = await admin.get(resources.configMaps, { namespace, name: `${name}-anchor` });
    const content = {
      configuration,
      identity: { name, hostNamespace: namespace },
      anchor: { name: `${name}-anchor`, uid: owner.metadata?.uid ?? '' },
      ca: read('pod/syncer/ca.crt'),
      admin: { certificate: read('pod/syncer/admin.crt'), key: read('pod/syncer/admin.key') },
      outsideServer: undefined,
    };
    const stored = () => admin.get<Secret>(resources.secrets, { namespace, name: `vc-${name}` });
    await applyKubeconfigSecrets(init, content);
    const first = await stored();
    await applyKubeconfigSecrets(init, content);
    expect((await stored()).metadata?.resourceVersion).toBe(first.metadata?.resourceVersion);
    await applyKubeconfigSecrets(init, { ...content, ca: 'another' });
    expect(Buffer.from((await stored()).data?.['certificate-authority'] ?? '', 'base64').toString()).toBe('another');

    await admin.delete(resources.secrets, { namespace, name: `vc-${name}` });
    await admin.create(resources.secrets, { metadata: { namespace, name: `vc-${name}` } });
    await expect(applyKubeconfigSecrets(init, content)).rejects.toThrow(
      'Secret vc-vc in namespace team-a belongs to somebody else; delete or rename it',
    );

    // In the whole it is tried again until somebody has made room.
    const said: string[] = [];
    const say = (_: object, message: string) => void said.push(message);
    const logger = { debug: say, info: say, warn: say, error: say } as unknown as BootstrapOptions['logger'];
    const kubeconfigs = new KubeconfigWriter(init, content, logger);
    const running = bootstrap({ configuration, virtual, kubeconfigs, logger });
    await eventually(async () => expect(said).toContain('the kubeconfig cannot be stored yet; trying again'));
    await admin.delete(resources.secrets, { namespace, name: `vc-${name}` });
    await running;
    expect((await stored()).metadata?.labels).toMatchObject({ 'nestling.dev/control-plane': name });

    // From then on every change is written.
    const stop = new AbortController();
    const keeping = kubeconfigs.run(stop.signal);
    try {
      kubeconfigs.change({ admin: { certificate: 'new', key: 'new' } });
      const renewed = async () => Buffer.from((await stored()).data?.['client-key'] ?? '', 'base64').toString();
      await eventually(async () => expect(await renewed()).toBe('new'));
    } finally {
      stop.abort();
      await keeping;
    }
  });

  test('further kubeconfigs are made, and deleted when the configuration does not name them any more', async () => {
    const owner = await admin.get(resources.configMaps, { namespace, name: `${name}-anchor` });
    const content = (secretNames: readonly string[]) => ({
      configuration: parseConfiguration(
        JSON.stringify({
          apiVersion: 'nestling.dev/v1alpha1',
          kind: 'SyncerConfiguration',
          virtualCluster: { name },
          apiServer: { kubeconfigs: secretNames.map((secretName) => ({ secretName, server: 'inside' })) },
        }),
      ),
      identity: { name, hostNamespace: namespace },
      anchor: { name: `${name}-anchor`, uid: owner.metadata?.uid ?? '' },
      ca: 'CA',
      admin: { certificate: 'CERT', key: 'KEY' },
      outsideServer: 'https://192.0.2.1:443',
    });
    const secrets = async () => {
      const { items } = await admin.list<Secret>(resources.secrets, { namespace });
      return new Map(items.map((secret) => [secret.metadata?.name, secret]));
    };
    await applyKubeconfigSecrets(init, content(['for-pods', 'for-tools']));
    const server = (secret: Secret | undefined) =>
      /server: "(.*)"/.exec(Buffer.from(secret?.data?.['config'] ?? '', 'base64').toString())?.[1];
    const made = await secrets();
    expect(server(made.get('for-pods'))).toBe('https://vc.team-a.svc:443');
    expect(server(made.get(`vc-${name}`))).toBe('https://192.0.2.1:443');
    await applyKubeconfigSecrets(init, content(['for-tools']));
    expect([...(await secrets()).keys()].filter((key) => key?.startsWith('for-'))).toEqual(['for-tools']);
  });

  test('certificates are renewed under the programs that run with them, and an open watch goes on', async () => {
    // All leafs anew, with a life of twenty seconds.
    const short = { ...spec.configuration, certificates: { lifetimeSeconds: 20 } };
    const leafs = SHARED_LEAFS.filter((leaf) => !('leastLifeMs' in leaf)).flatMap((leaf) => [
      `${leaf.name}.crt`,
      `${leaf.name}.key`,
    ]);
    const none = Object.fromEntries(leafs.map((key) => [key, null]));
    await admin.patch(resources.secrets, { namespace, name: `${name}-certs`, type: 'merge' }, { data: none });
    const layout = {
      egressSocket: join(root, 'egress.sock'),
      apiServerPort: port,
      admissionPort: Number(new URL(webhookUrl()).port),
    };
    const kubelet = read('pod/kube-apiserver/kubelet-client.crt');
    await initialise(options('pod', { layout, configuration: short }));
    const ends = new X509Certificate(read('pod/kube-apiserver/server.crt')).validToDate.getTime();
    const served = (target: number, authority: string, files: string): Promise<string> =>
      new Promise((resolve, reject) => {
        const socket = connectTls({
          host: '127.0.0.1',
          port: target,
          ca: read(authority),
          cert: read(`${files}.crt`),
          key: read(`${files}.key`),
        });
        socket.once('error', reject);
        socket.once('secureConnect', () => {
          resolve(new X509Certificate(socket.getPeerCertificate().raw).fingerprint256);
          socket.destroy();
        });
      });
    const fingerprint = (file: string) => new X509Certificate(read(file)).fingerprint256;
    await eventually(async () =>
      expect(await served(port, 'pod/syncer/ca.crt', 'pod/syncer/admin')).toBe(
        fingerprint('pod/kube-apiserver/server.crt'),
      ),
    );
    const credentials = (file: string) => ({
      clientCertificate: read(`pod/syncer/${file}.crt`),
      clientKey: read(`pod/syncer/${file}.key`),
    });
    const syncer = new KubeClient({ ...adminConnection(), ...credentials('client') }, { userAgent });
    const stale = new KubeClient({ ...adminConnection(), ...credentials('client') }, { userAgent });
    const stop = new AbortController();
    const seen: string[] = [];
    const { metadata } = await syncer.list(resources.namespaces);
    const watching = (async () => {
      const { resourceVersion = '' } = metadata;
      const watch = syncer.watch(resources.namespaces, { resourceVersion, timeoutSeconds: 600, signal: stop.signal });
      for await (const { object } of watch) seen.push(object.metadata?.name ?? '');
    })();
    await stale.list(resources.namespaces);

    let renewals = 0;
    const keeper = new CertificateKeeper({
      configuration: short,
      client: init,
      namespace,
      podIP,
      directory: join(root, 'pod'),
      layout,
      logger: { ...silent, info: () => undefined },
    });
    keeper.onRenewal(({ client }) => {
      renewals += 1;
      syncer.renewCredentials({ clientCertificate: client.certificate, clientKey: client.key });
    });
    keeper.reachedAt({ serviceIPs: [serviceIP], outside: ['192.0.2.55', 'lb.example.com'], outsideServer: undefined });
    const keeping = keeper.run(stop.signal);
    try {
      await eventually(async () => {
        expect(Date.now()).toBeGreaterThan(ends);
        expect(renewals).toBeGreaterThan(1);
      });
      // What the programs show is what was written last, and the names are those that the load balancer got meanwhile.
      await eventually(async () => {
        expect(await served(port, 'pod/syncer/ca.crt', 'pod/syncer/admin')).toBe(
          fingerprint('pod/kube-apiserver/server.crt'),
        );
        expect(await served(etcdPort, 'pod/etcd/ca.crt', 'pod/kube-apiserver/etcd-client')).toBe(
          fingerprint('pod/etcd/server.crt'),
        );
      });
      const serving = new X509Certificate(read('pod/kube-apiserver/server.crt'));
      expect(serving.checkIP('192.0.2.55')).toBe('192.0.2.55');
      expect(serving.checkHost('lb.example.com')).toBe('lb.example.com');
      // The same client goes on, and its watch with it; one that has the old certificate is refused.
      await syncer.create(resources.namespaces, { metadata: { name: 'after-renewal' } });
      await eventually(async () => expect(seen).toContain('after-renewal'));
      await expect(stale.list(resources.namespaces)).rejects.toThrow(/Unauthorized/);
      // It would cut the streams of all kubelets: so it lives as long as its authority.
      expect(read('pod/kube-apiserver/kubelet-client.crt')).toBe(kubelet);
    } finally {
      stop.abort();
      await Promise.all([keeping, watching]);
      await Promise.all([syncer.close(), stale.close()]);
    }
  }, 120_000);

  test('with another authority in the Secret nothing is renewed, and the remedy is told', async () => {
    const before = await certificates();
    const warnings: string[] = [];
    const stop = new AbortController();
    await admin.patch(
      resources.secrets,
      { namespace, name: `${name}-certs`, type: 'merge' },
      { data: { 'etcd-ca.crt': before.data?.['ca.crt'], 'admin.crt': null, 'admin.key': null } },
    );
    const keeper = new CertificateKeeper({
      configuration: spec.configuration,
      client: init,
      namespace,
      podIP,
      directory: join(root, 'pod'),
      logger: {
        info: () => undefined,
        warn: (fields) => void warnings.push(String((fields as { err: Error }).err.message)),
      },
    });
    const keeping = keeper.run(stop.signal);
    try {
      await eventually(async () => expect(warnings[0]).toContain('kubectl -n team-a rollout restart statefulset vc'));
      expect((await certificates()).data?.['admin.crt']).toBeUndefined();
    } finally {
      stop.abort();
      await keeping;
      const data = Object.fromEntries(
        ['etcd-ca.crt', 'admin.crt', 'admin.key'].map((key) => [key, before.data?.[key]]),
      );
      await admin.patch(resources.secrets, { namespace, name: `${name}-certs`, type: 'merge' }, { data });
    }
  });
});

/** Repeats until it does not throw. */
async function eventually<T>(attempt: () => Promise<T>, seconds = 60): Promise<T> {
  for (const until = Date.now() + seconds * 1000; ; await delay(100)) {
    try {
      return await attempt();
    } catch (error) {
      if (Date.now() > until) throw error;
    }
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await exited;
}

async function freePorts(count: number): Promise<number[]> {
  const probes = Array.from({ length: count }, () => createServer());
  const ports = await Promise.all(
    probes.map(
      (probe) =>
        new Promise<number>((resolve) => {
          probe.listen(0, '127.0.0.1', () => resolve((probe.address() as AddressInfo).port));
        }),
    ),
  );
  await Promise.all(probes.map((probe) => new Promise((resolve) => probe.close(resolve))));
  return ports;
}
