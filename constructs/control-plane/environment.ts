import type { EnvVar } from 'kubernetes-types/core/v1';

/** A variable with a field of the pod itself. */
function field(name: string, fieldPath: string): EnvVar {
  return { name, valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath } } };
}

/** Name of the pod. */
export const POD_NAME: EnvVar = field('POD_NAME', 'metadata.name');
/** Host namespace. */
export const POD_NAMESPACE: EnvVar = field('POD_NAMESPACE', 'metadata.namespace');
/** The pod's address, the first one of a dual-stack pod. */
export const POD_IP: EnvVar = field('POD_IP', 'status.podIP');
/** An address of the node that the pod is on. */
export const HOST_IP: EnvVar = field('HOST_IP', 'status.hostIP');
/** The pod's UID: another pod of the same name has another one. */
export const POD_UID: EnvVar = field('POD_UID', 'metadata.uid');
