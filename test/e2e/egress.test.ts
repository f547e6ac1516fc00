import type { Pod } from 'kubernetes-types/core/v1';
import { KubeClient, resources } from '../../syncer/kube-client';
import type { KubeObject, ResourceType } from '../../syncer/kube-client';
import { createAuthority, Issuer } from '../../syncer/pki';
import { resolveHost } from '../host-cluster';
import type { Host } from '../host-cluster';
import { eventually } from '../virtual-cluster';
import { countPackets } from './packet-counter';
import type { Destination, PacketCounter } from './packet-counter';
import { Tenant } from './tenant';
import { AGNHOST, PORTS, provideAgnhost, send, trafficPod } from './traffic';
import { useVirtualCluster } from './virtual-cluster';

// What the virtual API server connects to when a tenant tells it to: its own pods, and nothing else, by whatever way it is told.
const cluster = useVirtualCluster('egress');
const shop = new Tenant(cluster, 'shop');
const FOREIGN = 'e2e-egress-foreign';
const REFUSAL = 'not a node, pod or service of this virtual cluster';
const METADATA = '169.254.169.254';
/** What the API server says until it knows a Service and its endpoints. */
const NO_ENDPOINTS = /no endpoints available|not found/;
const webhooks: ResourceType = {
  ...{ group: 'admissionregistration.k8s.io', version: 'v1', namespaced: false },
  ...{ resource: 'validatingwebhookconfigurations', kind: 'ValidatingWebhookConfiguration' },
};

let host: Host;
let admin: KubeClient;
let counter: PacketCounter;
/** What no tenant may have reached: by name, in the order of the counter. */
const forbidden = new Map<string, Destination>();
let authority: ReturnType<typeof createAuthority>;

beforeAll(async () => {
  host = await resolveHost({});
  await provideAgnhost(host);
  admin = new KubeClient(host.connection, { userAgent: 'nestling-test' });
  await admin.create(resources.namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: FOREIGN } });
  await eventually('the service account of the foreign namespace', () =>
    admin.get(resources.serviceAccounts, { namespace: FOREIGN, name: 'default' }),
  );
  await admin.create<Pod>(resources.pods, trafficPod(FOREIGN, 'till'));
  await shop.prepare();
  await makeWebhookServer();
  const foreign = await eventually('the foreign pod is there', async () => {
    const { status } = await admin.get<Pod>(resources.pods, { namespace: FOREIGN, name: 'till' });
    return status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True')
      ? status.podIP
      : undefined;
  });
  const api = new URL(host.connection.server);
  forbidden.set('the host’s API server', { address: api.hostname, port: Number(api.port) });
  forbidden.set('the metadata address', { address: METADATA, port: 80 });
  forbidden.set('another tenant’s pod', { address: foreign ?? '', port: PORTS.http });
  // Who connects for the API server, and the tenant's pod by which the counter is shown to count.
  const { name, namespace } = cluster.current;
  const controlPlane = await admin.get<Pod>(resources.pods, { namespace, name: `${name}-0` });
  const sources = [controlPlane.status?.podIP ?? '', (await shop.pod('hook')).status?.podIP ?? ''];
  counter = await countPackets(host, sources, [...forbidden.values()]);
});

afterAll(async () => {
  await counter?.remove();
  await admin?.delete(resources.namespaces, { name: FOREIGN });
  await admin?.close();
});

/** A pod that serves webhooks with a certificate for its Service, as tenants make them. */
async function makeWebhookServer(): Promise<void> {
  const validity = { notBefore: new Date(Date.now() - 60_000), notAfter: new Date(Date.now() + 86_400_000) };
  authority = createAuthority('webhooks', validity);
  const { certificate, key } = new Issuer(authority).issue(
    { commonName: 'hook', dnsNames: ['hook.shop.svc'], usages: ['server'] },
    validity,
  );
  await shop.create(resources.secrets, 'hook', { stringData: { 'tls.crt': certificate, 'tls.key': key } });
  await shop.create(resources.services, 'hook', {
    spec: {
      selector: { app: 'hook' },
      ports: [
        { name: 'https', port: 443, targetPort: 8443 },
        { name: 'web', port: 80, targetPort: PORTS.http },
      ],
    },
  });
  const args = ['--tls-cert-file=/tls/tls.crt', '--tls-private-key-file=/tls/tls.key', '--port=8443'];
  const volumeMounts = [{ name: 'tls', mountPath: '/tls' }];
  const { spec } = trafficPod('shop', 'hook');
  await shop.createPod(
    'hook',
    {
      ...spec,
      containers: [
        ...(spec?.containers ?? []),
        { name: 'hook', image: AGNHOST, args: ['webhook', ...args], volumeMounts },
      ],
      volumes: [{ name: 'tls', secret: { secretName: 'hook' } }],
    },
    { labels: { app: 'hook' } },
  );
  await shop.ready('hook');
}

/** What becomes of a ConfigMap while a webhook stands before it. */
async function withWebhook(clientConfig: object): Promise<string> {
  await cluster.current.virtual.create(webhooks, {
    metadata: { name: 'probe' },
    webhooks: [
      {
        ...{ name: 'probe.example.com', clientConfig, failurePolicy: 'Fail', sideEffects: 'None', timeoutSeconds: 10 },
        rules: [{ apiGroups: [''], apiVersions: ['v1'], resources: ['configmaps'], operations: ['CREATE'] }],
        namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'shop' } },
        admissionReviewVersions: ['v1'],
      },
    ],
  } as KubeObject);
  try {
    return await eventually('the API server asks the webhook', async () => {
      const { code, stderr } = await shop.kubectl('create', 'configmap', 'probe', '--dry-run=server');
      return code === 0 || NO_ENDPOINTS.test(stderr) ? undefined : stderr;
    });
  } finally {
    await cluster.current.virtual.delete(webhooks, { name: 'probe' });
  }
}

/** Why an APIService is not available. */
async function withApiService(service: object): Promise<string> {
  const name = 'v1.probe.example.com';
  await cluster.current.virtual.create(resources.apiServices, {
    metadata: { name },
    spec: {
      ...{ group: 'probe.example.com', version: 'v1', groupPriorityMinimum: 100, versionPriority: 100 },
      ...{ insecureSkipTLSVerify: true, service: { namespace: 'shop', ...service } },
    },
  } as KubeObject);
  interface Conditions extends KubeObject {
    readonly status?: { readonly conditions?: readonly { readonly reason: string; readonly message: string }[] };
  }
  try {
    return await eventually('the API server has asked for the API', async () => {
      const { status } = await cluster.current.virtual.get<Conditions>(resources.apiServices, { name });
      const message = status?.conditions?.find(({ reason }) => reason === 'FailedDiscoveryCheck')?.message;
      return message?.includes('no endpoints available') ? undefined : message;
    });
  } finally {
    await cluster.current.virtual.delete(resources.apiServices, { name });
  }
}

const raw = async (path: string) => {
  const { code, stdout, stderr } = await shop.kubectl('get', '--raw', `/api/v1/namespaces/shop${path}`);
  return code === 0 ? stdout : stderr;
};

test('a webhook that a pod of the tenant serves is asked', async () => {
  const caBundle = Buffer.from(authority.certificate).toString('base64');
  const service = { namespace: 'shop', name: 'hook', path: '/always-deny' };
  expect(await withWebhook({ service, caBundle })).toContain('this webhook denies all requests');
});

test('pods, Services and APIs of the tenant are reached through the API server', async () => {
  expect(await raw(`/pods/hook:${PORTS.http}/proxy/hostname`)).toBe('hook');
  expect(await raw('/services/hook:web/proxy/hostname')).toBe('hook');
  // It is no API, which the API server can only have heard from itself.
  expect(await withApiService({ name: 'hook', port: 443 })).toContain('404');
});

describe('no packet goes to what is not the tenant’s', () => {
  let before: number[];

  // That the counter sees packets at all is shown by the tenant's own pod, which nothing here keeps from sending.
  beforeAll(async () => {
    for (const { address, port } of forbidden.values()) {
      // Whatever comes back: nobody has the metadata address here.
      await send(cluster.current.kubeconfigPath, { namespace: 'shop', pod: 'hook' }, { host: address, port }).catch(
        () => undefined,
      );
    }
    before = await eventually('the counter has seen a packet to each, and sees no more', async () => {
      const first = await counter.counts();
      await new Promise((resolve) => setTimeout(resolve, 500));
      const second = await counter.counts();
      return first.every((count, index) => count > 0 && count === second[index]) ? second : undefined;
    });
  });

  afterEach(async () => {
    expect({ packets: await counter.counts() }).toEqual({ packets: before });
  });

  const targets = ['the host’s API server', 'the metadata address', 'another tenant’s pod'];
  const target = (name: string): Destination => {
    const found = forbidden.get(name);
    if (!found) throw new Error(`no target ${name}`);
    return found;
  };

  test.each(targets)('for a webhook at the URL of %s', async (name) => {
    const { address, port } = target(name);
    expect(await withWebhook({ url: `https://${address}:${port}/` })).toContain(REFUSAL);
  });

  test.each(targets)('for a Service with hand-made endpoints at %s', async (name) => {
    const { address, port } = target(name);
    const slices = async (): Promise<number> => {
      const of = { namespace: 'shop', labelSelector: 'kubernetes.io/service-name=handmade' };
      return (await cluster.current.virtual.list(resources.endpointSlices, of)).items.length;
    };
    // Endpoints: upstream makes an EndpointSlice of them, so that both are there.
    const endpoints = {
      subsets: [{ addresses: [{ ip: address }], ports: [{ name: 'https', port, protocol: 'TCP' }] }],
    };
    await shop.create(resources.services, 'handmade', {
      spec: { ports: [{ name: 'https', port: 443, targetPort: port }] },
    });
    try {
      if (address === METADATA) {
        // Upstream's own rule: no endpoint may be a link-local address.
        await expect(shop.create(resources.endpoints, 'handmade', endpoints)).rejects.toThrow('link-local');
        return;
      }
      await shop.create(resources.endpoints, 'handmade', endpoints);
      await eventually('upstream has made an EndpointSlice of them', async () => (await slices()) > 0);
      // Upstream's own rule: through a Service's proxy only endpoints that are pods are reached.
      expect(await raw('/services/https:handmade:https/proxy/')).toContain('no endpoints available');
      expect(await withWebhook({ service: { namespace: 'shop', name: 'handmade' } })).toContain(REFUSAL);
      expect(await withApiService({ name: 'handmade', port: 443 })).toContain(REFUSAL);
    } finally {
      const at = { namespace: 'shop', name: 'handmade' };
      await cluster.current.virtual.delete(resources.services, at);
      await cluster.current.virtual.delete(resources.endpoints, at).catch(() => undefined);
      await eventually('the endpoints are gone', async () => (await slices()) === 0);
    }
  });

  test.each(targets)('for a pod whose status names %s', async (name) => {
    const { address, port } = target(name);
    // Gated: it has no twin on the host, whose status would win.
    await shop.createPod('liar', { schedulingGates: [{ name: 'example.com/never' }] }, { labels: { app: 'liar' } });
    await shop.create(resources.services, 'liar', {
      spec: {
        selector: { app: 'liar' },
        publishNotReadyAddresses: true,
        ports: [{ name: 'web', port: 80, targetPort: port }],
      },
    });
    const at = { namespace: 'shop', name: 'liar' };
    try {
      const status = {
        ...{ phase: 'Running', podIP: address, podIPs: [{ ip: address }] },
        conditions: [{ type: 'Ready', status: 'True' }],
      };
      await cluster.current.virtual.patch(resources.pods, { ...at, type: 'merge', subresource: 'status' }, { status });
      expect((await shop.pod('liar')).status?.podIP).toBe(address);
      const refusal = await raw(`/pods/liar:${port}/proxy/`);
      if (address === METADATA) {
        // The API server itself goes to no link-local address, and no endpoint may be one.
        expect(refusal).toContain('address not allowed');
      } else {
        expect(refusal).toContain(REFUSAL);
        const answer = await eventually('the API server knows the endpoints', async () => {
          const text = await raw('/services/liar:web/proxy/');
          return NO_ENDPOINTS.test(text) ? undefined : text;
        });
        expect(answer).toContain(REFUSAL);
      }
    } finally {
      await cluster.current.virtual.delete(resources.services, at);
      await cluster.current.virtual.delete(resources.pods, at);
    }
  });
});
