import type { NodeSelectorRequirement, NodeSelectorTerm, Pod } from 'kubernetes-types/core/v1';
import { violation, type Violation } from './violation';

/** The only nodes that tenants' pods may run on. */
export interface EnforcedNodes {
  /** Labels that each of them has. */
  readonly selector: Readonly<Record<string, string>>;
  /** Whether the node of that name is one of them now. */
  has(nodeName: string): boolean;
}

const RULE = 'nodes';
const LEVEL = 'baseline';
const TERMS = 'spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms';
/** Values of a requirement that a refusal repeats. */
const SHOWN_VALUES = 5;

/**
 * What of a tenant's pod can only be had on other nodes than the platform allows: it would wait for ever, and its tenant would not
 * know why. What no node has at all is none of it, nor are preferences.
 */
export function checkNodes({ spec }: Pod, nodes: EnforcedNodes): Violation[] {
  const result: Violation[] = [];
  const refuse = (field: string, value: unknown, remedy: string): void => {
    result.push(violation(RULE, LEVEL, field, value, remedy));
  };
  const allowed = new Map(Object.entries(nodes.selector));
  const labels = [...allowed].map(([key, value]) => `${key}=${value}`).join(',');
  for (const [key, value] of Object.entries(spec?.nodeSelector ?? {})) {
    const only = allowed.get(key);
    if (only === undefined || only === value) continue;
    refuse(`spec.nodeSelector[${JSON.stringify(key)}]`, value, `pods run on nodes with ${labels} only: remove it`);
  }
  if (spec?.nodeName && !nodes.has(spec.nodeName)) {
    refuse('spec.nodeName', spec.nodeName, `pods run on nodes with ${labels} only: name one of those`);
  }
  const terms = spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? [];
  const contradictions = terms.map((term) => contradiction(term, allowed, nodes));
  const first = contradictions[0];
  if (first !== undefined && contradictions.every((one) => one !== undefined)) {
    refuse(TERMS, first, `pods run on nodes with ${labels} only: ask for none but those`);
  }
  return result;
}

/**
 * What is against the node that a pod is bound to in the virtual cluster: that it is none of those that the platform shows. A tenant can
 * make Node objects of any name, and write any name into a pod.
 */
export function checkChosenNode({ spec }: Pod, isShown: (nodeName: string) => boolean): Violation[] {
  const { nodeName } = spec ?? {};
  if (!nodeName || isShown(nodeName)) return [];
  const remedy = 'pods run on the nodes that the platform shows only: create the pod again, on one of those';
  return [violation(RULE, LEVEL, 'spec.nodeName', nodeName, remedy)];
}

/** The requirement of a term that none of the nodes meets, as text; undefined where there is none. */
function contradiction(
  { matchExpressions, matchFields }: NodeSelectorTerm,
  allowed: ReadonlyMap<string, string>,
  nodes: EnforcedNodes,
): string | undefined {
  const expression = matchExpressions?.find((one) => {
    const value = allowed.get(one.key);
    return value !== undefined && !isMet(one, value);
  });
  // The API takes no other field than the name, and one value of it.
  const field = matchFields?.find(({ operator, values = [] }) => operator === 'In' && !values.some(nodes.has, nodes));
  const found = expression ?? field;
  if (found === undefined) return undefined;
  const { key, operator, values = [] } = found;
  return [key, operator, ...values.slice(0, SHOWN_VALUES), ...(values.length > SHOWN_VALUES ? ['…'] : [])].join(' ');
}

/** Whether a label's value meets a requirement, as the API documents its operators. */
function isMet({ operator, values = [] }: NodeSelectorRequirement, value: string): boolean {
  switch (operator) {
    case 'In':
      return values.includes(value);
    case 'NotIn':
      return !values.includes(value);
    case 'DoesNotExist':
      return false;
    case 'Gt':
      return integer(value) > integer(values[0]);
    case 'Lt':
      return integer(value) < integer(values[0]);
    default:
      return true;
  }
}

/** NaN, which is neither more nor less than anything, for what is no whole number. */
const integer = (text = ''): number => (/^[+-]?\d+$/.test(text) ? Number(text) : NaN);
