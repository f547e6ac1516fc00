import type { ServiceAccount } from 'kubernetes-types/core/v1';
import { objectKey } from '../engine';
import { resources } from '../kube-client';
import { serviceAccountSteps } from '../policy';
import { withoutLastApplied } from './caches';
import type { Caches } from './caches';
import type { KindEnvironment } from './environment';
import type { References } from './references';
import { byUID, Twins } from './twins';

/** How soon to look again whether all references are known, in ms. */
const UNKNOWN_RETRY_MS = 5_000;

/** ServiceAccounts that pods use, for what a cloud gives to accounts. All referrers have to be known before. */
export function serviceAccounts(
  environment: KindEnvironment,
  caches: Caches,
  references: References,
): Twins<ServiceAccount> {
  const type = resources.serviceAccounts;
  const twins = new Twins<ServiceAccount>(environment, caches, {
    type,
    virtual: caches.of<ServiceAccount>('virtual', type, { transform: withoutLastApplied }),
    host: caches.of<ServiceAccount>('host', type),
    waitFor: references.sources,
    concerns: (virtual) => references.has('ServiceAccount', objectKey(virtual)),
    // While a custom resource may still turn out to refer to it, none is taken away.
    verdict: (host, virtual) =>
      virtual === undefined && !references.isComplete
        ? { verdict: 'wait', afterMs: UNKNOWN_RETRY_MS }
        : byUID(host, virtual),
    ...serviceAccountSteps(environment.configuration, environment),
    whenRefused: 'remove',
  });
  references.subscribe((kind, key) => {
    if (kind === 'ServiceAccount') twins.enqueue(key);
  });
  return twins;
}
