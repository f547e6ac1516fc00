import { hash } from 'node:crypto';
import type { ConfigMap, Pod } from 'kubernetes-types/core/v1';
import { Controller, objectKey } from '../engine';
import type { ObjectCache } from '../engine';
import { resources } from '../kube-client';
import type { ResourceType } from '../kube-client';
import { ANNOTATIONS, podTrustSources, translateTrustAnchors, trustAnchors, TRUST_KIND } from '../translation';
import type { ClusterTrustBundle } from '../translation';
import type { Caches } from './caches';
import type { CertificatesAPI } from './certificates-api';
import type { KindEnvironment } from './environment';
import { PodCompanion } from './pod-companion';
import { isTerminal } from './pod-phase';
import { warn } from './refusals';

const TYPES: readonly ResourceType[] = ['v1', 'v1beta1'].map((version) => ({
  group: 'certificates.k8s.io',
  version,
  resource: 'clustertrustbundles',
  kind: 'ClusterTrustBundle',
  namespaced: false,
}));

/** Index of virtual pods by the bundle or the signer that they name. */
const INDEX = 'trustBundle';
/** SHA-256 of the files in a ConfigMap, so that nothing is written that is there. */
const DIGEST_ANNOTATION = 'nestling.dev/trust-anchors';
/** How soon to look again whether the virtual API server serves the type, in ms. */
const NOT_SERVED_RETRY_MS = 60_000;

/**
 * Trust anchors (KEP-3257), as a kubelet of the virtual cluster would write them: those of its ClusterTrustBundles, delivered in
 * a host ConfigMap that the host pod owns, and written anew when the bundles change. Bundles are watched once a pod mounts some.
 */
export class TrustBundles {
  readonly #environment: KindEnvironment;
  readonly #caches: Caches;
  readonly #api: CertificatesAPI;
  readonly #companion: PodCompanion<ConfigMap>;
  readonly #controller: Controller;
  readonly #enqueueExisting: () => void;
  #bundles: ObjectCache<ClusterTrustBundle> | undefined;

  constructor(environment: KindEnvironment, caches: Caches, api: CertificatesAPI) {
    this.#environment = environment;
    this.#caches = caches;
    this.#api = api;
    this.#companion = new PodCompanion(environment, caches, TRUST_KIND, resources.configMaps, caches.host.configMaps);
    this.#controller = new Controller({
      name: 'trustbundles',
      waitFor: [caches.virtual.pods, caches.host.pods, caches.host.configMaps],
      reconcile: (key, signal) => this.#reconcile(key, signal),
      logger: environment.logger,
      metrics: environment.metrics,
    });
    caches.virtual.pods.addIndex(INDEX, (pod) =>
      podTrustSources(pod).map(({ source: { name, signerName } }) =>
        name == null ? `signer/${signerName}` : `name/${name}`,
      ),
    );
    this.#enqueueExisting = this.#companion.subscribe((key) => this.#controller.enqueue(key)).existing;
  }

  run(signal: AbortSignal): Promise<void> {
    this.#enqueueExisting();
    return this.#controller.run(signal);
  }

  /** Why a pod cannot have the trust anchors that it mounts, whatever bundles there are; undefined when it can. */
  async obstacle(virtual: Pod): Promise<string | undefined> {
    const [source] = podTrustSources(virtual);
    if (source === undefined || (await this.#watched())) return undefined;
    return `${source.path} needs ClusterTrustBundles, which the API server of this virtual cluster does not serve; switch the API ${TYPES[0]?.group}/v1 on, or mount the certificates from a ConfigMap`;
  }

  async discardFormer(virtual: Pod): Promise<void> {
    await this.#companion.discardFormer(virtual);
  }

  /** A pod has a host pod: makes sure that what it mounts is, or comes, beside it. */
  check(virtual: Pod, host: Pod): void {
    if (podTrustSources(virtual).length === 0 || host.metadata?.deletionTimestamp) return;
    if (!this.#companion.of(virtual)) this.#controller.enqueue(objectKey(virtual));
  }

  async #reconcile(key: string, signal: AbortSignal): Promise<{ requeueAfterMs: number } | void> {
    const bundles = await this.#bundlesFor(key, signal);
    if (bundles === 'none needed') return;
    if (bundles === 'not served') return { requeueAfterMs: NOT_SERVED_RETRY_MS };
    // What was true before the wait may not be any more.
    const { virtual, host } = this.#pair(key);
    if (!virtual || !host) return;
    const existing = this.#companion.of(virtual);
    // A pod may take hours to end and needs its trust anchors until then; but one that is about to go gets no ConfigMap again.
    if (!existing && host.metadata?.deletionTimestamp) return;
    const files = new Map<string, string>();
    const missing: string[] = [];
    for (const { source, key: file, path } of podTrustSources(virtual)) {
      const anchors = trustAnchors(source, bundles.values());
      if (anchors.ok) files.set(file, anchors.pem);
      else missing.push(`${path} ${anchors.missing}`);
    }
    if (missing.length > 0) {
      // As with a kubelet a pod that has not started waits, and one that runs keeps what it has. The bundle's coming tells.
      warn(this.#environment, resources.pods, virtual, 'TrustBundleMissing', missing.join('; '));
      return;
    }
    const digest = hash('sha256', JSON.stringify([...files]), 'hex');
    if (existing?.metadata?.annotations?.[DIGEST_ANNOTATION] === digest) return;
    const wanted = translateTrustAnchors(virtual, files, this.#environment);
    const annotations = { ...wanted.metadata?.annotations, [DIGEST_ANNOTATION]: digest };
    await this.#companion.write(virtual, host, { ...wanted, metadata: { ...wanted.metadata, annotations } });
  }

  async #bundlesFor(
    key: string,
    signal: AbortSignal,
  ): Promise<ObjectCache<ClusterTrustBundle> | 'none needed' | 'not served'> {
    const { virtual } = this.#pair(key);
    if (!virtual || podTrustSources(virtual).length === 0) return 'none needed';
    const bundles = await this.#watched();
    if (!bundles) return 'not served';
    await bundles.whenSynced(signal);
    return bundles;
  }

  /** A virtual pod that runs or is to run, and its host pod. */
  #pair(key: string): { readonly virtual?: Pod | undefined; readonly host?: Pod | undefined } {
    const virtual = this.#caches.virtual.pods.get(key);
    const host = this.#caches.host.pods.get(this.#caches.hostKeyOf(key));
    if (!virtual || !host || host.metadata?.annotations?.[ANNOTATIONS.uid] !== virtual.metadata?.uid) return {};
    return isTerminal(host) ? {} : { virtual, host };
  }

  /** The bundles, watched from the first call on; undefined where the API server does not serve them. */
  async #watched(): Promise<ObjectCache<ClusterTrustBundle> | undefined> {
    if (this.#bundles) return this.#bundles;
    const type = await this.#api.served(TYPES);
    if (!type || this.#bundles) return this.#bundles;
    const bundles = this.#caches.of<ClusterTrustBundle>('virtual', type, {
      transform: whatMatters,
      mayBeMissing: true,
    });
    bundles.subscribe(({ object, previous }) => {
      this.#enqueueUsers(object);
      if (previous) this.#enqueueUsers(previous);
    });
    this.#bundles = bundles;
    return bundles;
  }

  #enqueueUsers({ metadata, spec }: ClusterTrustBundle): void {
    const { pods } = this.#caches.virtual;
    for (const value of [`name/${metadata?.name}`, `signer/${spec?.signerName}`]) {
      for (const pod of pods.byIndex(INDEX, value)) this.#controller.enqueue(objectKey(pod));
    }
  }
}

/** Without annotations and the like. */
function whatMatters({ apiVersion, kind, metadata, spec }: ClusterTrustBundle): ClusterTrustBundle {
  const { name, uid, resourceVersion, labels } = metadata ?? {};
  return {
    ...(apiVersion === undefined ? {} : { apiVersion }),
    ...(kind === undefined ? {} : { kind }),
    metadata: { name, uid, resourceVersion, ...(labels === undefined ? {} : { labels }) } as NonNullable<
      typeof metadata
    >,
    ...(spec === undefined ? {} : { spec }),
  };
}
