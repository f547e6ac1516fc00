import { createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import { lstat, writeFile } from 'node:fs/promises';
import { spawn } from 'node:child_process';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { Gateway } from '../../../syncer/gateway';
import {
  TestFacts,
  clientCA,
  kubeletCA,
  listening,
  makeGateway,
  openTunnel,
  recordingLogger,
  temporaryFolder,
  until,
} from './support';

const folder = temporaryFolder();
const host = { server: 'https://127.0.0.1:1' };
const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

type Options = Omit<Partial<ConstructorParameters<typeof Gateway>[0]>, 'facts'>;
async function start(options: Options = {}, facts = new TestFacts()) {
  const made = makeGateway(folder, { facts, pods: facts, host, ...options });
  await made.gateway.listen();
  closing.push(() => made.gateway.close());
  return { ...made, facts };
}

async function serve(onConnection: (socket: Socket) => void, address?: string): Promise<number> {
  const connections = new Set<Socket>();
  const server: Server = createServer({ allowHalfOpen: true }, (socket) => {
    connections.add(socket);
    socket.on('error', () => undefined);
    onConnection(socket);
  });
  const port = await listening(server, address);
  closing.push(() => {
    connections.forEach((socket) => socket.destroy());
    return new Promise((resolve) => server.close(resolve));
  });
  return port;
}

const text = async (socket: Socket): Promise<string> => {
  let all = '';
  for await (const chunk of socket as AsyncIterable<Buffer>) all += chunk.toString('latin1');
  return all;
};

test('listens on a socket with mode 0660, and removes it in the end', async () => {
  const facts = new TestFacts();
  const { gateway, socketPath } = makeGateway(folder, { facts, pods: facts, host });
  await gateway.listen();
  expect((await lstat(socketPath)).mode & 0o7777).toBe(0o660);
  await gateway.close();
  await expect(lstat(socketPath)).rejects.toThrow('ENOENT');
});

test('replaces the socket of a process that was killed', async () => {
  const facts = new TestFacts();
  const { gateway, socketPath } = makeGateway(folder, { facts, pods: facts, host });
  const script = `require('net').createServer().listen(${JSON.stringify(socketPath)}, () => process.stdout.write('up'))`;
  const killed = spawn(process.execPath, ['-e', script]);
  await new Promise((resolve) => killed.stdout.once('data', resolve));
  killed.kill('SIGKILL');
  await new Promise((resolve) => killed.once('exit', resolve));
  expect((await lstat(socketPath)).isSocket()).toBe(true);
  await gateway.listen();
  expect((await openTunnel(socketPath, '10.0.0.1:443')).status).toBe(403);

  // A successor takes the path over; the end of the first leaves it alone.
  const successor = new Gateway({
    ...{ socketPath, facts, pods: facts, tenant: facts, host, kubeletCA },
    ...{ clientCA: clientCA.certificate, logger: recordingLogger().logger },
  });
  await successor.listen();
  await gateway.close();
  expect((await openTunnel(socketPath, '10.0.0.1:443')).status).toBe(403);
  await successor.close();
});

test('a path that cannot be a socket is refused with the path and the remedy', async () => {
  const facts = new TestFacts();
  const at = (socketPath: string) => makeGateway(folder, { facts, pods: facts, host, socketPath }).gateway.listen();
  const file = join(folder, 'file');
  await writeFile(file, 'precious');
  await expect(at(file)).rejects.toThrow(/file exists and is not a socket: remove it/);
  await expect(at(join(folder, 'x'.repeat(120)))).rejects.toThrow(/too long/);
  await expect(at(join(folder, 'missing', 'egress.sock'))).rejects.toThrow(/folder must exist/);
});

test('only CONNECT is served', async () => {
  const { socketPath } = await start();
  const { request } = await import('node:http');
  const status = await new Promise((resolve) => {
    request({ socketPath, path: '/pods' }, (response) => resolve(response.resume().statusCode)).end();
  });
  expect(status).toBe(405);
});

test('bytes pass both ways to the admission server, and each half is closed by itself', async () => {
  const port = await serve((socket) => {
    void text(socket).then((received) => socket.end(`you said ${received.length}`));
  });
  const { socketPath, gateway } = await start({ admissionPort: port });
  const { status, socket } = await openTunnel(socketPath, `127.0.0.1:${port}`);
  expect(status).toBe(200);
  expect(gateway.tunnels).toEqual({ admission: 1, kubelet: 0, metrics: 0, tenant: 0 });
  socket.end(Buffer.alloc(3_000_000, 'x'));
  expect(await text(socket)).toBe('you said 3000000');
  await until(() => gateway.tunnels.admission === 0, 'tunnel closed');
});

test('a slow reader holds the sender back', async () => {
  let sent = 0;
  const port = await serve((socket) => {
    const chunk = Buffer.alloc(65_536);
    const more = (): void => {
      while (sent < 64_000_000) {
        sent += chunk.length;
        if (!socket.write(chunk)) return void socket.once('drain', more);
      }
      socket.end();
    };
    more();
  });
  const { socketPath } = await start({ admissionPort: port });
  const { socket } = await openTunnel(socketPath, `127.0.0.1:${port}`);
  await new Promise((resolve) => setTimeout(resolve, 200));
  expect(sent).toBeLessThan(32_000_000);
  expect((await text(socket)).length).toBe(sent);
});

test('a broken side breaks the other', async () => {
  const accepted: Socket[] = [];
  const port = await serve((socket) => accepted.push(socket.resume()));
  const { socketPath, gateway } = await start({ admissionPort: port });
  const first = await openTunnel(socketPath, `127.0.0.1:${port}`);
  await until(() => accepted.length === 1, 'accepted');
  const gone = new Promise((resolve) => accepted[0]?.once('close', resolve));
  first.socket.destroy();
  accepted[0]?.end();
  await gone;
  const second = await openTunnel(socketPath, `127.0.0.1:${port}`);
  await until(() => accepted.length === 2, 'accepted');
  const closed = new Promise((resolve) => second.socket.once('close', resolve));
  second.socket.resume().on('end', () => second.socket.end());
  accepted[1]?.resetAndDestroy();
  await closed;
  await until(() => gateway.tunnels.admission === 0, 'tunnels closed');
});

test('idle tunnels end, busy ones do not', async () => {
  const port = await serve((socket) => {
    const timer = setInterval(() => socket.write('.'), 20);
    socket.on('close', () => clearInterval(timer));
    socket.once('data', () => clearInterval(timer));
  });
  const { socketPath, gateway } = await start({ admissionPort: port, limits: { idleMs: 2_000 } });
  const { socket } = await openTunnel(socketPath, `127.0.0.1:${port}`);
  const closed = new Promise((resolve) => socket.once('close', resolve));
  socket.on('end', () => socket.end());
  socket.resume();
  await new Promise((resolve) => setTimeout(resolve, 3_000));
  expect(gateway.tunnels.admission).toBe(1);
  socket.write('be quiet');
  await closed;
  await until(() => gateway.tunnels.admission === 0, 'tunnel closed');
});

test.each([
  ...['169.254.169.254:80', '127.0.0.1:2379', '127.0.0.1:6443', '127.0.0.1:8080', 'localhost:9443', '[::1]:9443'],
  ...[
    '[::ffff:127.0.0.1]:9443',
    '0x7f.1:9443',
    '2130706433:9443',
    'rebind.example:443',
    '10.96.0.1:443',
    'a:0',
    'nonsense',
  ],
])('%s is refused with 403 and a reason in the status line', async (target) => {
  const { socketPath, lines, gateway } = await start({
    resolve: (name) =>
      name === 'rebind.example' ? Promise.resolve(['127.0.0.1']) : Promise.reject(new Error('ENOTFOUND')),
  });
  const { status, text: reason } = await openTunnel(socketPath, target);
  expect(status).toBe(403);
  expect(reason).toMatch(/^Forbidden: .{10,}/);
  expect(lines).toHaveLength(1);
  expect(lines[0]).toMatchObject({
    level: 'warn',
    message: 'egress refused',
    details: { target: JSON.stringify(target) },
  });
  expect(gateway.tunnels).toEqual({ admission: 0, kubelet: 0, metrics: 0, tenant: 0 });
});

test('refusals are logged once a minute for each target', async () => {
  const { socketPath, lines } = await start();
  for (let i = 0; i < 30; i++) expect((await openTunnel(socketPath, '169.254.169.254:80')).status).toBe(403);
  expect(lines).toHaveLength(1);
});

test('callers wait for facts that are not complete, for a while; admission waits for nothing', async () => {
  const port = await serve((socket) => socket.end('admission'));
  const facts = new TestFacts();
  let complete: () => void = () => undefined;
  const synced = new Promise<void>((resolve) => (complete = resolve));
  facts.whenSynced = () => synced;
  const { socketPath, gateway } = await start({ admissionPort: port, limits: { factsMs: 300 } }, facts);
  expect(await text((await openTunnel(socketPath, `127.0.0.1:${port}`)).socket)).toBe('admission');
  const late = openTunnel(socketPath, '10.0.0.1:443');
  expect((await late).status).toBe(503);
  const waiting = openTunnel(socketPath, '10.0.0.1:443');
  complete();
  expect((await waiting).status).toBe(403);
  expect(gateway.tunnels.tenant).toBe(0);
});

test('tunnels are bounded by kind, and a place is free again after each', async () => {
  const port = await serve((socket) => socket.resume().on('end', () => socket.end()));
  const { socketPath, gateway } = await start({ admissionPort: port, limits: { tunnels: { admission: 2 } } });
  const open = () => openTunnel(socketPath, `127.0.0.1:${port}`);
  const [first] = [await open(), await open()];
  expect((await open()).status).toBe(503);
  first?.socket.resume().end();
  await until(() => gateway.tunnels.admission === 1, 'a tunnel closed');
  expect((await open()).status).toBe(200);
});

test('a target that does not listen gives 502', async () => {
  const port = await serve(() => undefined);
  await closing.pop()?.();
  const { socketPath, gateway } = await start({ admissionPort: port });
  expect(await openTunnel(socketPath, `127.0.0.1:${port}`)).toMatchObject({
    status: 502,
    text: 'the target cannot be reached (ECONNREFUSED)',
  });
  expect(gateway.tunnels.admission).toBe(0);
});

test('closing breaks open tunnels', async () => {
  const port = await serve((socket) => socket.resume());
  const { socketPath, gateway } = await start({ admissionPort: port });
  const { socket } = await openTunnel(socketPath, `127.0.0.1:${port}`);
  const closed = new Promise((resolve) => socket.once('close', resolve));
  socket.resume().on('end', () => socket.end());
  await gateway.close();
  await closed;
});

// The gate lets no tenant have a loopback address, so this needs one of the machine's own.
const own = Object.values(networkInterfaces())
  .flat()
  .find((address) => address !== undefined && !address.internal && address.family === 'IPv4')?.address;
(own === undefined ? test.skip : test)(
  'a tenant’s pod is reached by its address, and by a name that the gate resolves once',
  async () => {
    const address = own ?? '';
    const port = await serve((socket) => socket.end('webhook'), address);
    const facts = new TestFacts();
    let lookups = 0;
    // A name that changes its mind: what was checked first must be what is dialled.
    const resolve = (): Promise<string[]> => Promise.resolve([(lookups += 1) === 1 ? address : '127.0.0.1']);
    const { socketPath, gateway } = await start({ resolve }, facts);
    expect((await openTunnel(socketPath, `${address}:${port}`)).status).toBe(403);
    facts.podIPs.add(address);
    for (const target of [`${address}:${port}`, `[::ffff:${address}]:${port}`, `hook.example:${port}`]) {
      const { status, socket } = await openTunnel(socketPath, target);
      expect(status).toBe(200);
      expect(gateway.tunnels.tenant).toBe(1);
      expect(await text(socket)).toBe('webhook');
      socket.end();
      await until(() => gateway.tunnels.tenant === 0, 'tunnel closed');
    }
    expect(lookups).toBe(1);
    expect((await openTunnel(socketPath, `hook.example:${port}`)).status).toBe(403);
  },
);
