import { once } from 'node:events';
import { type AddressInfo, connect as connectTcp, createServer, type Socket } from 'node:net';
import { connect } from 'node:tls';
import type { Service } from 'kubernetes-types/core/v1';
import type { Ingress } from 'kubernetes-types/networking/v1';
import { App, Chart } from 'cdk8s';
import { Exposure, TlsPassthrough, VirtualCluster } from '../../../constructs';
import { type Greeting, readGreeting } from '../../host-cluster/passthrough-proxy/client-hello';
import { passthroughGateway, type Gateway, type TlsRoute } from '../../host-cluster/passthrough-proxy/gateway-api';
import { routeOf, type RoutingObjects } from '../../host-cluster/passthrough-proxy/routes';

/** What a TLS client says first. */
async function greetingOf(servername?: string): Promise<Buffer> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const accepted = once(server, 'connection') as Promise<[Socket]>;
  const { port } = server.address() as AddressInfo;
  const client = connect({ socket: connectTcp(port, '127.0.0.1'), servername });
  client.on('error', () => undefined);
  try {
    const [socket] = await accepted;
    let bytes = Buffer.alloc(0);
    while (bytes.length < 5 || bytes.length < 5 + bytes.readUInt16BE(3)) {
      const [chunk] = (await once(socket, 'data')) as [Buffer];
      bytes = Buffer.concat([bytes, chunk]);
    }
    socket.destroy();
    return bytes;
  } finally {
    client.destroy();
    server.close();
  }
}

/** The same greeting in records of so many bytes. */
function inRecords(bytes: Buffer, size: number): Buffer {
  const message = bytes.subarray(5);
  const records: Buffer[] = [];
  for (let at = 0; at < message.length; at += size) {
    const part = message.subarray(at, at + size);
    records.push(Buffer.from([22, 3, 1, part.length >> 8, part.length & 255]), part);
  }
  return Buffer.concat(records);
}

const nobody: Greeting = { serverName: undefined };

test('the name is read from a greeting, in one record or in many, and not before it is whole', async () => {
  const bytes = await greetingOf('API.vc.example.com');
  for (const stream of [bytes, inRecords(bytes, 50), inRecords(bytes, 3)]) {
    expect(readGreeting(stream)).toEqual({ serverName: 'api.vc.example.com' });
    const parts = [...Array(20).keys(), 100, stream.length - 1].map((length) => stream.subarray(0, length));
    expect(parts.map(readGreeting)).toEqual(parts.map(() => 'incomplete'));
  }
});

test('a greeting without a name and what is no greeting name nobody', async () => {
  expect(readGreeting(await greetingOf())).toEqual(nobody);
  expect(readGreeting(Buffer.from('GET / HTTP/1.1\r\n'))).toEqual(nobody);
  expect(readGreeting(Buffer.from([22, 3, 1, 0, 4, 2, 0, 0, 0]))).toEqual(nobody);
  // A greeting whose parts say that they are longer than it is.
  expect(readGreeting(Buffer.from([22, 3, 1, 0, 6, 1, 0, 0, 2, 3, 3]))).toEqual(nobody);
});

const HOST = 'vc.example.com';
const services: Service[] = [
  {
    metadata: { namespace: 'team', name: 'vc' },
    spec: { clusterIP: '10.0.0.7', ports: [{ name: 'https', port: 443 }] },
  },
];
const gateway = passthroughGateway({ namespace: 'infra', name: 'edge' }, 'ours', 8443);

/** The object of a kind that an exposure makes, with the defaults that the definition of TLSRoute gives. */
function made(exposure: Exposure): { ingresses: Ingress[]; tlsRoutes: TlsRoute[] } {
  const chart = new Chart(new App(), 'test', { namespace: 'team' });
  new VirtualCluster(chart, 'vc', { exposure });
  const objects = chart.toJson() as { kind: string }[];
  const ingresses = objects.filter(({ kind }) => kind === 'Ingress') as Ingress[];
  const tlsRoutes = objects.filter(({ kind }) => kind === 'TLSRoute') as unknown as TlsRoute[];
  return {
    ingresses,
    tlsRoutes: tlsRoutes.map(({ spec, ...rest }) => ({
      ...rest,
      spec: {
        ...spec,
        rules: spec.rules.map(({ backendRefs }) => ({
          backendRefs: backendRefs.map((backend) => ({ ...backend, group: '', kind: 'Service' })),
        })),
      },
    })),
  };
}

const route = (objects: Partial<RoutingObjects>, name = HOST) =>
  routeOf(name, {
    ingressClass: 'ours',
    gatewayClass: 'ours',
    port: 8443,
    ingresses: [],
    gateways: [gateway],
    tlsRoutes: [],
    services,
    ...objects,
  });

describe('an Ingress', () => {
  const passthrough = TlsPassthrough.ingressNginx();
  const { ingresses } = made(Exposure.ingress({ host: HOST, className: 'ours', passthrough }));

  test('leads its name to its Service', () => {
    expect(route({ ingresses })).toEqual({ by: 'Ingress team/vc', address: '10.0.0.7', port: 443 });
  });

  test('leads nobody where it has another name, class or Service, or does not ask for passthrough', () => {
    expect(route({ ingresses }, 'other.example.com')).toBeUndefined();
    expect(route({ ingresses, ingressClass: 'theirs' })).toBeUndefined();
    expect(route({ ingresses, services: [] })).toBeUndefined();
    const terminating = TlsPassthrough.annotations({ 'nginx.ingress.kubernetes.io/backend-protocol': 'HTTPS' });
    const { ingresses: without } = made(Exposure.ingress({ host: HOST, className: 'ours', passthrough: terminating }));
    expect(route({ ingresses: without })).toBeUndefined();
  });
});

describe('a TLSRoute', () => {
  const reference = { name: 'edge', namespace: 'infra', sectionName: 'tls' };
  const { tlsRoutes } = made(Exposure.tlsRoute({ host: HOST, gateway: reference }));
  const listening = (change: Partial<Gateway['spec']['listeners'][number]>): Gateway[] => [
    { ...gateway, spec: { ...gateway.spec, listeners: gateway.spec.listeners.map((one) => ({ ...one, ...change })) } },
  ];

  test('leads its name to its Service', () => {
    expect(route({ tlsRoutes })).toEqual({ by: 'TLSRoute team/vc', address: '10.0.0.7', port: 443 });
  });

  test.each([
    { name: 'edge' },
    { name: 'other', namespace: 'infra' },
    { name: 'edge', namespace: 'infra', sectionName: 'https' },
  ])('leads nobody where it belongs to no Gateway that is there: %j', (other) => {
    expect(route(made(Exposure.tlsRoute({ host: HOST, gateway: other })))).toBeUndefined();
  });

  test('leads nobody where the Gateway does not let it in or ends TLS, and no other name', () => {
    expect(route({ tlsRoutes }, 'other.example.com')).toBeUndefined();
    expect(route({ tlsRoutes, gatewayClass: 'theirs' })).toBeUndefined();
    expect(route({ tlsRoutes, port: 9443 })).toBeUndefined();
    expect(route({ tlsRoutes, gateways: listening({ tls: { mode: 'Terminate' } }) })).toBeUndefined();
    expect(route({ tlsRoutes, gateways: listening({ hostname: 'other.example.com' }) })).toBeUndefined();
    const same = { namespaces: { from: 'Same' } } as const;
    expect(route({ tlsRoutes, gateways: listening({ allowedRoutes: same }) })).toBeUndefined();
  });
});
