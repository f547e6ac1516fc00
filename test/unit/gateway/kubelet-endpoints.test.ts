import { createServer } from 'node:net';
import type { Socket } from 'node:net';
import { connect } from 'node:net';
import { once } from 'node:events';
import { KubeletEndpoints } from '../../../syncer/gateway/kubelet-endpoints';
import { servingCertificateIssuer } from '../../../syncer/gateway/serving-certificate';
import { clientCA, kubeletCA, listening, recordingLogger } from './support';

const issue = servingCertificateIssuer(kubeletCA);
const common = { clientCA: clientCA.certificate, accept: () => undefined, logger: recordingLogger().logger };

test('the least recently used endpoint goes first, and an old one is made anew', () => {
  const issued: string[] = [];
  let now = 0;
  const endpoints = new KubeletEndpoints({
    ...common,
    issue: (address) => {
      issued.push(address);
      return issue(address);
    },
    ...{ most: 2, maxAgeMs: 1000, now: () => now },
  });
  for (const address of ['fd00::1', 'fd00::2', 'fd00::1', 'fd00::3', 'fd00::1', 'fd00::2']) endpoints.prepare(address);
  expect(issued).toEqual(['fd00::1', 'fd00::2', 'fd00::3', 'fd00::2']);
  expect(endpoints.size).toBe(2);
  now = 1000;
  endpoints.prepare('fd00::1');
  expect(issued.at(-1)).toBe('fd00::1');
  expect(endpoints.size).toBe(2);
});

test('a caller who never finishes the handshake is let go, however it fails to', async () => {
  const endpoints = new KubeletEndpoints({ ...common, issue, handshakeMs: 200 });
  const server = createServer({ allowHalfOpen: true });
  const port = await listening(server);
  const closed = async (behave: (client: Socket) => void): Promise<void> => {
    const client = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    client.on('error', () => undefined);
    const [accepted] = (await once(server, 'connection')) as [Socket];
    const gone = once(accepted, 'close');
    endpoints.prepare('fd00::1')(accepted);
    behave(client);
    await gone;
    client.destroy();
  };
  await closed(() => undefined);
  await closed((client) => client.end());
  await closed((client) => client.write('GET / HTTP/1.1\r\n\r\n'));
  await closed((client) => client.resetAndDestroy());
  server.close();
});
