import type { Container, Pod } from 'kubernetes-types/core/v1';
import { isObject, type JsonObject } from './fields';
import { certificateSecretName, tokenSecretName, trustAnchorsName } from './names';
import { certificateKeys } from './pod-certificates';
import type { PodEnvironment } from './pod-environment';
import { projectedKey } from './projected-sources';

/** Rule of a volume: an ephemeral claim is the twin of the claim that the virtual cluster's controller makes. */
export function translateVolume(copy: JsonObject, source: JsonObject, environment: PodEnvironment): void {
  if (isObject(source['ephemeral'])) {
    const claim = ephemeralClaimName(environment.podName, String(source['name']));
    copy['persistentVolumeClaim'] = { claimName: environment.reference('PersistentVolumeClaim', claim, false) };
  }
  const projected = copy['projected'];
  if (!isObject(projected) || !Array.isArray(projected['sources'])) return;
  for (const [index, projection] of projected['sources'].entries()) {
    if (isObject(projection)) translateProjection(projection, projectedKey(String(source['name']), index), environment);
  }
}

/** What a kubelet of the virtual cluster would fetch there, the syncer keeps in objects beside the host pod. */
function translateProjection(projection: JsonObject, key: string, environment: PodEnvironment): void {
  const { namespace, podName, pod } = environment;
  const { identity } = environment.context;
  const { serviceAccountToken: token, clusterTrustBundle: bundle, podCertificate: certificate } = projection;
  if (isObject(token)) {
    delete projection['serviceAccountToken'];
    const items = [fileItem(key, token['path'], token, pod)];
    projection['secret'] = { name: tokenSecretName(identity, namespace, podName), items };
  }
  if (isObject(bundle)) {
    delete projection['clusterTrustBundle'];
    const items = [fileItem(key, bundle['path'], bundle, pod)];
    projection['configMap'] = { name: trustAnchorsName(identity, namespace, podName), items };
  }
  if (isObject(certificate)) {
    delete projection['podCertificate'];
    const items = Object.entries(certificateKeys(key)).flatMap(([path, name]) =>
      certificate[path] ? [fileItem(name, certificate[path], certificate, pod)] : [],
    );
    projection['secret'] = { name: certificateSecretName(identity, namespace, podName), items };
  }
}

/** Name of the claim of an ephemeral volume, as Kubernetes gives it. */
export function ephemeralClaimName(podName: string, volume: string): string {
  return `${podName}-${volume}`;
}

/**
 * A file that is readable by whom a kubelet would let read it: it writes tokens, trust anchors and certificates 0600, for the
 * user that all containers run as, and lets the volume's group read them. Files of a Secret belong to root, so without a group
 * one for one user must be readable by all, as it is in a pod without both.
 */
function fileItem(key: string, path: unknown, { user }: JsonObject, pod: Pod): JsonObject {
  const item: JsonObject = { key, path };
  if (user !== undefined) item['user'] = user;
  if (pod.spec?.securityContext?.fsGroup != null) item['mode'] = 0o600;
  else if (user !== undefined) item['mode'] = 0o600;
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
