import type { ConfigMap, Pod, PodSpec, Secret, Service } from 'kubernetes-types/core/v1';
import { ApiError, resources } from '../../syncer/kube-client';
import type { AnyObject, ResourceType } from '../../syncer/kube-client';
import { ANNOTATIONS, tokenSecretName } from '../../syncer/translation';
import { eventually } from '../virtual-cluster/eventually';
import { HOST_NAMESPACE, NAME } from './in-process-syncer';
import { found, TwoClusters } from './two-clusters';

let clusters: TwoClusters;

beforeAll(async () => {
  clusters = await TwoClusters.start();
});

afterAll(async () => {
  await clusters?.stop();
});

const configMap = (name: string, data: Record<string, string>): Promise<ConfigMap> =>
  clusters.virtual.create<ConfigMap>(resources.configMaps, {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name, namespace: 'default' },
    data,
  });

const mounts = (name: string): Partial<PodSpec> => ({
  volumes: [{ name: 'configuration', configMap: { name, optional: true } }],
});

/** Waits until the host's twin of a config map or Secret has these contents. */
const holds = (type: typeof resources.configMaps, name: string, data: Record<string, string>): Promise<ConfigMap> =>
  eventually(`the host's ${type.resource} ${name} hold what they should`, async () => {
    const twin = await clusters.twin<ConfigMap>(type, name);
    expect(twin?.data).toEqual(data);
    return twin;
  });

const tokenSecret = (pod: string): Promise<Secret | undefined> =>
  found(
    clusters.host.get<Secret>(resources.secrets, {
      namespace: HOST_NAMESPACE,
      name: tokenSecretName({ name: NAME, hostNamespace: HOST_NAMESPACE }, 'default', pod),
    }),
  );

/** When a token Secret is renewed, as an RFC 3339 time. */
const RENEW_ANNOTATION = 'nestling.dev/renew-at';

const base64 = (text: string): string => Buffer.from(text).toString('base64');

test('a foreign config map that has the name on the host is never touched; the pod waits until the name is free', async () => {
  const at = { namespace: HOST_NAMESPACE, name: clusters.hostNameOf('taken') };
  const foreign = await clusters.host.create<ConfigMap>(resources.configMaps, {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: at,
    data: { theirs: 'yes' },
  });
  await configMap('taken', { ours: 'yes' });
  await clusters.createPod('waits', mounts('taken'));
  await clusters.event('taken', 'HostNameTaken');
  await clusters.waiting(
    'waits',
    'WaitingForHost',
    'configmap "taken" is not on the host: the name on the host is taken by a ConfigMap that is not of this virtual cluster; use another name',
  );
  expect(await clusters.twin(resources.pods, 'waits')).toBeUndefined();
  expect((await clusters.host.get(resources.configMaps, at)).metadata?.resourceVersion).toBe(
    foreign.metadata?.resourceVersion,
  );
  await clusters.host.delete(resources.configMaps, at);
  await holds(resources.configMaps, 'taken', { ours: 'yes' });
  await clusters.running('waits');
});

test('a foreign Secret that has the name on the host is never touched, with the pod and without it', async () => {
  const at = { namespace: HOST_NAMESPACE, name: clusters.hostNameOf('vault') };
  const secret = (metadata: Secret['metadata'], data: Record<string, string>): Secret => ({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: metadata ?? {},
    data,
  });
  const foreign = await clusters.host.create<Secret>(resources.secrets, secret(at, { theirs: base64('yes') }));
  const untouched = async (): Promise<void> => {
    const now = await clusters.host.get<Secret>(resources.secrets, at);
    expect([now.metadata?.uid, now.metadata?.resourceVersion]).toEqual([
      foreign.metadata?.uid,
      foreign.metadata?.resourceVersion,
    ]);
  };
  const own = { name: 'vault', namespace: 'default' };
  await clusters.virtual.create<Secret>(resources.secrets, secret(own, { ours: base64('yes') }));
  await clusters.createPod('thief', { volumes: [{ name: 'v', secret: { secretName: 'vault' } }] });
  await clusters.event('vault', 'HostNameTaken');
  expect(await clusters.twin(resources.pods, 'thief')).toBeUndefined();
  await untouched();
  await clusters.virtual.delete(resources.pods, { namespace: 'default', name: 'thief' });
  await clusters.gone(resources.pods, 'thief');
  await clusters.virtual.delete(resources.secrets, own);
  // By then the syncer has seen the end of both.
  await clusters.createPod('after-thief');
  await clusters.running('after-thief');
  await untouched();
});

test('a pod that waits for contents goes on without them when they are deleted', async () => {
  const at = { namespace: HOST_NAMESPACE, name: clusters.hostNameOf('dropped') };
  await clusters.host.create(resources.configMaps, { apiVersion: 'v1', kind: 'ConfigMap', metadata: at });
  await configMap('dropped', { ours: 'yes' });
  await clusters.createPod('goes-on', mounts('dropped'));
  await clusters.event('dropped', 'HostNameTaken');
  await clusters.virtual.delete(resources.configMaps, { namespace: 'default', name: 'dropped' });
  await clusters.running('goes-on');
});

test('a foreign Service that has the name on the host is never touched; ours is made once the name is free', async () => {
  const at = { namespace: HOST_NAMESPACE, name: clusters.hostNameOf('taken') };
  const spec = { clusterIP: 'None', ports: [{ port: 80 }] };
  const foreign = await clusters.host.create<Service>(resources.services, {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: at,
    spec: { ...spec, selector: { app: 'theirs' } },
  });
  const ours = await clusters.virtual.create<Service>(resources.services, {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'taken', namespace: 'default' },
    spec: { ...spec, selector: { app: 'ours' } },
  });
  await eventually('event HostNameTaken about the Service', async () =>
    (await clusters.events('taken')).some(
      ({ reason, involvedObject }) => reason === 'HostNameTaken' && involvedObject.uid === ours.metadata?.uid,
    ),
  );
  expect((await clusters.host.get(resources.services, at)).metadata?.resourceVersion).toBe(
    foreign.metadata?.resourceVersion,
  );
  await clusters.host.delete(resources.services, at);
  await eventually("the host's Service is ours", async () => {
    const twin = await clusters.twin<Service>(resources.services, 'taken');
    return twin?.metadata?.annotations?.[ANNOTATIONS.uid] === ours.metadata?.uid;
  });
});

test('a config map is on the host while a pod refers to it, with every change and without what was removed', async () => {
  await configMap('settings', { one: '1', two: '2' });
  await clusters.createPod('reader', mounts('settings'));
  await clusters.running('reader');
  await holds(resources.configMaps, 'settings', { one: '1', two: '2' });
  const at = { namespace: 'default', name: 'settings' };
  await clusters.virtual.patch(resources.configMaps, { ...at, type: 'merge' }, { data: { one: '3', two: null } });
  await holds(resources.configMaps, 'settings', { one: '3' });
  await clusters.virtual.delete(resources.configMaps, at);
  await clusters.gone(resources.configMaps, 'settings');
  await configMap('settings', { again: 'yes' });
  await holds(resources.configMaps, 'settings', { again: 'yes' });
  await clusters.virtual.delete(resources.pods, { namespace: 'default', name: 'reader' });
  await eventually('the host has no config map that nobody needs', async () => {
    return (await clusters.twin(resources.configMaps, 'settings')) === undefined;
  });
});

test('an immutable Secret that was made anew, of another type even, takes the place of the former one', async () => {
  const secret = (type: string, data: Record<string, string>) =>
    clusters.virtual.create<Secret>(resources.secrets, {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'fixed', namespace: 'default' },
      type,
      immutable: true,
      data,
    });
  await secret('Opaque', { key: base64('one') });
  await clusters.createPod('holder', { volumes: [{ name: 'secret', secret: { secretName: 'fixed' } }] });
  await clusters.running('holder');
  await holds(resources.secrets, 'fixed', { key: base64('one') });
  await clusters.virtual.patch(
    resources.secrets,
    { namespace: 'default', name: 'fixed', type: 'merge' },
    { metadata: { labels: { changed: 'yes' } } },
  );
  await clusters.virtual.delete(resources.secrets, { namespace: 'default', name: 'fixed' });
  const contents = { username: base64('someone'), password: base64('two') };
  const made = await secret('kubernetes.io/basic-auth', contents);
  const twin = await holds(resources.secrets, 'fixed', contents);
  expect(twin).toHaveProperty('type', 'kubernetes.io/basic-auth');
  expect(twin.metadata?.annotations?.[ANNOTATIONS.uid]).toBe(made.metadata?.uid);
});

test('a twin that a policy of the host keeps as it is stays, with the pods that use it, and follows once it may', async () => {
  const [apiVersion, name] = ['admissionregistration.k8s.io/v1', 'no-secrets-in-config-maps'];
  const admission = (kind: string, resource: string): ResourceType => ({
    group: 'admissionregistration.k8s.io',
    version: 'v1',
    kind,
    resource,
    namespaced: false,
  });
  const policies = admission('ValidatingAdmissionPolicy', 'validatingadmissionpolicies');
  const bindings = admission('ValidatingAdmissionPolicyBinding', 'validatingadmissionpolicybindings');
  await clusters.host.create<AnyObject>(policies, {
    apiVersion,
    kind: policies.kind,
    metadata: { name },
    spec: {
      matchConstraints: {
        resourceRules: [
          { apiGroups: [''], apiVersions: ['v1'], resources: ['configmaps'], operations: ['CREATE', 'UPDATE'] },
        ],
      },
      // Answers `Invalid`, as where a field is wrong.
      validations: [{ expression: "!has(object.data) || !('password' in object.data)", message: 'no passwords here' }],
    },
  });
  await clusters.host.create<AnyObject>(bindings, {
    apiVersion,
    kind: bindings.kind,
    metadata: { name },
    spec: { policyName: name, validationActions: ['Deny'] },
  });
  try {
    await eventually('the policy is in force', async () => {
      const metadata = { name: 'probe', namespace: HOST_NAMESPACE };
      const probe: ConfigMap = { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { password: 'x' } };
      const answer = await clusters.host
        .create<ConfigMap>(resources.configMaps, probe, { dryRun: true })
        .catch((error: unknown) => error);
      return ApiError.is(answer, 'Invalid');
    });
    await configMap('guarded', { user: 'me' });
    await clusters.createPod('guarded', mounts('guarded'));
    await clusters.running('guarded');
    const twin = await holds(resources.configMaps, 'guarded', { user: 'me' });
    const at = { namespace: 'default', name: 'guarded', type: 'merge' } as const;
    await clusters.virtual.patch(resources.configMaps, at, { data: { password: 'secret' } });
    const event = await clusters.event('guarded', 'RefusedByHost');
    expect(event.message).toContain('no passwords here');
    expect(await clusters.twin(resources.configMaps, 'guarded')).toEqual(twin);
    await clusters.virtual.patch(resources.configMaps, at, { data: { user: 'you', password: null } });
    const after = await holds(resources.configMaps, 'guarded', { user: 'you' });
    expect(after.metadata?.uid).toBe(twin.metadata?.uid);
  } finally {
    await clusters.host.delete(bindings, { name });
    await clusters.host.delete(policies, { name });
  }
});

test('a twin that somebody made immutable on the host is made anew for other contents', async () => {
  await configMap('frozen', { step: '1' });
  await clusters.createPod('thawing', mounts('frozen'));
  await clusters.running('thawing');
  const twin = await holds(resources.configMaps, 'frozen', { step: '1' });
  const { name = '' } = twin.metadata ?? {};
  await clusters.host.patch(
    resources.configMaps,
    { namespace: HOST_NAMESPACE, name, type: 'merge' },
    { immutable: true },
  );
  const at = { namespace: 'default', name: 'frozen', type: 'merge' } as const;
  await clusters.virtual.patch(resources.configMaps, at, { data: { step: '2' } });
  const after = await holds(resources.configMaps, 'frozen', { step: '2' });
  expect(after.metadata?.uid).not.toBe(twin.metadata?.uid);
  expect(await clusters.events('frozen')).toEqual([]);
});

test('a pod starts although its config map was newer when it was read than the watch had told', async () => {
  await configMap('moving', { step: '1' });
  const { virtual, caches } = clusters.syncer;
  await eventually('the cache has the config map', () =>
    Promise.resolve(caches.virtual.configMaps.has('default/moving')),
  );
  const cache = caches.virtual.configMaps;
  const upsert = cache.upsert.bind(cache);
  // A watch that lags behind.
  cache.upsert = (object) => {
    if (object.metadata?.name === 'moving') setTimeout(() => upsert(object), 700);
    else upsert(object);
  };
  const get = virtual.get.bind(virtual);
  virtual.get = async (type, options) => {
    if (options.name === 'moving') {
      virtual.get = get;
      await clusters.virtual.patch(
        resources.configMaps,
        { namespace: 'default', name: 'moving', type: 'merge' },
        { data: { step: '2' } },
      );
    }
    return get(type, options);
  };
  await clusters.createPod('patient', mounts('moving'));
  await clusters.running('patient');
  cache.upsert = upsert;
  await holds(resources.configMaps, 'moving', { step: '2' });
});

test('what an ephemeral container refers to gets to the host as well', async () => {
  await configMap('debugging', { verbose: 'yes' });
  await clusters.createPod('debugged');
  await clusters.running('debugged');
  await clusters.virtual.patch<Pod>(
    resources.pods,
    { namespace: 'default', name: 'debugged', subresource: 'ephemeralcontainers', type: 'strategic' },
    {
      spec: {
        ephemeralContainers: [
          { name: 'debugger', image: 'example.org/debug:1', envFrom: [{ configMapRef: { name: 'debugging' } }] },
        ],
      },
    },
  );
  await holds(resources.configMaps, 'debugging', { verbose: 'yes' });
});

test('a token Secret that was deleted is made again, and tokens are renewed at 80 % of their life', async () => {
  const virtual = await clusters.createPod('bearer');
  await clusters.running('bearer');
  const first = await eventually('the token Secret', () => tokenSecret('bearer'));
  await clusters.host.delete(resources.secrets, { namespace: HOST_NAMESPACE, name: first.metadata?.name ?? '' });
  const second = await eventually('another token Secret', async () => {
    const secret = await tokenSecret('bearer');
    return secret?.metadata?.uid !== first.metadata?.uid ? secret : undefined;
  });
  expect(second.metadata?.annotations?.[ANNOTATIONS.uid]).toBe(virtual.metadata?.uid);

  // A syncer that runs while the time comes: its clock stands until the test moves it.
  const renewAt = Date.parse(second.metadata?.annotations?.[RENEW_ANNOTATION] ?? '');
  const hour = 3_600_000;
  expect(Math.abs(renewAt - 0.8 * hour - Date.parse(second.metadata?.creationTimestamp ?? ''))).toBeLessThan(
    0.05 * hour,
  );
  let time = renewAt - 2_000;
  await clusters.stopSyncer();
  await clusters.startSyncer({ now: () => time });
  await clusters.createPod('before-renewal');
  await clusters.running('before-renewal');
  expect((await tokenSecret('bearer'))?.metadata?.resourceVersion).toBe(second.metadata?.resourceVersion);
  time = renewAt + 1;
  await eventually('the token is another one', async () => {
    const secret = await tokenSecret('bearer');
    expect(secret?.metadata?.uid).toBe(second.metadata?.uid);
    expect(secret?.data).not.toEqual(second.data);
    return true;
  });
  await clusters.stopSyncer();
  await clusters.startSyncer();
});

test('a pod whose service account is gone is told, and gets its token when the account is back', async () => {
  const account = {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { name: 'short-lived', namespace: 'default' },
  };
  await clusters.stopSyncer();
  await clusters.virtual.create(resources.serviceAccounts, account);
  await clusters.createPod('orphaned', { serviceAccountName: 'short-lived' });
  await clusters.virtual.delete(resources.serviceAccounts, { namespace: 'default', name: 'short-lived' });
  await clusters.startSyncer();
  await clusters.event('orphaned', 'TokenNotIssued');
  await clusters.virtual.create(resources.serviceAccounts, account);
  await eventually('the token Secret', () => tokenSecret('orphaned'));
});
