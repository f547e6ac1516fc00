import type { Pod } from 'kubernetes-types/core/v1';
import { Controller } from '../engine';
import { ApiError, resources } from '../kube-client';
import { isVirtualNode, virtualNode } from '../translation';
import type { Caches } from './caches';
import { INDEX } from './caches';
import type { KindEnvironment } from './environment';

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
    caches.virtual.nodes.subscribe((change) => this.#controller.enqueue(change.key));
    caches.host.pods.subscribe((change) => {
      const before = change.previous?.spec?.nodeName;
      const now = change.object.spec?.nodeName;
      if (now !== undefined && (change.type === 'deleted' || before !== now)) this.#controller.enqueue(now);
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
    await this.#changing.get(name)?.catch(() => undefined);
    if (this.#caches.virtual.nodes.get(name)) return;
    await this.#exclusively(name, async () => {
      if (this.#caches.virtual.nodes.get(name)) return;
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
    const node = this.#caches.virtual.nodes.get(name);
    const keeping = this.#caches.host.pods
      .byIndex(INDEX.node, name)
      .some((pod) => !belongsToDaemonSet(pod, this.#caches));
    if (keeping) {
      this.#unusedSince.delete(name);
      if (!node) await this.ensure(name);
      return;
    }
    if (!node || !isVirtualNode(node)) {
      this.#unusedSince.delete(name);
      return;
    }
    const since = this.#unusedSince.get(name) ?? Date.now();
    this.#unusedSince.set(name, since);
    const left = since + LINGER_MS - Date.now();
    if (left > 0) return { requeueAfterMs: left };
    this.#unusedSince.delete(name);
    await this.#exclusively(name, () => this.#remove(name, node.metadata?.uid));
  }

  async #remove(name: string, uid: string | undefined): Promise<void> {
    try {
      await this.#environment.virtual.delete(resources.nodes, { name, ...(uid === undefined ? {} : { uid }) });
    } catch (error) {
      if (!ApiError.is(error, 'NotFound') && !ApiError.is(error, 'Conflict')) throw error;
    }
    // What is left on it are pods of DaemonSets: with the node-lifecycle controller off, nobody else removes them soon.
    for (const pod of this.#caches.virtual.pods.byIndex(INDEX.node, name)) {
      if (pod.metadata?.deletionTimestamp || !pod.metadata?.name || !pod.metadata.namespace) continue;
      try {
        await this.#environment.virtual.delete(resources.pods, {
          name: pod.metadata.name,
          namespace: pod.metadata.namespace,
          ...(pod.metadata.uid === undefined ? {} : { uid: pod.metadata.uid }),
        });
      } catch (error) {
        if (!ApiError.is(error, 'NotFound') && !ApiError.is(error, 'Conflict')) throw error;
      }
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

/** Whether the virtual twin of this host pod is owned by a DaemonSet. */
function belongsToDaemonSet(host: Pod, caches: Caches): boolean {
  const key = caches.virtualKeyOf(host);
  const virtual = key === undefined ? undefined : caches.virtual.pods.get(key);
  return virtual?.metadata?.ownerReferences?.some((owner) => owner.kind === 'DaemonSet' && owner.controller) ?? false;
}
