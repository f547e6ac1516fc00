import { HealthServer, Metrics } from '../../../syncer/engine';

let server: HealthServer;
let address: string;
beforeEach(async () => {
  const metrics = new Metrics();
  metrics.observeQueue('pods', { length: 3, delayed: 1, inFlight: 2, oldestAgeSeconds: 4.5 });
  server = new HealthServer({ metrics });
  address = `http://127.0.0.1:${(await server.listen(0, '127.0.0.1')).port}`;
});
afterEach(() => server.close());

async function read(path: string): Promise<{ status: number; text: string }> {
  const answer = await fetch(address + path, { headers: { connection: 'close' } });
  return { status: answer.status, text: await answer.text() };
}

test('readyz needs all conditions, healthz only those of life', async () => {
  let reason: string | undefined = 'pods are not listed yet';
  server.addCheck('caches', () => reason);
  server.addCheck('alive', () => undefined, { live: true });
  expect(await read('/readyz')).toEqual({
    status: 503,
    text: '[-] caches: pods are not listed yet\n[+] alive ok\nnot ok\n',
  });
  expect(await read('/healthz')).toEqual({ status: 200, text: '[+] alive ok\nok\n' });
  expect([...server.failing()]).toEqual([['caches', 'pods are not listed yet']]);
  reason = undefined;
  expect((await read('/readyz')).status).toBe(200);
  server.addCheck('broken', () => {
    throw new Error('secret detail');
  });
  expect((await read('/readyz?verbose')).text).toContain('[-] broken: the check itself failed');
  expect(() => server.addCheck('alive', () => undefined)).toThrow(/exists already/);
});

test('metrics are in the text format; other paths and methods are refused', async () => {
  const { status, text } = await read('/metrics');
  expect(status).toBe(200);
  expect(text).toContain('nestling_queue_depth{kind="pods"} 3');
  expect(text).toContain('nestling_oldest_unsynced_seconds{kind="pods"} 4.5');
  expect(text).toMatch(/process_resident_memory_bytes \d+/);
  expect((await read('/secrets')).status).toBe(404);
  expect((await fetch(`${address}/metrics`, { method: 'POST', headers: { connection: 'close' } })).status).toBe(405);
});

test('a port that is taken is named', async () => {
  const port = Number(new URL(address).port);
  await expect(new HealthServer().listen(port, '127.0.0.1')).rejects.toThrow(
    `port ${port} for health and metrics is taken`,
  );
});
