import type {
  Affinity,
  NodeAffinity,
  NodeSelectorRequirement,
  NodeSelectorTerm,
  PodSpec,
  PreferredSchedulingTerm,
} from 'kubernetes-types/core/v1';
import { pinnedTo } from './node-pin';

/** By it tenants, and many volumes and operators, name one node. */
export const HOSTNAME_LABEL = 'kubernetes.io/hostname';

/** Terms that a pod's requirement on host names may become; more would let one small pod make a huge one of the host. */
const MAX_TERMS = 64;

/** Requirements and values that one term may come to when it is split. */
const MAX_SPLIT_SIZE = 500;

const REQUIRED = 'requiredDuringSchedulingIgnoredDuringExecution';
const PREFERRED = 'preferredDuringSchedulingIgnoredDuringExecution';

/** The fields of a pod's spec that choose nodes. */
export type NodeChoice = Pick<PodSpec, 'nodeSelector' | 'affinity'>;

/**
 * A choice of nodes by the label `kubernetes.io/hostname` of fake nodes, whose value is the node's name, as one by name: the host's own
 * label may be another. What the label does not name one by one (`Exists`, say) stays, as the host's nodes have it, too.
 *
 * @returns undefined where it would take too many terms
 */
export function hostnameAsName({ nodeSelector, affinity }: NodeChoice): NodeChoice | undefined {
  const nodeAffinity = affinity?.nodeAffinity && affinityByName(affinity.nodeAffinity);
  if (affinity?.nodeAffinity && nodeAffinity === undefined) return undefined;
  const moved: Affinity | undefined = nodeAffinity ? { ...affinity, nodeAffinity } : affinity;
  const name = nodeSelector && Object.hasOwn(nodeSelector, HOSTNAME_LABEL) ? nodeSelector[HOSTNAME_LABEL] : undefined;
  if (name === undefined) return { ...(nodeSelector && { nodeSelector }), ...(moved && { affinity: moved }) };
  const others = Object.entries(nodeSelector ?? {}).filter(([key]) => key !== HOSTNAME_LABEL);
  return {
    ...(others.length > 0 && { nodeSelector: Object.fromEntries(others) }),
    affinity: pinnedTo(name, moved),
  };
}

/** Text of the refusal where {@link hostnameAsName} gives nothing. */
export const TOO_MANY_HOSTNAMES = `names too many nodes by ${HOSTNAME_LABEL}; name fewer, or choose nodes by another label`;

function affinityByName(nodeAffinity: NodeAffinity): NodeAffinity | undefined {
  const required = nodeAffinity[REQUIRED]?.nodeSelectorTerms;
  const preferred = nodeAffinity[PREFERRED];
  const terms = required && flatMapBounded(required, termsByName);
  const preferences =
    preferred &&
    flatMapBounded(preferred, ({ weight, preference }: PreferredSchedulingTerm) =>
      termsByName(preference)?.map((term) => ({ weight, preference: term })),
    );
  if ((required && !terms) || (preferred && !preferences)) return undefined;
  return {
    ...nodeAffinity,
    ...(terms && { [REQUIRED]: { nodeSelectorTerms: terms } }),
    ...(preferences && { [PREFERRED]: preferences }),
  };
}

/** Only lists with something of the label in them are bounded: others stay as they are, whatever their length. */
function flatMapBounded<T>(list: readonly T[], each: (one: T) => readonly T[] | undefined): T[] | undefined {
  const result: T[] = [];
  let added = 0;
  for (const one of list) {
    const many = each(one);
    if (many === undefined) return undefined;
    added += many.length - 1;
    if (added > MAX_TERMS) return undefined;
    result.push(...many);
  }
  return result;
}

/**
 * One term as one or more, of which any may hold: a requirement on a node's name takes one value only, so `In` with several is a term
 * for each. The parts that do not change are shared.
 */
function termsByName(term: NodeSelectorTerm): readonly NodeSelectorTerm[] | undefined {
  const expressions = term.matchExpressions ?? [];
  const named = expressions.filter(isByHostname);
  if (named.length === 0) return [term];
  const others = expressions.filter((one) => !isByHostname(one));
  const fixed = [...(term.matchFields ?? []), ...named.filter(({ operator }) => operator === 'NotIn').flatMap(byName)];
  // Several `In` of one term all hold: the names that each of them has.
  const sets = named.filter(({ operator }) => operator === 'In').map(({ values }) => new Set(values));
  const [first, ...more] = sets;
  const termWith = (matchFields: readonly NodeSelectorRequirement[]): NodeSelectorTerm => ({
    ...(others.length > 0 && { matchExpressions: others }),
    matchFields: [...matchFields],
  });
  if (fixed.length > MAX_TERMS) return undefined;
  if (first === undefined) return [termWith(fixed)];
  const names = [...first].filter((name) => more.every((set) => set.has(name)));
  const size = [...others, ...fixed].reduce((sum, { values = [] }) => sum + 1 + values.length, 1);
  if (names.length > MAX_TERMS || (names.length > 1 && names.length * size > MAX_SPLIT_SIZE)) return undefined;
  // No node has two names: such a term matches none, there as here.
  if (names.length === 0) return [termWith([...fixed, ...sets.map((set) => requirement('In', [...set][0] ?? ''))])];
  return names.map((name) => termWith([...fixed, requirement('In', name)]));
}

const isByHostname = ({ key, operator, values }: NodeSelectorRequirement): boolean =>
  key === HOSTNAME_LABEL && (operator === 'In' || operator === 'NotIn') && (values?.length ?? 0) > 0;

const byName = ({ operator, values = [] }: NodeSelectorRequirement): NodeSelectorRequirement[] =>
  values.map((name) => requirement(operator, name));

const requirement = (operator: string, name: string): NodeSelectorRequirement => ({
  key: 'metadata.name',
  operator,
  values: [name],
});
