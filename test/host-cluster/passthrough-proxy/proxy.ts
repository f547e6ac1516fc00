import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import type { Service } from 'kubernetes-types/core/v1';
import type { Ingress } from 'kubernetes-types/networking/v1';
import { createLogger, ObjectCache, Reflector } from '../../../syncer/engine';
import { type KubeClient, type KubeObject, resources, type ResourceType } from '../../../syncer/kube-client';
import { readGreeting } from './client-hello';
import { type Gateway, gatewayResources, type TlsRoute } from './gateway-api';
import { type Route, routeOf } from './routes';

/** What a proxy works with. */
export interface PassthroughProxyOptions {
  /** Reads Ingresses, Gateways, TLSRoutes and Services of all namespaces; the host has to have those kinds. */
  readonly client: KubeClient;
  /** Class of the Ingresses that are this proxy's. */
  readonly ingressClass: string;
  /** Class of the Gateways that are this proxy's. */
  readonly gatewayClass: string;
}

/** A connection that was handed on. */
export interface HandedOn extends Route {
  /** Name in the greeting. */
  readonly serverName: string;
}

/** A proxy that runs. */
export interface PassthroughProxy {
  readonly address: string;
  readonly port: number;
  /** All connections that were handed on so far. */
  readonly connections: readonly HandedOn[];
  /** Ends all connections, and what it watches. */
  close(): Promise<void>;
}

const ADDRESS = '127.0.0.1';
/** Bytes of a greeting that are read at most. */
const MAX_GREETING_BYTES = 32 * 1024;
/** The TLS alert `unrecognized_name`, fatal: RFC 6066, section 3. */
const UNRECOGNIZED_NAME = Buffer.from([21, 3, 1, 0, 2, 2, 112]);

/**
 * Starts a proxy on this machine that leads TLS connections to Services by the name in their greeting, and hands TLS on as it is: it has
 * no key. It goes by nothing but the Ingresses and TLSRoutes of its classes; a name that none of them has is refused.
 */
export async function startPassthroughProxy(options: PassthroughProxyOptions): Promise<PassthroughProxy> {
  const { client, ingressClass, gatewayClass } = options;
  const logger = createLogger({ level: 'error', name: 'passthrough-proxy' });
  const stop = new AbortController();
  const reflectors: Promise<void>[] = [];
  const follow = <T extends KubeObject>(type: ResourceType): ObjectCache<T> => {
    const cache = new ObjectCache<T>(type.resource);
    reflectors.push(new Reflector<T>({ client, type, cache, logger }).run(stop.signal));
    return cache;
  };
  const ingresses = follow<Ingress>(resources.ingresses);
  const gateways = follow<Gateway>(gatewayResources.gateways);
  const tlsRoutes = follow<TlsRoute>(gatewayResources.tlsRoutes);
  const services = follow<Service>(resources.services);

  const connections: HandedOn[] = [];
  const open = new Set<Socket>();
  const keep = (socket: Socket): void => {
    open.add(socket);
    socket.on('error', () => socket.destroy());
    socket.once('close', () => open.delete(socket));
  };
  const server = createServer((socket) => {
    keep(socket);
    let bytes = Buffer.alloc(0);
    const read = (chunk: Buffer): void => {
      bytes = Buffer.concat([bytes, chunk]);
      const greeting = readGreeting(bytes);
      if (greeting === 'incomplete') {
        if (bytes.length > MAX_GREETING_BYTES) socket.destroy();
        return;
      }
      socket.off('data', read);
      socket.pause();
      const { serverName } = greeting;
      const route =
        serverName === undefined
          ? undefined
          : routeOf(serverName, {
              ingressClass,
              gatewayClass,
              port: (server.address() as AddressInfo).port,
              ingresses: ingresses.values(),
              gateways: gateways.values(),
              tlsRoutes: tlsRoutes.values(),
              services: services.values(),
            });
      if (serverName === undefined || route === undefined) {
        socket.end(UNRECOGNIZED_NAME, () => socket.destroy());
        return;
      }
      connections.push({ serverName, ...route });
      const upstream = connect(route.port, route.address);
      keep(upstream);
      // Each end takes the other with it, once what came from it is written.
      socket.once('close', () => upstream.destroySoon());
      upstream.once('close', () => socket.destroySoon());
      upstream.write(bytes);
      socket.pipe(upstream).pipe(socket);
    };
    socket.on('data', read);
  });
  const close = async (): Promise<void> => {
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    for (const socket of open) socket.destroy();
    stop.abort();
    await Promise.all([closed, ...reflectors]);
  };
  try {
    await Promise.all([ingresses, gateways, tlsRoutes, services].map((cache) => cache.whenSynced(stop.signal)));
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(0, ADDRESS, resolve);
    });
  } catch (error) {
    await close();
    throw error;
  }
  return { address: ADDRESS, port: (server.address() as AddressInfo).port, connections, close };
}
