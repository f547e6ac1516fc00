import { chmodSync, copyFileSync, existsSync, linkSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { ClusterConnection } from '../../syncer/kube-client';
import { Api } from './api';
import { resolveBinaries } from './binaries';
import { createCgroups, membershipFile } from './cgroups';
import type { ContainerRuntime } from './container-runtime';
import {
  checkArchive,
  imageNames,
  importImage,
  killContainer,
  prepareContainerRuntime,
  whenContainerRuntimeReady,
} from './container-runtime';
import type { ControlPlaneIdentity, ControlPlaneLayout } from './control-plane';
import {
  apiServerCommand,
  controllerManagerCommand,
  createIdentity,
  etcdCommand,
  schedulerCommand,
  userKubeconfig,
} from './control-plane';
import { coreDNSObjects } from './core-dns';
import { buildCSIDriver, csiDriverCommand, csiDriverObjects } from './csi-driver';
import {
  DEVICE_DRIVER_USER,
  deviceDriverCommand,
  deviceObjects,
  prepareDeviceDriver,
  whenDevicesOffered,
} from './devices';
import { HostClusterError, InterruptedError } from './failure';
import type { Host } from './host';
import { hostImages } from './host-images';
import { readKernelSettings } from './kernel-settings';
import { prepareKubeProxy } from './kube-proxy';
import { readOwnKubeconfig, writeKubeconfig } from './kubeconfig';
import { prepareKubelet } from './kubelet';
import { withLock } from './lock';
import type { Namespaces } from './namespaces';
import { createNodeNamespaces, createSwitchNamespace, enter } from './namespaces';
import { checkRoutes, connect, interfaceNames } from './network';
import { bundleEnforcer, ENFORCER_USER, enforcerCommand, enforcerObjects, whenEnforcing } from './network-policy';
import type { ClusterPlan, NodePlan } from './plan';
import {
  API_SERVER_PORT,
  checkName,
  checkNodes,
  DEFAULT_NAME,
  DEFAULT_NETWORK,
  MAXIMUM_CLUSTERS,
  outerInterfaceOf,
  planCluster,
  STATE_ROOT,
} from './plan';
import { checkSystem, ensurePrerequisites } from './prerequisites';
import { isAlive } from './process-identity';
import { inCgroup, startDetached, whenOneEnds } from './processes';
import type { Log } from './progress';
import { leftovers, lockFileOf, removeCluster } from './removal';
import type { ClusterState } from './state';
import { readState, recordedNames, writeState } from './state';
import { prepareProvisioner, PROVISIONER_USER, storageObjects } from './storage';
import type { BinaryName } from './versions';

/** Programs of a host cluster. */
const PROGRAMS = [
  'etcd',
  'kube-apiserver',
  'kube-controller-manager',
  'kube-scheduler',
  'kubelet',
  'kube-proxy',
  'local-path-provisioner',
  'dra-test-driver',
  'containerd',
  'containerd-shim-runc-v2',
  'ctr',
] as const satisfies readonly BinaryName[];
type Programs = Record<(typeof PROGRAMS)[number] | 'csi-driver', string>;

/** How long a cluster may take to become ready once its programs and images are there, in seconds. */
const READY_SECONDS = 120;

/** What a host cluster is made with. */
export interface UpOptions {
  /** @default 'host' */
  readonly name?: string;
  /** @default 1 */
  readonly nodes?: number;
  /** OCI archives to import into every node beside those that the cluster itself needs. */
  readonly images?: readonly string[];
  /** Range that all host clusters of the machine share, a /14 or wider. @default '10.88.0.0/14' */
  readonly network?: string;
  /** Takes one line of progress. @default silence */
  readonly log?: Log;
  /** Gives up and removes everything when aborted. */
  readonly signal?: AbortSignal;
}

/** What `status` shows of one process. */
export interface ProcessStatus {
  readonly name: string;
  readonly node: string;
  readonly pid: number;
  readonly alive: boolean;
  readonly logFile: string;
}

/** A real Kubernetes cluster in namespaces of this machine. It outlives the process that started it. */
export class HostCluster implements Host {
  readonly kind = 'node' as const;
  readonly canImportImages = true;

  private constructor(
    /** All its names, paths and addresses. */
    readonly plan: ClusterPlan,
    /** How to reach its API server as an administrator, from anywhere on this machine. */
    readonly connection: ClusterConnection,
    readonly wasThere: boolean,
  ) {}

  /** Its name. */
  get name(): string {
    return this.plan.name;
  }

  /** The file for `kubectl --kubeconfig`. */
  get kubeconfigPath(): string {
    return this.plan.kubeconfigPath;
  }

  /** The context in that file. */
  get context(): string {
    return this.plan.name;
  }

  /**
   * Starts a host cluster and waits until its nodes are ready and its DNS answers. One of that name that runs already
   * is taken as it is, with the images added. What a failure or an interrupt leaves is removed before this ends.
   *
   * @throws HostClusterError with the remedy; InterruptedError when the signal aborted it
   */
  static async up(options: UpOptions = {}): Promise<HostCluster> {
    const { name = DEFAULT_NAME, nodes = 1, images = [], network = DEFAULT_NETWORK, log = () => undefined } = options;
    planCluster({ name, nodes, slot: 0, network }); // refuses bad arguments before anything happens
    for (const archive of images) checkArchive(archive);
    return interruptible(options.signal, log, async (signal) => {
      await ensurePrerequisites(log, signal);
      return exclusively(name, log, signal, async () => {
        const running = await findRunning(name, log);
        if (running) {
          const size = running.plan.nodes.length;
          if (options.nodes !== undefined && options.nodes !== size) {
            throw new HostClusterError(
              `host cluster ${name} runs already with ${size} node${size === 1 ? '' : 's'}, not ${options.nodes}`,
              `remove it first (npm run host -- down --name ${name}) or choose another name`,
            );
          }
          log(`host cluster ${name} is running already at ${running.plan.server}`);
          for (const archive of images) await running.importImage(archive);
          return running;
        }
        if ((await leftovers(name)).some((line) => !line.startsWith('file '))) {
          log(`removing what is left of an earlier host cluster ${name}`);
          await removeCluster(name);
        }
        const binaries = await resolveBinaries(PROGRAMS, log, signal);
        const programs = { ...binaries, 'csi-driver': await buildCSIDriver(log, signal) };
        const archives = [...(await hostImages(log, signal)), ...images];
        const plan = await reserve({ name, nodes, network }, signal);
        try {
          const connection = await new Start(plan, programs, archives, log, signal).run();
          return new HostCluster(plan, connection, false);
        } catch (error) {
          log(signal.aborted ? 'interrupted: removing what was made' : 'that failed: removing what was made');
          await removeCluster(name);
          log('nothing of it is left');
          throw signal.aborted ? new InterruptedError() : error;
        }
      });
    });
  }

  /**
   * Takes hold of a host cluster that another process started.
   *
   * @throws HostClusterError when there is none
   */
  static attach(name: string = DEFAULT_NAME): HostCluster {
    checkName(name);
    const state = readState(name);
    if (!state || state.phase !== 'running') {
      throw new HostClusterError(
        `host cluster ${name} ${state ? 'is not ready' : 'does not run'}`,
        `start it with: npm run host -- up --name ${name}`,
      );
    }
    return new HostCluster(state.plan, readOwnKubeconfig(state.plan.kubeconfigPath), true);
  }

  /** The names of the host clusters that this machine knows, running or not. */
  static names(): string[] {
    return recordedNames();
  }

  /** Lists what is there of a host cluster, one line each: empty after `down`. */
  static leftovers(name: string = DEFAULT_NAME): Promise<string[]> {
    return leftovers(name);
  }

  /**
   * Removes a host cluster in whatever state it is; nothing happens when there is none. Waits for another process that starts or stops it.
   *
   * @throws Error naming what withstands
   */
  static async down(name: string = DEFAULT_NAME, log: Log = () => undefined): Promise<void> {
    checkName(name);
    checkSystem(process.platform, process.getuid?.());
    await exclusively(name, log, undefined, async () => {
      if ((await leftovers(name)).every((line) => line.startsWith('file '))) {
        log(`host cluster ${name} does not run`);
        return;
      }
      await removeCluster(name);
      log(`host cluster ${name} is removed`);
    });
  }

  /** Removes this cluster. */
  async down(log?: Log): Promise<void> {
    await HostCluster.down(this.name, log);
  }

  /** Imports an OCI archive into every node. */
  async importImage(archive: string): Promise<void> {
    await Promise.all(this.runtimes().map((runtime) => importImage(runtime, archive)));
  }

  async killContainer(id: string): Promise<void> {
    for (const runtime of this.runtimes()) if (await killContainer(runtime, id)) return;
    throw new HostClusterError(
      `host cluster ${this.name} runs no container ${id}`,
      'give the id of a running one, as its pod status names it, without containerd://',
    );
  }

  /** The names of the images of the first node, sorted. */
  async images(): Promise<string[]> {
    const [first] = this.runtimes();
    return first ? imageNames(first) : [];
  }

  /** Its processes and whether they live. */
  processes(): ProcessStatus[] {
    const state = readState(this.name);
    return (state?.processes ?? []).map((each) => ({
      name: each.name,
      node: each.node,
      pid: each.pid,
      alive: isAlive(each),
      logFile: each.logFile,
    }));
  }

  private runtimes(): ContainerRuntime[] {
    const holders = (readState(this.name)?.processes ?? []).filter(
      ({ name, node }) => name === 'namespaces' && node !== SWITCH,
    );
    return holders.map((holder) => runtimeOf(this.plan, { holder, logFile: holder.logFile }));
  }
}

const SWITCH = 'switch';

/** Where the programs of a cluster are. */
const programsOf = (plan: ClusterPlan): string => join(plan.directory, 'bin');

const runtimeOf = (plan: ClusterPlan, namespaces: Namespaces): ContainerRuntime => ({
  namespaces,
  membershipFile: membershipFile(plan),
  programs: programsOf(plan),
});

/** Runs something with a signal that is aborted by the caller's, and by an interrupt of this process. */
async function interruptible<T>(
  outer: AbortSignal | undefined,
  log: Log,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  let received: NodeJS.Signals | undefined;
  const onSignal = (signal: NodeJS.Signals): void => {
    if (received) log('already removing what was made: please wait');
    received = signal;
    controller.abort();
  };
  const onAbort = (): void => controller.abort();
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const signal of signals) process.on(signal, onSignal);
  if (outer?.aborted) controller.abort();
  outer?.addEventListener('abort', onAbort, { once: true });
  try {
    return await work(controller.signal);
  } catch (error) {
    throw controller.signal.aborted ? new InterruptedError(received ?? 'aborted') : error;
  } finally {
    for (const signal of signals) process.off(signal, onSignal);
    outer?.removeEventListener('abort', onAbort);
    // Without us the signal would have ended this process: now it may, unless the caller handles it too.
    if (received && process.listenerCount(received) === 0) process.kill(process.pid, received);
  }
}

/** Runs something while no other process starts or stops the same cluster. */
function exclusively<T>(name: string, log: Log, signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
  const wait = ({ pid }: { pid: number }): void =>
    log(`waiting for process ${pid}, which starts or stops host cluster ${name}`);
  return withLock(lockFileOf(name), { wait, signal }, work);
}

/** The cluster of this name if it runs and answers. */
async function findRunning(name: string, log: Log): Promise<HostCluster | undefined> {
  const state = readState(name);
  if (state?.phase !== 'running' || !existsSync(state.plan.kubeconfigPath)) return undefined;
  const dead = state.processes.filter((each) => !isAlive(each));
  if (dead.length > 0) {
    log(`host cluster ${name} is broken (${dead.map((each) => `${each.name} of ${each.node}`).join(', ')} ended)`);
    return undefined;
  }
  const cluster = HostCluster.attach(name);
  const api = new Api(cluster.connection);
  try {
    await api.text('GET', '/readyz', { timeoutMilliseconds: 5000 });
    return cluster;
  } catch (error) {
    log(`host cluster ${name} does not answer (${(error as Error).message})`);
    return undefined;
  } finally {
    api.close();
  }
}

/** Chooses a free block of addresses and records the plan: from here on `down` knows what to remove. */
async function reserve(
  options: { name: string; nodes: number; network: string },
  signal: AbortSignal,
): Promise<ClusterPlan> {
  checkNodes(options.nodes);
  // One at a time: two clusters that start together must not choose the same block.
  return withLock(join(STATE_ROOT, '.slots.lock'), { wait: () => undefined, signal }, async () => {
    const others = recordedNames().flatMap((name) => readState(name) ?? []);
    const taken = new Set(others.map(({ plan }) => plan.slot));
    const interfaces = new Set(await interfaceNames());
    const free = Array.from({ length: MAXIMUM_CLUSTERS }, (_, slot) => slot).find(
      (slot) => !taken.has(slot) && !interfaces.has(outerInterfaceOf(slot)),
    );
    const plan = planCluster({ ...options, slot: free ?? MAXIMUM_CLUSTERS });
    await checkRoutes(plan, options.network);
    mkdirSync(join(plan.directory, 'logs'), { recursive: true, mode: 0o755 });
    writeState({
      version: 1,
      phase: 'starting',
      plan,
      createdAt: new Date().toISOString(),
      processes: [],
      // A cluster that runs already knows how the machine was before any kubelet.
      kernelSettings: others[0]?.kernelSettings ?? readKernelSettings(),
    });
    return plan;
  });
}

/** One start of one cluster. */
class Start {
  private readonly state: ClusterState;
  private readonly membership: string;
  private readonly layout: ControlPlaneLayout;
  private readonly deadline = AbortSignal.timeout(READY_SECONDS * 1000);
  private readonly failed = new AbortController();
  /** Aborted by an interrupt, by the deadline, and when any process ends or any step fails. */
  private readonly signal: AbortSignal;

  constructor(
    private readonly plan: ClusterPlan,
    private readonly cached: Programs,
    private readonly archives: readonly string[],
    private readonly log: Log,
    interrupt: AbortSignal,
  ) {
    const state = readState(plan.name);
    if (!state) throw new Error(`no state of ${plan.name}`);
    this.state = state;
    this.signal = AbortSignal.any([interrupt, this.deadline, this.failed.signal]);
    createCgroups(plan);
    this.membership = membershipFile(plan);
    this.layout = {
      name: plan.name,
      directory: plan.directory,
      address: plan.nodes[0].address,
      port: API_SERVER_PORT,
      etcdPort: 2379,
      etcdPeerPort: 2380,
      serviceCIDR: plan.serviceCIDR,
      addresses: [plan.apiServiceAddress],
      clusterDomain: plan.clusterDomain,
    };
  }

  /** Starts everything; gives the administrator's connection. */
  async run(): Promise<ClusterConnection> {
    const work = this.start();
    try {
      return await Promise.race([work, whenOneEnds(() => this.state.processes, this.signal)]);
    } catch (error) {
      this.failed.abort();
      await work.catch(() => undefined); // nothing may be started any more when the caller removes everything
      if (this.deadline.aborted) {
        throw new HostClusterError(
          `host cluster ${this.plan.name} was not ready after ${READY_SECONDS} s`,
          `look for the reason with a less busy machine, or in the log of a process that ends early`,
          { cause: error },
        );
      }
      throw error;
    } finally {
      this.failed.abort(); // ends the watch over the processes
    }
  }

  private async start(): Promise<ClusterConnection> {
    const { plan, log, signal } = this;
    const programs = this.installPrograms();
    const [theSwitch, ...nodes] = await Promise.all([
      createSwitchNamespace(plan, this.membership, signal),
      ...plan.nodes.map((node) => createNodeNamespaces(plan, node, this.membership, signal)),
    ]);
    this.record('namespaces', SWITCH, theSwitch);
    plan.nodes.forEach((node, index) => this.record('namespaces', node.name, at(nodes, index)));
    await connect(plan, theSwitch, nodes, this.membership, signal);
    log(`network: nodes ${plan.nodeCIDR}, pods ${plan.podCIDR}, services ${plan.serviceCIDR}`);
    const first = at(nodes, 0);
    this.launch('etcd', plan.nodes[0], first, etcdCommand(programs.etcd, this.layout));
    const runtimes = Promise.all(plan.nodes.map((node, index) => this.startRuntime(programs, node, at(nodes, index))));
    runtimes.catch(() => undefined); // awaited below; the API server may fail first
    const identity = createIdentity(this.layout);
    writeKubeconfig(plan.kubeconfigPath, plan.name, identity.admin);
    this.launch(
      'kube-apiserver',
      plan.nodes[0],
      first,
      apiServerCommand(programs['kube-apiserver'], this.layout, identity),
    );
    const api = new Api(identity.admin);
    try {
      await api.whenReady(signal);
      log(`API server is ready at ${plan.server}`);
      this.startControllers(programs, identity, first);
      await runtimes;
      plan.nodes.forEach((node, index) => this.startNode(programs, identity, node, at(nodes, index)));
      await this.installAddOns(programs, identity, api, first);
      this.startDeviceDrivers(programs, identity, nodes);
      await this.startEnforcers(identity, nodes);
      await this.whenReady(api);
    } finally {
      api.close();
    }
    this.state.phase = 'running';
    writeState(this.state);
    return identity.admin;
  }

  /** Links the programs into the cluster's directory: the cache may be cleaned, and may be hidden from a node's view. */
  private installPrograms(): Programs {
    const directory = programsOf(this.plan);
    mkdirSync(directory, { recursive: true });
    const install = (name: keyof Programs): [string, string] => {
      const target = join(directory, name);
      try {
        linkSync(this.cached[name], target);
      } catch {
        copyFileSync(this.cached[name], target); // another file system
        chmodSync(target, 0o755);
      }
      return [name, target];
    };
    return Object.fromEntries((Object.keys(this.cached) as (keyof Programs)[]).map(install)) as Programs;
  }

  private record(name: string, node: string, { holder, logFile }: Namespaces): void {
    this.state.processes.push({ name, node, ...holder, logFile });
    writeState(this.state);
  }

  private launch(
    name: string,
    node: NodePlan,
    namespaces: Namespaces,
    command: readonly string[],
    kinds: 'all' | 'net' = 'all',
  ): void {
    this.signal.throwIfAborted();
    const logFile = join(this.plan.directory, 'logs', `${node.name}-${name}.log`);
    const joined = inCgroup(this.membership, enter(namespaces, command, kinds));
    const holder = startDetached(joined, logFile, programsOf(this.plan));
    this.record(name, node.name, { holder, logFile });
  }

  private async startRuntime(programs: Programs, node: NodePlan, namespaces: Namespaces): Promise<void> {
    this.launch('containerd', node, namespaces, prepareContainerRuntime(node, programs.containerd));
    const runtime = runtimeOf(this.plan, namespaces);
    await whenContainerRuntimeReady(runtime, this.signal);
    for (const archive of this.archives) await importImage(runtime, archive, this.signal);
    this.log(`${node.name}: containerd has ${this.archives.length} image archives`);
  }

  private startControllers(programs: Programs, identity: ControlPlaneIdentity, first: Namespaces): void {
    const [node] = this.plan.nodes;
    const manager = controllerManagerCommand(programs['kube-controller-manager'], this.layout, identity);
    this.launch('kube-controller-manager', node, first, manager);
    this.launch('kube-scheduler', node, first, schedulerCommand(programs['kube-scheduler'], this.layout, identity));
  }

  private startNode(programs: Programs, identity: ControlPlaneIdentity, node: NodePlan, namespaces: Namespaces): void {
    const { plan } = this;
    const user = `system:node:${node.name}`;
    const serving = identity.authority.issue({
      commonName: user,
      organizations: ['system:nodes'],
      dnsNames: [node.name],
      addresses: [node.address],
    });
    const kubeletConfig = userKubeconfig(this.layout, identity, user, 'system:nodes');
    const proxyConfig = userKubeconfig(this.layout, identity, 'system:kube-proxy');
    const kubelet = prepareKubelet({
      plan,
      node,
      binary: programs.kubelet,
      kubeconfig: kubeletConfig,
      clientCA: identity.authority.pem.certificate,
      serving,
    });
    this.launch('kubelet', node, namespaces, kubelet);
    const proxy = prepareKubeProxy({ plan, node, binary: programs['kube-proxy'], kubeconfig: proxyConfig });
    this.launch('kube-proxy', node, namespaces, proxy);
    this.launch('csi-driver', node, namespaces, csiDriverCommand(programs['csi-driver'], node));
  }

  private async installAddOns(
    programs: Programs,
    identity: ControlPlaneIdentity,
    api: Api,
    first: Namespaces,
  ): Promise<void> {
    const addOns = [storageObjects(), csiDriverObjects(), deviceObjects(), enforcerObjects()];
    const objects = [...coreDNSObjects(this.plan), ...addOns.flat()];
    for (const object of objects) await api.apply(object, this.signal);
    const kubeconfig = userKubeconfig(this.layout, identity, PROVISIONER_USER);
    const command = prepareProvisioner(this.plan, programs['local-path-provisioner'], kubeconfig);
    this.launch('local-path-provisioner', this.plan.nodes[0], first, command);
  }

  private startDeviceDrivers(programs: Programs, identity: ControlPlaneIdentity, nodes: readonly Namespaces[]): void {
    const kubeconfig = userKubeconfig(this.layout, identity, DEVICE_DRIVER_USER);
    this.plan.nodes.forEach((node, index) => {
      prepareDeviceDriver(node);
      const command = deviceDriverCommand(node, programs['dra-test-driver'], kubeconfig);
      this.launch('dra-test-driver', node, at(nodes, index), command);
    });
  }

  private async startEnforcers(identity: ControlPlaneIdentity, nodes: readonly Namespaces[]): Promise<void> {
    const { plan, membership, signal } = this;
    const program = await bundleEnforcer(plan);
    const kubeconfig = userKubeconfig(this.layout, identity, ENFORCER_USER);
    plan.nodes.forEach((node, index) =>
      this.launch('network-policy-enforcer', node, at(nodes, index), enforcerCommand(program, node, kubeconfig), 'net'),
    );
    await Promise.all(nodes.map((namespaces) => whenEnforcing(namespaces, membership, signal)));
    this.log('network policies are enforced');
  }

  private async whenReady(api: Api): Promise<void> {
    const { plan, log, signal } = this;
    await Promise.all(
      plan.nodes.map(async (node) => {
        const { name, podCIDR } = node;
        await api.when<NodeObject>('/api/v1/nodes', (found) => found.metadata.name === name && isReady(found), signal);
        await api.text('PATCH', `/api/v1/nodes/${name}`, {
          body: JSON.stringify({ spec: { podCIDR, podCIDRs: [podCIDR] } }),
          contentType: 'application/merge-patch+json',
          signal,
        });
        await whenDevicesOffered(api, node, signal);
        log(`${name} is ready`);
      }),
    );
    await api.when<DeploymentObject>(
      '/apis/apps/v1/namespaces/kube-system/deployments',
      ({ metadata, status }) => metadata.name === 'coredns' && (status?.readyReplicas ?? 0) > 0,
      signal,
    );
    log('CoreDNS is running');
  }
}

interface NodeObject {
  readonly metadata: { readonly name: string };
  readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
}

interface DeploymentObject {
  readonly metadata: { readonly name: string };
  readonly status?: { readonly readyReplicas?: number };
}

const isReady = ({ status }: NodeObject): boolean =>
  status?.conditions?.some((condition) => condition.type === 'Ready' && condition.status === 'True') ?? false;

function at<T>(list: readonly T[], index: number): T {
  const item = list[index];
  if (item === undefined) throw new Error(`nothing at ${index}`);
  return item;
}
