import { execFile, spawn } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, type PeerCertificate } from 'node:tls';
import { isDeepStrictEqual, promisify } from 'node:util';
import type { StatefulSet } from 'kubernetes-types/apps/v1';
import type { Pod, Secret, Service } from 'kubernetes-types/core/v1';
import { Exposure, KubeconfigServer, TlsPassthrough, type VirtualClusterProps } from '../../constructs';
import { applyManifests } from '../../syncer/bootstrap';
import { addressToBits, bitsToAddress, parseCidr } from '../../syncer/configuration';
import { type AnyObject, ApiError, apiVersionOf, resources } from '../../syncer/kube-client';
import { resolveBinaries } from '../host-cluster';
import {
  gatewayDefinitions,
  gatewayResources,
  passthroughGateway,
  type PassthroughProxy,
  startPassthroughProxy,
} from '../host-cluster/passthrough-proxy';
import { eventually, synthesize } from '../virtual-cluster';
import { Tenant } from './tenant';
import { useVirtualCluster } from './virtual-cluster';

/** Class of the Ingresses and Gateways that are the proxy's. */
const CLASS = 'e2e-exposure';
/** Definitions that this host did not have. */
const defined: AnyObject[] = [];
let proxy: PassthroughProxy | undefined;

const kubeconfigs = [{ secretName: 'for-pods', server: KubeconfigServer.inside() }];
// Before the cluster, whose own hook closes the connections.
afterAll(async () => {
  await proxy?.close();
  for (const { metadata } of defined) {
    await cluster.current.host.delete(resources.customResourceDefinitions, { name: metadata?.name ?? '' });
  }
});

const cluster = useVirtualCluster('exposure', { kubeconfigs, exposure: Exposure.nodePort() });
const tenant = new Tenant(cluster, 'shop');
const directory = mkdtempSync(join(tmpdir(), 'nestling-exposure-'));
let program = '';

beforeAll(async () => {
  program = (await resolveBinaries(['kubectl'], () => undefined)).kubectl;
  await tenant.prepare();
  await tenant.createPod('web');
  await tenant.phase('web', 'Running', 120);
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** A kubeconfig of a Secret, as the syncer wrote it. */
async function kubeconfig(secretName: string, key = 'config'): Promise<{ server: string; file: string }> {
  const { host, namespace } = cluster.current;
  const { data = {} } = await host.get<Secret>(resources.secrets, { namespace, name: secretName });
  const text = Buffer.from(data[key] ?? '', 'base64').toString();
  const file = join(directory, `${secretName}-${key}`);
  writeFileSync(file, text, { mode: 0o600 });
  return { server: /server: "(.*)"/.exec(text)?.[1] ?? '', file };
}

/** What kubectl writes of the tenant's pods with a kubeconfig: it verifies the server's certificate. */
async function podsWith(file: string, ...more: string[]): Promise<string> {
  const args = ['--kubeconfig', file, ...more, '-n', 'shop', 'get', 'pods', '-o', 'name', '--request-timeout=10s'];
  return (await promisify(execFile)(program, args)).stdout;
}

const ownService = () => {
  const { host, name, namespace } = cluster.current;
  return host.get<Service>(resources.services, { namespace, name });
};

/** UIDs of the control plane's pod and of the tenant's, on the host. */
async function pods(): Promise<(string | undefined)[]> {
  const { host, name, namespace } = cluster.current;
  const [own, web] = await Promise.all([
    host.get<Pod>(resources.pods, { namespace, name: `${name}-0` }),
    tenant.onHost<Pod>(resources.pods, 'web'),
  ]);
  return [own, web].map(({ metadata }) => metadata?.uid);
}

const expose = async (exposure: VirtualClusterProps['exposure'] & object): Promise<void> => {
  const { host, name, namespace } = cluster.current;
  const objects = synthesize(name, namespace, { kubeconfigs, exposure });
  const { tlsRoutes } = gatewayResources;
  const isRoute = ({ kind }: AnyObject) => kind === tlsRoutes.kind;
  await applyManifests(
    host,
    objects.filter((one) => !isRoute(one)),
  );
  // Of a kind that the client's own list does not have. A field that the definition lacks is refused.
  for (const route of objects.filter(isRoute)) {
    expect(route.apiVersion).toBe(apiVersionOf(tlsRoutes));
    await host.patch(tlsRoutes, { namespace, name, type: 'apply', fieldManager: 'e2e-exposure' }, route);
  }
};

/** An address that is routed to the node and that nobody has: the last but one of the host's range of Service addresses. */
async function freeAddress(): Promise<string> {
  const { spec } = (await cluster.current.host.get<AnyObject>(resources.serviceCIDRs, { name: 'kubernetes' })) as {
    spec?: { cidrs: string[] };
  };
  const range = parseCidr(spec?.cidrs[0] ?? '');
  if (typeof range === 'string' || range.family !== 'IPv4') throw new Error(`no IPv4 range: ${JSON.stringify(range)}`);
  return bitsToAddress(addressToBits(range.address) + 2n ** BigInt(32 - range.prefix) - 2n, 'IPv4');
}

test('at a node port: the kubeconfig leads to the node, whose address the certificate names', async () => {
  const service = await ownService();
  const { host, name, namespace } = cluster.current;
  const { status } = await host.get<Pod>(resources.pods, { namespace, name: `${name}-0` });
  const { server, file } = await kubeconfig(`vc-${name}`);
  expect(server).toBe(`https://${status?.hostIP}:${service.spec?.ports?.[0]?.nodePort}`);
  expect(await podsWith(file)).toBe('pod/web\n');
});

test('inside of the host the API server is at its Service', async () => {
  const { name, namespace } = cluster.current;
  const { spec } = await ownService();
  for (const { server, file } of [await kubeconfig('for-pods'), await kubeconfig(`vc-${name}`, 'config-inside')]) {
    const inside = `${name}.${namespace}.svc`;
    expect(server).toBe(`https://${inside}:443`);
    // The name resolves inside of the host only: its address is called, and the certificate held to the name.
    const called = await podsWith(file, '--server', `https://${spec?.clusterIP}`, '--tls-server-name', inside);
    expect(called).toBe('pod/web\n');
  }
});

test('at a load balancer: its address is learned when it comes, and nothing is started anew', async () => {
  const { host, name, namespace } = cluster.current;
  const before = await pods();
  const { spec } = await ownService();
  await expose(Exposure.loadBalancer());
  const address = await freeAddress();
  // As the controller of load balancers does.
  await host.patch<Service>(
    resources.services,
    { namespace, name, subresource: 'status', type: 'merge' },
    { status: { loadBalancer: { ingress: [{ ip: address }] } } },
  );
  const file = await eventually('a kubeconfig with the address', async () => {
    const found = await kubeconfig(`vc-${name}`);
    return found.server === `https://${address}:443` && found.file;
  });
  expect(await eventually('an answer with a certificate for the address', () => podsWith(file))).toBe('pod/web\n');
  expect((await ownService()).spec?.clusterIP).toBe(spec?.clusterIP);
  expect(await pods()).toEqual(before);
});

/** A proxy on this machine that goes by the host's Ingresses and TLSRoutes; all who call it know its address without DNS. */
async function useProxy(): Promise<PassthroughProxy> {
  if (proxy) return proxy;
  const { host } = cluster.current;
  for (const definition of gatewayDefinitions) {
    try {
      defined.push(await host.create(resources.customResourceDefinitions, definition));
    } catch (error) {
      // A host that has the Gateway API keeps it.
      if (!ApiError.is(error, 'AlreadyExists')) throw error;
    }
  }
  for (const type of Object.values(gatewayResources)) {
    await eventually(`the host serves ${type.resource}`, () => host.list(type));
  }
  proxy = await startPassthroughProxy({ client: host, ingressClass: CLASS, gatewayClass: CLASS });
  return proxy;
}

/** Greets a server with a name, or with none. @returns its certificate, whoever issued it */
function certificateAt(address: string, port: number, servername?: string): Promise<PeerCertificate> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: address, port, servername, rejectUnauthorized: false });
    socket.once('error', reject);
    socket.once('close', () => reject(new Error(`the connection to ${address}:${port} ended without an answer`)));
    socket.once('secureConnect', () => {
      resolve(socket.getPeerCertificate());
      socket.destroy();
    });
  });
}

/** Waits until the control plane runs with the configuration that was applied last, as `kubectl rollout status` does. */
function rolledOut(): Promise<unknown> {
  const { host, name, namespace } = cluster.current;
  return eventually(
    'the control plane runs with its new configuration',
    async () => {
      const { metadata, status } = await host.get<StatefulSet>(resources.statefulSets, { namespace, name });
      if (status?.observedGeneration !== metadata?.generation) return false;
      return status?.updateRevision === status?.currentRevision && status?.readyReplicas === 1;
    },
    180,
  );
}

/** The tenant's pod as it runs: none of this stays the same when it is made or started anew. */
async function running(): Promise<object> {
  const { metadata, status } = await tenant.onHost<Pod>(resources.pods, 'web');
  const containers = status?.containerStatuses?.map(({ containerID, restartCount }) => ({ containerID, restartCount }));
  return { uid: metadata?.uid, phase: status?.phase, containers };
}

/** Shows with the kubeconfig of the Secret that clients reach the API server through the proxy by `kind`, and it alone. */
async function reachedThrough(kind: 'Ingress' | 'TLSRoute', hostName: string): Promise<void> {
  const { host, name, namespace } = cluster.current;
  const { address, port, connections } = await useProxy();
  await rolledOut();
  const { file } = await eventually('a kubeconfig with the name', async () => {
    const found = await kubeconfig(`vc-${name}`);
    return found.server === `https://${hostName}:${port}` && found;
  });
  // In place of DNS: the proxy's address is called, and the certificate held to the kubeconfig's name.
  const path = ['--kubeconfig', file, '--server', `https://${address}:${port}`, '--tls-server-name', hostName];
  const kubectl = async (...args: string[]) => (await promisify(execFile)(program, [...path, ...args])).stdout;

  const listed = await eventually(
    'namespaces through the proxy',
    () => kubectl('get', 'namespaces', '-o', 'name', '--request-timeout=10s'),
    120,
  );
  expect(listed.split('\n')).toContain('namespace/shop');

  // The client's certificate arrives, and the server's is its own: nobody ended TLS in between.
  const { data = {} } = await host.get<Secret>(resources.secrets, { namespace, name: `vc-${name}` });
  const subject = new X509Certificate(Buffer.from(data['client-certificate'] ?? '', 'base64')).subject.split('\n');
  const { status } = JSON.parse(await kubectl('auth', 'whoami', '-o', 'json')) as {
    status: { userInfo: { username: string; groups: string[] } };
  };
  expect(subject).toContain(`CN=${status.userInfo.username}`);
  expect(subject).toContain('O=system:masters');
  expect(status.userInfo.groups).toContain('system:masters');
  const service = (await ownService()).spec?.clusterIP ?? '';
  const [seen, own] = [await certificateAt(address, port, hostName), await certificateAt(service, 443, hostName)];
  expect(seen.fingerprint256).toBe(own.fingerprint256);
  expect(seen.subjectaltname).toContain(`DNS:${hostName}`);

  // A connection that stays open, and one that becomes something else than HTTP.
  const watch = spawn(program, [...path, '-n', 'shop', 'get', 'configmaps', '--watch', '-o', 'name']);
  const ended = once(watch, 'close');
  let output = '';
  for (const stream of [watch.stdout, watch.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const shows = (line: string) =>
    eventually(`the watch shows ${line}`, () => {
      if (!output.split('\n').includes(line)) throw new Error(`it shows ${JSON.stringify(output)}`);
      return Promise.resolve(true);
    });
  try {
    await shows('configmap/kube-root-ca.crt');
    const made = `by-${kind.toLowerCase()}`;
    await kubectl('-n', 'shop', 'create', 'configmap', made);
    await shows(`configmap/${made}`);
  } finally {
    watch.kill();
    await ended;
  }
  const said = await eventually('a command in a pod', () =>
    kubectl('-n', 'shop', 'exec', 'web', '--', 'echo', 'hello'),
  );
  expect(said).toBe('hello\n');

  for (const stranger of ['stranger.example.com', `sub.${hostName}`, undefined]) {
    await expect(certificateAt(address, port, stranger)).rejects.toThrow(/unrecognized name/i);
  }
  const mine = connections.filter(({ serverName }) => serverName === hostName);
  expect(mine.length).toBeGreaterThanOrEqual(6);
  const expected = { serverName: hostName, by: `${kind} ${namespace}/${name}`, address: service, port: 443 };
  expect(mine.filter((one) => !isDeepStrictEqual(one, expected))).toEqual([]);
}

/** Waits until the proxy refuses a name. */
async function refused(hostName: string): Promise<void> {
  const { address, port } = await useProxy();
  await eventually(`${hostName} is refused`, async () => {
    const answer = await certificateAt(address, port, hostName).catch((error: unknown) => String(error));
    return typeof answer === 'string' && /unrecognized name/i.test(answer);
  });
}

test('at an Ingress: clients come through a proxy that hands TLS on, and the tenant’s pods live on', async () => {
  const before = await running();
  const { host, name, namespace } = cluster.current;
  const hostName = 'ingress.exposure.example.com';
  const { port } = await useProxy();
  await refused(hostName);
  const passthrough = TlsPassthrough.ingressNginx();
  await expose(Exposure.ingress({ host: hostName, port, className: CLASS, passthrough }));
  try {
    await reachedThrough('Ingress', hostName);
  } finally {
    await host.delete(resources.ingresses, { namespace, name });
  }
  await refused(hostName);
  expect(await running()).toEqual(before);
});

test('at a TLSRoute: clients come through a Gateway that hands TLS on, and the tenant’s pods live on', async () => {
  const before = await running();
  const { host, namespace } = cluster.current;
  const hostName = 'route.exposure.example.com';
  const { port } = await useProxy();
  const gateway = { name: 'edge', sectionName: 'tls' };
  await host.create(gatewayResources.gateways, passthroughGateway({ name: gateway.name, namespace }, CLASS, port));
  const { name } = cluster.current;
  await expose(Exposure.tlsRoute({ host: hostName, port, gateway }));
  try {
    await reachedThrough('TLSRoute', hostName);
  } finally {
    await host.delete(gatewayResources.tlsRoutes, { namespace, name });
  }
  await refused(hostName);
  expect(await running()).toEqual(before);
});
