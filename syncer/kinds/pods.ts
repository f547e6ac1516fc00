import type { Pod, PodCondition, PodSpec } from 'kubernetes-types/core/v1';
import { objectKey, PairController } from '../engine';
import type { Pair, ReconcileResult } from '../engine';
import { ApiError, resources } from '../kube-client';
import {
  checkPod,
  claimProblem,
  makeTwin,
  podContext,
  podSteps,
  tolerationViolations,
  violationsText,
} from '../policy';
import type { MadeTwin, PodKnowledge } from '../policy';
import {
  ANNOTATIONS,
  FieldPatches,
  hostEphemeralContainers,
  hostPodPatch,
  hostPodResize,
  hasTenantsKubelet,
  hostPodStatusPatch,
  isGated,
  isPinnedTo,
  ownedBy,
  podReferences,
  serviceAccountOf,
  translatePod,
  virtualPodStatusPatch,
  withoutHiddenContainer,
} from '../translation';
import type { KnownName, Patched, Reference, TranslationContext } from '../translation';
import type { Caches } from './caches';
import { INDEX } from './caches';
import type { ClaimObstacle, Claims } from './claims';
import type { KindEnvironment } from './environment';
import type { HostNodes } from './host-nodes';
import type { KnownRefusals } from './known-refusals';
import type { Nodes } from './nodes';
import type { PodClasses } from './pod-classes';
import type { SelectedPods } from './selected-pods';
import { isTerminal } from './pod-phase';
import { referrersOf } from './references';
import { RefusedObjects } from './refused-objects';
import {
  isOtherObject,
  isRefusal,
  NAME_TAKEN_RETRY_MS,
  notOnHost,
  refusalText,
  warn,
  warnNameTaken,
  warnUnkept,
  warnWriteLoop,
} from './refusals';
import { remove } from './removal';
import type { Tokens } from './tokens';
import { UnkeptWrites } from './unkept-writes';
import { WriteBudget } from './write-budget';

/** The Service whose address every pod gets as its name server. */
const DNS_SERVICE = 'kube-system/kube-dns';

/** How soon to look again whether the virtual API server serves what a projected volume needs, in ms: nothing tells. */
const OBSTACLE_RETRY_MS = 60_000;

/** The write of {@link UnkeptWrites} that brings the host's status up. */
const VIRTUAL_STATUS = 'virtual status';

/** How old a pod is before it is told what it waits for, in ms: what was made with it is there in a moment. */
const PATIENCE_MS = 3_000;

/** Config maps or secrets, as far as pods need to know. */
export interface Contents {
  readonly kind: 'ConfigMap' | 'Secret';
  /** Why the host has not the contents. */
  readonly refusals: KnownRefusals;
  /** Whether the host holds the current contents, or there is nothing to hold. */
  isCurrent(virtualKey: string): boolean;
  /** Calls back when the host got the contents of an object. */
  onCurrent(listener: (virtualKey: string) => void): void;
}

/** What a kubelet of the virtual cluster would put into projected volumes, kept beside host pods. */
export interface Projections {
  /** Why a pod cannot have what it mounts; undefined when it can, or mounts none. */
  obstacle(virtual: Pod): Promise<string | undefined>;
  /** Takes away what a former pod of that name had. */
  discardFormer(virtual: Pod): Promise<void>;
  /** A pod has a host pod: makes sure that what it mounts is, or comes, beside it. */
  check(virtual: Pod, host: Pod): void;
}

/** The other kinds that a pod depends on. */
export interface PodDependencies {
  readonly nodes: Nodes;
  readonly hostNodes: HostNodes;
  readonly tokens: Tokens;
  readonly projections: readonly Projections[];
  readonly contents: readonly Contents[];
  readonly classes: PodClasses;
  /** Undefined where nobody asks which pods the tenant's network policies select. */
  readonly selected: SelectedPods | undefined;
  /** Undefined where claims are not synced. */
  readonly claims: Claims | undefined;
}

/**
 * Pods: created on the host under translated names, bound in the virtual cluster to the node that the host chose,
 * status brought back. Per pod that runs and goes: one create, one delete and one token Secret on the host; one
 * binding, one TokenRequest and one status write per visible change in the virtual cluster.
 */
export class Pods {
  readonly #environment: KindEnvironment;
  readonly #caches: Caches;
  readonly #with: PodDependencies;
  readonly #controller: PairController<Pod, Pod>;
  /** UIDs of pods whose binding was accepted before the watch shows it: it cannot be sent twice. */
  readonly #bound = new Set<string>();
  /** UIDs of virtual pods whose final deletion was accepted before the watch shows it. */
  readonly #removed = new Set<string>();
  /** Pods that wait for the address of the name server. */
  readonly #waitingForDNS = new Set<string>();
  readonly #refusedByHost = new RefusedObjects();
  readonly #budget = new WriteBudget();
  readonly #unkept = new UnkeptWrites();
  /** Pods that another node would suit: of those that may be used, or one to be bound to. */
  readonly #waitingForNode = new Set<string>();
  /** Keys of pods that a newer host would take. */
  readonly #waitingForHost = new Set<string>();
  readonly #patches: FieldPatches;

  constructor(environment: KindEnvironment, caches: Caches, dependencies: PodDependencies) {
    this.#environment = environment;
    this.#patches = new FieldPatches(
      environment.configuration.sync.patches,
      { kind: 'Pod', direction: 'toHost' },
      environment.identity,
    );
    this.#caches = caches;
    this.#with = dependencies;
    this.#controller = new PairController<Pod, Pod>({
      name: 'pods',
      virtual: caches.virtual.pods,
      host: caches.host.pods,
      virtualKeyOfHost: (host) => caches.virtualKeyOf(host, 'Pod'),
      hostKeyOfVirtual: (key) => caches.hostKeyOf(key),
      waitFor: [
        caches.virtual.namespaces,
        caches.virtual.nodes,
        caches.virtual.services,
        caches.virtual.configMaps,
        caches.virtual.secrets,
        caches.host.configMaps,
        caches.host.secrets,
        caches.host.services,
        ...dependencies.classes.sources,
        ...dependencies.hostNodes.sources,
        ...(dependencies.claims?.sources ?? []),
        ...(dependencies.selected?.sources ?? []),
      ],
      reconcile: (pair) => this.#reconcile(pair),
      logger: environment.logger,
      metrics: environment.metrics,
    });
    dependencies.classes.onChange((key) => {
      if (!caches.host.pods.has(caches.hostKeyOf(key))) this.#controller.enqueue(key);
    });
    dependencies.hostNodes.onComingOrGoing(() => {
      for (const key of this.#waitingForNode) this.#controller.enqueue(key);
    });
    const wake = (kind: Reference['kind'], key: string): void => {
      for (const pod of referrersOf(caches.virtual.pods, kind, key)) {
        if (!caches.host.pods.has(caches.hostKeyOf(objectKey(pod)))) this.#controller.enqueue(objectKey(pod));
      }
    };
    for (const contents of dependencies.contents) {
      contents.onCurrent((key) => wake(contents.kind, key));
      contents.refusals.onChange((key) => wake(contents.kind, key));
    }
    dependencies.claims?.onChange((key) => wake('PersistentVolumeClaim', key));
    caches.virtual.pods.subscribe(({ object, type }) => {
      const uid = object.metadata?.uid ?? '';
      if (type === 'deleted' || object.spec?.nodeName) this.#bound.delete(uid);
      if (type !== 'deleted') return;
      this.#removed.delete(uid);
      this.#refusedByHost.forget(uid);
      this.#budget.forget(uid);
      this.#unkept.forget(uid);
    });
    environment.hostVersion.onChange(() => {
      for (const key of this.#waitingForHost) this.#controller.enqueue(key);
      this.#waitingForHost.clear();
    });
    caches.virtual.namespaces.subscribe(({ type, key, object, previous }) => {
      if (type === 'deleted') return;
      if (type === 'modified' && sameLabels(object.metadata?.labels, previous?.metadata?.labels)) return;
      for (const pod of caches.virtual.pods.byIndex(INDEX.namespace, key)) this.#controller.enqueue(objectKey(pod));
    });
    dependencies.selected?.onChange((namespace) => {
      for (const pod of caches.virtual.pods.byIndex(INDEX.namespace, namespace))
        this.#controller.enqueue(objectKey(pod));
    });
    caches.virtual.nodes.subscribe(({ type, key, object, previous }) => {
      const had = previous !== undefined && hasTenantsKubelet(previous);
      if (type !== 'deleted' && hasTenantsKubelet(object) === had) return;
      for (const pod of caches.virtual.pods.byIndex(INDEX.node, key)) this.#controller.enqueue(objectKey(pod));
    });
    caches.host.services.subscribe(({ type, object }) => {
      if (type === 'deleted' || caches.virtualKeyOf(object, 'Service') !== DNS_SERVICE) return;
      for (const key of this.#waitingForDNS) this.#controller.enqueue(key);
      this.#waitingForDNS.clear();
    });
  }

  run(signal: AbortSignal): Promise<void> {
    return this.#controller.run(signal);
  }

  async #reconcile({ key, virtual, host }: Pair<Pod, Pod>): Promise<ReconcileResult> {
    this.#waitingForDNS.delete(key);
    this.#waitingForHost.delete(key);
    this.#waitingForNode.delete(key);
    if (host && !ownedBy(host, this.#environment.identity)) {
      if (!virtual) return;
      warnNameTaken(this.#environment, resources.pods, virtual);
      return { requeueAfterMs: NAME_TAKEN_RETRY_MS };
    }
    if (host && host.metadata?.annotations?.[ANNOTATIONS.uid] !== virtual?.metadata?.uid) {
      // Its virtual pod is gone (another one may have the name): the host pod ends by its own grace period.
      if (!host.metadata?.deletionTimestamp) await this.#deleteOnHost(host);
      return;
    }
    if (!virtual) return;
    if (!host) return this.#withoutTwin(key, virtual);
    if (!host.spec?.nodeName && this.#hasTenantsKubelet(virtual)) {
      // The node came, or got its label, after the pod that names it.
      if (!host.metadata?.deletionTimestamp) await this.#deleteOnHost(host);
      return;
    }
    if (virtual.metadata?.deletionTimestamp) await this.#passOnDeletion(virtual, host);
    // It goes because of the pause: that its containers end says nothing of the pod.
    else if (host.metadata?.deletionTimestamp && wasPutToSleep(virtual, this.#environment.pausedAt)) return;
    else if (host.metadata?.deletionTimestamp) await this.#passOnEviction(virtual, host);
    return this.#follow(virtual, host);
  }

  async #withoutTwin(key: string, virtual: Pod): Promise<ReconcileResult> {
    if (this.#hasTenantsKubelet(virtual)) return;
    if (virtual.metadata?.deletionTimestamp) {
      // The host pod is gone, so nothing runs any more: the virtual one may go at once.
      await this.#removeNow(virtual);
      return;
    }
    if (isTerminal(virtual)) return; // it ran to its end; the host has cleaned up
    if (virtual.status?.startTime || this.#wasScheduled(virtual)) {
      if (wasPutToSleep(virtual, this.#environment.pausedAt)) {
        if (virtual.spec?.restartPolicy !== 'Never') return this.#create(key, virtual);
        await this.#endAsleep(virtual);
        return;
      }
      // It ran, or may have and its host pod was removed (a dead node, an eviction): a pod never starts twice, its controller
      // makes another one.
      warn(this.#environment, resources.pods, virtual, 'LostOnHost', 'the pod was removed from the host');
      await this.#removeNow(virtual);
      return;
    }
    if (isGated(virtual)) return;
    // Its scheduler has not chosen yet, and the change that tells brings it back.
    if (this.#with.hostNodes.areChosenInside && !virtual.spec?.nodeName) return;
    return this.#create(key, virtual);
  }

  /** Whether a pod is on a Node of the tenant with a kubelet of the tenant's, which runs the pod, ends it and says how it is. */
  #hasTenantsKubelet({ spec }: Pod): boolean {
    const node = this.#caches.virtual.nodes.get(spec?.nodeName ?? '');
    return node !== undefined && hasTenantsKubelet(node);
  }

  /** As a kubelet does when its node comes up again: what may not start twice has failed. */
  async #endAsleep(virtual: Pod): Promise<void> {
    const message = 'the virtual cluster was put to sleep while the pod ran, and the pod may not start twice';
    const status = { phase: 'Failed', reason: 'Terminated', message };
    await this.#patchVirtualStatus(virtual, { metadata: { uid: virtual.metadata?.uid }, status });
  }

  /**
   * The virtual pod after a change of its status; undefined when it is gone, or another pod has the name.
   * @param patch strategic: a condition is merged into the others by its type
   */
  async #patchVirtualStatus(virtual: Pod, patch: object): Promise<Pod | undefined> {
    const { name = '', namespace = '' } = virtual.metadata ?? {};
    try {
      const options = { name, namespace, subresource: 'status', type: 'strategic' } as const;
      const after = await this.#environment.virtual.patch<Pod>(resources.pods, options, patch);
      this.#caches.virtual.pods.observe(after);
      return after;
    } catch (error) {
      if (!ApiError.is(error, 'NotFound') && !isOtherObject(error)) throw error;
      return undefined;
    }
  }

  async #removeNow(virtual: Pod): Promise<void> {
    const uid = virtual.metadata?.uid ?? '';
    if (this.#removed.has(uid)) return;
    await remove(this.#environment.virtual, resources.pods, virtual, { gracePeriodSeconds: 0 });
    // Not when the watch was quicker than the answer.
    if (this.#caches.virtual.pods.get(objectKey(virtual))?.metadata?.uid === uid) this.#removed.add(uid);
  }

  async #create(key: string, virtual: Pod): Promise<ReconcileResult> {
    const uid = virtual.metadata?.uid ?? '';
    const left = this.#refusedByHost.left(uid);
    if (left > 0) return { requeueAfterMs: left };
    const context = this.#contextFor(virtual);
    if (!context) return; // the namespace has not been seen yet; its event brings the pod back
    // The kubelet backs off for seconds when a mounted object is missing, so contents go first.
    const missing = this.#missingContents(virtual) ?? this.#with.classes.obstacle(virtual);
    if (missing !== undefined) return this.#wait(virtual, 'WaitingForHost', missing);
    const steps = podSteps(this.#environment.configuration, context, this.#knowledge);
    const made = makeTwin(virtual, steps, this.#patches);
    if (!made.ok) return this.#without(key, virtual, made);
    const problem = claimProblem(made.references, this.#environment.configuration);
    if (problem !== undefined) {
      await this.#refuse(virtual, 'Unsupported', problem);
      return;
    }
    const claim = made.references.find(({ kind }) => kind === 'PersistentVolumeClaim');
    const obstacle = claim && this.#with.claims?.obstacle(virtual);
    if (obstacle) return this.#waitForClaims(virtual, obstacle);
    // Somebody may remove each host pod before it has a node.
    const wait = this.#takeWrite(virtual);
    if (wait > 0) return { requeueAfterMs: wait };
    for (const projections of this.#with.projections) {
      const missing = await projections.obstacle(virtual);
      if (missing !== undefined) {
        await this.#refuse(virtual, 'Unsupported', missing);
        return { requeueAfterMs: OBSTACLE_RETRY_MS };
      }
      await projections.discardFormer(virtual);
    }
    await this.#with.tokens.discardFormer(virtual);
    const tokens = this.#with.tokens.request(virtual);
    let host: Pod;
    try {
      host = await this.#environment.host.create<Pod>(resources.pods, made.object);
    } catch (error) {
      if (ApiError.is(error, 'AlreadyExists')) return this.#meet(virtual, made.object);
      if (isRefusal(error)) return this.#refusedOnHost(key, virtual, made.object, error);
      throw error;
    }
    this.#refusedByHost.forget(uid);
    this.#caches.host.pods.observe(host);
    warnUnkept(this.#environment, resources.pods, virtual, { sent: made.object, kept: host });
    for (const projections of this.#with.projections) projections.check(virtual, host);
    if (tokens) await this.#with.tokens.deliver(virtual, host, tokens);
  }

  /** A pod that gets no twin, for now or for good. */
  async #without(key: string, virtual: Pod, { reason, message }: NoTwin): Promise<ReconcileResult> {
    switch (reason) {
      case 'DNSNotReady':
        this.#waitingForDNS.add(key);
        return this.#wait(virtual, reason, message);
      // Its claim's name comes with a change of its status, and its controller says what it lacks.
      case 'ResourceClaimNotReady':
        return;
      case 'HostTooOld':
        this.#waitingForHost.add(key);
        break;
      case 'PolicyViolation':
        if (this.#with.hostNodes.violations(virtual).length > 0) this.#waitingForNode.add(key);
        break;
    }
    await this.#refuse(virtual, reason, message);
  }

  /** A change of the claim brings the pod back. */
  async #waitForClaims(virtual: Pod, { message }: ClaimObstacle): Promise<ReconcileResult> {
    if (message === undefined) return;
    return this.#wait(virtual, 'Unschedulable', message, 'FailedScheduling');
  }

  /** Says what a pod waits for, unless it is so young that nobody needs to hear of it. What it waits for brings it back. */
  async #wait(virtual: Pod, reason: string, message: string, eventReason = reason): Promise<ReconcileResult> {
    const age = Date.now() - Date.parse(virtual.metadata?.creationTimestamp ?? '');
    if (age >= 0 && age < PATIENCE_MS) return { requeueAfterMs: PATIENCE_MS - age };
    await this.#refuse(virtual, reason, message, eventReason);
  }

  /** The name is taken on the host: by a pod of ours that the watch has not brought yet, or by one that is not ours. */
  async #meet(virtual: Pod, wanted: Pod): Promise<ReconcileResult> {
    const { name = '', namespace = '' } = wanted.metadata ?? {};
    const found = await this.#environment.host.get<Pod>(resources.pods, { name, namespace });
    if (ownedBy(found, this.#environment.identity)) {
      this.#caches.host.pods.observe(found);
      return;
    }
    warnNameTaken(this.#environment, resources.pods, virtual);
    return { requeueAfterMs: this.#refusedByHost.add(virtual.metadata?.uid ?? '').retryInMs };
  }

  /** Tells the tenant, and tries again later: what the host refuses now (a quota, a policy) it may allow then. */
  async #refusedOnHost(key: string, virtual: Pod, wanted: Pod, error: ApiError): Promise<ReconcileResult> {
    const { failures, retryInMs } = this.#refusedByHost.add(virtual.metadata?.uid ?? '');
    this.#environment.metrics.failed('pods', 'Refused');
    // The first and each doubling: a pod that stays refused costs a line less and less often.
    if ((failures & (failures - 1)) === 0) {
      this.#environment.logger.warn({ kind: 'pods', key, err: error, failures, retryInMs }, 'refused by the host');
    }
    const message = refusalText(this.#environment, error, virtual, knownNames(virtual));
    await this.#refuse(virtual, 'RefusedByHost', withoutHiddenContainer(message, wanted));
    return { requeueAfterMs: retryInMs };
  }

  /**
   * Deletes the host pod with the grace period that the virtual one has left to it; a second at least, as 0 would take the
   * host pod away while its containers run.
   */
  async #passOnDeletion(virtual: Pod, host: Pod): Promise<void> {
    const left = virtual.metadata?.deletionGracePeriodSeconds;
    const grace = left === undefined ? undefined : Math.max(1, left);
    const before = host.metadata?.deletionGracePeriodSeconds;
    if (host.metadata?.deletionTimestamp && (grace === undefined || before === undefined || before <= grace)) return;
    await this.#deleteOnHost(host, grace);
  }

  /**
   * The host removes the pod (drain, eviction, preemption): the virtual one goes with it. Unless it has run to its end, as
   * hosts clean up, or was on no node yet: then it gets another host pod.
   */
  async #passOnEviction(virtual: Pod, host: Pod): Promise<void> {
    if (isTerminal(virtual) || !(host.spec?.nodeName || this.#wasScheduled(virtual))) return;
    const gracePeriodSeconds = host.metadata?.deletionGracePeriodSeconds;
    await remove(
      this.#environment.virtual,
      resources.pods,
      virtual,
      gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds },
    );
  }

  async #deleteOnHost(host: Pod, gracePeriodSeconds?: number): Promise<void> {
    await remove(
      this.#environment.host,
      resources.pods,
      host,
      gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds },
    );
  }

  /** Both exist: binds, passes changes on, brings status back. */
  async #follow(virtual: Pod, host: Pod): Promise<ReconcileResult> {
    let current = host;
    if (!virtual.metadata?.deletionTimestamp && !host.metadata?.deletionTimestamp) {
      if (this.#isAstray(virtual, host)) return this.#deleteOnHost(host);
      if (!(await this.#bind(virtual, host))) return;
      const context = this.#contextFor(virtual);
      if (context) current = await this.#passOnChanges(virtual, host, context);
      for (const beside of [this.#with.tokens, ...this.#with.projections]) beside.check(virtual, current);
    }
    // Until the host's scheduler says something, what the virtual cluster's said is all there is to know.
    if (this.#with.hostNodes.areChosenInside && !current.status?.conditions?.length) return;
    const patch = virtualPodStatusPatch(current, virtual);
    const uid = virtual.metadata?.uid ?? '';
    if (!patch || this.#unkept.has(uid, VIRTUAL_STATUS, patch)) return;
    const wait = this.#takeWrite(virtual);
    if (wait > 0) return { requeueAfterMs: wait };
    const after = await this.#patchVirtualStatus(virtual, patch);
    if (after) this.#unkept.note(uid, VIRTUAL_STATUS, patch, virtualPodStatusPatch(current, after));
  }

  /** What may change while a pod lives. Each is one request only when something differs. */
  async #passOnChanges(virtual: Pod, host: Pod, context: TranslationContext): Promise<Pod> {
    const patched = this.#patchedPod(virtual, context);
    if (patched === 'refused') return host;
    const violations = tolerationViolations(virtual, this.#environment.configuration, this.#knowledge);
    if (violations.length > 0) {
      const message = violationsText(violations);
      warn(this.#environment, resources.pods, virtual, 'PolicyViolation', message);
    }
    // What else has changed, marks of network policies too, does not wait for a toleration to be taken back.
    const held = (pod: Pod, actual: Pod): Pod =>
      violations.length === 0 ? pod : { ...pod, spec: { ...pod.spec!, tolerations: actual.spec?.tolerations ?? [] } };
    let current = await this.#patchHost(virtual, host, (actual) =>
      hostPodPatch(held(virtual, actual), actual, context, patched && held(patched, actual)),
    );
    current = await this.#addEphemeralContainers(virtual, current, context);
    current = await this.#patchHost(virtual, current, (actual) => hostPodResize(patched ?? virtual, actual), 'resize');
    return this.#patchHost(virtual, current, (actual) => hostPodStatusPatch(virtual, actual), 'status');
  }

  /** The whole host pod after field patches, for what may change of it; undefined where no patch is for it. */
  #patchedPod(virtual: Pod, context: TranslationContext): Pod | undefined | 'refused' {
    if (this.#patches.digestFor(virtual) === '') return undefined;
    const translation = translatePod(virtual, context);
    const result = translation.ok ? this.#patches.apply(translation.object, virtual) : translation;
    if (result.ok) return result.object;
    warn(this.#environment, resources.pods, virtual, result.reason, result.message);
    return 'refused';
  }

  /** The same policy as at creation decides: nothing gets in later that was refused before. */
  async #addEphemeralContainers(virtual: Pod, host: Pod, context: TranslationContext): Promise<Pod> {
    const added = this.#ephemeralContainers(virtual, host, context);
    if (!added) return host;
    if (!added.ok) {
      warn(this.#environment, resources.pods, virtual, added.reason, added.message);
      return host;
    }
    const ephemeralContainers = [
      ...(host.spec?.ephemeralContainers ?? []),
      ...(added.object.spec?.ephemeralContainers ?? []),
    ];
    const containers = host.spec?.containers ?? [];
    const violations = this.#violations({ ...host, spec: { ...host.spec, containers, ephemeralContainers } });
    if (violations !== undefined) {
      warn(this.#environment, resources.pods, virtual, 'PolicyViolation', violations);
      return host;
    }
    const difference = (actual: Pod): object | undefined => {
      const lacking = actual === host ? added : this.#ephemeralContainers(virtual, actual, context);
      return lacking?.ok ? lacking.object : undefined;
    };
    return this.#patchHost(virtual, host, difference, 'ephemeralcontainers');
  }

  /** The ephemeral containers that the host pod lacks, after field patches. */
  #ephemeralContainers(
    virtual: Pod,
    host: Pod,
    context: TranslationContext,
  ): Patched<Pick<Pod, 'metadata' | 'spec'>> | ReturnType<typeof hostEphemeralContainers> {
    const added = hostEphemeralContainers(virtual, host, context);
    if (!added?.ok) return added;
    const patched = this.#patches.apply(added.object, virtual);
    if (!patched.ok) return patched;
    const { metadata = {} } = added.object;
    // The subresource takes nothing else.
    const ephemeralContainers = patched.object.spec?.ephemeralContainers ?? [];
    return { ok: true, object: { metadata, spec: { ephemeralContainers } as PodSpec } };
  }

  /**
   * The host pod after the patch, or as it was when the host refuses, which the tenant is told.
   * @param difference the patch that makes a host pod what the virtual one says; undefined when it is that
   */
  async #patchHost(
    virtual: Pod,
    host: Pod,
    difference: (actual: Pod) => object | undefined,
    subresource?: string,
  ): Promise<Pod> {
    const patch = difference(host);
    const uid = virtual.metadata?.uid ?? '';
    const write = `host ${subresource ?? ''}`;
    if (!patch || this.#unkept.has(uid, write, patch)) return host;
    const wait = this.#takeWrite(virtual);
    if (wait > 0) {
      this.#controller.enqueueAfter(objectKey(virtual), wait);
      return host;
    }
    const { name = '', namespace = '' } = host.metadata ?? {};
    try {
      const options = { name, namespace, type: 'strategic', subresource } as const;
      const after = await this.#environment.host.patch<Pod>(resources.pods, options, patch);
      this.#caches.host.pods.observe(after);
      this.#unkept.note(uid, write, patch, difference(after));
      return after;
    } catch (error) {
      if (ApiError.is(error, 'NotFound') || isOtherObject(error)) return host; // the watch tells soon
      if (!isRefusal(error)) throw error;
      this.#unkept.refused(uid, write, patch);
      const message = refusalText(this.#environment, error, virtual, knownNames(virtual));
      warn(this.#environment, resources.pods, virtual, 'RefusedByHost', withoutHiddenContainer(message, host));
      return host;
    }
  }

  /** @returns 0 when a write about the pod may be made now, else the ms after which to look again, which the tenant is told */
  #takeWrite(virtual: Pod): number {
    const wait = this.#budget.take(virtual.metadata?.uid ?? '');
    if (wait > 0) warnWriteLoop(this.#environment, resources.pods, virtual);
    return wait;
  }

  /** What the policy says against a host pod, as one text; undefined when nothing. */
  #violations(host: Pod): string | undefined {
    const { policy } = this.#environment.configuration;
    const violations = checkPod(host, policy.podSecurity, policy);
    return violations.length > 0 ? violationsText(violations) : undefined;
  }

  /** Binds the virtual pod to the host's node. False when the pods contradict each other and both have to go, or the node is gone. */
  async #bind(virtual: Pod, host: Pod): Promise<boolean> {
    const node = host.spec?.nodeName;
    const { name = '', namespace = '', uid = '' } = virtual.metadata ?? {};
    if (!node || virtual.spec?.nodeName === node || this.#bound.has(uid)) return true;
    if (virtual.spec?.nodeName) {
      const message = `the pod was bound to node ${virtual.spec.nodeName}, but the host runs it on ${node}`;
      warn(this.#environment, resources.pods, virtual, 'NodeMismatch', message);
      await remove(this.#environment.virtual, resources.pods, virtual);
      return false;
    }
    if (!(await this.#with.nodes.ensure(node))) {
      this.#waitingForNode.add(objectKey(virtual));
      return false;
    }
    try {
      await this.#environment.virtual.create(
        resources.pods,
        {
          apiVersion: 'v1',
          kind: 'Binding',
          metadata: { name, uid },
          target: { apiVersion: 'v1', kind: 'Node', name: node },
        },
        { name, namespace, subresource: 'binding' },
      );
    } catch (error) {
      if (ApiError.is(error, 'NotFound')) return false; // the watch tells soon
      throw error;
    }
    // Not when the watch was quicker than the answer.
    const known = this.#caches.virtual.pods.get(objectKey(virtual));
    if (known?.metadata?.uid === uid && !known.spec?.nodeName) this.#bound.add(uid);
    return true;
  }

  /**
   * Whether a pod was bound because of a twin of it that the host bound. Where a scheduler of the virtual cluster binds pods, that says
   * nothing of a twin.
   */
  #wasScheduled(virtual: Pod): boolean {
    return !this.#with.hostNodes.areChosenInside && wasScheduled(virtual);
  }

  /** Whether a twin that is on no node yet could end up on another one than the virtual scheduler chose: it is from before there was one. */
  #isAstray(virtual: Pod, host: Pod): boolean {
    if (!this.#with.hostNodes.areChosenInside || host.spec?.nodeName) return false;
    const { nodeName } = virtual.spec ?? {};
    return !nodeName || !isPinnedTo(nodeName, host);
  }

  /** Says why the pod does not start: as an event, and as the condition that `kubectl describe` shows. */
  async #refuse(virtual: Pod, reason: string, message: string, eventReason = reason): Promise<void> {
    warn(this.#environment, resources.pods, virtual, eventReason, message);
    const before = virtual.status?.conditions?.find((condition) => condition.type === 'PodScheduled');
    if (before?.reason === reason && before.message === message) return;
    const scheduled: PodCondition = {
      type: 'PodScheduled',
      status: 'False',
      reason,
      message,
      lastTransitionTime: new Date().toISOString().replace(/\.\d+Z$/, 'Z'),
    };
    await this.#patchVirtualStatus(virtual, {
      metadata: { uid: virtual.metadata?.uid },
      status: { conditions: [scheduled] },
    });
  }

  /** Which of the contents that a pod refers to the host has not, and why; undefined when it has all. */
  #missingContents(virtual: Pod): string | undefined {
    for (const { kind, namespace, name } of podReferences(virtual)) {
      const contents = this.#with.contents.find((one) => one.kind === kind);
      const key = `${namespace}/${name}`;
      if (!contents || contents.isCurrent(key)) continue;
      return notOnHost(`${kind.toLowerCase()} "${name}"`, contents.refusals.of(key));
    }
    return undefined;
  }

  /** Undefined while the pod's namespace is not known. */
  #contextFor(virtual: Pod): TranslationContext | undefined {
    const { identity, anchor, apiServerIP, configuration, hostVersion } = this.#environment;
    const namespace = virtual.metadata?.namespace ?? '';
    const seen = this.#caches.virtual.namespaces.get(namespace);
    if (!seen) return undefined;
    const dnsIP = this.#caches.host.services.get(this.#caches.hostKeyOf(DNS_SERVICE))?.spec?.clusterIP;
    const context = { identity, anchor, hostMinor: hostVersion.minor };
    return podContext(configuration, context, {
      apiServerIP,
      workloadServiceAccount: this.#with.classes.serviceAccountName(virtual),
      priorityClassName: this.#with.classes.priorityClassName(virtual),
      ...(dnsIP === undefined || dnsIP === '' || dnsIP === 'None' ? {} : { dnsIP }),
      selectedFor: this.#with.selected?.directions(virtual),
      namespaceLabels: seen.metadata?.labels ?? {},
      services: this.#caches.virtual.services.byIndex(INDEX.namespace, namespace).map(({ metadata, spec }) => ({
        name: metadata?.name ?? '',
        clusterIP: spec?.clusterIP,
        ports: spec?.ports ?? [],
      })),
    });
  }

  get #knowledge(): PodKnowledge {
    const { classes, hostNodes } = this.#with;
    return { hasNode: (name) => hostNodes.has(name), runtimeClasses: classes.runtimeClasses };
  }
}

type NoTwin = Extract<MadeTwin<Pod>, { readonly ok: false }>;

/** Objects of the tenant that the host may name when it speaks of a pod. */
function knownNames(pod: Pod): readonly KnownName[] {
  const { metadata, spec } = pod;
  return [
    ...podReferences(pod),
    { namespace: metadata?.namespace ?? '', name: serviceAccountOf(pod) },
    ...(spec?.priorityClassName ? [{ namespace: '', name: spec.priorityClassName }] : []),
  ];
}

/** Whether a pod was bound to a node, by this syncer that is; a name that a tenant wrote into the spec is no such sign. */
function wasScheduled(pod: Pod): boolean {
  const scheduled = pod.status?.conditions?.find(({ type }) => type === 'PodScheduled');
  return Boolean(pod.spec?.nodeName) && scheduled?.status === 'True';
}

/**
 * Whether a pod without a twin ran when the virtual cluster was put to sleep, and nobody makes another one in its place: it starts again on
 * its node, as after a restart of that. One with a controller goes, and its controller makes another one where there is room.
 */
function wasPutToSleep({ metadata, status }: Pod, pausedAt: number | undefined): boolean {
  if (pausedAt === undefined || metadata?.ownerReferences?.some(({ controller }) => controller)) return false;
  return Date.parse(status?.startTime ?? metadata?.creationTimestamp ?? '') <= pausedAt;
}

function sameLabels(a: Record<string, string> | undefined = {}, b: Record<string, string> | undefined = {}): boolean {
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => a[key] === b[key]);
}
