/** `nestling/testing`: for unit tests of an app's own virtual clusters. It needs no test framework, and nothing runs. */
export { ATTACKS, type Attack, type StoppedAt } from './attacks';
export { assertIsolated, attack, type AssertIsolatedOptions, type AttackResult } from './isolation';
export { Synthesized, type HostObject } from './synthesized';
export {
  explain,
  type ExplainedField,
  type ExplainFacts,
  type Explanation,
  type NeededObject,
  type TenantManifest,
} from '../explain';
export { rights, type RightOnHost, type RightsOnHost } from '../rights';
