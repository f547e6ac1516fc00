export { type ApiServerAddresses, apiServerAddresses } from './api-server-addresses';
export { type PodLayout, POD_LAYOUT, SERVICE_WEBHOOK } from './api-server-configuration';
export { createAuthority, Issuer, type KeyPair, type LeafRequest, type LeafUsage, type Validity } from './certificate';
export { CertificateKeeper, type CertificateKeeperOptions, type KeptCredentials } from './certificate-keeper';
export { createKeyAndRequest, isKeyType, KEY_TYPES, type KeyAndRequest, type KeyType } from './certificate-request';
export {
  type Initialised,
  initialise,
  type InitialiseLogger,
  type InitialiseOptions,
  listed,
  VersionError,
} from './initialise';
export { recordVersion } from './recorded-version';
export { SERVICE_WEBHOOK_FILE } from './control-plane-files';
export { formatKubeconfig, type KubeconfigContent } from './kubeconfig';
export { Material, MATERIAL_KEYS, MaterialError } from './material';
export {
  apiServerLeaf,
  AUTHORITIES,
  type AuthorityName,
  hasStoreMembers,
  type LeafPlan,
  SHARED_LEAFS,
  type SharedLeafName,
} from './plan';
export { dueAt, LIFETIMES, type Lifetimes, lifetimesOf, whyIssue } from './renewal';
export { findServiceRanges, type RangeQuestion } from './service-range';
export { ServiceRangeError } from './service-range-search';
export { writeFiles } from './write-files';
