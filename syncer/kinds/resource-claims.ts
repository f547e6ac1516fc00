import type { Pod } from 'kubernetes-types/core/v1';
import { objectKey } from '../engine';
import { resources } from '../kube-client';
import { resourceClaimSteps } from '../policy';
import { ANNOTATIONS, virtualClaimStatusPatch } from '../translation';
import type { ClaimConsumer, ResourceClaim } from '../translation';
import { withoutLastApplied } from './caches';
import type { Caches } from './caches';
import type { KindEnvironment } from './environment';
import { isTerminal } from './pod-phase';
import { Twins } from './twins';

/**
 * Claims of devices (dynamic resource allocation): the host's scheduler allocates the twin for host pods that name it, and the
 * virtual claim shows what it got and which of the tenant's pods use it.
 */
export function resourceClaims(environment: KindEnvironment, caches: Caches): Twins<ResourceClaim> {
  const type = resources.resourceClaims;
  const { hostVersion } = environment;
  const steps = resourceClaimSteps(() => ({ ...environment, hostMinor: hostVersion.minor }));
  const waitingForHost = new Set<string>();
  const virtual = caches.of<ResourceClaim>('virtual', type, { transform: withoutLastApplied });
  virtual.subscribe(({ type: change, key }) => {
    if (change === 'deleted') waitingForHost.delete(key);
  });
  const twins = new Twins<ResourceClaim>(environment, caches, {
    type,
    virtual,
    host: caches.of<ResourceClaim>('host', type),
    // Consumers are told by the pods of both sides.
    waitFor: [caches.virtual.pods, caches.host.pods],
    translate(claim) {
      const translation = steps.translate(claim);
      if (!translation.ok && translation.reason === 'HostTooOld') waitingForHost.add(objectKey(claim));
      return translation;
    },
    // Pods may use it, and its spec never changes: what the host took once does no more harm now.
    whenRefused: 'keep',
    virtualPatch: (host, claim) => ({
      status: virtualClaimStatusPatch(host.status, claim.status, consumers(host, caches)),
    }),
  });
  hostVersion.onChange(() => {
    for (const key of waitingForHost) twins.enqueue(key);
    waitingForHost.clear();
  });
  return twins;
}

/** The pods of the virtual cluster whose twins use a claim on the host, without those that have ended. */
function consumers(host: ResourceClaim, caches: Caches): readonly ClaimConsumer[] {
  return (host.status?.reservedFor ?? []).flatMap((consumer) => {
    if (consumer.resource !== 'pods' || consumer.apiGroup) return [];
    const twin = caches.host.pods.get(`${host.metadata?.namespace}/${consumer.name}`);
    const key = twin?.metadata?.uid === consumer.uid ? caches.virtualKeyOf(twin, 'Pod') : undefined;
    const virtual = key === undefined ? undefined : caches.virtual.pods.get(key);
    if (virtual === undefined || !isTwin(twin, virtual) || isTerminal(virtual)) return [];
    const { name = '', uid = '' } = virtual.metadata ?? {};
    return [{ resource: 'pods', name, uid }];
  });
}

function isTwin(host: Pod | undefined, virtual: Pod): boolean {
  return host?.metadata?.annotations?.[ANNOTATIONS.uid] === virtual.metadata?.uid;
}
