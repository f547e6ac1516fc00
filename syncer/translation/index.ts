export { appliedPatch, exactPatch, withAppliedDigest } from './applied';
export { ingressClassView } from './class-views';
export { translateConfigMap } from './config-map';
export { CustomResourceTranslator, type CustomResource } from './custom-resource';
export {
  definitionProblem,
  hasStatusSubresource,
  isEstablished,
  servesVersion,
  virtualDefinition,
  withVersionOnly,
  type Definition,
} from './definition';
export type { Anchor, LinkedService, ObjectContext, Reference, Translation, TranslationContext } from './context';
export { eventUpdate, HOST_EVENT_LABEL, translateEvent, type EventSubject } from './event';
export { minorOf, OLDEST_HOST_MINOR, unknownFieldsText } from './host-version';
export { fieldRule } from './field-rules';
export { FieldPatches, type Patched, type PatchedKind } from './field-patches';
export { editAt, isDeeperThan, MAX_DEPTH, visitAt, type Found, type Place } from './json-path';
export { objectChanges } from './json';
export {
  ingressClassOf,
  ingressReferences,
  translateIngress,
  virtualIngressStatus,
  type IngressContext,
  type IngressTranslation,
} from './ingress';
export {
  SERVICE_NAME,
  serviceOfSlice,
  SLICE_MANAGER,
  translateEndpointSlice,
  type EndpointPod,
  type EndpointSliceContext,
} from './endpoint-slice';
export {
  ANNOTATIONS,
  HOST_CLAIM_FINALIZER,
  hostAnnotationKey,
  hostLabelKey,
  hostNamespaceLabelKey,
  LABELS,
} from './keys';
export { publicationOf, publishService, shownService, shownSlice, type Publication } from './host-service';
export { hostLabels, hostMatchLabels, hostSelector } from './labels';
export {
  anchorReference,
  CERTIFICATES_KIND,
  companionName,
  hostClusterMetadata,
  hostMetadata,
  ownedBy,
  TOKENS_KIND,
  TRUST_KIND,
  type CompanionKind,
  type VirtualIdentity,
} from './metadata';
export {
  certificateSecretName,
  clusterScopedHostName,
  hostName,
  isHashedName,
  tokenSecretName,
  trustAnchorsName,
  virtualNames,
  type ClusterIdentity,
} from './names';
export {
  policyDirections,
  translateNetworkPolicy,
  type NetworkPolicyContext,
  type PlatformNetwork,
} from './network-policy';
export {
  hostNodeFacts,
  hasTenantsKubelet,
  isVirtualNode,
  nodeAddress,
  realNode,
  showsHostNode,
  virtualNode,
  virtualNodePatch,
  virtualNodeStatusPatch,
  type NodeFacts,
} from './node';
export { cadvisorMetricsText, resourceMetricsText, statsSummary, type StatsSummary } from './node-stats';
export { isCounted, translatePodDisruptionBudget } from './pod-disruption-budget';
export { claimVolumeName, isBoundTo, isVolumeOf, volumeOfClaim } from './persistent-volume';
export {
  adoptionObstacle,
  claimSources,
  hostPersistentVolumeClaimPatch,
  isEphemeralClaim,
  guardedFor,
  keptFor,
  translatePersistentVolumeClaim,
  virtualPersistentVolumeClaimPatch,
  wasBound,
  type OfferedAttributes,
  type OfferedClasses,
} from './persistent-volume-claim';
export {
  podCertificateSources,
  translatePodCertificates,
  type CertificateSource,
  type IssuedCertificate,
  type PodCertificateRequest,
} from './pod-certificates';
export { isPinnedTo } from './node-pin';
export { podReferences } from './pod-references';
export { isGated, translatePod } from './pod';
export { hiddenContainerName, withoutHiddenContainer } from './hidden-container';
export {
  hostPriorityClass,
  isSystemPriorityClass,
  priorityClassNeedsRecreation,
  translatePriorityClass,
} from './priority-class';
export { serviceAccountOf, translateServiceAccount } from './service-account';
export { hostEphemeralContainers, hostPodPatch, hostPodResize } from './pod-patch';
export { hostPodStatusPatch, virtualPodStatus, virtualPodStatusPatch } from './pod-status';
export {
  translateResourceClaim,
  virtualClaimStatusPatch,
  type ClaimConsumer,
  type ResourceClaim,
} from './resource-claim';
export {
  NODE_VIEW_RIGHTS,
  syncerClusterRights,
  syncerNamespaceRights,
  syncerRights,
  widerRights,
  type HostRight,
  type WiderRight,
} from './rights';
export { translateSecret } from './secret';
export {
  hasSelector,
  hostServicePatch,
  losesSelector,
  serviceNeedsRecreation,
  translateService,
  virtualServicePatch,
  type ServiceContext,
} from './service';
export {
  adoption,
  clusterIPs,
  contradicts,
  isReserved,
  reservationAge,
  reservationVerdict,
  UPDATE_RESERVATION_SECONDS,
  type ReservationVerdict,
} from './service-reservation';
export {
  nodeMetrics,
  RESOURCE_METRICS,
  RESOURCE_METRICS_ADDRESS,
  RESOURCE_METRICS_SERVICE,
  translatePodMetrics,
  type MeasuredPod,
  type NodeMetrics,
  type PodMetrics,
} from './resource-metrics';
export { defaultClass, storageClassView } from './storage-class';
export { tenantText, type KnownName } from './tenant-text';
export { unkeptFields } from './unkept-fields';
export { podTokens, translateTokens, type TokenRequestSpec } from './tokens';
export {
  podTrustSources,
  translateTrustAnchors,
  trustAnchors,
  type ClusterTrustBundle,
  type TrustSource,
} from './trust-anchors';
export { ephemeralClaimName } from './volumes';
export { hasLabels, isView, viewOf } from './view';
