import type { Container, EphemeralContainer, Pod, SecurityContext } from 'kubernetes-types/core/v1';
import { hiddenContainerName } from '../translation';

/** A container of any kind, and where it stands. */
export interface Located {
  readonly path: string;
  readonly container: Container | EphemeralContainer;
}

/**
 * All containers of a pod: init, ordinary and ephemeral ones, where they stand in the virtual pod: the init container of
 * ours, which is checked as all are, does not count.
 */
export function* containers(pod: Pod): Generator<Located> {
  const hidden = hiddenContainerName(pod);
  for (const list of ['initContainers', 'containers', 'ephemeralContainers'] as const) {
    let index = 0;
    for (const container of pod.spec?.[list] ?? []) {
      const own = list === 'initContainers' && container.name === hidden;
      yield { path: own ? `spec.${list}[name=${container.name}]` : `spec.${list}[${index}]`, container };
      if (!own) index += 1;
    }
  }
}

/** What the security contexts of a pod and of its containers have in common. */
export type AnySecurityContext = Pick<
  SecurityContext,
  'appArmorProfile' | 'runAsNonRoot' | 'runAsUser' | 'seLinuxOptions' | 'seccompProfile' | 'windowsOptions'
>;

/** The security contexts that are set: the pod's, then those of its containers. */
export function* securityContexts(pod: Pod): Generator<{ path: string; context: AnySecurityContext }> {
  const own = pod.spec?.securityContext;
  if (own != null) yield { path: 'spec.securityContext', context: own };
  for (const { path, container } of containers(pod)) {
    if (container.securityContext != null)
      yield { path: `${path}.securityContext`, context: container.securityContext };
  }
}

/** Whether root inside the pod is nobody outside: then upstream allows more. */
export function inUserNamespace(pod: Pod): boolean {
  return (pod.spec as { hostUsers?: boolean } | undefined)?.hostUsers === false;
}

/** Whether the pod says that it runs on Windows, where some fields may not even be set. */
export function onWindows(pod: Pod): boolean {
  return pod.spec?.os?.name === 'windows';
}
