import { App, Chart } from 'cdk8s';
import type { Pod, Service } from 'kubernetes-types/core/v1';
import { explain, VirtualCluster, type TenantManifest } from '../../constructs';
import { resources, type KubeObject, type ResourceType } from '../../syncer/kube-client';
import { eventually } from '../virtual-cluster/eventually';
import { HOST_NAMESPACE, NAME } from './in-process-syncer';
import { TwoClusters } from './two-clusters';

const cluster = new VirtualCluster(new Chart(new App(), 'test', { namespace: HOST_NAMESPACE }), NAME);
let clusters: TwoClusters;

beforeAll(async () => {
  clusters = await TwoClusters.start();
});

afterAll(async () => {
  await clusters?.stop();
});

/** What explain says that the host has, of the object as the virtual API server keeps it. */
async function explained(virtual: KubeObject): Promise<{ metadata: object; spec: object }> {
  const anchor = await clusters.host.get(resources.configMaps, { namespace: HOST_NAMESPACE, name: `${NAME}-anchor` });
  const dns = await clusters.host.get<Service>(resources.services, {
    namespace: HOST_NAMESPACE,
    name: `kube-dns-x-kube-system-x-${NAME}`,
  });
  const facts = { apiServerIP: '10.96.0.1', dnsIP: dns.spec?.clusterIP ?? '' };
  const { outcome, reason, hostObject } = explain(virtual as TenantManifest, cluster, facts);
  expect([outcome, reason]).toEqual(['synced', '']);
  const text = JSON.stringify(hostObject)
    .replaceAll(`<UID of ConfigMap ${NAME}-anchor>`, anchor.metadata?.uid ?? '')
    .replaceAll(`<UID of the ${virtual.kind}>`, virtual.metadata?.uid ?? '')
    // The syncer of these tests runs pods as another account.
    .replaceAll(`"${NAME}-workloads"`, '"default"');
  return JSON.parse(text) as { metadata: object; spec: object };
}

/** Holds the twin that the syncer made to what explain says; the host's API server has added its own defaults. */
async function expectTwin(type: ResourceType, name: string): Promise<void> {
  const twin = await eventually(`${type.kind} ${name} is on the host`, () => clusters.twin(type, name));
  const virtual = await clusters.virtual.get<Pod>(type, { namespace: 'default', name });
  // The binding follows the twin.
  delete virtual.spec?.nodeName;
  const { metadata, spec } = await explained({ ...virtual, apiVersion: twin.apiVersion ?? '', kind: type.kind });
  expect(twin).toMatchObject({ metadata, spec });
}

test('explain says of a pod what the syncer makes on the host', async () => {
  const configMap = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'conf', namespace: 'default' },
    data: { a: 'b' },
  };
  await clusters.virtual.create(resources.configMaps, configMap);
  const containers = [
    {
      name: 'main',
      image: 'example.org/main:1',
      env: [{ name: 'NAMESPACE', valueFrom: { fieldRef: { fieldPath: 'metadata.namespace' } } }],
      envFrom: [{ configMapRef: { name: 'conf' } }],
    },
  ];
  const volumes = [{ name: 'conf', configMap: { name: 'conf' } }];
  await clusters.createPod('web', { containers, volumes } as Partial<NonNullable<Pod['spec']>>, {
    labels: { app: 'web', 'example.org/team': 'a' },
    annotations: { 'example.org/note': 'mine' },
  });
  await expectTwin(resources.pods, 'web');
});

test('explain says of Services, Ingresses and NetworkPolicies what the syncer makes on the host', async () => {
  const metadata = { name: 'web', namespace: 'default' };
  const backend = { service: { name: 'web', port: { number: 80 } } };
  const objects: readonly (readonly [ResourceType, object])[] = [
    [resources.services, { spec: { selector: { app: 'web' }, ports: [{ port: 80 }], externalIPs: ['192.0.2.1'] } }],
    [
      resources.ingresses,
      { spec: { rules: [{ host: 'a.example.com', http: { paths: [{ path: '/', pathType: 'Prefix', backend }] } }] } },
    ],
    [
      resources.networkPolicies,
      {
        spec: {
          podSelector: { matchLabels: { app: 'web' } },
          policyTypes: ['Ingress', 'Egress'],
          egress: [{ to: [{ podSelector: {} }] }],
          ingress: [{ from: [{ podSelector: { matchLabels: { app: 'client' } } }] }],
        },
      },
    ],
  ];
  for (const [type, body] of objects) {
    const apiVersion = type.group === '' ? type.version : `${type.group}/${type.version}`;
    await clusters.virtual.create(type, { apiVersion, kind: type.kind, metadata, ...body });
    await expectTwin(type, 'web');
  }
});
