export {
  ADDRESS_BITS,
  addressFamily,
  addressGroups,
  addressToBits,
  bitsToAddress,
  familyOf,
  type IPFamily,
} from './address';
export {
  cidrContains,
  cidrCovers,
  cidrIntersection,
  formatCidr,
  parseCidr,
  parseNetwork,
  rangeProblem,
  serviceRangeProblem,
  type Cidr,
} from './cidr';
export { CONTROL_PLANE_LABEL, controlPlaneLabels, controlPlaneSelector, type Component } from './control-plane-labels';
export {
  CONFIGURATION_API_VERSION,
  CONFIGURATION_DEFAULTS,
  CONFIGURATION_KIND,
  LOG_LEVELS,
  POD_SECURITY_LEVELS,
  RELEASE,
  type PodSecurity,
} from './defaults';
export { ConfigurationError, problemLine, type ConfigurationProblem } from './error';
export {
  hostVersionProblem,
  KUBERNETES_PAIRS,
  KUBERNETES_VERSIONS,
  kubernetesVersionProblem,
  rollingUpgradeProblem,
  serviceWebhookWay,
  upgradeProblem,
  type ServiceWebhookWay,
  type KubernetesPair,
} from './kubernetes-version';
export { keyMatches } from './key-pattern';
export type { AnnotationReference, AnnotationRule, AnnotationValues } from './ingress';
export {
  clusterNameProblem,
  CONFIGURATION_FILE,
  CONFIGURATION_KEY,
  MANIFESTS_KEY,
  controlPlaneNames,
  controlPlanePod,
  dnsNameProblem,
  imageProblem,
  KUBECONFIG_SERVERS,
  kubeconfigSecretProblem,
  kubeconfigServerProblem,
  KUBERNETES_VERSION_KEY,
  MAX_NAME_LENGTH,
  NAME_SEPARATOR,
  namespaceNameProblem,
  ordinalOf,
  REPLICAS_ANNOTATION,
  REPLICAS_KEY,
  SERVICE_CIDR_KEY,
  STORE_DATA_DIRECTORY,
  STORE_DIRECTORY,
  STORE_PEER_NAME,
  STORE_PEER_PORT,
  STORE_SETTINGS_KEY,
  storeMemberHost,
  storePeerURL,
  type ControlPlaneNames,
} from './names';
// What reads, checks and writes the document is in ./document: its libraries take 12 MB, which a syncer that runs does not have.
export type { SyncerConfiguration, SyncerConfigurationInput } from './schema';
export type { NetworkPeerSetting } from './network-isolation';
export type { NodeMode } from './nodes';
export type { PublishedService, ShownHostService } from './host-services';
export type { CustomResourceFromHost, CustomResourceToHost } from './custom-resources';
export type { FieldOperation, FieldPatchRule, TextFunction } from './field-patches';
export { jsonPath, jsonPathText, parseJsonPath, type JsonPath, type JsonPathPart } from './json-path';
