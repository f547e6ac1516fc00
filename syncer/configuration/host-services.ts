import * as z from 'zod';
import { checked } from './checked';
import { dnsLabelProblem, namespaceNameProblem } from './names';

const namespace = checked(namespaceNameProblem);
const name = checked(dnsLabelProblem);

const virtualService = z.strictObject({
  namespace: namespace.describe('Namespace of the virtual cluster.'),
  name: name.describe('Name of the Service there.'),
});

/** A Service of the host that tenants see. */
const shownService = z.strictObject({
  host: z
    .strictObject({
      namespace: namespace
        .exactOptional()
        .describe(
          'Namespace of the host. A Role there lets the syncer read that one Service. Default: the host namespace of the virtual cluster.',
        ),
      name: name.describe('Name of the Service.'),
    })
    .describe('The Service of the host.'),
  virtual: virtualService.describe('What it is called in the virtual cluster, once the tenant makes that namespace.'),
  headless: z
    .boolean()
    .default(false)
    .describe(
      'Whether the Service may be headless (clusterIP: None), so that its endpoints are shown. Needs the right to read all EndpointSlices of its namespace, which RBAC cannot limit to those of one Service.',
    ),
});

/** A Service of the tenant that has a name on the host. */
const publishedService = z.strictObject({
  virtual: virtualService.describe('The Service of the tenant. It needs a selector.'),
  host: z
    .strictObject({ name: name.describe('Name of the Service in the host namespace.') })
    .describe('What it is called on the host.'),
});

/** Services that one side has by a name on the other. */
export const hostServices = z
  .strictObject({
    toVirtual: z
      .array(shownService)
      .default([])
      .describe(
        "Services of the host that tenants' pods reach by a name and the ClusterIP that they have on the host. No other name of the host resolves in the virtual cluster.",
      ),
    toHost: z
      .array(publishedService)
      .default([])
      .describe("Services of the tenant that have a name of the platform's choice in the host namespace."),
  })
  .describe('Services that are known by name on the other side.');

/** See {@link shownService}. */
export type ShownHostService = z.output<typeof shownService>;
/** See {@link publishedService}. */
export type PublishedService = z.output<typeof publishedService>;
