import { objectKey, PairController } from '../engine';
import type { ObjectCache, Pair, ReconcileResult, SyncedSource } from '../engine';
import { ApiError } from '../kube-client';
import type { KubeObject, ResourceType } from '../kube-client';
import { makeTwin, violationsText } from '../policy';
import type { TwinSteps } from '../policy';
import { ANNOTATIONS, appliedPatch, FieldPatches, ownedBy, withAppliedDigest } from '../translation';
import type { KnownName } from '../translation';
import type { Caches } from './caches';
import type { KindEnvironment } from './environment';
import { exactly } from './exactly';
import { addFinalizer, isHeldBy, removeFinalizer } from './finalizers';
import { KnownRefusals } from './known-refusals';
import {
  isOtherObject,
  isRefusal,
  NAME_TAKEN_RETRY_MS,
  nameTakenText,
  refusalText,
  refused,
  warn,
  warnNameTaken,
  warnUnkept,
  warnWriteLoop,
} from './refusals';
import { remove } from './removal';
import { UnkeptWrites } from './unkept-writes';
import { WriteBudget } from './write-budget';

/** What is to be done with a host object that has the twin's name and our marks. */
export type Verdict =
  /** It is the virtual object's twin, or is to become it. */
  | { readonly verdict: 'twin' }
  /** It belongs to a former object of that name, or to none. */
  | { readonly verdict: 'remove'; readonly resourceVersion?: string | undefined }
  /** It cannot be told yet. */
  | { readonly verdict: 'wait'; readonly afterMs: number }
  /** It is kept for somebody: nothing is done with it, and the virtual object of its name is told why. */
  | { readonly verdict: 'leave'; readonly reason: string; readonly message: string };

/** What of a host object the virtual one shows; parts of a JSON merge patch, absent when there is nothing to write. */
export interface VirtualPatch {
  /** For the object itself. */
  readonly object?: object | undefined;
  /** What stands under `status`, for the status subresource. */
  readonly status?: object | undefined;
}

/** The end of a twin that cannot be made anew. */
export interface Loss {
  readonly reason: string;
  readonly message: string;
  readonly patch: VirtualPatch;
}

/** A finalizer of virtual objects of a built-in kind, which holds them until their twins are on their way out. */
export interface TwinGuard<T extends KubeObject> {
  readonly finalizer: string;
  /** Whether an object is to have it before it has a twin. */
  readonly wants: (virtual: T) => boolean;
  /** Whether the twin of an object that was deleted stays. */
  readonly keepsTwin: (virtual: T) => boolean;
}

/** What differs between kinds of which each object has one twin on the host. */
export interface TwinKind<T extends KubeObject> extends TwinSteps<T> {
  /** Type on both sides. */
  readonly type: ResourceType;
  /** @default - the type's plural name */
  readonly name?: string;
  /** Whether it is a custom resource, which field patches name with its group. @default false */
  readonly custom?: boolean;
  readonly virtual: ObjectCache<T>;
  readonly host: ObjectCache<T>;
  /** Other caches that must be complete before any work is done. */
  readonly waitFor?: readonly SyncedSource[];
  /** Whether an object belongs on the host at all. @default all do */
  readonly concerns?: (virtual: T) => boolean;
  /** Whether what the twin needs is there; who makes it true enqueues the object. @default it is */
  readonly isReady?: (virtual: T) => boolean;
  /**
   * What becomes of a twin whose virtual object was changed into one that the translation or the policy refuses: `remove` where
   * the old state must not stay in force, `keep` where the twin's end would harm more (data, protection).
   */
  readonly whenRefused: 'remove' | 'keep';
  /** What a host object with our marks is. @default a twin if it carries the virtual object's UID, else to be removed */
  readonly verdict?: (host: T, virtual: T | undefined) => Verdict;
  /** Whether the twin cannot become the wanted object and has to be made anew. @default it never has to */
  readonly mustBeRemade?: (wanted: T, host: T) => boolean;
  /**
   * JSON merge patch that makes the twin the wanted object, or undefined when it is.
   *
   * @default appliedPatch, which needs no list of fields
   */
  readonly hostPatch?: (wanted: T, host: T, virtual: T) => object | undefined;
  /** What of the twin the virtual object shows. @default nothing */
  readonly virtualPatch?: (host: T, virtual: T) => VirtualPatch;
  /** What a virtual object ceases to show with a twin that was taken from it. @default nothing: it shows what it did */
  readonly withoutTwin?: (host: T, virtual: T) => VirtualPatch;
  /**
   * Why an object without a twin gets none any more, as it had one that cannot be replaced, and what the object shows then.
   * Undefined for all others.
   *
   * @default a twin that somebody removed on the host is made again
   */
  readonly lost?: (virtual: T) => Loss | undefined;
  /** Hears why an object has no twin, whenever it is looked at. */
  readonly onRefused?: (virtual: T, message: string) => void;
  /**
   * Keeps virtual objects from going before the end of their twins is decided.
   *
   * @default a twin without its virtual object is one whose virtual object was deleted
   */
  readonly guard?: TwinGuard<T>;
  /** Removes a twin that nobody wants any more. @default it is deleted */
  readonly removeTwin?: (host: T) => Promise<void>;
  /** Virtual objects that texts of the host about this one may name. @default none but itself */
  readonly knownNames?: (virtual: T) => readonly KnownName[];
}

/**
 * Keeps one twin on the host for each virtual object of a kind: makes it, changes it with its virtual object, brings back what
 * the host decides, and removes it when the virtual object is gone. A host object without our marks and the right UID is never
 * touched.
 */
export class Twins<T extends KubeObject> {
  readonly #environment: KindEnvironment;
  readonly #caches: Caches;
  readonly #kind: TwinKind<T>;
  readonly #controller: PairController<T, T>;
  readonly #budget = new WriteBudget();
  /** Why objects have no twin, or one that is not as they are. */
  readonly refusals = new KnownRefusals();
  readonly #unkept = new UnkeptWrites();
  readonly #patches: FieldPatches;

  constructor(environment: KindEnvironment, caches: Caches, kind: TwinKind<T>) {
    this.#environment = environment;
    this.#patches = new FieldPatches(
      environment.configuration.sync.patches,
      { kind: kind.type.kind, customGroup: kind.custom ? kind.type.group : undefined, direction: 'toHost' },
      environment.identity,
    );
    this.#caches = caches;
    this.#kind = kind;
    this.#controller = new PairController<T, T>({
      name: kind.name ?? kind.type.resource,
      virtual: kind.virtual,
      host: kind.host,
      virtualKeyOfHost: (host) => caches.virtualKeyOf(host, kind.type.kind),
      hostKeyOfVirtual: (key) => caches.hostKeyOf(key),
      waitFor: kind.waitFor,
      reconcile: (pair) => this.#reconcile(pair),
      logger: environment.logger,
      metrics: environment.metrics,
    });
    kind.virtual.subscribe(({ type, key, object }) => {
      if (type !== 'deleted') return;
      this.refusals.forget(key);
      this.#budget.forget(object.metadata?.uid ?? '');
      this.#unkept.forget(object.metadata?.uid ?? '');
    });
  }

  run(signal: AbortSignal): Promise<void> {
    return this.#controller.run(signal);
  }

  /** Asks for a look at a virtual object: something else that decides about it has changed. */
  enqueue(virtualKey: string): void {
    this.#controller.enqueue(virtualKey);
  }

  async #reconcile({ virtual: seen, host }: Pair<T, T>): Promise<ReconcileResult> {
    const { concerns, guard, verdict = byUID } = this.#kind;
    if (seen && guard && isHeldBy(seen, guard.finalizer)) return this.#letGo(seen, host, guard);
    const virtual = seen && (concerns?.(seen) ?? true) ? seen : undefined;
    if (!host) {
      if (!virtual || virtual.metadata?.deletionTimestamp) return;
      const loss = this.#kind.lost?.(virtual);
      if (!loss) return this.#create(virtual);
      this.#tell(virtual, loss.reason, loss.message);
      return this.#write(virtual, (now) => this.#kind.lost?.(now)?.patch);
    }
    if (!ownedBy(host, this.#environment.identity)) {
      if (!virtual) return;
      this.#nameTaken(virtual);
      return { requeueAfterMs: NAME_TAKEN_RETRY_MS };
    }
    if (host.metadata?.deletionTimestamp) return;
    const found = verdict(host, virtual);
    if (found.verdict === 'wait') return { requeueAfterMs: found.afterMs };
    if (found.verdict === 'remove') {
      await this.#remove(host, found.resourceVersion);
      return seen && byUID(host, seen).verdict === 'twin' ? this.#forget(seen, host) : undefined;
    }
    if (found.verdict === 'leave') {
      if (virtual) this.#tell(virtual, found.reason, found.message);
      return;
    }
    if (virtual) return this.#follow(virtual, host);
  }

  /** Lets an object go whose twin is on its way out, and sends it there before. */
  async #letGo(virtual: T, host: T | undefined, guard: TwinGuard<T>): Promise<ReconcileResult> {
    const isTwin = host && ownedBy(host, this.#environment.identity)?.uid === virtual.metadata?.uid;
    if (isTwin && !host.metadata?.deletionTimestamp && !guard.keepsTwin(virtual)) {
      await this.#remove(host);
      return; // the host's watch tells soon
    }
    await removeFinalizer(this.#environment.virtual, this.#kind.type, virtual, guard.finalizer);
  }

  /** Gives an object the guard's finalizer if it lacks it; the cache, which hears of it, brings the object back to be worked on. */
  async #putGuard(virtual: T): Promise<{ readonly result: ReconcileResult } | undefined> {
    const { guard, type } = this.#kind;
    const { deletionTimestamp, finalizers = [] } = virtual.metadata ?? {};
    if (!guard || deletionTimestamp || finalizers.includes(guard.finalizer) || !guard.wants(virtual)) return undefined;
    const wait = this.#takeWrite(virtual);
    if (wait > 0) return { result: { requeueAfterMs: wait } };
    const after = await addFinalizer(this.#environment.virtual, type, virtual, guard.finalizer);
    if (after) this.#kind.virtual.observe(after);
    return { result: undefined };
  }

  /** Both exist and belong together. */
  async #follow(virtual: T, host: T): Promise<ReconcileResult> {
    const guarding = await this.#putGuard(virtual);
    if (guarding) return guarding.result;
    const { type, mustBeRemade, whenRefused, hostPatch = appliedPatch } = this.#kind;
    const wanted = this.#wanted(virtual);
    if (!wanted) {
      if (whenRefused === 'keep') return this.#bringBack(virtual, host);
      await this.#remove(host);
      return this.#forget(virtual, host);
    }
    if (mustBeRemade?.(wanted, host)) {
      const wait = this.#takeWrite(virtual);
      if (wait > 0) return { requeueAfterMs: wait };
      await this.#remove(host);
      return;
    }
    let current = host;
    const patch = hostPatch(wanted, host, virtual);
    const uid = virtual.metadata?.uid ?? '';
    if (patch && !this.#unkept.has(uid, 'host', patch)) {
      const wait = this.#takeWrite(virtual);
      if (wait > 0) return { requeueAfterMs: wait };
      try {
        current = await this.#environment.host.patch<T>(type, { ...at(host), type: 'merge' }, exactly(host, patch));
      } catch (error) {
        if (ApiError.is(error, 'NotFound') || isOtherObject(error)) return; // the watch tells soon
        // What the host has says more than nothing while it does not take a change.
        if (isRefusal(error)) await this.#bringBack(virtual, host);
        throw this.#refused(error, virtual);
      }
      this.#unkept.note(uid, 'host', patch, hostPatch(wanted, current, virtual));
      this.#kind.host.observe(current);
    }
    return this.#bringBack(virtual, current);
  }

  async #create(virtual: T): Promise<ReconcileResult> {
    const { type, isReady } = this.#kind;
    const { identity, host: client } = this.#environment;
    if (isReady && !isReady(virtual)) return;
    const wanted = this.#wanted(virtual);
    if (!wanted) return;
    const guarding = await this.#putGuard(virtual);
    if (guarding) return guarding.result;
    // Somebody may remove each twin as soon as it is there.
    const wait = this.#takeWrite(virtual);
    if (wait > 0) return { requeueAfterMs: wait };
    let host: T;
    try {
      host = await client.create<T>(type, wanted);
    } catch (error) {
      if (ApiError.is(error, 'AlreadyExists')) {
        const taken = await client.get<T>(type, at(wanted));
        if (ownedBy(taken, identity)) {
          this.#kind.host.observe(taken); // one that the watch has not brought yet
          return;
        }
        this.#nameTaken(virtual);
        throw error; // for the queue's back-off
      }
      throw this.#refused(error, virtual);
    }
    this.refusals.forget(objectKey(virtual));
    this.#kind.host.observe(host);
    warnUnkept(this.#environment, type, virtual, { sent: wanted, kept: host });
    return this.#bringBack(virtual, host);
  }

  /** The twin as it should be; undefined when there should be none, which the tenant is told. */
  #wanted(virtual: T): T | undefined {
    const made = makeTwin(virtual, this.#kind, this.#patches);
    if (!made.ok) {
      this.#tell(virtual, made.reason, made.message);
      return undefined;
    }
    const { object, violations } = made;
    if (violations.length > 0) {
      warn(this.#environment, this.#kind.type, virtual, 'PolicyViolation', violationsText(violations));
    }
    return this.#kind.hostPatch === undefined ? withAppliedDigest(object) : object;
  }

  async #bringBack(virtual: T, host: T): Promise<ReconcileResult> {
    return this.#write(virtual, (now) => this.#kind.virtualPatch?.(host, now));
  }

  /** After the twin's end, which must not wait for what the tenant's admission does with this write. */
  async #forget(virtual: T, host: T): Promise<ReconcileResult> {
    if (virtual.metadata?.deletionTimestamp) return;
    return this.#write(virtual, (now) => this.#kind.withoutTwin?.(host, now));
  }

  /** @param patchOf what there is to write into an object as it is */
  async #write(virtual: T, patchOf: (now: T) => VirtualPatch | undefined): Promise<ReconcileResult> {
    const { type } = this.#kind;
    const patch = patchOf(virtual);
    const uid = virtual.metadata?.uid ?? '';
    if ((!patch?.object && !patch?.status) || this.#unkept.has(uid, 'virtual', patch)) return;
    const wait = this.#takeWrite(virtual);
    if (wait > 0) return { requeueAfterMs: wait };
    const client = this.#environment.virtual;
    let after = virtual;
    try {
      if (patch.object) {
        after = await client.patch<T>(type, { ...at(virtual), type: 'merge' }, exactly(virtual, patch.object));
        this.#kind.virtual.observe(after);
      }
      if (patch.status) {
        const options = { ...at(virtual), subresource: 'status', type: 'merge' } as const;
        after = await client.patch<T>(type, options, exactly(virtual, { status: patch.status }));
        this.#kind.virtual.observe(after);
      }
      const left = patchOf(after);
      this.#unkept.note(uid, 'virtual', patch, left?.object || left?.status ? left : undefined);
    } catch (error) {
      if (!ApiError.is(error, 'NotFound') && !isOtherObject(error)) throw error;
    }
  }

  /** @returns 0 when a write about the object may be made now, else the ms after which to look again, which the tenant is told */
  #takeWrite(virtual: T): number {
    const wait = this.#budget.take(virtual.metadata?.uid ?? '');
    if (wait > 0) warnWriteLoop(this.#environment, this.#kind.type, virtual);
    return wait;
  }

  async #remove(host: T, resourceVersion?: string): Promise<void> {
    const { type, removeTwin } = this.#kind;
    if (removeTwin) await removeTwin(host);
    else await remove(this.#environment.host, type, host, resourceVersion === undefined ? {} : { resourceVersion });
  }

  #refused(error: unknown, virtual: T): unknown {
    const known = this.#kind.knownNames?.(virtual);
    if (isRefusal(error)) this.#noteRefusal(virtual, refusalText(this.#environment, error, virtual, known));
    return refused(this.#environment, error, this.#kind.type, virtual, known);
  }

  #nameTaken(virtual: T): void {
    warnNameTaken(this.#environment, this.#kind.type, virtual);
    this.#noteRefusal(virtual, nameTakenText(this.#kind.type));
  }

  #tell(virtual: T, reason: string, message: string): void {
    warn(this.#environment, this.#kind.type, virtual, reason, message);
    this.#noteRefusal(virtual, message);
  }

  #noteRefusal(virtual: T, message: string): void {
    this.refusals.note(objectKey(virtual), message);
    this.#kind.onRefused?.(virtual, message);
  }

  /** The twin of a virtual object that the cache has, whose it provably is. */
  twinOf(virtual: T): T | undefined {
    const host = this.#kind.host.get(this.#caches.hostKeyOf(objectKey(virtual)));
    return host && ownedBy(host, this.#environment.identity)?.uid === virtual.metadata?.uid ? host : undefined;
  }
}

/** A twin is what carries the virtual object's UID. */
export function byUID(host: KubeObject, virtual: KubeObject | undefined): Verdict {
  const belongs = virtual !== undefined && host.metadata?.annotations?.[ANNOTATIONS.uid] === virtual.metadata?.uid;
  return { verdict: belongs ? 'twin' : 'remove' };
}

function at({ metadata }: KubeObject): { name: string; namespace?: string } {
  const { name = '', namespace } = metadata ?? {};
  return { name, ...(namespace === undefined ? {} : { namespace }) };
}
