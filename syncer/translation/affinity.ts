import type { PodAffinityTerm, TopologySpreadConstraint, WeightedPodAffinityTerm } from 'kubernetes-types/core/v1';
import type { LabelSelector, LabelSelectorRequirement } from 'kubernetes-types/meta/v1';
import { isObject, type JsonObject } from './fields';
import { hostLabelKey, LABELS } from './keys';
import { hostSelector, hostSelectorAnywhere, namespaceRequirements } from './labels';
import type { PodEnvironment } from './pod-environment';

/*
 * On the host all pods of all virtual namespaces stand in one namespace. So the namespaces of a term become requirements
 * on our namespace label, and a selector of namespaces one on the copies of the namespaces' labels that pods carry.
 */

const PREFERRED = 'preferredDuringSchedulingIgnoredDuringExecution';
const REQUIRED = 'requiredDuringSchedulingIgnoredDuringExecution';

/** Rule of a required pod affinity term: one term on the host for one in the virtual cluster, or a refusal. */
export function translateAffinityTerm(
  copy: JsonObject,
  source: JsonObject,
  environment: PodEnvironment,
  path: () => string,
): void {
  const terms = hostTerms(source as unknown as PodAffinityTerm, environment);
  if (terms.length > 1) {
    // All required terms must hold, and only one of the two needs to: no label selector can say that.
    environment.refuse(
      path(),
      'has both namespaces and namespaceSelector, of which the host can only hold one in a required pod affinity term; select the namespaces by their labels alone, as kubernetes.io/metadata.name is one',
    );
  }
  replace(copy, terms[0]);
}

/** Rule of podAffinity: preferred terms, of which each may become two. */
export function translatePreferredTerms(copy: JsonObject, source: JsonObject, environment: PodEnvironment): void {
  if (!Array.isArray(source[PREFERRED])) return;
  copy[PREFERRED] = source[PREFERRED].filter(isWeighted).flatMap(({ podAffinityTerm, weight }) =>
    hostTerms(podAffinityTerm, environment).map((term) => ({ weight, podAffinityTerm: term })),
  );
}

/** Rule of podAntiAffinity: a term that forbids either of two kinds of pods is two terms that each forbid one. */
export function translateAntiAffinity(copy: JsonObject, source: JsonObject, environment: PodEnvironment): void {
  translatePreferredTerms(copy, source, environment);
  if (!Array.isArray(source[REQUIRED])) return;
  copy[REQUIRED] = source[REQUIRED].filter(isObject).flatMap((term) =>
    hostTerms(term as unknown as PodAffinityTerm, environment),
  );
}

/** Rule of a topology spread constraint: counts only pods of its own virtual namespace. */
export function translateSpread(copy: JsonObject, source: JsonObject, environment: PodEnvironment): void {
  const { labelSelector, matchLabelKeys } = source as unknown as TopologySpreadConstraint;
  delete copy['matchLabelKeys'];
  if (labelSelector == null) return;
  const selector = hostSelector(environment.context.identity, environment.namespace, labelSelector);
  copy['labelSelector'] = withLabelKeys(selector, matchLabelKeys, 'In', environment);
}

/**
 * A term for the host. Two when it names namespaces and selects others by label, which means either; the second leaves
 * out the first one's namespaces, so that no pod counts twice.
 */
function hostTerms(term: PodAffinityTerm, environment: PodEnvironment): PodAffinityTerm[] {
  const { topologyKey, labelSelector } = term;
  // No selector selects no pod, here and there.
  if (labelSelector == null) return [{ topologyKey }];
  const base = withLabelKeys(
    withLabelKeys(
      hostSelectorAnywhere(environment.context.identity, labelSelector),
      term.matchLabelKeys,
      'In',
      environment,
    ),
    term.mismatchLabelKeys,
    'NotIn',
    environment,
  );
  const named = term.namespaces ?? [];
  const selected = term.namespaceSelector;
  const result: PodAffinityTerm[] = [];
  // An empty selector selects all namespaces, the named ones too.
  const all = selected != null && namespaceRequirements(selected).length === 0;
  if (all) return [{ topologyKey, labelSelector: base }];
  if (named.length > 0 || selected == null) {
    const namespaces = named.length > 0 ? [...named] : [environment.namespace];
    result.push({ topologyKey, labelSelector: narrowed(base, [namespaceIs('In', namespaces)]) });
  }
  if (selected != null) {
    const others = named.length > 0 ? [namespaceIs('NotIn', [...named])] : [];
    result.push({ topologyKey, labelSelector: narrowed(base, [...namespaceRequirements(selected), ...others]) });
  }
  return result;
}

function namespaceIs(operator: 'In' | 'NotIn', values: string[]): LabelSelectorRequirement {
  return { key: LABELS.namespace, operator, values };
}

function narrowed(selector: LabelSelector, requirements: readonly LabelSelectorRequirement[]): LabelSelector {
  return { ...selector, matchExpressions: [...(selector.matchExpressions ?? []), ...requirements] };
}

/**
 * What matchLabelKeys (`In`) and mismatchLabelKeys (`NotIn`) mean for this pod, as requirements. API servers add these to
 * the selector too when the pod is created, and refuse a pod that comes with both: so the keys themselves stay behind.
 */
function withLabelKeys(
  selector: LabelSelector,
  keys: readonly string[] | null | undefined,
  operator: 'In' | 'NotIn',
  environment: PodEnvironment,
): LabelSelector {
  const labels = new Map(Object.entries(environment.pod.metadata?.labels ?? {}));
  const missing: LabelSelectorRequirement[] = [];
  for (const name of keys ?? []) {
    const value = labels.get(name);
    const key = hostLabelKey(name);
    if (value === undefined) continue;
    const present = selector.matchExpressions?.some(
      (one) => one.key === key && one.operator === operator && one.values?.length === 1 && one.values[0] === value,
    );
    if (!present) missing.push({ key, operator, values: [value] });
  }
  return missing.length > 0 ? narrowed(selector, missing) : selector;
}

function isWeighted(value: unknown): value is WeightedPodAffinityTerm {
  return isObject(value) && isObject(value['podAffinityTerm']);
}

function replace(copy: JsonObject, term: PodAffinityTerm | undefined): void {
  for (const key of Object.keys(copy)) delete copy[key];
  Object.assign(copy, term);
}
