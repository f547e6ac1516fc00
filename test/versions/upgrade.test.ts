import type { MutatingWebhookConfiguration, RuleWithOperations } from 'kubernetes-types/admissionregistration/v1';
import type { ConfigMap, Secret, Service } from 'kubernetes-types/core/v1';
import { KubernetesVersion } from '../../constructs/spec';
import { resources } from '../../syncer/kube-client';
import { hostName } from '../../syncer/translation';
import { startApiServer } from '../host-cluster';
import type { RunningApiServer } from '../host-cluster';
import { ControlPlane } from '../integration/control-plane';
import { found } from '../integration/two-clusters';
import { eventually } from '../virtual-cluster/eventually';

/*
 * One virtual cluster from the oldest minor to the newest one: its control plane has the flags and files of its pod. The tests follow
 * one another.
 */

const NAMESPACE = 'team-versions';
const WEBHOOK = 'services.nestling.dev';
const hooks = resources.mutatingWebhookConfigurations;

let host: RunningApiServer;
let cluster: ControlPlane;

beforeAll(async () => {
  host = await startApiServer({ name: 'host' });
  cluster = new ControlPlane(host, NAMESPACE);
  await cluster.prepare();
});

afterAll(async () => {
  await cluster?.stop();
  await host?.stop();
});

const webhook = () => found(cluster.virtual.get<MutatingWebhookConfiguration>(hooks, { name: WEBHOOK }));

/** Makes a Service, and returns it with its twin on the host. */
async function makeService(name: string): Promise<{ readonly made: Service; readonly twin: Service | undefined }> {
  const made = await cluster.virtual.create<Service>(resources.services, {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace: 'default' },
    spec: { ports: [{ port: 80 }] },
  });
  const twinName = hostName({ name: 'vc', hostNamespace: NAMESPACE }, 'default', name);
  const twin = await found(cluster.admin.get<Service>(resources.services, { namespace: NAMESPACE, name: twinName }));
  return { made, twin };
}

async function servesAddressesOfTheHost(name: string): Promise<void> {
  const own = await eventually('default/kubernetes is there', () =>
    found(cluster.virtual.get<Service>(resources.services, { namespace: 'default', name: 'kubernetes' })),
  );
  expect(own.spec?.clusterIP).toBe(cluster.frontIP);
  expect(own.spec?.ports?.[0]).toMatchObject({ name: 'https', port: 443, targetPort: expect.any(Number) as unknown });
  const { made, twin } = await makeService(name);
  expect(twin?.spec?.clusterIP).toMatch(/^10\.96\./);
  expect(made.spec?.clusterIP).toBe(twin?.spec?.clusterIP);
}

async function answersAs(minor: string): Promise<void> {
  const { gitVersion } = JSON.parse(await cluster.virtual.getText('/version')) as { gitVersion: string };
  expect(gitVersion).toMatch(`v${minor}.`);
}

/** What upstream's types of rules lack is the resources. */
const anyWebhook = {
  apiGroups: ['admissionregistration.k8s.io'],
  apiVersions: ['*'],
  resources: ['*'],
  operations: ['*'],
} as RuleWithOperations;

const recorded = async (): Promise<string> => {
  const { data } = await cluster.admin.get<Secret>(resources.secrets, { namespace: NAMESPACE, name: 'vc-certs' });
  return Buffer.from(data?.['kubernetes-version'] ?? '', 'base64').toString();
};

const kept = async (): Promise<unknown> =>
  (await cluster.virtual.get<ConfigMap>(resources.configMaps, { namespace: 'default', name: 'kept' })).data;

describe('1.35', () => {
  let firstPath: string;

  test('Services have the addresses of the host from the first one on, that of the API server too', async () => {
    await cluster.start({ version: KubernetesVersion.V1_35 });
    await answersAs('1.35');
    await servesAddressesOfTheHost('in-1-35');
    await cluster.virtual.create(resources.configMaps, {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'kept', namespace: 'default' },
      data: { since: '1.35' },
    } as ConfigMap);
    expect(await recorded()).toBe(KubernetesVersion.V1_35.version);
    firstPath = cluster.read('syncer/admission-path');
  });

  test('the webhook is there again when a tenant has deleted it, and the next Service passes it', async () => {
    const before = await webhook();
    expect(before?.webhooks?.[0]?.clientConfig.url).toContain(firstPath);
    await cluster.virtual.delete(hooks, { name: WEBHOOK });
    await eventually('the webhook is there again', async () => {
      const now = await webhook();
      return now !== undefined && now.metadata?.uid !== before?.metadata?.uid;
    });
    await eventually('a Service has the address of its twin', async () => {
      const { made, twin } = await makeService(`after-delete-${Date.now()}`);
      return twin !== undefined && twin.spec?.clusterIP === made.spec?.clusterIP;
    });
  });

  test.each<[string, Partial<NonNullable<MutatingWebhookConfiguration['webhooks']>[number]>]>([
    ['let it fail', { failurePolicy: 'Ignore' }],
    ['leave out namespaces', { namespaceSelector: { matchLabels: { no: 'namespace' } } }],
    ['leave out Services', { matchConditions: [{ name: 'never', expression: 'false' }] }],
    ['make it ask for nothing', { rules: [] }],
    ['lead it elsewhere', { clientConfig: { url: 'https://127.0.0.1:1/' } }],
  ])('a tenant cannot %s', async (_, change) => {
    const before = await webhook();
    const changed = { ...before?.webhooks?.[0], ...change };
    await cluster.virtual.patch(hooks, { name: WEBHOOK, type: 'merge' }, { webhooks: [changed] });
    await eventually('the webhook is as it was', async () => {
      expect((await webhook())?.webhooks).toEqual(before?.webhooks);
      return true;
    });
  });

  test('a tenant cannot keep it from coming back with a finalizer, nor with a webhook of its own', async () => {
    await cluster.virtual.create<MutatingWebhookConfiguration>(hooks, {
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'MutatingWebhookConfiguration',
      metadata: { name: 'refuse-all' },
      webhooks: [
        {
          name: 'refuse.example.org',
          clientConfig: { url: 'https://127.0.0.1:1/' },
          rules: [anyWebhook],
          sideEffects: 'None',
          admissionReviewVersions: ['v1'],
        },
      ],
    });
    try {
      const before = await webhook();
      const finalizers = ['example.org/stay'];
      await cluster.virtual.patch(hooks, { name: WEBHOOK, type: 'merge' }, { metadata: { finalizers } });
      await cluster.virtual.delete(hooks, { name: WEBHOOK });
      await cluster.virtual.patch(hooks, { name: WEBHOOK, type: 'merge' }, { webhooks: [] });
      await eventually('the leaving webhook is as it was', async () => {
        expect((await webhook())?.webhooks).toEqual(before?.webhooks);
        return true;
      });
      await cluster.virtual.patch(hooks, { name: WEBHOOK, type: 'merge' }, { metadata: { finalizers: null } });
      await eventually('another webhook has taken its place', async () => {
        const now = await webhook();
        return now !== undefined && now.metadata?.uid !== before?.metadata?.uid;
      });
    } finally {
      await cluster.virtual.delete(hooks, { name: 'refuse-all' });
    }
  });

  test('it may not skip a minor; nothing is written then', async () => {
    await expect(cluster.init({ version: KubernetesVersion.V1_37 })).rejects.toThrow(
      'version 1.37.2 skips minors after 1.35.4, which has run here: go up one minor at a time: first to 1.36.3, then to 1.37.2',
    );
    expect(await recorded()).toBe('1.35.4');
    expect(cluster.read('syncer/admission-path')).toBe(firstPath);
  });

  test('on to 1.36: data is kept, the webhook is a file that tenants do not see, its path is a secret again', async () => {
    await cluster.halt();
    await cluster.start({ version: KubernetesVersion.V1_36 });
    await answersAs('1.36');
    expect(await kept()).toEqual({ since: '1.35' });
    expect((await cluster.virtual.list(hooks)).items).toEqual([]);
    expect(cluster.read('syncer/admission-path')).not.toBe(firstPath);
    await servesAddressesOfTheHost('in-1-36');
    expect(await recorded()).toBe('1.36.3');
  });
});

describe('1.36', () => {
  test('a webhook of that name which a tenant makes now is the tenant’s own', async () => {
    await cluster.virtual.create<MutatingWebhookConfiguration>(hooks, {
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'MutatingWebhookConfiguration',
      metadata: { name: WEBHOOK },
      webhooks: [],
    });
    await cluster.halt();
    await cluster.start({ version: KubernetesVersion.V1_36 });
    expect(await webhook()).toBeDefined();
    expect(cluster.own?.recordedVersion).toBe('1.36.3');
  });

  test('on to 1.37: data is kept, Services have the addresses of the host', async () => {
    await cluster.halt();
    await cluster.start({ version: KubernetesVersion.V1_37 });
    await answersAs('1.37');
    expect(await kept()).toEqual({ since: '1.35' });
    await servesAddressesOfTheHost('in-1-37');
    expect(await recorded()).toBe('1.37.2');
  });
});

describe('1.37', () => {
  test.each(['1.36.3', '1.35.4'])('it does not go back to %s', async (number) => {
    await expect(cluster.init({ version: KubernetesVersion.of(number) })).rejects.toThrow(
      `version ${number} is older than 1.37.2, which has run here: what Kubernetes has stored, an older minor may not read; ` +
        `set version to 1.37.2 or a newer one, or restore a backup that was made with ${number} into a new virtual cluster`,
    );
    expect(await kept()).toEqual({ since: '1.35' });
  });
});
