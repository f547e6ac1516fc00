import type { Pod } from 'kubernetes-types/core/v1';
import type { NetworkPolicy } from 'kubernetes-types/networking/v1';
import type { ObjectCache, SyncedSource } from '../engine';
import { resources } from '../kube-client';
import { policyDirections } from '../translation';
import { INDEX, withoutLastApplied } from './caches';
import type { Caches } from './caches';

/**
 * Which pods the tenant's network policies select. The platform's own policy, which lets pods talk to each other, must not select those,
 * as policies add up: it would undo what the tenant denies. Policies that the host does not get count, too: the pods that they select
 * are closed then, not open.
 */
export class SelectedPods {
  readonly #policies: ObjectCache<NetworkPolicy>;
  /** Caches that must be complete before a pod is made. */
  readonly sources: readonly SyncedSource[];

  constructor(caches: Caches) {
    this.#policies = caches.of('virtual', resources.networkPolicies, { transform: withoutLastApplied });
    this.#policies.addIndex(INDEX.namespace, ({ metadata }) => [metadata?.namespace ?? '']);
    this.sources = [this.#policies];
  }

  /** In which directions some policy selects a pod. */
  directions(pod: Pod): Record<'ingress' | 'egress', boolean> {
    return policyDirections(pod, this.#policies.byIndex(INDEX.namespace, pod.metadata?.namespace ?? ''));
  }

  /** Calls back with the namespace of each policy that comes, changes or goes. */
  onChange(listener: (namespace: string) => void): void {
    this.#policies.subscribe(({ object }) => listener(object.metadata?.namespace ?? ''));
  }
}
