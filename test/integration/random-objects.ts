import * as fc from 'fast-check';
import type { SyncerConfigurationInput } from '../../syncer/configuration';
import { resources } from '../../syncer/kube-client';
import type { KubeObject, ResourceType } from '../../syncer/kube-client';

/** A kind of tenants' objects with generators of valid ones. */
interface RandomKind {
  readonly type: ResourceType;
  /** Everything but metadata. */
  readonly content: fc.Arbitrary<object>;
  /** Merge patches that the API takes at any time of the object's life. */
  readonly change: fc.Arbitrary<object>;
}

/** One step in the life of one object. */
export type Step =
  | { readonly action: 'create'; readonly object: KubeObject }
  | { readonly action: 'change'; readonly patch: object }
  | { readonly action: 'delete' };

/** The life of one object: its steps, in their order. */
export interface Life {
  readonly type: ResourceType;
  readonly namespace: string;
  readonly name: string;
  readonly steps: readonly Step[];
}

/** A custom resource of the host, which refers to a Secret; its definition has to be there first. */
export const WIDGETS: ResourceType = {
  group: 'example.org',
  version: 'v1',
  resource: 'widgets',
  kind: 'Widget',
  namespaced: true,
};

/** A class of the tenant's that some pods name; it has to be there first. */
export const PRIORITY_CLASS = 'important';

/** A Service without selector in each namespace, whose endpoints are what slices say; it has to be there first. */
export const OUTSIDE = 'outside';

/** A config map in each namespace that every pod refers to; it has to be there first. */
export const SHARED = 'shared';

/** Settings with which all generated kinds are synced. */
export const SYNC: SyncerConfigurationInput['sync'] = {
  toHost: {
    endpointSlices: { allowedRanges: ['192.0.2.0/24'] },
    serviceAccounts: { enabled: true },
    priorityClasses: { enabled: true },
    resourceClaims: { enabled: true },
    customResources: [
      {
        group: WIDGETS.group,
        version: WIDGETS.version,
        kind: WIDGETS.kind,
        resource: WIDGETS.resource,
        references: [{ path: 'spec.secretName', kind: 'Secret' }],
      },
    ],
  },
};

/** Virtual namespaces that the objects are in. */
export const NAMESPACES = ['default', 'shop', 'a-x-b'];

const word = fc.constantFrom('red', 'green', 'blue');
const labels = fc.dictionary(
  fc.constantFrom('app', 'tier', 'example.org/part', 'nestling.dev/namespace', 'nestling.dev/virtual-cluster'),
  word,
  { maxKeys: 3 },
);
// Some exist and some do not.
const referred = (prefix: string) => fc.nat({ max: 20 }).map((number) => `${prefix}-${number}`);
const text = fc.string({ maxLength: 40 });
const data = fc.dictionary(fc.constantFrom('one', 'two', 'three', '__proto__', 'constructor'), text, { maxKeys: 3 });
const secretData = data.map((map) =>
  Object.fromEntries(Object.entries(map).map(([key, value]) => [key, Buffer.from(value).toString('base64')])),
);
const selector = fc.record(
  {
    matchLabels: fc.dictionary(fc.constantFrom('app', 'tier'), word, { maxKeys: 2 }),
    matchExpressions: fc.array(
      fc.record({
        key: fc.constantFrom('app', 'example.org/part'),
        operator: fc.constantFrom('Exists', 'DoesNotExist'),
      }),
      { maxLength: 1 },
    ),
  },
  { requiredKeys: [] },
);

const volume = fc.oneof(
  referred('configmap').map((name) => ({ configMap: { name, optional: true } })),
  referred('secret').map((secretName) => ({ secret: { secretName, optional: true } })),
  fc.tuple(referred('configmap'), referred('secret')).map(([configMap, secret]) => ({
    projected: {
      sources: [
        { configMap: { name: configMap, optional: true } },
        { secret: { name: secret, optional: true } },
        { downwardAPI: { items: [{ path: 'name', fieldRef: { fieldPath: 'metadata.name' } }] } },
        { serviceAccountToken: { path: 'token', audience: 'vault', expirationSeconds: 7200 } },
      ],
    },
  })),
  fc.constant({ emptyDir: {} }),
);
const variable = fc.oneof(
  text.map((value) => ({ value })),
  referred('configmap').map((name) => ({ valueFrom: { configMapKeyRef: { name, key: 'one', optional: true } } })),
  fc.constant({ valueFrom: { fieldRef: { fieldPath: 'metadata.uid' } } }),
);
const pod = fc
  .record({
    volumes: fc.array(volume, { maxLength: 3 }),
    env: fc.array(variable, { maxLength: 3 }),
    important: fc.boolean(),
  })
  .map(({ volumes, env, important }) => ({
    spec: {
      ...(important ? { priorityClassName: PRIORITY_CLASS } : {}),
      terminationGracePeriodSeconds: 1,
      // The variables tell which Services there were when the pod began, which differs from run to run.
      enableServiceLinks: false,
      containers: [
        {
          name: 'main',
          image: 'example.org/main:1',
          env: env.map((source, index) => ({ name: `V${index}`, ...source })),
          envFrom: [{ configMapRef: { name: SHARED } }],
        },
      ],
      volumes: volumes.map((source, index) => ({ name: `v${index}`, ...source })),
    },
  }));

const port = fc.constantFrom(80, 443, 8080);
const service = fc.oneof(
  fc.record({ selector: labels, port, type: fc.constantFrom('ClusterIP', 'NodePort', 'LoadBalancer') }),
  // Without a selector it has both address families, of which a change finds one missing.
  fc.record({ selector: labels.map((map) => ({ app: 'red', ...map })), port, clusterIP: fc.constant('None') }),
);

const ingress = fc
  .record({ host: fc.constantFrom('a.example', 'b.example'), service: referred('service'), secret: referred('secret') })
  .map(({ host, service: name, secret: secretName }) => ({
    tls: [{ hosts: [host], secretName }],
    rules: [
      {
        host,
        http: { paths: [{ path: '/', pathType: 'Prefix', backend: { service: { name, port: { number: 80 } } } }] },
      },
    ],
  }));

const peer = fc.oneof(
  selector.map((podSelector) => ({ podSelector })),
  selector.map((namespaceSelector) => ({ namespaceSelector })),
  fc.constant({ ipBlock: { cidr: '192.0.2.0/24', except: ['192.0.2.128/25'] } }),
);
const networkPolicy = fc
  .record({ podSelector: selector, from: fc.array(peer, { maxLength: 2 }), to: fc.array(peer, { maxLength: 2 }), port })
  .map(({ podSelector, from, to, port: number }) => ({
    podSelector,
    policyTypes: ['Ingress', 'Egress'],
    ingress: [{ from, ports: [{ port: number, protocol: 'TCP' }] }],
    egress: [{ to }],
  }));

const endpoints = fc
  .record({ last: fc.uniqueArray(fc.integer({ min: 1, max: 250 }), { minLength: 1, maxLength: 3 }), port })
  .map(({ last, port: number }) => ({
    endpoints: last.map((byte) => ({ addresses: [`192.0.2.${byte}`], conditions: { ready: true } })),
    ports: [{ name: 'p', port: number, protocol: 'TCP' }],
  }));

const kinds: Readonly<Record<string, RandomKind>> = {
  pod: { type: resources.pods, content: pod, change: labels.map((map) => ({ metadata: { labels: map } })) },
  configmap: {
    type: resources.configMaps,
    content: data.map((map) => ({ data: map })),
    change: data.map((map) => ({ data: map })),
  },
  secret: {
    type: resources.secrets,
    content: secretData.map((map) => ({ data: map })),
    change: secretData.map((map) => ({ data: map })),
  },
  service: {
    type: resources.services,
    content: service.map(({ port: number, ...spec }) => ({ spec: { ...spec, ports: [{ name: 'p', port: number }] } })),
    change: fc.record({ selector: labels, port }).map(({ port: number, ...spec }) => ({
      spec: { ...spec, ports: [{ name: 'p', port: number, targetPort: number + 1 }] },
    })),
  },
  persistentvolumeclaim: {
    type: resources.persistentVolumeClaims,
    content: fc.constantFrom('1Gi', '2Gi').map((storage) => ({
      spec: { accessModes: ['ReadWriteOnce'], storageClassName: 'disk', resources: { requests: { storage } } },
    })),
    change: labels.map((map) => ({ metadata: { labels: map } })),
  },
  ingress: {
    type: resources.ingresses,
    content: ingress.map((spec) => ({ spec })),
    change: ingress.map((spec) => ({ spec })),
  },
  networkpolicy: {
    type: resources.networkPolicies,
    content: networkPolicy.map((spec) => ({ spec })),
    change: networkPolicy.map((spec) => ({ spec })),
  },
  poddisruptionbudget: {
    type: resources.podDisruptionBudgets,
    content: fc.tuple(selector, fc.nat({ max: 3 })).map(([chosen, minAvailable]) => ({
      spec: { selector: chosen, minAvailable },
    })),
    change: fc.nat({ max: 3 }).map((minAvailable) => ({ spec: { minAvailable } })),
  },
  endpointslice: {
    type: resources.endpointSlices,
    content: endpoints.chain((body) =>
      fc.oneof(fc.constant(OUTSIDE), referred('service')).map((service) => ({
        ...body,
        addressType: 'IPv4',
        metadata: { labels: { 'kubernetes.io/service-name': service } },
      })),
    ),
    change: endpoints,
  },
  resourceclaim: {
    type: resources.resourceClaims,
    content: fc.integer({ min: 1, max: 3 }).map((count) => ({
      spec: { devices: { requests: [{ name: 'gpu', exactly: { deviceClassName: 'gpu.example.org', count } }] } },
    })),
    change: labels.map((map) => ({ metadata: { labels: map } })),
  },
  widget: {
    type: WIDGETS,
    content: fc.record({ secretName: referred('secret'), size: fc.nat() }).map((spec) => ({ spec })),
    change: fc.record({ secretName: referred('secret'), size: fc.nat() }).map((spec) => ({ spec })),
  },
};

/** Types of all generated objects. */
export const RANDOM_TYPES: readonly ResourceType[] = Object.values(kinds).map(({ type }) => type);

/** Lives of so many objects of all kinds. Most objects are there at the end, some were made anew, some are gone. */
export function randomLives(count: number): fc.Arbitrary<readonly Life[]> {
  const names = Object.keys(kinds);
  return fc.tuple(...Array.from({ length: count }, (_, index) => life(names[index % names.length] ?? '', index)));
}

function life(kindName: string, index: number): fc.Arbitrary<Life> {
  const { type, content, change } = kinds[kindName] as RandomKind;
  const name = `${kindName}-${Math.floor(index / Object.keys(kinds).length)}`;
  return fc.constantFrom(...NAMESPACES).chain((namespace) => {
    const create = fc.tuple(content, labels).map(([body, map]) => ({
      action: 'create' as const,
      object: {
        apiVersion: type.group === '' ? type.version : `${type.group}/${type.version}`,
        kind: type.kind,
        ...body,
        metadata: { name, namespace, labels: { ...map, ...(body as KubeObject).metadata?.labels } },
      },
    }));
    const changes = fc.array(
      change.map((patch) => ({ action: 'change' as const, patch })),
      { maxLength: 3 },
    );
    const remove = fc.constant({ action: 'delete' as const });
    const lasting = fc.tuple(create, changes).map(([first, rest]) => [first, ...rest]);
    const ended = fc.tuple(lasting, remove).map(([steps, last]) => [...steps, last]);
    const renewed = fc.tuple(ended, lasting).map(([before, after]) => [...before, ...after]);
    return fc
      .oneof({ weight: 5, arbitrary: lasting }, { weight: 2, arbitrary: ended }, { weight: 2, arbitrary: renewed })
      .map((steps) => ({ type, namespace, name, steps }) as Life);
  });
}

/** The steps of a life that decide what is there at its end: none when it has ended. */
export function lastLife({ steps }: Life): readonly Step[] {
  const end = steps.findLastIndex(({ action }) => action === 'delete');
  return steps.slice(end + 1);
}
