import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Pod, Secret, Service } from 'kubernetes-types/core/v1';
import type { Ingress } from 'kubernetes-types/networking/v1';
import { Exposure, KubeconfigServer, TlsPassthrough, type VirtualClusterProps } from '../../constructs';
import { applyManifests } from '../../syncer/bootstrap';
import { addressToBits, bitsToAddress, parseCidr } from '../../syncer/configuration';
import { type AnyObject, resources } from '../../syncer/kube-client';
import { resolveBinaries } from '../host-cluster';
import { eventually, synthesize } from '../virtual-cluster';
import { Tenant } from './tenant';
import { useVirtualCluster } from './virtual-cluster';

const kubeconfigs = [{ secretName: 'for-pods', server: KubeconfigServer.inside() }];
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

const expose = async (exposure: VirtualClusterProps['exposure'] & object): Promise<AnyObject[]> => {
  const { host, name, namespace } = cluster.current;
  const objects = synthesize(name, namespace, { kubeconfigs, exposure });
  await applyManifests(host, objects);
  return objects;
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

test('at an Ingress: the host takes it, and the tenant’s pods live on while the control plane gets the name', async () => {
  const [, before] = await pods();
  const { host, name, namespace } = cluster.current;
  const hostName = 'exposure.example.com';
  await expose(Exposure.ingress({ host: hostName, passthrough: TlsPassthrough.ingressNginx() }));
  try {
    const ingress = await host.get<Ingress>(resources.ingresses, { namespace, name });
    expect(ingress.spec?.rules?.[0]?.host).toBe(hostName);
    const { file } = await eventually('a kubeconfig with the name', async () => {
      const found = await kubeconfig(`vc-${name}`);
      return found.server === `https://${hostName}:443` && found;
    });
    // As a controller that hands TLS on: it calls the Service's address with the client's greeting.
    const address = (await ownService()).spec?.clusterIP;
    const called = () => podsWith(file, '--server', `https://${address}`, '--tls-server-name', hostName);
    expect(await eventually('an answer with a certificate for the name', called, 120)).toBe('pod/web\n');
    expect((await pods())[1]).toBe(before);
  } finally {
    await host.delete(resources.ingresses, { namespace, name });
  }
});
