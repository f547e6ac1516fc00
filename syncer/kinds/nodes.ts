import type { Node, Pod } from 'kubernetes-types/core/v1';
import { Controller } from '../engine';
import { ApiError, resources } from '../kube-client';
import { ANNOTATIONS, isVirtualNode, virtualNode } from '../translation';
import type { Caches } from './caches';
import { INDEX } from './caches';
import type { KindEnvironment } from './environment';
import { isTerminal } from './pod-phase';
import { remove } from './removal';

/** How long a node stays after its last pod, in ms: a rollout that moves a pod does not make the node blink. */
const LINGER_MS = 5_000;

/**
 * Fake nodes (design, section 4): a virtual Node exists while one of the tenant's pods is on the host's node of that
 * name. Pods of DaemonSets alone do not keep it, as they are there only because the node is. Node objects that a tenant
 * makes are left alone.
 */
export class Nodes {
  readonly #environment: KindEnvironment;
  readonly #caches: Caches;
  readonly #controller: Controller;
  /** Node names whose creation or deletion is under way: a pod is bound only to a node that is there to stay. */
  readonly #changing = new Map<string, Promise<void>>();
  /** UIDs of nodes whose deletion was accepted before the watch shows it. */
  readonly #removed = new Set<string>();
  /** When a node was first seen without a pod that keeps it. */
  readonly #unusedSince = new Map<string, number>();

  constructor(environment: KindEnvironment, caches: Caches) {
    this.#environment = environment;
    this.#caches = caches;
    this.#controller = new Controller({
      name: 'nodes',
      waitFor: [caches.virtual.nodes, caches.virtual.pods, caches.host.pods],
      reconcile: (name) => this.#reconcile(name),
      logger: environment.logger,
      metrics: environment.metrics,
    });
    caches.virtual.nodes.subscribe(({ type, key, object }) => {
      if (type === 'deleted') this.#removed.delete(object.metadata?.uid ?? '');
      this.#controller.enqueue(key);
    });
    caches.host.pods.subscribe((change) => {
      const before = change.previous?.spec?.nodeName;
      const now = change.object.spec?.nodeName;
      if (now && (change.type === 'deleted' || before !== now)) this.#controller.enqueue(now);
    });
    caches.virtual.pods.subscribe(({ type, object, previous }) => {
      if (!object.spec?.nodeName) return;
      const ended = type === 'modified' && isTerminal(object) && !(previous && isTerminal(previous));
      if (type === 'deleted' || ended) this.#controller.enqueue(object.spec.nodeName);
    });
  }

  run(signal: AbortSignal): Promise<void> {
    // What the caches had before anybody listened.
    for (const name of this.#caches.virtual.nodes.keys()) this.#controller.enqueue(name);
    for (const { spec } of this.#caches.host.pods.values()) if (spec?.nodeName) this.#controller.enqueue(spec.nodeName);
    return this.#controller.run(signal);
  }

  /** Resolves once the virtual node exists; pods are bound after it, since pod garbage collection removes orphans. */
  async ensure(name: string): Promise<void> {
    if (!this.#changing.has(name) && this.#present(name)) return;
    await this.#exclusively(name, async () => {
      if (this.#present(name)) return;
      const node = virtualNode(name, {
        // A fake node tells nothing of the real one; the control plane's own architecture is the best guess there is.
        architecture: process.arch === 'x64' ? 'amd64' : process.arch,
        kubeletVersion: this.#environment.version,
      });
      try {
        this.#caches.virtual.nodes.observe(await this.#environment.virtual.create(resources.nodes, node));
      } catch (error) {
        if (!ApiError.is(error, 'AlreadyExists')) throw error;
      }
    });
  }

  async #reconcile(name: string): Promise<{ requeueAfterMs: number } | void> {
    if (this.#hasTwin(name)) {
      this.#unusedSince.delete(name);
      if (!this.#present(name)) await this.ensure(name);
      return;
    }
    const node = this.#present(name);
    if (!node || !isVirtualNode(node) || this.#hasPod(name)) {
      this.#unusedSince.delete(name);
      return;
    }
    const since = this.#unusedSince.get(name) ?? Date.now();
    this.#unusedSince.set(name, since);
    const left = since + LINGER_MS - Date.now();
    if (left > 0) return { requeueAfterMs: left };
    this.#unusedSince.delete(name);
    await this.#exclusively(name, async () => {
      // A pod may have come while this waited for its turn.
      if (!this.#hasTwin(name) && !this.#hasPod(name)) await this.#remove(name, node.metadata?.uid);
    });
  }

  /** The virtual node as the cache has it, unless its deletion was accepted already. */
  #present(name: string): Node | undefined {
    const node = this.#caches.virtual.nodes.get(name);
    return node && !this.#removed.has(node.metadata?.uid ?? '') ? node : undefined;
  }

  /** Whether the host's node of that name has the twin of a virtual pod that keeps its node. */
  #hasTwin(name: string): boolean {
    return this.#caches.host.pods.byIndex(INDEX.node, name).some((host) => {
      const key = this.#caches.virtualKeyOf(host, 'Pod');
      const virtual = key === undefined ? undefined : this.#caches.virtual.pods.get(key);
      // A twin whose virtual pod is gone only ends.
      return (
        virtual !== undefined &&
        virtual.metadata?.uid === host.metadata?.annotations?.[ANNOTATIONS.uid] &&
        !belongsToDaemonSet(virtual)
      );
    });
  }

  /** Whether a virtual pod that keeps its node names the node: one that waits for room on it, say. */
  #hasPod(name: string): boolean {
    return this.#caches.virtual.pods
      .byIndex(INDEX.node, name)
      .some((virtual) => !belongsToDaemonSet(virtual) && !isTerminal(virtual));
  }

  async #remove(name: string, uid: string | undefined): Promise<void> {
    try {
      await this.#environment.virtual.delete(resources.nodes, { name, ...(uid === undefined ? {} : { uid }) });
      if (uid !== undefined && this.#caches.virtual.nodes.get(name)?.metadata?.uid === uid) this.#removed.add(uid);
    } catch (error) {
      if (!ApiError.is(error, 'NotFound') && !ApiError.is(error, 'Conflict')) throw error;
    }
    // With the node-lifecycle controller off, nobody else removes pods of DaemonSets soon.
    for (const pod of this.#caches.virtual.pods.byIndex(INDEX.node, name)) {
      if (pod.metadata?.deletionTimestamp || !belongsToDaemonSet(pod)) continue;
      await remove(this.#environment.virtual, resources.pods, pod);
    }
  }

  /** Runs one change of a node at a time. */
  async #exclusively(name: string, change: () => Promise<void>): Promise<void> {
    while (this.#changing.has(name)) await this.#changing.get(name)?.catch(() => undefined);
    const running = change();
    this.#changing.set(name, running);
    try {
      await running;
    } finally {
      this.#changing.delete(name);
    }
  }
}

function belongsToDaemonSet(virtual: Pod): boolean {
  return virtual.metadata?.ownerReferences?.some((owner) => owner.kind === 'DaemonSet' && owner.controller) ?? false;
}
