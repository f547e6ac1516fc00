import { createHash } from 'node:crypto';
import type { Event } from 'kubernetes-types/core/v1';
import { ApiError, apiVersionOf, type KubeClient, type KubeObject, resources, type ResourceType } from '../kube-client';
import { type Clock, systemClock } from './clock';
import { Fifo } from './fifo';
import type { Logger } from './logger';
import type { Metrics } from './metrics';
import { objectKey } from './object-cache';
import { TimerHeap } from './timer-heap';
import { TokenBucket } from './token-bucket';

/** One thing to tell about an object. */
export interface EventDetails {
  /** Object that the event is about; its uid makes `kubectl describe` show it. */
  object: KubeObject;
  /** The object's type, where it does not carry apiVersion and kind itself. */
  type?: ResourceType | undefined;
  severity: 'Normal' | 'Warning';
  /** CamelCase word, e.g. `SyncRefused`. */
  reason: string;
  /** Sentence for the tenant, in the tenant's own names. Cut at 1024 bytes. */
  message: string;
  /** CamelCase verb of what was tried. @default 'Sync' */
  action?: string | undefined;
}

/** Longest message that the API server takes, in bytes. */
const messageLimit = 1024;
/** Longest reason and action, in characters. */
const wordLimit = 128;
/** Milliseconds between two writes of the same event. */
const rewriteAfterMs = 60_000;
/** New events per object: a burst, then one per half minute, so that a tenant cannot fill the store with them. */
const perObject = { capacity: 10, refillMs: 30_000 };
/** Events and objects remembered; the longest unused are forgotten. */
const remembered = 4_096;
/** Writes that may wait. */
const pendingLimit = 1_000;

interface Series {
  event: Event;
  count: number;
  writtenAt: number;
  /** The API server has this event. */
  stored: boolean;
  /** A write waits in the queue or for its time. */
  pending: boolean;
}

/**
 * Writes Events about objects of one cluster. The same thing said again (object, reason and message) only raises the count
 * of the first event, with at most one write a minute. Writes happen one at a time in the background; what is too much
 * is dropped and counted in `nestling_events_total`.
 */
export class EventRecorder {
  /** Map order is age: an entry that is used is put in anew. */
  readonly #series = new Map<string, Series>();
  readonly #buckets = new Map<string, TokenBucket>();
  readonly #pending = new Fifo<Series>();
  readonly #clock: Clock;
  readonly #wallClock: () => Date;
  /** Events whose count has grown, until their minute is over. */
  readonly #rewrites: TimerHeap;
  #writing: Promise<void> | undefined;
  #closed = false;

  /**
   * @param options.component who speaks, e.g. `nestling-syncer`
   * @param options.wallClock the time of day for the events' timestamps. @default the system's
   */
  constructor(
    private readonly client: KubeClient,
    private readonly options: {
      component: string;
      logger?: Logger | undefined;
      metrics?: Metrics | undefined;
      clock?: Clock | undefined;
      wallClock?: (() => Date) | undefined;
    },
  ) {
    this.#clock = options.clock ?? systemClock;
    this.#wallClock = options.wallClock ?? (() => new Date());
    this.#rewrites = new TimerHeap(this.#clock, (key) => {
      const series = this.#series.get(key);
      if (series !== undefined) this.#enqueue(series);
    });
  }

  /** Takes an event. Never throws and never waits. */
  record(details: EventDetails): void {
    if (this.#closed) return;
    if (details.severity === 'Warning' && details.type !== undefined) {
      const message = cutBytes(details.message, messageLimit);
      this.options.metrics?.objects.refused(details.type.resource, objectKey(details.object), details.reason, message);
    }
    try {
      this.#record(details);
    } catch (error) {
      this.options.metrics?.event('failed');
      this.options.logger?.warn({ err: error, reason: details.reason }, 'event could not be made');
    }
  }

  /** Resolves when what was taken so far is written; counts that wait for their minute are not waited for. */
  async flush(): Promise<void> {
    while (this.#writing !== undefined) await this.#writing;
  }

  /** Takes no more events and writes those that need not wait. */
  close(): Promise<void> {
    this.#closed = true;
    this.#rewrites.clear();
    return this.flush();
  }

  #record(details: EventDetails): void {
    const { metadata } = details.object;
    const message = cutBytes(details.message, messageLimit);
    const reason = details.reason.slice(0, wordLimit);
    const subject = `${details.object.kind ?? details.type?.kind ?? ''}/${metadata?.namespace ?? ''}/${metadata?.name ?? ''}/${metadata?.uid ?? ''}`;
    const key = JSON.stringify([subject, details.severity, reason, message]);
    const now = this.#clock.now();

    const known = this.#series.get(key);
    if (known !== undefined) {
      touch(this.#series, key, known);
      known.count++;
      known.event.lastTimestamp = timestamp(this.#wallClock());
      this.options.metrics?.event('folded');
      if (!known.pending) {
        known.pending = true;
        this.#rewrites.set(key, known.writtenAt + rewriteAfterMs - now);
      }
      return;
    }

    let bucket = this.#buckets.get(subject);
    bucket ??= new TokenBucket(perObject, now);
    touch(this.#buckets, subject, bucket);
    if (!bucket.take(now) || this.#pending.length >= pendingLimit) {
      this.options.metrics?.event('dropped');
      return;
    }
    const series: Series = {
      event: this.#event(details, reason, message),
      count: 1,
      writtenAt: now,
      stored: false,
      pending: true,
    };
    touch(this.#series, key, series);
    this.#enqueue(series);
  }

  #event(details: EventDetails, reason: string, message: string): Event {
    const { object, type } = details;
    const name = object.metadata?.name ?? '';
    const at = timestamp(this.#wallClock());
    const hash = createHash('sha256')
      .update(JSON.stringify([object.metadata?.uid, reason, message, this.options.component, at, this.#clock.now()]))
      .digest('hex')
      .slice(0, 16);
    // Objects without namespace have their events where kubectl looks for them.
    const namespace = object.metadata?.namespace ?? 'default';
    const { uid, resourceVersion } = object.metadata ?? {};
    return {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name: `${name.slice(0, 253 - 17).replace(/[^a-z0-9]+$/, '')}.${hash}`, namespace },
      involvedObject: {
        apiVersion: object.apiVersion ?? (type === undefined ? undefined : apiVersionOf(type)),
        kind: object.kind ?? type?.kind,
        name,
        ...(object.metadata?.namespace === undefined ? {} : { namespace: object.metadata.namespace }),
        ...(uid === undefined ? {} : { uid }),
        ...(resourceVersion === undefined ? {} : { resourceVersion }),
      } as Event['involvedObject'],
      type: details.severity,
      reason,
      message,
      action: (details.action ?? 'Sync').slice(0, wordLimit),
      source: { component: this.options.component },
      reportingComponent: this.options.component,
      reportingInstance: this.options.component,
      firstTimestamp: at,
      lastTimestamp: at,
      count: 1,
    };
  }

  #enqueue(series: Series): void {
    this.#pending.push(series);
    this.#writing ??= this.#writeAll().finally(() => {
      this.#writing = undefined;
    });
  }

  async #writeAll(): Promise<void> {
    for (let series = this.#pending.shift(); series !== undefined; series = this.#pending.shift()) {
      series.pending = false;
      series.writtenAt = this.#clock.now();
      try {
        await this.#write(series);
        this.options.metrics?.event('written');
      } catch (error) {
        // Events are a courtesy: a namespace that is being deleted refuses them, and nobody reads them there.
        this.options.metrics?.event('failed');
        this.options.logger?.debug({ err: error, reason: series.event.reason }, 'event could not be written');
      }
    }
  }

  async #write(series: Series): Promise<void> {
    const { event, count } = series;
    const namespace = event.metadata.namespace as string;
    if (series.stored) {
      try {
        await this.client.patch(
          resources.events,
          { name: event.metadata.name as string, namespace, type: 'merge' },
          { count, lastTimestamp: event.lastTimestamp },
        );
        return;
      } catch (error) {
        // The API server drops events after an hour.
        if (!ApiError.is(error, 'NotFound')) throw error;
        series.stored = false;
      }
    }
    await this.client.create<Event>(resources.events, { ...event, count }, { namespace });
    series.stored = true;
  }
}

function touch<V>(map: Map<string, V>, key: string, value: V): void {
  map.delete(key);
  map.set(key, value);
  if (map.size <= remembered) return;
  for (const oldest of map.keys()) {
    map.delete(oldest);
    break;
  }
}

/** A text's start of at most so many bytes of UTF-8, with an ellipsis where something is missing. */
function cutBytes(text: string, limit: number): string {
  if (Buffer.byteLength(text) <= limit) return text;
  const ellipsis = '…';
  let end = limit - Buffer.byteLength(ellipsis);
  const bytes = Buffer.from(text);
  // Never inside a character: continuation bytes are 10xxxxxx.
  while (end > 0 && ((bytes[end] as number) & 0xc0) === 0x80) end--;
  return bytes.subarray(0, end).toString('utf8') + ellipsis;
}

/** Kubernetes' `Time` has no fractions of a second. */
function timestamp(date: Date): string {
  return `${date.toISOString().slice(0, 19)}Z`;
}
