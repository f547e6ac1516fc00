import { type ChildProcess, spawn } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import type { ConfigMap, Pod, Service } from 'kubernetes-types/core/v1';
import { Store } from '../../constructs/spec';
import { ApiError, resources } from '../../syncer/kube-client';
import { resolveBinaries, standardErrorLog, startApiServer } from '../host-cluster';
import type { RunningApiServer } from '../host-cluster';
import { Authority } from '../host-cluster/certificates';
import { hostName } from '../../syncer/translation';
import { eventually } from '../virtual-cluster/eventually';
import { ControlPlane } from './control-plane';
import { freePorts } from './free-ports';
import { HostNode } from './host-node';
import { HOST_NAMESPACE, startSyncer } from './in-process-syncer';
import type { InProcessSyncer } from './in-process-syncer';
import { startMariaDB } from './mariadb';
import type { MariaDB } from './mariadb';
import { startPostgres } from './postgres';
import type { Postgres } from './postgres';
import { found } from './two-clusters';

/*
 * Control planes whose store is none of theirs.
 */

let host: RunningApiServer;

beforeAll(async () => {
  host = await startApiServer({ name: 'host' });
});

afterAll(async () => {
  await host?.stop();
});

/** Makes a control plane whose store the Secret `store` of its host namespace leads to. */
async function controlPlane(
  namespace: string,
  secret: Readonly<Record<string, string>>,
  store: Store,
): Promise<ControlPlane> {
  const cluster = new ControlPlane(host, namespace);
  try {
    await cluster.prepare();
    const data = Object.entries(secret).map(([key, value]) => [key, Buffer.from(value).toString('base64')]);
    await cluster.admin.create(resources.secrets, {
      metadata: { name: 'store', namespace },
      data: Object.fromEntries(data),
    } as object);
    await cluster.start({ store });
    return cluster;
  } catch (error) {
    await cluster.stop();
    throw error;
  }
}

const configMap = (name: string, value: string): ConfigMap => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace: 'default' },
  data: { value },
});

/** What clients of an API server count on: consistent lists in pages, versions, watches from a version on. */
async function keepsObjects({ virtual }: ControlPlane): Promise<void> {
  const type = resources.configMaps;
  const namespace = 'default';
  const first = await virtual.create<ConfigMap>(type, configMap('one', 'first'));
  await expect(virtual.create(type, configMap('one', 'again'))).rejects.toThrow('already exists');
  const stop = new AbortController();
  const seen: string[] = [];
  const watching = (async () => {
    const from = { namespace, resourceVersion: first.metadata?.resourceVersion ?? '', signal: stop.signal };
    for await (const { type: change, object } of virtual.watch<ConfigMap>(type, from)) {
      if (change !== 'BOOKMARK') seen.push(`${change} ${object.metadata?.name} ${object.data?.['value']}`);
    }
  })();
  const second = await virtual.patch<ConfigMap>(
    type,
    { namespace, name: 'one', type: 'merge' },
    { data: { value: 'second' } },
  );
  const { resourceVersion } = first.metadata ?? {};
  const late = virtual.patch(
    type,
    { namespace, name: 'one', type: 'merge' },
    { metadata: { resourceVersion }, data: { value: 'late' } },
  );
  await expect(late).rejects.toThrow(ApiError);
  expect(Number(second.metadata?.resourceVersion)).toBeGreaterThan(Number(resourceVersion));
  for (let index = 0; index < 12; index++) await virtual.create(type, configMap(`many-${index}`, String(index)));
  const names: (string | undefined)[] = [];
  for await (const { items } of virtual.listAll<ConfigMap>(type, { namespace, limit: 5 })) {
    names.push(...items.map(({ metadata }) => metadata?.name));
  }
  expect(names.filter((name) => name?.startsWith('many-'))).toHaveLength(12);
  await virtual.delete(type, { namespace, name: 'one' });
  await eventually('the watch has brought all changes in their order', async () => {
    const changes = seen.filter((line) => line.includes(' one '));
    return changes.length >= 2 && seen.some((line) => line.startsWith('ADDED many-11'));
  });
  expect(seen.filter((line) => line.includes(' one '))).toEqual(['MODIFIED one second', 'DELETED one second']);
  stop.abort();
  await watching.catch(() => undefined);
}

describe('an etcd that somebody else runs', () => {
  const authority = new Authority('store');
  const client = authority.issue({ commonName: 'tenant-store' });
  const store = (endpoint: string): Store => Store.etcd({ endpoints: [endpoint], secretName: 'store' });
  let directory: string;
  let etcd: ChildProcess;
  let endpoint: string;
  let cluster: ControlPlane;

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'nestling-etcd-'));
    const { etcd: program } = await resolveBinaries(['etcd'], standardErrorLog);
    const [port = 0, peer = 0] = await freePorts(2);
    endpoint = `https://127.0.0.1:${port}`;
    const serving = authority.issue({ commonName: 'etcd', addresses: ['127.0.0.1'] });
    const file = (name: string, content: string): string => {
      const path = join(directory, name);
      writeFileSync(path, content, { mode: 0o600 });
      return path;
    };
    const log = openSync(join(directory, 'log'), 'a');
    etcd = spawn(
      program,
      [
        `--data-dir=${join(directory, 'data')}`,
        `--listen-client-urls=${endpoint}`,
        `--advertise-client-urls=${endpoint}`,
        `--listen-peer-urls=http://127.0.0.1:${peer}`,
        `--initial-advertise-peer-urls=http://127.0.0.1:${peer}`,
        `--initial-cluster=default=http://127.0.0.1:${peer}`,
        '--client-cert-auth',
        `--trusted-ca-file=${file('ca.crt', authority.pem.certificate)}`,
        `--cert-file=${file('server.crt', serving.certificate)}`,
        `--key-file=${file('server.key', serving.key)}`,
        '--unsafe-no-fsync',
      ],
      { stdio: ['ignore', log, log] },
    );
    closeSync(log);
    await eventually('etcd answers', async () => {
      if (etcd.exitCode !== null) throw new Error(readFileSync(join(directory, 'log'), 'utf8').slice(-1000));
      return (await ask('maintenance/status', {}))['version'];
    });
    const secret = { 'ca.crt': authority.pem.certificate, 'tls.crt': client.certificate, 'tls.key': client.key };
    cluster = await controlPlane('team-etcd', secret, store(endpoint));
  });

  afterAll(async () => {
    await cluster?.stop();
    if (etcd !== undefined && etcd.exitCode === null) {
      const ended = once(etcd, 'exit');
      etcd.kill('SIGKILL');
      await ended;
    }
    if (directory !== undefined) rmSync(directory, { recursive: true, force: true });
  });

  /** A call of etcd's JSON gateway. */
  function ask(path: string, body: object): Promise<Record<string, unknown>> {
    const agent = new Agent({ ca: authority.pem.certificate, cert: client.certificate, key: client.key });
    return new Promise((resolve, reject) => {
      const call = request(`${endpoint}/v3/${path}`, { method: 'POST', agent }, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => resolve(JSON.parse(Buffer.concat(chunks).toString()) as Record<string, unknown>));
        response.on('error', reject);
      });
      call.on('error', reject);
      call.end(JSON.stringify(body));
    });
  }

  const base64 = (text: string): string => Buffer.from(text).toString('base64');

  /** How many keys there are, or how many with a prefix. */
  async function keys(prefix?: string): Promise<number> {
    const range =
      prefix === undefined
        ? { key: base64('\0'), range_end: base64('\0') }
        : { key: base64(prefix), range_end: base64(prefix.replace(/\/$/, '0')) };
    const { count } = await ask('kv/range', { ...range, count_only: true });
    return Number(count ?? 0);
  }

  test('keeps the objects', () => keepsObjects(cluster));

  test('has nothing of the cluster but under its own prefix', async () => {
    const own = await keys('/nestling/team-etcd/vc/');
    expect(own).toBeGreaterThan(50);
    expect(await keys()).toBe(own);
  });

  test('has them all when the control plane was made anew', async () => {
    await cluster.virtual.create(resources.configMaps, configMap('kept', 'yes'));
    await cluster.halt();
    await cluster.start({ store: store(endpoint) });
    const { data } = await cluster.virtual.get<ConfigMap>(resources.configMaps, { namespace: 'default', name: 'kept' });
    expect(data).toEqual({ value: 'yes' });
  });
});

/** Whether the store begins to talk HTTP/2. */
function isGreeted(
  { store }: ControlPlane,
  identity: { readonly cert?: string; readonly key?: string },
): Promise<boolean> {
  const { url, certificateAuthority: ca } = store;
  return new Promise((resolve) => {
    const socket = connect({
      port: Number(new URL(url).port),
      host: '127.0.0.1',
      ca,
      ...identity,
      ALPNProtocols: ['h2'],
    });
    const end = (greeted: boolean): void => {
      socket.destroy();
      resolve(greeted);
    };
    // The client's preface and empty settings (RFC 9113, 3.4).
    socket.on('secureConnect', () => socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0'));
    socket.on('data', () => end(true));
    socket.on('error', () => end(false));
    socket.on('close', () => end(false));
  });
}

describe('a PostgreSQL database, through kine', () => {
  const store = Store.postgres({ secretName: 'store' });
  let postgres: Postgres;
  let cluster: ControlPlane;
  let node: HostNode;
  let syncer: InProcessSyncer | undefined;

  beforeAll(async () => {
    postgres = await startPostgres();
    cluster = await controlPlane(HOST_NAMESPACE, { endpoint: postgres.endpoint }, store);
    node = new HostNode(cluster.admin, HOST_NAMESPACE);
    node.start();
  });

  afterAll(async () => {
    await syncer?.stop();
    await node?.stop();
    await cluster?.stop();
    await postgres?.stop();
  });

  test('keeps the objects', () => keepsObjects(cluster));

  test('is behind a port that asks for a certificate', async () => {
    const { certificate: cert, key } = cluster.store;
    expect(await isGreeted(cluster, { cert, key })).toBe(true);
    expect(await isGreeted(cluster, {})).toBe(false);
  });

  test('has a certificate that never has to be renewed, as kine reads it once', () => {
    const end = (name: string): Date => new X509Certificate(cluster.read(`etcd/${name}.crt`)).validToDate;
    expect(end('server')).toEqual(end('ca'));
  });

  test('has them all when the control plane was made anew', async () => {
    await cluster.virtual.create(resources.configMaps, configMap('kept', 'yes'));
    await cluster.halt();
    await cluster.start({ store });
    const { data } = await cluster.virtual.get<ConfigMap>(resources.configMaps, { namespace: 'default', name: 'kept' });
    expect(data).toEqual({ value: 'yes' });
  });

  test('serves a syncer: a pod gets its twin, runs and goes, a Service has the address of its twin', async () => {
    const { virtual, admin } = cluster;
    const kubeDns = { name: 'kube-dns', namespace: 'kube-system' };
    await virtual.create<Service>(resources.services, { metadata: kubeDns, spec: { ports: [{ port: 53 }] } });
    // What controllers make in the pod.
    await virtual.create(resources.serviceAccounts, { metadata: { name: 'default', namespace: 'default' } });
    await virtual.create(resources.configMaps, configMap('kube-root-ca.crt', ''));
    syncer = await startSyncer({ host: host.connection, virtual: cluster.connection });
    await syncer.synced();
    const pod = { name: 'web', namespace: 'default' };
    await virtual.create<Pod>(resources.pods, {
      metadata: pod,
      spec: { terminationGracePeriodSeconds: 1, containers: [{ name: 'main', image: 'example.org/main:1' }] },
    });
    await eventually('the pod runs', async () => {
      const { status } = await virtual.get<Pod>(resources.pods, pod);
      return status?.phase === 'Running';
    });
    const made = await virtual.create<Service>(resources.services, { metadata: pod, spec: { ports: [{ port: 80 }] } });
    const twinName = hostName({ name: 'vc', hostNamespace: HOST_NAMESPACE }, 'default', 'web');
    const twin = { namespace: HOST_NAMESPACE, name: twinName };
    expect((await admin.get<Service>(resources.services, twin)).spec?.clusterIP).toBe(made.spec?.clusterIP);
    await virtual.delete(resources.pods, pod);
    await eventually('the pod is gone from both sides', async () => {
      const left = [found(virtual.get(resources.pods, pod)), found(admin.get(resources.pods, twin))];
      return (await Promise.all(left)).every((object) => object === undefined);
    });
  });
});

describe('a database of MariaDB, through kine', () => {
  const store = Store.mysql({ secretName: 'store' });
  let database: MariaDB;
  let cluster: ControlPlane;

  beforeAll(async () => {
    database = await startMariaDB();
    cluster = await controlPlane('team-mysql', { endpoint: database.endpoint }, store);
  });

  afterAll(async () => {
    await cluster?.stop();
    await database?.stop();
  });

  test('keeps the objects', () => keepsObjects(cluster));

  test('is behind a port that asks for a certificate', async () => {
    const { certificate: cert, key } = cluster.store;
    expect(await isGreeted(cluster, { cert, key })).toBe(true);
    expect(await isGreeted(cluster, {})).toBe(false);
  });

  test('has them all when the control plane was made anew', async () => {
    await cluster.virtual.create(resources.configMaps, configMap('kept', 'yes'));
    await cluster.halt();
    await cluster.start({ store });
    const { data } = await cluster.virtual.get<ConfigMap>(resources.configMaps, { namespace: 'default', name: 'kept' });
    expect(data).toEqual({ value: 'yes' });
  });
});
