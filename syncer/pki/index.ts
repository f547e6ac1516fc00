export { createAuthority, Issuer, type KeyPair, type LeafRequest, type LeafUsage, type Validity } from './certificate';
