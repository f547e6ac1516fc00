import type { ConfigMap, Secret } from 'kubernetes-types/core/v1';
import { objectKey, PairController } from '../engine';
import type { ObjectCache, Pair } from '../engine';
import { ApiError } from '../kube-client';
import type { KubeObject, ResourceType } from '../kube-client';
import { ANNOTATIONS, FieldPatches, ownedBy } from '../translation';
import type { Patched, Translation } from '../translation';
import type { Caches } from './caches';
import type { KindEnvironment } from './environment';
import { KnownRefusals } from './known-refusals';
import type { References } from './references';
import { remove } from './removal';
import {
  isOtherObject,
  isRefusal,
  NAME_TAKEN_RETRY_MS,
  nameTakenText,
  refusalText,
  refused,
  warn,
  warnNameTaken,
  warnWriteLoop,
} from './refusals';
import { WriteBudget } from './write-budget';

/** What differs between config maps and secrets. */
export interface ContentKind<T extends ConfigMap | Secret> {
  readonly kind: 'ConfigMap' | 'Secret';
  readonly type: ResourceType;
  /** The host object for a virtual one. */
  readonly translate: (object: T) => Translation<T>;
  /** The fields that hold the contents, replaced as a whole when the virtual object changed. */
  readonly fields: readonly string[];
}

/**
 * Config maps and secrets, on the host only while something of the tenant that is synced refers to them. Both sides are watched as
 * metadata; contents are fetched when they are copied. The host twin notes the virtual resourceVersion that it holds,
 * so that a restart compares without fetching.
 */
export class ContentInUse<T extends ConfigMap | Secret> {
  readonly #environment: KindEnvironment;
  readonly #caches: Caches;
  readonly #kind: ContentKind<T>;
  readonly #virtual: ObjectCache<KubeObject>;
  readonly #host: ObjectCache<KubeObject>;
  readonly #references: References;
  readonly #controller: PairController<KubeObject, KubeObject>;
  readonly #budget = new WriteBudget();
  /** Why objects are not on the host as they are. */
  readonly refusals = new KnownRefusals();
  readonly #patches: FieldPatches;

  constructor(
    environment: KindEnvironment,
    caches: Caches,
    kind: ContentKind<T>,
    virtual: ObjectCache<KubeObject>,
    host: ObjectCache<KubeObject>,
    references: References,
  ) {
    this.#references = references;
    this.#environment = environment;
    this.#patches = new FieldPatches(
      environment.configuration.sync.patches,
      { kind: kind.kind, direction: 'toHost' },
      environment.identity,
    );
    this.#caches = caches;
    this.#kind = kind;
    this.#virtual = virtual;
    this.#host = host;
    this.#controller = new PairController<KubeObject, KubeObject>({
      name: kind.type.resource.toLowerCase(),
      virtual,
      host,
      virtualKeyOfHost: (object) => caches.virtualKeyOf(object, kind.kind),
      hostKeyOfVirtual: (key) => caches.hostKeyOf(key),
      waitFor: references.sources,
      reconcile: (pair) => this.#reconcile(pair),
      logger: environment.logger,
      metrics: environment.metrics,
    });
    references.onComplete(() => {
      for (const object of host.values()) {
        const key = caches.virtualKeyOf(object, kind.kind);
        if (key !== undefined) this.#controller.enqueue(key);
      }
    });
    references.subscribe((referred, key) => {
      if (referred === kind.kind) this.#controller.enqueue(key);
    });
    virtual.subscribe(({ type, key, object }) => {
      if (type !== 'deleted') return;
      this.#budget.forget(object.metadata?.uid ?? '');
      this.refusals.forget(key);
    });
  }

  get kind(): 'ConfigMap' | 'Secret' {
    return this.#kind.kind;
  }

  run(signal: AbortSignal): Promise<void> {
    return this.#controller.run(signal);
  }

  /** Whether the host holds the current contents, or there is nothing to hold. */
  isCurrent(virtualKey: string): boolean {
    const virtual = this.#virtual.get(virtualKey);
    if (!virtual) return true;
    const host = this.#host.get(this.#caches.hostKeyOf(virtualKey));
    return host !== undefined && this.#holds(host, virtual);
  }

  /** Calls back when the host got the contents of an object, or there are none any more. */
  onCurrent(listener: (virtualKey: string) => void): void {
    // What was copied may be newer than what the watch had told by then.
    this.#virtual.subscribe(({ key, type }) => {
      if (type !== 'added' && this.isCurrent(key)) listener(key);
    });
    this.#host.subscribe(({ type, object }) => {
      if (type === 'deleted') return;
      const key = this.#caches.virtualKeyOf(object, this.#kind.kind);
      if (key !== undefined && this.isCurrent(key)) listener(key);
    });
  }

  async #reconcile({ key, virtual, host }: Pair<KubeObject, KubeObject>): Promise<{ requeueAfterMs: number } | void> {
    const { identity, virtual: client, host: hostClient } = this.#environment;
    const { type, kind } = this.#kind;
    const used = this.#references.has(kind, key);
    if (host && !ownedBy(host, identity)) {
      if (!virtual || !used) return;
      this.#nameTaken(virtual);
      return { requeueAfterMs: NAME_TAKEN_RETRY_MS };
    }
    if (virtual && !used && !this.#references.isComplete) return; // whoever is not known yet may refer to it
    if (!virtual || !used) {
      if (host && !host.metadata?.deletionTimestamp) await remove(hostClient, type, host);
      return;
    }
    if (host?.metadata?.deletionTimestamp) return;
    if (host && this.#holds(host, virtual)) {
      this.refusals.forget(key);
      return;
    }
    const wait = this.#budget.take(virtual.metadata?.uid ?? '');
    if (wait > 0) {
      warnWriteLoop(this.#environment, type, virtual);
      return { requeueAfterMs: wait };
    }
    const slash = key.indexOf('/');
    let full: T;
    try {
      full = await client.get<T>(type, { namespace: key.slice(0, slash), name: key.slice(slash + 1) });
    } catch (error) {
      if (ApiError.is(error, 'NotFound')) return; // the watch tells soon
      throw error;
    }
    const translation = this.#kind.translate(full);
    if (!translation.ok) {
      warn(this.#environment, type, full, translation.reason, translation.message);
      this.refusals.note(key, translation.message);
      return;
    }
    const patched = this.#patched(translation.object, full);
    if (!patched.ok) {
      warn(this.#environment, type, full, patched.reason, patched.message);
      this.refusals.note(key, patched.message);
      return;
    }
    const wanted = patched.object;
    try {
      if (!host) {
        this.#host.observe(metadataOf(await hostClient.create<T>(type, wanted)));
      } else if (replaceable(host, full)) {
        const patch = [
          // Fails on another object of the same name, as in `exactly`.
          { op: 'add', path: '/metadata/uid', value: host.metadata?.uid },
          { op: 'add', path: '/metadata/labels', value: wanted.metadata?.labels ?? {} },
          { op: 'add', path: '/metadata/annotations', value: wanted.metadata?.annotations ?? {} },
          ...this.#kind.fields.map((field) => ({
            op: 'add',
            path: `/${field}`,
            value: (wanted as Record<string, unknown>)[field] ?? null,
          })),
        ];
        const { name = '', namespace = '' } = host.metadata ?? {};
        this.#host.observe(metadataOf(await hostClient.patch<T>(type, { name, namespace, type: 'json' }, patch)));
      } else {
        // Immutable contents, or another object of the same name: the twin is made anew once this one is gone.
        await remove(hostClient, type, host);
      }
    } catch (error) {
      if (ApiError.is(error, 'AlreadyExists')) return this.#meet(full, wanted, error);
      if (isOtherObject(error)) return; // the watch tells soon
      if (host && isImmutable(error)) {
        await remove(hostClient, type, host);
        return;
      }
      if (isRefusal(error)) this.refusals.note(key, refusalText(this.#environment, error, full));
      throw refused(this.#environment, error, type, full);
    }
  }

  #patched(translated: T, virtual: T): Patched<T> {
    const digest = this.#patches.digestFor(virtual);
    if (digest === '') return { ok: true, object: translated };
    const patched = this.#patches.apply(translated, virtual);
    if (!patched.ok) return patched;
    const annotations = { ...patched.object.metadata?.annotations, [ANNOTATIONS.patches]: digest };
    return { ok: true, object: { ...patched.object, metadata: { ...patched.object.metadata, annotations } } };
  }

  /** Whether the twin has the contents that the virtual object has now, through the patches that there are now. */
  #holds(host: KubeObject, virtual: KubeObject): boolean {
    const { annotations } = host.metadata ?? {};
    return (
      annotations?.[ANNOTATIONS.uid] === virtual.metadata?.uid &&
      annotations?.[ANNOTATIONS.resourceVersion] === virtual.metadata?.resourceVersion &&
      (annotations?.[ANNOTATIONS.patches] ?? '') === this.#patches.digestFor(virtual)
    );
  }

  /** The name is taken on the host: by an object of ours that the watch has not brought yet, or by one that is not ours. */
  async #meet(virtual: T, wanted: T, error: ApiError): Promise<void> {
    const { type } = this.#kind;
    const { name = '', namespace = '' } = wanted.metadata ?? {};
    const found = await this.#environment.host.get<KubeObject>(type, { name, namespace, metadataOnly: true });
    if (ownedBy(found, this.#environment.identity)) {
      this.#host.observe(found);
      return;
    }
    this.#nameTaken(virtual);
    throw error; // for the queue's back-off
  }

  #nameTaken(virtual: KubeObject): void {
    warnNameTaken(this.#environment, this.#kind.type, virtual);
    this.refusals.note(objectKey(virtual), nameTakenText(this.#kind.type));
  }
}

/**
 * Whether the API server's own validation says that the contents cannot be changed in place, as the object is `immutable`. What else is
 * invalid, to an admission policy of the host for one, would be so in a new object, too.
 */
const isImmutable = (error: unknown): boolean =>
  ApiError.is(error, 'Invalid') &&
  (error.details?.causes?.some(
    ({ reason, field = '', message = '' }) =>
      reason === 'FieldValueForbidden' &&
      ['immutable', 'data', 'binaryData'].includes(field) &&
      message.includes('field is immutable'),
  ) ??
    false);

const replaceable = (host: KubeObject, virtual: KubeObject): boolean =>
  host.metadata?.annotations?.[ANNOTATIONS.uid] === virtual.metadata?.uid;

/** The caches hold metadata only. */
const metadataOf = ({ metadata = {} }: KubeObject): KubeObject => ({ metadata });
