export {
  ADDRESS_BITS,
  addressFamily,
  addressGroups,
  addressToBits,
  bitsToAddress,
  familyOf,
  type IPFamily,
} from './address';
export { cidrContains, parseCidr, serviceRangeProblem, type Cidr } from './cidr';
export { CONTROL_PLANE_LABEL, controlPlaneLabels, controlPlaneSelector, type Component } from './control-plane-labels';
export { ConfigurationError, problemLine, type ConfigurationProblem } from './error';
export { configurationJsonSchema } from './json-schema';
export {
  clusterNameProblem,
  CONFIGURATION_KEY,
  controlPlaneNames,
  dnsNameProblem,
  imageProblem,
  MAX_NAME_LENGTH,
  NAME_SEPARATOR,
  namespaceNameProblem,
  SERVICE_CIDR_KEY,
  type ControlPlaneNames,
} from './names';
export { formatConfiguration, parseConfiguration, resolveConfiguration } from './parse';
export {
  CONFIGURATION_API_VERSION,
  CONFIGURATION_DEFAULTS,
  CONFIGURATION_KIND,
  configurationSchema,
  LOG_LEVELS,
  POD_SECURITY_LEVELS,
  type PodSecurity,
  type SyncerConfiguration,
  type SyncerConfigurationInput,
} from './schema';
