import type { EndpointSlice } from 'kubernetes-types/discovery/v1';
import type { Ingress, NetworkPolicy } from 'kubernetes-types/networking/v1';
import type { PodDisruptionBudget } from 'kubernetes-types/policy/v1';
import type { PriorityClass } from 'kubernetes-types/scheduling/v1';
import type { ConfigMap, Secret, Service, ServiceAccount } from 'kubernetes-types/core/v1';
import { parseCidr, type Cidr, type SyncerConfiguration } from '../configuration';
import {
  translateConfigMap,
  translateEndpointSlice,
  translateIngress,
  translateNetworkPolicy,
  translatePodDisruptionBudget,
  translatePriorityClass,
  translateResourceClaim,
  translateSecret,
  translateService,
  translateServiceAccount,
  type EndpointPod,
  type IngressContext,
  type IngressTranslation,
  type ObjectContext,
  type ResourceClaim,
} from '../translation';
import { checkEndpoints } from './check-endpoints';
import { checkIngress } from './check-ingress';
import { checkService } from './check-service';
import type { TwinSteps } from './make-twin';

/*
 * How objects of each kind but pods and claims go to the host by a configuration: which translation, with what of the configuration, and which
 * policy. What only a running syncer knows is a parameter.
 */

/** ConfigMaps in use. */
export const configMapSteps = (context: ObjectContext): TwinSteps<ConfigMap> => ({
  translate: (virtual) => translateConfigMap(virtual, context),
});

/** Secrets in use. */
export const secretSteps = (context: ObjectContext): TwinSteps<Secret> => ({
  translate: (virtual) => translateSecret(virtual, context),
});

/** Services. */
export function serviceSteps(
  { policy, virtualCluster }: SyncerConfiguration,
  context: ObjectContext,
): TwinSteps<Service> {
  return {
    translate: (virtual) => translateService(virtual, context),
    // The host's domain cannot be asked for; it is `cluster.local` nearly everywhere, as is ours.
    violations: (wanted) =>
      checkService(wanted, policy.podSecurity, { hostClusterDomain: virtualCluster.clusterDomain }),
  };
}

/** Which pods have addresses. */
export interface EndpointKnowledge {
  /** Whether an address is that of a pod of the tenant. */
  readonly isOwnPod: (address: string) => boolean;
  /** The tenant's pods at an address, as the twin names them. */
  readonly podsAt: (address: string) => readonly EndpointPod[];
}

/** EndpointSlices of Services without a selector. */
export function endpointSliceSteps(
  { policy, sync }: SyncerConfiguration,
  context: ObjectContext,
  { isOwnPod, podsAt }: EndpointKnowledge,
): TwinSteps<EndpointSlice> {
  const facts = { isOwnPod, allowedRanges: sync.toHost.endpointSlices.allowedRanges.map(range) };
  return {
    translate: (virtual) => translateEndpointSlice(virtual, { ...context, podsAt }),
    restrict(wanted) {
      const { allowed, violations } = checkEndpoints(wanted, policy.podSecurity, facts);
      // Pods that come and go are no reason to cut off those that stay.
      const refused = violations.length > 0 && allowed.length === 0;
      return { object: refused ? undefined : { ...wanted, endpoints: [...allowed] }, violations };
    },
  };
}

/** Which IngressClasses of the host tenants are shown. */
export interface ShownClasses {
  readonly shows: (name: string) => boolean;
}

/** What of the configuration the translation of Ingresses goes by. */
export function ingressContext({ sync }: SyncerConfiguration, { identity, anchor }: ObjectContext): IngressContext {
  const { annotations, allowedClasses } = sync.toHost.ingresses;
  return { identity, anchor, annotations, defaultClass: allowedClasses[0] };
}

/**
 * Ingresses.
 *
 * @param shown undefined where they are not limited to some, or it is not known
 */
export function ingressSteps(
  configuration: SyncerConfiguration,
  context: ObjectContext,
  shown?: ShownClasses,
): Omit<TwinSteps<Ingress>, 'translate'> & { readonly translate: (virtual: Ingress) => IngressTranslation } {
  const { policy, sync } = configuration;
  const { allowedHosts, allowedClasses } = sync.toHost.ingresses;
  const everyClassIsShown = Object.keys(sync.fromHost.ingressClasses.selector).length === 0;
  const own = ingressContext(configuration, context);
  return {
    translate: (virtual) => translateIngress(virtual, own),
    violations: (wanted) =>
      checkIngress(wanted, {
        level: policy.podSecurity,
        allowedHosts,
        allowedClasses,
        isShown: shown && ((name) => shown.shows(name)),
        mayLackClass: shown === undefined || everyClassIsShown,
      }),
  };
}

/** NetworkPolicies. */
export function networkPolicySteps(
  { policy, sync }: SyncerConfiguration,
  { identity, anchor }: ObjectContext,
): TwinSteps<NetworkPolicy> {
  const { allowedEgress, allowedIngress } = sync.toHost.networkPolicies;
  const { network } = policy;
  const context = {
    identity,
    anchor,
    allowedEgress: allowedEgress?.map(range),
    allowedIngress: allowedIngress?.map(range),
    platform: network.isolated ? network : undefined,
  };
  return { translate: (virtual) => translateNetworkPolicy(virtual, context) };
}

/** PodDisruptionBudgets. */
export const podDisruptionBudgetSteps = (context: ObjectContext): TwinSteps<PodDisruptionBudget> => ({
  translate: (virtual) => translatePodDisruptionBudget(virtual, context),
});

/** @param context by the host's version of the moment */
export const resourceClaimSteps = (context: () => ObjectContext): TwinSteps<ResourceClaim> => ({
  translate: (virtual) => translateResourceClaim(virtual, context()),
});

/** ServiceAccounts that pods run as. */
export function serviceAccountSteps(
  { sync }: SyncerConfiguration,
  { identity, anchor }: ObjectContext,
): TwinSteps<ServiceAccount> {
  const { annotations } = sync.toHost.serviceAccounts;
  return { translate: (virtual) => translateServiceAccount(virtual, { identity, anchor, annotations }) };
}

/** PriorityClasses of the tenant. */
export function priorityClassSteps(
  { sync }: SyncerConfiguration,
  { identity }: Pick<ObjectContext, 'identity'>,
): TwinSteps<PriorityClass> {
  const { maximumValue } = sync.toHost.priorityClasses;
  return { translate: (virtual) => translatePriorityClass(virtual, { identity, maximumValue }) };
}

/** @throws Error for what is no range, which the configuration does not let in */
function range(text: string): Cidr {
  const parsed = parseCidr(text);
  if (typeof parsed === 'string') throw new Error(`${JSON.stringify(text)} ${parsed}`);
  return parsed;
}
