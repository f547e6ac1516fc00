import type { Node, Pod } from 'kubernetes-types/core/v1';
import type { Caches } from './caches';
import { INDEX } from './caches';
import { ANNOTATIONS, hiddenContainerName, isVirtualNode } from '../translation';
import type { KindEnvironment } from './environment';

/** A host pod that is the twin of a virtual one. */
export interface HostPod {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly nodeName: string;
  /** A container that the virtual pod does not have: the tenant must not reach it. */
  readonly hiddenContainer?: string;
  /** UID of the virtual pod that it was made for. */
  readonly virtualUID?: string;
}

/**
 * What the gateway may rely on when it decides where the virtual API server connects: the host's own view of our
 * objects, never anything that a tenant can write.
 */
export class HostFacts {
  readonly #caches: Caches;
  readonly #identity: KindEnvironment['identity'];

  constructor(identity: KindEnvironment['identity'], caches: Caches) {
    this.#identity = identity;
    this.#caches = caches;
  }

  /** Resolves once the answers are complete. */
  async whenSynced(signal: AbortSignal): Promise<void> {
    await Promise.all([this.#caches.host.pods.whenSynced(signal), this.#caches.host.services.whenSynced(signal)]);
  }

  /** The host pod that runs a virtual pod; undefined when there is none on a node. */
  resolve(virtualNamespace: string, name: string): HostPod | undefined {
    const key = `${virtualNamespace}/${name}`;
    const pod = this.#caches.host.pods.get(this.#caches.hostKeyOf(key));
    if (!pod || this.#caches.virtualKeyOf(pod, 'Pod') !== key) return undefined;
    const uid = pod.metadata?.uid;
    const nodeName = pod.spec?.nodeName;
    if (pod.metadata?.name === undefined || uid === undefined || nodeName === undefined) return undefined;
    const hiddenContainer = hiddenContainerName(pod);
    const virtualUID = pod.metadata.annotations?.[ANNOTATIONS.uid];
    return {
      namespace: this.#identity.hostNamespace,
      name: pod.metadata.name,
      uid,
      nodeName,
      ...(hiddenContainer === undefined ? {} : { hiddenContainer }),
      ...(virtualUID === undefined ? {} : { virtualUID }),
    };
  }

  /** Name of the virtual node that an address was issued for. */
  nodeByAddress(address: string): string | undefined {
    const pod = this.#caches.host.pods.byIndex(INDEX.nodeAddress, address)[0];
    if (pod) return pod.spec?.nodeName;
    // One that is shown though no pod is on it; there is no such cache where the platform shows none of those.
    return this.#caches.find('host', '', 'Node')?.byIndex(INDEX.nodeAddress, address)[0]?.metadata?.name;
  }

  isTenantPodIP(address: string): boolean {
    return this.#caches.host.pods.byIndex(INDEX.address, address).length > 0;
  }

  isTenantServiceIP(address: string): boolean {
    return this.#caches.host.services.byIndex(INDEX.address, address).length > 0;
  }

  /** Whether the answers below are complete: unlike those above, they need the virtual cluster's own objects. */
  get known(): boolean {
    const { host, virtual } = this.#caches;
    return host.pods.synced && virtual.pods.synced && virtual.nodes.synced;
  }

  /** The virtual pods whose twins are on a node, or on any; with the twins' names. */
  placedPods(nodeName?: string): readonly { readonly pod: Pod; readonly hostName: string }[] {
    const { pods } = this.#caches.host;
    const twins = nodeName === undefined ? [...pods.values()] : pods.byIndex(INDEX.node, nodeName);
    return twins.flatMap((twin) => this.#placed(twin) ?? []);
  }

  placedPod(namespace: string, name: string): { readonly pod: Pod; readonly hostName: string } | undefined {
    const twin = this.#caches.host.pods.get(this.#caches.hostKeyOf(`${namespace}/${name}`));
    return twin && this.#placed(twin);
  }

  /** The virtual nodes that are the syncer's. */
  ownNodes(): readonly Node[] {
    return [...this.#caches.virtual.nodes.values()].filter(isVirtualNode);
  }

  #placed(twin: Pod): { readonly pod: Pod; readonly hostName: string } | undefined {
    const key = this.#caches.virtualKeyOf(twin, 'Pod');
    const pod = key === undefined ? undefined : this.#caches.virtual.pods.get(key);
    const { name, annotations } = twin.metadata ?? {};
    // The twin of an earlier pod of that name is not this one's.
    if (!pod || name === undefined || annotations?.[ANNOTATIONS.uid] !== pod.metadata?.uid) return undefined;
    return twin.spec?.nodeName === undefined ? undefined : { pod, hostName: name };
  }
}
