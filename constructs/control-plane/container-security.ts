import type { PodSecurityContext, SecurityContext } from 'kubernetes-types/core/v1';

/** User and group of every container, and group of the volumes. */
export const CONTROL_PLANE_USER = 65532;

/** What the Pod Security Standard `restricted` asks of a pod, and a fixed user. */
export const POD_SECURITY_CONTEXT: PodSecurityContext = {
  runAsNonRoot: true,
  runAsUser: CONTROL_PLANE_USER,
  runAsGroup: CONTROL_PLANE_USER,
  fsGroup: CONTROL_PLANE_USER,
  // Else every start walks all files of the store's volume.
  fsGroupChangePolicy: 'OnRootMismatch',
  seccompProfile: { type: 'RuntimeDefault' },
};

/**
 * What `restricted` asks of a container, and a read-only root file system.
 *
 * @param add capabilities that the program's file carries: without them in the bounding set the kernel refuses to start it
 */
export function containerSecurity(add: readonly 'NET_BIND_SERVICE'[] = []): SecurityContext {
  return {
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ['ALL'], ...(add.length > 0 ? { add: [...add] } : {}) },
  };
}
