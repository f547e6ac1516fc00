/** Labels that every object of the syncer on the host carries. */
export const LABELS = {
  virtualCluster: 'nestling.dev/virtual-cluster',
  namespace: 'nestling.dev/namespace',
} as const;

/** Annotations that tell what a host object is the twin of. */
export const ANNOTATIONS = {
  name: 'nestling.dev/name',
  namespace: 'nestling.dev/namespace',
  uid: 'nestling.dev/uid',
  kind: 'nestling.dev/kind',
  /** On config maps and secrets: the virtual object's resourceVersion that was copied. */
  resourceVersion: 'nestling.dev/resource-version',
  /** On a Service that admission made before its virtual twin exists: RFC 3339 time of that; there is no UID yet. */
  reservation: 'nestling.dev/reservation',
} as const;
export function hostLabelKey(key: string): string {
  return `label.nestling.dev/${key}`;
}
export function hostNamespaceLabelKey(key: string): string {
  return `namespace-label.nestling.dev/${key}`;
}
