import type { Pod } from 'kubernetes-types/core/v1';
import type { JsonObject } from './fields';
import type { PodEnvironment } from './pod-environment';

/*
 * Resource claims of a pod. Claims from templates are made by the virtual cluster's own controller, which writes their names into
 * the pod's status: the host pod names the twin of such a claim, and is not made before that is known.
 */

/** An entry of `spec.resourceClaims`; the types are older. */
interface PodClaim {
  readonly name: string;
  readonly resourceClaimName?: string | null;
  readonly resourceClaimTemplateName?: string | null;
}

/** An entry of `status.resourceClaimStatuses`. */
interface PodClaimStatus {
  readonly name: string;
  readonly resourceClaimName?: string | null;
}

/** Rule of a resource claim of a pod. */
export function translatePodClaim(
  copy: JsonObject,
  source: JsonObject,
  environment: PodEnvironment,
  path: () => string,
): void {
  if (environment.context.resourceClaims !== true) {
    environment.refuse(
      path(),
      'uses dynamic resource allocation, which this virtual cluster does not have; ask for an extended resource in resources.limits, or the operator for sync.toHost.resourceClaims',
    );
    return;
  }
  if (typeof source['resourceClaimTemplateName'] !== 'string') return;
  delete copy['resourceClaimTemplateName'];
  const generated = generatedClaim(environment.pod, source as unknown as PodClaim);
  if (generated !== undefined) copy['resourceClaimName'] = environment.reference('ResourceClaim', generated, false);
}

/** The claim of a pod that its controller has not made yet, as that pod's author knows it; undefined when it has all. */
export function missingClaim(pod: Pod): string | undefined {
  return podClaims(pod).find(
    (claim) => claim.resourceClaimTemplateName != null && generatedClaim(pod, claim) === undefined,
  )?.name;
}

/** Names of the claims that a pod uses, as far as they are known. */
export function claimNames(pod: Pod): readonly string[] {
  return podClaims(pod).flatMap((claim) => {
    const name = claim.resourceClaimTemplateName == null ? claim.resourceClaimName : generatedClaim(pod, claim);
    return name ? [name] : [];
  });
}

function podClaims({ spec }: Pod): readonly PodClaim[] {
  return (spec as { resourceClaims?: readonly PodClaim[] } | undefined)?.resourceClaims ?? [];
}

function generatedClaim({ status }: Pod, { name }: PodClaim): string | undefined {
  const statuses = (status as { resourceClaimStatuses?: readonly PodClaimStatus[] } | undefined)?.resourceClaimStatuses;
  return statuses?.find((one) => one.name === name)?.resourceClaimName ?? undefined;
}
