import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { etcdSettings } from '../../constructs/control-plane/etcd';
import { createLogger } from '../../syncer/engine';
import { Material } from '../../syncer/pki';
import { EtcdClient, joinStore, mayBeAlone, membershipOf, SecondStoreError, StoreMembers } from '../../syncer/store';
import { resolveBinaries, standardErrorLog } from '../host-cluster';
import { CertificatesSecret } from '../unit/store/certificates-secret';
import { eventually } from '../virtual-cluster/eventually';
import { freePorts } from './free-ports';

const base64 = (text: string): string => Buffer.from(text).toString('base64');

/** Three members of etcd as the pods of the control plane have them: settings of the constructs, files and configuration of init. */
class Store {
  readonly #directory = mkdtempSync(join(tmpdir(), 'nestling-members-'));
  readonly #material = new Material(new Map());
  readonly secret = new CertificatesSecret();
  readonly #processes = new Map<number, ChildProcess>();
  #peers: number[] = [];
  #clients: number[] = [];
  readonly #keeping = new Map<number, AbortController>();

  async prepare(): Promise<void> {
    this.#material.complete(new Date());
    const peer = {
      name: 'etcd-peer',
      authority: 'etcd-ca' as const,
      request: { commonName: 'etcd-peer', addresses: ['127.0.0.1'], usages: ['server', 'client'] as const },
    };
    const { certificate, key } = this.#material.issue(peer, new Date());
    const [ports, authority] = [await freePorts(6), this.#material.get('etcd-ca.crt')];
    this.#peers = ports.slice(0, 3);
    this.#clients = ports.slice(3);
    const server = this.#material.pair('etcd-server');
    const files = {
      'ca.crt': authority,
      'server.crt': server.certificate,
      'server.key': server.key,
      'peer.crt': certificate,
      'peer.key': key,
    };
    for (const [name, content] of Object.entries(files)) writeFileSync(join(this.#directory, name), content);
  }

  readonly #peerURL = (ordinal: number): string => `https://127.0.0.1:${this.#peers[ordinal]}`;
  readonly #data = (ordinal: number): string => join(this.#directory, `volume-${ordinal}`, 'data');

  /** As an API server is to its own member. */
  client(ordinal: number): EtcdClient {
    return new EtcdClient({
      url: `https://127.0.0.1:${this.#clients[ordinal]}`,
      certificateAuthority: this.#material.get('etcd-ca.crt'),
      ...this.#material.pair('etcd-client'),
    });
  }

  /** Through one member; others have it when this resolves. */
  async put(ordinal: number, key: string, value: string): Promise<void> {
    await this.#ask(ordinal, 'kv/put', { key: base64(key), value: base64(value) });
  }

  /** As a majority has it. */
  async read(ordinal: number, key: string): Promise<string | undefined> {
    const { kvs = [] } = (await this.#ask(ordinal, 'kv/range', { key: base64(key) })) as { kvs?: { value: string }[] };
    return kvs[0] && Buffer.from(kvs[0].value, 'base64').toString();
  }

  #ask(ordinal: number, path: string, body: object): Promise<unknown> {
    const { certificate: cert, key } = this.#material.pair('etcd-client');
    const options = { method: 'POST', ca: this.#material.get('etcd-ca.crt'), cert, key, agent: false as const };
    return new Promise((resolve, reject) => {
      const call = request(`https://127.0.0.1:${this.#clients[ordinal]}/v3/${path}`, options, (response) => {
        let text = '';
        response.on('data', (chunk: Buffer) => (text += chunk.toString()));
        response.on('end', () => {
          if (response.statusCode === 200) resolve(JSON.parse(text));
          else reject(new Error(`etcd ${path}: ${response.statusCode} ${text}`));
        });
      });
      call.on('error', reject);
      call.end(JSON.stringify(body));
    });
  }

  members(ordinal: number): StoreMembers {
    return new StoreMembers({
      etcd: this.client(ordinal),
      client: this.secret.client,
      namespace: 'team-a',
      secretName: 'vc-certs',
      peerURL: this.#peerURL,
      logger: createLogger({ level: 'error', name: 'members' }),
    });
  }

  /** What a pod does when it starts: init, then etcd. */
  async start(ordinal: number): Promise<void> {
    mkdirSync(join(this.#data(ordinal), '..'), { recursive: true });
    const shared = etcdSettings({ type: 'ephemeral', size: '1Gi', quotaBytes: 128 * 1024 ** 2 });
    const client = `https://127.0.0.1:${this.#clients[ordinal]}`;
    const [metrics] = await freePorts(1);
    const content = await joinStore({
      client: this.secret.client,
      namespace: 'team-a',
      secretName: 'vc-certs',
      ordinal,
      peerURL: this.#peerURL,
      memberName: (other) => `vc-${other}`,
      podIP: '127.0.0.1',
      peerPort: this.#peers[ordinal] ?? 0,
      settings: {
        ...shared,
        'data-dir': this.#data(ordinal),
        'listen-client-urls': client,
        'advertise-client-urls': client,
        'listen-metrics-urls': `http://127.0.0.1:${metrics}`,
        'unsafe-no-fsync': true,
      },
      logger: { info: () => undefined },
    });
    const file = join(this.#directory, `etcd-${ordinal}.json`);
    writeFileSync(file, content.replaceAll('/etc/nestling', this.#directory));
    await this.#launch(ordinal, `--config-file=${file}`);
  }

  /** What init of a single replica looks at. */
  mayBeAlone(): Promise<void> {
    return mayBeAlone({
      client: this.secret.client,
      namespace: 'team-a',
      secretName: 'vc-certs',
      dataDirectory: this.#data(0),
    });
  }

  /** A store of one member, with the flags that a single replica has: nobody else can reach it. */
  async startAlone(): Promise<void> {
    mkdirSync(join(this.#data(0), '..'), { recursive: true });
    const client = `https://127.0.0.1:${this.#clients[0]}`;
    const file = (name: string): string => join(this.#directory, name);
    const [metrics, peer] = await freePorts(2);
    await this.#launch(
      0,
      '--name=vc-0',
      `--data-dir=${this.#data(0)}`,
      `--listen-client-urls=${client}`,
      `--advertise-client-urls=${client}`,
      '--client-cert-auth',
      `--trusted-ca-file=${file('ca.crt')}`,
      `--cert-file=${file('server.crt')}`,
      `--key-file=${file('server.key')}`,
      `--listen-peer-urls=http://127.0.0.1:${peer}`,
      `--initial-advertise-peer-urls=http://127.0.0.1:${peer}`,
      `--initial-cluster=vc-0=http://127.0.0.1:${peer}`,
      `--listen-metrics-urls=http://127.0.0.1:${metrics}`,
      '--unsafe-no-fsync',
    );
  }

  async #launch(ordinal: number, ...args: string[]): Promise<void> {
    const { etcd } = await resolveBinaries(['etcd'], standardErrorLog);
    const log = openSync(join(this.#directory, `etcd-${ordinal}.log`), 'a');
    this.#processes.set(ordinal, spawn(etcd, args, { stdio: ['ignore', log, log] }));
    closeSync(log);
  }

  /** Keeps the members from one of them, as the active syncer does, whenever the Secret changes. */
  keep(ordinal: number): void {
    const stop = new AbortController();
    this.#keeping.set(ordinal, stop);
    const members = this.members(ordinal);
    void (async () => {
      while (!stop.signal.aborted) {
        const wait = await members.step(membershipOf(this.secret.values), stop.signal).catch(() => 200);
        if (wait !== 0) await new Promise((resolve) => setTimeout(resolve, 100));
      }
    })();
  }

  /** Waits until these are full members, and each of them answers. */
  async complete(...ordinals: number[]): Promise<void> {
    await eventually(`members ${ordinals.join(', ')} are in the store`, async () => {
      for (const ordinal of ordinals) {
        const members = await this.client(ordinal).members();
        const found = members.filter(({ isLearner, name }) => !isLearner && name !== '').map(({ name }) => name);
        const wanted = ordinals.map((other) => `vc-${other}`);
        if (found.sort().join() !== wanted.sort().join())
          throw new Error(`vc-${ordinal} knows ${JSON.stringify(members)}`);
      }
      return true;
    }).catch((error: unknown) => {
      throw new Error(`${String(error)}: ${String((error as Error).cause)}\n${this.log(ordinals.at(-1) ?? 0)}`);
    });
  }

  log(ordinal: number): string {
    return readFileSync(join(this.#directory, `etcd-${ordinal}.log`), 'utf8').slice(-1500);
  }

  /** The active syncer beside this member ends. */
  letGo(ordinal: number): void {
    this.#keeping.get(ordinal)?.abort();
    this.#keeping.delete(ordinal);
  }

  async kill(ordinal: number): Promise<void> {
    this.letGo(ordinal);
    const child = this.#processes.get(ordinal);
    this.#processes.delete(ordinal);
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  }

  loseVolume(ordinal: number): void {
    rmSync(join(this.#data(ordinal), '..'), { recursive: true, force: true });
  }

  async end(): Promise<void> {
    for (const ordinal of [0, 1, 2]) await this.kill(ordinal);
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

let store: Store;
beforeEach(async () => {
  store = new Store();
  await store.prepare();
});
afterEach(() => store.end());

test('a store of one member that nobody could reach grows to three, loses a volume, and shrinks to one; what it holds stays', async () => {
  await store.startAlone();
  await eventually('the only member answers', () => store.client(0).members());
  await store.put(0, 'a', 'of the one');
  await store.kill(0);

  // As three replicas.
  await store.start(0);
  store.keep(0);
  await Promise.all([store.start(1), store.start(2)]);
  await store.complete(0, 1, 2);
  await store.put(2, 'b', 'of the three');
  expect(await store.read(1, 'a')).toBe('of the one');

  // The first one comes back with an empty volume, which it must not found another store on.
  await store.kill(0);
  store.loseVolume(0);
  store.keep(1);
  await store.start(0);
  await store.complete(0, 1, 2);
  expect(await store.read(0, 'b')).toBe('of the three');

  // As one again: every pod is told to stop at once.
  store.letGo(1);
  await eventually('the second and third member are sent away', async () => {
    await store.members(0).sendAway(1, 0);
    return (await store.client(0).members()).length === 1;
  });
  for (const ordinal of [1, 2]) await store.kill(ordinal);
  await store.put(0, 'c', 'of the one again');
  expect(await store.read(0, 'b')).toBe('of the three');

  // And three: the volumes of the former second and third are still there, and are not gone on with.
  store.keep(0);
  await Promise.all([store.start(1), store.start(2)]);
  await store.complete(0, 1, 2);
  expect(await store.read(1, 'c')).toBe('of the one again');
});

test('a member that lost its volume waits while there is no majority, and nothing is founded anew', async () => {
  await store.start(0);
  store.keep(0);
  await eventually('the first member answers', () => store.client(0).members());
  await Promise.all([store.start(1), store.start(2)]);
  await store.complete(0, 1, 2);
  await store.put(0, 'a', 'kept');
  for (const ordinal of [0, 1, 2]) await store.kill(ordinal);
  store.loseVolume(0);
  let started = false;
  const joining = store.start(0).then(() => (started = true));
  await store.start(1);
  await eventually('the first member asks', () => Promise.resolve(store.secret.text('store-request-0')));
  expect(started).toBe(false);
  await store.start(2);
  store.keep(1);
  await joining;
  await store.complete(0, 1, 2);
  expect(await store.read(0, 'a')).toBe('kept');
});

test('three become one with the first volume lost: nothing is founded beside the others, nor recorded from what was, and the data comes back', async () => {
  await store.start(0);
  store.keep(0);
  await eventually('the first member answers', () => store.client(0).members());
  await Promise.all([store.start(1), store.start(2)]);
  await store.complete(0, 1, 2);
  await store.put(0, 'a', 'kept');
  for (const ordinal of [0, 1, 2]) await store.kill(ordinal);
  await store.mayBeAlone();
  store.loseVolume(0);
  const record = { ...store.secret.values };
  await expect(store.mayBeAlone()).rejects.toThrow(SecondStoreError);

  // As if it had been founded all the same.
  await store.startAlone();
  await eventually('the empty store answers', () => store.client(0).members());
  await expect(store.members(0).settle()).rejects.toThrow(SecondStoreError);
  await expect(store.members(0).step(membershipOf(store.secret.values))).rejects.toThrow(SecondStoreError);
  expect(store.secret.values).toEqual(record);
  await store.kill(0);
  store.loseVolume(0);

  // As three again.
  const joining = store.start(0);
  await Promise.all([store.start(1), store.start(2)]);
  store.keep(1);
  await joining;
  await store.complete(0, 1, 2);
  expect(await store.read(0, 'a')).toBe('kept');
});
