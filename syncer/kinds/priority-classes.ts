import type { PriorityClass } from 'kubernetes-types/scheduling/v1';
import { objectKey } from '../engine';
import { resources } from '../kube-client';
import { priorityClassSteps } from '../policy';
import { isSystemPriorityClass, priorityClassNeedsRecreation } from '../translation';
import { withoutLastApplied } from './caches';
import type { Caches } from './caches';
import type { KindEnvironment } from './environment';
import { Twins } from './twins';

/**
 * The tenant's PriorityClasses, as many as the platform allows. Those that every cluster has for its own components stay where they
 * are.
 */
export function priorityClasses(environment: KindEnvironment, caches: Caches): Twins<PriorityClass> {
  const type = resources.priorityClasses;
  const { maximumCount } = environment.configuration.sync.toHost.priorityClasses;
  const steps = priorityClassSteps(environment.configuration, environment);
  const virtual = caches.of<PriorityClass>('virtual', type, { transform: withoutLastApplied });
  const host = caches.of<PriorityClass>('host', type);
  const places = new Places(maximumCount);
  const twins = new Twins<PriorityClass>(environment, caches, {
    type,
    virtual,
    host,
    concerns: ({ metadata }) => !isSystemPriorityClass(metadata?.name ?? ''),
    translate(priorityClass) {
      if (places.take(objectKey(priorityClass))) return steps.translate(priorityClass);
      const message =
        `the host has at most ${maximumCount} PriorityClasses of this virtual cluster; delete one that no pod needs, ` +
        'or ask the operator of the platform for more (sync.toHost.priorityClasses.maximumCount)';
      return { ok: false, reason: 'LimitReached', message };
    },
    whenRefused: 'remove',
    mustBeRemade: priorityClassNeedsRecreation,
  });
  const free = (key: string): void => {
    const next = places.free(key);
    if (next !== undefined) twins.enqueue(next);
  };
  host.subscribe(({ type: change, object }) => {
    const key = caches.virtualKeyOf(object, type.kind);
    if (key === undefined) return;
    if (change === 'added') places.hold(key);
    // While the virtual class is there, its twin is being made anew.
    else if (change === 'deleted' && !virtual.has(key)) free(key);
  });
  virtual.subscribe(({ type: change, key }) => {
    if (change === 'deleted' && !host.has(caches.hostKeyOf(key))) free(key);
  });
  return twins;
}

/** Who of many may be on the host, by virtual key. */
class Places {
  readonly #held = new Set<string>();
  readonly #waiting = new Set<string>();
  readonly #count: number;

  constructor(count: number) {
    this.#count = count;
  }

  /** Whether a key has a place, or got one that was free; else it waits. */
  take(key: string): boolean {
    if (!this.#held.has(key) && this.#held.size >= this.#count) {
      this.#waiting.add(key);
      return false;
    }
    this.hold(key);
    return true;
  }

  /** Notes one that is there, also above the limit. */
  hold(key: string): void {
    this.#held.add(key);
    this.#waiting.delete(key);
  }

  /** Gives a place up. @returns the key that is to try next, if a place is free */
  free(key: string): string | undefined {
    this.#waiting.delete(key);
    if (!this.#held.delete(key) || this.#held.size >= this.#count) return undefined;
    const [next] = this.#waiting;
    return next;
  }
}
