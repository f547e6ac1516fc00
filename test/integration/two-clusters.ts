import type { Event, Pod, PodSpec } from 'kubernetes-types/core/v1';
import type { ObjectMeta } from 'kubernetes-types/meta/v1';
import type { ServiceAdmissionOptions } from '../../syncer/admission';
import { ApiError, KubeClient, resources } from '../../syncer/kube-client';
import type { KubeObject, ResourceType } from '../../syncer/kube-client';
import { hostName } from '../../syncer/translation';
import { startApiServer } from '../host-cluster';
import type { ApiServerOptions, RunningApiServer } from '../host-cluster';
import { eventually } from '../virtual-cluster/eventually';
import { HostNode } from './host-node';
import { startAdmission } from './in-process-admission';
import type { InProcessAdmission } from './in-process-admission';
import { HOST_NAMESPACE, NAME, prepareHost, startSyncer } from './in-process-syncer';
import type { InProcessSyncer, SyncerSettings } from './in-process-syncer';
import { testedVersions } from './tested-versions';

const CONTROLLERS = ['serviceaccount-controller', 'root-ca-certificate-publisher-controller', 'namespace-controller'];

/** Seconds that anything in these tests may take; a busy machine is slow. */
const SECONDS = 60;

/** What the two API servers of a test have beside the usual. */
export interface TwoClustersOptions {
  /** What is special about the API servers. Versions are those that the run tests. */
  readonly host?: Pick<ApiServerOptions, 'version' | 'flags'>;
  readonly virtual?: Pick<ApiServerOptions, 'version' | 'flags' | 'scheduler'>;
  /** Controllers that run on the host. @default none */
  readonly hostControllers?: readonly string[];
  /** Controllers that run in the virtual cluster, beside those that pods need. @default none */
  readonly virtualControllers?: readonly string[];
  /** Ranges of Service addresses on both sides. @default one of IPv4 */
  readonly serviceRanges?: readonly string[];
  /** Whether Services are admitted as in the pod, with the host's addresses. @default false */
  readonly admission?: boolean;
  /** What admission knows of the host's Services that tenants see. @default none */
  readonly shown?: ServiceAdmissionOptions['shown'];
}

/** Two real API servers, a node of the host that is played, and the kinds of the syncer between them. */
export class TwoClusters {
  #syncer: InProcessSyncer | undefined;

  private constructor(
    readonly servers: { readonly host: RunningApiServer; readonly virtual: RunningApiServer },
    readonly host: KubeClient,
    readonly virtual: KubeClient,
    readonly node: HostNode,
    private readonly admission: InProcessAdmission | undefined,
  ) {}

  /** Starts all of it; pods can run in namespace `default` when it resolves. */
  static async start(options: TwoClustersOptions = {}): Promise<TwoClusters> {
    const made: (() => Promise<unknown>)[] = [];
    try {
      return await TwoClusters.#start(options, made);
    } catch (error) {
      // What is left running would keep the test runner waiting.
      await Promise.allSettled(made.map((stop) => stop()));
      throw error;
    }
  }

  /** @param made gets what ends each thing that was started */
  static async #start(options: TwoClustersOptions, made: (() => Promise<unknown>)[]): Promise<TwoClusters> {
    const { hostControllers, virtualControllers = [], serviceRanges = ['10.96.0.0/16'], admission = false } = options;
    const versions = testedVersions();
    const ranges = `--service-cluster-ip-range=${serviceRanges.join(',')}`;
    const startVirtual = (flags: readonly string[] = []): Promise<RunningApiServer> => {
      const starting = startApiServer({
        name: 'virtual',
        version: versions.virtual,
        controllers: [...CONTROLLERS, ...virtualControllers],
        ...options.virtual,
        flags: [ranges, ...flags, ...(options.virtual?.flags ?? [])],
      });
      made.push(() => starting.then((server) => server.stop()));
      return starting;
    };
    const early = admission ? undefined : startVirtual();
    early?.catch(() => undefined); // awaited below
    const hostServer = await startApiServer({
      name: 'host',
      version: versions.host,
      ...(hostControllers && { controllers: hostControllers }),
      ...options.host,
      // Nothing makes the accounts there.
      flags: [ranges, '--disable-admission-plugins=ServiceAccount', ...(options.host?.flags ?? [])],
    });
    made.push(() => hostServer.stop());
    const host = new KubeClient(hostServer.connection, { userAgent: 'test' });
    made.push(() => host.close());
    await prepareHost(host);
    const admitting = admission
      ? await startAdmission(host, serviceRanges, options.virtual?.version ?? versions.virtual, options.shown)
      : undefined;
    const virtualServer = await (early ?? startVirtual(admitting?.flags));
    const virtual = new KubeClient(virtualServer.connection, { userAgent: 'test' });
    made.push(() => virtual.close());
    await admitting?.serve(virtual);
    const node = new HostNode(host, HOST_NAMESPACE);
    node.start();
    made.push(() => node.stop());
    const clusters = new TwoClusters({ host: hostServer, virtual: virtualServer }, host, virtual, node, admitting);
    made.push(() => clusters.stopSyncer());
    await clusters.startSyncer();
    await virtual.create(resources.services, {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'kube-dns', namespace: 'kube-system' },
      spec: { selector: { 'k8s-app': 'kube-dns' }, ports: [{ name: 'dns', port: 53, protocol: 'UDP' }] },
    });
    await eventually('the default ServiceAccount and the root certificate of namespace default', async () => {
      await virtual.get(resources.serviceAccounts, { namespace: 'default', name: 'default' });
      return virtual.get(resources.configMaps, { namespace: 'default', name: 'kube-root-ca.crt' });
    });
    return clusters;
  }

  get syncer(): InProcessSyncer {
    if (!this.#syncer) throw new Error('the syncer is stopped; call startSyncer first');
    return this.#syncer;
  }

  /** @param hostUser whom the host knows the syncer as. @default an administrator */
  async startSyncer(settings: SyncerSettings = {}, hostUser?: string): Promise<InProcessSyncer> {
    const { host, virtual } = this.servers;
    const connection = hostUser === undefined ? host.connection : host.connectionFor(hostUser);
    this.#syncer = await startSyncer({ host: connection, virtual: virtual.connection }, settings);
    await this.#syncer.synced();
    return this.#syncer;
  }

  async stopSyncer(): Promise<void> {
    const running = this.#syncer;
    this.#syncer = undefined;
    await running?.stop();
  }

  async stop(): Promise<void> {
    await this.stopSyncer();
    await this.node.stop();
    await Promise.all([this.host.close(), this.virtual.close()]);
    await Promise.all([this.servers.host.stop(), this.servers.virtual.stop()]);
    await this.admission?.stop();
  }

  /** Creates a virtual pod in namespace `default`. */
  createPod(name: string, spec: Partial<PodSpec> = {}, metadata: ObjectMeta = {}): Promise<Pod> {
    return this.virtual.create<Pod>(resources.pods, {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { ...metadata, name, namespace: 'default' },
      spec: { terminationGracePeriodSeconds: 5, containers: [{ name: 'main', image: 'example.org/main:1' }], ...spec },
    });
  }

  /** Waits until a virtual pod runs, and returns it. */
  running(name: string): Promise<Pod> {
    return eventually(
      `pod ${name} is Running in the virtual cluster`,
      async () => {
        const pod = await this.virtual.get<Pod>(resources.pods, { namespace: 'default', name });
        if (pod.status?.phase === 'Running') return pod;
        throw new Error(JSON.stringify(pod.status));
      },
      SECONDS,
    );
  }

  /** Name on the host of an object in virtual namespace `default`. */
  hostNameOf(name: string): string {
    return hostName({ name: NAME, hostNamespace: HOST_NAMESPACE }, 'default', name);
  }

  /** The object of that virtual name on the host; undefined when there is none. */
  twin<T extends KubeObject = KubeObject>(type: ResourceType, name: string): Promise<T | undefined> {
    return found(this.host.get<T>(type, { namespace: HOST_NAMESPACE, name: this.hostNameOf(name) }));
  }

  /** The virtual object of that name in namespace `default`; undefined when there is none. */
  virtualOne<T extends KubeObject = KubeObject>(type: ResourceType, name: string): Promise<T | undefined> {
    return found(this.virtual.get<T>(type, { namespace: 'default', name }));
  }

  /** Waits until an object is on neither side. */
  async gone(type: ResourceType, name: string): Promise<void> {
    await eventually(
      `${type.resource} ${name} is gone from both sides`,
      async () => {
        const left = await Promise.all([this.virtualOne(type, name), this.twin(type, name)]);
        if (left.some((object) => object !== undefined)) throw new Error(JSON.stringify(left));
        return true;
      },
      SECONDS,
    );
  }

  /** Waits for an event about an object in namespace `default`. */
  event(name: string, reason: string): Promise<Event> {
    return eventually(
      `event ${reason} about ${name}`,
      async () => (await this.events(name)).find((event) => event.reason === reason),
      SECONDS,
    );
  }

  /** Waits until a pod says what it waits for: as the condition that `kubectl describe` shows, and as an event. */
  async waiting(name: string, reason: string, message: string): Promise<void> {
    const told = expect.objectContaining({ reason, message }) as unknown;
    await eventually(`pod ${name} says by ${reason} what it waits for`, async () => {
      const pod = await this.virtualOne<Pod>(resources.pods, name);
      expect(pod?.status?.conditions).toContainEqual(told);
      expect(pod?.status?.conditions).toContainEqual(
        expect.objectContaining({ type: 'PodScheduled', status: 'False' }),
      );
      expect(await this.events(name)).toContainEqual(told);
      return true;
    });
  }

  /** Waits until what makes the host refuse pods counts: its admission hears of quotas, labels and webhooks by watches of its own. */
  async hostRefusesPods(): Promise<void> {
    await eventually('the host refuses a pod', async () => {
      try {
        await this.host.create<Pod>(
          resources.pods,
          {
            apiVersion: 'v1',
            kind: 'Pod',
            metadata: { name: 'refused', namespace: HOST_NAMESPACE },
            spec: {
              containers: [{ name: 'main', image: 'example.org/main:1', resources: { limits: { memory: '64Mi' } } }],
            },
          },
          { dryRun: true },
        );
      } catch (error) {
        if (ApiError.is(error, 'Forbidden')) return true;
        throw error;
      }
      return false;
    });
  }

  async events(name: string): Promise<readonly Event[]> {
    const fieldSelector = `involvedObject.name=${name}`;
    return (await this.virtual.list<Event>(resources.events, { namespace: 'default', fieldSelector })).items;
  }
}

/** What a request brings; undefined when there is nothing. */
export async function found<T>(request: Promise<T>): Promise<T | undefined> {
  try {
    return await request;
  } catch (error) {
    if (ApiError.is(error, 'NotFound')) return undefined;
    throw error;
  }
}
