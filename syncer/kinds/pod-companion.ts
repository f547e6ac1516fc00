import type { ConfigMap, Pod, Secret } from 'kubernetes-types/core/v1';
import type { ObjectCache } from '../engine';
import type { KubeObject, ResourceType } from '../kube-client';
import { ANNOTATIONS, companionName, ownedBy } from '../translation';
import type { CompanionKind } from '../translation';
import type { Caches } from './caches';
import type { KindEnvironment } from './environment';
import { remove } from './removal';

/** What {@link PodCompanion.write} is told. */
export interface CompanionWrite {
  /** Whether keys that are on the host and not given stay. @default false: the data are replaced as a whole */
  readonly keepOthers?: boolean;
}

/**
 * Objects that are kept beside host pods, one for each pod, and that the host pod owns: so that they go with it, by the host's
 * garbage collector and without a request of ours. They are no twins of anything. The caches hold their metadata only.
 */
export class PodCompanion<T extends Secret | ConfigMap> {
  readonly #environment: KindEnvironment;
  readonly #caches: Caches;
  readonly #kind: CompanionKind;
  readonly #type: ResourceType;
  readonly #cache: ObjectCache<KubeObject>;

  constructor(
    environment: KindEnvironment,
    caches: Caches,
    kind: CompanionKind,
    type: ResourceType,
    cache: ObjectCache<KubeObject>,
  ) {
    this.#environment = environment;
    this.#caches = caches;
    this.#kind = kind;
    this.#type = type;
    this.#cache = cache;
  }

  /** Calls back with the key of each virtual pod whose companion came, went or changed; `existing` does for those there are now. */
  subscribe(listener: (virtualKey: string) => void): { readonly existing: () => void } {
    const tell = (object: KubeObject): void => {
      const key = this.#caches.virtualKeyOf(object, this.#kind);
      if (key !== undefined) listener(key);
    };
    this.#cache.subscribe((change) => tell(change.object));
    return {
      existing: () => {
        for (const object of this.#cache.values()) tell(object);
      },
    };
  }

  /** The companion that was made for this very pod, and not for a former one of its name. */
  of(virtual: Pod): KubeObject | undefined {
    const companion = this.#named(virtual);
    return companion && isFor(companion, virtual) ? companion : undefined;
  }

  /** Takes the companion of a former pod of that name away, so that the new one cannot start with what is void. */
  async discardFormer(virtual: Pod): Promise<void> {
    const companion = this.#named(virtual);
    if (companion && !isFor(companion, virtual)) await remove(this.#environment.host, this.#type, companion);
  }

  /** Makes the companion, or changes it. @param wanted its data, and its metadata but for the owner */
  async write(virtual: Pod, host: Pod, wanted: T, { keepOthers = false }: CompanionWrite = {}): Promise<void> {
    const { host: client } = this.#environment;
    await this.discardFormer(virtual);
    const existing = this.of(virtual);
    // Not the anchor: it goes with the pod.
    const ownerReferences = [
      {
        apiVersion: 'v1',
        kind: 'Pod',
        name: host.metadata?.name ?? '',
        uid: host.metadata?.uid ?? '',
        blockOwnerDeletion: false,
        controller: false,
      },
    ];
    if (!existing) {
      const created = { ...wanted, metadata: { ...wanted.metadata, ownerReferences } };
      this.#cache.observe(metadataOf(await client.create<T>(this.#type, created)));
      return;
    }
    const data = keepOthers
      ? Object.entries(wanted.data ?? {}).map(([key, value]) => ({ op: 'add', path: `/data/${pointer(key)}`, value }))
      : [{ op: 'add', path: '/data', value: wanted.data }];
    const patch = [
      { op: 'test', path: '/metadata/uid', value: existing.metadata?.uid },
      { op: 'add', path: '/metadata/annotations', value: wanted.metadata?.annotations },
      { op: 'add', path: '/metadata/ownerReferences', value: ownerReferences },
      ...data,
    ];
    const { name = '', namespace = '' } = existing.metadata ?? {};
    this.#cache.observe(metadataOf(await client.patch<T>(this.#type, { name, namespace, type: 'json' }, patch)));
  }

  #named(virtual: Pod): KubeObject | undefined {
    const { identity } = this.#environment;
    const { namespace = '', name = '' } = virtual.metadata ?? {};
    const key = `${identity.hostNamespace}/${companionName(this.#kind, identity, namespace, name)}`;
    const companion = this.#cache.get(key);
    return companion && ownedBy(companion, identity)?.kind === this.#kind ? companion : undefined;
  }
}

const isFor = (companion: KubeObject, pod: Pod): boolean =>
  companion.metadata?.annotations?.[ANNOTATIONS.uid] === pod.metadata?.uid;

/** The caches hold metadata only. */
const metadataOf = ({ metadata = {} }: KubeObject): KubeObject => ({ metadata });

/** A key as a part of a JSON pointer (RFC 6901). */
const pointer = (key: string): string => key.replaceAll('~', '~0').replaceAll('/', '~1');
