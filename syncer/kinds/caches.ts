import type { Node, Pod, Service } from 'kubernetes-types/core/v1';
import { ObjectCache, Reflector } from '../engine';
import { resources } from '../kube-client';
import type { KubeClient, KubeObject, ResourceType } from '../kube-client';
import { LABELS, hostName, nodeAddress, ownedBy, podReferences } from '../translation';
import type { KindEnvironment } from './environment';
import { isTerminal } from './pod-phase';

/** Names of the indexes that the kinds ask the caches for. */
export const INDEX = {
  /** Pods by the node they are bound to. */
  node: 'node',
  /** Virtual objects by namespace. */
  namespace: 'namespace',
  /** Virtual pods by what they refer to: `Kind/namespace/name`. */
  reference: 'reference',
  /** Host pods by each of their addresses; host Services by each ClusterIP. */
  address: 'address',
  /** Host pods by the address issued for the virtual node they run on. */
  nodeAddress: 'nodeAddress',
} as const;

type Kind = 'Pod' | 'Service' | 'ConfigMap' | 'Secret' | 'ServiceAccountToken';

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
  /** The virtual key (`namespace/name`) of one of our host objects; undefined for what is not ours or of another kind. */
  virtualKeyOf(hostObject: KubeObject, kind?: Kind): string | undefined;
  /** The cache key of the host twin of a virtual object. */
  hostKeyOf(virtualKey: string): string;
  /** Starts the reflectors of one side; resolves when the signal ends them. */
  run(side: 'host' | 'virtual', signal: AbortSignal): Promise<void>;
}

/** Key of the index `reference`. */
export const referenceKey = (kind: 'ConfigMap' | 'Secret', virtualKey: string): string => `${kind}/${virtualKey}`;

/** Makes empty caches and their reflectors; nothing is requested before `run`. */
export function createCaches(
  environment: Pick<KindEnvironment, 'identity' | 'host' | 'virtual' | 'logger' | 'metrics'>,
): Caches {
  const { identity } = environment;
  const reflectors: Record<'host' | 'virtual', Reflector<never>[]> = { host: [], virtual: [] };

  function cacheOf<T extends KubeObject>(
    side: 'host' | 'virtual',
    type: ResourceType,
    options: { metadataOnly?: boolean; transform?: (object: T) => T } = {},
  ): ObjectCache<T> {
    const client: KubeClient = environment[side];
    const cache = new ObjectCache<T>(`${side}/${type.resource}`);
    const reflector = new Reflector<T>({
      client,
      type,
      cache,
      ...(side === 'host'
        ? { namespace: identity.hostNamespace, labelSelector: `${LABELS.virtualCluster}=${identity.name}` }
        : {}),
      ...options,
      logger: environment.logger,
      metrics: environment.metrics,
    });
    reflectors[side].push(reflector as unknown as Reflector<never>);
    return cache;
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
      return `${owner.namespace}/${owner.name}`;
    },
    hostKeyOf(virtualKey) {
      const slash = virtualKey.indexOf('/');
      const name = hostName(identity, virtualKey.slice(0, slash), virtualKey.slice(slash + 1));
      return `${identity.hostNamespace}/${name}`;
    },
    async run(side, signal) {
      await Promise.all(reflectors[side].map((reflector) => reflector.run(signal)));
    },
  };

  caches.virtual.pods.addIndex(INDEX.node, (pod) => present(pod.spec?.nodeName));
  caches.virtual.pods.addIndex(INDEX.namespace, (pod) => present(pod.metadata?.namespace));
  caches.virtual.pods.addIndex(INDEX.reference, (pod) =>
    podReferences(pod).flatMap((reference) =>
      reference.kind === 'PersistentVolumeClaim'
        ? []
        : [referenceKey(reference.kind, `${reference.namespace}/${reference.name}`)],
    ),
  );
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

const hasSelector = (service: Service): boolean => Object.keys(service.spec?.selector ?? {}).length > 0;

function addressesOf(pod: Pod): readonly string[] {
  return (pod.status?.podIPs ?? []).flatMap((entry) => present(entry.ip));
}

const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';

/** Without the largest annotation there is, which nothing here reads. */
function withoutLastApplied<T extends KubeObject>(object: T): T {
  const { [LAST_APPLIED]: dropped, ...annotations } = object.metadata?.annotations ?? {};
  return dropped === undefined ? object : { ...object, metadata: { ...object.metadata, annotations } };
}
