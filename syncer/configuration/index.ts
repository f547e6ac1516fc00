export { cidrContains, parseCidr, type Cidr } from './cidr';
export { ConfigurationError, problemLine, type ConfigurationProblem } from './error';
export { configurationJsonSchema } from './json-schema';
export { clusterNameProblem, dnsNameProblem, MAX_NAME_LENGTH } from './names';
export { formatConfiguration, parseConfiguration, resolveConfiguration } from './parse';
export {
  CONFIGURATION_API_VERSION,
  CONFIGURATION_DEFAULTS,
  CONFIGURATION_KIND,
  configurationSchema,
  defaultWorkloadServiceAccount,
  LOG_LEVELS,
  POD_SECURITY_LEVELS,
  type PodSecurity,
  type SyncerConfiguration,
  type SyncerConfigurationInput,
} from './schema';
