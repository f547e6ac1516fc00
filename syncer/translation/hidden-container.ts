import type { Pod } from 'kubernetes-types/core/v1';
import { ANNOTATIONS } from './keys';

/** A container of a host pod that its virtual pod does not have and the tenant does not get to see. */
export interface HiddenContainer {
  readonly name: string;
  /** What keeps it from ending well, for the tenant; undefined while nothing does. */
  readonly trouble: string | undefined;
}

/** What a container waits for that has nothing wrong. */
const ORDINARY_WAITING: ReadonlySet<string | undefined> = new Set([undefined, 'ContainerCreating', 'PodInitializing']);

/** Name of the container of a host pod that is hidden from the tenant: no status, event, log or command reaches it. */
export function hiddenContainerName(hostPod: Pod): string | undefined {
  return hostPod.metadata?.annotations?.[ANNOTATIONS.hostsContainer];
}

/** The hidden container of a host pod, if it has one. */
export function hiddenContainer(hostPod: Pod): HiddenContainer | undefined {
  const name = hiddenContainerName(hostPod);
  if (name === undefined) return undefined;
  const state = hostPod.status?.initContainerStatuses?.find((status) => status.name === name)?.state;
  const { waiting, terminated } = state ?? {};
  const failed = terminated !== undefined && terminated.exitCode !== 0;
  const reason = failed ? (terminated.reason ?? 'Error') : waiting?.reason;
  if (!failed && ORDINARY_WAITING.has(reason)) return { name, trouble: undefined };
  const trouble = `the platform cannot write the pod's /etc/hosts (${reason}); it tries again, and if it does not succeed, tell its operator`;
  return { name, trouble };
}

/** A text of the host about a pod (a refusal) as it would be without the hidden container: its name, and the places of others. */
export function withoutHiddenContainer(text: string, hostPod: Pod): string {
  const name = hiddenContainerName(hostPod);
  if (name === undefined) return text;
  return text
    .replaceAll(`${name},`, '')
    .replaceAll(`,${name}`, '')
    .replaceAll(name, 'a container of the platform')
    .replace(/spec\.initContainers\[(\d+)\]/g, (place, index: string) =>
      index === '0' ? place : `spec.initContainers[${Number(index) - 1}]`,
    );
}
