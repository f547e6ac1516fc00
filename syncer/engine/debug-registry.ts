import type { KubeObject } from '../kube-client';
import { type Clock, systemClock } from './clock';
import type { PendingWork } from './work-queue';

/** What a controller tells of its objects. */
export interface DebugSource {
  /** Keys of everything that it knows or has to do; one may come twice. */
  keys(): Iterable<string>;
  /** Both sides as the caches show them. */
  sides(key: string): { readonly virtual?: KubeObject | undefined; readonly host?: KubeObject | undefined };
  /** What is to be done for a key; undefined when nothing is. */
  pending(key: string): PendingWork | undefined;
  /** What the last attempt failed with; undefined when it succeeded. */
  error(key: string): string | undefined;
}

/** One side of an object: names and versions, never contents. */
export interface DebugSide {
  readonly name: string;
  readonly namespace?: string;
  readonly uid: string | undefined;
  readonly resourceVersion: string | undefined;
}

/** One object of a kind, as `/debug/objects` shows it. */
export interface DebugObject {
  readonly kind: string;
  /** Key of the virtual object: `namespace/name`. */
  readonly key: string;
  /** Absent when there is none. */
  readonly virtual?: DebugSide;
  readonly host?: DebugSide;
  /** `refused`: the tenant was told why it does not take effect, or not all of it. `pending`: there is work to do. */
  readonly state: 'synced' | 'pending' | 'refused';
  /** Time since which it is refused or pending. */
  readonly since?: string;
  /** Attempts in a row that failed. */
  readonly failures?: number;
  /** Time of the next attempt or look, when one is planned. */
  readonly nextAt?: string;
  /** What the tenant was told. */
  readonly refusal?: { readonly reason: string; readonly message: string };
  /** What the last attempt failed with. */
  readonly error?: string;
}

/** Which objects to list. */
export interface DebugQuery {
  readonly kind?: string | undefined;
  /** Namespace in the virtual cluster. */
  readonly namespace?: string | undefined;
  /** Only what is not synced. */
  readonly pending?: boolean | undefined;
}

interface Refusal {
  reason: string;
  message: string;
  since: number;
  /** Told before the reconciliation that runs, which may find the reason gone. */
  former: boolean;
}

/** Refusals remembered; the longest untold are forgotten. */
const REMEMBERED = 2_048;

/**
 * What the syncer knows of its own work, object by object. Controllers join by the metrics that they are given, and what
 * tenants are told comes from the event recorder, so that no kind can be left out.
 */
export class DebugRegistry {
  readonly #sources = new Map<string, DebugSource>();
  /** By kind and key; map order is age. */
  readonly #refusals = new Map<string, Refusal>();
  readonly #clock: Clock;
  readonly #wallClock: () => number;

  /** @param options.wallClock milliseconds since 1970. @default Date.now */
  constructor(options: { clock?: Clock; wallClock?: () => number } = {}) {
    this.#clock = options.clock ?? systemClock;
    this.#wallClock = options.wallClock ?? Date.now;
  }

  /** Shows a controller's objects; a later one of the same name takes its place. */
  add(kind: string, source: DebugSource): void {
    this.#sources.set(kind, source);
  }

  /** Kinds that can be asked for. */
  get kinds(): readonly string[] {
    return [...this.#sources.keys()];
  }

  /** Objects that are refused now. */
  refusals(kind: string): number {
    let count = 0;
    for (const id of this.#refusals.keys()) if (id.startsWith(`${kind} `)) count++;
    return count;
  }

  /** A tenant was told why an object does not take effect. */
  refused(kind: string, key: string, reason: string, message: string): void {
    const id = `${kind} ${key}`;
    const before = this.#refusals.get(id);
    const since = before?.reason === reason ? before.since : this.#clock.now();
    this.#refusals.delete(id);
    this.#refusals.set(id, { reason, message, since, former: false });
    if (this.#refusals.size <= REMEMBERED) return;
    for (const oldest of this.#refusals.keys()) {
      this.#refusals.delete(oldest);
      break;
    }
  }

  /** A reconciliation begins: it will say again what is still wrong. */
  begin(kind: string, key: string): void {
    const refusal = this.#refusals.get(`${kind} ${key}`);
    if (refusal !== undefined) refusal.former = true;
  }

  /**
   * A reconciliation ended without failure.
   * @param again whether it asked to be called again: what was refused before is then refused still
   * @returns whether the object is refused
   */
  end(kind: string, key: string, again: boolean): boolean {
    const id = `${kind} ${key}`;
    const refusal = this.#refusals.get(id);
    if (refusal === undefined) return false;
    if (!refusal.former || again) return true;
    this.#refusals.delete(id);
    return false;
  }

  /** Objects one by one, so that the caller may stop or pause. What changes meanwhile may be missed or shown. */
  *objects(query: DebugQuery = {}): Generator<DebugObject> {
    for (const [kind, source] of this.#sources) {
      if (query.kind !== undefined && query.kind !== kind) continue;
      const seen = new Set<string>();
      for (const key of source.keys()) {
        if (query.namespace !== undefined && !key.startsWith(`${query.namespace}/`)) continue;
        if (seen.has(key)) continue;
        seen.add(key);
        const object = this.#object(kind, key, source);
        if (query.pending !== true || object.state !== 'synced') yield object;
      }
    }
  }

  #object(kind: string, key: string, source: DebugSource): DebugObject {
    const { virtual, host } = source.sides(key);
    const pending = source.pending(key);
    const error = source.error(key);
    const refusal = this.#refusals.get(`${kind} ${key}`);
    const since = refusal?.since ?? pending?.since;
    return {
      kind,
      key,
      ...(virtual === undefined ? {} : { virtual: side(virtual) }),
      ...(host === undefined ? {} : { host: side(host) }),
      state: refusal !== undefined ? 'refused' : pending?.since !== undefined ? 'pending' : 'synced',
      ...(since === undefined ? {} : { since: this.#time(since) }),
      ...(pending === undefined || pending.failures === 0 ? {} : { failures: pending.failures }),
      ...(pending?.due === undefined ? {} : { nextAt: this.#time(pending.due) }),
      ...(refusal === undefined ? {} : { refusal: { reason: refusal.reason, message: refusal.message } }),
      ...(error === undefined ? {} : { error }),
    };
  }

  #time(moment: number): string {
    return new Date(this.#wallClock() + moment - this.#clock.now()).toISOString();
  }
}

function side({ metadata }: KubeObject): DebugSide {
  const { name = '', namespace, uid, resourceVersion } = metadata ?? {};
  return { name, ...(namespace === undefined ? {} : { namespace }), uid, resourceVersion };
}
