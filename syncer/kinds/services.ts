import type { Service } from 'kubernetes-types/core/v1';
import { PairController } from '../engine';
import type { Pair } from '../engine';
import { ApiError, resources } from '../kube-client';
import { checkService } from '../policy';
import {
  ANNOTATIONS,
  adoption,
  hostServicePatch,
  ownedBy,
  reservationVerdict,
  serviceNeedsRecreation,
  translateService,
  virtualServicePatch,
} from '../translation';
import type { Caches } from './caches';
import type { KindEnvironment } from './environment';
import { isOtherObject, NAME_TAKEN_RETRY_MS, refused, warn, warnNameTaken, warnWriteLoop } from './refusals';
import { remove } from './removal';
import { WriteBudget } from './write-budget';

/** The API server's own Service: its address is set at admission, and its twin is the control plane's Service. */
const OWN_SERVICE = 'default/kubernetes';

/**
 * Services. Most host twins are made at admission (syncer/admission), which knows the address before the tenant does;
 * this controller adopts them, makes those that admission leaves alone (headless, ExternalName), keeps specs equal and
 * brings status back.
 */
export class Services {
  readonly #environment: KindEnvironment;
  readonly #controller: PairController<Service, Service>;
  readonly #budget = new WriteBudget();

  constructor(environment: KindEnvironment, caches: Caches) {
    this.#environment = environment;
    this.#controller = new PairController<Service, Service>({
      name: 'services',
      virtual: caches.virtual.services,
      host: caches.host.services,
      virtualKeyOfHost: (host) => caches.virtualKeyOf(host, 'Service'),
      hostKeyOfVirtual: (key) => caches.hostKeyOf(key),
      reconcile: (pair) => this.#reconcile(pair, caches),
      logger: environment.logger,
      metrics: environment.metrics,
    });
    caches.virtual.services.subscribe(({ type, object }) => {
      if (type === 'deleted') this.#budget.forget(object.metadata?.uid ?? '');
    });
  }

  run(signal: AbortSignal): Promise<void> {
    return this.#controller.run(signal);
  }

  async #reconcile(
    { key, virtual, host }: Pair<Service, Service>,
    caches: Caches,
  ): Promise<{ requeueAfterMs: number } | void> {
    if (key === OWN_SERVICE) return;
    const { identity, anchor, host: client, configuration } = this.#environment;
    if (!host) {
      if (virtual && !virtual.metadata?.deletionTimestamp) await this.#create(virtual, caches);
      return;
    }
    if (!ownedBy(host, identity)) {
      if (!virtual) return;
      warnNameTaken(this.#environment, resources.services, virtual);
      return { requeueAfterMs: NAME_TAKEN_RETRY_MS };
    }
    if (host.metadata?.deletionTimestamp) return;
    const reserved = host.metadata?.annotations?.[ANNOTATIONS.reservation] !== undefined;
    if (reserved) {
      const verdict = reservationVerdict(host, virtual, Date.now(), configuration.services.reservationSeconds);
      if (verdict.verdict === 'wait') return { requeueAfterMs: verdict.afterMs };
      if (verdict.verdict === 'remove') {
        const { resourceVersion } = host.metadata ?? {};
        await remove(client, resources.services, host, resourceVersion === undefined ? {} : { resourceVersion });
        return;
      }
    } else if (host.metadata?.annotations?.[ANNOTATIONS.uid] !== virtual?.metadata?.uid) {
      // The virtual Service is gone, or another one has its name: the twin follows its own.
      await remove(client, resources.services, host);
      return;
    }
    if (!virtual) return;
    const translation = translateService(virtual, { identity, anchor });
    if (!translation.ok) {
      warn(this.#environment, resources.services, virtual, translation.reason, translation.message);
      return;
    }
    if (this.#isForbidden(virtual, translation.object)) {
      await remove(client, resources.services, host);
      return;
    }
    if (!reserved && serviceNeedsRecreation(translation.object, host)) {
      await remove(client, resources.services, host);
      return;
    }
    const patch = reserved
      ? adoption(host, translation.object, virtual.metadata?.uid ?? '')
      : hostServicePatch(translation.object, host);
    let current = host;
    if (patch) {
      const wait = this.#budget.take(virtual.metadata?.uid ?? '');
      if (wait > 0) {
        warnWriteLoop(this.#environment, resources.services, virtual);
        return { requeueAfterMs: wait };
      }
      const { name = '', namespace = '' } = host.metadata ?? {};
      try {
        current = await client.patch<Service>(
          resources.services,
          { name, namespace, type: 'merge' },
          exactly(host, patch),
        );
      } catch (error) {
        if (ApiError.is(error, 'NotFound') || isOtherObject(error)) return; // the watch tells soon
        throw refused(this.#environment, error, resources.services, virtual);
      }
      caches.host.services.observe(current);
    }
    await this.#bringBack(virtual, current, caches);
  }

  async #create(virtual: Service, caches: Caches): Promise<void> {
    const { identity, anchor, host: client } = this.#environment;
    const translation = translateService(virtual, { identity, anchor });
    if (!translation.ok) {
      warn(this.#environment, resources.services, virtual, translation.reason, translation.message);
      return;
    }
    if (this.#isForbidden(virtual, translation.object)) return;
    try {
      const host = await client.create<Service>(resources.services, translation.object);
      caches.host.services.observe(host);
      await this.#bringBack(virtual, host, caches);
    } catch (error) {
      if (ApiError.is(error, 'AlreadyExists')) {
        const taken = await client.get<Service>(resources.services, {
          name: translation.object.metadata?.name ?? '',
          namespace: identity.hostNamespace,
        });
        if (ownedBy(taken, identity)) {
          caches.host.services.observe(taken); // a reservation that the watch has not brought yet
          return;
        }
        warnNameTaken(this.#environment, resources.services, virtual);
      }
      throw refused(this.#environment, error, resources.services, virtual);
    }
  }

  /** Whether the policy keeps a Service off the host; the tenant is told why. In the virtual cluster it works as it is. */
  #isForbidden(virtual: Service, wanted: Service): boolean {
    const { policy, virtualCluster } = this.#environment.configuration;
    // The host's domain cannot be asked for; it is `cluster.local` nearly everywhere, as is ours.
    const violations = checkService(wanted, policy.podSecurity, { hostClusterDomain: virtualCluster.clusterDomain });
    if (violations.length === 0) return false;
    const message = violations.map((violation) => violation.message).join('; ');
    warn(this.#environment, resources.services, virtual, 'PolicyViolation', message);
    return true;
  }

  /** What the host decides: node ports that admission could not know, and load-balancer addresses. */
  async #bringBack(virtual: Service, host: Service, caches: Caches): Promise<void> {
    const { name = '', namespace = '' } = virtual.metadata ?? {};
    const patch = virtualServicePatch(host, virtual);
    const client = this.#environment.virtual;
    try {
      if (patch.spec) {
        caches.virtual.services.observe(
          await client.patch<Service>(
            resources.services,
            { name, namespace, type: 'merge' },
            exactly(virtual, { spec: patch.spec }),
          ),
        );
      }
      if (patch.status) {
        caches.virtual.services.observe(
          await client.patch<Service>(
            resources.services,
            { name, namespace, subresource: 'status', type: 'merge' },
            exactly(virtual, { status: patch.status }),
          ),
        );
      }
    } catch (error) {
      if (!ApiError.is(error, 'NotFound') && !isOtherObject(error)) throw error;
    }
  }
}

/** A merge patch that fails on another object of the same name. */
function exactly({ metadata }: Service, patch: object): object {
  return { ...patch, metadata: { ...(patch as Service).metadata, uid: metadata?.uid } };
}
