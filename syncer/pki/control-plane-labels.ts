/** Labels of the objects that the control plane makes for itself on the host; tenants' objects carry others. */
export function controlPlaneLabels(clusterName: string): Record<string, string> {
  return {
    'app.kubernetes.io/name': 'nestling',
    'app.kubernetes.io/instance': clusterName,
    'app.kubernetes.io/component': 'control-plane',
    'nestling.dev/control-plane': clusterName,
  };
}
