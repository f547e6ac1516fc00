import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { MutatingWebhookConfiguration } from 'kubernetes-types/admissionregistration/v1';
import type { Secret, Service } from 'kubernetes-types/core/v1';
import { etcdFlags } from '../../constructs/control-plane/etcd';
import { commandLine, type FlagValue } from '../../constructs/control-plane/flags';
import { kineFlags } from '../../constructs/control-plane/kine';
import { kubeApiServerFlags } from '../../constructs/control-plane/kube-api-server';
import { role, roleBinding } from '../../constructs/control-plane/rbac';
import { STORE_SECRET_DIRECTORY } from '../../constructs/control-plane/volumes';
import { isEmbedded, resolveSpec, type VirtualClusterProps, type VirtualClusterSpec } from '../../constructs/spec';
import {
  type AdmissionHandler,
  AdmissionServer,
  ServiceAdmission,
  ServiceRanges,
  WebhookGuard,
} from '../../syncer/admission';
import { createLogger, Metrics } from '../../syncer/engine';
import { Gateway } from '../../syncer/gateway';
import { createCaches, HostFacts } from '../../syncer/kinds';
import { type ClusterConnection, KubeClient, resources } from '../../syncer/kube-client';
import { type OwnObjects, ownObjects, untilReady } from '../../syncer/own-objects';
import { initialise, SERVICE_WEBHOOK_FILE } from '../../syncer/pki';
import { settleVersion } from '../../syncer/settle-version';
import type { EtcdConnection } from '../../syncer/store';
import { type KubernetesMinor, resolveBinaries, type RunningApiServer, standardErrorLog } from '../host-cluster';
import { eventually } from '../virtual-cluster/eventually';
import { freePorts } from './free-ports';

const NAME = 'vc';
const POD_IP = '192.0.2.10';

const url = (port: number): string => `https://127.0.0.1:${port}`;

/**
 * A control plane as its pod has it: the flags that the constructs give, the files that init writes, gate and admission of the syncer in
 * this process. What differs from the pod is its ports.
 */
export class ControlPlane {
  readonly #directory = mkdtempSync(join(tmpdir(), 'nestling-control-plane-'));
  readonly #logger = createLogger({ level: 'error', name: 'control-plane' });
  readonly #admin: KubeClient;
  readonly #processes = new Map<string, ChildProcess>();
  #ports: readonly number[] = [];
  #running: { readonly stop: AbortController; readonly ended: () => Promise<void> } | undefined;
  #virtual: KubeClient | undefined;
  #front: Service | undefined;
  #own: OwnObjects | undefined;

  /**
   * @param host API server of the host
   * @param namespace host namespace, made by `prepare`
   */
  constructor(
    private readonly host: RunningApiServer,
    readonly namespace: string,
  ) {
    this.#admin = new KubeClient(host.connection, { userAgent: 'test' });
  }

  /** Makes in the host namespace what the manifests declare and the control plane needs. */
  async prepare(): Promise<void> {
    const spec = { ...this.spec(), namespace: this.namespace };
    await this.#admin.create(resources.namespaces, { metadata: { name: this.namespace } });
    await this.#admin.create(resources.roles, role(spec));
    await this.#admin.create(resources.roleBindings, roleBinding(spec));
    const inNamespace = { namespace: this.namespace };
    await this.#admin.create(resources.configMaps, { metadata: { name: `${NAME}-anchor`, ...inNamespace } });
    await this.#admin.create(resources.secrets, { metadata: { name: `${NAME}-certs`, ...inNamespace } });
    this.#front = await this.#admin.create<Service>(resources.services, {
      metadata: { name: NAME, ...inNamespace },
      spec: { ports: [{ port: 443, targetPort: 6443 }] },
    });
    this.#ports = await freePorts(5);
  }

  spec(props: VirtualClusterProps = {}): VirtualClusterSpec {
    const resolved = resolveSpec({ name: NAME, namespace: this.namespace, ...props }, { id: NAME });
    if (!resolved.ok) throw new Error(JSON.stringify(resolved.problems));
    return resolved.spec;
  }

  /** How the syncer reaches the virtual API server. */
  get connection(): ClusterConnection {
    return {
      server: url(this.#ports[3] ?? 0),
      certificateAuthority: this.read('syncer/ca.crt'),
      clientCertificate: this.read('syncer/client.crt'),
      clientKey: this.read('syncer/client.key'),
    };
  }

  /** As an administrator of the virtual cluster. */
  get virtual(): KubeClient {
    if (this.#virtual === undefined) throw new Error('the control plane does not run; call start first');
    return this.#virtual;
  }

  /** As an administrator of the host. */
  get admin(): KubeClient {
    return this.#admin;
  }

  /** ClusterIP of the host Service in front of the API server. */
  get frontIP(): string {
    return this.#front?.spec?.clusterIP ?? '';
  }

  /** As the syncer reaches the store. */
  get store(): EtcdConnection {
    return {
      url: `https://127.0.0.1:${this.#ports[0]}`,
      certificateAuthority: this.read('syncer/etcd-ca.crt'),
      certificate: this.read('syncer/etcd-client.crt'),
      key: this.read('syncer/etcd-client.key'),
    };
  }

  /** What the syncer read of its own objects at its start. */
  get own(): OwnObjects | undefined {
    return this.#own;
  }

  /** What the init container does. @throws Error as it does */
  async init(props: VirtualClusterProps = {}): Promise<void> {
    const client = this.#hostClient();
    const [, , , apiServerPort, admissionPort] = this.#ports as [number, number, number, number, number];
    try {
      await initialise({
        configuration: this.spec(props).configuration,
        client,
        namespace: this.namespace,
        podIP: POD_IP,
        hostIP: POD_IP,
        directory: this.#directory,
        logger: this.#logger,
        layout: {
          apiServerDirectory: join(this.#directory, 'kube-apiserver'),
          egressSocket: join(this.#directory, 'egress.sock'),
          apiServerPort,
          admissionPort,
        },
      });
    } finally {
      await client.close();
    }
  }

  /** Starts all of it, in the order of the pod; resolves when the version is settled. */
  async start(props: VirtualClusterProps = {}): Promise<void> {
    // A new pod has new folders.
    for (const files of ['etcd', 'kube-apiserver', 'kube-controller-manager', 'syncer']) {
      rmSync(join(this.#directory, files), { recursive: true, force: true });
    }
    await this.init(props);
    const spec = this.spec(props);
    const { configuration } = spec;
    const [etcd = 0, , , port = 0, admissionPort = 0] = this.#ports;
    const minor = configuration.virtualCluster.version.split('.').slice(0, 2).join('.') as KubernetesMinor;
    const binaries = await resolveBinaries(['kube-apiserver'], standardErrorLog, undefined, minor);
    await this.#startStore(spec);
    const stop = new AbortController();
    const clusterConnection = this.connection;
    const virtual = new KubeClient(clusterConnection, { userAgent: 'nestling-syncer', fieldValidation: 'Ignore' });
    const host = this.#hostClient();
    const identity = { name: NAME, hostNamespace: this.namespace };
    const metrics = new Metrics();
    const logger = this.#logger;
    const caches = createCaches({ identity, host, virtual, logger, metrics });
    const facts = new HostFacts(identity, caches);
    const gateway = new Gateway({
      socketPath: join(this.#directory, 'egress.sock'),
      facts,
      pods: facts,
      tenant: facts,
      host: host.connection,
      kubeletCA: { certificate: this.read('syncer/kubelet-ca.crt'), key: this.read('syncer/kubelet-ca.key') },
      clientCA: this.read('syncer/kubelet-client-ca.crt'),
      admissionPort,
      logger,
    });
    const own = ownObjects(host, identity, configuration, logger, stop.signal);
    const services = own.then(
      ({ anchor, serviceCIDRs }) =>
        new ServiceAdmission({
          identity,
          anchor: () => anchor,
          host,
          virtual,
          ranges: new ServiceRanges(virtual, serviceCIDRs, logger),
          logger,
        }),
    );
    const review: AdmissionHandler = async (request, signal) => (await services).review(request, signal);
    const webhook = join(this.#directory, 'syncer', SERVICE_WEBHOOK_FILE);
    const guard = existsSync(webhook)
      ? new WebhookGuard({ virtual, wanted: this.#json<MutatingWebhookConfiguration>(webhook), logger })
      : undefined;
    const admission = new AdmissionServer({
      port: admissionPort,
      certificate: this.read('syncer/admission.crt'),
      key: this.read('syncer/admission.key'),
      path: this.read('syncer/admission-path'),
      handlers: { services: guard?.watching(review) ?? review },
      logger,
    });
    await Promise.all([gateway.listen(), admission.listen()]);
    this.#launch('kube-apiserver', binaries['kube-apiserver'], {
      ...kubeApiServerFlags(spec),
      'secure-port': port,
      'bind-address': '127.0.0.1',
      ...(spec.store.type === 'etcd' ? {} : { 'etcd-servers': url(etcd) }),
    });
    const guarding = guard?.run(stop.signal);
    this.#running = {
      stop,
      ended: async () => {
        await guarding;
        await Promise.all([gateway.close(), admission.close()]);
        await Promise.all([host.close(), virtual.close()]);
      },
    };
    this.#virtual = new KubeClient(
      {
        ...clusterConnection,
        clientCertificate: this.read('syncer/admin.crt'),
        clientKey: this.read('syncer/admin.key'),
      },
      { userAgent: 'test' },
    );
    await eventually(`the API server ${minor} is ready`, async () => {
      for (const [name, { exitCode }] of this.#processes) {
        if (exitCode !== null) throw new Error(`${name} ended: ${this.#log(name)}`);
      }
      return this.#virtual?.getText('/readyz');
    });
    await untilReady(virtual, logger, stop.signal);
    this.#own = await own;
    const settling = { identity, configuration, own: this.#own, host, virtual, guard, logger, signal: stop.signal };
    await settleVersion(settling);
  }

  async #startStore({ store }: VirtualClusterSpec): Promise<void> {
    const [etcd = 0, peer = 0, metricsPort = 0] = this.#ports;
    // What the kubelet makes of the pod's references to the Secret.
    const secretOf = async (name: string): Promise<[key: string, value: string][]> => {
      const secret = await this.#admin.get<Secret>(resources.secrets, { namespace: this.namespace, name });
      return Object.entries(secret.data ?? {}).map(([key, value]) => [key, Buffer.from(value, 'base64').toString()]);
    };
    if (store.type === 'etcd') {
      const folder = join(this.#directory, 'store-secret');
      mkdirSync(folder, { recursive: true });
      for (const [key, value] of await secretOf(store.secretName)) writeFileSync(join(folder, key), value);
      return;
    }
    if (!isEmbedded(store)) {
      const { kine } = await resolveBinaries(['kine'], standardErrorLog);
      const flags = {
        ...kineFlags(),
        'listen-address': `127.0.0.1:${etcd}`,
        'metrics-bind-address': `127.0.0.1:${metricsPort}`,
      };
      const endpoint = new Map(await secretOf(store.secretName)).get(store.secretKey);
      this.#launch('kine', kine, flags, { own: 'etcd', environment: { KINE_ENDPOINT: endpoint } });
      return;
    }
    const binaries = await resolveBinaries(['etcd'], standardErrorLog);
    const data = join(this.#directory, 'data');
    if (!existsSync(data)) mkdirSync(data, { mode: 0o700 });
    this.#launch('etcd', binaries.etcd, {
      ...etcdFlags(store),
      'data-dir': data,
      'listen-client-urls': url(etcd),
      'advertise-client-urls': url(etcd),
      'listen-peer-urls': url(peer),
      'initial-advertise-peer-urls': url(peer),
      'initial-cluster': `$(POD_NAME)=${url(peer)}`,
      'listen-metrics-urls': `http://127.0.0.1:${metricsPort}`,
      'unsafe-no-fsync': true,
    });
  }

  /** A file that init wrote. */
  read(path: string): string {
    return readFileSync(join(this.#directory, path), 'utf8').trim();
  }

  /** Stops it as the kubelet does, API server and store; what it has stored stays. */
  async halt(): Promise<void> {
    const running = this.#running;
    this.#running = undefined;
    running?.stop.abort();
    await this.#virtual?.close();
    this.#virtual = undefined;
    for (const name of ['kube-apiserver', 'etcd', 'kine']) await this.#end(name);
    await running?.ended();
  }

  /** Stops it and removes all files. */
  async stop(): Promise<void> {
    await this.halt();
    await this.#admin.close();
    rmSync(this.#directory, { recursive: true, force: true });
  }

  /** With the rights of the control plane's account. */
  #hostClient(): KubeClient {
    const user = `system:serviceaccount:${this.namespace}:${NAME}`;
    return new KubeClient(this.host.connectionFor(user), { userAgent: 'nestling-syncer' });
  }

  #json<T>(path: string): T {
    return JSON.parse(readFileSync(path, 'utf8')) as T;
  }

  #log(name: string): string {
    return readFileSync(join(this.#directory, `${name}.log`), 'utf8').slice(-2000);
  }

  /** @param own folder of the files that the container sees @default that of the program's name */
  #launch(
    name: string,
    program: string,
    flags: Readonly<Record<string, FlagValue>>,
    { own = name, environment = {} }: { own?: string; environment?: NodeJS.ProcessEnv } = {},
  ): void {
    const args = commandLine(flags).map((flag) =>
      flag
        .replaceAll(STORE_SECRET_DIRECTORY, join(this.#directory, 'store-secret'))
        .replaceAll('/etc/nestling/', `${join(this.#directory, own)}/`)
        .replaceAll('$(POD_NAME)', `${NAME}-0`)
        .replaceAll('$(POD_IP)', POD_IP)
        .replaceAll('$(SERVICE_CIDR)', '10.96.0.0/16'),
    );
    const log = openSync(join(this.#directory, `${name}.log`), 'a');
    const env = { ...process.env, ...environment };
    this.#processes.set(name, spawn(program, args, { stdio: ['ignore', log, log], env }));
    closeSync(log);
  }

  async #end(name: string): Promise<void> {
    const child = this.#processes.get(name);
    this.#processes.delete(name);
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), 20_000);
    await ended;
    clearTimeout(timer);
  }
}
