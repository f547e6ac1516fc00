import { App, Chart } from 'cdk8s';
import type { Pod } from 'kubernetes-types/core/v1';
import type { Ingress } from 'kubernetes-types/networking/v1';
import { HostNodes, IngressSync, NodeSyncPolicy, VirtualCluster } from '../../constructs';
import { ApiError, KubeClient, resources, type KubeObject, type ResourceType } from '../../syncer/kube-client';
import { startApiServer, type RunningApiServer } from '../host-cluster';
import { eventually } from '../virtual-cluster/eventually';
import { testedVersions } from './tested-versions';

const ADMISSION = { group: 'admissionregistration.k8s.io', version: 'v1', namespaced: false } as const;
const TYPES: readonly ResourceType[] = [
  resources.serviceAccounts,
  resources.roles,
  resources.roleBindings,
  resources.clusterRoles,
  resources.clusterRoleBindings,
  { ...ADMISSION, resource: 'validatingadmissionpolicies', kind: 'ValidatingAdmissionPolicy' },
  { ...ADMISSION, resource: 'validatingadmissionpolicybindings', kind: 'ValidatingAdmissionPolicyBinding' },
];
const POOL = 'example.org/pool';

let server: RunningApiServer;
let admin: KubeClient;
/** The syncers of two clusters with the policies, of one without, and who else makes pods. */
const as = new Map<string, KubeClient>();

beforeAll(async () => {
  server = await startApiServer({ name: 'host', version: testedVersions().host });
  admin = new KubeClient(server.connection, { userAgent: 'test' });
  await admin.create(resources.namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'team-a' } });
  for (const object of manifests()) {
    const type = TYPES.find(({ kind }) => kind === object.kind);
    if (type) await admin.create(type, object);
  }
  for (const name of ['one', 'two', 'free']) {
    const user = `system:serviceaccount:team-a:${name}`;
    const groups = ['system:serviceaccounts', 'system:serviceaccounts:team-a', 'system:authenticated'];
    as.set(name, new KubeClient(server.connectionFor(user, ...groups), { userAgent: 'test' }));
  }
  // A policy counts a moment after it was made: it has to refuse before the tests say what it allows.
  for (const name of ['one', 'two']) {
    await eventually(`the policies hold for the syncer of cluster ${name}`, async () => {
      const pods = await refusal(dryRun(name, resources.pods, pod({ [POOL]: 'web' })));
      const ingresses = await refusal(dryRun(name, resources.ingresses, ingress('bank.example.com', 'public')));
      return pods !== undefined && ingresses !== undefined ? true : undefined;
    });
  }
});

afterAll(async () => {
  for (const client of [admin, ...as.values()]) await client?.close();
  await server?.stop();
});

function manifests(): KubeObject[] {
  const chart = new Chart(new App(), 'test', { namespace: 'team-a' });
  const nodes = new NodeSyncPolicy(chart, 'gpu', { nodes: HostNodes.matching({ [POOL]: 'gpu' }, { enforce: true }) });
  const ingresses = new IngressSync(chart, 'ingress', {
    allowedHosts: ['shop.example.com', '*.team-a.example.com'],
    allowedClasses: ['public'],
  });
  const sync = { fromHost: { nodes }, toHost: { ingresses } };
  for (const id of ['one', 'two']) new VirtualCluster(chart, id, { sync });
  new VirtualCluster(chart, 'free');
  return chart.toJson() as KubeObject[];
}

function pod(nodeSelector?: Record<string, string>): Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'web', namespace: 'team-a' },
    spec: { containers: [{ name: 'web', image: 'web' }], ...(nodeSelector === undefined ? {} : { nodeSelector }) },
  };
}

function ingress(host: string | undefined, ingressClassName: string | undefined, more: object = {}): Ingress {
  const paths = [{ path: '/', pathType: 'Prefix', backend: { service: { name: 'web', port: { number: 80 } } } }];
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'Ingress',
    metadata: { name: 'web', namespace: 'team-a' },
    spec: {
      ...(ingressClassName === undefined ? {} : { ingressClassName }),
      rules: [{ ...(host === undefined ? {} : { host }), http: { paths } }],
      ...more,
    },
  };
}

const dryRun = (name: string, type: ResourceType, object: KubeObject) =>
  as.get(name)!.create(type, object, { dryRun: true });

/** Why a request was refused; undefined when it was not. */
async function refusal(request: Promise<unknown>): Promise<string | undefined> {
  try {
    await request;
    return undefined;
  } catch (error) {
    if (error instanceof ApiError) return error.message;
    throw error;
  }
}

describe.each(['one', 'two'])('the host refuses to the syncer of cluster %s', (name) => {
  test.each([
    ['a pod that may run on any node', pod()],
    ['a pod for other nodes', pod({ [POOL]: 'web' })],
    ['a pod for other nodes that has the label in another key', pod({ pool: 'gpu' })],
  ])('%s, and takes one for the enforced nodes', async (_, object) => {
    expect(await refusal(dryRun(name, resources.pods, object))).toContain(
      'pods of this virtual cluster run on nodes with example.org/pool=gpu only',
    );
    expect(await refusal(dryRun(name, resources.pods, pod({ [POOL]: 'gpu', zone: 'a' })))).toBeUndefined();
  });

  test.each([
    ['another host', ingress('bank.example.com', 'public'), 'spec.rules: hosts'],
    ['a host that only ends alike', ingress('eviteam-a.example.com', 'public'), 'spec.rules: hosts'],
    ['every host', ingress(undefined, 'public'), 'spec.rules: hosts'],
    [
      'a certificate for another host',
      ingress('shop.example.com', 'public', { tls: [{ hosts: ['bank.example.com'] }] }),
      'spec.tls',
    ],
    [
      'a default backend',
      ingress('shop.example.com', 'public', { defaultBackend: { service: { name: 'web', port: { number: 80 } } } }),
      'spec.defaultBackend',
    ],
    ['another class', ingress('shop.example.com', 'internal'), 'spec.ingressClassName'],
    ['the default class', ingress('shop.example.com', undefined), 'spec.ingressClassName'],
  ])('an Ingress with %s, and takes those that are allowed', async (_, object, message) => {
    expect(await refusal(dryRun(name, resources.ingresses, object))).toContain(message);
    for (const host of ['shop.example.com', 'www.team-a.example.com', '*.team-a.example.com']) {
      const tls = { tls: [{ hosts: [host] }] };
      expect(await refusal(dryRun(name, resources.ingresses, ingress(host, 'public', tls)))).toBeUndefined();
    }
  });
});

test('a cluster without the policies, in the same namespace, is left alone', async () => {
  expect(await refusal(dryRun('free', resources.pods, pod()))).toBeUndefined();
  expect(await refusal(dryRun('free', resources.ingresses, ingress('bank.example.com', undefined)))).toBeUndefined();
});
