import type { Pod, Secret } from 'kubernetes-types/core/v1';
import { Controller, objectKey } from '../engine';
import { ApiError, resources } from '../kube-client';
import type { AnyObject } from '../kube-client';
import { ANNOTATIONS, podTokens, TOKENS_KIND, translateTokens } from '../translation';
import type { TokenRequestSpec } from '../translation';
import type { Caches } from './caches';
import type { KindEnvironment } from './environment';
import { PodCompanion } from './pod-companion';
import { isTerminal } from './pod-phase';
import { warn } from './refusals';

/** Part of a token's life after which a new one is fetched; upstream's kubelet does the same. */
const RENEW_AT = 0.8;
/** Longest time in ms for which a token is used, however long it lives; upstream's kubelet does the same. */
const MAX_AGE_MS = 24 * 3_600_000;
/** When the tokens in a Secret are to be renewed, RFC 3339. */
const RENEW_ANNOTATION = 'nestling.dev/renew-at';

interface IssuedToken {
  readonly key: string;
  readonly token: string;
  /** Milliseconds since the epoch. */
  readonly renewAt: number;
}

/** Tokens asked for before the host pod exists, so that the answer is there as soon as the pod is. */
export type PendingTokens = Promise<readonly IssuedToken[]>;

/**
 * Service account tokens: requested in the virtual cluster, bound to the virtual pod, delivered in a host Secret that
 * the host pod owns, renewed while the pod runs. The Secret goes with the host pod, without a request of ours.
 */
export class Tokens {
  readonly #environment: KindEnvironment;
  readonly #caches: Caches;
  readonly #now: () => number;
  readonly #companion: PodCompanion<Secret>;
  readonly #controller: Controller;
  readonly #enqueueExisting: () => void;

  constructor(environment: KindEnvironment, caches: Caches, now: () => number = Date.now) {
    this.#environment = environment;
    this.#caches = caches;
    this.#now = now;
    this.#companion = new PodCompanion(environment, caches, TOKENS_KIND, resources.secrets, caches.host.secrets);
    this.#controller = new Controller({
      name: 'tokens',
      waitFor: [caches.virtual.pods, caches.host.pods, caches.host.secrets],
      reconcile: (key) => this.#reconcile(key),
      logger: environment.logger,
      metrics: environment.metrics,
    });
    this.#enqueueExisting = this.#companion.subscribe((key) => this.#controller.enqueue(key)).existing;
  }

  run(signal: AbortSignal): Promise<void> {
    // Those that the cache had before anybody listened.
    this.#enqueueExisting();
    return this.#controller.run(signal);
  }

  /** Takes the tokens of a former pod of that name away, so that the new one cannot start with them: they are void. */
  async discardFormer(virtual: Pod): Promise<void> {
    await this.#companion.discardFormer(virtual);
  }

  /** Starts to fetch the tokens that a pod mounts; undefined when it mounts none. */
  request(virtual: Pod): PendingTokens | undefined {
    const wanted = podTokens(virtual);
    if (wanted.length === 0) return undefined;
    const pending = Promise.all(wanted.map((token) => this.#issue(virtual, token)));
    pending.catch(() => undefined); // reported where it is awaited
    return pending;
  }

  /** Puts tokens beside a host pod that was just made. What fails is tried again, without the pod's waiting for it. */
  async deliver(virtual: Pod, host: Pod, pending: PendingTokens): Promise<void> {
    try {
      await this.#write(virtual, host, await pending);
    } catch {
      this.#controller.enqueue(objectKey(virtual)); // says what is wrong if it still is
    }
  }

  /** Makes up for what an interrupted run left undone: a pod whose token Secret is missing. */
  check(virtual: Pod, host: Pod): void {
    if (podTokens(virtual).length === 0 || host.metadata?.deletionTimestamp) return;
    if (!this.#companion.of(virtual)) this.#controller.enqueue(objectKey(virtual));
  }

  async #reconcile(key: string): Promise<{ requeueAfterMs: number } | void> {
    const virtual = this.#caches.virtual.pods.get(key);
    const host = this.#caches.host.pods.get(this.#caches.hostKeyOf(key));
    if (!virtual || !host || host.metadata?.annotations?.[ANNOTATIONS.uid] !== virtual.metadata?.uid) return;
    if (isTerminal(host)) return;
    const secret = this.#companion.of(virtual);
    // A pod may take hours to end and needs its tokens until then; but one that is about to go gets no Secret again.
    if (!secret && host.metadata?.deletionTimestamp) return;
    const renewAt = Date.parse(secret?.metadata?.annotations?.[RENEW_ANNOTATION] ?? '');
    if (secret && renewAt > this.#now()) return { requeueAfterMs: renewAt - this.#now() };
    const pending = this.request(virtual);
    if (!pending) return;
    let tokens: readonly IssuedToken[];
    try {
      tokens = await pending;
    } catch (error) {
      if (ApiError.is(error, 'NotFound', 'Forbidden', 'Invalid', 'BadRequest')) {
        warn(this.#environment, resources.pods, virtual, 'TokenNotIssued', error.serverMessage);
      }
      throw error;
    }
    await this.#write(virtual, host, tokens);
  }

  async #issue(virtual: Pod, wanted: TokenRequestSpec): Promise<IssuedToken> {
    const { name, namespace, uid } = virtual.metadata ?? {};
    const answer = await this.#environment.virtual.create<AnyObject>(
      resources.serviceAccounts,
      {
        apiVersion: 'authentication.k8s.io/v1',
        kind: 'TokenRequest',
        spec: {
          audiences: wanted.audience === undefined ? [] : [wanted.audience],
          expirationSeconds: wanted.expirationSeconds,
          boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name, uid },
        },
      },
      {
        name: virtual.spec?.serviceAccountName ?? 'default',
        ...(namespace === undefined ? {} : { namespace }),
        subresource: 'token',
      },
    );
    const { token, expirationTimestamp } = (answer.status ?? {}) as { token?: string; expirationTimestamp?: string };
    const expires = Date.parse(expirationTimestamp ?? '');
    if (token === undefined || Number.isNaN(expires)) {
      throw new Error(`the virtual API server answered a TokenRequest for pod ${namespace}/${name} without a token`);
    }
    const now = this.#now();
    return { key: wanted.key, token, renewAt: now + Math.min((expires - now) * RENEW_AT, MAX_AGE_MS) };
  }

  async #write(virtual: Pod, host: Pod, tokens: readonly IssuedToken[]): Promise<void> {
    const wanted = translateTokens(virtual, new Map(tokens.map(({ key, token }) => [key, token])), this.#environment);
    const renewAt = Math.min(...tokens.map((token) => token.renewAt));
    const annotations = { ...wanted.metadata?.annotations, [RENEW_ANNOTATION]: new Date(renewAt).toISOString() };
    await this.#companion.write(virtual, host, { ...wanted, metadata: { ...wanted.metadata, annotations } });
  }
}
