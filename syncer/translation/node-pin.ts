import type { Affinity, NodeSelectorTerm, Pod } from 'kubernetes-types/core/v1';
import { ANNOTATIONS } from './keys';

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

/** Whether a host pod was made for that node, by the scheduler of its virtual cluster. */
export function isPinnedTo(nodeName: string, host: Pod): boolean {
  return host.metadata?.annotations?.[ANNOTATIONS.pinnedTo] === nodeName;
}

function isEmptyTerm(term: NodeSelectorTerm): boolean {
  return (term.matchExpressions?.length ?? 0) === 0 && (term.matchFields?.length ?? 0) === 0;
}
