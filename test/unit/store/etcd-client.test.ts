import { once } from 'node:events';
import { createServer, type Server } from 'node:https';
import type { ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { EtcdClient } from '../../../syncer/store';
import { Authority } from '../../host-cluster/certificates';

/* A server that asks for certificates as etcd does, and holds its answers back until it is told to give them. */

const authority = new Authority('store');
const serving = authority.issue({ commonName: 'etcd', addresses: ['127.0.0.1'] });
const before = authority.issue({ commonName: 'before' });
const after = authority.issue({ commonName: 'after' });

let server: Server;
let client: EtcdClient;
/** Who asked, and the answers that were not given yet. */
let callers: string[];
let held: ServerResponse[];
let holds: boolean;

beforeEach(async () => {
  [callers, held, holds] = [[], [], false];
  server = createServer(
    {
      cert: serving.certificate,
      key: serving.key,
      ca: authority.pem.certificate,
      requestCert: true,
      rejectUnauthorized: true,
    },
    (request, response) => {
      request.resume();
      const { subject } = (request.socket as TLSSocket).getPeerCertificate();
      callers.push(String(subject.CN));
      if (holds) held.push(response);
      else response.end('{}');
    },
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  client = new EtcdClient({
    url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    certificateAuthority: authority.pem.certificate,
    ...before,
  });
});

afterEach(async () => {
  client.close();
  const closed = once(server, 'close');
  server.close();
  server.closeAllConnections();
  await closed;
});

test('goes on with a renewed certificate, on a connection of its own', async () => {
  await client.disarm('1');
  client.renew(after);
  await client.disarm('1');
  await client.disarm('1');
  expect(callers).toEqual(['before', 'after', 'after']);
});

test('a call that is under way when the certificate is renewed ends on its connection', async () => {
  holds = true;
  const running = client.disarm('1');
  await once(server, 'request');
  holds = false;
  client.renew(after);
  await client.disarm('2');
  expect(callers).toEqual(['before', 'after']);
  for (const response of held) response.end('{}');
  await expect(running).resolves.toBeUndefined();
  await client.disarm('3');
  expect(callers).toEqual(['before', 'after', 'after']);
});

test('a certificate that the store does not take is told by the next call', async () => {
  await client.disarm('1');
  const stranger = new Authority('other').issue({ commonName: 'stranger' });
  client.renew(stranger);
  await expect(client.disarm('2')).rejects.toThrow();
  client.renew(after);
  await client.disarm('3');
  expect(callers).toEqual(['before', 'after']);
});
