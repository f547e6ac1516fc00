import type { Node } from 'kubernetes-types/core/v1';

/** Of the real node, what its virtual twin shows. */
export interface NodeFacts {
  /** Such as `amd64`. */
  readonly architecture: string;
  /** Such as `v1.37.2`. */
  readonly kubeletVersion: string;
}
export function nodeAddress(_hostNodeName: string): string {
  throw new Error('not yet');
}
export function virtualNode(_hostNodeName: string, _facts: NodeFacts): Node {
  throw new Error('not yet');
}
