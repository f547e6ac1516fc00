import type { NetworkPolicy } from 'kubernetes-types/networking/v1';
import { parseCidr, type Cidr } from '../configuration';
import { resources } from '../kube-client';
import { translateNetworkPolicy } from '../translation';
import { withoutLastApplied, type Caches } from './caches';
import type { KindEnvironment } from './environment';
import { Twins } from './twins';

/** NetworkPolicies: their twins select the twins of the pods that they select. */
export function networkPolicies(environment: KindEnvironment, caches: Caches): Twins<NetworkPolicy> {
  const { identity, anchor, configuration } = environment;
  const { allowedEgress, allowedIngress } = configuration.sync.toHost.networkPolicies;
  const { network } = configuration.policy;
  const context = {
    identity,
    anchor,
    allowedEgress: allowedEgress?.map(checkedRange),
    allowedIngress: allowedIngress?.map(checkedRange),
    platform: network.isolated ? network : undefined,
  };
  const type = resources.networkPolicies;
  return new Twins<NetworkPolicy>(environment, caches, {
    type,
    virtual: caches.of('virtual', type, { transform: withoutLastApplied }),
    host: caches.of('host', type),
    translate: (virtual) => translateNetworkPolicy(virtual, context),
    // Without the twin the pods would be open to all.
    whenRefused: 'keep',
  });
}

/** @throws Error for what is no range, which the configuration does not let in */
function checkedRange(text: string): Cidr {
  const range = parseCidr(text);
  if (typeof range === 'string') throw new Error(`${JSON.stringify(text)} ${range}`);
  return range;
}
