import type { Pod, Secret } from 'kubernetes-types/core/v1';
import { Controller, objectKey } from '../engine';
import type { ObjectCache } from '../engine';
import { ApiError, resources } from '../kube-client';
import type { ResourceType } from '../kube-client';
import { createKeyAndRequest, isKeyType, KEY_TYPES } from '../pki';
import { ANNOTATIONS, CERTIFICATES_KIND, podCertificateSources, translatePodCertificates } from '../translation';
import type { CertificateSource, IssuedCertificate, PodCertificateRequest } from '../translation';
import type { Caches } from './caches';
import type { CertificatesAPI } from './certificates-api';
import type { KindEnvironment } from './environment';
import { PodCompanion } from './pod-companion';
import { isTerminal } from './pod-phase';
import { warn } from './refusals';
import { WriteBudget } from './write-budget';

const TYPE: ResourceType = {
  group: 'certificates.k8s.io',
  version: 'v1',
  resource: 'podcertificaterequests',
  kind: 'PodCertificateRequest',
  namespaced: true,
};

/** When each certificate in a Secret is to be renewed: JSON of keys and RFC 3339 times. */
const RENEW_ANNOTATION = 'nestling.dev/renew-certificates-at';
/** Longest time in ms that a renewal is put off, so that pods which began together do not renew together; upstream's kubelet does the same. */
const JITTER_MS = 5 * 60_000;

/** A request that a signer has not answered yet, and the key that it is for. */
interface PendingRequest {
  readonly name: string;
  readonly uid: string | undefined;
  /** PKCS #8, PEM. It is nowhere else until there is a certificate. */
  readonly privateKey: string;
}

/** What this process knows of a pod's certificates; what is on the host says the rest. */
interface PodState {
  readonly uid: string | undefined;
  /** By key of the source. */
  readonly pending: Map<string, PendingRequest>;
  /** Keys of sources that a signer has refused, which is for good. */
  readonly refused: Set<string>;
}

/** A certificate that was just issued. */
interface Issued extends IssuedCertificate {
  /** Milliseconds since the epoch. */
  readonly renewAt: number;
}

/**
 * Keys and certificates of pods (KEP-4317), as a kubelet of the virtual cluster would have them: keys are made here, certificates are
 * asked for in the virtual cluster, for the virtual pod on its virtual node, and what signers issue is delivered in a host
 * Secret that the host pod owns, and renewed when the signer says so. Requests are watched once a pod mounts a certificate.
 */
export class PodCertificates {
  readonly #environment: KindEnvironment;
  readonly #caches: Caches;
  readonly #api: CertificatesAPI;
  readonly #now: () => number;
  readonly #companion: PodCompanion<Secret>;
  readonly #controller: Controller;
  readonly #enqueueExisting: () => void;
  readonly #states = new Map<string, PodState>();
  readonly #budget = new WriteBudget();
  #requests: ObjectCache<PodCertificateRequest> | undefined;

  constructor(environment: KindEnvironment, caches: Caches, api: CertificatesAPI, now: () => number = Date.now) {
    this.#environment = environment;
    this.#caches = caches;
    this.#api = api;
    this.#now = now;
    this.#companion = new PodCompanion(environment, caches, CERTIFICATES_KIND, resources.secrets, caches.host.secrets);
    this.#controller = new Controller({
      name: 'podcertificates',
      waitFor: [caches.virtual.pods, caches.virtual.nodes, caches.host.pods, caches.host.secrets],
      reconcile: (key, signal) => this.#reconcile(key, signal),
      logger: environment.logger,
      metrics: environment.metrics,
    });
    this.#enqueueExisting = this.#companion.subscribe((key) => this.#controller.enqueue(key)).existing;
    caches.virtual.pods.subscribe(({ type, key, object }) => {
      if (type !== 'deleted') return;
      this.#budget.forget(object.metadata?.uid ?? '');
      if (this.#states.get(key)?.uid === object.metadata?.uid) this.#states.delete(key);
    });
  }

  run(signal: AbortSignal): Promise<void> {
    this.#enqueueExisting();
    return this.#controller.run(signal);
  }

  /** Why a pod cannot have the certificates that it mounts, whatever signers there are; undefined when it can. */
  async obstacle(virtual: Pod): Promise<string | undefined> {
    const sources = podCertificateSources(virtual);
    const [first] = sources;
    if (first === undefined) return undefined;
    const unknown = sources.find(({ source }) => !isKeyType(source.keyType));
    if (unknown) {
      return `${unknown.path}.keyType "${unknown.source.keyType}" is not one that keys can be made of here; use one of ${KEY_TYPES.join(', ')}`;
    }
    if (await this.#watched()) return undefined;
    return `${first.path} needs PodCertificateRequests, which the API server of this virtual cluster does not serve; switch the API ${TYPE.group}/${TYPE.version} on, or mount a Secret with a certificate`;
  }

  async discardFormer(virtual: Pod): Promise<void> {
    await this.#companion.discardFormer(virtual);
  }

  /** A pod has a host pod: makes sure that what it mounts is, or comes, beside it. */
  check(virtual: Pod, host: Pod): void {
    // A request names the pod's node.
    if (!virtual.spec?.nodeName || host.metadata?.deletionTimestamp) return;
    if (podCertificateSources(virtual).length === 0) return;
    if (!this.#companion.of(virtual)) this.#controller.enqueue(objectKey(virtual));
  }

  async #reconcile(key: string, signal: AbortSignal): Promise<{ requeueAfterMs: number } | void> {
    const asked = this.#caches.virtual.pods.get(key);
    if (!asked || podCertificateSources(asked).length === 0) return;
    const requests = await this.#watched();
    if (!requests) throw new Error(`the virtual API server does not serve ${TYPE.resource} any more`);
    await requests.whenSynced(signal);
    // What was true before the wait may not be any more.
    const virtual = this.#caches.virtual.pods.get(key);
    const host = this.#caches.host.pods.get(this.#caches.hostKeyOf(key));
    if (!virtual || !host || host.metadata?.annotations?.[ANNOTATIONS.uid] !== virtual.metadata?.uid) return;
    if (isTerminal(host) || !virtual.spec?.nodeName) return;
    const existing = this.#companion.of(virtual);
    // A pod may take hours to end and needs its certificates until then; but one that is about to go gets no Secret again.
    if (!existing && host.metadata?.deletionTimestamp) return;

    const state = this.#stateOf(key, virtual);
    const renewals = renewalsOf(existing?.metadata?.annotations?.[RENEW_ANNOTATION]);
    const issued = new Map<string, Issued>();
    const waits: number[] = [];
    for (const wanted of podCertificateSources(virtual)) {
      if (state.refused.has(wanted.key)) continue;
      const answer = this.#answerFor(wanted, state, requests, virtual);
      if (answer === 'pending') continue;
      if (answer !== undefined) {
        issued.set(wanted.key, answer);
        waits.push(answer.renewAt - this.#now());
        continue;
      }
      const renewAt = renewals.get(wanted.key);
      if (renewAt !== undefined && renewAt > this.#now()) waits.push(renewAt - this.#now());
      else waits.push(...(await this.#request(wanted, state, requests, virtual)));
    }
    if (issued.size > 0) {
      await this.#write(virtual, host, issued, renewals);
      // Not before: a write that fails is tried again with the same key.
      for (const source of issued.keys()) state.pending.delete(source);
    }
    if (waits.length > 0) return { requeueAfterMs: Math.max(1, Math.min(...waits)) };
  }

  #stateOf(key: string, virtual: Pod): PodState {
    const known = this.#states.get(key);
    if (known && known.uid === virtual.metadata?.uid) return known;
    const state: PodState = { uid: virtual.metadata?.uid, pending: new Map(), refused: new Set() };
    this.#states.set(key, state);
    return state;
  }

  /** What the signer says to the request for a source; undefined when there is none. A refusal is told, and noted. */
  #answerFor(
    wanted: CertificateSource,
    state: PodState,
    requests: ObjectCache<PodCertificateRequest>,
    virtual: Pod,
  ): Issued | 'pending' | undefined {
    const pending = state.pending.get(wanted.key);
    if (pending === undefined) return undefined;
    const request = requests.get(`${virtual.metadata?.namespace}/${pending.name}`);
    if (request === undefined || request.metadata?.uid !== pending.uid) {
      // The virtual cluster removes old requests without an answer; a kubelet asks again, too.
      state.pending.delete(wanted.key);
      return undefined;
    }
    const { conditions = [], certificateChain = '', beginRefreshAt = '' } = request.status ?? {};
    const refusal = conditions.find(({ type }) => type === 'Denied' || type === 'Failed');
    if (refusal) {
      state.pending.delete(wanted.key);
      state.refused.add(wanted.key);
      const verb = refusal.type === 'Denied' ? 'was denied' : 'failed';
      const message = `${wanted.path}: PodCertificateRequest "${pending.name}" ${verb} by signer "${wanted.source.signerName}": ${refusal.reason}: ${refusal.message}; correct the pod and create it again`;
      warn(this.#environment, resources.pods, virtual, `Certificate${refusal.type}`, message);
      return 'pending';
    }
    if (!conditions.some(({ type }) => type === 'Issued')) return 'pending';
    const begin = Date.parse(beginRefreshAt);
    if (Number.isNaN(begin)) throw new Error(`PodCertificateRequest ${pending.name} is issued without beginRefreshAt`);
    return { privateKey: pending.privateKey, certificateChain, renewAt: begin + Math.random() * JITTER_MS };
  }

  /** Makes a key and asks for a certificate. @returns in how many ms to look again, when it is too early for a request */
  async #request(
    wanted: CertificateSource,
    state: PodState,
    requests: ObjectCache<PodCertificateRequest>,
    virtual: Pod,
  ): Promise<readonly number[]> {
    const { virtual: client } = this.#environment;
    const { signerName, keyType, maxExpirationSeconds, userAnnotations } = wanted.source;
    const { name: podName = '', namespace = '', uid: podUID = '' } = virtual.metadata ?? {};
    const { nodeName = '', serviceAccountName = 'default' } = virtual.spec ?? {};
    if (!isKeyType(keyType)) return [];
    const nodeUID = this.#caches.virtual.nodes.get(nodeName)?.metadata?.uid;
    if (nodeUID === undefined) throw new Error(`virtual node ${nodeName} has not been seen yet`);
    const wait = this.#budget.take(podUID);
    if (wait > 0) return [wait];
    try {
      const account = { namespace, name: serviceAccountName, metadataOnly: true };
      const [{ metadata }, { privateKey, request }] = await Promise.all([
        client.get(resources.serviceAccounts, account),
        createKeyAndRequest(keyType),
      ]);
      const created = await client.create<PodCertificateRequest>(TYPE, {
        metadata: {
          generateName: 'req-',
          namespace,
          ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name: podName, uid: podUID }],
        },
        spec: {
          signerName,
          podName,
          podUID,
          serviceAccountName,
          serviceAccountUID: metadata?.uid,
          nodeName,
          nodeUID,
          ...(maxExpirationSeconds == null ? {} : { maxExpirationSeconds }),
          stubPKCS10Request: request.toString('base64'),
          ...(userAnnotations == null ? {} : { unverifiedUserAnnotations: userAnnotations }),
        },
      });
      const { name = '', uid } = created.metadata ?? {};
      state.pending.set(wanted.key, { name, uid, privateKey });
      requests.observe(created);
      // What the watch told of a request that was not known as ours yet was not heard.
      const seen = requests.get(objectKey(created))?.metadata?.resourceVersion;
      if (seen !== created.metadata?.resourceVersion) this.#controller.enqueue(objectKey(virtual));
    } catch (error) {
      if (ApiError.is(error, 'NotFound', 'Forbidden', 'Invalid', 'BadRequest')) {
        const message = `${wanted.path}: ${error.serverMessage}`;
        warn(this.#environment, resources.pods, virtual, 'CertificateNotRequested', message);
      }
      throw error;
    }
    return [];
  }

  async #write(
    virtual: Pod,
    host: Pod,
    issued: ReadonlyMap<string, Issued>,
    before: ReadonlyMap<string, number>,
  ): Promise<void> {
    const wanted = translatePodCertificates(virtual, issued, this.#environment);
    const renewals = new Map(before);
    for (const [key, { renewAt }] of issued) renewals.set(key, renewAt);
    const times = Object.fromEntries([...renewals].map(([key, time]) => [key, new Date(time).toISOString()]));
    const annotations = { ...wanted.metadata?.annotations, [RENEW_ANNOTATION]: JSON.stringify(times) };
    const metadata = { ...wanted.metadata, annotations };
    await this.#companion.write(virtual, host, { ...wanted, metadata }, { keepOthers: true });
  }

  /** The requests, watched from the first call on; undefined where the API server does not serve them. */
  async #watched(): Promise<ObjectCache<PodCertificateRequest> | undefined> {
    if (this.#requests || !(await this.#api.served([TYPE])) || this.#requests) return this.#requests;
    const requests = this.#caches.of<PodCertificateRequest>('virtual', TYPE, {
      transform: whatMatters,
      mayBeMissing: true,
    });
    requests.subscribe(({ object: { metadata, spec } }) => {
      const key = `${metadata?.namespace}/${spec?.podName}`;
      // Of the requests of other kubelets and of tenants themselves nothing is known here.
      if ([...(this.#states.get(key)?.pending.values() ?? [])].some(({ uid }) => uid === metadata?.uid)) {
        this.#controller.enqueue(key);
      }
    });
    this.#requests = requests;
    return requests;
  }
}

/** When each certificate is to be renewed, in ms since the epoch; without what cannot be read. */
function renewalsOf(annotation: string | undefined): Map<string, number> {
  let times: unknown;
  try {
    times = JSON.parse(annotation ?? '{}');
  } catch {
    times = {};
  }
  const entries = Object.entries(times ?? {}).map(([key, time]) => [key, Date.parse(String(time))] as const);
  return new Map(entries.filter(([, time]) => !Number.isNaN(time)));
}

/** What tells whose a request is and what came of it. */
function whatMatters({ apiVersion, kind, metadata, spec, status }: PodCertificateRequest): PodCertificateRequest {
  const { name, namespace, uid, resourceVersion } = metadata ?? {};
  const { podName, podUID } = spec ?? {};
  return {
    ...(apiVersion === undefined ? {} : { apiVersion }),
    ...(kind === undefined ? {} : { kind }),
    metadata: { name, namespace, uid, resourceVersion } as NonNullable<typeof metadata>,
    spec: { podName, podUID } as NonNullable<typeof spec>,
    ...(status === undefined ? {} : { status }),
  };
}
