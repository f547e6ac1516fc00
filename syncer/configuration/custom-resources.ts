import * as z from 'zod';
import { checked } from './checked';
import { parseJsonPath } from './json-path';
import { dnsLabelProblem, dnsNameProblem, namespaceNameProblem } from './names';

/** Kinds of the virtual cluster that a field of a custom resource can name; `self` is the custom resource's own kind. */
const REFERRED_KINDS = ['Secret', 'ConfigMap', 'Service', 'PersistentVolumeClaim', 'ServiceAccount', 'self'] as const;

/** Groups whose kinds every API server has: they are no custom resources, and the rights on them must not be had this way. */
const BUILT_IN_GROUPS: ReadonlySet<string> = new Set([
  'admissionregistration.k8s.io',
  'apiextensions.k8s.io',
  'apiregistration.k8s.io',
  'authentication.k8s.io',
  'authorization.k8s.io',
  'certificates.k8s.io',
  'coordination.k8s.io',
  'discovery.k8s.io',
  'events.k8s.io',
  'flowcontrol.apiserver.k8s.io',
  'internal.apiserver.k8s.io',
  'networking.k8s.io',
  'node.k8s.io',
  'rbac.authorization.k8s.io',
  'resource.k8s.io',
  'scheduling.k8s.io',
  'storage.k8s.io',
  'storagemigration.k8s.io',
]);

/**
 * What is wrong with the API group of a custom resource.
 *
 * @returns a sentence with the remedy, or undefined for a good group
 */
export function customGroupProblem(group: string): string | undefined {
  if (!group.includes('.') || BUILT_IN_GROUPS.has(group)) {
    return 'is no group of custom resources: give the group of a CustomResourceDefinition, such as cert-manager.io';
  }
  return dnsNameProblem(group);
}

/** What is wrong with a kind's name. @returns a sentence with the remedy, or undefined for a good name */
export function kindProblem(kind: string): string | undefined {
  return /^[A-Z][A-Za-z0-9]{0,62}$/.test(kind)
    ? undefined
    : 'is no kind: write the CamelCase name of one object, such as Certificate';
}

/** Where a field of a custom resource is: somewhere in its content, as metadata and status have rules of their own. */
const path = checked((text) => {
  const parsed = parseJsonPath(text);
  if ('problem' in parsed) return parsed.problem;
  const [first] = parsed.path;
  return first !== undefined && 'key' in first && !['apiVersion', 'kind', 'metadata', 'status'].includes(first.key)
    ? undefined
    : 'is not in the content of the object: name a field that its author writes, such as spec.secretName';
});

const group = checked(customGroupProblem);
const kind = checked(kindProblem);
const label = checked(dnsLabelProblem);

const definition = {
  group: group.describe('API group, such as cert-manager.io.'),
  version: label.describe(
    "Version: the one that is copied into the virtual cluster, such as v1. The host's definition must serve it.",
  ),
  kind: kind.describe('Kind, such as Certificate.'),
  resource: label.describe('Plural name, such as certificates.'),
};

const scope = z
  .enum(['Namespaced', 'Cluster'])
  .default('Namespaced')
  .describe("The definition's scope. Cluster: needs cluster-wide rights on the host.");

const reference = z.strictObject({
  path: path.describe('Where the name stands: spec.secretRefs[*].name.'),
  kind: z
    .union([z.enum(REFERRED_KINDS), z.strictObject({ group, kind })], {
      error: `is not a kind that can be referred to: write ${REFERRED_KINDS.join(', ')}, or group and kind of another custom resource that is synced to the host`,
    })
    .describe('What it is the name of. Secrets and ConfigMaps that are named so are on the host while they are.'),
  namespacePath: path
    .exactOptional()
    .describe(
      "Where the namespace of that object stands, beside the name: spec.secretRefs[*].namespace. Without, or where it is not set, it is the object's own.",
    ),
});

/** A kind of the tenant's custom resources that goes to the host. */
export const toHostCustomResource = z.strictObject({
  ...definition,
  scope,
  references: z
    .array(reference)
    .default([])
    .describe('Fields that hold names of objects. Fields that are not declared go to the host as they are.'),
  labelSelectors: z
    .array(path)
    .default([])
    .describe("Fields that hold a label selector (matchLabels, matchExpressions) of the tenant's objects."),
  labelMaps: z
    .array(path)
    .default([])
    .describe("Fields that hold a map of labels which the tenant's objects must have, as spec.selector of a Service."),
});

/** A namespace of the host whose custom resources tenants see, and where. */
const shownNamespace = z.strictObject({
  host: checked(namespaceNameProblem)
    .exactOptional()
    .describe(
      'Namespace of the host. A Role there lets the syncer read them. Default: the host namespace of the virtual cluster.',
    ),
  virtual: checked(namespaceNameProblem).describe(
    'Namespace of the virtual cluster that shows them, once the tenant makes it.',
  ),
});

/** A kind of the host's custom resources that tenants see. */
export const fromHostCustomResource = z.strictObject({
  ...definition,
  scope,
  selector: z
    .record(z.string(), z.string())
    .default({})
    .describe('Labels that an object of the host must have to be shown. Empty: all are.'),
  namespaces: z
    .array(shownNamespace)
    .default([])
    .describe('With scope Namespaced: which namespaces of the host are shown where.'),
});

/** See {@link toHostCustomResource}. */
export type CustomResourceToHost = z.output<typeof toHostCustomResource>;
/** See {@link fromHostCustomResource}. */
export type CustomResourceFromHost = z.output<typeof fromHostCustomResource>;
