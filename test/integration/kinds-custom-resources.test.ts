import type { Secret } from 'kubernetes-types/core/v1';
import type { SyncerConfigurationInput } from '../../syncer/configuration';
import { resources } from '../../syncer/kube-client';
import type { AnyObject, KubeClient, ResourceType } from '../../syncer/kube-client';
import { clusterScopedHostName } from '../../syncer/translation';
import { eventually } from '../virtual-cluster/eventually';
import { grantHostRights } from './host-rights';
import { HOST_NAMESPACE, NAME } from './in-process-syncer';
import { found, TwoClusters } from './two-clusters';

let clusters: TwoClusters;

const GROUP = 'example.org';
const defined = (kind: string, scope: 'Namespaced' | 'Cluster' = 'Namespaced') => ({
  group: GROUP,
  version: 'v1',
  kind,
  resource: `${kind.toLowerCase()}s`,
  scope,
});
const typeOf = (kind: string, namespaced = true): ResourceType => ({
  group: GROUP,
  version: 'v1',
  kind,
  resource: `${kind.toLowerCase()}s`,
  namespaced,
});
const definitions = resources.customResourceDefinitions;
const widgets = typeOf('Widget');
const gadgets = typeOf('Gadget');
const engines = typeOf('Engine', false);
const flavours = typeOf('Flavour', false);
const offers = typeOf('Offer');

const sync: NonNullable<SyncerConfigurationInput['sync']> = {
  toHost: {
    customResources: [
      {
        ...defined('Widget'),
        references: [
          { path: 'spec.secretName', kind: 'Secret' },
          { path: 'spec.others[*].name', kind: 'self', namespacePath: 'spec.others[*].namespace' },
          { path: 'spec.engine', kind: { group: GROUP, kind: 'Engine' } },
        ],
        labelSelectors: ['spec.selector'],
        labelMaps: ['spec.matching'],
      },
      { ...defined('Gadget'), references: [{ path: 'spec.settings', kind: 'ConfigMap' }] },
      defined('Engine', 'Cluster'),
      defined('Thing'),
    ],
  },
  fromHost: {
    customResources: [
      { ...defined('Flavour', 'Cluster'), selector: { tenants: 'yes' } },
      { ...defined('Offer'), namespaces: [{ host: 'shared', virtual: 'catalogue' }, { virtual: 'own' }] },
    ],
  },
  patches: [
    {
      kind: 'Widget',
      group: GROUP,
      match: { names: ['patched'] },
      operations: [{ op: 'set', path: 'spec.tier', value: 'tenant' }],
    },
  ],
};

/** A definition of the host: an old version and v1, any content, with or without a status subresource. */
function definition(kind: string, scope: 'Namespaced' | 'Cluster', subresource: boolean): AnyObject {
  const plural = `${kind.toLowerCase()}s`;
  const open = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
  const schema = { openAPIV3Schema: { type: 'object', properties: { spec: open, status: open } } };
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${GROUP}`, labels: { 'app.kubernetes.io/managed-by': 'an-operator' } },
    spec: {
      group: GROUP,
      scope,
      names: { kind, plural, singular: kind.toLowerCase(), listKind: `${kind}List` },
      versions: [
        { name: 'v1beta1', served: true, storage: false, schema },
        {
          name: 'v1',
          served: true,
          storage: true,
          schema,
          ...(subresource ? { subresources: { status: {} } } : {}),
          additionalPrinterColumns: [{ name: 'Tier', type: 'string', jsonPath: '.spec.tier' }],
        },
      ],
    },
  };
}

const served = (client: KubeClient, where: string, type: ResourceType): Promise<AnyObject> =>
  eventually(`the ${where} serves ${type.resource}`, async () => {
    await client.list(type);
    return client.get(definitions, { name: `${type.resource}.${GROUP}` });
  });

const object = (type: ResourceType, name: string, content: object, namespace = 'default'): AnyObject => ({
  apiVersion: `${GROUP}/v1`,
  kind: type.kind,
  metadata: { name, ...(type.namespaced ? { namespace } : {}) },
  ...content,
});

const secret = (name: string): Promise<Secret> =>
  clusters.virtual.create<Secret>(resources.secrets, {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name, namespace: 'default' },
    data: { key: 'dmFsdWU=' },
  });

const twinOf = (type: ResourceType, name: string, expected: object): Promise<AnyObject> =>
  eventually(`the host's ${type.kind} of ${name} is as it should be`, async () => {
    const twin = await clusters.twin<AnyObject>(type, name);
    expect(twin).toMatchObject(expected);
    return twin;
  });

const virtually = (type: ResourceType, name: string, expected: object, namespace = 'default'): Promise<AnyObject> =>
  eventually(`${type.kind} ${name} of the virtual cluster is as it should be`, async () => {
    const place = type.namespaced ? { namespace } : {};
    const one = await clusters.virtual.get(type, { name, ...place });
    expect(one).toMatchObject(expected);
    return one;
  });

beforeAll(async () => {
  clusters = await TwoClusters.start();
  await clusters.stopSyncer();
  for (const one of [
    definition('Widget', 'Namespaced', true),
    definition('Engine', 'Cluster', false),
    definition('Thing', 'Namespaced', true),
    definition('Flavour', 'Cluster', true),
    definition('Offer', 'Namespaced', true),
  ]) {
    await clusters.host.create(definitions, one);
  }
  for (const type of [widgets, engines, flavours, offers]) await served(clusters.host, 'host', type);
  for (const name of ['shared']) {
    await clusters.host.create(resources.namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
  }
  // As it is deployed: with the rights of its configuration alone.
  await grantHostRights(clusters.host, 'syncer', sync);
  // One kind of five, gadgets, is not there: what is awaited here does not wait for it.
  await clusters.startSyncer({ sync }, 'syncer');
  for (const type of [widgets, engines, flavours, offers]) await served(clusters.virtual, 'virtual cluster', type);
});

afterAll(async () => {
  await clusters?.stop();
});

describe('the copy of a definition', () => {
  test('has one version, served and stored, with its columns and subresources, and no conversion', async () => {
    const copy = await served(clusters.virtual, 'virtual cluster', widgets);
    expect(copy).toMatchObject({
      metadata: { labels: { 'nestling.dev/from-host': 'true' } },
      spec: {
        scope: 'Namespaced',
        conversion: { strategy: 'None' },
        versions: [
          {
            name: 'v1',
            served: true,
            storage: true,
            subresources: { status: {} },
            additionalPrinterColumns: [{ name: 'Tier' }],
          },
        ],
      },
    });
    expect(copy.metadata?.labels).not.toHaveProperty(['app.kubernetes.io/managed-by']);
  });

  test('follows the host, and what a tenant changes of it is undone', async () => {
    const at = { name: `widgets.${GROUP}`, type: 'json' } as const;
    const column = { name: 'Size', type: 'integer', jsonPath: '.spec.size' };
    const path = '/spec/versions/1/additionalPrinterColumns/-';
    await clusters.host.patch(definitions, at, [{ op: 'add', path, value: column }]);
    const columns = (expected: readonly string[]) =>
      eventually(`the copy has the columns ${expected.join()}`, async () => {
        const copy = (await clusters.virtual.get(definitions, { name: at.name })) as {
          spec?: { versions: { additionalPrinterColumns?: { name: string }[] }[] };
        };
        expect(copy.spec?.versions[0]?.additionalPrinterColumns?.map(({ name }) => name)).toEqual(expected);
        return true;
      });
    await columns(['Tier', 'Size']);
    await clusters.virtual.patch(definitions, at, [
      { op: 'remove', path: '/spec/versions/0/additionalPrinterColumns/0' },
    ]);
    await columns(['Tier', 'Size']);
  });

  test('that a tenant deletes comes back, and objects made then are synced', async () => {
    await clusters.virtual.create(widgets, object(widgets, 'before', { spec: {} }));
    await twinOf(widgets, 'before', {});
    const old = await clusters.virtual.get(definitions, { name: `widgets.${GROUP}` });
    await clusters.virtual.delete(definitions, { name: `widgets.${GROUP}` });
    await eventually('the definition is a new one, and served', async () => {
      const copy = await clusters.virtual.get(definitions, { name: `widgets.${GROUP}` });
      if (copy.metadata?.uid === old.metadata?.uid) throw new Error('it is the old one');
      await clusters.virtual.create(widgets, object(widgets, 'behind', { spec: {} }));
      return true;
    });
    await twinOf(widgets, 'behind', {});
    await eventually('the twin of what went with it is gone', async () => !(await clusters.twin(widgets, 'before')));
  });

  test('gives way to one of the tenant, which an event tells when it does not serve', async () => {
    const name = `things.${GROUP}`;
    const own = definition('Thing', 'Cluster', false);
    // While nobody puts the copy back.
    await clusters.stopSyncer();
    await found(clusters.virtual.delete(definitions, { name }));
    await eventually('the tenant has a definition of its own instead of the copy', () =>
      clusters.virtual.create(definitions, own),
    );
    await clusters.startSyncer({ sync }, 'syncer');
    const event = await clusters.event(name, 'DefinitionDiffers');
    expect(event.message).toContain('its scope is Cluster, not Namespaced');
    expect(await clusters.virtual.get(definitions, { name })).toMatchObject({ spec: { scope: 'Cluster' } });
  });

  test('leaves no Secret on the host that nothing uses, also where one of the tenant serves another version alone', async () => {
    const name = `things.${GROUP}`;
    const own = definition('Thing', 'Namespaced', false) as AnyObject & { spec: { versions: { name: string }[] } };
    const versions = own.spec.versions.slice(0, 1).map((version) => ({ ...version, storage: true }));
    await clusters.stopSyncer();
    await found(clusters.virtual.delete(definitions, { name }));
    await eventually("the tenant's definition serves v1beta1 alone", () =>
      clusters.virtual.create(definitions, { ...own, spec: { ...own.spec, versions } }),
    );
    await clusters.startSyncer({ sync }, 'syncer');
    await secret('passing');
    await clusters.createPod('passing', { volumes: [{ name: 'v', secret: { secretName: 'passing' } }] });
    await clusters.running('passing');
    await eventually('Secret passing is on the host', () => clusters.twin(resources.secrets, 'passing'));
    await clusters.virtual.delete(resources.pods, { namespace: 'default', name: 'passing' });
    await eventually(
      'Secret passing is off the host',
      async () => !(await clusters.twin(resources.secrets, 'passing')),
    );
    // Objects are synced as soon as there can be any.
    const path = '/spec/versions/-';
    const value = { ...own.spec.versions[1], storage: false };
    await clusters.virtual.patch(definitions, { name, type: 'json' }, [{ op: 'add', path, value }]);
    const things = typeOf('Thing');
    await served(clusters.virtual, 'virtual cluster', things);
    await clusters.virtual.create(things, object(things, 'first', { spec: { n: 1 } }));
    await twinOf(things, 'first', { spec: { n: 1 } });
  });
});

describe("a tenant's custom resource", () => {
  test('goes to the host in the names of the host, with the Secret that it names, and its status comes back', async () => {
    await secret('credentials');
    await clusters.virtual.create(
      widgets,
      object(widgets, 'web', {
        spec: {
          secretName: 'credentials',
          others: [{ name: 'other', namespace: 'shop' }, { name: 'near' }],
          engine: 'diesel',
          selector: { matchLabels: { app: 'web' } },
          matching: { app: 'web' },
          size: 3,
          undeclared: 'as it is',
        },
      }),
    );
    const twin = await twinOf(widgets, 'web', {
      spec: {
        secretName: clusters.hostNameOf('credentials'),
        others: [{ name: `other-x-shop-x-${NAME}`, namespace: HOST_NAMESPACE }, { name: clusters.hostNameOf('near') }],
        engine: clusterScopedHostName({ name: NAME, hostNamespace: HOST_NAMESPACE }, 'diesel'),
        selector: {
          matchLabels: {
            'label.nestling.dev/app': 'web',
            'nestling.dev/virtual-cluster': NAME,
            'nestling.dev/namespace': 'default',
          },
        },
        matching: { 'label.nestling.dev/app': 'web', 'nestling.dev/virtual-cluster': NAME },
        size: 3,
        undeclared: 'as it is',
      },
    });
    await eventually('Secret credentials is on the host', () => clusters.twin(resources.secrets, 'credentials'));

    const at = {
      name: clusters.hostNameOf('web'),
      namespace: HOST_NAMESPACE,
      subresource: 'status',
      type: 'merge',
    } as const;
    await clusters.host.patch(widgets, at, {
      status: {
        phase: 'Ready',
        observedGeneration: twin.metadata?.generation,
        secret: clusters.hostNameOf('credentials'),
        message: `Secret "${clusters.hostNameOf('credentials')}" of ${clusters.hostNameOf('web')} is used`,
      },
    });
    const seen = await virtually(widgets, 'web', {
      status: { phase: 'Ready', secret: 'credentials', message: 'Secret "credentials" of web is used' },
    });
    expect((seen as { status?: { observedGeneration?: number } }).status?.observedGeneration).toBe(
      seen.metadata?.generation,
    );
    await clusters.host.patch(widgets, at, { status: { phase: 'Busy', message: null } });
    expect(await virtually(widgets, 'web', { status: { phase: 'Busy' } })).not.toHaveProperty('status.message');
  });

  test('is followed, without what it names no more, and is written no more than it has to be', async () => {
    const at = { name: 'web', namespace: 'default', type: 'merge' } as const;
    await clusters.virtual.patch(widgets, at, { spec: { size: 4, secretName: null, undeclared: null } });
    const twin = await twinOf(widgets, 'web', { spec: { size: 4 } });
    expect(twin).not.toHaveProperty('spec.secretName');
    expect(twin).not.toHaveProperty('spec.undeclared');
    await eventually(
      'Secret credentials is off the host',
      async () => !(await clusters.twin(resources.secrets, 'credentials')),
    );
    const before = clusters.syncer.host.requests.count({ resource: 'widgets', verb: 'patch' });
    await clusters.virtual.patch(widgets, at, { metadata: { annotations: { note: 'for the tenant alone' } } });
    await clusters.virtual.create(widgets, object(widgets, 'later', { spec: {} }));
    await twinOf(widgets, 'later', {});
    expect(clusters.syncer.host.requests.count({ resource: 'widgets', verb: 'patch' })).toBe(before);
    await clusters.virtual.delete(widgets, { name: 'web', namespace: 'default' });
    await clusters.gone(widgets, 'web');
  });

  test('is patched by the rules of its group', async () => {
    await clusters.virtual.create(widgets, object(widgets, 'patched', { spec: { tier: 'gold' } }));
    await twinOf(widgets, 'patched', { spec: { tier: 'tenant' } });
    await virtually(widgets, 'patched', { spec: { tier: 'gold' } });
  });

  test('without namespace has a twin without one; its status, a field, comes back', async () => {
    await clusters.virtual.create(engines, object(engines, 'diesel', { spec: { power: 1 } }));
    const name = clusterScopedHostName({ name: NAME, hostNamespace: HOST_NAMESPACE }, 'diesel');
    await eventually('the engine is on the host', async () => {
      expect(await found(clusters.host.get(engines, { name }))).toMatchObject({ spec: { power: 1 } });
      return true;
    });
    await clusters.host.patch(engines, { name, type: 'merge' }, { status: { running: name } });
    await virtually(engines, 'diesel', { spec: { power: 1 }, status: { running: 'diesel' } });
    await clusters.virtual.delete(engines, { name: 'diesel' });
    await eventually('the engine is off the host', async () => !(await found(clusters.host.get(engines, { name }))));
  });

  test('with something else where a name is expected stays in the virtual cluster, which an event tells', async () => {
    await clusters.virtual.create(widgets, object(widgets, 'odd', { spec: { secretName: 5, others: 'none' } }));
    const event = await clusters.event('odd', 'Unsupported');
    expect(event.message).toContain('spec.secretName is no text where a name is expected');
    expect(event.message).toContain('spec.others is no object');
    expect(await clusters.twin(widgets, 'odd')).toBeUndefined();
  });

  test('leaves one of the host that has the name of its twin alone, and its owner is told', async () => {
    const at = { namespace: HOST_NAMESPACE, name: clusters.hostNameOf('taken') };
    const theirs = object(widgets, 'taken', { spec: { size: 1 } });
    const foreign = await clusters.host.create<AnyObject>(widgets, { ...theirs, metadata: at });
    await clusters.virtual.create(widgets, object(widgets, 'taken', { spec: { size: 2 } }));
    await clusters.event('taken', 'HostNameTaken');
    await clusters.virtual.delete(widgets, { namespace: 'default', name: 'taken' });
    await clusters.virtual.create(widgets, object(widgets, 'after-taken', { spec: { size: 2 } }));
    await eventually('Widget after-taken is on the host', () => clusters.twin(widgets, 'after-taken'));
    const now = await clusters.host.get<AnyObject>(widgets, at);
    expect([now.metadata?.uid, now.metadata?.resourceVersion]).toEqual([
      foreign.metadata?.uid,
      foreign.metadata?.resourceVersion,
    ]);
  });

  test('that is deep, huge or of strange keys is refused or carried unchanged; others are synced', async () => {
    let deep: unknown = 'bottom';
    for (let level = 0; level < 1_000; level++) deep = { a: deep };
    await clusters.virtual.create(widgets, object(widgets, 'deep', { spec: { deep } }));
    expect((await clusters.event('deep', 'Unsupported')).message).toContain('levels');
    const huge = 'x'.repeat(900_000);
    await clusters.virtual.create(widgets, object(widgets, 'huge', { spec: { huge } }));
    await twinOf(widgets, 'huge', { spec: { huge } });
    const strange = JSON.parse('{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}') as object;
    await clusters.virtual.create(widgets, object(widgets, 'strange', { spec: strange }));
    const twin = await twinOf(widgets, 'strange', {});
    expect(JSON.stringify(twin['spec'])).toBe(JSON.stringify(strange));
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
    expect(await clusters.twin(widgets, 'deep')).toBeUndefined();
  });

  test('of a kind that the host gets later is synced as soon as it does', async () => {
    await clusters.createPod('meanwhile');
    await clusters.running('meanwhile');
    expect(await found(clusters.virtual.get(definitions, { name: `gadgets.${GROUP}` }))).toBeUndefined();
    await clusters.host.create(definitions, definition('Gadget', 'Namespaced', true));
    await served(clusters.virtual, 'virtual cluster', gadgets);
    await clusters.virtual.create(gadgets, object(gadgets, 'late', { spec: { n: 1 } }));
    await twinOf(gadgets, 'late', { spec: { n: 1 } });
  });

  test('stays while the host lacks the kind, and its twin is made anew when it has it again', async () => {
    await clusters.host.delete(definitions, { name: `gadgets.${GROUP}` });
    await eventually(
      'the host has no gadgets',
      async () => !(await found(clusters.host.get(definitions, { name: `gadgets.${GROUP}` }))),
    );
    await clusters.virtual.create(gadgets, object(gadgets, 'waiting', { spec: { n: 2 } }));
    await clusters.host.create(definitions, definition('Gadget', 'Namespaced', true));
    await twinOf(gadgets, 'waiting', { spec: { n: 2 } });
    await twinOf(gadgets, 'late', { spec: { n: 1 } });
    await virtually(gadgets, 'late', { spec: { n: 1 } });
  });

  test('keeps what it names on the host through a restart', async () => {
    await secret('kept');
    await clusters.virtual.create(widgets, object(widgets, 'keeps', { spec: { secretName: 'kept' } }));
    const before = await eventually('Secret kept is on the host', () => clusters.twin(resources.secrets, 'kept'));
    const widget = await twinOf(widgets, 'keeps', {});
    await clusters.stopSyncer();
    await clusters.startSyncer({ sync }, 'syncer');
    await clusters.virtual.create(widgets, object(widgets, 'afterwards', { spec: {} }));
    await twinOf(widgets, 'afterwards', {});
    expect((await clusters.twin(resources.secrets, 'kept'))?.metadata?.uid).toBe(before.metadata?.uid);
    expect((await clusters.twin(widgets, 'keeps'))?.metadata?.resourceVersion).toBe(widget.metadata?.resourceVersion);
  });
});

describe("the host's custom resources", () => {
  test('without namespace are shown by their labels, with their status, and as they are', async () => {
    const flavour = object(flavours, 'sweet', { spec: { sugar: 5 } });
    await clusters.host.create(flavours, { ...flavour, metadata: { name: 'sweet', labels: { tenants: 'yes' } } });
    await clusters.host.create(flavours, object(flavours, 'secret', { spec: {} }));
    const at = { name: 'sweet', type: 'merge' } as const;
    await clusters.host.patch(flavours, { ...at, subresource: 'status' }, { status: { liked: true } });
    await virtually(flavours, 'sweet', { spec: { sugar: 5 }, status: { liked: true } });
    await clusters.virtual.patch(flavours, at, { spec: { sugar: 0, salt: 1 } });
    await eventually('the change of the tenant is undone', async () => {
      expect((await clusters.virtual.get(flavours, { name: 'sweet' }))['spec']).toEqual({ sugar: 5 });
      return true;
    });
    await clusters.virtual.patch(flavours, { ...at, subresource: 'status' }, { status: { liked: false } });
    await virtually(flavours, 'sweet', { status: { liked: true } });
    expect(await found(clusters.virtual.get(flavours, { name: 'secret' }))).toBeUndefined();
    await clusters.host.delete(flavours, { name: 'sweet' });
    await eventually(
      'flavour sweet is gone',
      async () => !(await found(clusters.virtual.get(flavours, { name: 'sweet' }))),
    );
  });

  test('of a namespace are shown in another one, once the tenant makes it', async () => {
    await clusters.host.create(offers, object(offers, 'first', { spec: { price: 1 } }, 'shared'));
    await clusters.host.create(offers, object(offers, 'ours', { spec: { price: 2 } }, HOST_NAMESPACE));
    for (const name of ['catalogue', 'own']) {
      await clusters.virtual.create(resources.namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
    }
    await virtually(offers, 'first', { spec: { price: 1 } }, 'catalogue');
    await virtually(offers, 'ours', { spec: { price: 2 } }, 'own');
    expect((await clusters.virtual.list(offers)).items).toHaveLength(2);
    await clusters.host.patch(
      offers,
      { name: 'first', namespace: 'shared', type: 'merge', subresource: 'status' },
      { status: { sold: true } },
    );
    await virtually(offers, 'first', { status: { sold: true } }, 'catalogue');
    await clusters.virtual.delete(offers, { name: 'first', namespace: 'catalogue' });
    await virtually(offers, 'first', { spec: { price: 1 }, status: { sold: true } }, 'catalogue');
    await clusters.host.delete(offers, { name: 'first', namespace: 'shared' });
    await eventually(
      'offer first is gone',
      async () => !(await found(clusters.virtual.get(offers, { name: 'first', namespace: 'catalogue' }))),
    );
  });
});
