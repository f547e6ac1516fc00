/** Which virtual cluster: its name, and the host namespace that its objects are synced into. */
export interface ClusterIdentity {
  readonly name: string;
  readonly hostNamespace: string;
}
export function hostName(id: ClusterIdentity, virtualNamespace: string, name: string): string {
  return `${name}-x-${virtualNamespace}-x-${id.name}`;
}
export function clusterScopedHostName(id: ClusterIdentity, name: string): string {
  return `vcluster-${name}-x-${id.hostNamespace}-x-${id.name}`;
}
export function tokenSecretName(id: ClusterIdentity, virtualNamespace: string, podName: string): string {
  return `${podName}-x-${virtualNamespace}-x-${id.name}-token`;
}
