import * as z from 'zod';
import { checked } from './checked';
import { parseCidr, rangeProblem } from './cidr';
import { fromHostCustomResource, toHostCustomResource } from './custom-resources';
import { fieldPatch } from './field-patches';
import { CONFIGURATION_DEFAULTS } from './defaults';
import { annotationPattern, ingressSync } from './ingress';
import { nodeSync } from './nodes';

/** A kind that is synced or not. */
function toggle(byDefault: boolean, description: string) {
  return z
    .strictObject({ enabled: z.boolean().default(byDefault).describe('Whether it is synced.') })
    .prefault({})
    .describe(description);
}

/** Annotations that say which identity of a cloud a ServiceAccount stands for: of AWS, Google Cloud and Azure. */
const CLOUD_IDENTITY = [
  'eks.amazonaws.com/role-arn',
  'eks.amazonaws.com/audience',
  'eks.amazonaws.com/sts-regional-endpoints',
  'eks.amazonaws.com/token-expiration',
  'iam.gke.io/gcp-service-account',
  'azure.workload.identity/*',
];

/** Highest value that the API lets anybody give; above are the system's own. */
const HIGHEST_PRIORITY = 1_000_000_000;

/** A kind of the host's cluster-scoped objects that tenants see, or not. */
function view(description: string) {
  return z
    .strictObject({
      enabled: z
        .boolean()
        .default(false)
        .describe('Whether tenants see them. Needs the right to read them on the host.'),
      selector: z
        .record(z.string(), z.string())
        .default({})
        .describe('Labels that an object of the host must have to be shown. Empty: all are.'),
    })
    .prefault({})
    .describe(description);
}

/**
 * What is deleted on the host with a claim of the tenant: `Delete` the host's claim, as in any namespace; `Retain` nothing, so
 * that an operator can still get at the data, not even with the virtual cluster. Claims of ephemeral volumes go with their pods.
 */
const CLAIM_DELETION_POLICIES = ['Delete', 'Retain'] as const;

/** Address ranges that tenants' NetworkPolicies are limited to. */
function allowedRanges(description: string) {
  const range = z.string().superRefine((value, context) => {
    const found = parseCidr(value);
    if (typeof found === 'string') context.addIssue({ code: 'custom', message: found });
  });
  return z.array(range).exactOptional().describe(description);
}

const toHost = z
  .strictObject({
    persistentVolumeClaims: z
      .strictObject({
        enabled: z.boolean().default(true).describe('Whether it is synced. Without, a pod with a claim is refused.'),
        deletionPolicy: z
          .enum(CLAIM_DELETION_POLICIES)
          .default('Delete')
          .describe(
            "What becomes of the host's claim when the tenant deletes its own. Retain keeps it, also beyond the virtual cluster, and a new claim of that name gets it again.",
          ),
      })
      .prefault({})
      .describe('PersistentVolumeClaims.'),
    endpointSlices: z
      .strictObject({
        enabled: z.boolean().default(true).describe('Whether it is synced.'),
        allowedRanges: z
          .array(checked(rangeProblem))
          .default([])
          .describe(
            "Address ranges (CIDRs) that endpoints may lie in beside the virtual cluster's own pods, such as that of a database outside of the host. With the privileged policy all addresses are allowed.",
          ),
      })
      .prefault({})
      .describe('EndpointSlices of Services without a selector.'),
    ingresses: ingressSync,
    networkPolicies: z
      .strictObject({
        enabled: z.boolean().default(true).describe('Whether it is synced.'),
        allowedEgress: allowedRanges(
          "Address ranges that the tenant's policies can let its pods send to, beside its own pods. Policies add up, so that one with `egress: [{}]` would undo a deny of the host namespace. Default: all; empty: none.",
        ),
        allowedIngress: allowedRanges(
          "Address ranges that the tenant's policies can let its pods receive from, beside its own pods. Default: all; empty: none.",
        ),
      })
      .prefault({})
      .describe('NetworkPolicies. Without, a NetworkPolicy of the tenant protects nothing.'),
    podDisruptionBudgets: toggle(true, 'PodDisruptionBudgets.'),
    serviceAccounts: z
      .strictObject({
        enabled: z
          .boolean()
          .default(false)
          .describe(
            'Whether each that a pod uses has a twin that the pod runs as. Without, all run as one without rights.',
          ),
        annotations: z
          .array(annotationPattern)
          .default(CLOUD_IDENTITY)
          .describe('Keys of annotations that the twin has, or with a `*` at the end all that begin so.'),
      })
      .prefault({})
      .describe(
        "ServiceAccounts, for the identity that a cloud's annotations give them. They have no rights on the host.",
      ),
    priorityClasses: z
      .strictObject({
        enabled: z.boolean().default(false).describe('Whether they are synced. Needs cluster-wide rights on the host.'),
        maximumValue: z
          .int('must be a whole number')
          .min(-HIGHEST_PRIORITY, `must be at least ${-HIGHEST_PRIORITY}`)
          .max(HIGHEST_PRIORITY, `must be at most ${HIGHEST_PRIORITY}: what is higher is the system's own`)
          .default(CONFIGURATION_DEFAULTS.maximumPriority)
          .describe(
            "Highest value that a class has on the host, where pods preempt those of lower values, other tenants' too. Higher ones " +
              'are lowered to it; those of system classes never get there.',
          ),
        maximumCount: z
          .int('must be a whole number')
          .min(1, 'must be at least 1; to have none, set enabled to false')
          .default(CONFIGURATION_DEFAULTS.maximumPriorityClasses)
          .describe(
            'How many of them are on the host at a time, where no quota counts objects without namespace. The others wait in the virtual ' +
              'cluster until one goes.',
          ),
      })
      .prefault({})
      .describe('PriorityClasses of the tenant.'),
    resourceClaims: toggle(false, 'ResourceClaims (dynamic resource allocation).'),
    customResources: z
      .array(toHostCustomResource)
      .default([])
      .describe(
        "Custom resources of the tenant, whose definitions are copied from the host. What their fields name on the host, beside the declared references, is theirs to say: name only kinds that may do no harm in a tenant's hands.",
      ),
  })
  .prefault({})
  .describe("What of the tenant's goes to the host, beside pods, Services, and the ConfigMaps and Secrets in use.");

const fromHost = z
  .strictObject({
    events: toggle(true, "The host's events about the tenant's objects, in the tenant's names."),
    nodes: nodeSync,
    metrics: toggle(
      true,
      "What the tenant's pods use, from the host's metrics server, as metrics.k8s.io in the virtual cluster: for `kubectl top` and HorizontalPodAutoscalers. It is there once the host has a metrics server; a node uses what the tenant's pods on it do.",
    ),
    persistentVolumes: toggle(
      false,
      "Facts of the host's volumes behind the tenant's claims. Needs the right to read PersistentVolumes on the host.",
    ),
    storageClasses: view(
      'StorageClasses of the host. Claims may name those that are shown, and no others; without, any of the host.',
    ),
    volumeAttributesClasses: view(
      'VolumeAttributesClasses of the host. Claims may name those that are shown, and no others; without, any of the host, or none where a selector limits the StorageClasses.',
    ),
    ingressClasses: view('IngressClasses of the host.'),
    runtimeClasses: view('RuntimeClasses of the host.'),
    priorityClasses: view('PriorityClasses of the host; pods that name one keep it there.'),
    customResources: z
      .array(fromHostCustomResource)
      .default([])
      .describe(
        'Custom resources of the host, whose definitions are copied. Tenants can read them; changes are undone.',
      ),
  })
  .prefault({})
  .describe("What of the host's tenants see.");

/** Which kinds are synced, and how. Pods, Services, and ConfigMaps and Secrets in use always are. */
export const syncSchema = z
  .strictObject({
    toHost,
    fromHost,
    patches: z
      .array(fieldPatch)
      .default([])
      .describe('Changes of single fields of synced objects, after their translation and before the policy.'),
  })
  .prefault({})
  .describe('What is synced, and how.');
