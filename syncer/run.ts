import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { MutatingWebhookConfiguration } from 'kubernetes-types/admissionregistration/v1';
import type { Service } from 'kubernetes-types/core/v1';
import { type AdmissionHandler, AdmissionServer, ServiceAdmission, ServiceRanges, WebhookGuard } from './admission';
import { bootstrap, InitialManifests, KubeconfigWriter, registerResourceMetrics } from './bootstrap';
import { CONFIGURATION_FILE, type SyncerConfiguration } from './configuration';
import type { Leadership } from './election';
import { createLogger, DebugServer, EventRecorder, HealthServer, type Logger, Metrics } from './engine';
import { podEnvironment, SYNCER_FILES } from './environment';
import { firstWatch } from './first-watch';
import { Gateway } from './gateway';
import { gatewayMetrics } from './gateway-metrics';
import { createCaches, HostFacts, HostNodes, HostVersion, runKinds } from './kinds';
import { inClusterConnection, KubeClient } from './kube-client';
import { ownObjects, untilReady } from './own-objects';
import { followOwnService } from './follow-service';
import { apiServerAddresses, CertificateKeeper, listed, SERVICE_WEBHOOK_FILE } from './pki';
import { Farewell } from './farewell';
import { ReplicatedStore } from './replicated-store';
import { electionOf } from './syncer-election';
import { settleVersion } from './settle-version';
import { EtcdClient, StoreKeeper } from './store';
import { FieldPatches, RESOURCE_METRICS_SERVICE, type ClusterIdentity } from './translation';

/** Where the syncer finds what it needs, and itself. */
export interface RunOptions {
  /** Directory with the control plane's files, as the init container wrote them: the syncer renews the certificates there. */
  readonly directory: string;
  /** @default what the init container left for the syncer */
  readonly configuration?: SyncerConfiguration;
}

const VIRTUAL_API_SERVER = 'https://127.0.0.1:6443';
/** Inside the pod, as etcd's flags have it. */
const STORE = 'https://127.0.0.1:2379';
const EGRESS_SOCKET = '/run/nestling/egress.sock';
const ADMISSION_PORT = 9443;
const HEALTH_PORT = 8080;
/** On the loopback address only. */
const DEBUG_PORT = 6060;
/** How long closing may take, in ms, before what is still open is cut. */
const CLOSE_MS = 1_000;
const USER_AGENT = 'nestling-syncer';

/** Runs the syncer until SIGTERM or SIGINT. Rejects when it cannot start. */
export async function runSyncer(options: RunOptions): Promise<void> {
  const own = join(options.directory, SYNCER_FILES);
  const configuration = options.configuration ?? (await readConfiguration(own));
  const logger = createLogger({ level: configuration.logging.level, name: 'syncer' });
  const stop = new AbortController();
  const farewell = new Farewell();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => {
      farewell.begin();
      stop.abort();
    });
  }
  try {
    await run(options.directory, configuration, logger, stop, farewell);
  } finally {
    await farewell.over;
  }
  logger.info('stopped');
  process.exit(0);
}

async function run(
  directory: string,
  configuration: SyncerConfiguration,
  logger: Logger,
  stop: AbortController,
  farewell: Farewell,
): Promise<void> {
  const own = join(directory, SYNCER_FILES);
  const { name, replicas } = configuration.virtualCluster;
  let leadership: Leadership | undefined;
  // Only the active one of several syncers writes anything but what each replica needs for itself; one that was active is none that waits.
  const beforeWrite = (): void => leadership?.check();
  const identity: ClusterIdentity = { name, hostNamespace: podEnvironment('POD_NAMESPACE') };
  const files = await readFiles(own);
  const metrics = new Metrics();
  const host = new KubeClient(inClusterConnection(), {
    userAgent: USER_AGENT,
    beforeWrite,
    onConnection: () => void hostVersion.refresh(),
  });
  const hostVersion = new HostVersion(host, logger);
  const virtual = new KubeClient(
    {
      server: VIRTUAL_API_SERVER,
      certificateAuthority: files.ca,
      clientCertificate: files.clientCertificate,
      clientKey: files.clientKey,
    },
    // A newer host says more of an object than an older virtual API server can keep.
    { userAgent: USER_AGENT, fieldValidation: 'Ignore', beforeWrite },
  );
  metrics.observeClient('host', host);
  metrics.observeClient('virtual', virtual);
  const caches = createCaches({ identity, host, virtual, logger, metrics });

  // Listens before anything is asked of anybody: the API server calls these as soon as it starts.
  const facts = new HostFacts(identity, caches);
  const gateway = new Gateway({
    socketPath: EGRESS_SOCKET,
    facts,
    pods: facts,
    tenant: facts,
    ...(configuration.sync.fromHost.metrics.enabled && {
      resourceMetrics: {
        identity,
        host,
        virtual,
        frontProxyCA: files.frontProxyCA,
        service: `${RESOURCE_METRICS_SERVICE.name}.${RESOURCE_METRICS_SERVICE.namespace}.svc`,
      },
    }),
    host: host.connection,
    kubeletCA: { certificate: files.kubeletCA, key: files.kubeletCAKey },
    clientCA: files.kubeletClientCA,
    admissionPort: ADMISSION_PORT,
    logger,
    metrics: gatewayMetrics(metrics),
  });
  const known = ownObjects(host, identity, configuration, logger, stop.signal);
  known.catch(() => undefined); // reported below, where it is awaited
  const services = known.then(
    ({ anchor, serviceCIDRs }) =>
      new ServiceAdmission({
        identity,
        anchor: () => anchor,
        host,
        virtual,
        ranges: new ServiceRanges(virtual, serviceCIDRs, logger),
        patches: new FieldPatches(configuration.sync.patches, { kind: 'Service', direction: 'toHost' }, identity),
        shown: configuration.hostServices.toVirtual.map(({ virtual: place }) => place),
        logger,
      }),
  );
  services.catch(() => undefined);
  const guard = files.webhook && new WebhookGuard({ virtual, wanted: files.webhook, logger, metrics });
  const review: AdmissionHandler = async (request, signal) => (await services).review(request, signal);
  const admission = new AdmissionServer({
    port: ADMISSION_PORT,
    certificate: files.admissionCertificate,
    key: files.admissionKey,
    path: files.admissionPath,
    handlers: { services: guard?.watching(review) ?? review },
    logger,
  });
  const health = new HealthServer({ metrics, logger });
  // Before it answers: whoever waits for the pod to be ready finds the kubeconfig.
  let installed = false;
  health.addCheck('bootstrap', () => (installed ? undefined : 'the virtual cluster is not set up yet'));
  const debug = new DebugServer({ registry: metrics.objects, logger });
  await Promise.all([gateway.listen(), admission.listen(), health.listen(HEALTH_PORT), debug.listen(DEBUG_PORT)]);

  const reflectors = [caches.run('host', stop.signal)];
  firstWatch(metrics, Object.values(caches.host), stop.signal).then(
    (seconds) => logger.info({ milliseconds: Math.round(seconds * 1000) }, 'watching the host'),
    () => undefined, // told to stop before
  );
  const etcd = configuration.store.embedded ? new EtcdClient({ url: STORE, ...files.store }) : undefined;
  const several = replicas > 1 ? electionOf({ identity, host, known, logger }) : undefined;
  // Whether or not the API server answers: a full store is a reason why it does not.
  if (etcd) {
    const exclusively = several && ((work: () => Promise<void>) => several.whileAlone(work, stop.signal));
    reflectors.push(new StoreKeeper({ etcd, logger, metrics, ...(exclusively && { exclusively }) }).run(stop.signal));
  }
  const members = etcd && new ReplicatedStore({ configuration, identity, etcd, host, logger });
  if (members && several) farewell.set(() => members.leave());
  const { anchor, pausedAt, apiServerIP, hadSeveralMembers, service } = await known;
  // Before anything is derived from what the store holds: were it not the store of the members that were, objects on the host had no owners.
  const one = members && !several && hadSeveralMembers ? members.becomeOne(stop.signal) : undefined;
  const [version] = await Promise.all([untilReady(virtual, logger, stop.signal), hostVersion.known(), one]);
  stop.signal.throwIfAborted();
  if (guard !== undefined) reflectors.push(guard.run(stop.signal));
  await settleVersion({
    identity,
    configuration,
    own: await known,
    host,
    virtual,
    guard,
    logger,
    signal: stop.signal,
  });
  reflectors.push(caches.run('virtual', stop.signal));
  logger.info({ milliseconds: Math.round(process.uptime() * 1000), version }, 'watching the virtual cluster');

  const reached = (state: Service) =>
    apiServerAddresses(state, { configuration, hostIPs: listed(podEnvironment('HOST_IP')) });
  const { ca, admin } = files;
  const { outsideServer } = reached(service);
  const kubeconfigs = new KubeconfigWriter(host, { configuration, identity, anchor, ca, admin, outsideServer }, logger);
  const keeper = new CertificateKeeper({
    configuration,
    client: host,
    namespace: identity.hostNamespace,
    podIP: podEnvironment('POD_IP'),
    directory,
    logger,
  });
  keeper.onRenewal((renewed) => {
    virtual.renewCredentials({ clientCertificate: renewed.client.certificate, clientKey: renewed.client.key });
    admission.renew(renewed.admission);
    etcd?.renew(renewed.store);
    kubeconfigs.change({ admin: renewed.admin });
  });
  const follow = (state: Service): void => {
    const addresses = reached(state);
    keeper.reachedAt(addresses);
    kubeconfigs.change({ outsideServer: addresses.outsideServer });
  };
  follow(service);
  const keeping = [keeper.run(stop.signal), followOwnService(host, identity, logger, follow, stop.signal)];

  const environment = {
    identity,
    anchor,
    pausedAt,
    configuration,
    apiServerIP,
    version,
    hostVersion,
    host,
    virtual,
    events: new EventRecorder(virtual, { component: 'nestling-syncer', logger, metrics }),
    logger,
    metrics,
  };
  // Before this one has the lead: the gateway of every replica answers for the nodes that are shown.
  const hostNodes = new HostNodes(environment, caches);
  const checked = new Set<string>();
  const checkCaches = (): void => {
    for (const cache of caches.all()) {
      if (checked.has(cache.name)) continue;
      checked.add(cache.name);
      health.addCheck(cache.name, () => (cache.synced ? undefined : 'not listed yet'));
    }
  };
  if (several) {
    checkCaches();
    // While another one is active, this one is ready when gateway and admission know all that they need.
    leadership = await several.lead(() => {
      installed = true;
      logger.info('another syncer is the active one');
    }, stop.signal);
    if (members) reflectors.push(members.run(stop.signal));
  }
  const kinds = runKinds(environment, caches, hostNodes, stop.signal);
  checkCaches();
  await bootstrap({ configuration, virtual, kubeconfigs, logger, signal: stop.signal });
  installed = true;
  logger.info({ milliseconds: Math.round(process.uptime() * 1000) }, 'the virtual cluster is set up');

  const metricsApi = registerResourceMetrics({
    enabled: configuration.sync.fromHost.metrics.enabled,
    certificateAuthority: files.kubeletCA,
    host,
    virtual,
    logger,
    signal: stop.signal,
  });

  // Nobody waits for them: a manifest that is refused is no reason not to be ready.
  const manifests = new InitialManifests({ identity, host, virtual, events: environment.events, logger }).run(
    stop.signal,
  );

  await Promise.all([kinds, metricsApi, manifests, kubeconfigs.run(stop.signal), ...keeping, ...reflectors]);
  // The API servers may be gone by now (the pod is stopped as a whole): nothing waits for them for long.
  await Promise.race([
    Promise.all([gateway.close(), admission.close(), health.close(), debug.close(), environment.events.flush()]),
    sleep(CLOSE_MS, undefined, { ref: false }),
  ]);
  await leadership?.release();
  await farewell.over;
  await Promise.all([host.close(), virtual.close()]);
  etcd?.close();
}

async function readConfiguration(directory: string): Promise<SyncerConfiguration> {
  return JSON.parse(await readFile(join(directory, CONFIGURATION_FILE), 'utf8')) as SyncerConfiguration;
}

async function readFiles(directory: string) {
  const read = async (name: string): Promise<string> => (await readFile(join(directory, name), 'utf8')).trim();
  const [ca, clientCertificate, clientKey, kubeletCA, kubeletCAKey, kubeletClientCA, frontProxyCA] = await Promise.all(
    [
      ...['ca.crt', 'client.crt', 'client.key', 'kubelet-ca.crt', 'kubelet-ca.key', 'kubelet-client-ca.crt'],
      'front-proxy-ca.crt',
    ].map(read),
  );
  const [admissionCertificate, admissionKey, admissionPath, adminCertificate, adminKey] = await Promise.all(
    ['admission.crt', 'admission.key', 'admission-path', 'admin.crt', 'admin.key'].map(read),
  );
  const [certificateAuthority, certificate, key] = await Promise.all(
    ['etcd-ca.crt', 'etcd-client.crt', 'etcd-client.key'].map(read),
  );
  return {
    store: { certificateAuthority: certificateAuthority!, certificate: certificate!, key: key! },
    webhook: await readWebhook(join(directory, SERVICE_WEBHOOK_FILE)),
    ca: ca!,
    clientCertificate: clientCertificate!,
    clientKey: clientKey!,
    kubeletCA: kubeletCA!,
    kubeletCAKey: kubeletCAKey!,
    kubeletClientCA: kubeletClientCA!,
    frontProxyCA: frontProxyCA!,
    admissionCertificate: admissionCertificate!,
    admissionKey: admissionKey!,
    admissionPath: admissionPath!,
    admin: { certificate: adminCertificate!, key: adminKey! },
  };
}

/** The webhook that has to be an object of the virtual cluster; undefined where the API server has it from a file. */
async function readWebhook(file: string): Promise<MutatingWebhookConfiguration | undefined> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as MutatingWebhookConfiguration;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
