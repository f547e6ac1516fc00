import type { Pod, Secret } from 'kubernetes-types/core/v1';
import { Controller, objectKey } from '../engine';
import { ApiError, resources } from '../kube-client';
import type { AnyObject, KubeObject } from '../kube-client';
import { ANNOTATIONS, ownedBy, podTokens, TOKENS_KIND, tokenSecretName, translateTokens } from '../translation';
import type { TokenRequestSpec } from '../translation';
import type { Caches } from './caches';
import type { KindEnvironment } from './environment';
import { isTerminal } from './pod-phase';
import { warn } from './refusals';
import { remove } from './removal';

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
  readonly #controller: Controller;

  constructor(environment: KindEnvironment, caches: Caches, now: () => number = Date.now) {
    this.#environment = environment;
    this.#caches = caches;
    this.#now = now;
    this.#controller = new Controller({
      name: 'tokens',
      waitFor: [caches.virtual.pods, caches.host.pods, caches.host.secrets],
      reconcile: (key) => this.#reconcile(key),
      logger: environment.logger,
      metrics: environment.metrics,
    });
    caches.host.secrets.subscribe((change) => this.#enqueue(change.object));
  }

  run(signal: AbortSignal): Promise<void> {
    // Those that the cache had before anybody listened.
    for (const secret of this.#caches.host.secrets.values()) this.#enqueue(secret);
    return this.#controller.run(signal);
  }

  /** Takes the tokens of a former pod of that name away, so that the new one cannot start with them: they are void. */
  async discardFormer(virtual: Pod): Promise<void> {
    const secret = this.#secretOf(virtual);
    if (secret && !isFor(secret, virtual)) await remove(this.#environment.host, resources.secrets, secret);
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
    const secret = this.#secretOf(virtual);
    if (!secret || !isFor(secret, virtual)) this.#controller.enqueue(objectKey(virtual));
  }

  async #reconcile(key: string): Promise<{ requeueAfterMs: number } | void> {
    const virtual = this.#caches.virtual.pods.get(key);
    const host = this.#caches.host.pods.get(this.#caches.hostKeyOf(key));
    if (!virtual || !host || host.metadata?.annotations?.[ANNOTATIONS.uid] !== virtual.metadata?.uid) return;
    if (isTerminal(host)) return;
    const secret = this.#secretOf(virtual);
    const current = secret !== undefined && isFor(secret, virtual);
    // A pod may take hours to end and needs its tokens until then; but one that is about to go gets no Secret again.
    if (!current && host.metadata?.deletionTimestamp) return;
    const renewAt = Date.parse(secret?.metadata?.annotations?.[RENEW_ANNOTATION] ?? '');
    if (current && renewAt > this.#now()) return { requeueAfterMs: renewAt - this.#now() };
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
    const { host: client } = this.#environment;
    await this.discardFormer(virtual);
    const seen = this.#secretOf(virtual);
    const existing = seen && isFor(seen, virtual) ? seen : undefined;
    const wanted = translateTokens(virtual, new Map(tokens.map(({ key, token }) => [key, token])), this.#environment);
    const renewAt = Math.min(...tokens.map((token) => token.renewAt));
    wanted.metadata = {
      ...wanted.metadata,
      annotations: { ...wanted.metadata?.annotations, [RENEW_ANNOTATION]: new Date(renewAt).toISOString() },
      // Not the anchor: the Secret goes with the pod, by the host's garbage collector.
      ownerReferences: [
        {
          apiVersion: 'v1',
          kind: 'Pod',
          name: host.metadata?.name ?? '',
          uid: host.metadata?.uid ?? '',
          blockOwnerDeletion: false,
          controller: false,
        },
      ],
    };
    const cache = this.#caches.host.secrets;
    if (!existing) {
      cache.observe(withoutData(await client.create<Secret>(resources.secrets, wanted)));
      return;
    }
    const patch = [
      { op: 'test', path: '/metadata/uid', value: existing.metadata?.uid },
      { op: 'add', path: '/metadata/annotations', value: wanted.metadata.annotations },
      { op: 'add', path: '/metadata/ownerReferences', value: wanted.metadata.ownerReferences },
      { op: 'add', path: '/data', value: wanted.data },
    ];
    const { name: hostSecret = '', namespace: hostNamespace = '' } = existing.metadata ?? {};
    cache.observe(
      withoutData(
        await client.patch<Secret>(
          resources.secrets,
          { name: hostSecret, namespace: hostNamespace, type: 'json' },
          patch,
        ),
      ),
    );
  }

  #enqueue(secret: KubeObject): void {
    const key = this.#caches.virtualKeyOf(secret, TOKENS_KIND);
    if (key !== undefined) this.#controller.enqueue(key);
  }

  #secretOf(virtual: Pod): KubeObject | undefined {
    const { identity } = this.#environment;
    const name = tokenSecretName(identity, virtual.metadata?.namespace ?? '', virtual.metadata?.name ?? '');
    const secret = this.#caches.host.secrets.get(`${identity.hostNamespace}/${name}`);
    return secret && ownedBy(secret, identity)?.kind === TOKENS_KIND ? secret : undefined;
  }
}

/** Whether a token Secret was made for this very pod and not for a former one of its name. */
const isFor = (secret: KubeObject, pod: Pod): boolean =>
  secret.metadata?.annotations?.[ANNOTATIONS.uid] === pod.metadata?.uid;

/** The cache holds metadata only. */
const withoutData = ({ metadata = {} }: Secret): KubeObject => ({ metadata });
