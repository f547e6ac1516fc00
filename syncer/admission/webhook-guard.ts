import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import type { MutatingWebhookConfiguration } from 'kubernetes-types/admissionregistration/v1';
import { Controller, type Logger, type Metrics, ObjectCache, Reflector } from '../engine';
import { ApiError, type KubeClient, resources } from '../kube-client';
import { type AdmissionHandler, ALLOWED } from './review';

/** Milliseconds between two looks whether the API server asks yet: it takes a new webhook from a watch of its own. */
const PROBE_INTERVAL_MS = 50;

const type = resources.mutatingWebhookConfigurations;

/** What {@link WebhookGuard} needs. */
export interface WebhookGuardOptions {
  /** Client of the virtual cluster. */
  readonly virtual: KubeClient;
  /** The webhook, complete: with every field that the API server would add. */
  readonly wanted: MutatingWebhookConfiguration;
  readonly logger: Logger;
  readonly metrics?: Metrics;
}

/**
 * Keeps the Service webhook of an API server that takes none from a file: an object of the virtual cluster, which its tenants can change
 * and delete. Who does so has it back within the time of a watch event. API servers ask no webhook about webhooks, so none can keep
 * the guard from its work.
 */
export class WebhookGuard {
  readonly #options: WebhookGuardOptions;
  readonly #name: string;
  readonly #cache = new ObjectCache<MutatingWebhookConfiguration>('virtual/mutatingwebhookconfigurations');
  readonly #reflector: Reflector<MutatingWebhookConfiguration>;
  readonly #controller: Controller;
  /** Name that no tenant can know. */
  readonly #probe = `webhook-probe-${randomBytes(16).toString('hex')}`;
  #asked = false;

  constructor(options: WebhookGuardOptions) {
    this.#options = options;
    const { virtual: client, wanted, logger, metrics } = options;
    this.#name = wanted.metadata?.name ?? '';
    this.#reflector = new Reflector({
      client,
      type,
      cache: this.#cache,
      fieldSelector: `metadata.name=${this.#name}`,
      logger,
      metrics,
    });
    this.#controller = new Controller({
      name: 'service webhook',
      cache: this.#cache,
      concurrency: 1,
      reconcile: () => this.#reconcile(),
      logger,
      metrics,
    });
  }

  /** Guards the webhook until the signal ends. */
  async run(signal: AbortSignal): Promise<void> {
    this.#controller.enqueue(this.#name);
    await Promise.all([this.#reflector.run(signal), this.#controller.run(signal)]);
  }

  /** Lets the guard see what the webhook is asked. */
  watching(next: AdmissionHandler): AdmissionHandler {
    return (request, signal) => {
      if (!request.dryRun || request.name !== this.#probe) return next(request, signal);
      this.#asked = true;
      return Promise.resolve(ALLOWED);
    };
  }

  /**
   * Waits until the API server asks the webhook: a Service that were made before would get an address that the host does not know of.
   *
   * @throws the signal's reason when told to stop
   */
  async inForce(signal: AbortSignal): Promise<void> {
    const { virtual, logger } = this.#options;
    const service = { metadata: { name: this.#probe, namespace: 'default' }, spec: { ports: [{ port: 443 }] } };
    for (let attempt = 1; ; attempt++) {
      try {
        await virtual.create(resources.services, service, { dryRun: true, signal });
      } catch (error) {
        signal.throwIfAborted();
        // Namespace `default` is made while the API server is ready already.
        if (attempt % 100 === 0) logger.warn({ err: error }, 'the Service webhook is not in force yet');
      }
      if (this.#asked) return;
      await sleep(PROBE_INTERVAL_MS, undefined, { signal });
    }
  }

  async #reconcile(): Promise<void> {
    const { virtual, wanted, logger } = this.#options;
    const actual = this.#cache.get(this.#name);
    if (actual === undefined) {
      try {
        this.#cache.observe(await virtual.create<MutatingWebhookConfiguration>(type, wanted));
        logger.info({ webhook: this.#name }, 'the Service webhook of the virtual cluster is made');
      } catch (error) {
        if (!ApiError.is(error, 'AlreadyExists')) throw error; // the watch brings it
      }
      return;
    }
    if (isDeepStrictEqual(actual.webhooks, wanted.webhooks)) return;
    try {
      const { webhooks } = wanted;
      const patched = await virtual.patch<MutatingWebhookConfiguration>(
        type,
        { name: this.#name, type: 'merge' },
        { webhooks },
      );
      this.#cache.observe(patched);
      logger.info({ webhook: this.#name }, 'the Service webhook of the virtual cluster is as it was again');
    } catch (error) {
      if (!ApiError.is(error, 'NotFound')) throw error; // the watch tells soon
    }
  }
}

/** What the address of our webhook begins with: no tenant's own can be there, as the egress gate lets nothing else through to it. */
const OWN_ADDRESS = 'https://127.0.0.1:';

/**
 * Removes the webhook that a guard kept before an upgrade, now that the API server has it from a file. One of the name that a tenant made
 * stays.
 */
export async function removeFormerWebhook(virtual: KubeClient, name: string, signal: AbortSignal): Promise<void> {
  try {
    const former = await virtual.get<MutatingWebhookConfiguration>(type, { name, signal });
    if (former.webhooks?.[0]?.clientConfig.url?.startsWith(OWN_ADDRESS))
      await virtual.delete(type, { name, uid: former.metadata?.uid, signal });
  } catch (error) {
    if (!ApiError.is(error, 'NotFound')) throw error;
  }
}
