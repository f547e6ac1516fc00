import type { ConfigMap, Event } from 'kubernetes-types/core/v1';
import { InitialManifests } from '../../syncer/bootstrap';
import { createLogger, EventRecorder } from '../../syncer/engine';
import { ApiError, KubeClient, type KubeObject, resources, type ResourceType } from '../../syncer/kube-client';
import { type RunningApiServer, startApiServer } from '../host-cluster';
import { eventually } from '../virtual-cluster/eventually';

const HOST_NAMESPACE = 'team-a';
const INVENTORY = { namespace: 'kube-system', name: 'nestling-manifests' };
const GROUP = 'example.org';
const widgets: ResourceType = {
  group: GROUP,
  version: 'v1',
  resource: 'widgets',
  kind: 'Widget',
  namespaced: true,
};

/** One API server is both sides: they have no object in common. */
let server: RunningApiServer;
let client: KubeClient;
let running: { readonly syncer: KubeClient; stop(): Promise<void> } | undefined;

beforeAll(async () => {
  server = await startApiServer({ name: 'manifests' });
  client = new KubeClient(server.connection, { userAgent: 'test', fieldManager: 'tenant' });
  await client.create(resources.namespaces, { metadata: { name: HOST_NAMESPACE } });
  await eventually('namespace kube-system', () =>
    client.get(resources.namespaces, { name: 'kube-system' }).catch(() => undefined),
  );
  start();
});

afterAll(async () => {
  await running?.stop();
  await client?.close();
  await server?.stop();
});

function start(): void {
  const syncer = new KubeClient(server.connection, { userAgent: 'nestling-syncer', fieldValidation: 'Ignore' });
  const logger = createLogger({ level: 'error', name: 'syncer' });
  const events = new EventRecorder(syncer, { component: 'nestling-syncer', logger });
  const identity = { name: 'vc', hostNamespace: HOST_NAMESPACE };
  const stop = new AbortController();
  const work = new InitialManifests({ identity, host: syncer, virtual: syncer, events, logger }).run(stop.signal);
  running = {
    syncer,
    stop: async () => {
      stop.abort();
      await work;
      await events.close();
      await syncer.close();
    },
  };
}

async function restart(): Promise<void> {
  await running?.stop();
  start();
}

/** Puts a set of manifests on the host, as a platform does. */
async function give(...manifests: readonly object[]): Promise<void> {
  await client.patch(
    resources.configMaps,
    { namespace: HOST_NAMESPACE, name: 'vc-manifests', type: 'apply', fieldManager: 'platform', force: true },
    {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'vc-manifests', namespace: HOST_NAMESPACE },
      data: { 'manifests.json': JSON.stringify(manifests) },
    },
  );
}

const namespace = (name: string) => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });

const settings = (namespaceName: string, name: string, data: Record<string, string>) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace: namespaceName },
  data,
});

async function found<T extends KubeObject>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading;
  } catch (error) {
    if (ApiError.is(error, 'NotFound')) return undefined;
    throw error;
  }
}

const mapOf = (namespaceName: string, name: string) =>
  found(client.get<ConfigMap>(resources.configMaps, { namespace: namespaceName, name }));

/** Waits until a ConfigMap has these data. */
function holds(namespaceName: string, name: string, data: Record<string, string>): Promise<ConfigMap> {
  return eventually(`ConfigMap ${namespaceName}/${name} holds ${JSON.stringify(data)}`, async () => {
    const map = await mapOf(namespaceName, name);
    if (JSON.stringify(map?.data) === JSON.stringify(data)) return map;
    throw new Error(JSON.stringify([map, await mapOf(INVENTORY.namespace, INVENTORY.name)]));
  });
}

function isGone(namespaceName: string, name: string): Promise<true> {
  return eventually(`ConfigMap ${namespaceName}/${name} is gone`, async () => !(await mapOf(namespaceName, name)));
}

/** Waits until the list of problems is as expected. */
function problemsAre(expected: RegExp | undefined): Promise<true> {
  return eventually(`problems are ${String(expected)}`, async () => {
    const problems = (await mapOf(INVENTORY.namespace, INVENTORY.name))?.data?.['problems'];
    if (expected === undefined ? problems === undefined : expected.test(problems ?? '')) return true;
    throw new Error(`they are ${problems}`);
  });
}

test('a set is applied whatever its order, follows changes, and what is taken from it goes', async () => {
  await give(settings('first', 'a', { color: 'blue', size: 'large' }), settings('first', 'b', {}), namespace('first'));
  const before = await holds('first', 'a', { color: 'blue', size: 'large' });
  await give(settings('first', 'a', { color: 'red' }), namespace('first'));
  const after = await holds('first', 'a', { color: 'red' });
  expect(after.metadata?.uid).toBe(before.metadata?.uid);
  await isGone('first', 'b');
  await problemsAre(undefined);
});

test('a definition and its custom resource come in one set, in whatever order', async () => {
  const definition = {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `widgets.${GROUP}` },
    spec: {
      group: GROUP,
      scope: 'Namespaced',
      names: { plural: 'widgets', singular: 'widget', kind: 'Widget', listKind: 'WidgetList' },
      versions: [
        {
          name: 'v1',
          served: true,
          storage: true,
          schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
        },
      ],
    },
  };
  const widget = { apiVersion: `${GROUP}/v1`, kind: 'Widget', metadata: { name: 'one' }, size: 3 };
  await give(widget, definition);
  await eventually('the custom resource, in namespace default', () =>
    found(client.get(widgets, { namespace: 'default', name: 'one' })),
  );
  await problemsAre(undefined);
  await give(definition);
  await eventually(
    'the custom resource is gone',
    async () => !(await found(client.get(widgets, { namespace: 'default', name: 'one' }))),
  );
  await give();
  await eventually('the inventory is empty', async () => {
    const { data } = (await mapOf(INVENTORY.namespace, INVENTORY.name)) ?? {};
    return data?.['objects.json'] === '[]\n';
  });
  // With it everything would go that a tenant made of it.
  await client.get(resources.customResourceDefinitions, { name: `widgets.${GROUP}` });
});

test('what is refused is listed and told, and the others are applied; once it is put right all is well', async () => {
  const wrong = settings('second', 'Not_A_Name', {});
  const unknown = { apiVersion: 'no.example.org/v1', kind: 'Nothing', metadata: { name: 'at-all' } };
  await give(wrong, unknown, settings('second', 'good', { is: 'there' }), namespace('second'));
  await holds('second', 'good', { is: 'there' });
  await problemsAre(/^ConfigMap second\/Not_A_Name: .*a lowercase RFC 1123 subdomain/m);
  await problemsAre(
    /^Nothing at-all: the virtual cluster does not serve kind Nothing of no\.example\.org\/v1 \(yet\)$/m,
  );
  const event = await eventually('an event about the refusal', async () => {
    const { items } = await client.list<Event>(resources.events, { namespace: INVENTORY.namespace });
    return items.find(({ message }) => message?.startsWith('ConfigMap second/Not_A_Name: '));
  });
  expect(event).toMatchObject({
    type: 'Warning',
    reason: 'InitialManifestNotApplied',
    involvedObject: { kind: 'ConfigMap', ...INVENTORY },
  });
  await give(settings('second', 'good', { is: 'there' }), namespace('second'));
  await problemsAre(undefined);
});

test('an object of the tenant is left alone and stays when the set has it no more, until the tenant hands it over', async () => {
  const own = settings('default', 'tenants', { whose: 'mine' });
  await client.create(resources.configMaps, own);
  await give(settings('default', 'tenants', { whose: 'yours' }), settings('default', 'beside', { is: 'there' }));
  await holds('default', 'beside', { is: 'there' });
  await problemsAre(/^ConfigMap default\/tenants: exists already and was not made by the platform/m);
  await holds('default', 'tenants', { whose: 'mine' });
  await give(settings('default', 'beside', { is: 'there' }));
  await problemsAre(undefined);
  await holds('default', 'tenants', { whose: 'mine' });
});

test('one that the tenant made in place of ours stays when the set has it no more', async () => {
  await give(settings('default', 'replaced', { whose: 'yours' }));
  await holds('default', 'replaced', { whose: 'yours' });
  await client.delete(resources.configMaps, { namespace: 'default', name: 'replaced' });
  await client.create(resources.configMaps, settings('default', 'replaced', { whose: 'mine' }));
  await give(settings('default', 'last', {}));
  await eventually('the last set is applied', () => mapOf('default', 'last'));
  await problemsAre(undefined);
  await holds('default', 'replaced', { whose: 'mine' });
});

test('after a restart nothing is written that is there; what was deleted comes back, what was changed stays, what was taken from the set goes', async () => {
  await give(settings('default', 'kept', { color: 'blue' }), settings('default', 'lost', { is: 'there' }));
  await holds('default', 'lost', { is: 'there' });
  await problemsAre(undefined);
  await client.patch<ConfigMap>(
    resources.configMaps,
    { namespace: 'default', name: 'kept', type: 'merge' },
    { data: { color: 'green' } },
  );
  await running?.stop();
  await client.delete(resources.configMaps, { namespace: 'default', name: 'lost' });
  start();
  await holds('default', 'lost', { is: 'there' });
  // It comes before the lost one. That the field is the tenant's is noted once.
  const kept = await holds('default', 'kept', { color: 'green' });

  await running?.stop();
  await give(settings('default', 'kept', { color: 'blue' }));
  start();
  await isGone('default', 'lost');
  const inventory = await eventually('the inventory without it', async () => {
    const map = await mapOf(INVENTORY.namespace, INVENTORY.name);
    return map?.data?.['objects.json']?.includes('"lost"') ? undefined : map;
  });
  await restart();
  await eventually('the restarted syncer has looked at all of it', async () => {
    const { syncer } = running!;
    return syncer.requests.count({ verb: 'patch', resource: 'configmaps' }) > 0;
  });
  const again = await mapOf(INVENTORY.namespace, INVENTORY.name);
  expect(again?.metadata?.resourceVersion).toBe(inventory.metadata?.resourceVersion);
  const after = await holds('default', 'kept', { color: 'green' });
  expect(after.metadata?.resourceVersion).toBe(kept.metadata?.resourceVersion);
});

test('without the ConfigMap on the host nothing is deleted', async () => {
  await give(settings('default', 'stays', { is: 'there' }));
  await holds('default', 'stays', { is: 'there' });
  await problemsAre(undefined);
  await running?.stop();
  await client.delete(resources.configMaps, { namespace: HOST_NAMESPACE, name: 'vc-manifests' });
  start();
  await eventually('the syncer knows that there is none', () =>
    Promise.resolve(running!.syncer.requests.count({ verb: 'watch', resource: 'configmaps' }) > 0),
  );
  expect(running!.syncer.requests.count({ verb: 'delete' })).toBe(0);
  await holds('default', 'stays', { is: 'there' });
});
