import type { Node, Pod, Service } from 'kubernetes-types/core/v1';
import { ObjectCache, Reflector } from '../engine';
import { resources } from '../kube-client';
import type { KubeClient, KubeObject, ResourceType } from '../kube-client';
import { clusterScopedHostName, hasSelector, LABELS, hostName, nodeAddress, ownedBy } from '../translation';
import type { KindEnvironment } from './environment';
import { isTerminal } from './pod-phase';

/** Names of the indexes that the kinds ask the caches for. */
export const INDEX = {
  /** Pods by the node they are bound to. */
  node: 'node',
  /** Virtual objects by namespace. */
  namespace: 'namespace',
  /** Host pods by each of their addresses; host Services by each ClusterIP. */
  address: 'address',
  /** Host pods by the address issued for the virtual node they run on. */
  nodeAddress: 'nodeAddress',
} as const;

/** How one of the kinds' caches is kept. */
export interface CacheOptions<T> {
  /** @default false */
  readonly metadataOnly?: boolean;
  /** See ReflectorOptions.transform. */
  readonly transform?: (object: T) => T;
  /**
   * Which objects of the host: `twins` are those that carry the virtual cluster's label (of its namespace, or of none), `namespace`
   * all in its host namespace, `cluster` all, or all of another namespace. On the virtual side always all.
   *
   * @default 'twins'
   */
  readonly scope?: 'twins' | 'namespace' | 'cluster' | { readonly namespace: string };
  /** The one object of this name alone, on either side; with a namespace as `scope`, of that one. */
  readonly only?: string;
  /** Whether a cluster may lack the type, so that nothing but what needs it waits for the cache. @default false */
  readonly mayBeMissing?: boolean;
  /**
   * What the labels of the host's objects must meet beside, where others carry our label too.
   *
   * @default none
   */
  readonly labelSelector?: string;
}

/** One of the two clusters. */
export type Side = 'host' | 'virtual';

/** Last known state of both sides, kept by one reflector per kind and side. */
export interface Caches {
  /** Namespaces, config maps and secrets: metadata only. */
  readonly virtual: {
    readonly pods: ObjectCache<Pod>;
    readonly services: ObjectCache<Service>;
    readonly nodes: ObjectCache<Node>;
    readonly namespaces: ObjectCache<KubeObject>;
    readonly configMaps: ObjectCache<KubeObject>;
    readonly secrets: ObjectCache<KubeObject>;
  };
  /** Restricted to the objects that carry our label. Config maps and secrets: metadata only. */
  readonly host: {
    readonly pods: ObjectCache<Pod>;
    readonly services: ObjectCache<Service>;
    readonly configMaps: ObjectCache<KubeObject>;
    readonly secrets: ObjectCache<KubeObject>;
  };
  /**
   * The cache of a further type on one side. The first call makes it, with these options, and its reflector, which starts when that
   * side runs, or now if it does.
   */
  of<T extends KubeObject>(side: Side, type: ResourceType, options?: CacheOptions<T>): ObjectCache<T>;
  /** The cache of a kind, if there is one; kinds are told apart by group and name, whatever the version. */
  find(side: Side, group: string, kind: string): ObjectCache<KubeObject> | undefined;
  /** All caches there are now, but those of types that a cluster may lack. */
  all(): readonly ObjectCache<KubeObject>[];
  /** Asks at once, where a cache waits after a refusal: the cluster has its type now. */
  retry(cache: ObjectCache<never>): void;
  /** The virtual key (`namespace/name`, or `name`) of one of our host objects; undefined for what is not ours or of another kind. */
  virtualKeyOf(hostObject: KubeObject, kind?: string): string | undefined;
  /** The cache key of the host twin of a virtual object; a key without namespace is that of a cluster-scoped object. */
  hostKeyOf(virtualKey: string): string;
  /** Starts the reflectors of one side; resolves when the signal ends them. */
  run(side: 'host' | 'virtual', signal: AbortSignal): Promise<void>;
}

/** Makes empty caches and their reflectors; nothing is requested before `run`. */
export function createCaches(
  environment: Pick<KindEnvironment, 'identity' | 'host' | 'virtual' | 'logger' | 'metrics'>,
): Caches {
  const { identity } = environment;
  const reflectors: Record<Side, Reflector<never>[]> = { host: [], virtual: [] };
  const made = new Map<string, ObjectCache<KubeObject>>();
  const required = new Set<ObjectCache<KubeObject>>();
  const reflectorOf = new Map<ObjectCache<never>, Reflector<never>>();
  const byKind = new Map<string, ObjectCache<KubeObject>>();
  /** Set once a side runs. */
  const starters: Partial<Record<Side, (reflector: Reflector<never>) => void>> = {};

  function cacheOf<T extends KubeObject>(
    side: Side,
    type: ResourceType,
    options: CacheOptions<T> = {},
  ): ObjectCache<T> {
    const { scope, only, mayBeMissing, labelSelector, ...reflecting } = options;
    const elsewhere = typeof scope === 'object' && side === 'host';
    const part = elsewhere ? `@${scope.namespace}${labelSelector === undefined ? '' : `?${labelSelector}`}` : '';
    const id = `${side}/${type.group}/${type.version}/${type.resource}${part}/${only ?? ''}`;
    const known = made.get(id);
    if (known !== undefined) return known as unknown as ObjectCache<T>;
    const client: KubeClient = environment[side];
    // Built-in kinds are told apart by their resource alone; others say their group, too.
    const name =
      type.group.includes('.') && !type.group.endsWith('.k8s.io') ? `${type.resource}.${type.group}` : type.resource;
    const cache = new ObjectCache<T>(`${side}/${name}${part}${only === undefined ? '' : `/${only}`}`);
    const reflector = new Reflector<T>({
      client,
      type,
      cache,
      ...(only === undefined ? {} : { fieldSelector: `metadata.name=${only}` }),
      ...(side === 'host' ? hostScope(type, scope ?? (only === undefined ? 'twins' : 'cluster'), labelSelector) : {}),
      ...reflecting,
      logger: environment.logger,
      metrics: environment.metrics,
    });
    made.set(id, cache as unknown as ObjectCache<KubeObject>);
    if (mayBeMissing !== true) required.add(cache as unknown as ObjectCache<KubeObject>);
    reflectorOf.set(cache as unknown as ObjectCache<never>, reflector as unknown as Reflector<never>);
    // One object, or those of another namespace, are not what somebody who asks for a kind looks for.
    if (only === undefined && !elsewhere) {
      byKind.set(`${side}/${type.group}/${type.kind}`, cache as unknown as ObjectCache<KubeObject>);
    }
    reflectors[side].push(reflector as unknown as Reflector<never>);
    starters[side]?.(reflector as unknown as Reflector<never>);
    return cache;
  }

  function hostScope(type: ResourceType, scope: NonNullable<CacheOptions<never>['scope']>, more: string | undefined) {
    const own =
      scope === 'cluster' || typeof scope === 'object' || (scope === 'namespace' && type.namespaced)
        ? []
        : [
            `${LABELS.virtualCluster}=${identity.name}`,
            ...(type.namespaced ? [] : [`${LABELS.hostNamespace}=${identity.hostNamespace}`]),
          ];
    const labelSelector = [...own, ...(more === undefined ? [] : [more])].join(',');
    const namespace = typeof scope === 'object' ? scope.namespace : identity.hostNamespace;
    return {
      ...(typeof scope === 'object' || (scope !== 'cluster' && type.namespaced) ? { namespace } : {}),
      ...(labelSelector === '' ? {} : { labelSelector }),
    };
  }

  const caches: Caches = {
    virtual: {
      namespaces: cacheOf('virtual', resources.namespaces, { metadataOnly: true }),
      nodes: cacheOf('virtual', resources.nodes),
      pods: cacheOf('virtual', resources.pods, { transform: withoutLastApplied }),
      services: cacheOf('virtual', resources.services, { transform: withoutLastApplied }),
      configMaps: cacheOf('virtual', resources.configMaps, { metadataOnly: true, transform: withoutLastApplied }),
      secrets: cacheOf('virtual', resources.secrets, { metadataOnly: true, transform: withoutLastApplied }),
    },
    host: {
      pods: cacheOf('host', resources.pods),
      services: cacheOf('host', resources.services),
      configMaps: cacheOf('host', resources.configMaps, { metadataOnly: true }),
      secrets: cacheOf('host', resources.secrets, { metadataOnly: true }),
    },
    virtualKeyOf(hostObject, kind) {
      const owner = ownedBy(hostObject, identity);
      if (!owner || (kind !== undefined && owner.kind !== kind)) return undefined;
      return owner.namespace === '' ? owner.name : `${owner.namespace}/${owner.name}`;
    },
    hostKeyOf(virtualKey) {
      const slash = virtualKey.indexOf('/');
      if (slash === -1) return clusterScopedHostName(identity, virtualKey);
      const name = hostName(identity, virtualKey.slice(0, slash), virtualKey.slice(slash + 1));
      return `${identity.hostNamespace}/${name}`;
    },
    of: cacheOf,
    all: () => [...required],
    retry: (cache) => reflectorOf.get(cache)?.retry(),
    find: (side, group, kind) => byKind.get(`${side}/${group}/${kind}`),
    async run(side, signal) {
      const running: Promise<void>[] = [];
      starters[side] = (reflector) => running.push(reflector.run(signal));
      for (const reflector of reflectors[side]) starters[side](reflector);
      // More may have been started by the time that these have ended.
      for (let ended = 0; ended < running.length; ended++) await running[ended];
    },
  };

  caches.virtual.pods.addIndex(INDEX.node, (pod) => present(pod.spec?.nodeName));
  caches.virtual.pods.addIndex(INDEX.namespace, (pod) => present(pod.metadata?.namespace));
  caches.virtual.services.addIndex(INDEX.namespace, (service) => present(service.metadata?.namespace));
  caches.host.pods.addIndex(INDEX.node, (pod) => present(pod.spec?.nodeName));
  // Facts of the egress gate: only objects that are provably ours count.
  caches.host.pods.addIndex(INDEX.address, (pod) =>
    // On the host's network the address is the node's; after its end it may be another pod's by now.
    ownedBy(pod, identity) && !pod.spec?.hostNetwork && !isTerminal(pod) ? addressesOf(pod) : [],
  );
  caches.host.pods.addIndex(INDEX.nodeAddress, (pod) =>
    pod.spec?.nodeName && ownedBy(pod, identity) ? [nodeAddress(pod.spec.nodeName)] : [],
  );
  caches.host.services.addIndex(INDEX.address, (service) =>
    // Without a selector the tenant writes the endpoints, so the address could lead anywhere.
    ownedBy(service, identity) && hasSelector(service)
      ? (service.spec?.clusterIPs ?? []).filter((ip) => ip !== 'None')
      : [],
  );
  return caches;
}

const present = (value: string | undefined): readonly string[] => (value === undefined || value === '' ? [] : [value]);

function addressesOf(pod: Pod): readonly string[] {
  return (pod.status?.podIPs ?? []).flatMap((entry) => present(entry.ip));
}

const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';

/** Without the largest annotation there is, which nothing here reads. */
export function withoutLastApplied<T extends KubeObject>(object: T): T {
  const { [LAST_APPLIED]: dropped, ...annotations } = object.metadata?.annotations ?? {};
  return dropped === undefined ? object : { ...object, metadata: { ...object.metadata, annotations } };
}
