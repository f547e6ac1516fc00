import type { LabelSelector, LabelSelectorRequirement } from 'kubernetes-types/meta/v1';
import { list, object, plain, plainList, translated, translatedMap, type CopyEnvironment, type Field } from './fields';
import { hostLabelKey, hostNamespaceLabelKey, LABELS } from './keys';
import type { ClusterIdentity } from './names';

/** Label map of an API object. */
export type Labels = Readonly<Record<string, string>>;

/** Every field of a label selector, which the rule of an object around it replaces by {@link hostSelector} or the like. */
export const LABEL_SELECTOR: Field<CopyEnvironment> = object({
  matchLabels: translatedMap,
  matchExpressions: list(object({ key: translated, operator: plain, values: plainList })),
});

/** Labels of a host object: the tenant's under translated keys, and ours, which theirs can never set. */
export function hostLabels(
  id: ClusterIdentity,
  virtualNamespace: string,
  labels: Labels | null | undefined,
): Record<string, string> {
  return hostMatchLabels(id, virtualNamespace, labels);
}

/** Labels of a host object without namespace: the tenant's under translated keys, and which virtual cluster's it is. */
export function hostClusterLabels(id: ClusterIdentity, labels: Labels | null | undefined): Record<string, string> {
  return {
    ...translateKeys(labels, hostLabelKey),
    [LABELS.virtualCluster]: id.name,
    [LABELS.hostNamespace]: id.hostNamespace,
  };
}

/** Equality selector on the host (of a Service, say): matches only objects of this virtual cluster and namespace. */
export function hostMatchLabels(
  id: ClusterIdentity,
  virtualNamespace: string,
  matchLabels: Labels | null | undefined,
): Record<string, string> {
  const result: Record<string, string> = {};
  for (const key of Object.keys(matchLabels ?? {})) result[hostLabelKey(key)] = matchLabels?.[key] ?? '';
  result[LABELS.virtualCluster] = id.name;
  result[LABELS.namespace] = virtualNamespace;
  return result;
}

/** Label selector on the host: matches only objects of this virtual cluster and namespace. */
export function hostSelector(id: ClusterIdentity, virtualNamespace: string, selector: LabelSelector): LabelSelector {
  const result = hostSelectorAnywhere(id, selector);
  return { ...result, matchLabels: { ...result.matchLabels, [LABELS.namespace]: virtualNamespace } };
}

/** Like {@link hostSelector}, for all namespaces of the virtual cluster. */
export function hostSelectorAnywhere(id: ClusterIdentity, selector: LabelSelector): LabelSelector {
  const matchLabels = translateKeys(selector.matchLabels, hostLabelKey);
  matchLabels[LABELS.virtualCluster] = id.name;
  const matchExpressions = translateExpressions(selector.matchExpressions, hostLabelKey);
  return { matchLabels, ...(matchExpressions.length > 0 ? { matchExpressions } : {}) };
}

/** Copies of the labels of a virtual Namespace, for the host pods of that namespace. */
export function namespaceLabels(labels: Labels): Record<string, string> {
  return translateKeys(labels, hostNamespaceLabelKey);
}

/** A selector of virtual namespaces as requirements on the copies of their labels that pods carry. */
export function namespaceRequirements(selector: LabelSelector): LabelSelectorRequirement[] {
  const equal = Object.entries(selector.matchLabels ?? {}).map(([key, value]) => ({
    key: hostNamespaceLabelKey(key),
    operator: 'In',
    values: [value],
  }));
  return [...equal, ...translateExpressions(selector.matchExpressions, hostNamespaceLabelKey)];
}

function translateKeys(labels: Labels | null | undefined, key: (key: string) => string): Record<string, string> {
  const result: Record<string, string> = {};
  for (const [name, value] of Object.entries(labels ?? {})) result[key(name)] = value;
  return result;
}

function translateExpressions(
  expressions: readonly LabelSelectorRequirement[] | null | undefined,
  key: (key: string) => string,
): LabelSelectorRequirement[] {
  return (expressions ?? []).map((expression) => ({ ...expression, key: key(expression.key) }));
}
