import * as z from 'zod';
import { NodeSyncPolicy } from '..';
import type {
  ClaimSyncProps,
  CustomResourceFromHostProps,
  CustomResourceReference,
  CustomResourceToHostProps,
  EndpointSliceSyncProps,
  FieldOperation,
  FieldPatchMatch,
  FieldPatchProps,
  IIngressSync,
  INodeSyncPolicy,
  IngressAnnotationRule,
  IngressSettings,
  JsonValue,
  NetworkPolicySyncProps,
  PriorityClassSyncProps,
  Rewriting,
  ServiceAccountSyncProps,
  ShownNamespace,
  SyncFromHostProps,
  SyncProps,
  SyncToHostProps,
  SyncToggle,
  ViewProps,
} from '..';
import { plainly, propsOf, valueType, withNamed, type Plain, VALUES_OF } from './value-types';

const SHARED =
  'is a construct that several clusters share, which a settings file cannot hold: give the settings themselves, or use the constructs in an app';

const text = z.string().optional();
const texts = z.array(z.string()).optional();
const flag = z.boolean().optional();
const labels = z.record(z.string(), z.string()).optional();
const json = z.json() as z.ZodType<JsonValue>;

const toggle = propsOf<SyncToggle>('SyncToggle', { enabled: flag }).optional();
const view = propsOf<ViewProps>('ViewProps', { enabled: flag, selector: labels }).optional();

/** Which nodes tenants see. */
const nodes = valueType<INodeSyncPolicy, Pick<typeof NodeSyncPolicy, 'fake' | 'real' | 'allNodes' | 'nodesMatching'>>(
  NodeSyncPolicy,
  {
    fake: plainly(NodeSyncPolicy.fake),
    real: plainly(NodeSyncPolicy.real),
    allNodes: plainly(NodeSyncPolicy.allNodes),
    nodesMatching: withNamed(
      ({ selector, enforce }: { selector: Record<string, string>; enforce?: boolean }) =>
        NodeSyncPolicy.nodesMatching(selector, enforce === undefined ? {} : { enforce }),
      { selector: z.record(z.string(), z.string()), enforce: flag },
    ),
  },
  {
    has: ({ mode, shared }) => typeof mode === 'string' && shared === undefined,
    plain: ({ mode, selector, enforce }): Plain => {
      switch (mode) {
        case 'fake':
        case 'real':
          return { type: mode };
        case 'all':
          return { type: 'allNodes' };
        case 'selector':
          return { type: 'nodesMatching', selector, enforce };
      }
    },
    wrong: `is no value of NodeSyncPolicy, such as NodeSyncPolicy.allNodes(), or ${SHARED}`,
  },
);

const annotationRule: z.ZodType<IngressAnnotationRule> = z
  .discriminatedUnion('action', [
    z.strictObject({
      key: z.string(),
      action: z.literal('allow'),
      values: z
        .enum(['boolean', 'number', 'duration', 'size', 'word', 'words', 'path', 'url', 'cidrs', 'json', 'text', 'any'])
        .exactOptional(),
    }),
    z.strictObject({ key: z.string(), action: z.literal('drop') }),
    z.strictObject({
      key: z.string(),
      action: z.literal('rewrite'),
      names: z.enum([
        'secretName',
        'secretNamespacedName',
        'configMapName',
        'configMapNamespacedName',
        'serviceName',
        'serviceNamespacedName',
      ]),
    }),
    z.strictObject({ key: z.string(), action: z.literal('set'), value: z.string() }),
  ])
  .meta({ [VALUES_OF]: 'IngressAnnotationRule' });

const ingresses = propsOf<IngressSettings>('IngressSettings', {
  enabled: flag,
  annotations: z.array(annotationRule).optional(),
  allowedHosts: texts,
  allowedClasses: texts,
})
  // One with a name on the host has a construct behind it.
  .superRefine((value, context) => {
    if ((value as Partial<IIngressSync>).admissionPolicy !== undefined)
      context.addIssue({ code: 'custom', message: SHARED });
  });

const kind = {
  group: z.string(),
  version: z.string(),
  kind: z.string(),
  resource: z.string(),
  scope: z.enum(['Namespaced', 'Cluster']).optional(),
};

const reference = propsOf<CustomResourceReference>('CustomResourceReference', {
  path: z.string(),
  kind: z.union([
    z.enum(['Secret', 'ConfigMap', 'Service', 'PersistentVolumeClaim', 'ServiceAccount', 'self']),
    z.strictObject({ group: z.string(), kind: z.string() }),
  ]),
  namespacePath: text,
});

const rewriting: z.ZodType<Rewriting> = z
  .discriminatedUnion('function', [
    z.strictObject({ function: z.literal('hostName') }),
    z.strictObject({ function: z.enum(['prefix', 'suffix']), text: z.string() }),
    z.strictObject({
      function: z.literal('map'),
      values: z.record(z.string(), z.string()),
      otherwise: z.string().exactOptional(),
    }),
  ])
  .meta({ [VALUES_OF]: 'Rewriting' });

const operation: z.ZodType<FieldOperation> = z
  .discriminatedUnion('op', [
    z.strictObject({ op: z.enum(['set', 'append']), path: z.string(), value: json }),
    z.strictObject({ op: z.literal('remove'), path: z.string() }),
    z.strictObject({ op: z.literal('rewrite'), path: z.string(), with: rewriting }),
    z.strictObject({ op: z.literal('replaceText'), path: z.string(), find: z.string(), replacement: z.string() }),
  ])
  .meta({ [VALUES_OF]: 'FieldOperation' });

const patch = propsOf<FieldPatchProps>('FieldPatchProps', {
  kind: z.string(),
  group: text,
  direction: z.enum(['toHost', 'fromHost']).optional(),
  match: propsOf<FieldPatchMatch>('FieldPatchMatch', { namespaces: texts, names: texts, selector: labels }).optional(),
  operations: z.array(operation),
});

const toHost = propsOf<SyncToHostProps>('SyncToHostProps', {
  persistentVolumeClaims: propsOf<ClaimSyncProps>('ClaimSyncProps', {
    enabled: flag,
    deletionPolicy: z.enum(['Delete', 'Retain']).optional(),
  }).optional(),
  endpointSlices: propsOf<EndpointSliceSyncProps>('EndpointSliceSyncProps', {
    enabled: flag,
    allowedRanges: texts,
  }).optional(),
  ingresses: ingresses.optional(),
  networkPolicies: propsOf<NetworkPolicySyncProps>('NetworkPolicySyncProps', {
    enabled: flag,
    allowedEgress: texts,
    allowedIngress: texts,
  }).optional(),
  podDisruptionBudgets: toggle,
  serviceAccounts: propsOf<ServiceAccountSyncProps>('ServiceAccountSyncProps', {
    enabled: flag,
    annotations: texts,
  }).optional(),
  priorityClasses: propsOf<PriorityClassSyncProps>('PriorityClassSyncProps', {
    enabled: flag,
    maximumValue: z.int().optional(),
    maximumCount: z.int().optional(),
  }).optional(),
  resourceClaims: toggle,
  customResources: z
    .array(
      propsOf<CustomResourceToHostProps>('CustomResourceToHostProps', {
        ...kind,
        references: z.array(reference).optional(),
        labelSelectors: texts,
        labelMaps: texts,
      }),
    )
    .optional(),
});

const fromHost = propsOf<SyncFromHostProps>('SyncFromHostProps', {
  events: toggle,
  nodes: nodes.optional(),
  metrics: toggle,
  persistentVolumes: toggle,
  storageClasses: view,
  volumeAttributesClasses: view,
  ingressClasses: view,
  runtimeClasses: view,
  priorityClasses: view,
  customResources: z
    .array(
      propsOf<CustomResourceFromHostProps>('CustomResourceFromHostProps', {
        ...kind,
        selector: labels,
        namespaces: z.array(propsOf<ShownNamespace>('ShownNamespace', { host: text, virtual: z.string() })).optional(),
      }),
    )
    .optional(),
});

/** What is synced, and how. */
export const sync = propsOf<SyncProps>('SyncProps', {
  toHost: toHost.optional(),
  fromHost: fromHost.optional(),
  patches: z.array(patch).optional(),
});
