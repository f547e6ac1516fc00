import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App, Chart, Duration, Size } from 'cdk8s';
import type { PersistentVolumeClaim, Pod } from 'kubernetes-types/core/v1';
import {
  ContainerDefaults,
  Cpu,
  Exposure,
  FieldPatch,
  HostNodes,
  ImageSources,
  IngressSync,
  Isolation,
  KubernetesVersion,
  NetworkPeer,
  NodeSyncPolicy,
  PodSecurityLevel,
  Quota,
  RightsScope,
  Scheduler,
  SleepSchedule,
  Store,
  synthLocked,
  TlsPassthrough,
  VirtualCluster,
  type ContainerDefaultsProps,
  type ContainerResources,
  type ControlPlaneResources,
  type DnsProps,
  type HostServicesProps,
  type IsolationProps,
  type NetworkIsolationProps,
  type QuotaProps,
  type SyncFromHostProps,
  type SyncProps,
  type SyncToHostProps,
  type VirtualClusterProps,
} from '../../constructs';
import { applyManifests } from '../../syncer/bootstrap';
import { CONFIGURATION_KEY, controlPlaneNames } from '../../syncer/configuration';
import { parseConfiguration } from '../../syncer/configuration/document';
import { ApiError, resources, type AnyObject, type ResourceType } from '../../syncer/kube-client';
import { ANNOTATIONS } from '../../syncer/translation';
import { gatewayDefinitions, gatewayResources } from '../host-cluster/passthrough-proxy/gateway-api';
import { eventually } from '../virtual-cluster/eventually';
import { HOST_NAMESPACE, NAME, type SyncerSettings } from './in-process-syncer';
import { TwoClusters } from './two-clusters';

/*
 * Every property of a virtual cluster is changed while a tenant's pods and claims are there: what synthesis writes goes to the host, what it
 * writes no more is deleted, as those do who apply a repository, with the host's garbage collection at work, and the syncer starts again with
 * the new configuration. The tables below have every property, or they do not compile.
 */

/** What a property is changed to, one after the other; for one that cannot be changed, a value that synthesis refuses. */
type Changes<T> = {
  readonly [K in keyof Required<T>]: readonly NonNullable<T[K]>[] | { readonly locked: NonNullable<T[K]> };
};

const amounts: Required<ContainerResources> = {
  cpuRequest: Cpu.millis(10),
  cpuLimit: Cpu.units(3),
  memoryRequest: Size.mebibytes(64),
  memoryLimit: Size.gibibytes(3),
};
const resourcesOfAll: Required<ControlPlaneResources> = {
  etcd: amounts,
  kubeApiServer: amounts,
  kubeControllerManager: amounts,
  kubeScheduler: amounts,
  syncer: amounts,
};
const quota: Required<QuotaProps> = {
  cpuRequests: Cpu.units(1),
  cpuLimits: Cpu.units(1),
  memoryRequests: Size.mebibytes(1),
  memoryLimits: Size.mebibytes(1),
  storage: Size.mebibytes(1),
  pods: 0,
  services: 0,
  nodePorts: 0,
  loadBalancers: 0,
  persistentVolumeClaims: 0,
  configMaps: 0,
  secrets: 0,
  ingresses: 0,
  networkPolicies: 0,
};
const containerDefaults: Required<ContainerDefaultsProps> = amounts;
const network: Changes<NetworkIsolationProps> = {
  enabled: [false],
  allowIngressFrom: [[NetworkPeer.namespace('platform')]],
  allowEgressTo: [[NetworkPeer.cidr('10.0.0.0/8', ['10.1.0.0/16'])]],
  internet: [false],
  hostRanges: [['203.0.113.0/24']],
  dnsServers: [[NetworkPeer.pods({ namespace: 'kube-system', labels: { 'k8s-app': 'kube-dns' } })]],
};
const isolation: Changes<IsolationProps> = {
  network: every(network),
  toleratedTaints: [['example.org/tenants']],
  alwaysPullImages: [true],
  quota: [Quota.of(quota), Quota.standard()],
  containerDefaults: [ContainerDefaults.of(containerDefaults)],
};
const widgets = { group: 'example.org', version: 'v1' } as const;
const toHost: Changes<SyncToHostProps> = {
  persistentVolumeClaims: [{ enabled: false }, { enabled: true, deletionPolicy: 'Retain' }],
  endpointSlices: [{ enabled: false }, { enabled: true, allowedRanges: ['203.0.113.0/28'] }],
  ingresses: [
    { enabled: false },
    {
      enabled: true,
      annotations: [{ key: 'example.org/a', action: 'allow' }],
      allowedHosts: ['*.example.org'],
      allowedClasses: ['other'],
    },
  ],
  networkPolicies: [{ enabled: false }, { enabled: true, allowedEgress: ['203.0.113.0/24'], allowedIngress: [] }],
  podDisruptionBudgets: [{ enabled: false }],
  serviceAccounts: [{ enabled: true, annotations: ['example.org/identity'] }],
  priorityClasses: [{ enabled: true, maximumValue: 10, maximumCount: 1 }],
  resourceClaims: [{ enabled: true }],
  customResources: [[{ ...widgets, kind: 'Widget', resource: 'widgets' }]],
};
const shown = { enabled: true, selector: { 'example.org/shown': 'true' } };
const fromHost: Changes<SyncFromHostProps> = {
  events: [{ enabled: false }],
  nodes: [
    NodeSyncPolicy.real(),
    NodeSyncPolicy.allNodes(),
    NodeSyncPolicy.nodesMatching({ pool: 'other' }),
    NodeSyncPolicy.nodesMatching({ pool: 'other' }, { enforce: true }),
    NodeSyncPolicy.fake(),
  ],
  metrics: [{ enabled: false }],
  persistentVolumes: [{ enabled: true }],
  storageClasses: [shown],
  volumeAttributesClasses: [shown],
  ingressClasses: [shown],
  runtimeClasses: [shown],
  priorityClasses: [shown],
  customResources: [[{ ...widgets, kind: 'Gadget', resource: 'gadgets', scope: 'Cluster' }]],
};
const sync: Changes<SyncProps> = {
  toHost: every(toHost),
  fromHost: every(fromHost),
  patches: [[{ kind: 'Pod', operations: [FieldPatch.set('spec.containers[*].image', 'example.org/other:1')] }]],
};
const dns: Changes<DnsProps> = {
  enabled: [false],
  replicas: [2],
  forward: [['203.0.113.53']],
};
const hostServices: Changes<HostServicesProps> = {
  toVirtual: [[{ host: { namespace: 'kube-system', name: 'db' }, virtual: { namespace: 'default', name: 'db' } }]],
  toHost: [[{ virtual: { namespace: 'default', name: 'web' }, host: { name: 'public' } }]],
};
const passthrough = TlsPassthrough.ingressNginx();
/** All ways there are. */
const exposures: Readonly<Record<Exclude<keyof typeof Exposure, 'prototype'>, Exposure>> = {
  nodePort: Exposure.nodePort({ port: 30_443 }),
  loadBalancer: Exposure.loadBalancer({ loadBalancerClass: 'example.org/balancer', sourceRanges: ['203.0.113.0/24'] }),
  ingress: Exposure.ingress({ host: 'vc.example.org', passthrough, className: 'public' }),
  tlsRoute: Exposure.tlsRoute({ host: 'vc.example.org', gateway: { name: 'gateway' } }),
  clusterIP: Exposure.clusterIP(),
};
/** What of a store can be changed, and in its place only what cannot. */
const stores: Readonly<Record<Exclude<keyof typeof Store, 'prototype'>, 'changes' | Store>> = {
  persistent: 'changes',
  ephemeral: Store.ephemeral(),
  postgres: Store.postgres({ secretName: 'database' }),
  mysql: Store.mysql({ secretName: 'database' }),
  etcd: Store.etcd({ endpoints: ['https://etcd.example.org:2379'], secretName: 'etcd' }),
};
const changes: Changes<Omit<VirtualClusterProps, 'store'>> = {
  name: { locked: 'other' },
  namespace: { locked: 'other' },
  clusterDomain: { locked: 'example.org' },
  serviceCIDR: { locked: '10.97.0.0/16' },
  version: [KubernetesVersion.V1_36],
  replicas: [3],
  images: [ImageSources.mirror('registry.example.org/mirror')],
  resources: [resourcesOfAll],
  dns: every(dns),
  isolation: [
    Isolation.trusted(),
    Isolation.baseline(),
    Isolation.restricted(),
    ...every(isolation).map((props) => Isolation.baseline(props)),
  ],
  podSecurity: [PodSecurityLevel.PRIVILEGED, PodSecurityLevel.RESTRICTED, PodSecurityLevel.BASELINE],
  allowedCSIDrivers: [['csi.example.org']],
  scheduler: [Scheduler.virtual()],
  exposure: Object.values(exposures),
  kubeconfigs: [[{ secretName: 'for-argo' }]],
  certificateLifetime: [Duration.days(30)],
  apiServerNames: [['vc.example.org']],
  sleep: [SleepSchedule.outside({ from: '07:00', to: '19:00' })],
  scope: [RightsScope.NAMESPACE],
  hostVersion: ['1.37'],
  sync: every(sync),
  manifests: [[{ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'given' } }]],
  hostServices: every(hostServices),
};

/** One object for each change of a table. */
function every<T extends object>(table: Changes<T>): T[] {
  return Object.entries(table).flatMap(([name, values]) =>
    Array.isArray(values) ? values.map((value: unknown) => ({ [name]: value }) as T) : [],
  );
}

/** What every cluster here has, for there to be something that cannot be changed. */
const BASE: VirtualClusterProps = { serviceCIDR: '10.96.0.0/16' };
/** What a property cannot do without. */
const NEEDS: Readonly<Partial<Record<string, VirtualClusterProps>>> = {
  scheduler: {
    sync: {
      fromHost: {
        nodes: NodeSyncPolicy.allNodes(),
        storageClasses: { enabled: true },
        persistentVolumes: { enabled: true },
      },
    },
  },
};
/** Properties, or what makes them in a chart, where they are constructs. */
type Given = VirtualClusterProps | ((chart: Chart) => VirtualClusterProps);
const STEPS: readonly (readonly [string, Given])[] = [
  ...every(changes).map((props): [string, Given] => [
    described(props),
    { ...NEEDS[Object.keys(props)[0] ?? ''], ...props },
  ]),
  [
    'rules of Ingresses for several clusters',
    (chart) => {
      const ingresses = new IngressSync(chart, 'ingress', { allowedHosts: ['*.example.org'] });
      return { sync: { toHost: { ingresses } } };
    },
  ],
  [
    'nodes for several clusters',
    (chart) => {
      const nodes = new NodeSyncPolicy(chart, 'nodes', {
        nodes: HostNodes.matching({ pool: 'other' }, { enforce: true }),
      });
      return { sync: { fromHost: { nodes } } };
    },
  ],
  ['store: kept, of another quota', { store: Store.persistent({ retain: true, quota: Size.gibibytes(1) }) }],
  ['everything as it was', {}],
];

/** A property and its value, for the name of a test. */
function described(props: object): string {
  const [[name, value] = ['', undefined]] = Object.entries(props);
  const isPlain = typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
  return isPlain ? `${name}.${described(value as object)}` : `${name}: ${JSON.stringify(value)?.slice(0, 90)}`;
}

function declare(chart: Chart, given: Given): void {
  new VirtualCluster(chart, NAME, { ...BASE, ...(typeof given === 'function' ? given(chart) : given) });
}

/** What synthesis writes for the host. */
function synthesize(given: Given): AnyObject[] {
  const chart = new Chart(new App(), 'app', { namespace: HOST_NAMESPACE });
  declare(chart, given);
  return chart.toJson() as AnyObject[];
}

const idOf = ({ kind, metadata }: AnyObject): string => `${kind}/${metadata?.namespace ?? ''}/${metadata?.name}`;

let clusters: TwoClusters;
let applied: readonly AnyObject[] = [];
let configuration = '';
/** UIDs of the tenant's pods and claims, on both sides. */
let before: Readonly<Record<string, string>>;

/** Brings what synthesis writes to the host, as an apply with prune does, and restarts the syncer where its document is another. */
async function change(given: Given): Promise<void> {
  const objects = synthesize(given);
  const isOther = (object: AnyObject): boolean => OTHERS.some(({ kind }) => kind === object.kind);
  await applyManifests(
    clusters.host,
    objects.filter((object) => !isOther(object)),
  );
  for (const object of objects.filter(isOther)) await clusters.host.create(typeOf(object), object);
  const wanted = new Set(objects.map(idOf));
  for (const object of applied.filter((one) => !wanted.has(idOf(one)))) {
    const { name = '', namespace } = object.metadata ?? {};
    await clusters.host.delete(typeOf(object), { name, ...(namespace === undefined ? {} : { namespace }) });
  }
  applied = objects;
  const { configuration: name } = controlPlaneNames(NAME);
  const map = objects.find((object) => object.kind === 'ConfigMap' && object.metadata?.name === name);
  const text = (map as { readonly data?: Record<string, string> } | undefined)?.data?.[CONFIGURATION_KEY] ?? '';
  if (text === configuration) return;
  configuration = text;
  await clusters.stopSyncer();
  await clusters.startSyncer(parseConfiguration(text) as SyncerSettings);
}

const ADMISSION = { group: 'admissionregistration.k8s.io', version: 'v1', namespaced: false } as const;
/** Kinds of the host that no syncer knows; no two settings here have the same of them. */
const OTHERS: readonly ResourceType[] = [
  gatewayResources.tlsRoutes,
  { ...ADMISSION, resource: 'validatingadmissionpolicies', kind: 'ValidatingAdmissionPolicy' },
  { ...ADMISSION, resource: 'validatingadmissionpolicybindings', kind: 'ValidatingAdmissionPolicyBinding' },
];

function typeOf({ kind, apiVersion = '' }: AnyObject): ResourceType {
  const group = apiVersion.includes('/') ? apiVersion.slice(0, apiVersion.indexOf('/')) : '';
  const all: readonly ResourceType[] = [...Object.values(resources), ...OTHERS];
  const found = all.find((type) => type.kind === kind && type.group === group);
  if (!found) throw new Error(`no client knows ${apiVersion} ${kind}`);
  return found;
}

/** The tenant's pods and claims by side, kind and virtual name; one that is being deleted says so. */
async function uids(): Promise<Record<string, string>> {
  const found: [string, string][] = [];
  for (const type of [resources.pods, resources.persistentVolumeClaims]) {
    for (const [side, client, namespace] of [
      ['host', clusters.host, HOST_NAMESPACE],
      ['virtual', clusters.virtual, 'default'],
    ] as const) {
      const { items } = await client.list<Pod | PersistentVolumeClaim>(type, { namespace });
      for (const { metadata } of items) {
        const name = metadata?.annotations?.[ANNOTATIONS.name] ?? metadata?.name;
        const state = metadata?.deletionTimestamp === undefined ? '' : ', which is being deleted';
        found.push([`${side} ${type.kind} ${name}`, `${metadata?.uid}${state}`]);
      }
    }
  }
  return Object.fromEntries(found.sort());
}

/** Requests that the host has got to delete pods and claims, in the words of its own metrics. */
async function deletes(): Promise<string[]> {
  const text = await clusters.host.getText('/metrics');
  const isOne = /^apiserver_request_total\{(?=.*resource="(?:pods|persistentvolumeclaims)")(?=.*verb="DELETE)/;
  return text.split('\n').filter((line) => isOne.test(line));
}

beforeAll(async () => {
  clusters = await TwoClusters.start({ hostControllers: ['garbage-collector-controller'] });
  await clusters.host.create(resources.nodes, {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: clusters.node.name, labels: { pool: 'tenants' } },
  });
  for (const definition of [...gatewayDefinitions, ...['Widget', 'Gadget'].map(definitionOf)]) {
    await clusters.host.create(resources.customResourceDefinitions, definition as AnyObject);
  }
  await change({ isolation: Isolation.trusted() });
  for (const name of ['data', 'unused']) {
    await clusters.virtual.create<PersistentVolumeClaim>(resources.persistentVolumeClaims, {
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: { name, namespace: 'default' },
      spec: {
        accessModes: ['ReadWriteOnce'],
        storageClassName: 'standard',
        resources: { requests: { storage: '1Gi' } },
      },
    });
  }
  await clusters.virtual.create(resources.configMaps, {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'settings', namespace: 'default' },
  });
  // One that every level lets in, and one that trusted tenants alone may have.
  await clusters.createPod('careful', {
    securityContext: { runAsNonRoot: true, runAsUser: 1000, seccompProfile: { type: 'RuntimeDefault' } },
    containers: [
      {
        name: 'main',
        image: 'example.org/main:1',
        securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
      },
    ],
    volumes: [{ name: 'settings', configMap: { name: 'settings' } }],
  });
  await clusters.createPod('free', {
    hostPID: true,
    tolerations: [{ operator: 'Exists' }],
    nodeSelector: { 'kubernetes.io/os': 'linux' },
    volumes: [
      { name: 'root', hostPath: { path: '/' } },
      { name: 'data', persistentVolumeClaim: { claimName: 'data' } },
    ],
  });
  for (const name of ['careful', 'free']) await clusters.running(name);
  for (const name of ['data', 'unused']) {
    await eventually(`claim ${name} is on the host`, () => clusters.twin(resources.persistentVolumeClaims, name));
  }
  before = await uids();
  expect(Object.keys(before)).toHaveLength(8);
});

afterAll(async () => {
  await clusters?.stop();
});

function definitionOf(kind: string): object {
  const plural = `${kind.toLowerCase()}s`;
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${widgets.group}` },
    spec: {
      group: widgets.group,
      scope: kind === 'Gadget' ? 'Cluster' : 'Namespaced',
      names: { plural, singular: kind.toLowerCase(), kind, listKind: `${kind}List` },
      versions: [
        {
          ...{ name: widgets.version, served: true, storage: true },
          schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
        },
      ],
    },
  };
}

test.each(STEPS)('no pod and no claim of a tenant goes, or is made anew, by %s', async (_, given) => {
  await change(given);
  // What the syncer does with all that is there it has done when it has done it with what came last.
  const step = String(STEPS.findIndex(([, one]) => one === given));
  await clusters.virtual.patch(
    resources.pods,
    { namespace: 'default', name: 'careful', type: 'merge' },
    { metadata: { labels: { step } } },
  );
  await eventually('the pod’s new label is on the host', async () => {
    const labels = (await clusters.twin<Pod>(resources.pods, 'careful'))?.metadata?.labels ?? {};
    return Object.entries(labels).some(([key, value]) => key.endsWith('/step') && value === step);
  });
  expect(await uids()).toEqual(before);
  expect(await deletes()).toEqual([]);
});

describe('what cannot be changed is refused at synthesis', () => {
  let folder: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'nestling-lock-'));
  });

  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  /** Synthesizes with the lock; what is wrong. */
  function problemsOf(given: Given): string {
    const app = new App({ outdir: join(folder, 'dist') });
    declare(new Chart(app, 'app', { namespace: HOST_NAMESPACE }), given);
    try {
      synthLocked(app, join(folder, 'nestling.lock.json'));
      return '';
    } catch (error) {
      return (error as Error).message;
    }
  }

  const locked = Object.entries(changes).flatMap(([name, values]): [string, VirtualClusterProps][] =>
    'locked' in values ? [[name, { [name]: values.locked }]] : [],
  );

  test.each([
    ...locked,
    ...Object.values(stores).flatMap((store): [string, VirtualClusterProps][] =>
      store === 'changes' ? [] : [['store.type', { store }]],
    ),
    ['store.size', { store: Store.persistent({ size: Size.gibibytes(6) }) }],
  ])('%s', (field, props) => {
    expect(problemsOf({})).toBe('');
    expect(problemsOf(props)).toContain(`[app/${NAME}] ${field}: `);
    expect(problemsOf(props)).toContain('which cannot be changed after creation: put it back');
    expect(problemsOf({})).toBe('');
  });

  test('and the host would refuse the store’s volume or lose its data', async () => {
    await change({});
    const statefulSet = synthesize({ store: Store.persistent({ size: Size.gibibytes(6) }) }).find(
      ({ kind }) => kind === 'StatefulSet',
    );
    const refused = await applyManifests(clusters.host, [statefulSet!]).then(
      () => undefined,
      (error: unknown) => error,
    );
    expect(ApiError.is(refused, 'Invalid')).toBe(true);
  });

  test('the lock lets all others change', () => {
    for (const [title, given] of STEPS) expect({ title, problems: problemsOf(given) }).toEqual({ title, problems: '' });
  });
});

test('a delete of a pod or a claim would have been seen', async () => {
  await clusters.stopSyncer();
  for (const [type, name] of [
    [resources.pods, 'careful'],
    [resources.persistentVolumeClaims, 'unused'],
  ] as const) {
    await clusters.host.delete(type, { namespace: HOST_NAMESPACE, name: clusters.hostNameOf(name) });
    await eventually(`the host counts the delete in ${type.resource}`, async () => {
      const seen = await deletes();
      if (seen.some((line) => line.includes(`resource="${type.resource}"`))) return true;
      throw new Error(`it has counted ${seen.join()}`);
    });
    const now = await uids();
    const key = `host ${type.kind} ${name}`;
    expect(now[key]).not.toBe(before[key]);
  }
});
