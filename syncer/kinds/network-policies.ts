import type { NetworkPolicy } from 'kubernetes-types/networking/v1';
import { resources } from '../kube-client';
import { networkPolicySteps } from '../policy';
import { withoutLastApplied, type Caches } from './caches';
import type { KindEnvironment } from './environment';
import { Twins } from './twins';

/** NetworkPolicies: their twins select the twins of the pods that they select. */
export function networkPolicies(environment: KindEnvironment, caches: Caches): Twins<NetworkPolicy> {
  const type = resources.networkPolicies;
  return new Twins<NetworkPolicy>(environment, caches, {
    type,
    virtual: caches.of('virtual', type, { transform: withoutLastApplied }),
    host: caches.of('host', type),
    ...networkPolicySteps(environment.configuration, environment),
    // Without the twin the pods would be open to all.
    whenRefused: 'keep',
  });
}
