import * as z from 'zod';
import { checked } from './checked';
import { rangeProblem } from './cidr';

const labels = z.record(z.string(), z.string());
const labelSelector = z.strictObject({
  matchLabels: labels.exactOptional(),
  matchExpressions: z
    .array(
      z.strictObject({
        key: z.string(),
        operator: z.enum(['In', 'NotIn', 'Exists', 'DoesNotExist']),
        values: z.array(z.string()).exactOptional(),
      }),
    )
    .exactOptional(),
});

const range = checked(rangeProblem);

/** A peer as NetworkPolicies of the host have it, in the host's names. */
const peer = z
  .strictObject({
    ipBlock: z.strictObject({ cidr: range, except: z.array(range).exactOptional() }).exactOptional(),
    namespaceSelector: labelSelector.exactOptional(),
    podSelector: labelSelector.exactOptional(),
  })
  .refine(
    ({ ipBlock, namespaceSelector, podSelector }) =>
      (ipBlock !== undefined) !== (namespaceSelector !== undefined || podSelector !== undefined),
    { error: 'names no peer, or two kinds of them: give either ipBlock, or namespaceSelector, podSelector or both' },
  );

/** How the platform's own NetworkPolicies in the host namespace, which the constructs write, and those of tenants go together. */
export const networkIsolation = z
  .strictObject({
    isolated: z
      .boolean()
      .default(false)
      .describe(
        "Whether NetworkPolicies of the platform in the host namespace deny tenants' pods everything but what is below. The syncer " +
          'marks the pods that a policy of the tenant selects: for those it decides, within these bounds.',
      ),
    allowedIngress: z
      .array(peer)
      .default([])
      .describe(
        "With isolated: peers that tenants' pods may receive from beside each other, as NetworkPolicies have them.",
      ),
    allowedEgress: z
      .array(peer)
      .default([])
      .describe("With isolated: peers that tenants' pods may send to beside each other, as NetworkPolicies have them."),
    dnsServers: z
      .array(peer)
      .default([])
      .describe("With isolated: peers that tenants' pods may ask at port 53. Empty: all addresses."),
  })
  .prefault({})
  .describe("The network of tenants' pods on the host.");

/** A peer as the document has it. */
export type NetworkPeerSetting = z.output<typeof peer>;
