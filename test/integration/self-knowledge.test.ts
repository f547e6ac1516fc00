import type { ConfigMap, Event, Pod, PodCondition } from 'kubernetes-types/core/v1';
import { AdmissionServer } from '../../syncer/admission';
import { createLogger, type DebugObject, DebugServer, HealthServer } from '../../syncer/engine';
import { resources } from '../../syncer/kube-client';
import type { KubeObject, ResourceType } from '../../syncer/kube-client';
import { Authority } from '../host-cluster/certificates';
import { eventually } from '../virtual-cluster/eventually';
import { HOST_NAMESPACE } from './in-process-syncer';
import { TwoClusters } from './two-clusters';

const webhookConfigurations: ResourceType = {
  group: 'admissionregistration.k8s.io',
  version: 'v1',
  resource: 'validatingwebhookconfigurations',
  kind: 'ValidatingWebhookConfiguration',
  namespaced: false,
};

let clusters: TwoClusters;
let debug: DebugServer;
let health: HealthServer;
let debugAddress: string;
let healthAddress: string;

beforeAll(async () => {
  clusters = await TwoClusters.start();
  const { metrics } = clusters.syncer;
  debug = new DebugServer({ registry: metrics.objects });
  health = new HealthServer({ metrics });
  debugAddress = `http://127.0.0.1:${(await debug.listen(0)).port}/debug/objects`;
  healthAddress = `http://127.0.0.1:${(await health.listen(0, '127.0.0.1')).port}/metrics`;
});

afterAll(async () => {
  await Promise.all([debug?.close(), health?.close()]);
  await clusters?.stop();
});

/** What `/debug/objects` says about one object. */
async function debugged(kind: string, key: string): Promise<DebugObject | undefined> {
  const answer = await fetch(`${debugAddress}?kind=${kind}&namespace=${key.slice(0, key.indexOf('/'))}`);
  expect(answer.status).toBe(200);
  return ((await answer.json()) as { objects: DebugObject[] }).objects.find((object) => object.key === key);
}

const scrape = async (): Promise<string> => (await fetch(healthAddress)).text();

/** Value of one sample; NaN when it is not there. */
function sample(text: string, name: string): number {
  const line = text.split('\n').find((one) => one.startsWith(`${name} `));
  return line === undefined ? Number.NaN : Number(line.slice(name.length + 1));
}

async function onHost<T extends KubeObject>(type: ResourceType, object: T): Promise<() => Promise<unknown>> {
  await clusters.host.create(type, object);
  const { name = '', namespace } = object.metadata ?? {};
  return () => clusters.host.delete(type, { name, ...(namespace === undefined ? {} : { namespace }) });
}

/** Waits until the tenant knows, by event and by condition, that the host refuses a pod. */
async function refusal(name: string): Promise<{ event: Event; condition: PodCondition }> {
  const event = await clusters.event(name, 'RefusedByHost');
  const condition = await eventually(`condition PodScheduled of pod ${name} says why`, async () => {
    const pod = await clusters.virtualOne<Pod>(resources.pods, name);
    return pod?.status?.conditions?.find(({ type, reason }) => type === 'PodScheduled' && reason === 'RefusedByHost');
  });
  return { event, condition };
}

describe('what the host refuses is an event and a condition of the pod, in the tenant’s names, and listed with its reason:', () => {
  /** Undoes what makes the host refuse. */
  let permit: () => Promise<unknown> = () => Promise.resolve();
  afterEach(() => permit());

  async function isTold(name: string, said: RegExp): Promise<void> {
    const resourceNeeds = { limits: { memory: '64Mi' } };
    await clusters.createPod(name, {
      containers: [{ name: 'main', image: 'example.org/main:1', resources: resourceNeeds }],
    });
    const { event, condition } = await refusal(name);
    expect(event).toMatchObject({ type: 'Warning', involvedObject: { kind: 'Pod', namespace: 'default', name } });
    expect(condition).toMatchObject({ status: 'False', message: event.message });
    expect(event.message).toMatch(said);
    expect(event.message).toContain(`"${name}"`);
    expect(event.message).not.toMatch(/team-a|-x-/);
    const known = await debugged('pods', `default/${name}`);
    expect(known).toMatchObject({
      state: 'refused',
      since: expect.any(String),
      virtual: { name, namespace: 'default', uid: event.involvedObject.uid, resourceVersion: expect.any(String) },
      refusal: { reason: 'RefusedByHost', message: event.message },
    });
    expect(known).not.toHaveProperty('host');
    await permit();
    permit = () => Promise.resolve();
    await clusters.running(name);
    const after = await debugged('pods', `default/${name}`);
    expect(after).toMatchObject({ host: { name: clusters.hostNameOf(name), namespace: HOST_NAMESPACE } });
    expect(after).not.toHaveProperty('refusal');
    await clusters.virtual.delete(resources.pods, { namespace: 'default', name, gracePeriodSeconds: 0 });
    await clusters.gone(resources.pods, name);
  }

  test('a LimitRange', async () => {
    permit = await onHost(resources.limitRanges, {
      apiVersion: 'v1',
      kind: 'LimitRange',
      metadata: { name: 'small', namespace: HOST_NAMESPACE },
      spec: { limits: [{ type: 'Container', max: { memory: '1Mi' } }] },
    } as KubeObject);
    await clusters.hostRefusesPods();
    await isTold(
      'limited',
      /^pods "limited" is forbidden: maximum memory usage per Container is 1Mi, but limit is 64Mi/,
    );
  });

  test('the Pod Security label of the host namespace', async () => {
    const at = { name: HOST_NAMESPACE, type: 'merge' } as const;
    const label = (level: string | null) =>
      clusters.host.patch(resources.namespaces, at, {
        metadata: { labels: { 'pod-security.kubernetes.io/enforce': level } },
      });
    permit = () => label(null);
    await label('restricted');
    await clusters.hostRefusesPods();
    await isTold(
      'unrestricted',
      /^pods "unrestricted" is forbidden: violates PodSecurity "restricted:latest": .*runAsNonRoot/,
    );
  });

  test('an admission webhook', async () => {
    const authority = new Authority('webhook');
    const server = new AdmissionServer({
      port: 0,
      ...authority.issue({ commonName: 'webhook', addresses: ['127.0.0.1'] }),
      path: 'secret',
      handlers: {
        pods: ({ name, namespace }) =>
          Promise.resolve({
            allowed: false,
            refusal: {
              code: 403,
              reason: 'Forbidden',
              message: `image example.org/main:1 of pod "${name}" in namespace ${namespace} is not signed`,
            },
          }),
      },
      logger: createLogger({ level: 'error', name: 'webhook' }),
    });
    const port = await server.listen();
    const remove = await onHost(webhookConfigurations, {
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'ValidatingWebhookConfiguration',
      metadata: { name: 'signatures' },
      webhooks: [
        {
          name: 'signatures.example.org',
          admissionReviewVersions: ['v1'],
          sideEffects: 'None',
          clientConfig: {
            url: `https://127.0.0.1:${port}/secret/pods`,
            caBundle: Buffer.from(authority.pem.certificate).toString('base64'),
          },
          rules: [{ apiGroups: [''], apiVersions: ['v1'], resources: ['pods'], operations: ['CREATE'] }],
        },
      ],
    } as KubeObject);
    permit = async () => {
      await remove();
      await server.close();
    };
    await clusters.hostRefusesPods();
    await isTold(
      'unsigned',
      /^admission webhook "signatures.example.org" denied the request: image example.org\/main:1 of pod "unsigned" in namespace default is not signed$/,
    );
  });
});

test('a name that is taken on the host is told and listed, with nothing of the contents', async () => {
  const remove = await onHost(resources.configMaps, {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: clusters.hostNameOf('taken'), namespace: HOST_NAMESPACE },
    data: { theirs: 'not to be seen' },
  } as KubeObject);
  await clusters.virtual.create<ConfigMap>(resources.configMaps, {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'taken', namespace: 'default' },
    data: { ours: 'not to be seen' },
  });
  await clusters.createPod('uses-taken', {
    volumes: [{ name: 'files', configMap: { name: 'taken' } }],
  });
  await clusters.event('taken', 'HostNameTaken');
  const known = await eventually('the config map is listed with its failure', async () => {
    const object = await debugged('configmaps', 'default/taken');
    return object?.failures === undefined || object.nextAt === undefined ? undefined : object;
  });
  expect(known).toMatchObject({
    state: 'refused',
    refusal: { reason: 'HostNameTaken' },
    error: expect.stringContaining('already exists'),
  });
  expect(JSON.stringify(known)).not.toContain('not to be seen');
  const text = await scrape();
  expect(sample(text, 'nestling_refused_objects{kind="configmaps"}')).toBe(1);
  expect(sample(text, 'nestling_oldest_unsynced_seconds{kind="configmaps"}')).toBeGreaterThan(0);
  await remove();
  await clusters.running('uses-taken');
  expect(await debugged('configmaps', 'default/taken')).toMatchObject({ state: 'synced' });
});

test('a scrape has the latency of each kind, the age of what is not synced, and the errors of both API servers', async () => {
  await clusters.createPod('measured');
  await clusters.running('measured');
  const text = await eventually('nothing is left to do', async () => {
    const scraped = await scrape();
    return sample(scraped, 'nestling_oldest_unsynced_seconds{kind="pods"}') === 0 ? scraped : undefined;
  });
  for (const kind of [
    ...['pods', 'services', 'configmaps', 'secrets', 'nodes', 'tokens', 'events', 'endpointslices', 'ingresses'],
    ...['networkpolicies', 'poddisruptionbudgets', 'persistentvolumeclaims', 'persistentvolumes'],
    ...['trustbundles', 'podcertificates'],
  ]) {
    expect([kind, sample(text, `nestling_oldest_unsynced_seconds{kind="${kind}"}`)]).toEqual([
      kind,
      expect.any(Number),
    ]);
    expect([kind, sample(text, `nestling_sync_latency_seconds_count{kind="${kind}"}`)]).toEqual([
      kind,
      expect.any(Number),
    ]);
  }
  const count = sample(text, 'nestling_sync_latency_seconds_count{kind="pods"}');
  expect(count).toBeGreaterThan(0);
  expect(sample(text, 'nestling_sync_latency_seconds_bucket{le="+Inf",kind="pods"}')).toBe(count);
  expect(sample(text, 'nestling_sync_latency_seconds_sum{kind="pods"}')).toBeGreaterThan(0);
  expect(sample(text, 'nestling_api_requests_total{cluster="host",verb="create",resource="pods"}')).toBeGreaterThan(0);
  expect(
    sample(text, 'nestling_api_request_errors_total{cluster="host",verb="create",resource="pods",code="403"}'),
  ).toBeGreaterThan(0);
});
