import { Controller } from '../engine';
import type { ObjectCache } from '../engine';
import { ApiError, resources } from '../kube-client';
import {
  appliedPatch,
  definitionProblem,
  hasStatusSubresource,
  isDeeperThan,
  isEstablished,
  isView,
  MAX_DEPTH,
  servesVersion,
  virtualDefinition,
  withAppliedDigest,
  withVersionOnly,
} from '../translation';
import type { Definition } from '../translation';
import { withoutLastApplied } from './caches';
import type { Caches } from './caches';
import type { KindEnvironment } from './environment';
import { exactly } from './exactly';
import { isOtherObject, warn } from './refusals';

/** A kind whose definition is copied. */
export interface DefinedKind {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly resource: string;
  readonly scope: 'Namespaced' | 'Cluster';
}

const type = resources.customResourceDefinitions;

/**
 * Keeps the copy of one CustomResourceDefinition of the host in the virtual cluster. A definition of that name which the tenant made
 * itself is left alone. When the host's goes, the copy stays: with it all objects of the tenant would go.
 */
export class DefinitionCopy {
  readonly #environment: KindEnvironment;
  readonly #kind: DefinedKind;
  readonly #name: string;
  readonly #host: ObjectCache<Definition>;
  readonly #virtual: ObjectCache<Definition>;
  readonly #controller: Controller;
  readonly #listeners = new Set<(side: 'host' | 'virtual') => void>();
  /** UIDs of the definitions that were served when last seen. */
  readonly #served: { host?: string; virtual?: string } = {};
  /** What was told of it last, to tell it once. */
  #told: string | undefined;

  constructor(environment: KindEnvironment, caches: Caches, kind: DefinedKind) {
    this.#environment = environment;
    this.#kind = kind;
    this.#name = `${kind.resource}.${kind.group}`;
    // Nothing but this kind waits for them: the others do not depend on it.
    const options = { only: this.#name, mayBeMissing: true } as const;
    this.#host = caches.of<Definition>('host', type, {
      ...options,
      transform: (definition) => withVersionOnly(definition, kind.version),
    });
    this.#virtual = caches.of<Definition>('virtual', type, { ...options, transform: withoutLastApplied });
    this.#controller = new Controller({
      name: `definition of ${this.#name}`,
      waitFor: [this.#host, this.#virtual],
      reconcile: () => this.#reconcile(),
      logger: environment.logger,
      metrics: environment.metrics,
    });
    this.#host.subscribe(() => this.#controller.enqueue(this.#name));
    this.#virtual.subscribe(() => this.#controller.enqueue(this.#name));
  }

  run(signal: AbortSignal): Promise<void> {
    this.#controller.enqueue(this.#name);
    return this.#controller.run(signal);
  }

  /** Calls back when a side has begun to serve the kind, for the first time or again. */
  onServed(listener: (side: 'host' | 'virtual') => void): void {
    this.#listeners.add(listener);
  }

  /**
   * Whether the virtual cluster is known to lack the kind: then it has no objects of it. A definition of the tenant's may be there
   * that does not serve it; a copy that does not is about to.
   */
  get isAbsent(): boolean {
    if (!this.#virtual.synced) return false;
    const virtual = this.#virtual.get(this.#name);
    if (virtual === undefined) return true;
    return !isView(virtual) && !this.#isServed(virtual);
  }

  /** Calls back when {@link isAbsent} has become true. */
  onAbsent(listener: () => void): void {
    let absent = false;
    const look = (): void => {
      const before = absent;
      absent = this.isAbsent;
      if (absent && !before) listener();
    };
    this.#virtual.whenSynced().then(look, () => undefined);
    this.#virtual.subscribe(look);
  }

  /** How the status of a virtual object is written; undefined while that is not known. */
  statusForm(): 'subresource' | 'field' | undefined {
    const virtual = this.#virtual.get(this.#name);
    if (virtual === undefined) return undefined;
    return hasStatusSubresource(virtual, this.#kind.version) ? 'subresource' : 'field';
  }

  async #reconcile(): Promise<void> {
    const host = this.#host.get(this.#name);
    const virtual = this.#virtual.get(this.#name);
    this.#noteServed('host', host);
    this.#noteServed('virtual', virtual);
    if (virtual && !virtual.metadata?.deletionTimestamp && !isView(virtual)) {
      this.#own(virtual);
      return;
    }
    const problem = this.#problem(host);
    if (host === undefined || problem !== undefined) {
      this.#tell(`the host's CustomResourceDefinition ${this.#name} cannot be copied: ${problem}`);
      return;
    }
    // It comes back once it and all its objects are gone.
    if (virtual?.metadata?.deletionTimestamp) return;
    this.#told = undefined;
    await this.#write(withAppliedDigest(virtualDefinition(host, this.#kind.version, virtual)), virtual);
  }

  #problem(host: Definition | undefined): string | undefined {
    if (host === undefined) return 'the host has none; its objects are synced as soon as it does';
    if (isDeeperThan(host, MAX_DEPTH)) return `it is more than ${MAX_DEPTH} levels deep`;
    return definitionProblem(host, this.#kind);
  }

  /** The tenant has a definition of the name: it serves if it is of the same shape. */
  #own(virtual: Definition): void {
    const problem = definitionProblem(virtual, this.#kind);
    if (problem === undefined) return;
    const message = `objects of this definition are not synced with the host: ${problem}; delete it, and a copy of the host's takes its place`;
    warn(this.#environment, type, virtual, 'DefinitionDiffers', message);
    this.#tell(`the tenant's own CustomResourceDefinition ${this.#name} is left alone: ${problem}`);
  }

  #tell(message: string): void {
    if (this.#told === message) return;
    this.#told = message;
    this.#environment.logger.warn({ kind: this.#kind.kind, definition: this.#name }, message);
  }

  async #write(wanted: Definition, actual: Definition | undefined): Promise<void> {
    const { virtual: client } = this.#environment;
    if (actual === undefined) {
      try {
        this.#virtual.observe(await client.create<Definition>(type, wanted));
      } catch (error) {
        // The tenant's own, or one that the watch has not brought yet.
        if (!ApiError.is(error, 'AlreadyExists')) throw error;
      }
      return;
    }
    const patch = appliedPatch(wanted, actual);
    if (!patch) return;
    try {
      this.#virtual.observe(
        await client.patch<Definition>(type, { name: this.#name, type: 'merge' }, exactly(actual, patch)),
      );
    } catch (error) {
      if (!ApiError.is(error, 'NotFound') && !isOtherObject(error)) throw error; // the watch tells soon
    }
  }

  #isServed(definition: Definition): boolean {
    return isEstablished(definition) && servesVersion(definition, this.#kind.version);
  }

  #noteServed(side: 'host' | 'virtual', definition: Definition | undefined): void {
    const uid = definition !== undefined && this.#isServed(definition) ? definition.metadata?.uid : undefined;
    if (this.#served[side] === uid) return;
    if (uid === undefined) delete this.#served[side];
    else {
      this.#served[side] = uid;
      for (const listener of this.#listeners) listener(side);
    }
  }
}
