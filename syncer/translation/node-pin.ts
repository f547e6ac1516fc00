import type { Affinity, NodeSelectorTerm, Pod } from 'kubernetes-types/core/v1';

/**
 * A pod's affinity with the name of a node as a requirement: `spec.nodeName`, which a tenant set, or what names the node as well. A node's name in the host pod itself would
 * pass by the host's scheduler, its taints and its resources; as a requirement it leads to the same node while they rule.
 */
export function pinnedTo(nodeName: string, affinity: Affinity | undefined): Affinity {
  const pin = { key: 'metadata.name', operator: 'In', values: [nodeName] };
  const nodeAffinity = affinity?.nodeAffinity;
  const terms = nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms;
  const pinned =
    terms === undefined || terms.length === 0
      ? [{ matchFields: [pin] }]
      : // An empty term matches no node, and must not match one for the pin.
        terms.map((term) => (isEmptyTerm(term) ? term : { ...term, matchFields: [...(term.matchFields ?? []), pin] }));
  return {
    ...affinity,
    nodeAffinity: { ...nodeAffinity, requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: pinned } },
  };
}

/** Whether a host pod can run on that node only, as {@link pinnedTo} makes it. */
export function isPinnedTo(nodeName: string, host: Pod): boolean {
  const terms =
    host.spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? [];
  return (
    terms.length > 0 &&
    terms.every((term) =>
      term.matchFields?.some(
        ({ key, operator, values = [] }) =>
          key === 'metadata.name' && operator === 'In' && values.length === 1 && values[0] === nodeName,
      ),
    )
  );
}

function isEmptyTerm(term: NodeSelectorTerm): boolean {
  return (term.matchExpressions?.length ?? 0) === 0 && (term.matchFields?.length ?? 0) === 0;
}
