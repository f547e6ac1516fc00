import type { Node, Pod } from 'kubernetes-types/core/v1';
import { Controller } from '../engine';
import { ApiError, resources } from '../kube-client';
import {
  ANNOTATIONS,
  isVirtualNode,
  showsHostNode,
  virtualNode,
  virtualNodePatch,
  virtualNodeStatusPatch,
} from '../translation';
import type { Caches } from './caches';
import { INDEX } from './caches';
import type { KindEnvironment } from './environment';
import { exactly } from './exactly';
import type { HostNodes } from './host-nodes';
import { isTerminal } from './pod-phase';
import { isOtherObject } from './refusals';
import { remove } from './removal';
import { UnkeptWrites } from './unkept-writes';
import { WriteBudget } from './write-budget';

/** How long a node stays after its last pod, in ms: a rollout that moves a pod does not make the node blink. */
const LINGER_MS = 5_000;

/** How soon a node that is written too often is looked at again, in ms. */
const LATER_MS = 1_000;

/**
 * Virtual nodes (design, section 4). With fake and real nodes a virtual Node exists while one of the tenant's pods is on the host's node
 * of that name; pods of DaemonSets alone do not keep it, as they are there only because the node is. With all or selected nodes it
 * exists while the host's does. In any case not longer, where the host's is known. Node objects that a tenant makes are left alone.
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
  readonly #hostNodes: HostNodes;
  readonly #budget = new WriteBudget();
  readonly #unkept = new UnkeptWrites();

  constructor(environment: KindEnvironment, caches: Caches, hostNodes: HostNodes) {
    this.#environment = environment;
    this.#caches = caches;
    this.#hostNodes = hostNodes;
    this.#controller = new Controller({
      name: 'nodes',
      waitFor: [caches.virtual.nodes, caches.virtual.pods, caches.host.pods, ...hostNodes.sources],
      reconcile: (name) => this.#reconcile(name),
      logger: environment.logger,
      metrics: environment.metrics,
    });
    caches.virtual.nodes.subscribe(({ type, key, object }) => {
      if (type === 'deleted') {
        const uid = object.metadata?.uid ?? '';
        this.#removed.delete(uid);
        this.#budget.forget(uid);
        this.#unkept.forget(uid);
      }
      this.#controller.enqueue(key);
    });
    hostNodes.onChange((name) => this.#controller.enqueue(name));
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
    for (const name of this.#hostNodes.unusedNames()) this.#controller.enqueue(name);
    for (const { spec } of this.#caches.host.pods.values()) if (spec?.nodeName) this.#controller.enqueue(spec.nodeName);
    return this.#controller.run(signal);
  }

  /**
   * Resolves once the virtual node exists; pods are bound after it, since pod garbage collection removes orphans.
   * @returns false where it does not and will not, as the host's node is gone, and so its pods are soon
   */
  async ensure(name: string): Promise<boolean> {
    if (!this.#changing.has(name) && this.#present(name)) return true;
    let exists = true;
    await this.#exclusively(name, async () => {
      if (this.#present(name)) return;
      if (await this.#hostNodes.isGoneForSure(name)) {
        exists = false;
        return;
      }
      try {
        const node = await this.#environment.virtual.create(resources.nodes, this.#wanted(name));
        this.#caches.virtual.nodes.observe(node);
      } catch (error) {
        if (!ApiError.is(error, 'AlreadyExists')) throw error;
      }
    });
    return exists;
  }

  async #reconcile(name: string): Promise<{ requeueAfterMs: number } | void> {
    const node = this.#present(name);
    if (this.#isNeeded(name)) {
      this.#unusedSince.delete(name);
      if (node) return this.#update(node);
      await this.ensure(name);
      return;
    }
    if (!node || !isVirtualNode(node)) {
      this.#unusedSince.delete(name);
      return;
    }
    if (!this.#hostNodes.isGone(name)) {
      if (this.#hasPod(name)) {
        this.#unusedSince.delete(name);
        return this.#update(node);
      }
      const since = this.#unusedSince.get(name) ?? Date.now();
      this.#unusedSince.set(name, since);
      const left = since + LINGER_MS - Date.now();
      if (left > 0) return { requeueAfterMs: left };
    }
    this.#unusedSince.delete(name);
    await this.#exclusively(name, async () => {
      // A pod may have come while this waited for its turn, or the node again.
      if (this.#isNeeded(name) || (!this.#hostNodes.isGone(name) && this.#hasPod(name))) return;
      await this.#remove(name, node.metadata?.uid);
    });
  }

  /** Whether there has to be a virtual node of that name. */
  #isNeeded(name: string): boolean {
    if (this.#hostNodes.areShownUnused && this.#hostNodes.has(name)) return true;
    return !this.#hostNodes.isGone(name) && this.#hasTwin(name);
  }

  #wanted(name: string): Node {
    const shown = this.#hostNodes.view(name);
    if (shown) return shown;
    const fake = virtualNode(name, {
      // A fake node tells nothing of the real one; the control plane's own architecture is the best guess there is.
      architecture: process.arch === 'x64' ? 'amd64' : process.arch,
      kubeletVersion: this.#environment.version,
    });
    // Pods that are on it stay; the scheduler must send no others.
    return this.#hostNodes.areChosenInside ? { ...fake, spec: { unschedulable: true } } : fake;
  }

  /** Brings the host's facts up, and takes them away from a node that is to have none of them any more. */
  async #update(node: Node): Promise<{ requeueAfterMs: number } | void> {
    const name = node.metadata?.name ?? '';
    if (!isVirtualNode(node) || !(this.#hostNodes.has(name) || showsHostNode(node))) return;
    const wanted = this.#wanted(name);
    const shown = await this.#patch(node, undefined, (actual) => virtualNodePatch(wanted, actual));
    if (shown === 'later') return { requeueAfterMs: LATER_MS };
    const after = await this.#patch(shown, 'status', (actual) => {
      const status = virtualNodeStatusPatch(wanted, actual);
      return status && { status };
    });
    if (after === 'later') return { requeueAfterMs: LATER_MS };
  }

  /** @returns the node as it is then; `later` where it is written too often, as by a program of the tenant that answers each write */
  async #patch(
    node: Node,
    subresource: 'status' | undefined,
    difference: (actual: Node) => object | undefined,
  ): Promise<Node | 'later'> {
    const patch = difference(node);
    const { name = '', uid = '' } = node.metadata ?? {};
    const write = subresource ?? 'object';
    if (!patch || this.#unkept.has(uid, write, patch)) return node;
    if (this.#budget.take(uid) > 0) return 'later';
    try {
      const options = { name, type: 'merge', ...(subresource && { subresource }) } as const;
      const after = await this.#environment.virtual.patch<Node>(resources.nodes, options, exactly(node, patch));
      this.#unkept.note(uid, write, patch, difference(after));
      this.#caches.virtual.nodes.observe(after);
      return after;
    } catch (error) {
      if (ApiError.is(error, 'NotFound') || isOtherObject(error)) return node; // the watch tells soon
      throw error;
    }
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
