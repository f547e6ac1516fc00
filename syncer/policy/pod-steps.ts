import type { Pod, Toleration } from 'kubernetes-types/core/v1';
import type { SyncerConfiguration } from '../configuration';
import { translatePod, type ObjectContext, type Reference, type TranslationContext } from '../translation';
import { checkChosenNode, checkNodes } from './check-nodes';
import { checkPod } from './check-pod';
import { checkRuntimeClass } from './check-runtime-class';
import { checkTolerations } from './check-tolerations';
import type { TwinSteps } from './make-twin';
import type { Violation } from './violation';

/** What the translation of a pod needs beside the configuration. */
export type PodFacts = Pick<
  TranslationContext,
  | 'apiServerIP'
  | 'dnsIP'
  | 'workloadServiceAccount'
  | 'priorityClassName'
  | 'selectedFor'
  | 'namespaceLabels'
  | 'services'
>;

/** What the translation of a pod goes by. */
export function podContext(
  { virtualCluster, host, sync, dns, policy, scheduling }: SyncerConfiguration,
  { identity, anchor, hostMinor }: ObjectContext,
  facts: PodFacts,
): TranslationContext {
  const { mode, enforce, selector } = sync.fromHost.nodes;
  return {
    ...facts,
    identity,
    anchor,
    hostMinor,
    clusterDomain: virtualCluster.clusterDomain,
    helperImage: host.helperImage,
    realNodeLabels: mode !== 'fake',
    scheduledInside: scheduling.scheduler === 'virtual',
    enforcedNodeSelector: enforce ? selector : undefined,
    resourceClaims: sync.toHost.resourceClaims.enabled,
    dnsEnabled: dns.enabled,
    alwaysPullImages: policy.alwaysPullImages,
  };
}

/** What the policy of pods asks about the host. */
export interface PodKnowledge {
  /** Whether a node is one that the tenant's pods may run on. */
  readonly hasNode: (name: string) => boolean;
  /** RuntimeClasses of the host that tenants are shown; undefined where they are not limited to some, or it is not known. */
  readonly runtimeClasses?: RuntimeClassKnowledge | undefined;
}

/** What is known of the RuntimeClasses that tenants are shown. */
export interface RuntimeClassKnowledge {
  readonly shows: (name: string) => boolean;
  /** Tolerations that a shown class gives its pods. */
  readonly tolerations: (name: string) => readonly Toleration[] | undefined;
}

/** Pods. Claims that they have stand in {@link claimProblem}. */
export function podSteps(
  configuration: SyncerConfiguration,
  context: TranslationContext,
  knowledge: PodKnowledge,
): TwinSteps<Pod> {
  const { policy } = configuration;
  return {
    translate: (virtual) => translatePod(virtual, context),
    violations: (wanted, virtual) => [
      ...checkPod(wanted, policy.podSecurity, policy),
      ...runtimeClassViolations(virtual, knowledge),
      ...tolerationViolations(virtual, configuration, knowledge),
      ...nodeViolations(virtual, configuration, knowledge),
    ],
  };
}

function runtimeClassViolations(virtual: Pod, { runtimeClasses }: PodKnowledge): readonly Violation[] {
  return runtimeClasses ? checkRuntimeClass(virtual, runtimeClasses.shows) : [];
}

/** What is against the tolerations of a pod, which may be added while it lives. */
export function tolerationViolations(
  virtual: Pod,
  { policy }: SyncerConfiguration,
  { runtimeClasses }: Pick<PodKnowledge, 'runtimeClasses'>,
): readonly Violation[] {
  const name = virtual.spec?.runtimeClassName;
  const given = name === undefined ? undefined : runtimeClasses?.tolerations(name);
  return checkTolerations(virtual, { level: policy.podSecurity, toleratedTaints: policy.toleratedTaints, given });
}

/** What is against the nodes that a pod asks for. */
export function nodeViolations(
  virtual: Pod,
  { scheduling, sync }: SyncerConfiguration,
  { hasNode }: Pick<PodKnowledge, 'hasNode'>,
): readonly Violation[] {
  if (scheduling.scheduler === 'virtual') return checkChosenNode(virtual, hasNode);
  const { selector, enforce } = sync.fromHost.nodes;
  return enforce ? checkNodes(virtual, { selector, has: hasNode }) : [];
}

/** Why a pod cannot have the claim that it refers to: without claims of the virtual cluster it would wait for ever. */
export function claimProblem(references: readonly Reference[], { sync }: SyncerConfiguration): string | undefined {
  if (sync.toHost.persistentVolumeClaims.enabled) return undefined;
  const claim = references.find(({ kind }) => kind === 'PersistentVolumeClaim');
  return (
    claim &&
    `persistentvolumeclaim "${claim.name}": the platform does not provide persistent volumes to this virtual cluster; use an emptyDir volume`
  );
}
