import type { Container, Pod } from 'kubernetes-types/core/v1';
import { isObject, type JsonObject } from './fields';
import { tokenSecretName } from './names';
import type { PodEnvironment } from './pod-environment';
import { tokenKey } from './tokens';

/** Rule of a volume: an ephemeral claim is the twin of the claim that the virtual cluster's controller makes. */
export function translateVolume(copy: JsonObject, source: JsonObject, environment: PodEnvironment): void {
  if (isObject(source['ephemeral'])) {
    const claim = ephemeralClaimName(environment.podName, String(source['name']));
    copy['persistentVolumeClaim'] = { claimName: environment.reference('PersistentVolumeClaim', claim, false) };
  }
  const projected = copy['projected'];
  if (!isObject(projected) || !Array.isArray(projected['sources'])) return;
  for (const [index, projection] of projected['sources'].entries()) {
    if (!isObject(projection) || !isObject(projection['serviceAccountToken'])) continue;
    const token = projection['serviceAccountToken'];
    delete projection['serviceAccountToken'];
    projection['secret'] = {
      name: tokenSecretName(environment.context.identity, environment.namespace, environment.podName),
      items: [tokenItem(tokenKey(String(source['name']), index), token, environment.pod)],
    };
  }
}

/** Name of the claim of an ephemeral volume, as Kubernetes gives it. */
export function ephemeralClaimName(podName: string, volume: string): string {
  return `${podName}-${volume}`;
}

/**
 * The file of a token, which is readable by whom a kubelet would let read it: it writes tokens 0600, for the user that all
 * containers run as, and lets the volume's group read them. Files of a Secret belong to root, so without a group a token
 * for one user must be readable by all, as it is in a pod without both.
 */
function tokenItem(key: string, token: JsonObject, pod: Pod): JsonObject {
  const item: JsonObject = { key, path: token['path'] };
  if (token['user'] !== undefined) item['user'] = token['user'];
  if (pod.spec?.securityContext?.fsGroup != null) item['mode'] = 0o600;
  else if (token['user'] !== undefined) item['mode'] = 0o600;
  else if (runsAsOneUser(pod)) item['mode'] = 0o644;
  return item;
}

/** Whether all containers of a pod name the same user. */
function runsAsOneUser(pod: Pod): boolean {
  const podUser = pod.spec?.securityContext?.runAsUser;
  const containers: readonly Pick<Container, 'securityContext'>[] = [
    ...(pod.spec?.initContainers ?? []),
    ...(pod.spec?.containers ?? []),
    ...(pod.spec?.ephemeralContainers ?? []),
  ];
  const users = new Set(containers.map((container) => container.securityContext?.runAsUser ?? podUser));
  return users.size === 1 && !users.has(undefined);
}
