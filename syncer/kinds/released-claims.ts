import type { PersistentVolumeClaim } from 'kubernetes-types/core/v1';
import { Controller } from '../engine';
import type { ObjectCache } from '../engine';
import { resources } from '../kube-client';
import { HOST_CLAIM_FINALIZER } from '../translation';
import type { Caches } from './caches';
import type { KindEnvironment } from './environment';
import { isHeldBy, removeFinalizer } from './finalizers';

const TYPE = resources.persistentVolumeClaims;

/**
 * Where claims are synced no more: lets those go that a tenant deletes, as nobody decides about their twins now. These stay on the
 * host until the virtual cluster goes, or claims are synced again and somebody decides.
 */
export class ReleasedClaims {
  readonly #claims: ObjectCache<PersistentVolumeClaim>;
  readonly #controller: Controller;

  constructor({ virtual, logger, metrics }: KindEnvironment, caches: Caches) {
    this.#claims = caches.of<PersistentVolumeClaim>('virtual', TYPE);
    this.#controller = new Controller({
      name: TYPE.resource,
      cache: this.#claims,
      reconcile: async (key) => {
        const claim = this.#claims.get(key);
        if (!claim?.metadata?.finalizers?.length || !isHeldBy(claim, HOST_CLAIM_FINALIZER)) return;
        await removeFinalizer(virtual, TYPE, claim, HOST_CLAIM_FINALIZER);
      },
      logger,
      metrics,
    });
  }

  run(signal: AbortSignal): Promise<void> {
    return this.#controller.run(signal);
  }
}
