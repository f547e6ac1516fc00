import {
  CONFIGURATION_API_VERSION,
  CONFIGURATION_KIND,
  ConfigurationError,
  dnsNameProblem,
  hostVersionProblem,
  imageProblem,
  kubernetesVersionProblem,
  namespaceNameProblem,
  type ConfigurationProblem,
  type SyncerConfiguration,
} from '../../syncer/configuration';
import { resolveConfiguration } from '../../syncer/configuration/document';
import type { Size } from 'cdk8s';
import { DEFAULT_RESOURCES, DEFAULTS } from './defaults';
import type { Exposure } from './exposure';
import { exposureProblems, namesHost } from './exposure-problems';
import { hostServicesDocument } from './host-services';
import type { ControlPlaneImages } from './image-sources';
import type { Isolation } from './isolation';
import { isolationDocument, isolationProblems } from './isolation-document';
import { manifestProblems } from './manifests';
import type { VirtualClusterProps } from './props';
import { cpuMillis, sizeKibibytes, sizeQuantity } from './quantity';
import { ContainerDefaults, Quota, resolveContainerDefaults, resolveQuota } from './quota';
import type { ContainerResources, ControlPlaneContainer } from './resources';
import { sleepProblems } from './sleep-problems';
import type { SleepSchedule } from './sleep-schedule';
import type { EmbeddedStoreSpec, ResourceAmounts, SleepScheduleSpec, StoreSpec, VirtualClusterSpec } from './spec';
import { isEmbedded, resolveDatabase, resolveEtcd } from './external-store';
import type { StoreProps } from './store';
import { RightsScope, scopeProblems } from './rights-scope';
import { sharedPolicies, syncDocument } from './sync';

/** What the props leave to the place where the cluster is declared. */
export interface SpecContext {
  /** The construct's id. */
  readonly id: string;
  /** The chart's namespace. */
  readonly namespace?: string | undefined;
}

/** A specification, or everything that is wrong with its props. */
export type ResolvedSpec =
  | { readonly ok: true; readonly spec: VirtualClusterSpec }
  | { readonly ok: false; readonly problems: readonly ConfigurationProblem[] };

/** Smallest store: etcd writes two log files of 64 MB before the first object. */
const MIN_STORE_KIBIBYTES = 512 * 1024;
/** Part of the disk that the database may take: defragmenting needs as much again, the write-ahead log the rest. */
const STORE_QUOTA = 0.4;
/** Most of it that somebody may ask for. */
const MOST_STORE_QUOTA = 0.45;
/** An empty cluster of Kubernetes has a few megabytes; less than this is a slip. */
const MIN_STORE_QUOTA_BYTES = 64 * 1024 ** 2;
/** More than this etcd itself warns about. */
const MAX_STORE_QUOTA_BYTES = 8 * 1024 ** 3;

/** Applies the defaults and checks every prop; all problems are found at once. */
export function resolveSpec(props: VirtualClusterProps, context: SpecContext): ResolvedSpec {
  const problems: ConfigurationProblem[] = [];
  const name = props.name ?? context.id;
  const namespace = resolveNamespace(props.namespace ?? context.namespace, problems);
  const images = resolveImages(props, problems);
  const store = resolveStore((props.store ?? DEFAULTS.store).props, { name, namespace }, problems);
  const resources = resolveResources(props, problems);
  problems.push(...hostVersionProblems(props));
  const exposure = props.exposure ?? DEFAULTS.exposure;
  problems.push(...exposureProblems(exposure));
  if (props.sleep !== undefined) problems.push(...sleepProblems(props.sleep, name));
  const { manifests } = props;
  problems.push(
    ...manifestProblems((manifests ?? []).map((manifest, index) => ({ field: `manifests[${index}]`, manifest }))),
  );
  const replicas = props.replicas ?? DEFAULTS.replicas;
  problems.push(...replicaProblems(replicas, store, exposure, props.sleep));
  const isolation = props.isolation ?? DEFAULTS.isolation;
  const wrongRanges = isolationProblems(isolation);
  problems.push(...wrongRanges);
  const isRestricted = isolation.level === 'restricted';
  const { quota: givenQuota, containerDefaults: givenDefaults } = isolation.props;
  const quota = resolveQuota(givenQuota ?? (isRestricted ? Quota.standard() : Quota.none()), problems);
  const containerDefaults = resolveContainerDefaults(
    givenDefaults ?? (isRestricted ? ContainerDefaults.of() : ContainerDefaults.none()),
    problems,
  );
  const configuration = resolveDocument(
    props,
    name,
    images,
    isEmbedded(store),
    wrongRanges.length > 0 ? DEFAULTS.isolation : isolation,
    problems,
  );
  if (problems.length > 0 || images === undefined || configuration === undefined) return { ok: false, problems };
  const shared = sharedPolicies(props.sync);
  if (props.scope === RightsScope.NAMESPACE) problems.push(...scopeProblems(configuration, shared));
  if (problems.length > 0) return { ok: false, problems };
  const sleep = props.sleep === undefined ? {} : { sleep: sleepSpec(props.sleep) };
  const exposed = exposure.spec;
  const spec = {
    name,
    namespace,
    images,
    store,
    resources,
    exposure: exposed,
    replicas,
    ...sleep,
    ...(manifests === undefined ? {} : { manifests }),
    shared,
    configuration,
  };
  return { ok: true, spec: { ...spec, quota, containerDefaults } };
}

/** What stands against the virtual cluster's version on the host's; a version that does not exist is told by itself. */
function hostVersionProblems({ hostVersion, version = DEFAULTS.version }: VirtualClusterProps): ConfigurationProblem[] {
  if (hostVersion === undefined || version.images === undefined) return [];
  const message = hostVersionProblem(hostVersion, version.version);
  return message === undefined ? [] : [{ field: 'hostVersion', value: hostVersion, message }];
}

function sleepSpec({ sleep, wake, timeZone }: SleepSchedule): SleepScheduleSpec {
  return { sleep, ...(wake === undefined ? {} : { wake }), timeZone };
}

/** What several replicas cannot do with. That there are 1 or 3 of them is checked with the document. */
function replicaProblems(
  replicas: number,
  store: StoreSpec,
  exposure: Exposure,
  sleep: SleepSchedule | undefined,
): ConfigurationProblem[] {
  if (replicas === 1) return [];
  const problems: ConfigurationProblem[] = [];
  if (store.type === 'ephemeral') {
    const message =
      'is too many for Store.ephemeral(), whose members lose their data with their pods: choose Store.persistent(), or 1';
    problems.push({ field: 'replicas', value: replicas, message });
  }
  if (exposure.spec.type === 'NodePort' && exposure.reach.nodeAddress === undefined) {
    const message =
      'is not given, and with several replicas no node is that of the control plane: give a name or address that leads to nodes';
    problems.push({ field: 'exposure.address', value: undefined, message });
  }
  if (sleep !== undefined) {
    const message =
      'is too many for a cluster that sleeps by a schedule, whose manifests cannot say how many it wakes with: choose 1, or leave sleep out';
    problems.push({ field: 'replicas', value: replicas, message });
  }
  return problems;
}

function resolveNamespace(namespace: string | undefined, problems: ConfigurationProblem[]): string {
  if (namespace === undefined) {
    const message =
      'is not given and the chart has none: set it here or on the chart to the host namespace of the virtual cluster';
    problems.push({ field: 'namespace', value: undefined, message });
    return '';
  }
  const message = namespaceNameProblem(namespace);
  if (message !== undefined) problems.push({ field: 'namespace', value: namespace, message });
  return namespace;
}

function resolveImages(props: VirtualClusterProps, problems: ConfigurationProblem[]): ControlPlaneImages | undefined {
  const version = props.version ?? DEFAULTS.version;
  if (version.images === undefined) {
    const message = kubernetesVersionProblem(version.version) ?? '';
    problems.push({ field: 'version', value: version.version, message });
    return undefined;
  }
  const images = (props.images ?? DEFAULTS.images).resolve(version.images);
  for (const [component, image] of Object.entries(images)) {
    // The images that the document holds are checked with it.
    const message = component === 'coreDns' || component === 'syncer' ? undefined : imageProblem(image);
    if (message !== undefined) problems.push({ field: `images.${component}`, value: image, message });
  }
  return images;
}

function resolveStore(
  store: StoreProps,
  place: { readonly name: string; readonly namespace: string },
  problems: ConfigurationProblem[],
): StoreSpec {
  if (store.type === 'postgres' || store.type === 'mysql') return resolveDatabase(store, problems);
  if (store.type === 'etcd') return resolveEtcd(store, place, problems);
  return resolveEmbedded(store, problems);
}

function resolveEmbedded(
  store: Extract<StoreProps, { readonly type: 'persistent' | 'ephemeral' }>,
  problems: ConfigurationProblem[],
): EmbeddedStoreSpec {
  const size = store.size ?? (store.type === 'persistent' ? DEFAULTS.persistentStoreSize : DEFAULTS.ephemeralStoreSize);
  const kibibytes = sizeKibibytes(size);
  if (kibibytes < MIN_STORE_KIBIBYTES) {
    problems.push({
      field: 'store.size',
      value: sizeQuantity(size),
      message: 'is too small for etcd and its log: give at least 512Mi',
    });
  }
  const quotaBytes = storeQuota(store.quota, kibibytes * 1024, problems);
  const common = { size: sizeQuantity(size), quotaBytes };
  if (store.type === 'ephemeral') return { ...common, type: 'ephemeral' };
  const { storageClassName, retain = false } = store;
  if (storageClassName !== undefined) {
    const message = dnsNameProblem(storageClassName);
    if (message !== undefined) problems.push({ field: 'store.storageClassName', value: storageClassName, message });
  }
  return { ...common, type: 'persistent', retain, ...(storageClassName === undefined ? {} : { storageClassName }) };
}

/** In bytes. */
function storeQuota(quota: Size | undefined, sizeBytes: number, problems: ConfigurationProblem[]): number {
  if (quota === undefined) return Math.min(Math.floor(sizeBytes * STORE_QUOTA), MAX_STORE_QUOTA_BYTES);
  const bytes = sizeKibibytes(quota) * 1024;
  const refuse = (message: string): void => {
    problems.push({ field: 'store.quota', value: sizeQuantity(quota), message });
  };
  if (bytes < MIN_STORE_QUOTA_BYTES) refuse('is too small for a cluster: give at least 64Mi');
  else if (bytes > MAX_STORE_QUOTA_BYTES) refuse('is more than etcd is made for: give at most 8Gi');
  else if (bytes > sizeBytes * MOST_STORE_QUOTA) {
    refuse(
      'leaves no room for the second copy that defragmenting writes: give at most 45 % of store.size, or raise that',
    );
  }
  return bytes;
}

function resolveResources(
  props: VirtualClusterProps,
  problems: ConfigurationProblem[],
): VirtualClusterSpec['resources'] {
  const of = (container: ControlPlaneContainer) =>
    containerAmounts(
      container,
      { ...DEFAULT_RESOURCES[container], ...defined(props.resources?.[container]) },
      problems,
    );
  return {
    etcd: of('etcd'),
    kubeApiServer: of('kubeApiServer'),
    kubeControllerManager: of('kubeControllerManager'),
    kubeScheduler: of('kubeScheduler'),
    syncer: of('syncer'),
  };
}

function containerAmounts(
  container: ControlPlaneContainer,
  resources: Required<ContainerResources>,
  problems: ConfigurationProblem[],
): ResourceAmounts {
  const { cpuRequest, cpuLimit, memoryRequest, memoryLimit } = resources;
  const field = (name: keyof ContainerResources) => `resources.${container}.${name}`;
  for (const name of ['cpuRequest', 'cpuLimit'] as const) {
    const value = resources[name].amount;
    const message = 'is no amount of CPU time: use Cpu.millis or Cpu.units with a number above 0';
    if (cpuMillis(value) === undefined) problems.push({ field: field(name), value, message });
  }
  for (const name of ['memoryRequest', 'memoryLimit'] as const) {
    const value = sizeQuantity(resources[name]);
    if (sizeKibibytes(resources[name]) <= 0)
      problems.push({ field: field(name), value, message: 'is no memory: give more than 0' });
  }
  if ((cpuMillis(cpuRequest.amount) ?? 0) > (cpuMillis(cpuLimit.amount) ?? Infinity)) {
    const message = `is more than the limit of ${cpuLimit.amount}: lower it, or raise cpuLimit`;
    problems.push({ field: field('cpuRequest'), value: cpuRequest.amount, message });
  }
  if (sizeKibibytes(memoryRequest) > sizeKibibytes(memoryLimit)) {
    const message = `is more than the limit of ${sizeQuantity(memoryLimit)}: lower it, or raise memoryLimit`;
    problems.push({ field: field('memoryRequest'), value: sizeQuantity(memoryRequest), message });
  }
  return {
    requests: { cpu: cpuRequest.amount, memory: sizeQuantity(memoryRequest) },
    limits: { cpu: cpuLimit.amount, memory: sizeQuantity(memoryLimit) },
  };
}

/** Without the keys whose value is undefined, which would hide a default. */
function defined(resources: ContainerResources | undefined): ContainerResources {
  return Object.fromEntries(Object.entries(resources ?? {}).filter(([, value]) => value !== undefined));
}

/** Where a field of the document comes from, for errors that name what the user wrote. */
const PROP_OF_FIELD: readonly (readonly [field: string, prop: string])[] = [
  ['virtualCluster.name', 'name'],
  ['virtualCluster.clusterDomain', 'clusterDomain'],
  ['virtualCluster.version', 'version'],
  ['virtualCluster.replicas', 'replicas'],
  ['apiServer.extraNames', 'apiServerNames'],
  ['apiServer.kubeconfigs', 'kubeconfigs'],
  ['apiServer.kubeconfigServer', 'exposure'],
  ['apiServer.nodeAddress', 'exposure.address'],
  ['certificates.lifetimeSeconds', 'certificateLifetime'],
  ['network.serviceCIDRs', 'serviceCIDR'],
  ['host.helperImage', 'images.syncer'],
  ['dns.image', 'images.coreDns'],
  ['scheduling.scheduler', 'scheduler'],
  ['policy.network.allowedIngress', 'isolation.network.allowIngressFrom'],
  ['policy.network.allowedEgress', 'isolation.network.allowEgressTo'],
  ['policy.network.dnsServers', 'isolation.network.dnsServers'],
  ['policy.toleratedTaints', 'isolation.toleratedTaints'],
  ['policy.podSecurity', 'podSecurity'],
  ['policy.allowedCSIDrivers', 'allowedCSIDrivers'],
];

/** The syncer's document: its schema checks what goes into it, so that no rule exists twice. */
function resolveDocument(
  props: VirtualClusterProps,
  name: string,
  images: ControlPlaneImages | undefined,
  storeIsEmbedded: boolean,
  isolation: Isolation,
  problems: ConfigurationProblem[],
): SyncerConfiguration | undefined {
  try {
    return resolveConfiguration({
      apiVersion: CONFIGURATION_API_VERSION,
      kind: CONFIGURATION_KIND,
      virtualCluster: {
        name,
        clusterDomain: props.clusterDomain,
        // One that is wrong is told already.
        version: images && (props.version ?? DEFAULTS.version).version,
        replicas: props.replicas ?? DEFAULTS.replicas,
      },
      store: { embedded: storeIsEmbedded },
      host: { helperImage: images?.syncer },
      apiServer: apiServerDocument(props),
      certificates: { lifetimeSeconds: props.certificateLifetime?.toSeconds({ integral: false }) },
      network: { serviceCIDRs: props.serviceCIDR?.split(',').map((range) => range.trim()) },
      dns: {
        enabled: props.dns?.enabled,
        replicas: props.dns?.replicas,
        image: images?.coreDns,
        forward: props.dns?.forward === undefined ? undefined : [...props.dns.forward],
      },
      policy: {
        ...isolationDocument(isolation, name),
        ...(props.podSecurity !== undefined && { podSecurity: props.podSecurity }),
        allowedCSIDrivers: props.allowedCSIDrivers === undefined ? undefined : [...props.allowedCSIDrivers],
      },
      scheduling: { scheduler: props.scheduler?.mode },
      sync: syncDocument(props.sync),
      hostServices: hostServicesDocument(props.hostServices),
    });
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    for (const problem of error.problems) problems.push({ ...problem, field: propOf(problem.field) });
    return undefined;
  }
}

/** What the syncer has to know of how its API server is reached; the rest it sees at the Service. */
function apiServerDocument({ apiServerNames, exposure, kubeconfigs }: VirtualClusterProps): object {
  const given = exposure ?? DEFAULTS.exposure;
  const { host = '', port, nodeAddress } = given.reach;
  // What is wrong with it is reported as the exposure's.
  const isNamed = namesHost(given);
  const names = [...(apiServerNames ?? []), ...(isNamed ? [host] : [])];
  return {
    extraNames: names.filter((name, index) => names.indexOf(name) === index),
    ...(isNamed ? { kubeconfigServer: `https://${host}:${port}` } : {}),
    ...(nodeAddress === undefined ? {} : { nodeAddress }),
    kubeconfigs: kubeconfigs?.map(({ secretName, server: leadsTo }) => ({ secretName, server: leadsTo?.value })),
  };
}

function propOf(field: string): string {
  const entry = PROP_OF_FIELD.find(([prefix]) => field.startsWith(prefix));
  if (entry === undefined) return field;
  const [prefix, prop] = entry;
  // The ranges are one text in the props: which of them is wrong shows in the value.
  return prop === 'serviceCIDR' ? prop : `${prop}${field.slice(prefix.length)}`;
}
