/**
 * Marks the control plane's own objects. Tenants' objects carry `nestling.dev/virtual-cluster` instead, and no tenant can set this
 * one: every label key of a tenant is rewritten on its way to the host.
 */
export const CONTROL_PLANE_LABEL = 'nestling.dev/control-plane';

/** Part that an object plays, for `app.kubernetes.io/component`. */
export type Component = 'control-plane' | 'workloads' | 'sleep';

/** Labels of a host object that the control plane, or its manifests, make for itself. */
export function controlPlaneLabels(
  clusterName: string,
  component: Component = 'control-plane',
): Record<string, string> {
  return {
    'app.kubernetes.io/name': 'nestling',
    'app.kubernetes.io/instance': clusterName,
    'app.kubernetes.io/component': component,
    [CONTROL_PLANE_LABEL]: clusterName,
  };
}

/** Selects the control plane's pods; a StatefulSet's selector never changes, so it holds no more than it must. */
export function controlPlaneSelector(clusterName: string): Record<string, string> {
  return { 'app.kubernetes.io/component': 'control-plane', [CONTROL_PLANE_LABEL]: clusterName };
}
