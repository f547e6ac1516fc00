import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type EtcdMember,
  EtcdError,
  joinStore,
  mayBeAlone,
  membershipOf,
  memberStart,
  SecondStoreError,
  StoreMembers,
} from '../../../syncer/store';
import { recordingLogger } from '../engine/manual-clock';
import { CertificatesSecret, data } from './certificates-secret';

const peerURL = (ordinal: number): string => `https://vc-${ordinal}.vc-store.team-a.svc:2380`;
/** etcd's rules of membership, as far as a majority of full members has to be there. */
class Members {
  readonly list: EtcdMember[] = [];
  readonly dead = new Set<string>();
  readonly behind = new Set<string>();
  #next = 100;

  add(ordinal: number | string, fields: Partial<EtcdMember> = {}): string {
    const id = String(this.#next++);
    const url = typeof ordinal === 'string' ? ordinal : peerURL(ordinal);
    this.list.push({ id, name: `vc-${ordinal}`, peerURLs: [url], isLearner: false, ...fields });
    return id;
  }

  #voters(): EtcdMember[] {
    return this.list.filter(({ isLearner }) => !isLearner);
  }

  #mustDecide(voters = this.#voters()): void {
    const alive = voters.filter(({ id }) => !this.dead.has(id)).length;
    if (alive * 2 <= voters.length) throw new EtcdError('etcd: HTTP 503: etcdserver: unhealthy cluster');
  }

  readonly etcd = {
    members: () => Promise.resolve().then(() => (this.#mustDecide(), this.list.map((member) => ({ ...member })))),
    addLearner: (url: string) =>
      Promise.resolve().then(() => {
        this.#mustDecide();
        if (this.list.some(({ isLearner }) => isLearner)) throw new EtcdError('too many learner members in cluster');
        return this.add(url, { isLearner: true, name: '' });
      }),
    promote: (id: string) =>
      Promise.resolve().then(() => {
        this.#mustDecide();
        if (this.behind.has(id)) throw new EtcdError('can only promote a learner member which is in sync with leader');
        this.#change(id, { isLearner: false });
      }),
    removeMember: (id: string) =>
      Promise.resolve().then(() => {
        this.#mustDecide();
        if (!this.list.some((member) => member.id === id)) throw new EtcdError('etcdserver: member not found');
        if (!this.list.find((member) => member.id === id)?.isLearner) {
          this.#mustDecide(this.#voters().filter((member) => member.id !== id));
        }
        this.list.splice(
          this.list.findIndex((member) => member.id === id),
          1,
        );
      }),
    moveMember: (id: string, url: string) => Promise.resolve(this.#change(id, { peerURLs: [url] })),
  };

  #change(id: string, fields: Partial<EtcdMember>): void {
    const index = this.list.findIndex((member) => member.id === id);
    this.list[index] = { ...(this.list[index] as EtcdMember), ...fields };
  }

  ordinals(): string[] {
    return this.list.map(
      ({ isLearner, peerURLs: [url] }) => `${/vc-(\d)/.exec(url ?? '')?.[1]}${isLearner ? '?' : ''}`,
    );
  }
}

const keeperOf = (members: Members, secret: CertificatesSecret): StoreMembers =>
  new StoreMembers({
    etcd: members.etcd,
    client: secret.client,
    namespace: 'team-a',
    secretName: 'vc-certs',
    peerURL,
    logger: recordingLogger() as never,
  });

/** Steps until nothing is left to do, or it has to wait. */
async function steps(members: Members, secret: CertificatesSecret): Promise<number | undefined> {
  const keeper = keeperOf(members, secret);
  for (let step = 0; step < 30; step++) {
    const wait = await keeper.step(membershipOf(secret.values));
    if (wait !== 0) return wait;
  }
  throw new Error(`no end of steps: ${members.ordinals().join(', ')}`);
}

describe('how a member starts', () => {
  const start = (volume: Parameters<typeof memberStart>[0], record: Record<string, string> = {}) =>
    memberStart(volume, membershipOf(data(record)));
  const empty = { hasData: false, ticket: undefined };

  test('the first pod of a new cluster founds the store, the others ask', () => {
    expect(start({ ordinal: 0, ...empty })).toBe('found');
    expect(start({ ordinal: 1, ...empty })).toBe('ask');
    expect(start({ ordinal: 2, ...empty })).toBe('ask');
  });

  test('the first pod never founds a second store while others are in one', () => {
    expect(start({ ordinal: 0, ...empty }, { 'store-member-1': 'a' })).toBe('ask');
    expect(start({ ordinal: 0, ...empty }, { 'store-member-0': 'z', 'store-member-2': 'a' })).toBe('ask');
    expect(start({ ordinal: 0, ...empty }, { 'store-member-1': 'left', 'store-member-2': 'left' })).toBe('found');
  });

  test('the only member that there was goes on with its data', () => {
    expect(start({ ordinal: 0, hasData: true, ticket: undefined })).toBe('continue');
    expect(start({ ordinal: 0, hasData: true, ticket: undefined }, { 'store-member-1': 'a' })).toBe('continue');
  });

  test('a member goes on with the volume that it was let in with, and with no other', () => {
    const mine = { ordinal: 1, hasData: true, ticket: 'a' };
    expect(start(mine, { 'store-member-1': 'a' })).toBe('continue');
    expect(start(mine, { 'store-member-1': 'b' })).toBe('ask');
    expect(start({ ordinal: 1, ...empty }, { 'store-member-1': 'a' })).toBe('ask');
    expect(start({ ordinal: 0, hasData: true, ticket: undefined }, { 'store-member-0': 'b' })).toBe('ask');
  });

  test('a member that was sent away does not come back with what it had', () => {
    expect(start({ ordinal: 1, hasData: true, ticket: 'a' }, { 'store-member-1': 'left' })).toBe('ask');
  });

  test('a record that was lost as a whole makes nobody give up its data', () => {
    expect(start({ ordinal: 1, hasData: true, ticket: 'a' })).toBe('continue');
    expect(start({ ordinal: 1, hasData: false, ticket: 'a' })).toBe('ask');
  });
});

describe('the members of a store', () => {
  test('grow from one to three, one learner at a time; the first can be found by the others before', async () => {
    const members = new Members();
    members.add('https://127.0.0.1:2380');
    const secret = new CertificatesSecret({ 'store-request-1': 'a', 'store-request-2': 'b' });
    const keeper = keeperOf(members, secret);
    const seen = [members.ordinals().join()];
    for (let step = 0; step < 6; step++) {
      await keeper.step(membershipOf(secret.values));
      seen.push(members.ordinals().join());
    }
    expect(seen.slice(1)).toEqual(['0', '0,1?', '0,1', '0,1,2?', '0,1,2', '0,1,2']);
    expect([secret.text('store-member-1'), secret.text('store-member-2')]).toEqual(['a', 'b']);
  });

  test('that are all there need nothing, and nothing is written', async () => {
    const members = new Members();
    for (const ordinal of [0, 1, 2]) members.add(ordinal);
    const record = { 'store-member-1': 'a', 'store-request-1': 'a', 'store-member-2': 'b', 'store-request-2': 'b' };
    const secret = new CertificatesSecret(record);
    expect(await steps(members, secret)).toBeUndefined();
    expect(secret.patches).toEqual([]);
  });

  test('a learner that has not got everything is waited for', async () => {
    const members = new Members();
    members.add(0);
    const secret = new CertificatesSecret({ 'store-request-1': 'a' });
    const keeper = keeperOf(members, secret);
    await keeper.step(membershipOf(secret.values));
    members.behind.add(members.list[1]?.id ?? '');
    expect(await steps(members, secret)).toBeGreaterThan(0);
    expect(members.ordinals()).toEqual(['0', '1?']);
    members.behind.clear();
    expect(await steps(members, secret)).toBeUndefined();
    expect(members.ordinals()).toEqual(['0', '1']);
  });

  test.each([0, 1, 2])('a member %i whose volume was lost comes back as another one', async (lost) => {
    const members = new Members();
    for (const ordinal of [0, 1, 2]) members.add(ordinal);
    const former = members.list[lost]?.id ?? '';
    members.dead.add(former);
    const record = { 'store-member-1': 'a', 'store-request-1': 'a', 'store-member-2': 'b', 'store-request-2': 'b' };
    const secret = new CertificatesSecret({ ...record, [`store-request-${lost}`]: 'new' });
    expect(await steps(members, secret)).toBeUndefined();
    expect(members.ordinals().sort()).toEqual(['0', '1', '2']);
    expect(members.list.map(({ id }) => id)).not.toContain(former);
    expect(secret.text(`store-member-${lost}`)).toBe('new');
  });

  test('a member without data is not let in while the others are no majority', async () => {
    const members = new Members();
    for (const ordinal of [0, 1, 2]) members.dead.add(members.add(ordinal));
    members.dead.delete(members.list[0]?.id ?? '');
    const secret = new CertificatesSecret({ 'store-request-1': 'new' });
    await expect(steps(members, secret)).rejects.toThrow(EtcdError);
    expect(members.ordinals()).toEqual(['0', '1', '2']);
    expect(secret.patches).toEqual([]);
  });

  test('shrink from three to one while all are there, the own one last; what those had asked with is void', async () => {
    const members = new Members();
    for (const ordinal of [0, 1, 2]) members.add(ordinal);
    const secret = new CertificatesSecret({ 'store-member-1': 'a', 'store-request-1': 'a', 'store-member-2': 'b' });
    await keeperOf(members, secret).sendAway(1, 1);
    expect(members.ordinals()).toEqual(['0']);
    expect([secret.text('store-member-1'), secret.text('store-member-2')]).toEqual(['left', 'left']);
    expect(secret.text('store-request-1')).toBeUndefined();
    expect(await steps(members, secret)).toBeUndefined();
    expect(members.ordinals()).toEqual(['0']);
  });

  test('shrink with one of them dead: it is sent away before those that make the majority', async () => {
    const members = new Members();
    for (const ordinal of [0, 1, 2]) members.add(ordinal);
    members.dead.add(members.list[2]?.id ?? '');
    await keeperOf(members, new CertificatesSecret()).sendAway(1, 1);
    expect(members.ordinals()).toEqual(['0']);
  });

  test('that are no majority refuse to shrink, and stay as they are', async () => {
    const members = new Members();
    for (const ordinal of [0, 1, 2]) members.dead.add(members.add(ordinal));
    members.dead.delete(members.list[0]?.id ?? '');
    await expect(keeperOf(members, new CertificatesSecret()).sendAway(1, 0)).rejects.toThrow(EtcdError);
    expect(members.ordinals()).toEqual(['0', '1', '2']);
  });

  test('a member that went without being recorded is recorded as gone', async () => {
    const members = new Members();
    members.add(0);
    const secret = new CertificatesSecret({ 'store-member-1': 'a', 'store-request-1': 'a' });
    expect(await keeperOf(members, secret).settle()).toEqual([]);
    expect(secret.text('store-member-1')).toBe('left');
    expect(await steps(members, secret)).toBeUndefined();
    expect(members.ordinals()).toEqual(['0']);
  });

  test('are not recorded as gone by a new, empty store that runs beside them, which changes nothing', async () => {
    const members = new Members();
    members.add('https://127.0.0.1:2380');
    const record = { 'store-member-1': 'a', 'store-request-1': 'a', 'store-member-2': 'b', 'store-request-2': 'b' };
    const secret = new CertificatesSecret(record);
    const keeper = keeperOf(members, secret);
    await expect(keeper.settle()).rejects.toThrow(
      /empty store runs beside members 1 and 2.*Delete the claim.*set replicas to 3/,
    );
    await expect(keeper.step(membershipOf(secret.values))).rejects.toThrow(SecondStoreError);
    expect(secret.patches).toEqual([]);
    expect(members.list[0]?.peerURLs).toEqual(['https://127.0.0.1:2380']);
  });

  test('are not settled from a store in which the first one is none of them', async () => {
    const members = new Members();
    members.add(2);
    const secret = new CertificatesSecret({ 'store-member-0': 'left', 'store-member-1': 'a', 'store-member-2': 'b' });
    await expect(keeperOf(members, secret).settle()).rejects.toThrow(SecondStoreError);
    expect(secret.patches).toEqual([]);
  });
});

describe('a member’s volume', () => {
  let directory: string;
  beforeEach(() => (directory = mkdtempSync(join(tmpdir(), 'nestling-store-'))));
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  const log = (): string => join(directory, 'data', 'member', 'wal', '0.wal');
  const write = (): void => {
    mkdirSync(join(directory, 'data', 'member', 'wal'), { recursive: true });
    writeFileSync(log(), 'log');
  };
  const join_ = async (ordinal: number, secret: CertificatesSecret) =>
    JSON.parse(
      await joinStore({
        client: secret.client,
        namespace: 'team-a',
        secretName: 'vc-certs',
        ordinal,
        peerURL,
        memberName: (other) => `vc-${other}`,
        podIP: '10.0.0.7',
        peerPort: 2380,
        settings: { 'data-dir': join(directory, 'data'), 'quota-backend-bytes': 7 },
        logger: { info: () => undefined },
      }),
    ) as Record<string, unknown>;

  test('that is empty makes the first pod found a store that others can join later', async () => {
    expect(await join_(0, new CertificatesSecret())).toEqual({
      'data-dir': join(directory, 'data'),
      'quota-backend-bytes': 7,
      name: 'vc-0',
      'listen-peer-urls': 'https://10.0.0.7:2380',
      'initial-advertise-peer-urls': peerURL(0),
      'initial-cluster': `vc-0=${peerURL(0)}`,
      'initial-cluster-state': 'new',
    });
  });

  test('is emptied only when the store has let a new member in', async () => {
    write();
    writeFileSync(join(directory, 'ticket'), 'old');
    const secret = new CertificatesSecret({ 'store-member-1': 'left', 'store-member-2': 'b' });
    const joining = join_(1, secret);
    while (secret.text('store-request-1') === undefined) await new Promise((resolve) => setImmediate(resolve));
    expect(readFileSync(log(), 'utf8')).toBe('log');
    const ticket = secret.text('store-request-1') ?? '';
    Object.assign(secret.values, data({ 'store-member-1': ticket }));
    const configuration = await joining;
    expect(() => readFileSync(log())).toThrow('ENOENT');
    expect(readFileSync(join(directory, 'ticket'), 'utf8')).toBe(ticket);
    expect(configuration).toMatchObject({
      'initial-cluster': [0, 1, 2].map((other) => `vc-${other}=${peerURL(other)}`).join(),
      'initial-cluster-state': 'existing',
    });
  });

  test('of a member that is in the store is gone on with, and the host is not written to', async () => {
    write();
    writeFileSync(join(directory, 'ticket'), 'a');
    const secret = new CertificatesSecret({ 'store-member-1': 'a' });
    expect(await join_(1, secret)).toMatchObject({ name: 'vc-1', 'initial-cluster-state': 'existing' });
    expect(readFileSync(log(), 'utf8')).toBe('log');
    expect(secret.patches).toEqual([]);
  });

  test('of which the member was sent away while it asked makes it ask again', async () => {
    const secret = new CertificatesSecret({ 'store-member-0': 'z' });
    const joining = join_(1, secret);
    const asked = async (): Promise<string> => {
      for (;;) {
        const ticket = secret.text('store-request-1');
        if (ticket !== undefined) return ticket;
        await new Promise((resolve) => setImmediate(resolve));
      }
    };
    const ticket = await asked();
    delete secret.values['store-request-1'];
    expect(await asked()).toBe(ticket);
    Object.assign(secret.values, data({ 'store-member-1': ticket }));
    expect(await joining).toMatchObject({ name: 'vc-1', 'initial-cluster-state': 'existing' });
  });

  const alone = (secret: CertificatesSecret) =>
    mayBeAlone({
      client: secret.client,
      namespace: 'team-a',
      secretName: 'vc-certs',
      dataDirectory: join(directory, 'data'),
    });
  const others = { 'store-member-1': 'a', 'store-member-2': 'b' };

  test('that is empty is not what a single replica starts on while others are in the store', async () => {
    const secret = new CertificatesSecret(others);
    await expect(alone(secret)).rejects.toThrow(
      'the volume of replica 0 does not have the data of this virtual cluster: a new, empty store would run beside members 1 and 2, on ' +
        'whose volumes the data is; nothing was changed. Set replicas to 3 again, wait until three pods are ready, then set replicas to 1',
    );
    await expect(alone(new CertificatesSecret({ ...others, 'store-member-1': 'left' }))).rejects.toThrow(
      'member 2, on',
    );
    expect(secret.patches).toEqual([]);
  });

  test('of a member that the others replaced is not what a single replica starts on', async () => {
    write();
    writeFileSync(join(directory, 'ticket'), 'old');
    await expect(alone(new CertificatesSecret({ ...others, 'store-member-0': 'new' }))).rejects.toThrow(
      SecondStoreError,
    );
    await expect(alone(new CertificatesSecret({ ...others, 'store-member-0': 'left' }))).rejects.toThrow(
      SecondStoreError,
    );
  });

  test('with the data of the first member is what a single replica goes on with', async () => {
    write();
    await alone(new CertificatesSecret(others));
    writeFileSync(join(directory, 'ticket'), 'z');
    await alone(new CertificatesSecret({ ...others, 'store-member-0': 'z' }));
  });

  test('that is empty is what a single replica founds a store on where there are no others', async () => {
    await alone(new CertificatesSecret());
    await alone(new CertificatesSecret({ 'store-member-1': 'left', 'store-member-2': 'left' }));
  });
});
