import { createSocket } from 'node:dgram';
import type { Socket } from 'node:dgram';
import type { AddressInfo } from 'node:net';
import { createResolver } from '../../../syncer/gateway/name-resolution';

const A = 1;
const records: Readonly<Record<string, readonly [number, Buffer][]>> = {
  'dual.example': [
    [A, Buffer.of(10, 244, 1, 7)],
    [28, Buffer.from('fd000001000000000000000000000007', 'hex')],
  ],
  'many.example': Array.from({ length: 40 }, (_, i) => [A, Buffer.of(10, 0, 0, i)]),
};
const questions: string[] = [];
let server: Socket;
let resolve: ReturnType<typeof createResolver>;

/** Answers A and AAAA questions; names below `silent.example` get no answer. */
beforeAll(async () => {
  server = createSocket('udp4', (query, from) => {
    const labels: string[] = [];
    let at = 12;
    for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
      labels.push(query.toString('latin1', at + 1, at + 1 + length));
      at += 1 + length;
    }
    const name = labels.join('.').toLowerCase();
    const type = query.readUInt16BE(at + 1);
    questions.push(name);
    if (name.endsWith('silent.example')) return;
    const known = Object.hasOwn(records, name) ? records[name] : undefined;
    const answers = (known ?? []).filter(([kind]) => kind === type);
    const header = Buffer.alloc(12);
    query.copy(header, 0, 0, 2);
    header.writeUInt16BE(known ? 0x8180 : 0x8183, 2);
    header.writeUInt16BE(1, 4);
    header.writeUInt16BE(answers.length, 6);
    const body = answers.map(([kind, address]) =>
      Buffer.concat([Buffer.of(0xc0, 12, 0, kind, 0, 1, 0, 0, 0, 1, 0, address.length), address]),
    );
    server.send(Buffer.concat([header, query.subarray(12, at + 5), ...body]), from.port, from.address);
  });
  await new Promise<void>((done) => server.bind(0, '127.0.0.1', done));
  resolve = createResolver([`127.0.0.1:${(server.address() as AddressInfo).port}`]);
});
afterAll(() => server.close());

const never = new AbortController().signal;

test('gives the addresses of both families', async () => {
  expect([...(await resolve('dual.example', never))].sort()).toEqual(['10.244.1.7', 'fd00:1::7']);
});

test('asks for the name as it stands, with no search domain and no hosts file', async () => {
  questions.length = 0;
  await expect(resolve('kubernetes', never)).rejects.toThrow('ENOTFOUND');
  await expect(resolve('localhost', never)).rejects.toThrow();
  expect(questions.filter((name) => name !== 'kubernetes' && name !== 'localhost')).toEqual([]);
});

test('a name with more addresses than any service has is refused', async () => {
  await expect(resolve('many.example', never)).rejects.toThrow('more than 32 addresses');
});

test('silent names are given up with the caller, and hold up nobody beyond a bound', async () => {
  const giveUp = new AbortController();
  const silent = Array.from({ length: 32 }, (_, i) => resolve(`${i}.silent.example`, giveUp.signal));
  const all = Promise.allSettled(silent);
  await expect(resolve('dual.example', never)).rejects.toThrow('being looked up already');
  giveUp.abort();
  expect(new Set((await all).map(({ status }) => status))).toEqual(new Set(['rejected']));
  expect(await resolve('dual.example', never)).toHaveLength(2);
});
