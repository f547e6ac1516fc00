import type { Node, Pod } from 'kubernetes-types/core/v1';
import type { ObjectCache, SyncedSource } from '../engine';
import { ApiError, resources } from '../kube-client';
import { nodeViolations } from '../policy';
import type { Violation } from '../policy';
import { FieldPatches, hostNodeFacts, nodeAddress, realNode, withAppliedDigest } from '../translation';
import { INDEX } from './caches';
import type { Caches } from './caches';
import type { KindEnvironment } from './environment';

/** The host's nodes as far as the configuration lets tenants see them: none of them with fake nodes. */
export class HostNodes {
  readonly #environment: KindEnvironment;
  readonly #patches: FieldPatches;
  /** Undefined where the syncer has no right to look at nodes. */
  readonly #cache: ObjectCache<Node> | undefined;
  /** Caches that must be complete before anything is said of nodes. */
  readonly sources: readonly SyncedSource[];
  /** Whether a node is shown while no pod of the tenant is on it. */
  readonly areShownUnused: boolean;

  constructor(environment: KindEnvironment, caches: Caches) {
    this.#environment = environment;
    const { configuration, identity } = environment;
    const { mode, selector } = configuration.sync.fromHost.nodes;
    this.#patches = new FieldPatches(configuration.sync.patches, { kind: 'Node', direction: 'fromHost' }, identity);
    this.areShownUnused = mode === 'all' || mode === 'selector';
    if (mode !== 'fake') {
      const labels = Object.entries(selector).map(([key, value]) => `${key}=${value}`);
      this.#cache = caches.of<Node>('host', resources.nodes, {
        scope: 'cluster',
        transform: hostNodeFacts,
        ...(labels.length > 0 && { labelSelector: labels.join(',') }),
      });
      // For the egress gate: others have an address while a pod is on them.
      this.#cache.addIndex(INDEX.nodeAddress, ({ metadata }) =>
        this.areShownUnused ? [nodeAddress(metadata?.name ?? '')] : [],
      );
    }
    this.sources = this.#cache ? [this.#cache] : [];
  }

  /** Calls back with the names of nodes that come, change or go. */
  onChange(listener: (name: string) => void): void {
    this.#cache?.subscribe(({ key }) => listener(key));
  }

  /** Calls back when nodes come or go; kubelets change each of them all the time. */
  onComingOrGoing(listener: () => void): void {
    this.#cache?.subscribe(({ type }) => {
      if (type !== 'modified') listener();
    });
  }

  /** Names of the nodes that are shown whether or not they are used. */
  unusedNames(): Iterable<string> {
    return this.areShownUnused ? (this.#cache?.keys() ?? []) : [];
  }

  /** Whether tenants see the node's own facts. */
  has(name: string): boolean {
    return this.#cache?.has(name) ?? false;
  }

  /** Whether the host has no node of that name; false where that is not known, as those that are not selected are not looked at. */
  isGone(name: string): boolean {
    return this.#cache !== undefined && !this.#isSelective && !this.#cache.has(name);
  }

  /** Asks the host where a node seems to be gone: a pod may be told of before its node. @returns whether it is */
  async isGoneForSure(name: string): Promise<boolean> {
    if (!this.isGone(name)) return false;
    try {
      this.#cache?.observe(await this.#environment.host.get<Node>(resources.nodes, { name }));
      return false;
    } catch (error) {
      if (!ApiError.is(error, 'NotFound')) throw error;
      return true;
    }
  }

  /** The virtual node as the host's facts make it; undefined where it is not to have any of them. */
  view(name: string): Node | undefined {
    const host = this.#cache?.get(name);
    if (!host) return undefined;
    const patched = this.#patches.apply(host, host);
    if (patched.ok) return withAppliedDigest(realNode(patched.object));
    // A fake one: what the platform wants to be hidden stays so.
    this.#environment.logger.warn({ kind: 'nodes', name, reason: patched.message }, 'shown as fake: a patch fails');
    return undefined;
  }

  /** What is against a pod where only the shown or the selected nodes may be used. */
  violations(pod: Pod): readonly Violation[] {
    return nodeViolations(pod, this.#environment.configuration, { hasNode: (name) => this.has(name) });
  }

  /** Whether a scheduler of the virtual cluster chooses among the nodes, and pods run on no others. */
  get areChosenInside(): boolean {
    return this.#environment.configuration.scheduling.scheduler === 'virtual';
  }

  /** Labels that the node of every pod must have; undefined where any will do. */
  get enforcedSelector(): Readonly<Record<string, string>> | undefined {
    const { selector, enforce } = this.#environment.configuration.sync.fromHost.nodes;
    return enforce ? selector : undefined;
  }

  get #isSelective(): boolean {
    return this.#environment.configuration.sync.fromHost.nodes.mode === 'selector';
  }
}
