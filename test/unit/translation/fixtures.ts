import type { Pod, PodSpec } from 'kubernetes-types/core/v1';
import { translatePod, type Translation, type TranslationContext } from '../../../syncer/translation';

/** Virtual cluster my-vc, synced into host namespace team-a. */
export const identity = { name: 'my-vc', hostNamespace: 'team-a' };
export const anchor = { name: 'my-vc-anchor', uid: 'anchor-uid' };

export function contextWith(changes: Partial<TranslationContext> = {}): TranslationContext {
  return {
    identity,
    anchor,
    clusterDomain: 'cluster.local',
    apiServerIP: '10.96.0.7',
    dnsIP: '10.96.0.10',
    workloadServiceAccount: 'my-vc-workloads',
    namespaceLabels: {},
    services: [],
    ...changes,
  };
}

/** A pod `web` of namespace `shop`; `spec` adds to one container. */
export function podWith(spec: object = {}, metadata: object = {}): Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'web', namespace: 'shop', uid: 'pod-uid', ...metadata },
    spec: { containers: [{ name: 'main', image: 'nginx:1.22' }], ...spec } as PodSpec,
  };
}

export function translated(pod: Pod, changes: Partial<TranslationContext> = {}): Pod {
  return unwrap(translatePod(pod, contextWith(changes)));
}

export function unwrap<T>(translation: Translation<T>): T {
  if (!translation.ok) throw new Error(`${translation.reason}: ${translation.message}`);
  return translation.object;
}

export function refusal(translation: Translation<unknown>): string {
  if (translation.ok) throw new Error('was translated');
  return `${translation.reason}: ${translation.message}`;
}
