import type { LabelSelector } from 'kubernetes-types/meta/v1';
import type { ClusterIdentity } from './names';

type Labels = Readonly<Record<string, string>>;
export function hostLabels(
  _id: ClusterIdentity,
  _virtualNamespace: string,
  _labels: Labels | undefined,
): Record<string, string> {
  throw new Error('not yet');
}
export function hostSelector(_id: ClusterIdentity, _virtualNamespace: string, _selector: LabelSelector): LabelSelector {
  throw new Error('not yet');
}
export function hostMatchLabels(
  _id: ClusterIdentity,
  _virtualNamespace: string,
  _matchLabels: Labels,
): Record<string, string> {
  throw new Error('not yet');
}
