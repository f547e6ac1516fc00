import type { ObjectMeta } from 'kubernetes-types/meta/v1';
import type { ObjectContext, Translation } from './context';
import { RefusalCollector } from './copy-environment';
import { Copier, list, object, plain, plainList, plainMap, refused, type CopyEnvironment, type Field } from './fields';
import { YOUNG_FIELDS } from './host-version';
import type { HostRight } from './host-right';
import { jsonEqual } from './json';
import { hostMetadata } from './metadata';

/** What the syncer does with resource claims on the host. */
export const RESOURCE_CLAIM_RIGHTS: readonly HostRight[] = [
  {
    apiGroup: 'resource.k8s.io',
    resources: ['resourceclaims'],
    verbs: ['get', 'list', 'watch', 'create', 'patch', 'delete'],
  },
];

/** Who uses a claim: `status.reservedFor`. */
export interface ClaimConsumer {
  readonly apiGroup?: string;
  readonly resource: string;
  readonly name: string;
  readonly uid: string;
}

/** `status` of a claim, which the host's scheduler and drivers write. */
export interface ClaimStatus {
  readonly allocation?: object;
  readonly devices?: readonly object[];
  readonly reservedFor?: readonly ClaimConsumer[];
}

/** A ResourceClaim of `resource.k8s.io/v1`. */
export interface ResourceClaim {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata?: ObjectMeta;
  readonly spec?: object;
  readonly status?: ClaimStatus;
  readonly [key: string]: unknown;
}

const capacity = object<CopyEnvironment>({ requests: plainMap });
const selectors = list<CopyEnvironment>(object({ cel: object({ expression: plain }) }));
const tolerations = list<CopyEnvironment>(
  object({ effect: plain, key: plain, operator: plain, tolerationSeconds: plain, value: plain }),
);
const derivedAttributes = list<CopyEnvironment>(
  object({ expression: YOUNG_FIELDS.derivedAttribute, name: YOUNG_FIELDS.derivedAttribute }),
);

/** What a request and each of its alternatives have. Device classes, devices and their attributes are the host's. */
const request: { readonly [name: string]: Field<CopyEnvironment> } = {
  allocationMode: plain,
  capacity,
  count: plain,
  derivedAttributes,
  deviceClassName: plain,
  selectors,
  tolerations,
};

/** ResourceClaimSpec. */
export const RESOURCE_CLAIM_SPEC: Field<CopyEnvironment> = object({
  devices: object({
    requests: list(
      object({
        name: plain,
        exactly: object({
          ...request,
          adminAccess: refused(
            'gives access to devices that others use, which only the operator of the host may have; leave it out',
          ),
        }),
        firstAvailable: list(object({ ...request, name: plain })),
      }),
    ),
    constraints: list(object({ distinctAttribute: plain, matchAttribute: plain, requests: plainList })),
    config: list(
      object({
        // Parameters are the driver's: what they mean is not known here, nor whether they name anything.
        opaque: object({ driver: plain, parameters: { class: 'plain', shape: 'any' } }),
        requests: plainList,
      }),
    ),
  }),
});

/** The host twin of a claim. The host's scheduler allocates it, for pods that name the twin. */
export function translateResourceClaim(
  claim: ResourceClaim,
  context: ObjectContext & { readonly hostMinor?: number | undefined },
): Translation<ResourceClaim> {
  const environment = new RefusalCollector(context.hostMinor);
  const spec = new Copier(environment).copy(RESOURCE_CLAIM_SPEC, claim.spec ?? {}, ['spec']) as object;
  const refusal = environment.refusal();
  if (refusal) return refusal;
  const metadata = hostMetadata('ResourceClaim', claim.metadata, context);
  return {
    ok: true,
    object: { apiVersion: 'resource.k8s.io/v1', kind: 'ResourceClaim', metadata, spec },
    references: [],
  };
}

/**
 * What stands under `status` in a JSON merge patch of the virtual claim, or undefined when it shows what it should.
 *
 * Consumers are added, and taken away only with the allocation: the virtual cluster's own controller takes those away whose pods
 * have ended, earlier than the host's does, and adds pods that it sees bound. An allocation cannot be changed, so that another
 * one takes two patches.
 *
 * @param consumers the host's consumers that are pods of the virtual cluster and have not ended, as they are called there
 */
export function virtualClaimStatusPatch(
  host: ClaimStatus | undefined,
  virtual: ClaimStatus | undefined,
  consumers: readonly ClaimConsumer[],
): object | undefined {
  const [wanted, present] = [host?.allocation, virtual?.allocation];
  if (present !== undefined && !jsonEqual(wanted, present))
    return { allocation: null, devices: null, reservedFor: null };
  if (wanted === undefined) return undefined;
  const known = new Set(virtual?.reservedFor?.map(({ uid }) => uid));
  const added = consumers.filter(({ uid }) => !known.has(uid));
  const changes = {
    ...(present === undefined && { allocation: wanted }),
    ...(!jsonEqual(host?.devices ?? [], virtual?.devices ?? []) && { devices: host?.devices ?? null }),
    ...(added.length > 0 && { reservedFor: [...(virtual?.reservedFor ?? []), ...added] }),
  };
  return Object.keys(changes).length > 0 ? changes : undefined;
}
